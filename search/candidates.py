"""Candidates of a search as SQL: found by one condition, probed by the others, in the order of their dates. Pure.

A plan has one source of candidates, read in the order of the primary date or sought by value, and every other condition
is a fenced probe of the candidate by (s, rid), with `offset 0` so that the planner does not join them. Runs inside the
frame of resources.database: the tenant is g.t and arguments begin at $2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from resources.store import NO_DATE

from . import orders
from .conditions import (
    Amounts,
    And,
    Condition,
    Dates,
    Ids,
    Inside,
    Keys,
    Nothing,
    Numbers,
    Or,
    Referred,
    Refers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from .intervals import ALL, EARLIEST, LATEST, WIDTHS, Interval, beginnings, difference, intersection
from .orders import NEWEST, Order
from .parameter import WIDE, Key
from .parameters.tables import TABLES, Arguments, found, rows
from .probes import probes

CAP: Final = 1_000  # matches up to which a condition is sought by value; at the cap nothing is known of its number

WALKED: Final = (Keys, Inside, Uris)  # atoms whose matches lie in the order of the date
SOUGHT: Final = (Strings, UriRanges, Dates, Numbers, Amounts, Updated, Ids)  # … in the order of their value

Place = tuple[Any, ...]  # values of the order's columns, s, rid of the last resource seen


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be selected, and where it is looked for first."""

    types: tuple[int, ...]
    conditions: tuple[Condition, ...] = ()
    driver: int | None = None  # which condition gives the candidates; None: all resources of the types
    inner: tuple[Plan, ...] = ()  # of a joined driver: how what it is found through is found
    wide: bool = False  # the walk keeps to where narrow dates match, and the wide ones are read from their own lists
    undated: bool = False  # only those without a primary date
    sorted: bool = False  # the candidates are read in the order of its first key
    order: Order = NEWEST
    backward: bool = False  # what comes before `after`, the nearest first
    after: Place | None = None
    limit: int | None = 20  # None: no rows, only the total
    total: bool = False


def is_impossible(conditions: Sequence[Condition]) -> bool:
    """Whether nothing can match, whatever is stored."""
    return any(isinstance(one, Nothing) for one in conditions) or not bounds(conditions, LATEST)


def matches(plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid) of the resources that meet all conditions, each once; by the date only."""
    driver = None if plan.driver is None else plan.conditions[plan.driver]
    probed = [one for n, one in enumerate(plan.conditions) if n != plan.driver]
    limit = None if plan.limit is None else arguments.add(plan.limit, "int8")
    if driver is not None and not isinstance(driver, WALKED):
        return _gathered(plan, driver, probed, arguments, limit)

    lists: Sequence[tuple[Any, ...]] = [(one,) for one in plan.types] if driver is None else rows(driver)
    intervals = bounds(plan.conditions, WIDTHS[0] if plan.wide else LATEST)
    if plan.undated:
        intervals = intersection(intervals, [(NO_DATE, NO_DATE)])
    near = _walk(plan, driver, [(one, intervals) for one in lists], probed, arguments, limit)
    near = _merged(plan, near, driver is not None and len(lists) > 1, limit)
    if not plan.wide or plan.undated:
        return near
    # Long ranges that begin before what the walk goes through and reach into it.
    wide = reaching(plan.conditions)
    far = _walk(plan, Keys(tuple(key for key, _ in wide)), wide, plan.conditions, arguments, limit)
    both = f"({near}) union all ({_merged(plan, far, False, limit)})"
    if limit is None:
        return both
    latest = max(high for _, beyond in wide for _, high in beyond)
    if not plan.order.ascending and not plan.backward and all(low > latest for low, _ in intervals):
        # All of these come after all of the others: they are not read if those fill the page.
        return f"{both} limit {limit}"
    return _merged(plan, both, False, limit)


def _merged(plan: Plan, lists: str, repeats: bool, limit: str | None) -> str:
    """Candidates of several lists as one, in order; each once where a resource can be in two of them."""
    distinct = "distinct " if repeats else ""
    if limit is None:
        return f"select {distinct}m.s, m.rid from ({lists}) m"
    ordered = f"order by {orders.text(plan.order, 'm', plan.backward)} limit {limit}"
    if repeats:  # what a distinct list is ordered by must be in it
        return f"select m.s, m.rid from (select distinct m.s, m.rid from ({lists}) m) m {ordered}"
    return f"select m.s, m.rid from ({lists}) m {ordered}"


def bounds(conditions: Sequence[Condition], width: int) -> list[Interval]:
    """The intervals of the primary date that hold all matches which are no wider than that."""
    allowed = ALL
    for one in conditions:
        if isinstance(one, Dates) and one.primary is not None:
            allowed = intersection(allowed, beginnings((row[2:] for row in one.rows), width))
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
    driver: Condition | None,
    lists: Sequence[tuple[tuple[Any, ...], Sequence[Interval]]],
    probed: Sequence[Condition],
    arguments: Arguments,
    limit: str | None,
) -> str:
    """Candidates from lists in the order of the date, each read within its intervals and no further than needed."""
    if driver is None:
        contained = plan.types[0] < 0
        table, columns = "contained" if contained else "resource", {"type": "int2"}
        having = "p.rtype = v.type" + ("" if contained else " and p.deleted = false")
    else:
        known = TABLES[type(driver)]
        table, columns, having = known.name, dict(known.columns), known.found.replace("t.", "p.")
    starts = [(*one, *start) for one, intervals in lists for start in _starts(plan, intervals)]
    source = arguments.table(starts, "v", columns | {"stop": "int8", "s": "int8", "rid": "int8"})
    if plan.order.ascending != plan.backward:
        reach, order = "p.s <= v.stop and (p.s, p.rid) > (v.s, v.rid)", "p.s, p.rid"
    else:
        reach, order = "p.s >= v.stop and (p.s, p.rid) < (v.s, v.rid)", "p.s desc, p.rid desc"
    ordered = "offset 0" if limit is None else f"order by {order} limit {limit}"
    return (
        f"select w.s, w.rid from {source} cross join lateral (select p.s, p.rid from {table} p "
        f"where p.tenant_id = g.t and {having} and {reach}{probes(probed, 'p', arguments)} {ordered}) w"
    )


def _starts(plan: Plan, intervals: Sequence[Interval]) -> Iterator[tuple[int, int, int]]:
    """(stop, s, rid) of each stretch of the order that is to be read: from (s, rid), excluded, to stop, included."""
    after: tuple[int, int] | None = (plan.after[-2], plan.after[-1]) if plan.after else None
    descending = plan.order.ascending == plan.backward
    for low, high in intervals:
        for first, last in _stretches(plan, low, high, after):
            if descending:
                start = min((last, LATEST), after if after and first <= after[0] <= last else (LATEST, LATEST))
                yield (first, *start)
            else:
                start = max((first, EARLIEST), after if after and first <= after[0] <= last else (EARLIEST, EARLIEST))
                yield (last, *start)


def _stretches(plan: Plan, low: int, high: int, after: tuple[int, int] | None) -> Iterator[Interval]:
    """The parts of an interval that are still to be read, by dates. Oldest first, those without a date come last."""
    if not plan.order.ascending:
        if after and not plan.backward:
            high = min(high, after[0])
        elif after:
            low = max(low, after[0])
        if low <= high:
            yield low, high
        return
    undated = after is not None and after[0] == NO_DATE
    dated = max(low, NO_DATE + 1), high
    if after and not undated:
        dated = (dated[0], min(high, after[0])) if plan.backward else (max(dated[0], after[0]), high)
    if dated[0] <= dated[1] and not (undated and not plan.backward):
        yield dated
    if low == NO_DATE and (undated or not (after and plan.backward)):
        yield NO_DATE, NO_DATE


def _gathered(
    plan: Plan, driver: Condition, probed: Sequence[Condition], arguments: Arguments, limit: str | None
) -> str:
    """Candidates by the value of one condition, all of them, put into order afterwards."""
    source = sought(driver, plan.types, plan.inner, arguments)
    beyond = f" and p.s = {NO_DATE}" if plan.undated else ""
    if plan.after:
        if plan.order.ascending:
            s, rid = arguments.add(plan.after[-2], "int8"), arguments.add(plan.after[-1], "int8")
            sign = "<" if plan.backward else ">"
            beyond += f" and (p.s = {NO_DATE}, p.s, p.rid) {sign} ({s} = {NO_DATE}, {s}, {rid})"
        else:
            sign = ">" if plan.backward else "<"
            at = f"({arguments.add(plan.after[-2], 'int8')}, {arguments.add(plan.after[-1], 'int8')})"
            beyond += f" and (p.s, p.rid) {sign} {at}"
    ordered = "" if limit is None else f" order by {orders.text(plan.order, 'p', plan.backward)} limit {limit}"
    return (
        f"(select p.s, p.rid from (select distinct d.s, d.rid from ({source}) d) p "
        f"where true{beyond}{probes(probed, 'p', arguments)}{ordered})"
    )


def sought(
    condition: Condition, types: Sequence[int], inner: Sequence[Plan], arguments: Arguments, counted: bool = False
) -> str:
    """Rows (s, rid) of all that meet a condition which is no walk, unordered and perhaps twice."""
    match condition:
        case Refers(pointing=pointing):
            return " union all ".join(_pointing(pointing, plan, arguments) for plan in inner)
        case Referred(pointing=pointing):
            return _pointed(pointing, types, inner[0], arguments)
        case Or() | And():
            return " union all ".join(f"({matches(plan, arguments)})" for plan in inner)
        case Dates(primary=int()):
            return matches(Plan(tuple(types), (condition,), wide=bool(reaching((condition,))), limit=CAP), arguments)
        case Numbers() | Amounts() if counted:  # what is read of the index counts, also what the unit then rules out
            return found(_without_filters(condition), arguments)
        case _:
            return found(condition, arguments)  # type: ignore[arg-type]


def _without_filters(condition: Numbers | Amounts) -> Numbers | Amounts:
    """The condition as far as an index bounds it."""
    if isinstance(condition, Amounts):
        return Amounts(tuple((*row[:8], None) for row in condition.rows))
    return Numbers(tuple((*row[:7], None, None, None, None, None, None, None) for row in condition.rows))


def _pointing(pointing: Sequence[int], plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid) of what points to the matches of the plan."""
    target = "contained" if plan.types[0] < 0 else "resource"
    return (
        f"select p.s, p.rid from ({matches(plan, arguments)}) m cross join lateral (select r.skey from {target} r "
        "where r.tenant_id = g.t and r.rid = m.rid offset 0) r "
        f"cross join unnest({arguments.add(list(pointing), 'int4[]')}) v(q) "
        "cross join lateral (select p.s, p.rid from posting p where p.tenant_id = g.t and p.h = r.skey and p.q = v.q "
        "offset 0) p"
    )


def _pointed(pointing: Sequence[int], types: Sequence[int], plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid) of the current resources of the types that the matches of the plan point to."""
    return (
        f"select r.s, r.rid from (select distinct f.h from ({matches(plan, arguments)}) m "
        f"cross join unnest({arguments.add(list(pointing), 'int4[]')}) v(q) "
        "cross join lateral (select f.h from posting f where f.tenant_id = g.t and f.rid = m.rid and f.q = v.q "
        "and f.q < 0 offset 0) f) f "
        "cross join lateral (select r.s, r.rid from resource r where r.tenant_id = g.t and r.skey = f.h "
        f"and r.rtype + 0 = any({arguments.add(list(types), 'int2[]')}) and r.deleted = false offset 0) r"
    )
