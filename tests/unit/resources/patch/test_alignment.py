"""The steps make one list out of the other, and there are no more of them than needed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import TooCostly
from resources.patch import limits
from resources.patch.alignment import Steps, align
from resources.patch.lists import Pair

items = st.lists(st.sampled_from("abcdefgh"), max_size=8)
objects = st.lists(st.fixed_dictionaries({"a": st.integers(0, 3), "b": st.integers(0, 3)}), max_size=6)


def pairs(values: list[Any]) -> list[Pair]:
    return [Pair(value, None) for value in values]


def done(steps: Steps, before: list[Any], after: list[Any]) -> list[Any]:
    """The list that the steps make."""
    result = list(before)
    for old, new in steps.changed:
        result[old] = after[new]
    for old in steps.deleted:
        del result[old]
    for source, destination, new in steps.placed:
        result.insert(destination, after[new] if source is None else result.pop(source))
    return result


@given(st.one_of(st.tuples(items, items), st.tuples(objects, objects)))
def test_the_steps_make_the_list(lists: tuple[list[Any], list[Any]]) -> None:
    before, after = lists
    assert done(align(pairs(before), pairs(after)), before, after) == after


@given(st.permutations(range(8)))
def test_as_few_as_possible_are_moved(after: list[int]) -> None:
    steps = align(pairs(list(range(8))), pairs(after))
    longest = max(
        sum(1 for _ in chosen)
        for mask in range(256)
        if (chosen := [one for n, one in enumerate(after) if mask >> n & 1]) == sorted(chosen)
    )
    assert (len(steps.placed), steps.changed, steps.deleted) == (8 - longest, [], [])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("ab", "ab", Steps([], [], [])),
        ("ab", "abc", Steps([], [], [(None, 2, 2)])),
        ("ac", "abc", Steps([], [], [(None, 1, 1)])),
        ("abc", "ac", Steps([], [1], [])),
        ("abc", "axc", Steps([(1, 1)], [], [])),
        ("abc", "cab", Steps([], [], [(2, 0, 0)])),
        ("abc", "bca", Steps([], [], [(0, 2, 2)])),
        ("", "a", Steps([], [], [(None, 0, 0)])),
        ("ab", "", Steps([], [1, 0], [])),
        ("aa", "a", Steps([], [1], [])),
    ],
)
def test_steps(before: str, after: str, expected: Steps) -> None:
    assert align(pairs(list(before)), pairs(list(after))) == expected


def test_items_that_look_alike_are_the_same_item_changed() -> None:
    before = [{"system": "s", "value": str(n)} for n in range(3)]
    after = [{"system": "t", "value": "1"}, {"system": "t", "value": "2"}]
    assert align(pairs(before), pairs(after)) == Steps([(1, 0), (2, 1)], [0], [])


def test_what_takes_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    after = [*range(50_000, 100_000), *range(50_000)]
    with pytest.raises(TooCostly):
        align(pairs(list(range(50_000))), pairs(after))


@pytest.mark.parametrize("after", [list(range(30_000, 0, -1)), list(range(30_000, 60_000))])
def test_long_lists_take_no_time(after: list[int]) -> None:
    before = list(range(30_000))
    start = time.perf_counter()
    steps = align(pairs(before), pairs(after))
    assert time.perf_counter() - start < 5
    assert done(steps, before, after) == after
