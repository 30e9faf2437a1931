"""The one write path and the reads by key: the SQL of resources.

`apply` writes every change of a request, with its version rows and the rows of all other floors, in one statement: all
of them or none. https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

from msgspec import Struct

from . import exact
from .database import Refused, Row, Session
from .hashing import Hash
from .outcome import Conflict, NotFound, PreconditionFailed

NO_DATE: Final = -(2**63)  # sort key of a resource without a primary date


@dataclass(frozen=True, slots=True)
class Table:
    """Rows a floor writes with a resource: the arrays its write function takes after the ordinals, in this order."""

    name: str
    columns: tuple[tuple[str, str], ...]  # (name, SQL type) without tenant, resource and ordinal


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor's part in a write: function(tenant, written[], arrays of each table) returns written[]."""

    function: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One resource to be written. The body is text in two halves, between which SQL puts version id and time."""

    interaction: str  # create (the server gave the id) | update (the client did) | delete
    resource_type: str
    logical_id: str
    head: str = ""
    tail: str = ""
    sort_key: int = NO_DATE  # primary clinical date, µs since 1970
    keys: tuple[int, ...] = ()  # what the index needs to find the old rows again
    rows: Mapping[str, Sequence[tuple[Any, ...]]] | None = None  # table name → rows
    expect: tuple[int, ...] | None = None  # If-Match: the current version must be one of these
    absent: bool = False  # If-None-Match: * — there must be no current version


class Version(Struct, frozen=True):
    """One version of a resource. A Struct, since every read makes one: a frozen dataclass takes ten times as long."""

    resource_type: str
    logical_id: str
    version_id: int  # 0: it never existed
    last_updated: datetime  # UTC, to the millisecond
    method: str  # POST | PUT | DELETE: what wrote it
    body: str | None  # its JSON text; None for a deletion
    outcome: str = ""  # of a write: created | updated | deleted | unchanged


class Unmet(PreconditionFailed):
    """The precondition of one change failed, and so nothing was written."""

    ordinal = 1  # of the change, from 1


class StaleDefinitions(Exception):
    """The worker's definitions of the tenant are old; nothing was written. Reload them and plan again."""


class TypeNumbers(Protocol):
    def type_number(self, resource_type: str) -> int: ...
    def type_name(self, number: int) -> str: ...


# rtype + 0: by its key a resource is found in resource_key and nowhere else. On tables that were never analyzed the
# planner would take an index that begins with the type, and walk all resources of it.
_READ: Final = """
select r.ver, r.lu, r.op, r.resource::text as body from resource r
where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4"""

_READ_VERSION: Final = """
select v.ver, v.lu, v.op, v.body from (
  select r.ver, r.lu, r.op, r.resource::text as body from resource r
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4 and r.ver = $5
  union all
  select v.ver, v.lu, v.op, v.resource::text from resource r
  cross join lateral (
    select v.* from resource_version v where v.tenant_id = g.t and v.rid = r.rid and v.ver = $5 offset 0) v
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4) v"""

# Newest first; a page ends where its count is full, the next begins below the last entry's (lu, rid), which no two
# versions share.
_HISTORY_INSTANCE: Final = """
select h.rtype, h.id, h.ver, h.lu, h.rid, h.op, h.body from (
  select r.rtype, r.id, r.ver, r.lu, r.rid, r.op, r.resource::text as body from resource r
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4
    and r.lu >= $5 and (r.lu, r.rid) < ($6, $7)
  union all
  select v.rtype, v.id, v.ver, v.lu, v.rid, v.op, v.resource::text from resource r
  cross join lateral (
    select v.* from resource_version v where v.tenant_id = g.t and v.rid = r.rid
      and v.lu >= $5 and (v.lu, v.rid) < ($6, $7)
    order by v.ver desc limit $8) v
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4) h
order by h.lu desc, h.rid desc limit $8"""

_BRANCH: Final = """(
  select {x}.rtype, {x}.id, {x}.ver, {x}.lu, {x}.rid, {x}.op, {x}.resource from {table} {x}
  where {x}.tenant_id = g.t {where} and {x}.lu >= $2 and ({x}.lu, {x}.rid) < ($3, $4)
  order by {x}.lu desc, {x}.rid desc limit $5)"""


def _history(typed: bool) -> str:
    kind = "and {x}.rtype = $6" if typed else ""
    branches = (
        _BRANCH.format(table="resource", x="r", where=kind.format(x="r") + " and not r.deleted"),
        _BRANCH.format(table="resource", x="r", where=kind.format(x="r") + " and r.deleted"),
        _BRANCH.format(table="resource_version", x="v", where=kind.format(x="v")),
    )
    union = " union all ".join(branches)
    return (
        "select h.rtype, h.id, h.ver, h.lu, h.rid, h.op, h.resource::text as body "
        f"from ({union}) h order by h.lu desc, h.rid desc limit $5"
    )


_COUNT_INSTANCE: Final = """
select count(*) as total from (
  select 1 from resource r
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4 and r.lu >= $5
  union all
  select 1 from resource r
  cross join lateral (select v.lu from resource_version v where v.tenant_id = g.t and v.rid = r.rid offset 0) v
  where r.tenant_id = g.t and r.skey = $2 and r.rtype + 0 = $3 and r.id = $4 and v.lu >= $5) h"""
_COUNT_TYPE: Final = """
select (select count(*) from resource r where r.tenant_id = g.t and r.rtype = $2 and r.lu >= $3)
     + (select count(*) from resource_version v where v.tenant_id = g.t and v.rtype = $2 and v.lu >= $3) as total"""
_COUNT_SYSTEM: Final = """
select (select count(*) from resource r where r.tenant_id = g.t and r.lu >= $2)
     + (select count(*) from resource_version v where v.tenant_id = g.t and v.lu >= $2) as total"""

# Every query of this module by name; the plan of each is tested on a large database.
QUERIES: Final = {
    "read": _READ,
    "read_version": _READ_VERSION,
    "history_instance": _HISTORY_INSTANCE,
    "history_type": _history(True),
    "history_system": _history(False),
    "count_instance": _COUNT_INSTANCE,
    "count_type": _COUNT_TYPE,
    "count_system": _COUNT_SYSTEM,
}

_OPS: Final = {"create": b"C", "update": b"U", "delete": b"D"}
_METHODS: Final = {b"C": "POST", b"U": "PUT", b"D": "DELETE"}
_OUTCOMES: Final = {b"C": "created", b"U": "updated", b"D": "deleted", b"N": "unchanged"}
_WRITE_ARGUMENTS: Final = (
    '$1::int4, $2::int4, $3::"char"[], $4::int2[], $5::int8[], $6::text[], $7::int8[], $8::text[], $9::text[], '
    "$10::text[], $11::text[], $12::bool[]"
)
_FOREVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def body_parts(tree: Mapping[str, Any], logical_id: str) -> tuple[str, str]:
    """The resource's JSON in two halves, between which versionId's value and lastUpdated's value go.

    The id is the given one; versionId and lastUpdated that the sender put into meta are left out."""
    meta = {k: v for k, v in (tree.get("meta") or {}).items() if k not in ("versionId", "lastUpdated")}
    rest = {k: v for k, v in tree.items() if k not in ("id", "meta", "resourceType")}
    head = exact.encode({"resourceType": tree["resourceType"], "id": logical_id, "meta": meta})[:-2]
    joint = b'"versionId":"' if not meta else b',"versionId":"'
    tail = exact.encode(rest)[1:]
    return (head + joint).decode(), ('"},' if len(tail) > 1 else '"}') + tail.decode()


@lru_cache(maxsize=16)
def write_statement(floors: tuple[Floor, ...]) -> str:
    """One statement that calls each floor's write function on what the one before it returned."""
    call, number = f"resource_write({_WRITE_ARGUMENTS})", 12
    for floor in floors:
        arguments = []
        for table in floor.tables:
            for sql_type in ("int4", *(sql_type for _, sql_type in table.columns)):
                number += 1
                arguments.append(f"${number}::{sql_type}[]")
        call = f"{floor.function}($1::int4, {call}, {', '.join(arguments)})"
    return f"select w.n, w.ver, w.lu, w.outcome from unnest({call}) w order by w.n"


def _arrays(floors: tuple[Floor, ...], changes: Sequence[Change]) -> list[list[Any]]:
    """The rows of all changes, column by column, with the ordinal of their change before them."""
    out: list[list[Any]] = []
    for floor in floors:
        for table in floor.tables:
            ordinals: list[int] = []
            rows: list[tuple[Any, ...]] = []
            for n, change in enumerate(changes, 1):
                if change.rows and (of_change := change.rows.get(table.name)):
                    rows.extend(of_change)
                    ordinals.extend([n] * len(of_change))
            out.append(ordinals)
            out.extend([list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in table.columns])
    return out


class Store:
    """Resources of one database: what `apply` needs besides the session, fixed when the application is put together."""

    def __init__(self, hash_: Hash, types: TypeNumbers, floors: tuple[Floor, ...] = ()) -> None:
        self._hash = hash_
        self._types = types
        self._floors = floors
        self.statement = write_statement(floors)

    async def apply(self, session: Session, definitions_number: int, changes: Sequence[Change]) -> list[Version]:
        """Writes all changes in one round trip, or none, and returns a Version for each in the same order.

        Raises StaleDefinitions, NotFound (the tenant was dropped), PreconditionFailed (412, within its entry when there
        are several), Conflict (409, others kept writing the same resources), Unavailable (503)."""
        if not changes:
            return []
        arguments = self.arguments(changes)
        for attempt in range(6):
            try:
                rows = await session.call(self.statement, session.tenant_id, definitions_number, *arguments)
            except Refused as refused:
                if refused.state not in ("40001", "40P01"):
                    raise self._meaning(refused, changes) from None
                # A race lost; inside a longer transaction it cannot be won by repeating.
                if session.in_transaction:
                    break
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
            else:
                return [_written(change, row) for change, row in zip(changes, rows, strict=True)]
        raise Conflict(
            "Others were writing the same resources at the same time; send the request again.", code="conflict"
        )

    def arguments(self, changes: Sequence[Change]) -> list[Any]:
        """The arrays of the write statement, after the tenant and the definitions number."""
        number = self._types.type_number
        return [
            [_OPS[c.interaction] for c in changes],
            [number(c.resource_type) for c in changes],
            [self._hash.of(c.resource_type, c.logical_id) for c in changes],
            [c.logical_id for c in changes],
            [c.sort_key for c in changes],
            ["{" + ",".join(map(str, c.keys)) + "}" for c in changes],
            [c.head for c in changes],
            [c.tail for c in changes],
            [None if c.expect is None else "{" + ",".join(map(str, c.expect)) + "}" for c in changes],
            [c.absent for c in changes],
            *_arrays(self._floors, changes),
        ]

    @staticmethod
    def _meaning(refused: Refused, changes: Sequence[Change]) -> Exception:
        if refused.state == "FH001":
            return StaleDefinitions()
        if refused.state == "FH404":
            return NotFound("There is no such tenant.")
        ordinal, found = map(int, refused.detail.split())
        change = changes[ordinal - 1]
        what = f"{change.resource_type}/{change.logical_id}"
        failed = Unmet(
            f"{what} exists already, as version {found}."
            if change.absent
            else f"{what} is at version {found}, not at {' or '.join(map(str, change.expect or ()))}."
            if found
            else f"{what} does not exist."
        )
        failed.ordinal = ordinal
        return failed

    async def read(self, session: Session, resource_type: str, logical_id: str) -> Version | None:
        """The current version, which may be a deletion; None if the id never existed here."""
        rows = await session.select(_READ, *self._key(resource_type, logical_id))
        return _version(resource_type, logical_id, rows[0]) if rows else None

    async def read_version(
        self, session: Session, resource_type: str, logical_id: str, version_id: int
    ) -> Version | None:
        """One version, current or past; None if there is no such one."""
        rows = await session.select(_READ_VERSION, *self._key(resource_type, logical_id), version_id)
        return _version(resource_type, logical_id, rows[0]) if rows else None

    async def history(
        self,
        session: Session,
        resource_type: str | None,
        logical_id: str | None,
        *,
        count: int,
        since: datetime | None = None,
        before: tuple[datetime, int] | None = None,
    ) -> tuple[list[Version], tuple[datetime, int] | None]:
        """At most count versions, newest first, of a resource, a type or the tenant, and where the next page begins.

        since: versions written at or after it. before: the place an earlier call returned; None at the end."""
        limits = (since or _EVER, *(before or (_FOREVER, 2**63 - 1)))
        if resource_type is None:
            rows = await session.select(QUERIES["history_system"], *limits, count + 1)
        elif logical_id is None:
            rows = await session.select(
                QUERIES["history_type"], *limits, count + 1, self._types.type_number(resource_type)
            )
        else:
            key = self._key(resource_type, logical_id)
            rows = await session.select(_HISTORY_INSTANCE, *key, *limits, count + 1)
        versions = [_version(self._types.type_name(row["rtype"]), row["id"], row) for row in rows[:count]]
        last = rows[count - 1] if 0 < count < len(rows) else None
        return versions, (last["lu"], last["rid"]) if last else None

    async def count_history(
        self,
        session: Session,
        resource_type: str | None,
        logical_id: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """How many versions a resource, a type or the tenant has; exact."""
        if resource_type is None:
            rows = await session.select(_COUNT_SYSTEM, since or _EVER)
        elif logical_id is not None:
            rows = await session.select(_COUNT_INSTANCE, *self._key(resource_type, logical_id), since or _EVER)
        else:
            rows = await session.select(_COUNT_TYPE, self._types.type_number(resource_type), since or _EVER)
        return int(rows[0]["total"])

    def _key(self, resource_type: str, logical_id: str) -> tuple[int, int, str]:
        return self._hash.of(resource_type, logical_id), self._types.type_number(resource_type), logical_id


def _version(resource_type: str, logical_id: str, row: Row) -> Version:
    return Version(resource_type, logical_id, row["ver"], row["lu"], _METHODS[row["op"]], row["body"])


def _written(change: Change, row: Row) -> Version:
    version_id, last_updated = row["ver"], row["lu"]
    body = None
    if change.interaction != "delete":
        instant = last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = f'{change.head}{version_id}","lastUpdated":"{instant}{change.tail}'
    method = _METHODS[_OPS[change.interaction]]
    outcome = _OUTCOMES[row["outcome"]]
    return Version(change.resource_type, change.logical_id, version_id, last_updated, method, body, outcome)
