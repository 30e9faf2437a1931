"""Which of several versions is meant, and what a worker keeps of what it read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import stored, valueset
from terminology.codesystem import Unanswerable
from terminology.stored import CODE_SYSTEM, VALUE_SET, Kept, best, url_of, version_order


def value_set(version: str, status: str = "active") -> valueset.ValueSet:
    return valueset.read({"url": "http://test/v", "version": version, "status": status, "compose": {}, "expansion": {}})


def test_the_latest_active_version_unless_another_is_asked_for() -> None:
    some = [value_set("1.9"), value_set("1.10"), value_set("2.0", "draft")]
    assert best(some, "http://test/v") is some[1]
    assert best(some, "http://test/v|1.9") is some[0]
    assert best(some, "http://test/v|2.0") is some[2]
    assert best(some, "http://test/v|3") is None
    assert best([], "http://test/v") is None


def test_an_edition_of_snomed_is_any_of_its_versions() -> None:
    edition = "http://snomed.info/sct/900"
    some = [value_set(f"{edition}/version/20230131"), value_set(f"{edition}/version/20240131")]
    assert best(some, f"http://snomed.info/sct|{edition}") is some[1]
    assert best(some, f"http://snomed.info/sct|{edition}/version/20230131") is some[0]
    assert best(some, "http://snomed.info/sct|http://snomed.info/sct/9") is None


@given(st.text(alphabet="ab/:", min_size=1), st.text(alphabet="0.1", max_size=5))
def test_the_url_of_a_canonical(url: str, version: str) -> None:
    assert url_of(url) == url_of(f"{url}|{version}") == url


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_versions_are_ordered_as_numbers(one: list[int], other: list[int]) -> None:
    a, b = (version_order(".".join(map(str, some))) for some in (one, other))
    assert (a < b) == (one < other)


def test_what_was_used_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "REMEMBERED", 25)
    kept, keys = Kept(), [(1, CODE_SYSTEM, name, 1) for name in "abc"]
    for key in keys[:2]:
        kept.read(key, {"url": "http://test/c", "content": "complete"})
    assert kept.get(keys[0])
    kept.read(keys[2], {"url": "http://test/c", "content": "complete"})
    assert [kept.get(key) is not None for key in keys] == [True, False, True]
    large = [{"code": str(n)} for n in range(30)]
    assert kept.read((1, CODE_SYSTEM, "d", 1), {"content": "complete", "concept": large}).weight == 30
    assert kept.get((1, CODE_SYSTEM, "d", 1)) is None
    with pytest.raises(Unanswerable):
        kept.read((1, VALUE_SET, "v", 1), {"url": "http://test/v"})
