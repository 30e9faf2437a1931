"""Rows of the floors above as arrays, and rows that are written once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resources.rows import Floor, Known, Table, arrays

FLOORS = (
    Floor("first", (Table("plain", (("a", "int8"), ("b", "text"))), Table("inner", (("id", "text"),), parts=True))),
    Floor("second", (Table("word", (("w", "text"),), once=True), Table("other", (("x", "int2"),)))),
)


def test_types_of_the_arrays() -> None:
    types = [table.types for floor in FLOORS for table in floor.tables]
    assert types == [("int4", "int8", "text"), ("int4", "int4", "text"), ("text",), ("int4", "int2")]


def test_ordinals_say_what_a_row_belongs_to() -> None:
    part = {"plain": [(3, "z")], "word": [("b",)]}
    changes: list[Any] = [
        {"plain": [(1, "x"), (2, "y")], "inner": [("m1", part), ("m2", {})]},
        None,
        {"other": [(9,)], "inner": [("m1", {"other": [(8,)]})], "word": [("c",), ("b",)]},
    ]
    found, once = arrays(FLOORS, changes)
    assert found == [
        *([1, 1, 4], [1, 2, 3], ["x", "y", "z"]),
        *([1, 1, 3], [4, 5, 6], ["m1", "m2", "m1"]),
        ["b", "c"],
        *([3, 6], [9, 8]),
    ]
    assert once == {"word": [("b",), ("c",)]}


def test_without_rows_every_array_is_empty() -> None:
    assert arrays(FLOORS, [None, {}]) == ([[] for _ in range(9)], {})


def test_what_is_known_is_left_out_for_its_tenant_and_table() -> None:
    known = Known()
    known.learn(1, "word", [("a",)])
    changes = [{"word": [("a",), ("b",)]}]
    assert arrays(FLOORS, changes, 1, known)[1] == {"word": [("b",)]}
    assert arrays(FLOORS, changes, 2, known)[1] == {"word": [("a",), ("b",)]}
    assert known.missing(1, "another", [("a",)]) == {("a",)}
    known.learn(1, "word", [("b",)])
    found, once = arrays(FLOORS, changes, 1, known)
    assert (found[6], once) == ([], {})


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60), st.integers(1, 5))
def test_the_least_recently_used_is_forgotten(calls: list[tuple[bool, int]], most: int) -> None:
    known, expected = Known(most), list[int]()
    for learns, n in calls:
        there = n in expected
        if learns:
            known.learn(1, "t", [(n,)])
        else:
            assert known.missing(1, "t", [(n,)]) == (set() if there else {(n,)})
        if there:
            expected.remove(n)
        if there or learns:
            expected.append(n)
        del expected[:-most]


def test_a_rare_floor_has_a_part_only_where_it_has_rows() -> None:
    rare = Floor("f", (Table("seldom", (("a", "int4"),)),), rare=True)
    assert not rare.has_part_in([None, {}, {"seldom": []}, {"word": [("a",)]}])
    assert rare.has_part_in([None, {"seldom": [(1,)]}])
    assert all(floor.has_part_in([None]) for floor in FLOORS)
