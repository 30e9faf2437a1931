"""The patch between two resources makes one out of the other, exactly, and says no more than is needed."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact
from resources.definitions import load
from resources.outcome import BadRequest, TooCostly
from resources.patch import apply, diff, limits
from resources.patch.limits import copied

from ..validation.mutations import at, originals, paths
from .made import part, said

Json = dict[str, Any]
EXTENSION = {"extension": [{"url": "http://example.org/x", "valueCode": "a"}]}


def content(tree: Json) -> bytes:
    """What a difference is about, written alike for what is alike: without id, versionId and lastUpdated."""
    kept = {name: value for name, value in tree.items() if name not in ("id", "meta")}
    server = ("versionId", "lastUpdated", "_versionId", "_lastUpdated")
    meta = {name: value for name, value in tree.get("meta", {}).items() if name not in server}
    return exact.canonical({**kept, "meta": meta} if meta else kept)


@functools.cache
def of_types() -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for tree in originals():
        found.setdefault(tree["resourceType"], []).append(tree)
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Json, Json]:
    """An official example, and another of its type or the same with some changes that keep the shape of FHIR JSON."""
    of_type = of_types()[draw(st.sampled_from(sorted(of_types())))]
    before = draw(st.sampled_from(of_type))
    after = copied(draw(st.sampled_from(of_type)))
    for _ in range(draw(st.integers(0, 4))):
        places = [path for path in paths(after) if path and path[-1] != "resourceType" and str(path[-1])[0] != "_"]
        if not places:
            break
        _change(draw, after, draw(st.sampled_from(places)))
    return before, after


def _change(draw: st.DrawFn, tree: Json, path: tuple[Any, ...]) -> None:
    holder, key = at(tree, path[:-1]), path[-1]
    value = holder[key]
    match value:
        case Decimal():
            holder[key] = Decimal(
                draw(st.sampled_from([f"{value}0" if "." in str(value) else f"{value}.0", "0.10", "7.00"]))
            )
        case str():
            holder[key] = value + draw(st.sampled_from(["x", " y"]))
            if isinstance(key, str) and key not in ("id", "url", "div") and not key.startswith("_"):
                holder["_" + key] = copied(EXTENSION)
        case list() if isinstance(value[0], dict):
            match draw(st.sampled_from(["shuffle", "twice", "less", "first"])):
                case "shuffle":
                    holder[key] = draw(st.permutations(value))
                case "twice":
                    value.insert(draw(st.integers(0, len(value))), copied(draw(st.sampled_from(value))))
                case "less" if len(value) > 1:
                    del value[draw(st.integers(0, len(value) - 1))]
                case _:
                    del value[1:]
        case list() if "_" + str(key) not in holder and isinstance(key, str) and isinstance(value[0], str):
            # Extensions and gaps in a list of primitives.
            value.append(None)
            holder["_" + key] = [*[None] * (len(value) - 1), copied(EXTENSION)]
        case _ if isinstance(holder, dict) and len(holder) > 2 and "_" + str(key) not in holder:
            del holder[key]


@given(pairs())
def test_the_patch_makes_one_out_of_the_other(trees: tuple[Json, Json]) -> None:
    before, after = trees
    found = diff(load(), before, after)
    assert content(apply("fhirpath", load(), before, found)) == content(after)
    again = exact.decode(exact.encode(found))  # it survives being sent
    assert content(apply("fhirpath", load(), before, again)) == content(after)
    assert diff(load(), after, after) == {"resourceType": "Parameters"}


PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z"},
    "name": [{"family": "Weber", "given": ["Anna"]}],
    "telecom": [{"value": "1"}, {"value": "2"}, {"value": "3"}],
    "deceasedBoolean": True,
}
X = {"valueString": "x"}

SAID: dict[str, tuple[Json, Json, list[tuple[Any, ...]]]] = {  # members before, members after, the patch in short
    "nothing": ({}, {}, []),
    "what the server sets": ({}, {"id": "q", "meta": {"versionId": "2", "lastUpdated": "2027-01-01T00:00:00Z"}}, []),
    "added": ({}, {"active": True}, [("add", "Patient", "active", {"valueBoolean": True})]),
    "deleted": ({"active": True}, {"active": None}, [("delete", "Patient.active")]),
    "replaced": ({"birthDate": "1970"}, {"birthDate": "1971"}, [("replace", "Patient.birthDate", {"valueDate": "1971"})]),
    "a date only said more exactly": (
        {"birthDate": "1970"}, {"birthDate": "1970-01"}, [("replace", "Patient.birthDate", {"valueDate": "1970-01"})],
    ),
    "an extension beside a value": (
        {"birthDate": "1970"}, {"birthDate": "1970", "_birthDate": EXTENSION},
        [("replace", "Patient.birthDate", {"valueDate": "1970", "_valueDate": EXTENSION})],
    ),
    "another type": (
        {}, {"deceasedBoolean": None, "deceasedDateTime": "2020"},
        [("replace", "Patient.deceased", {"valueDateTime": "2020"})],
    ),
    "a child": (
        {}, {"name": [{"family": "Weber", "given": ["Anna"], "use": "official"}]},
        [("add", "Patient.name[0]", "use", {"valueCode": "official"})],
    ),
    "an item of a list of primitives": (
        {}, {"name": [{"family": "Weber", "given": ["Anna", "B."]}]},
        [("add", "Patient.name[0]", "given", {"valueString": "B."})],
    ),
    "an item at the end": (
        {}, {"telecom": [{"value": "1"}, {"value": "2"}, {"value": "3"}, {"value": "4"}]},
        [("add", "Patient", "telecom", {"valueContactPoint": {"value": "4"}})],
    ),
    "an item between": (
        {}, {"telecom": [{"value": "1"}, {"value": "4"}, {"value": "2"}, {"value": "3"}]},
        [("insert", "Patient.telecom", {"valueContactPoint": {"value": "4"}}, 1)],
    ),
    "an item moved": (
        {}, {"telecom": [{"value": "3"}, {"value": "1"}, {"value": "2"}]}, [("move", "Patient.telecom", 2, 0)],
    ),
    "an item changed": (
        {}, {"telecom": [{"value": "1"}, {"value": "5"}, {"value": "3"}]},
        [("replace", "Patient.telecom[1].value", {"valueString": "5"})],
    ),
    "items deleted": ({}, {"telecom": [{"value": "2"}]}, [("delete", "Patient.telecom[2]"), ("delete", "Patient.telecom[0]")]),
    "a list deleted": ({}, {"name": None}, [("delete", "Patient.name[0]")]),
    "an anonymous element": (
        {}, {"contact": [{"name": {"text": "x"}}]},
        [("add", "Patient", "contact", {"part": [part("name", valueHumanName={"text": "x"})]})],
    ),
    "an extension": (
        {}, {"extension": [{"url": "u", "valueString": "x"}]},
        [("add", "Patient", "extension", {"part": [part("url", valueUri="u"), part("value", **X)]})],
    ),
    "a narrative": (
        {}, {"text": {"status": "generated", "div": "<div/>"}},
        [("add", "Patient", "text", {"part": [part("status", valueCode="generated"), part("div", valueString="<div/>")]})],
    ),
    "a word of FHIRPath": (
        {"text": {"status": "generated", "div": "<div>1</div>"}}, {"text": {"status": "generated", "div": "<div>2</div>"}},
        [("replace", "Patient.text.`div`", {"valueString": "<div>2</div>"})],
    ),
    "a contained resource": (
        {}, {"contained": [{"resourceType": "Group", "id": "g"}]},
        [("add", "Patient", "contained", {"resource": {"resourceType": "Group", "id": "g"}})],
    ),
    "in a contained resource": (
        {"contained": [{"resourceType": "Group", "id": "g"}]},
        {"contained": [{"resourceType": "Group", "id": "g", "active": True}]},
        [("add", "Patient.contained[0]", "active", {"valueBoolean": True})],
    ),
    "a tag": (
        {}, {"meta": {"versionId": "2", "tag": [{"code": "a"}]}},
        [("add", "Patient.meta", "tag", {"valueCoding": {"code": "a"}})],
    ),
    "the only tag": (
        {"meta": {"versionId": "1", "tag": [{"code": "a"}]}}, {"meta": {"versionId": "2"}},
        [("delete", "Patient.meta.tag[0]")],
    ),
    "a meta that was not there": (
        {"meta": None}, {"meta": {"versionId": "2", "tag": [{"code": "a"}]}},
        [("add", "Patient", "meta", {"valueMeta": {"tag": [{"code": "a"}]}})],
    ),
    "nulls that say nothing": (
        {"name": [{"given": ["a"], "_given": [None]}]}, {"name": [{"given": ["a"]}]}, [],
    ),
}  # fmt: skip


def patient(members: Json) -> Json:
    return {name: value for name, value in {**PATIENT, **members}.items() if value is not None}


@pytest.mark.parametrize(("before", "after", "expected"), SAID.values(), ids=SAID)
def test_pa_6_said(before: Json, after: Json, expected: list[Any]) -> None:
    one = patient(before)
    other = patient({**before, **after})
    found = diff(load(), one, other)
    assert said(found) == expected
    assert content(apply("fhirpath", load(), one, found)) == content(other) or not expected


def test_digits_are_a_difference() -> None:
    before = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1.0")}}
    after = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1.00")}}
    found = diff(load(), before, after)
    [(_, path, value)] = said(found)
    assert (path, str(value["valueDecimal"])) == ("Observation.value.value", "1.00")
    assert str(apply("fhirpath", load(), before, found)["valueQuantity"]["value"]) == "1.00"


def test_a_comparison_that_takes_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.05)
    one, other = (
        {"resourceType": "Patient", "telecom": [{"value": f"{n}{end}"} for n in range(20_000)]} for end in "ab"
    )
    with pytest.raises(TooCostly):
        diff(load(), one, other)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(BadRequest):
        diff(load(), {"resourceType": "Patient"}, {"resourceType": "Group"})
    with pytest.raises(BadRequest):
        diff(load(), {}, {})
    with pytest.raises(BadRequest, match="'foo'"):
        diff(load(), {"resourceType": "Patient"}, {"resourceType": "Patient", "foo": 1})


def test_neither_is_changed() -> None:
    one, other = patient({}), patient({"telecom": [{"value": "3"}], "active": True})
    before = exact.canonical([one, other])
    found = diff(load(), one, other)
    found["parameter"][0]["part"][-1].clear()
    assert exact.canonical([one, other]) == before
