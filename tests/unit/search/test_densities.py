"""The choice of a driver rests on what was counted lately."""

from __future__ import annotations

import sys

import pytest

from search.candidates import CAP
from search.conditions import And, Condition, Dates, Ids, Keys, Not, Or, Referred, Refers, Strings
from search.densities import REMEMBERED, SECONDS, Densities
from search.intervals import EARLIEST, LATEST

CODE, STATUS, PATIENT = Keys(((1, 1),)), Keys(((2, 1),), rank=3), Keys(((3, -1),), rank=1)
NAME = Strings(((1, 1, "a", "b"),))
SINCE = Dates(((1, -2, EARLIEST, LATEST, 10**15, LATEST),), primary=5)
BEFORE = Dates(((1, -2, EARLIEST, 10**15, EARLIEST, LATEST),), primary=5)
ABSENT = Not(Keys(((1, 9),)))
T, TYPES = 1, (1,)


def unknown(densities: Densities, conditions: list[Condition], ordered: bool = False) -> list[Condition]:
    return [count.condition for count in densities.unknown(T, TYPES, conditions, ordered)]


def known(*counts: tuple[Condition, int]) -> Densities:
    densities = Densities()
    for condition, count in counts:
        densities.put(T, condition, count)
    return densities


def test_where_there_is_one_way_nothing_is_counted() -> None:
    for conditions in (
        [],
        [CODE],
        [ABSENT],
        [Ids(((1, 1, "a"),)), CODE, NAME],
        [BEFORE],
        [CODE, BEFORE],
        [SINCE],
    ):
        assert unknown(Densities(), conditions) == []


def test_what_is_counted() -> None:
    assert unknown(Densities(), [CODE, STATUS, ABSENT]) == [CODE, STATUS]
    assert unknown(Densities(), [NAME]) == [NAME]
    assert unknown(Densities(), [CODE, SINCE]) == [CODE]
    assert unknown(known((CODE, 5)), [CODE, STATUS]) == [STATUS]


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
        ((), [Ids(((1, 1, "a"),)), CODE], 0),
        ((), [], None),
    ],
)
def test_the_rarest_drives(
    counts: tuple[tuple[Condition, int], ...], conditions: list[Condition], driver: int | None
) -> None:
    assert known(*counts).choose(T, TYPES, conditions).driver == driver


def way(densities: Densities, conditions: list[Condition]) -> tuple[int | None, bool]:
    chosen = densities.choose(T, TYPES, conditions)
    return chosen.driver, chosen.wide


def test_wide_dates_have_their_own_lists_where_candidates_are_many() -> None:
    assert way(Densities(), [SINCE]) == (None, True)
    assert way(known((CODE, CAP)), [CODE, SINCE]) == (0, True)
    assert way(known((CODE, CAP - 1)), [CODE, SINCE]) == (0, False)
    assert way(known((CODE, CAP)), [CODE, BEFORE]) == (0, False)


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
    many = Strings(tuple((1, 1, f"a{n}", f"b{n}") for n in range(1_000)))
    before = sys.getrefcount(many)
    densities = known((many, 7))
    after = sys.getrefcount(many)
    assert before == after
    assert densities.get(T, Strings(many.rows)) == 7


def test_the_least_used_are_forgotten_first() -> None:
    densities = known((CODE, 5), (STATUS, 6))
    densities.get(T, CODE)
    for n in range(REMEMBERED - 1):
        densities.put(T, Keys(((n, 9),)), n)
    assert densities.get(T, CODE) == 5
    assert densities.get(T, STATUS) is None


def test_where_the_result_is_sorted_it_matters_how_many_there_are() -> None:
    assert unknown(Densities(), [CODE], ordered=True) == [CODE]
    assert unknown(Densities(), [SINCE], ordered=True) == [SINCE]
    assert unknown(known((CODE, 5)), [CODE, ABSENT], ordered=True) == []
    chosen = known((SINCE, 5)).choose(T, TYPES, [SINCE, ABSENT])
    assert (chosen.driver, chosen.wide, chosen.found) == (None, True, 5)


CHAIN = Refers((-1,), (((2,), NAME),))


def test_a_chain_is_counted_after_what_it_is_found_through() -> None:
    assert unknown(Densities(), [CHAIN, CODE]) == [NAME, CODE]
    assert unknown(known((NAME, 5)), [CHAIN]) == [CHAIN]
    assert unknown(known((NAME, CAP)), [CHAIN]) == []
    [count] = known((NAME, 5)).unknown(T, TYPES, [CHAIN])
    [inner] = count.inner
    assert (inner.types, inner.conditions, inner.driver, inner.limit) == ((2,), (NAME,), 0, None)


@pytest.mark.parametrize(
    ("counts", "condition", "estimate"),
    [
        (((NAME, 5), (CHAIN, 70)), CHAIN, 70),
        (((NAME, 50), (CHAIN, 7)), CHAIN, 50),
        (((NAME, CAP),), CHAIN, None),
        (((CODE, 5), (NAME, 6)), Or((CODE, NAME)), 11),
        (((CODE, 5),), Or((CODE, ABSENT)), None),
        (((CODE, 5),), And((CODE, ABSENT)), 5),
        ((), ABSENT, None),
        (((CODE, 5), (Referred((-1,), 3, CODE), 9)), Referred((-1,), 3, CODE), 9),
    ],
)
def test_estimates(counts: tuple[tuple[Condition, int], ...], condition: Condition, estimate: int | None) -> None:
    assert known(*counts).estimate(T, condition) == estimate


def test_what_a_search_counted_stays_known_to_it_whatever_others_count_meanwhile() -> None:
    shared = Densities()
    mine = shared.asked()
    mine.put(T, CODE, 5)
    for n in range(REMEMBERED + 1):
        shared.put(T, Keys(((n, 9),)), n)
    assert shared.get(T, CODE) is None
    assert mine.get(T, CODE) == 5
    assert unknown(mine, [CODE, NAME]) == [NAME]
