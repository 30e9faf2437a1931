"""Records in any order, gathered by concept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology.index.gathering import NOBODY, Gathered, Ordered, by_owner
from terminology.records import Concept, Parent, Property, Row, Term


@given(st.lists(st.integers(0, 5)), st.permutations([0, 1, 2, 3, NOBODY, NOBODY]))
def test_things_by_owner(owners: list[int], ordinals: list[int]) -> None:
    starts, things = by_owner(owners, ordinals, 4)
    for ordinal in range(4):
        mine = [thing for thing, owner in enumerate(owners) if ordinals[owner] == ordinal]
        assert things[starts[ordinal] : starts[ordinal + 1]].tolist() == mine
    assert starts[4] == len(things)


def test_what_is_said_of_no_concept_is_left_out() -> None:
    gathered = Gathered()
    gathered.add(
        [Term("x", "Lost"), Parent("a", "x"), Property("x", "p", "1"), Row("s", "a"), Concept("a"), Concept("b")]
    )
    ordered = Ordered(gathered, case_sensitive=True)
    assert [one.code for one in ordered.concepts] == ["a", "b"]
    assert [ordered.find(code) for code in "abx"] == [0, 1, None]
    assert ordered.by_owner(gathered.term_owners)[1].tolist() == []
    assert ordered.hierarchy.parents[0].tolist() == []  # type: ignore[attr-defined]


def test_progress_is_told_now_and_then() -> None:
    told: list[int] = []
    Gathered().add((Concept(str(at)) for at in range(25_000)), told.append)
    assert told == [10_000, 20_000]
