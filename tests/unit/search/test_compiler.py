"""Statements: the text depends on the shape only, and every list is read within its interval."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from resources.store import NO_DATE
from search import compiler
from search.compiler import Plan
from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Nothing, Strings, Uris
from search.intervals import DAY, EARLIEST, LATEST
from search.parameter import WIDE
from search.parameters.tables import Arguments

CODE = Keys(((1, 10), (2, 20)))
NAME = Strings(1, 1, (("a", "b"),))
NOW = 10**15
SINCE = Dates(1, -2, ((EARLIEST, LATEST, NOW, LATEST), (NOW - DAY, NOW - 1, EARLIEST, NOW)), primary=5)
DURING = Dates(1, -2, ((NOW, NOW + DAY, EARLIEST, NOW + DAY),), primary=5)


def page(plan: Plan) -> tuple[str, list[object]]:
    arguments = Arguments()
    return compiler.page(plan, arguments), arguments.values


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("driver", [None, 0, 1])
def test_first_and_later_pages_and_other_values_have_the_same_text(driver: int | None, ascending: bool) -> None:
    plan = Plan(
        1,
        (CODE, Missing((3, 3)), DURING)[: 3 if driver != 1 else 1],
        0 if driver is not None else None,
        ascending=ascending,
    )
    other = replace(plan, conditions=(Keys(((7, 7), (8, 8), (9, 9))), *plan.conditions[1:]))
    assert page(plan)[0] == page(other)[0]
    if driver != 1:  # what is sought by value has no place to begin at
        assert page(plan)[0] == page(replace(plan, after=(NOW + 5, 3)))[0]


def test_every_table_is_compared_with_the_tenant() -> None:
    conditions: tuple[Condition, ...] = (
        CODE,
        NAME,
        DURING,
        Uris(1, 2, ("u",)),
        Exact(1, 2, (("v", 1),)),
        Missing((1, 1)),
    )
    for driver in (None, 0, 1, 3, 4):
        text, values = page(Plan(1, conditions, driver, total=True))
        tables = re.findall(r"\bfrom (posting|str|dat|qty|uri|resource) (\w)\b", text)
        assert all(f"{alias}.tenant_id = g.t" in text for _, alias in tables)
        assert len(re.findall(r"tenant_id = g\.t", text)) == len(tables)
        assert {int(n) for n in re.findall(r"\$(\d+)", text)} == set(range(2, len(values) + 2))


def test_probes_of_postings_know_the_date() -> None:
    text, _ = page(Plan(1, (CODE, Keys(((3, 3),)), Missing((4, 4))), 0))
    probes = re.findall(r"from posting t where (.*?) offset 0", text)
    assert len(probes) == 2
    assert all("t.s = p.s and t.rid = p.rid" in probe for probe in probes)


def starts(plan: Plan) -> list[tuple[int, int, int]]:
    """(stop, s, rid) of the lists of the walk over all resources of the type."""
    _, values = page(plan)
    return list(zip(*values[2:5], strict=True))  # type: ignore[call-overload]


def test_newest_first_begins_at_the_latest_or_after_the_last_seen() -> None:
    assert starts(Plan(1)) == [(EARLIEST, LATEST, LATEST)]
    assert starts(Plan(1, after=(5, 6))) == [(EARLIEST, 5, 6)]
    assert starts(Plan(1, (DURING,))) == [(NOW, NOW + DAY, LATEST)]
    assert starts(Plan(1, (DURING,), after=(NOW + 5, 6))) == [(NOW, NOW + 5, 6)]
    assert starts(Plan(1, (DURING,), after=(NOW - 5, 6))) == []


def test_oldest_first_has_those_without_a_date_last() -> None:
    undated = (NO_DATE, NO_DATE, EARLIEST)
    assert starts(Plan(1, ascending=True)) == [(LATEST, NO_DATE + 1, EARLIEST), undated]
    assert starts(Plan(1, ascending=True, after=(5, 6))) == [(LATEST, 5, 6), undated]
    assert starts(Plan(1, ascending=True, after=(NO_DATE, 6))) == [(NO_DATE, NO_DATE, 6)]
    assert starts(Plan(1, (DURING,), ascending=True, after=(NOW + 5, 6))) == [(NOW + DAY, NOW + 5, 6)]


def test_a_list_of_alternatives_is_read_once_for_each_interval() -> None:
    either = Dates(1, -2, (*DURING.boxes, (0, DAY, EARLIEST, DAY)), primary=5)
    _, values = page(Plan(1, (CODE, either), 0))
    assert values[1:3] == [[1, 1, 2, 2], [10, 10, 20, 20]]


def test_wide_dates_are_read_from_their_own_lists() -> None:
    assert compiler.bounds([SINCE], DAY) == [(NOW - DAY, LATEST)]
    reaching = dict(compiler.reaching([SINCE]))
    assert reaching[5, WIDE + 1] == [(NOW - 2 * DAY, NOW - DAY - 1)]
    assert reaching[5, WIDE + 17] == [(EARLIEST, NOW - DAY - 1)]
    assert (5, WIDE) not in reaching
    assert compiler.reaching([DURING]) == compiler.reaching([CODE]) == []
    text, values = page(Plan(1, (CODE, SINCE), 0, wide=True))
    assert text.count(" union all ") == 1
    assert [WIDE + n for n in range(1, 18)] in values


def test_repeats_are_taken_out_only_where_there_can_be_some() -> None:
    assert "distinct" in page(Plan(1, (CODE,), 0))[0]
    assert "distinct" not in page(Plan(1, (Keys(((1, 1),)),), 0))[0]


def test_impossible() -> None:
    past = Dates(1, -2, ((EARLIEST, 0, EARLIEST, LATEST),), primary=5)
    future = Dates(1, -2, ((NOW, LATEST, EARLIEST, LATEST),), primary=5)
    assert compiler.is_impossible([Nothing()])
    assert compiler.is_impossible([past, future])
    assert not compiler.is_impossible([past, CODE])
    assert not compiler.is_impossible([])


def test_ids_are_sought() -> None:
    text, _ = page(Plan(1, (Ids(1, ((1, "a"),)), CODE), 0, after=(1, 2), ascending=True))
    assert "t.skey = v.skey" in text
    assert f"(p.s = {NO_DATE}, p.s, p.rid) > " in text
