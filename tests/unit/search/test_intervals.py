"""Intervals of the primary date, against sets of small numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from search.intervals import (
    ALL,
    DAY,
    EARLIEST,
    LATEST,
    WIDTHS,
    Interval,
    beginnings,
    difference,
    intersection,
    union,
    width_class,
)

small = st.integers(-6, 6)
lists = st.lists(st.tuples(small, small), max_size=4)


def points(intervals: list[Interval]) -> set[int]:
    return {n for n in range(-8, 9) for low, high in intervals if low <= n <= high}


@given(lists, lists)
def test_sets(left: list[Interval], right: list[Interval]) -> None:
    assert points(union(left)) == points(left)
    assert points(intersection(left, right)) == points(left) & points(right)
    assert points(difference(left, right)) == points(left) - points(right)


@given(lists)
def test_a_union_is_sorted_and_disjoint(intervals: list[Interval]) -> None:
    found = union(intervals)
    assert all(low <= high for low, high in found)
    assert all(before[1] + 1 < behind[0] for before, behind in pairwise(found))


def test_everything_less_an_interval() -> None:
    assert difference(ALL, [(0, 5)]) == [(EARLIEST, -1), (6, LATEST)]


wide = st.integers(-(10**17), 10**17)


@given(wide, st.integers(1, 10**17), st.tuples(wide, wide, wide, wide))
def test_a_date_in_a_box_begins_where_its_class_can(first: int, width: int, corners: tuple[int, int, int, int]) -> None:
    """No match lies outside the intervals of its own class of width."""
    a, b = sorted(corners[:2])
    c, d = sorted(corners[2:])
    after = first + width
    if a <= first <= b and c <= after <= d:
        allowed = beginnings([(a, b, c, d)], WIDTHS[width_class(first, after)])
        assert any(low <= first <= high for low, high in allowed)


def test_classes() -> None:
    assert width_class(0, 1) == width_class(0, DAY) == 0
    assert width_class(0, DAY + 1) == width_class(0, 2 * DAY) == 1
    assert width_class(0, 3 * DAY) == 2
    assert width_class(EARLIEST, 0) == 16
    assert width_class(0, LATEST) == width_class(EARLIEST, LATEST) == 17
    box = (EARLIEST, LATEST, 10 * DAY, LATEST)
    assert beginnings([box], WIDTHS[0]) == [(9 * DAY, LATEST)]
    assert beginnings([box], LATEST) == ALL
