"""A page of a search in an order other than by date, as SQL. Pure.

Few candidates are all looked up and sorted. Many are read in the order of the first key, which an index has, and no
further than the page needs; those without a value come after, found among all others.
https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resources.store import NO_DATE

from . import orders
from .candidates import Place, Plan, matches
from .orders import NEWEST, Key, Order
from .parameters.tables import Arguments
from .probes import probes


def selected(plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid, k1 …) of one page in any order."""
    if not plan.order.keys:
        return matches(plan, arguments)
    if plan.sorted:
        return _in_order(plan, arguments)
    unordered = replace(plan, after=None, limit=None, order=NEWEST, backward=False)
    return _page_of(plan, f"({matches(unordered, arguments)}) m", arguments, 0)


def _page_of(plan: Plan, source: str, arguments: Arguments, known: int) -> str:
    """A page of the candidates m of the source, ordered by all keys; the first of them may be known as columns k1 …"""
    lookups, columns, n = "", ["m.s", "m.rid"], 0
    for m, key in enumerate(plan.order.keys):
        if m < known:
            columns += [f"m.k{n + i}" for i, _ in enumerate(key.columns, 1)]
        else:
            lookups += f" cross join lateral ({orders.values(key, 'm', arguments)}) l{m}"
            columns += [f"l{m}.{column} as k{n + i}" for i, (column, _) in enumerate(key.columns, 1)]
        n += len(key.columns)
    ordered = orders.text(plan.order, "w", plan.backward)
    beyond = orders.beyond(plan.order, plan.after, "w", plan.backward, arguments) if plan.after else "true"
    return (
        f"select w.* from (select {', '.join(columns)} from {source}{lookups}) w where {beyond} "
        f"order by {ordered} limit {arguments.add(plan.limit, 'int8')}"
    )


def _in_order(plan: Plan, arguments: Arguments) -> str:
    """A page read in the order of the first key: those that have a value, then those without, none further than needed."""
    key = plan.order.keys[0]
    reached = plan.after[: len(key.columns)] if plan.after else ()
    among_absent = bool(reached) and reached[0] is None
    parts = []
    if not (among_absent and not plan.backward):
        at = None if among_absent else reached or None
        parts.append(_with_value(plan, at, arguments))
    if (key.absent is not None or key.kind == "primary") and (not plan.after or not plan.backward or among_absent):
        parts.append(_without_value(plan, arguments))
    if plan.backward:
        parts.reverse()
    if len(parts) == 1:
        return parts[0]
    both = " union all ".join(f"({part})" for part in parts)
    return f"select * from ({both}) b limit {arguments.add(plan.limit, 'int8')}"


def _with_value(plan: Plan, at: Place | None, arguments: Arguments) -> str:
    """Those that have the first key, from the value reached on."""
    key = plan.order.keys[0]
    if len(plan.order.keys) == 1 and plan.order.ascending == orders.natural(key):
        place = plan.after if at is not None else None
        rows = _walked(plan, key, plan.limit, arguments, after=place)
        return _page_of(plan, f"({rows}) m", arguments, 1)
    # The value of the last one that the page can need; all with that value are looked at, since the other keys decide.
    columns = ", ".join(f"b.k{n}" for n, _ in enumerate(key.columns, 1))
    reached = ""
    if at is not None:
        given = ", ".join(f"{arguments.add(v, kind)} as k{n}" for n, (v, (_, kind)) in enumerate(_zip(at, key), 1))
        reached = f" union all select {given}"
    direction = "" if key.descending != plan.backward else " desc"
    ordered = ", ".join(f"b.k{n}{direction}" for n, _ in enumerate(key.columns, 1))
    further = _walked(plan, key, plan.limit, arguments, beyond=at)
    last = f"(select {columns} from (select {columns} from ({further}) b{reached}) b order by {ordered} limit 1)"
    rows = _walked(plan, key, None, arguments, start=at, last=last)
    return _page_of(plan, f"({rows}) m", arguments, 1)


def _zip(place: Place, key: Key) -> list[tuple[Any, tuple[str, str]]]:
    return list(zip(place, key.columns, strict=True))


def _walked(
    plan: Plan,
    key: Key,
    limit: int | None,
    arguments: Arguments,
    *,
    after: Place | None = None,
    beyond: Place | None = None,
    start: Place | None = None,
    last: str = "",
) -> str:
    """Rows (k1 …, s, rid) in the order of the key: after a place, beyond a value, from a value on, up to a last one."""
    walk = key.walk
    of = walk.of.replace("{t}", "k")
    descends = key.descending != plan.backward
    direction, further = (" desc", "<") if descends else ("", ">")
    tie = "" if plan.order.ascending != plan.backward else " desc"
    value = [f"k.{column}" for column in walk.value]
    named = ", ".join(f"{column} as k{n}" for n, column in enumerate(value, 1))
    in_order = ", ".join(f"{column}{direction}" for column in value)
    token = key.kind == "token"
    parts = []
    for branch in walk.branches:
        source = arguments.table(key.rows, "v", {"type": "int2", "number": "int2", "q": "int4"})
        reach = ""
        for sign, given in ((further + "=", start), (further, beyond), (further + "=" if token else "", after)):
            if given is not None and sign:
                reached = ", ".join(arguments.add(v, kind) for v, (_, kind) in _zip(given[: len(value)], key))
                reach += f" and ({', '.join(value)}) {sign} ({reached})"
        if last:
            reach += f" and ({', '.join(value)}) {'>=' if descends else '<='} {last}"
        place = ""
        if after is not None:
            kinds = [*(kind for _, kind in key.columns), "int8", "int8"]
            at = [arguments.add(v, kind) for v, kind in zip(after, kinds, strict=True)]
            if token:  # within a code the newest come first, whatever the order of the codes
                newer = f"(p.s, p.rid) {'<' if tie else '>'} ({at[2]}, {at[3]})"
                place = f" and ((k.code, k.h) {further} ({at[0]}, {at[1]}) or {newer})"
            else:
                reach += f" and ({', '.join(value)}, k.s, k.rid) {further} ({', '.join(at)})"
        having = probes(plan.conditions, "p" if token else "k", arguments)
        having += f" and {'p' if token else 'k'}.s = {NO_DATE}" if plan.undated else ""
        most = "" if limit is None else f" limit {arguments.add(limit, 'int8')}"
        if token:
            by_date = f"order by p.s{tie}, p.rid{tie}{most}" if most else "offset 0"
            # The codes come in their order, and of each the resources in theirs, so that the first ones are a page.
            parts.append(
                f"select w.* from {source} cross join lateral (select {named}, p.s, p.rid from (select k.code, k.h, k.q "
                f"from code k where k.tenant_id = g.t and {of}{reach} order by {in_order}) k "
                "cross join lateral (select p.s, p.rid from posting p where p.tenant_id = g.t and p.h = k.h "
                f"and p.q = k.q{place} and not exists (select from posting o where o.tenant_id = g.t and o.h = k.h "
                f"and o.q = {orders.other_end(key)} and o.s = p.s and o.rid = p.rid offset 0){having} {by_date}) p{most}) w"
            )
        else:
            ordered = f"order by {in_order}, k.s{tie}, k.rid{tie}{most}" if most else "offset 0"
            parts.append(
                f"select w.* from {source} cross join lateral (select {named}, k.s, k.rid from {walk.table} k "
                f"where k.tenant_id = g.t and {of} and {branch.replace('{t}', 'k')}{reach} "
                f"and not {orders.not_first(key, arguments)}{having} {ordered}) w"
            )
    rows = " union all ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
    if limit is None:
        return rows
    by = ", ".join([*(f"k{n}{direction}" for n, _ in enumerate(value, 1)), f"s{tie}", f"rid{tie}"])
    return f"select * from ({rows}) o order by {by} limit {arguments.add(limit, 'int8')}"


def _without_value(plan: Plan, arguments: Arguments) -> str:
    """Those that lack the first key: by the other keys, or by the date, found among all candidates."""
    key, *others = plan.order.keys
    width = len(key.columns)
    reached = plan.after is not None and plan.after[0] is None
    columns = ["m.s", "m.rid", *(f"null::{kind} as k{n}" for n, (_, kind) in enumerate(key.columns, 1))]
    known = sum(len(one.columns) for one in others)
    columns += [f"m.k{n} as k{width + n}" for n in range(1, known + 1)]
    rest = replace(
        plan,
        conditions=(*plan.conditions, key.absent) if key.absent else plan.conditions,
        undated=plan.undated or key.kind == "primary",
        after=plan.after[width:] if reached and plan.after else None,
    )
    if others:
        found = selected(replace(rest, order=Order(tuple(others), plan.order.ascending)), arguments)
    else:  # ties ascending are those of the newest read backward
        backward = plan.backward != plan.order.ascending
        found = matches(replace(rest, order=NEWEST, sorted=False, backward=backward), arguments)
    source = f"(select {', '.join(columns)} from ({found}) m) m"
    whole = plan if reached else replace(plan, after=None)
    return _page_of(whole, source, arguments, len(plan.order.keys))
