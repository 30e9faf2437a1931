"""The last resources of each code: all that match a search, grouped by their codes, of each group the newest.

Of what matches only dates, keys and codes are read; whole resources only of those that are chosen.
https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from resources import exact
from resources.database import Session
from resources.outcome import TooCostly
from resources.store import METHODS, NO_DATE, Version

from .candidates import Plan, is_impossible, matches
from .orders import NEWEST
from .parameters.tables import Arguments
from .query import Query
from .run import Search

MOST: Final = 50_000  # resources that may match
LARGE: Final = 16_000_000  # bytes, compressed, of those that are chosen

Identity = tuple[str, str, str]  # of a code: ("code", system, code), or ("text", "", text)

_CODES: Final = """
select x.s, x.rid, r.ver, r.code from ({matches}) x cross join lateral (
  select r.ver, (r.resource->'code')::text as code from resource r where r.tenant_id = g.t and r.rid = x.rid limit 1) r
order by x.s desc, x.rid desc"""
# The versions that were chosen, whatever was written since.
CHOSEN: Final = """
select z.*, case when z.sum <= $4::int8 then z.resource::text end as body from (
  select v.n, w.*, sum(pg_column_size(w.resource)) over () as sum
  from unnest($2::int8[], $3::int4[]) with ordinality v(rid, ver, n)
  cross join lateral (
    select r.rtype, r.id, r.ver, r.lu, r.op, r.resource from resource r
    where r.tenant_id = g.t and r.rid = v.rid and r.ver = v.ver
    union all
    select o.rtype, o.id, o.ver, o.lu, o.op, o.resource from resource_version o
    where o.tenant_id = g.t and o.rid = v.rid and o.ver = v.ver offset 0) w) z
order by z.n"""


async def newest(session: Session, search: Search, query: Query, each: int, most: int) -> tuple[Version, ...]:
    """Of each group the newest `each`, and what has the date of the last of them: group by group, newest first.

    Raises TooCostly where more than MOST match or more than `most` are chosen."""
    conditions = await search.conditions(session, query)
    if is_impossible(conditions):
        return ()
    types = tuple(search.definitions.type_number(name) for name in query.resource_types)
    way = await search.choose(session, types, conditions, NEWEST)
    arguments = Arguments()
    statement = codes(Plan(types, conditions, way.driver, way.inner, way.wide, limit=MOST + 1), arguments)
    rows = await session.select(statement, *arguments.values)
    if len(rows) > MOST:
        raise TooCostly(f"More than {MOST:,} resources match; narrow the search by code, category or date.")
    chosen = [
        n for group in grouped([row["code"] for row in rows]) for n in last([rows[m]["s"] for m in group], group, each)
    ]
    if len(chosen) > most:
        message = f"{len(chosen):,} resources would be answered, and {most:,} are the most; "
        raise TooCostly(message + "narrow the search by code, category or date, or ask for fewer of each (max).")
    if not chosen:
        return ()
    found = await session.select(CHOSEN, [rows[n]["rid"] for n in chosen], [rows[n]["ver"] for n in chosen], LARGE)
    if any(row["body"] is None for row in found):
        raise TooCostly(
            "The resources of the answer are too large together; narrow the search, or ask for fewer of each (max)."
        )
    name = search.definitions.type_name
    return tuple(
        Version(name(row["rtype"]), row["id"], row["ver"], row["lu"], METHODS[row["op"]], row["body"]) for row in found
    )


def codes(plan: Plan, arguments: Arguments) -> str:
    """Rows (s, rid, ver, code) of what matches, newest first."""
    return _CODES.format(matches=matches(plan, arguments))


def grouped(texts: Sequence[str | None]) -> list[list[int]]:
    """The places of codes (CodeableConcepts as JSON texts) that are of one group, each in order; groups by their first.

    Codes are of one group that share a coding, and so are those which a third one joins."""
    parents: dict[Identity, Identity] = {}

    def root(one: Identity) -> Identity:
        while (parent := parents.setdefault(one, one)) != one:
            parents[one] = parents[parent]
            one = parents[one]
        return one

    known: dict[str | None, Identity] = {}
    for text in texts:
        if text not in known:
            first, *others = identities(exact.decode(text.encode()) if text else {})
            known[text] = first
            for other in others:
                parents[root(other)] = root(first)
    groups: dict[Identity, list[int]] = {}
    for n, text in enumerate(texts):
        groups.setdefault(root(known[text]), []).append(n)
    return list(groups.values())


def identities(code: dict[str, Any]) -> Iterable[Identity]:
    """What a CodeableConcept is equal by: each of its codings, or else its text, letter by letter."""
    found = [("code", one.get("system", ""), one["code"]) for one in code.get("coding", ()) if one.get("code")]
    return found or [("text", "", code.get("text", ""))]


def last(dates: Sequence[int], group: Sequence[int], each: int) -> Iterator[int]:
    """The first `each` of a group, which is sorted by its dates, and those that share the date of the last of these.

    Without a date nothing is shared."""
    for n, place in enumerate(group):
        if n >= each and (dates[n] != dates[each - 1] or dates[n] == NO_DATE):
            return
        yield place
