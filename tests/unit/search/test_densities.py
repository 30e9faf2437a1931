"""The choice of a driver rests on what was counted lately."""

from __future__ import annotations

import sys

import pytest

from search.compiler import CAP
from search.conditions import Dates, Ids, Keys, Missing, Strings
from search.densities import REMEMBERED, SECONDS, Densities
from search.intervals import EARLIEST, LATEST

CODE, STATUS, PATIENT = Keys(((1, 1),)), Keys(((2, 1),), rank=3), Keys(((3, -1),), rank=1)
NAME = Strings(1, 1, (("a", "b"),))
SINCE = Dates(1, -2, ((EARLIEST, LATEST, 10**15, LATEST),), primary=5)
BEFORE = Dates(1, -2, ((EARLIEST, 10**15, EARLIEST, LATEST),), primary=5)
T = 1


def known(*counts: tuple[Keys | Strings, int]) -> Densities:
    densities = Densities()
    for condition, count in counts:
        densities.put(T, condition, count)
    return densities


def test_where_there_is_one_way_nothing_is_counted() -> None:
    for conditions in (
        [],
        [CODE],
        [Missing((1, 1))],
        [Ids(1, ((1, "a"),)), CODE, NAME],
        [BEFORE],
        [CODE, BEFORE],
        [SINCE],
    ):
        assert Densities().unknown(T, conditions) == []


def test_what_is_counted() -> None:
    assert Densities().unknown(T, [CODE, STATUS, Missing((1, 1))]) == [CODE, STATUS]
    assert Densities().unknown(T, [NAME]) == [NAME]
    assert Densities().unknown(T, [CODE, SINCE]) == [CODE]
    assert known((CODE, 5)).unknown(T, [CODE, STATUS]) == [STATUS]


@pytest.mark.parametrize(
    ("counts", "conditions", "driver"),
    [
        ((), [STATUS, CODE, PATIENT], 2),  # by rank while nothing is known
        (((STATUS, 3), (CODE, 10), (PATIENT, CAP)), [STATUS, CODE, PATIENT], 0),
        (((NAME, CAP), (CODE, CAP)), [NAME, CODE], 1),
        (((NAME, 5), (CODE, 50)), [NAME, CODE], 0),
        (((NAME, CAP - 1),), [NAME], 0),
        (((NAME, CAP),), [NAME], None),
        ((), [NAME], None),
        ((), [SINCE], None),
        ((), [Ids(1, ((1, "a"),)), CODE], 0),
        ((), [], None),
    ],
)
def test_the_rarest_drives(counts: tuple[tuple[Keys, int], ...], conditions: list[Keys], driver: int | None) -> None:
    assert known(*counts).choose(T, conditions)[0] == driver


def test_wide_dates_have_their_own_lists_where_candidates_are_many() -> None:
    assert Densities().choose(T, [SINCE]) == (None, True)
    assert known((CODE, CAP)).choose(T, [CODE, SINCE]) == (0, True)
    assert known((CODE, CAP - 1)).choose(T, [CODE, SINCE]) == (0, False)
    assert known((CODE, CAP)).choose(T, [CODE, BEFORE]) == (0, False)


def test_counts_are_of_a_tenant_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    densities = known((CODE, 5))
    assert densities.get(T, CODE) == 5
    assert densities.get(2, CODE) is None
    now = SECONDS + 1
    assert densities.get(T, CODE) is None


def test_the_values_of_a_condition_are_not_kept() -> None:
    """A worker's memory does not grow with what is searched for."""
    many = Strings(1, 1, tuple((f"a{n}", f"b{n}") for n in range(1_000)))
    before = sys.getrefcount(many)
    densities = known((many, 7))
    after = sys.getrefcount(many)
    assert before == after
    assert densities.get(T, Strings(1, 1, many.ranges)) == 7


def test_the_least_used_are_forgotten_first() -> None:
    densities = known((CODE, 5), (STATUS, 6))
    densities.get(T, CODE)
    for n in range(REMEMBERED - 1):
        densities.put(T, Keys(((n, 9),)), n)
    assert densities.get(T, CODE) == 5
    assert densities.get(T, STATUS) is None
