"""Criteria as text: SE-11, SE-15, SE-16, and that each is read again as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest, NotSupported
from search.criteria import Chain, Clause, Criterion, Filter, Has, Include, SortKey, read, size
from search.escapes import escape

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,6}", fullmatch=True).filter(
    lambda name: name not in ("_filter", "_has")
)
types = st.from_regex(r"[A-Z][A-Za-z]{0,6}", fullmatch=True)
values = st.lists(st.text(min_size=1, max_size=6).map(escape), min_size=1, max_size=3).map(tuple)
clauses = st.builds(Clause, names, st.none() | names.filter(lambda name: name != "missing"), values)
clauses |= st.builds(Clause, names, st.just("missing"), st.sampled_from([("true",), ("false",)]))
criteria: st.SearchStrategy[Criterion] = st.recursive(
    clauses, lambda inner: st.builds(Chain, names, st.none() | types, inner) | st.builds(Has, types, names, inner)
)


@given(criteria)
def test_a_criterion_is_read_as_it_was_written(criterion: Criterion) -> None:
    assert read(criterion.name, criterion.value) == criterion


def test_a_filter_is_read_with_what_it_means() -> None:
    found = read("_filter", 'code eq "a" and date ge 2020')
    assert isinstance(found, Filter)
    assert read(found.name, found.value) == found
    assert size(found) == (2, 2)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ":missing",
        "a:",
        "a.",
        ".a",
        "a..b",
        "a:.b",
        "_has:",
        "_has:A",
        "_has:A:b",
        "_has:A:b:",
        "_has::b:c",
        "a._has:A:b",
    ],
)
def test_se16_a_name_with_an_empty_part_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        read(name, "x")


@pytest.mark.parametrize("name", ["a:b:c", "a.b:c:d", "_has:A:b:c:d:e", "a:B:missing"])
def test_se16_a_parameter_has_one_modifier(name: str) -> None:
    with pytest.raises(NotSupported, match="one modifier"):
        read(name, "true")


@pytest.mark.parametrize("value", ["\\", "a\\b", "a\\", "\\\\\\"])
def test_se15_a_backslash_escapes_separators_only(value: str) -> None:
    with pytest.raises(BadRequest, match="backslash"):
        read("a.b", value)
    assert read("a", r"\\\,\$\|") == Clause("a", None, (r"\\\,\$\|",))


def test_what_a_criterion_counts_for() -> None:
    assert size(read("a", "x,y")) == (1, 2)
    assert size(read("a.b:C.d", "x,y,z")) == (3, 3)
    assert size(read("_has:A:b:_has:C:d:e.f", "x")) == (4, 1)
    assert size(read("_filter", "a.b eq x or not (c eq y and d eq z)")) == (3, 3)


def test_keys_and_includes_as_text() -> None:
    assert [SortKey("a", False).text, SortKey("a", True).text] == ["a", "-a"]
    texts = [
        (one.name, one.value)
        for one in (
            Include(True, False, "A", "b"),
            Include(True, True, "A", "*", "C"),
            Include(False, True, "*", "*"),
        )
    ]
    assert texts == [("_include", "A:b"), ("_include:iterate", "A:*:C"), ("_revinclude:iterate", "*")]
