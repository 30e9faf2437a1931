"""Conditions to one SQL statement. Pure: the text depends on the shape of the search only, all values are arguments.

Orders are total, which makes pages keyset pages. What is selected, and how it is found, is in candidates.py and sorting.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import orders
from .candidates import CAP, Plan, matches, sought
from .conditions import Condition
from .orders import NEWEST
from .parameters.tables import Arguments
from .sorting import selected


def page(plan: Plan, arguments: Arguments) -> str:
    """Rows (rtype, id, ver, lu, op, s, rid, body, k1 …; of contained ones also inner, kind) of a page, with the total
    in each if it is asked for. Of rows inside one container only that which is read first has its body."""
    total = f", ({count(plan, arguments)}) as total" if plan.total else ""
    keys = "".join(f", x.k{n}" for n in range(1, 1 + sum(len(key.columns) for key in plan.order.keys)))
    source, body, order = selected(plan, arguments), "r.resource::text", orders.text(plan.order, "x", plan.backward)
    if plan.types[0] < 0:
        body = f"case when x.nth = 1 then {body} end"
        source = (
            "select x.*, c.container, c.id as inner, c.rtype as kind, "
            f"row_number() over (partition by c.container order by {order}) as nth from ({source}) x "
            "cross join lateral (select c.container, c.id, c.rtype from contained c "
            "where c.tenant_id = g.t and c.rid = x.rid offset 0) c"
        )
        keys += ", x.inner, x.kind"
    return (
        f"select r.rtype, r.id, r.ver, r.lu, r.op, x.s, x.rid, r.body{keys}{total} from ({source}) x "
        f"cross join lateral (select r.rtype, r.id, r.ver, r.lu, r.op, {body} as body from resource r "
        f"where r.tenant_id = g.t and r.rid = {'x.container' if plan.types[0] < 0 else 'x.rid'} offset 0) r "
        f"order by {order}"
    )


def ids(plan: Plan, arguments: Arguments) -> str:
    """Rows (id, ver) of a page."""
    return (
        f"select r.id, r.ver from ({matches(plan, arguments)}) x cross join lateral "
        "(select r.id, r.ver from resource r where r.tenant_id = g.t and r.rid = x.rid offset 0) r"
    )


def count(plan: Plan, arguments: Arguments) -> str:
    """One row: how many resources match on all pages."""
    whole = replace(plan, after=None, limit=None, order=NEWEST, sorted=False, backward=False)
    return f"select count(*) as total from ({matches(whole, arguments)}) c"


def density(condition: Condition, types: Sequence[int], inner: Sequence[Plan], arguments: Arguments) -> str:
    """One row: how many index rows the condition has, at most CAP."""
    source = sought(condition, types, inner, arguments, counted=True)
    return f"select count(*) from (select from ({source}) d limit {CAP}) d"


def first_ids(lookups: Sequence[tuple[int, Sequence[tuple[int, int]]]], arguments: Arguments, limit: int) -> str:
    """Rows (n, id, ver): for each lookup (n, postings) the first resources with one of the postings."""
    rows = [(n, h, q) for n, keys in lookups for h, q in keys]
    source = arguments.table(rows, "u", {"n": "int4", "h": "int8", "q": "int4"})
    return (
        f"select u.n, r.id, r.ver from {source} cross join lateral (select p.rid from posting p where p.tenant_id = g.t "
        f"and p.h = u.h and p.q = u.q order by p.s desc, p.rid desc limit {limit}) p "
        "cross join lateral (select r.id, r.ver from resource r where r.tenant_id = g.t and r.rid = p.rid offset 0) r"
    )
