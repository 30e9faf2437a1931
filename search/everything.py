"""The record of a resource that has a compartment: what is in it, now or at an instant, and what that refers to.

Now it is read along the compartment's index: type by type, newest care first. As of an instant every resource that is in
the compartment or has left it since is looked at, in an order that no write ever changes, in the version of then, and
judged by that version's own content. https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from resources import exact
from resources.database import Row, Session
from resources.store import METHODS, NO_DATE, Version

from . import compartments
from .indexer import Indexer
from .intervals import EARLIEST, LATEST

LARGE: Final = 4_000_000  # bytes, compressed, of a page's resources, and of what they refer to; without the last one
COUNTED: Final = 10_000  # resources up to which a total is counted
LOOKED: Final = 2_000  # resources that one statement looks at where not all of them are wanted
THEN: Final = 100  # … and where their bodies are needed to tell
ROUNDS: Final = 20  # statements of one page; where they are not enough it ends early
_FAIR: Final = 20  # resources after which others have their turn
FOREVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
ALWAYS: Final = datetime(1, 1, 2, tzinfo=UTC)

Key = tuple[str, str, int]  # of what is referred to: type, id, version id, 0 for the current one


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins. It goes into a sealed link."""

    query: str  # the parameters of the operation, as a query string
    at: tuple[int, int, int] | None = None  # type, date and rid of the resource before it; None: before the first
    since: Key | None = None  # the resources of this page were shown, and of what they refer to all up to this


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose record, and which part of it."""

    resource_type: str
    logical_id: str
    base_url: str  # URLs below it are our own
    types: tuple[str, ...] = ()  # only these; () all
    start: int = EARLIEST  # care that touches [start, end), µs since 1970
    end: int = LATEST
    since: datetime = ALWAYS  # last updated at or after it
    as_of: datetime | None = None  # as it was then
    count: int = 1_000  # resources of a page

    @property
    def instant(self) -> datetime:
        return self.as_of or FOREVER


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a record."""

    found: tuple[Version, ...]  # the resource itself first, and what is in its compartment
    included: tuple[Version, ...]  # what these refer to outside of any such compartment
    at: tuple[int, int, int] | None = None  # where the next page begins …
    since: Key | None = None  # … or goes on with what this one refers to
    more: bool = False
    total: int | None = None  # resources on all pages, without what they refer to; None if not counted


# Of a resource x.rid the version that was current at an instant, a deletion too.
_THEN: Final = """
cross join lateral (
  select w.* from (
    select r.rtype, r.id, r.ver, r.lu, r.op, r.resource from resource r
    where r.tenant_id = g.t and r.rid = x.rid and r.lu <= {instant}
    union all (
    select o.rtype, o.id, o.ver, o.lu, o.op, o.resource from resource_version o
    where o.tenant_id = g.t and o.rid = x.rid and o.lu <= {instant} order by o.ver desc limit 1)) w
  order by w.ver desc limit 1) w"""
_TEXT: Final = """
select z.*, case when z.before < {size} and z.nth <= {most} then z.resource::text end as body from (
  select y.*, count(*) filter (where y.due) over (order by {order}) as nth,
    coalesce(sum(y.size) filter (where y.due) over (order by {order} rows between unbounded preceding and 1 preceding), 0)
      as before
  from ({rows}) y) z order by {sorted}"""
# $2 ckey, $3 root, $4 … $7 the lists (type, from s and rid on, whether s is a date of care), $8 limit, $9 since, $10 start.
_NOW: Final = _TEXT.format(
    size="$11::int8",
    most="$12::int8",
    order="y.n, y.s desc, y.rid desc",
    sorted="z.n, z.s desc, z.rid desc",
    rows=f"""
  select x.n, x.s, x.rid, r.rtype, r.id, r.ver, r.lu, r.op, r.resource, pg_column_size(r.resource) as size,
    r.lu >= $9::timestamptz and (not x.dated or x.s >= $10::int8 or x.s = {NO_DATE} or exists (
      select from dat d where d.tenant_id = g.t and d.rid = x.rid and d.param < 0 and d.hi > $10::int8)) as due
  from (
    select v.n, v.dated, c.s, c.rid
    from unnest($4::int2[], $5::int8[], $6::int8[], $7::bool[]) with ordinality v(rtype, s, rid, dated, n)
    cross join lateral (
      select c.s, c.rid from compartment c
      where c.tenant_id = g.t and c.ckey = $2::int8 and c.rtype = v.rtype and (c.s, c.rid) < (v.s, v.rid) and c.rid <> $3::int8
      order by c.s desc, c.rid desc limit $8::int8) c
    order by v.n, c.s desc, c.rid desc limit $8::int8) x
  cross join lateral (select r.* from resource r where r.tenant_id = g.t and r.rid = x.rid limit 1) r""",
)
# $2 ckey, $3 root, $4 types, $5 rid of the one before, $6 limit, $7 instant. rid + 0: by the compartment, and not by an
# index that begins with rid, as the planner would before the first analyze. Keys of the compartment are all read.
_AS_OF: Final = _TEXT.format(
    size="$8::int8",
    most="$6::int8",
    order="y.rid",
    sorted="z.rid",
    rows="""
  select x.rid, w.*, pg_column_size(w.resource) as size, w.resource is not null as due
  from (
    select m.rid from (
      select c.rid from compartment c
      where c.tenant_id = g.t and c.ckey = $2::int8 and c.rtype = any($4::int2[]) and c.rid + 0 > $5::int8
      union
      select p.rid from compartment_past p
      where p.tenant_id = g.t and p.ckey = $2::int8 and p.until > $7::timestamptz and p.rtype = any($4::int2[])
        and p.rid + 0 > $5::int8) m
    where m.rid <> $3::int8 order by m.rid limit $6::int8) x"""
    + _THEN.replace("cross join lateral", "left join lateral", 1).format(instant="$7::timestamptz")
    + " on true",
)
# $2 … $5 types, hashes, ids, version ids; $6 instant. What was deleted then is there without a body.
_NAMED: Final = _TEXT.format(
    size="$7::int8",
    most="$8::int8",
    order="y.n",
    sorted="z.n",
    rows="""
  select x.n, x.rid, q.*, pg_column_size(q.resource) as size, q.resource is not null as due
  from (
    select v.n, v.ver, r.rid from unnest($2::int2[], $3::int8[], $4::text[], $5::int4[]) with ordinality
      v(rtype, skey, id, ver, n)
    cross join lateral (
      select r.rid from resource r
      where r.tenant_id = g.t and r.skey = v.skey and r.rtype + 0 = v.rtype and r.id = v.id offset 0) r) x"""
    + _THEN.format(instant="$6::timestamptz")
    + """
  cross join lateral (
    select w.* where x.ver = 0 or w.ver = x.ver
    union all
    select o.rtype, o.id, o.ver, o.lu, o.op, o.resource from resource_version o
    where x.ver <> 0 and x.ver < w.ver and w.resource is not null and o.tenant_id = g.t and o.rid = x.rid
      and o.ver = x.ver) q""",
)
_COUNT: Final = """
select count(*) as total from (
  select from compartment c where c.tenant_id = g.t and c.ckey = $2::int8 and c.rtype = any($3::int2[]) limit $4::int8) c"""

# Every query of this module by name; the plan of each is tested on a large database.
QUERIES: Final = {"now": _NOW, "as_of": _AS_OF, "named": _NAMED, "count": _COUNT}


async def root(session: Session, indexer: Indexer, asked: Asked) -> tuple[int, Version] | None:
    """The resource whose record it is, with its rid; a Version without a body where it was deleted then."""
    rows = await _named(session, indexer, [(asked.resource_type, asked.logical_id, 0)], asked.instant)
    return (rows[0]["rid"], _version(indexer, rows[0])) if rows else None


async def part(
    session: Session, indexer: Indexer, asked: Asked, place: Place, whose: tuple[int, Version], includes: int
) -> Part:
    """The page that begins at the place. whose: what root() said; includes: resources referred to, at most.

    Round trips: one for the resources, one for what they refer to, and where few of many are wanted more of the first."""
    rid, itself = whose
    first = place.at is None
    shown = (
        first and asked.since <= itself.last_updated and asked.resource_type in (asked.types or (asked.resource_type,))
    )
    found = [itself] if shown else []
    following, more = await _members(session, indexer, asked, rid, place.at, found)
    targets = await _targets(indexer, asked, found)
    included, since = await _included(
        session, indexer, asked, [one for one in targets if one > (place.since or _FIRST)], includes
    )
    total = None
    if first and not place.since:
        total = await _total(session, indexer, asked) if more else len(found)
    if place.since:
        found = []
    if since:
        return Part(tuple(found), included, place.at, since, True, total)
    return Part(tuple(found), included, following, None, more, total)


_FIRST: Final[Key] = ("", "", 0)
_BEGINNING: Final = (0, LATEST, 0)  # after the resource itself, before all others


async def _members(
    session: Session,
    indexer: Indexer,
    asked: Asked,
    root_rid: int,
    at: tuple[int, int, int] | None,
    found: list[Version],
) -> tuple[tuple[int, int, int], bool]:
    """Adds what is in the compartment, up to a page; where the next one begins, and whether it may have any."""
    at, size = at or _BEGINNING, LARGE
    filtered = asked.since > ALWAYS or asked.start > EARLIEST
    least = THEN if asked.as_of else LOOKED if filtered else 0
    for _ in range(ROUNDS):
        left = asked.count - len(found)
        limit = max(least, left + 1)
        rows = await _chunk(session, indexer, asked, root_rid, at, limit, size, left)
        for n, row in enumerate(rows):
            if n % _FAIR == _FAIR - 1:
                await asyncio.sleep(0)
            if row["due"]:
                if row["body"] is None:
                    return at, True
                version = _version(indexer, row)
                if asked.as_of is None or _was_there(indexer, asked, version):
                    if len(found) == asked.count:
                        return at, True
                    found.append(version)
                size -= row["size"]
            at = (0, 0, row["rid"]) if asked.as_of else (row["rtype"], row["s"], row["rid"])
        if len(rows) < limit:
            return at, False
        if size <= 0:
            break
    return at, True


async def _chunk(
    session: Session,
    indexer: Indexer,
    asked: Asked,
    root_rid: int,
    at: tuple[int, int, int],
    limit: int,
    size: int,
    left: int,
) -> Sequence[Row]:
    """What comes next in the compartment, wanted or not; bodies of those that are due, up to the size."""
    ckey, number = indexer.hash(asked.resource_type, asked.logical_id), indexer.definitions.type_number
    names = _inside(indexer, asked)
    if asked.as_of is not None:
        types = [number(name) for name in names]
        return await session.select(_AS_OF, ckey, root_rid, types, at[2], limit, asked.as_of, size)
    lists = []
    for name in sorted(names, key=number):
        dated = compartments.has_care_date(name)
        if number(name) >= at[0]:
            top = (asked.end, EARLIEST) if dated and asked.end < LATEST else (LATEST, LATEST)
            lists.append((number(name), *(min(top, at[1:]) if number(name) == at[0] else top), dated))
    columns = [list(column) for column in zip(*lists, strict=True)] or [[], [], [], []]
    return await session.select(_NOW, ckey, root_rid, *columns, limit, asked.since, asked.start, size, left)


def _inside(indexer: Indexer, asked: Asked) -> list[str]:
    """The types of which there may be any in the compartment and on the page."""
    inside = {asked.resource_type, *indexer.definitions.compartments[asked.resource_type]}
    return sorted(inside.intersection(asked.types or inside))


def _was_there(indexer: Indexer, asked: Asked, version: Version) -> bool:
    """Whether a version of then belongs to the record, by its own content."""
    if version.last_updated < asked.since:
        return False
    tree = _tree(version)
    if asked.logical_id not in compartments.owners(indexer, asked.resource_type, tree, asked.base_url):
        return False
    undated = asked.start == EARLIEST and asked.end == LATEST
    return undated or compartments.is_within(indexer, tree, asked.base_url, asked.start, asked.end)


async def _targets(indexer: Indexer, asked: Asked, found: Sequence[Version]) -> list[Key]:
    """What the resources refer to, in an order. Another resource of the compartment's own type has a record of its own."""
    keys: dict[Key, None] = {}
    for n, version in enumerate(found):
        if n % _FAIR == _FAIR - 1:
            await asyncio.sleep(0)
        for one in compartments.references(indexer.definitions, _tree(version), asked.base_url):
            if one.resource_type != asked.resource_type and one.resource_type in (asked.types or (one.resource_type,)):
                number = one.version_id
                if not number or (number.isdecimal() and len(number) < 10):
                    keys[one.resource_type, one.logical_id, int(number or 0)] = None
    return sorted(keys)


async def _included(
    session: Session, indexer: Indexer, asked: Asked, targets: Sequence[Key], most: int
) -> tuple[tuple[Version, ...], Key | None]:
    """What is referred to and in nobody's compartment, this one's resources being on pages of their own and others' not
    for this reader; and the last that was looked at, if there are more."""
    looked, seen = targets[:most], set[tuple[str, str, int]]()
    included: list[Version] = []
    rows = await _named(session, indexer, looked, asked.instant) if looked else []
    for n, row in enumerate(rows):
        if row["due"] and row["body"] is None:
            return tuple(included), looked[row["n"] - 2]
        if row["due"]:
            version = _version(indexer, row)
            identity = version.resource_type, version.logical_id, version.version_id
            if identity not in seen and not _is_owned(indexer, asked, version):
                included.append(version)
            seen.add(identity)
        if n % _FAIR == _FAIR - 1:
            await asyncio.sleep(0)
    return tuple(included), looked[-1] if len(targets) > most else None


def _is_owned(indexer: Indexer, asked: Asked, version: Version) -> bool:
    """Whether it is in a compartment of this kind, this one or another."""
    if version.resource_type not in indexer.definitions.compartments[asked.resource_type]:
        return False
    return bool(compartments.owners(indexer, asked.resource_type, _tree(version), asked.base_url))


async def _named(session: Session, indexer: Indexer, keys: Sequence[Key], instant: datetime) -> Sequence[Row]:
    """Resources by their keys as they were at the instant, with the number of their key (n)."""
    number = indexer.definitions.type_number
    columns = [
        [number(one[0]) for one in keys],
        [indexer.hash(one[0], one[1]) for one in keys],
        [one[1] for one in keys],
        [one[2] for one in keys],
    ]
    return await session.select(_NAMED, *columns, instant, LARGE, len(keys))


async def _total(session: Session, indexer: Indexer, asked: Asked) -> int | None:
    """How many resources all pages have, without what they refer to, where that is a matter of counting."""
    if asked.as_of or asked.since > ALWAYS or asked.start > EARLIEST or asked.end < LATEST:
        return None
    types = [indexer.definitions.type_number(name) for name in _inside(indexer, asked)]
    ckey = indexer.hash(asked.resource_type, asked.logical_id)
    [row] = await session.select(_COUNT, ckey, types, COUNTED + 1)
    return row["total"] if row["total"] <= COUNTED else None


def _tree(version: Version) -> dict[str, Any]:
    return exact.decode((version.body or "").encode())


def _version(indexer: Indexer, row: Row) -> Version:
    resource_type = indexer.definitions.type_name(row["rtype"])
    return Version(resource_type, row["id"], row["ver"], row["lu"], METHODS[row["op"]], row["body"])
