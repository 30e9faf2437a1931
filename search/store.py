"""The SQL of a tenant's own search parameters, and of indexing anew: what is walked, and what is compared at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
import orjson

from resources.database import Row, Session
from resources.definitions import Definitions, SearchParameter, read_parameter
from resources.rows import Table
from resources.store import StaleDefinitions

from .indexer import FLOOR, Indexed

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = 2**63 - 1
_NEWEST: Final = 253_370_764_800_000_000  # µs of the year 9999
_LARGE: Final = 4_000_000  # bytes, compressed, of the resources of one page; one alone may be larger

_PARAMETERS: Final = """
select p.number, p.definition::text as definition, p.rtypes, p.stale, p.since, p.state, j.state as job, j.report,
  j.progress->>'done' as done, j.progress->>'total' as total
from parameter p left join job j on j.tenant_id = g.t and j.job_id = p.job_id
where p.tenant_id = g.t and p.state <> 'dropped' order by p.number"""
_NUMBER: Final = "select x.definitions from tenant x where x.tenant_id = g.t"
_BEFORE: Final = """
select j.job_id from job j where j.tenant_id = g.t and j.kind = 'reindex' and j.state = 'due' and j.job_id < $2 limit 1"""
# now() is the beginning of the transaction: whoever has an earlier instant has a lower transaction id too.
_MARK: Final = """
select pg_current_xact_id()::text::int8 as before, (select i.epoch from fhir.instance i) as epoch, now() as at"""
_GONE: Final = """
select i.epoch <> $2 or pg_snapshot_xmin(pg_current_snapshot())::text::int8 > $1 as gone from fhir.instance i"""
_COUNT: Final = """
select (select count(*) from resource r
        where r.tenant_id = g.t and r.rtype = any($2::int2[]) and not r.deleted and r.lu <= $3)
     + (select count(*) from contained c where c.tenant_id = g.t and c.rtype = any($2::int2[])) as total"""
# By the instant of the last write, newest first: what is written meanwhile goes where the walk has been.
_PAGE: Final = """
select y.* from (
  select x.*, sum(pg_column_size(x.resource)) over (order by x.k desc, x.at desc) as size,
    row_number() over (order by x.k desc, x.at desc) as n
  from (
    select r.lu as k, r.rid as at, r.rid, r.ver, r.rtype, r.id, r.resource from resource r
    where r.tenant_id = g.t and r.rtype = $2 and r.deleted = false and (r.lu, r.rid) < ($3, $4)
    order by r.lu desc, r.rid desc limit $5) x) y
where y.n = 1 or y.size <= $6"""
# Those in which a resource of the type is contained. Each page makes its rows anew, with greater numbers, where the walk
# has been.
_PAGE_CONTAINED: Final = """
select y.* from (
  select x.*, sum(pg_column_size(x.resource)) over (order by x.k desc, x.at desc) as size,
    row_number() over (order by x.k desc, x.at desc) as n
  from (
    select c.s as k, c.rid as at, r.rid, r.ver, r.rtype, r.id, r.resource from (
      select c.s, c.rid, c.container from contained c
      where c.tenant_id = g.t and c.rtype = $2 and (c.s, c.rid) < ($3, $4)
      order by c.s desc, c.rid desc limit $5) c
    cross join lateral (
      select r.* from resource r where r.tenant_id = g.t and r.rid = c.container offset 0) r) x) y
where y.n = 1 or y.size <= $6"""
_TEXT: Final = "select z.k, z.at, z.rid, z.ver, z.rtype, z.id, z.resource::text as body from ({page}) z order by z.n"
_SAMPLE: Final = """
select r.rid, r.ver, r.rtype, r.id, r.s, r.keys, r.resource::text as body from unnest($2::int8[], $3::int4[]) v(rid, ver)
cross join lateral (
  select r.* from resource r where r.tenant_id = g.t and r.rid = v.rid and r.ver = v.ver and not r.deleted offset 0) r"""
_TAKE: Final = "select parameter_take($1::int4, $2::int8, $3::int2[], $4::int4[]) as parameters"
_SETTLE: Final = "select parameter_settle($1::int4, $2::int2[], $3::int4[]) as parameters"

QUERIES: Final = {
    "parameters": _PARAMETERS,
    "jobs_before": _BEFORE,
    "page": _TEXT.format(page=_PAGE),
    "page_contained": _TEXT.format(page=_PAGE_CONTAINED),
    "sample": _SAMPLE,
}


@dataclass(frozen=True, slots=True)
class Own:
    """A search parameter of a tenant's own as it is registered."""

    parameter: SearchParameter  # with its number, and why it is not ready
    state: str  # indexing | ready | dropping: its index rows are being taken away
    types: tuple[int, ...]  # numbers of the types whose resources must be indexed for it, or for its end
    since: int  # definitions number that it came with

    @property
    def number(self) -> int:
        return self.parameter.number

    @property
    def is_pending(self) -> bool:
        return self.state != "ready"


@dataclass(frozen=True, slots=True)
class Stored:
    """A current version as it is indexed."""

    place: tuple[int, int]  # in the walk
    rid: int
    version_id: int
    type_number: int
    logical_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: what had begun to be written before it, and when it was."""

    before: int  # transaction id
    epoch: int  # of the cluster that the id is of
    at: int  # µs


async def own_parameters(session: Session) -> list[Own]:
    """The tenant's own parameters by number, also those that are not ready or are being dropped."""
    return [_own(row) for row in await session.select(_PARAMETERS)]


async def as_of_now(session: Session, definitions: Definitions) -> Definitions:
    """The same definitions, whose parameters that are not ready say how far they are; no trip where all are ready.

    Raises StaleDefinitions if that is not true any more."""
    if all(not one.unready for one in definitions.own_parameters):
        return definitions
    now = {own.number: own for own in await own_parameters(session)}
    parameters = []
    for one in definitions.own_parameters:
        own = now.get(one.number)
        if own is None or own.parameter != msgspec.structs.replace(one, unready=own.parameter.unready):
            raise StaleDefinitions
        if bool(own.parameter.unready) != bool(one.unready):
            raise StaleDefinitions
        parameters.append(own.parameter)
    return definitions.with_parameters(parameters)


async def still_hold(session: Session, definitions: Definitions, number: int, asked: str) -> None:
    """Raises StaleDefinitions if a search, given as its text, used an own parameter and the definitions have changed.

    What is indexed anew is not whole meanwhile; it begins only after a change that this sees. A trip only for searches
    by own parameters."""
    if any(one.code in asked for one in definitions.own_parameters) and await definitions_number(session) != number:
        raise StaleDefinitions


def _own(row: Row) -> Own:
    read = read_parameter(orjson.loads(row["definition"]))
    unready = "" if row["state"] == "ready" else _unready(row)
    parameter = msgspec.structs.replace(read, number=row["number"], unready=unready)
    return Own(parameter, row["state"], tuple(sorted({*row["rtypes"], *row["stale"]})), row["since"])


def _unready(row: Row) -> str:
    if row["job"] == "failed":
        return f"could not be indexed: {row['report']} `fhir-server reindex` tries again"
    if row["total"] is None:
        return "is about to be indexed"
    return f"is being indexed: {int(row['done']):,} of {int(row['total']):,} resources are done"


async def is_first(session: Session, job_id: int) -> bool:
    """Whether no earlier job is to index in this tenant."""
    return not await session.select(_BEFORE, job_id)


async def definitions_number(session: Session) -> int:
    """The tenant's definitions number as it is now."""
    [row] = await session.select(_NUMBER)
    return int(row["definitions"])


async def take(session: Session, job_id: int, pending: Sequence[Own]) -> None:
    """Makes the job the one whose progress is that of the parameters."""
    await session.call(_TAKE, session.tenant_id, job_id, [o.number for o in pending], [o.since for o in pending])


async def settle(session: Session, numbers: Sequence[int], sinces: Sequence[int]) -> int:
    """Makes parameters ready, and those that are being dropped forgotten; of how many that is still true."""
    [row] = await session.call(_SETTLE, session.tenant_id, numbers, sinces)
    return int(row["parameters"])


async def mark(session: Session) -> Mark:
    [row] = await session.call(_MARK)
    return Mark(row["before"], row["epoch"], _micros(row["at"]))


async def have_ended(session: Session, marked: Mark) -> bool:
    """Whether every transaction that began to write before the mark has ended."""
    [row] = await session.call(_GONE, marked.before, marked.epoch)
    return bool(row["gone"])


async def count(session: Session, types: Sequence[int], until: int = _NEWEST) -> int:
    """Resources of these types last written until then, and those contained in others, whose types are below zero."""
    [row] = await session.select(_COUNT, list(types), _instant(until))
    return int(row["total"])


async def page(session: Session, type_number: int, after: tuple[int, int] | None, most: int) -> list[Stored]:
    """The next resources of a type, or for one below zero those that contain one of the type, newest first."""
    k, at = after or (_NEWEST if type_number > 0 else _LAST, _LAST)
    query = QUERIES["page" if type_number > 0 else "page_contained"]
    rows = await session.select(query, type_number, _instant(k) if type_number > 0 else k, at, most, _LARGE)
    return [
        Stored(
            (_micros(row["k"]) if type_number > 0 else row["k"], row["at"]),
            row["rid"], row["ver"], row["rtype"], row["id"], row["body"],
        )
        for row in rows
    ]  # fmt: skip


async def sample(session: Session, versions: Iterable[tuple[int, int]]) -> list[tuple[Stored, int, tuple[int, ...]]]:
    """Resources (rid, version id) that are still at this version, with the date and the keys they are stored with."""
    rids, numbers = map(list, zip(*versions, strict=True))
    return [
        (Stored((0, 0), row["rid"], row["ver"], row["rtype"], row["id"], row["body"]), row["s"], tuple(row["keys"]))
        for row in await session.select(_SAMPLE, rids, numbers)
    ]


async def differences(session: Session, indexed: Sequence[tuple[int, Indexed]]) -> list[tuple[int, str]]:
    """(rid, table) where the stored index rows of resources are not these."""
    rids = [rid for rid, _ in indexed]
    arguments: list[Any] = [rids]
    for table in FLOOR.tables:
        rows = [
            (rid, made.sort_key, *row) for rid, made in indexed for row in _cut(table, made.rows.get(table.name, ()))
        ]
        width = 2 + len(table.columns)
        arguments += [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
    return [(row["rid"], row["name"]) for row in await session.select(_comparison(), *arguments)]


def _cut(table: Table, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Rows without those of their parts."""
    return (row[:-1] for row in rows) if table.parts else rows


@cache
def _comparison() -> str:
    number, parts = 2, []
    for table in FLOOR.tables:
        types = ("int8", "int8", *(sql_type for _, sql_type in table.columns))
        given = ", ".join(f"${number + n}::{sql_type}[]" for n, sql_type in enumerate(types, 1))
        number += len(types)
        names = [name for name, _ in table.columns]
        typed = ", ".join(f'v.{n} collate "C" as {n}' if t == "text" else f"v.{n}" for n, t in table.columns)
        # The keys of a part are sent as text; its rows have a date of their own.
        compared = [name for name in names if not table.parts or name != "keys"]
        dated = [] if table.parts else ["s"]
        parts.append(
            _MISSING.get(table.name, _DIFFERENT).format(
                table=table.name,
                made=f"select v.of, v.date, {typed} from unnest({given}) v(of, date, {', '.join(names)})",
                owner="container" if table.parts else "rid",
                given=", ".join(["v.of", *["v.date" for _ in dated], *[f"v.{name}" for name in compared]]),
                stored=", ".join(f"x.{name}" for name in (*dated, *compared)),
            )
        )
    return " union all ".join(parts)


# Tables that cannot be asked for the rows of a resource: each row is looked for. Of the others both sides are compared.
_MISSING: Final = {
    "posting": """
select 'posting' as name, v.of as rid from ({made}) v where not exists (
  select from posting x where x.tenant_id = g.t and x.q = v.q and x.h = v.h and x.s = v.date and x.rid = v.of offset 0)""",
    "code": """
select 'code' as name, v.of as rid from ({made}) v where not exists (
  select from code x where x.tenant_id = g.t and x.h = v.h and x.q = v.q and x.rtype + 0 = v.rtype
    and x.param + 0 = v.param offset 0)""",
}
_DIFFERENT: Final = """
select '{table}' as name, d.of as rid from (
  (select {given} from ({made}) v except select x.{owner}, {stored} from {table} x
   where x.tenant_id = g.t and x.{owner} = any($2::int8[]))
  union all
  (select x.{owner}, {stored} from {table} x where x.tenant_id = g.t and x.{owner} = any($2::int8[])
   except select {given} from ({made}) v)) d"""


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
