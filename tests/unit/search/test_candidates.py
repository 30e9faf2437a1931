"""Statements: the text depends on the shape only, and every list is read within its interval."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from resources.store import NO_DATE
from search import candidates, compiler
from search.candidates import Plan
from search.conditions import (
    And,
    Condition,
    Dates,
    Ids,
    Inside,
    Keys,
    Not,
    Nothing,
    Or,
    Referred,
    Refers,
    Strings,
    Uris,
)
from search.intervals import DAY, EARLIEST, LATEST
from search.orders import Order
from search.parameter import WIDE
from search.parameters.tables import Arguments

CODE = Keys(((1, 10), (2, 20)))
NAME = Strings(((1, 1, "a", "b"),))
ABSENT = Not(Keys(((3, 3),)))
NOW = 10**15
SINCE = Dates(((1, -2, EARLIEST, LATEST, NOW, LATEST), (1, -2, NOW - DAY, NOW - 1, EARLIEST, NOW)), primary=5)
DURING = Dates(((1, -2, NOW, NOW + DAY, EARLIEST, NOW + DAY),), primary=5)
OLDEST = Order(ascending=True)


def page(plan: Plan) -> tuple[str, list[object]]:
    arguments = Arguments()
    return compiler.page(plan, arguments), arguments.values


@pytest.mark.parametrize("order", [Order(), OLDEST])
@pytest.mark.parametrize("driver", [None, 0, 1])
def test_first_and_later_pages_and_other_values_have_the_same_text(driver: int | None, order: Order) -> None:
    plan = Plan((1,), (CODE, ABSENT, DURING)[: 3 if driver != 1 else 1], 0 if driver is not None else None, order=order)
    other = replace(plan, conditions=(Keys(((7, 7), (8, 8), (9, 9))), *plan.conditions[1:]))
    assert page(plan)[0] == page(other)[0]
    if driver != 1:  # what is sought by value has no place to begin at
        assert page(plan)[0] == page(replace(plan, after=(NOW + 5, 3)))[0]


def test_every_table_is_compared_with_the_tenant() -> None:
    inner = Keys(((8, 8),))
    conditions: tuple[Condition, ...] = (
        CODE,
        NAME,
        DURING,
        Uris(((1, 2, "u"),)),
        ABSENT,
        Inside(((1, 1),)),
        Refers((-1,), (((2,), inner), ((-3,), inner))),
        Referred((-2,), 4, inner),
        Or((inner, And((NAME, ABSENT)))),
    )
    for driver in (None, 0, 1, 3, 5):
        text, values = page(Plan((1,), conditions, driver, total=True))
        tables = re.findall(r"\bfrom (posting|str|dat|qty|uri|geo|compartment|contained|resource) (\w+)\b", text)
        assert len(tables) > 10
        assert all(f"{alias}.tenant_id = g.t" in text for _, alias in tables)
        assert len(re.findall(r"tenant_id = g\.t", text)) == len(tables)
        assert {int(n) for n in re.findall(r"\$(\d+)", text)} == set(range(2, len(values) + 2))


def starts(plan: Plan) -> list[tuple[int, int, int]]:
    """(stop, s, rid) of the lists of the walk over all resources of the type."""
    _, values = page(plan)
    return list(zip(*values[2:5], strict=True))  # type: ignore[call-overload]


def test_newest_first_begins_at_the_latest_or_after_the_last_seen() -> None:
    assert starts(Plan((1,))) == [(EARLIEST, LATEST, LATEST)]
    assert starts(Plan((1,), after=(5, 6))) == [(EARLIEST, 5, 6)]
    assert starts(Plan((1,), (DURING,))) == [(NOW, NOW + DAY, LATEST)]
    assert starts(Plan((1,), (DURING,), after=(NOW + 5, 6))) == [(NOW, NOW + 5, 6)]
    assert starts(Plan((1,), (DURING,), after=(NOW - 5, 6))) == []


def test_backward_the_list_is_read_the_other_way_up_to_its_beginning() -> None:
    assert starts(Plan((1,), backward=True, after=(5, 6))) == [(LATEST, 5, 6)]
    assert starts(Plan((1,), (DURING,), backward=True, after=(NOW + 5, 6))) == [(NOW + DAY, NOW + 5, 6)]
    assert starts(Plan((1,), (DURING,), backward=True, after=(NOW + 2 * DAY, 6))) == []


def test_oldest_first_has_those_without_a_date_last() -> None:
    undated = (NO_DATE, EARLIEST, EARLIEST)
    assert starts(Plan((1,), order=OLDEST)) == [(LATEST, NO_DATE + 1, EARLIEST), undated]
    assert starts(Plan((1,), order=OLDEST, after=(5, 6))) == [(LATEST, 5, 6), undated]
    assert starts(Plan((1,), order=OLDEST, after=(NO_DATE, 6))) == [(NO_DATE, NO_DATE, 6)]
    assert starts(Plan((1,), (DURING,), order=OLDEST, after=(NOW + 5, 6))) == [(NOW + DAY, NOW + 5, 6)]
    assert starts(Plan((1,), order=OLDEST, backward=True, after=(5, 6))) == [(NO_DATE + 1, 5, 6)]
    among = starts(Plan((1,), order=OLDEST, backward=True, after=(NO_DATE, 6)))
    assert among == [(NO_DATE + 1, LATEST, LATEST), (NO_DATE, NO_DATE, 6)]


def test_a_list_of_alternatives_is_read_once_for_each_interval() -> None:
    either = Dates((*DURING.rows, (1, -2, 0, DAY, EARLIEST, DAY)), primary=5)
    _, values = page(Plan((1,), (CODE, either), 0))
    assert values[1:3] == [[1, 1, 2, 2], [10, 10, 20, 20]]


def test_wide_dates_are_read_from_their_own_lists() -> None:
    assert candidates.bounds([SINCE], DAY) == [(NOW - DAY, LATEST)]
    reaching = dict(candidates.reaching([SINCE]))
    assert reaching[5, WIDE + 1] == [(NOW - 2 * DAY, NOW - DAY - 1)]
    assert reaching[5, WIDE + 17] == [(EARLIEST, NOW - DAY - 1)]
    assert (5, WIDE) not in reaching
    assert candidates.reaching([DURING]) == candidates.reaching([CODE]) == []
    text, values = page(Plan((1,), (CODE, SINCE), 0, wide=True))
    assert text.count(" union all ") == 1
    assert [WIDE + n for n in range(1, 18)] in values


def test_repeats_are_taken_out_only_where_there_can_be_some() -> None:
    assert "distinct" in page(Plan((1,), (CODE,), 0))[0]
    assert "distinct" not in page(Plan((1,), (Keys(((1, 1),)),), 0))[0]


def test_impossible() -> None:
    past = Dates(((1, -2, EARLIEST, 0, EARLIEST, LATEST),), primary=5)
    future = Dates(((1, -2, NOW, LATEST, EARLIEST, LATEST),), primary=5)
    assert candidates.is_impossible([Nothing()])
    assert candidates.is_impossible([past, future])
    assert not candidates.is_impossible([past, CODE])
    assert not candidates.is_impossible([])


def test_ids_are_sought() -> None:
    text, _ = page(Plan((1,), (Ids(((1, 1, "a"),)), CODE), 0, after=(1, 2), order=OLDEST))
    assert "t.skey = v.skey" in text
    assert f"(p.s = {NO_DATE}, p.s, p.rid) > " in text
