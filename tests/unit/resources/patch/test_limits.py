"""What no patch may change, and how large and deep its result may be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import BadRequest, TooCostly, TooLarge
from resources.patch import limits
from resources.patch.limits import Clock, copied, judge, levels, refuse_depth

BEFORE: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z", "tag": [{"code": "a"}]},
}


def test_pa_3_what_changes_nothing_of_the_servers_may_stand() -> None:
    after = {**BEFORE, "meta": {**BEFORE["meta"], "tag": [{"code": "b"}]}, "active": True}
    assert judge(BEFORE, after) is after
    assert judge({"resourceType": "Patient"}, {"resourceType": "Patient"}) == {"resourceType": "Patient"}


@pytest.mark.parametrize(
    ("after", "at"),
    [
        ({**BEFORE, "id": "q"}, "id"),
        ({name: value for name, value in BEFORE.items() if name != "id"}, "id"),
        ({**BEFORE, "id": ["p"]}, "id"),
        ({**BEFORE, "resourceType": "Group"}, "resourceType"),
        ({"id": "p", "meta": BEFORE["meta"]}, "resourceType"),
        ({**BEFORE, "meta": {**BEFORE["meta"], "versionId": "2"}}, "meta.versionId"),
        ({**BEFORE, "meta": {**BEFORE["meta"], "versionId": 1}}, "meta.versionId"),
        ({**BEFORE, "meta": {**BEFORE["meta"], "lastUpdated": "2026-01-01T00:00:01Z"}}, "meta.lastUpdated"),
        ({"resourceType": "Patient", "id": "p"}, "meta.versionId"),
        ({**BEFORE, "meta": []}, "meta.versionId"),
    ],
)
def test_pa_3_what_is_the_servers_stays(after: dict[str, Any], at: str) -> None:
    with pytest.raises(BadRequest) as caught:
        judge(BEFORE, after)
    assert caught.value.issues[0].expression == (f"Patient.{at}",)


@pytest.mark.parametrize("after", [[], "text", None, 5, True, Decimal("1.0")])
def test_pa_3_the_result_is_an_object(after: Any) -> None:
    with pytest.raises(BadRequest):
        judge(BEFORE, after)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_the_result_is_not_too_deep() -> None:
    assert judge({}, _nested(64))
    with pytest.raises(BadRequest, match="64 levels"):
        judge({}, _nested(65))


def test_the_result_is_not_too_large() -> None:
    with pytest.raises(TooLarge):
        judge({}, {"a": "x" * 10_000_000})


def test_levels() -> None:
    assert [levels(value) for value in (1, "a", {}, [], {"a": [1, {"b": 2}]})] == [0, 0, 1, 1, 3]
    refuse_depth([], 63, "x")
    with pytest.raises(BadRequest):
        refuse_depth([], 64, "x")


def test_a_copy_shares_nothing() -> None:
    value = {"a": [{"b": Decimal("1.0")}], "c": "d"}
    copy = copied(value)
    assert copy == value
    copy["a"][0]["b"] = 2
    assert value == {"a": [{"b": Decimal("1.0")}], "c": "d"}


def test_the_clock_ends_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock("It").check()
    monkeypatch.setattr(limits, "SECONDS", -1.0)
    with pytest.raises(TooCostly, match="It takes longer"):
        Clock("It").check()
