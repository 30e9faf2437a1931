"""The walk of a hierarchy, also of one with circles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import TooCostly
from terminology.index import hierarchy
from terminology.index.container import Container, pack
from terminology.index.rows import Rows, Sets

edges = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30)


@given(edges)
def test_circles_are_cut_and_nothing_else_is(some: list[tuple[int, int]]) -> None:
    walked = hierarchy.hierarchy(10, some)
    assert sorted(walked.ordinals) == [*range(10)]
    kept = {(child, parent) for child in range(10) for parent in walked.parents[child]}
    given = {(walked.ordinals[child], walked.ordinals[parent]) for child, parent in some}
    assert kept | {*walked.broken} == given
    assert kept.isdisjoint(walked.broken)
    assert {(child, parent) for parent in range(10) for child in walked.children[parent]} == kept
    place = {ordinal: at for at, ordinal in enumerate(walked.finished)}
    assert all(place[child] < place[parent] for child, parent in kept)  # so there is no circle in it
    for child, parent in walked.broken:  # each would close one
        assert child == parent or child in _above(parent, kept)


def _above(one: int, kept: set[tuple[int, int]]) -> set[int]:
    found: set[int] = set()
    ahead = [one]
    while ahead:
        here = ahead.pop()
        new = {parent for child, parent in kept if child == here} - found
        found |= new
        ahead += new
    return found


@given(edges)
def test_ancestors_and_descendants_are_each_others_reverse(some: list[tuple[int, int]]) -> None:
    walked = hierarchy.hierarchy(10, some)
    container = Container(pack("x", b"", hierarchy.sections(walked, True)))
    above, below = Rows(container, "ancestors"), Sets(container, "descendants")
    kept = {(child, parent) for child in range(10) for parent in walked.parents[child]}
    for at in range(10):
        assert above[at].tolist() == sorted(_above(at, kept))
        assert {*below[at]} == {other for other in range(10) if at in above[other].tolist()}


def test_a_deep_chain_is_walked_without_recursion() -> None:
    walked = hierarchy.hierarchy(5000, ((at + 1, at) for at in range(4999)))
    assert walked.ordinals.tolist() == [*range(5000)]


def test_an_absurdly_deep_hierarchy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchy, "PAIRS", 1000)
    monkeypatch.setattr(hierarchy, "DEPTH", 10)
    walked = hierarchy.hierarchy(100, ((at + 1, at) for at in range(99)))
    with pytest.raises(TooCostly, match="ancestors"):
        hierarchy.sections(walked, True)
