"""The SQL of versions: which one was current at an instant, and histories in the order of time.

A version is current from its own instant (lu) until that of the next one; the version ids of a resource count 1, 2, 3 …
without a gap, and its instants rise with them. https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from typing import Final

# A look-up by rid ends in `limit 1`, which is all there is: never analyzed, PostgreSQL 15 would expect more and gather them.

# Bytes of stored bodies, compressed, of one page, without its last version.
LARGE: Final = 4_000_000

# rtype + 0: by its key a resource is found in resource_key and nowhere else. On tables that were never analyzed the
# planner would take an index that begins with the type, and walk all resources of it.
KEYS: Final = """
  from unnest($2::int8[], $3::int2[], $4::text[]) with ordinality k(skey, rtype, id, n)
  cross join lateral (
    select r.* from resource r
    where r.tenant_id = g.t and r.skey = k.skey and r.rtype + 0 = k.rtype and r.id = k.id offset 0) r"""


def current_at(instant: str) -> str:
    """The version id that resource r had at an instant, 0 if it was not there yet: halved by key, so that a resource
    with 10,000 versions takes 14 looks."""
    return f"""(
    with recursive s(lo, hi) as (
      select case when r.lu <= {instant} then r.ver else 0 end, case when r.lu <= {instant} then r.ver else r.ver - 1 end
      union all
      select case when v.lu <= {instant} then m.mid else s.lo end, case when v.lu <= {instant} then s.hi else m.mid - 1 end
      from s cross join lateral (select (s.lo + s.hi + 1) / 2 as mid) m
      cross join lateral (
        select v.lu from resource_version v where v.tenant_id = g.t and v.rid = r.rid and v.ver = m.mid offset 0) v
      where s.lo < s.hi)
    select s.lo from s where s.lo = s.hi)"""


def read_at() -> str:
    """Of each key ($2, $3, $4) the version that was current at $5; those that were not there yet are left out."""
    return f"""
select x.n, x.ver, coalesce(v.lu, x.lu) as lu, coalesce(v.op, x.op) as op, coalesce(v.body, x.body) as body from (
  select k.n, r.rid, b.ver, r.lu, r.op, b.ver < r.ver as past, case when b.ver = r.ver then r.resource::text end as body
  {KEYS}
  cross join lateral (select {current_at("$5")} as ver offset 0) b
  where b.ver > 0 offset 0) x
left join lateral (
  select v.lu, v.op, v.resource::text as body from resource_version v
  where x.past and v.tenant_id = g.t and v.rid = x.rid and v.ver = x.ver offset 0) v on true"""


# The versions of each key ($2, $3, $4) from b.lo to b.hi: written from $5 on and before $6, and current at $7 or later.
# A place on the way, (lu, rid), bounds them from above or below.
_BOUNDS: Final = """
  cross join lateral (select
    greatest(1, {written_before} + 1, {current}) as lo, {written_until} as hi offset 0) b"""
_MICROSECOND: Final = "interval '1 microsecond'"


def _bounds(ascending: bool | None) -> str:
    """ascending: the page goes up from place ($8, $9), or down from there; None: no place."""
    since, until = "$5::timestamptz", f"$6::timestamptz - {_MICROSECOND}"
    place = "case when r.rid {} $9 then $8::timestamptz else $8::timestamptz {} {} end"
    if ascending:
        since = f"greatest({since}, {place.format('>', '+', _MICROSECOND)})"
    elif ascending is not None:
        until = f"least({until}, {place.format('<', '-', _MICROSECOND)})"
    return _BOUNDS.format(
        written_before=current_at(f"({since} - {_MICROSECOND})"),
        current=current_at("$7"),
        written_until=current_at(f"({until})"),
    )


def of_keys(ascending: bool) -> str:
    """The history of single resources: at most $10 versions of each are looked at. Bodies are read of the page only."""
    order = _order("h", ascending)
    page = f"""
  select h.* from (
    select r.rtype, r.id, r.rid, x.ver, x.lu, x.op, x.past {KEYS} {_bounds(ascending)}
    cross join lateral (
      select r.ver, r.lu, r.op, false as past where r.ver between b.lo and b.hi
      union all (
      select v.ver, v.lu, v.op, true from resource_version v
      where v.tenant_id = g.t and v.rid = r.rid and v.ver between b.lo and b.hi
      order by v.ver {"asc" if ascending else "desc"} limit $10)) x
    offset 0) h
  {order} limit $10"""
    with_bodies = f"""
  select p.*, true as met, false as edge, coalesce(r.resource, v.resource) as resource from ({page}) p
  left join lateral (
    select r.resource from resource r where not p.past and r.tenant_id = g.t and r.rid = p.rid limit 1) r on true
  left join lateral (
    select v.resource from resource_version v
    where p.past and v.tenant_id = g.t and v.rid = p.rid and v.ver = p.ver offset 0) v on true"""
    return _measured(with_bodies, ascending)


def count_keys() -> str:
    return f"select coalesce(sum(greatest(b.hi - b.lo + 1, 0)), 0)::int8 as total {KEYS} {_bounds(None)}"


def _order(x: str, ascending: bool) -> str:
    return f"order by {x}.lu, {x}.rid" if ascending else f"order by {x}.lu desc, {x}.rid desc"


def _measured(page: str, ascending: bool) -> str:
    """The rows of a page with their bodies, up to the one that exceeds LARGE. met: it belongs to the history; edge: the
    walk ended at it."""
    return f"""
select h.rtype, h.id, h.ver, h.lu, h.rid, h.op, h.met, h.edge, h.before < {LARGE} as fits,
  case when h.met and h.before < {LARGE} then h.resource::text end as body
from (
  select w.*, coalesce(sum(pg_column_size(w.resource)) over (
    {_order("w", ascending)} rows between unbounded preceding and 1 preceding), 0) as before
  from ({page}) w) h
{_order("h", ascending)}"""


def of_all(typed: bool, at: bool, ascending: bool) -> str:
    """The history of a type or the tenant: a page of $5 versions from the place ($3, $4) on, up to the instant $2.

    Without at the place and the bound are all there is. With it, versions written before $6 must still have been current
    then, for which each is asked for the next one; at most $7 versions are walked, and at the last of them the page ends
    however few were met, so that a page is bounded whatever lies behind it. typed: rtype is the last argument."""
    most = "$7" if at else "$5"
    kind = f"and {{x}}.rtype = {'$8' if at else '$6'}" if typed else ""
    bounds = ("{x}.lu >= $2", "{x}.lu < $2")[ascending] + f" and ({{x}}.lu, {{x}}.rid) {'<>'[ascending]} ($3, $4)"
    lists = (("resource", "r", "and not r.deleted"), ("resource", "r", "and r.deleted"), ("resource_version", "v", ""))
    union = " union all ".join(
        f"""(
      select {x}.rtype, {x}.id, {x}.ver, {x}.lu, {x}.rid, {x}.op, {x}.resource, {table != "resource"} as past
      from {table} {x} where {x}.tenant_id = g.t {kind.format(x=x)} {which} and {bounds.format(x=x)}
      {_order(x, ascending)} limit {most})"""
        for table, x, which in lists
    )
    walk = f"select u.* from ({union}) u {_order('u', ascending)} limit {most}"
    if not at:
        return _measured(f"select p.*, true as met, false as edge from ({walk}) p", ascending)
    walked = f"""
    select n.*, n.n = $7 as edge, not n.past or n.lu >= $6 or coalesce(
        (select v.lu from resource_version v where v.tenant_id = g.t and v.rid = n.rid and v.ver = n.ver + 1),
        (select r.lu from resource r where r.tenant_id = g.t and r.rid = n.rid limit 1)) > $6 as met
    from (select p.*, row_number() over ({_order("p", ascending)}) as n from ({walk}) p) n
    {_order("n", ascending)} offset 0"""
    return _measured(f"select m.* from ({walked}) m where m.met or m.edge {_order('m', ascending)} limit $5", ascending)


def count_all(typed: bool, at: bool) -> str:
    """How many versions of a type or the tenant were written from $2 on and before $3.

    at: those also that were current at $4, but were written before it: one of each resource that was written between $2
    and $4, unless that is a version of $4 itself. typed: rtype is the last argument."""
    kind = f"and {{x}}.rtype = {'$5' if at else '$4'}" if typed else ""

    def rows(what: str, bounds: str) -> str:
        return " union all ".join(
            f"select {what.format(x=x)} from {table} {x} where {x}.tenant_id = g.t {kind.format(x=x)} "
            + bounds.format(x=x)
            for table, x in (("resource", "r"), ("resource_version", "v"))
        )

    since = "greatest($2::timestamptz, $4)" if at else "$2"
    written = rows("count(*) as some", f"and {{x}}.lu >= {since} and {{x}}.lu < $3")
    text = f"select (select sum(c.some)::int8 from ({written}) c)"
    if at:
        before = rows("{x}.rid, {x}.lu", "and {x}.lu >= $2 and {x}.lu <= $4")
        text += f" + (select count(distinct b.rid) - count(*) filter (where b.lu = $4) from ({before}) b)"
    return f"{text} as total"
