"""Rows, sets and sorted texts in an index, against lists and sets."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.index.container import Container, pack, texts
from terminology.index.rows import Keys, Rows, Sets, packed, rows, runs, sets

numbers = st.integers(0, 200_000)


@given(st.lists(st.lists(numbers, max_size=9), max_size=20), st.sets(st.integers(0, 19)), numbers)
def test_rows(some: list[list[int]], chosen: set[int], wanted: int) -> None:
    read = Rows(Container(pack("x", b"", rows("some", map(sorted, some)))), "some")
    assert len(read) == len(some)
    assert [row.tolist() for row in (read[at] for at in range(len(some)))] == [*map(sorted, some)]
    chosen = {at for at in chosen if at < len(some)}
    assert read.union(BitMap(chosen)) == BitMap({one for at in chosen for one in some[at]})
    assert read.union(BitMap(at - 1 for at in chosen if at), 1) == BitMap(
        {one for at in chosen if at for one in some[at]}
    )
    for at, row in enumerate(some):
        for one in {*row, wanted}:
            assert read.has(at, one) is (one in row)


@given(st.sets(st.integers(0, 60)))
def test_runs(some: set[int]) -> None:
    found = [*runs(BitMap(some))]
    assert {one for first, end in found for one in range(first, end)} == some
    assert all(end < following for (_, end), (following, _) in itertools.pairwise(found))


@given(st.lists(st.sets(numbers), max_size=8))
def test_sets(some: list[set[int]]) -> None:
    read = Sets(Container(pack("x", b"", sets("some", (packed(sorted(one)) for one in some)))), "some")
    assert [set(read[at]) for at in range(len(read))] == some
    assert all(read.weight(at) >= min(4, 4 * len(one)) for at, one in enumerate(some))


@given(st.sets(st.text(max_size=4)), st.text(max_size=3))
def test_keys(some: set[str], prefix: str) -> None:
    ordered = sorted(some, key=str.encode)
    keys = Keys(Container(pack("x", b"", texts("some", ordered))).texts("some"))
    assert {*keys} == some
    assert {keys[at] for at in keys.beginning(prefix)} == {one for one in some if one.startswith(prefix)}
    for one in {*some, prefix}:
        at = keys.find(one)
        assert (None if at is None else keys[at]) == (one if one in some else None)
    assert keys.find(prefix, 0, 0) is None
