"""Conditions to one SQL statement. Pure: the text depends on the shape of the search only, all values are arguments.

A statement has one source of candidates, read in the order of the primary date or sought by value, and every other
condition is a fenced probe of the candidate by (s, rid), with `offset 0` so that the planner does not join them. The
order is always (s, rid), which makes pages keyset pages. Runs inside the frame of resources.database: the tenant is g.t
and arguments begin at $2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from resources.store import NO_DATE

from .conditions import Condition, Dates, Exact, Ids, Keys, Missing, Nothing, Strings, Updated, Uris
from .intervals import ALL, EARLIEST, LATEST, WIDTHS, Interval, beginnings, difference, intersection
from .parameter import WIDE, Key
from .parameters.tables import TABLES, Arguments, found, probe, rows, where

CAP: Final = 1_000  # matches up to which a condition is sought by value; at the cap nothing is known of its number

WALKED: Final = (Keys, Exact, Uris)  # conditions whose matches lie in the order of the date
SOUGHT: Final = (Strings, Dates, Updated)  # conditions whose matches lie in the order of their value
DRIVERS: Final = (*WALKED, *SOUGHT, Ids)
PROBED: Final = (*WALKED, *SOUGHT, Missing)

Place = tuple[int, int]  # (s, rid) of the last resource seen


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be selected, and where it is looked for first."""

    type_number: int
    conditions: tuple[Condition, ...] = ()
    driver: int | None = None  # which condition gives the candidates; None: all resources of the type
    wide: bool = False  # the walk keeps to where narrow dates match, and the wide ones are read from their own lists
    ascending: bool = False  # oldest first; resources without a date come last both ways
    after: Place | None = None
    limit: int | None = 20  # None: no rows, only the total
    total: bool = False


def is_impossible(conditions: Sequence[Condition]) -> bool:
    """Whether nothing can match, whatever is stored."""
    return any(isinstance(one, Nothing) for one in conditions) or not bounds(conditions, LATEST)


def page(plan: Plan, arguments: Arguments) -> str:
    """Rows (id, ver, lu, op, s, rid, body) of a page, with the total in each if it is asked for."""
    total = f", ({count(plan, arguments)}) as total" if plan.total else ""
    return (
        f"select r.id, r.ver, r.lu, r.op, x.s, x.rid, r.body{total} from ({matches(plan, arguments)}) x "
        "cross join lateral (select r.id, r.ver, r.lu, r.op, r.resource::text as body from resource r "
        "where r.tenant_id = g.t and r.rid = x.rid offset 0) r "
        f"order by {_order('x', plan.ascending)}"
    )


def ids(plan: Plan, arguments: Arguments) -> str:
    """Rows (id) of a page."""
    return (
        f"select r.id from ({matches(plan, arguments)}) x cross join lateral "
        "(select r.id from resource r where r.tenant_id = g.t and r.rid = x.rid offset 0) r"
    )


def count(plan: Plan, arguments: Arguments) -> str:
    """One row: how many resources match on all pages."""
    whole = replace(plan, after=None, limit=None, ascending=False)
    return f"select count(*) as total from ({matches(whole, arguments)}) c"


def density(condition: Condition, arguments: Arguments) -> str:
    """One row: how many index rows the condition has, at most CAP."""
    return f"select count(*) from (select from ({found(condition, arguments)}) d limit {CAP}) d"


def first_ids(lookups: Sequence[tuple[int, Sequence[tuple[int, int]]]], arguments: Arguments, limit: int) -> str:
    """Rows (n, id): for each lookup (n, postings) the first ids with one of the postings."""
    rows = [(n, h, q) for n, keys in lookups for h, q in keys]
    source = arguments.table(rows, "u", {"n": "int4", "h": "int8", "q": "int4"})
    return (
        f"select u.n, r.id from {source} cross join lateral (select p.rid from posting p where p.tenant_id = g.t "
        f"and p.h = u.h and p.q = u.q order by p.s desc, p.rid desc limit {limit}) p "
        "cross join lateral (select r.id from resource r where r.tenant_id = g.t and r.rid = p.rid offset 0) r"
    )


def matches(plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid) of the resources that meet all conditions, each once."""
    driver = None if plan.driver is None else plan.conditions[plan.driver]
    probed = [one for n, one in enumerate(plan.conditions) if n != plan.driver]
    limit = None if plan.limit is None else arguments.add(plan.limit, "int8")
    if isinstance(driver, (Strings, Dates, Updated, Ids)):
        return _sought(plan, driver, probed, arguments, limit)

    assert driver is None or isinstance(driver, WALKED)
    lists: Sequence[tuple[Any, ...]] = ((),) if driver is None else rows(driver)
    intervals = bounds(plan.conditions, WIDTHS[0] if plan.wide else LATEST)
    near = _walk(plan, driver, [(one, intervals) for one in lists], probed, arguments, limit)
    near = _merged(plan, near, len(lists) > 1, limit)
    if not plan.wide:
        return near
    # Long ranges that begin before what the walk goes through and reach into it.
    wide = reaching(plan.conditions)
    far = _walk(plan, Keys(tuple(key for key, _ in wide)), wide, plan.conditions, arguments, limit)
    both = f"({near}) union all ({_merged(plan, far, False, limit)})"
    if limit is None:
        return both
    latest = max(high for _, beyond in wide for _, high in beyond)
    if not plan.ascending and all(low > latest for low, _ in intervals):
        # All of these come after all of the others: they are not read if those fill the page.
        return f"{both} limit {limit}"
    return _merged(plan, both, False, limit)


def _merged(plan: Plan, lists: str, repeats: bool, limit: str | None) -> str:
    """Candidates of several lists as one, in order; each once where a resource can be in two of them."""
    distinct = "distinct " if repeats else ""
    if limit is None:
        return f"select {distinct}m.s, m.rid from ({lists}) m"
    ordered = f"order by {_order('m', plan.ascending)} limit {limit}"
    if plan.ascending and repeats:  # what a distinct list is ordered by must be in it
        return f"select m.s, m.rid from (select distinct m.s, m.rid from ({lists}) m) m {ordered}"
    return f"select {distinct}m.s, m.rid from ({lists}) m {ordered}"


def _order(alias: str, ascending: bool) -> str:
    if ascending:
        return f"{alias}.s = {NO_DATE}, {alias}.s, {alias}.rid"
    return f"{alias}.s desc, {alias}.rid desc"


def bounds(conditions: Sequence[Condition], width: int) -> list[Interval]:
    """The intervals of the primary date that hold all matches which are no wider than that."""
    allowed = ALL
    for one in conditions:
        if isinstance(one, Dates) and one.primary is not None:
            allowed = intersection(allowed, beginnings(one.boxes, width))
    return allowed


def reaching(conditions: Sequence[Condition]) -> list[tuple[Key, list[Interval]]]:
    """The postings of wide dates, with the intervals in which these can match where narrow ones cannot."""
    primary = next((one.primary for one in conditions if isinstance(one, Dates) and one.primary is not None), None)
    if primary is None:
        return []
    narrow = bounds(conditions, WIDTHS[0])
    beyond = [(n, difference(bounds(conditions, width), narrow)) for n, width in enumerate(WIDTHS)]
    return [((primary, WIDE + n), intervals) for n, intervals in beyond if intervals]


def _walk(
    plan: Plan,
    driver: Keys | Exact | Uris | None,
    lists: Sequence[tuple[tuple[Any, ...], Sequence[Interval]]],
    probed: Sequence[Condition],
    arguments: Arguments,
    limit: str | None,
) -> str:
    """Candidates from lists in the order of the date, each read within its intervals and no further than needed."""
    if driver is None:
        table, columns, having = "resource", dict[str, str](), f"p.rtype = {arguments.add(plan.type_number, 'int2')}"
        having += " and p.deleted = false"
    else:
        known = TABLES[type(driver)]
        table, columns = known.name, dict(known.columns)
        having = where(known.found, "p", driver, arguments)
    starts = [(*one, *start) for one, intervals in lists for start in _starts(intervals, plan.ascending, plan.after)]
    source = arguments.table(starts, "v", columns | {"stop": "int8", "s": "int8", "rid": "int8"})
    if plan.ascending:
        reach, order = "p.s <= v.stop and (p.s, p.rid) > (v.s, v.rid)", "p.s, p.rid"
    else:
        reach, order = "p.s >= v.stop and (p.s, p.rid) < (v.s, v.rid)", "p.s desc, p.rid desc"
    ordered = "offset 0" if limit is None else f"order by {order} limit {limit}"
    return (
        f"select w.s, w.rid from {source} cross join lateral (select p.s, p.rid from {table} p "
        f"where p.tenant_id = g.t and {having} and {reach}{_probes(probed, arguments)} {ordered}) w"
    )


def _starts(intervals: Sequence[Interval], ascending: bool, after: Place | None) -> Iterator[tuple[int, int, int]]:
    """(stop, s, rid) of each stretch of the order that is to be read: from (s, rid), excluded, to stop, included."""
    for low, high in intervals:
        if not ascending:
            start = min((high, LATEST), after or (LATEST, LATEST))
            if start[0] >= low:
                yield (low, *start)
            continue
        if high > NO_DATE and not (after and after[0] == NO_DATE):
            low_ = max(low, NO_DATE + 1)
            start = max((low_, EARLIEST), after or (low_, EARLIEST))
            if start[0] <= high:
                yield (high, *start)
        if low == NO_DATE:
            yield (NO_DATE, *(after if after and after[0] == NO_DATE else (NO_DATE, EARLIEST)))


def _sought(plan: Plan, driver: Condition, probed: Sequence[Condition], arguments: Arguments, limit: str | None) -> str:
    """Candidates by the value of one condition, all of them, put into order afterwards."""
    sought = found(driver, arguments)
    beyond = ""
    if plan.after and plan.ascending:
        last, s, rid = plan.after[0] == NO_DATE, *plan.after
        place = f"({arguments.add(last, 'bool')}, {arguments.add(s, 'int8')}, {arguments.add(rid, 'int8')})"
        beyond = f" and (p.s = {NO_DATE}, p.s, p.rid) > {place}"
    elif plan.after:
        beyond = f" and (p.s, p.rid) < ({arguments.add(plan.after[0], 'int8')}, {arguments.add(plan.after[1], 'int8')})"
    ordered = "" if limit is None else f" order by {_order('p', plan.ascending)} limit {limit}"
    return (
        f"(select p.s, p.rid from (select distinct d.s, d.rid from ({sought}) d) p "
        f"where true{beyond}{_probes(probed, arguments)}{ordered})"
    )


def _probes(conditions: Sequence[Condition], arguments: Arguments) -> str:
    return "".join(f" and {probe(one, arguments)}" for one in conditions)
