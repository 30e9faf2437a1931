"""Reads: one resource or many, a past version or the one of an instant, histories.

https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from msgspec import Struct

from .database import Row, Session
from .hashing import Hash
from .versions import KEYS, count_all, count_keys, of_all, of_keys, read_at

METHODS: Final = {b"C": "POST", b"P": "PUT", b"U": "PUT", b"D": "DELETE"}
OUTCOMES: Final = {b"C": "created", b"P": "created", b"U": "updated", b"D": "deleted", b"N": "unchanged"}
WALKED: Final = 5_000  # versions that one statement of a history at a moment looks at …
ROUNDS: Final = 20  # … and how many of them there are at most for a page on which there is nothing yet
EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)  # before all versions …
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # … and after them
_LEAST: Final = -(2**63)  # before all rids …
_MOST: Final = 2**63 - 1  # … and after them
_STEP: Final = timedelta(microseconds=1)


class Version(Struct, frozen=True):
    """One version of a resource. A Struct, since every read makes one: a frozen dataclass takes ten times as long."""

    resource_type: str
    logical_id: str
    version_id: int  # 0: it never existed
    last_updated: datetime  # UTC, to the millisecond
    method: str  # POST | PUT | DELETE: what wrote it
    body: str | None  # its JSON text; None for a deletion
    outcome: str = ""  # created | updated | deleted: what became of it; unchanged: of a write that made no version


class TypeNumbers(Protocol):
    def type_number(self, resource_type: str) -> int: ...
    def type_name(self, number: int) -> str: ...


# rtype + 0: see versions.py.
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

# Every query of the store by name; the plan of each is tested on a large database.
QUERIES: Final = {
    "read": _READ,
    "read_version": _READ_VERSION,
    "read_many": f"select k.n, r.ver, r.lu, r.op, r.resource::text as body {KEYS}",
    "read_at": read_at(),
    "count_keys": count_keys(),
    **{f"history_keys{'_up' * up}": of_keys(up) for up in (False, True)},
    **{
        f"history_{'type' if typed else 'system'}{'_at' * at}{'_up' * up}": of_all(typed, at, up)
        for typed in (False, True)
        for at in (False, True)
        for up in (False, True)
    },
    **{
        f"count_{'type' if typed else 'system'}{'_at' * at}": count_all(typed, at)
        for typed in (False, True)
        for at in (False, True)
    },
}

Position = tuple[datetime, int]  # (lu, rid) of a version: its place in the order of time


class Scope(Struct, frozen=True):
    """Whose versions a history has, and of which time. Of a type or the tenant where nothing else is said."""

    resource_type: str | None = None
    keys: tuple[tuple[str, str], ...] | None = None  # of these resources only, as (type, id); each once
    since: datetime | None = None  # written at or after it …
    at: tuple[datetime, datetime] | None = None  # … and current at some moment from the first to before the second


class Page(Struct, frozen=True):
    """Some versions of a history in the order that was asked for."""

    versions: list[Version]
    first: Position | None = None  # of the first of them
    following: Position | None = None  # where the next page in this direction begins; None at the end


class Reads:
    """The resources of one database as they are read; hash_ and types say where a resource lies."""

    def __init__(self, hash_: Hash, types: TypeNumbers) -> None:
        self._hash = hash_
        self._types = types

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

    async def read_many(self, session: Session, keys: Sequence[tuple[str, str]]) -> list[Version | None]:
        """The current versions of many (type, id) in one trip, in the same order; each as read gives it."""
        return self._in_order(keys, await session.select(QUERIES["read_many"], *self._keys(keys)))

    async def read_at(self, session: Session, resource_type: str, logical_id: str, instant: datetime) -> Version | None:
        """The version that was current at an instant, which may be a deletion; None if it did not exist yet."""
        [version] = await self.read_many_at(session, [(resource_type, logical_id)], instant)
        return version

    async def read_many_at(
        self, session: Session, keys: Sequence[tuple[str, str]], instant: datetime
    ) -> list[Version | None]:
        """The versions of many (type, id) that were current at an instant, in one trip, in the same order."""
        rows = await session.select(QUERIES["read_at"], *self._keys(keys), _within(instant))
        return self._in_order(keys, rows)

    async def history(
        self,
        session: Session,
        scope: Scope,
        *,
        count: int,
        ascending: bool = False,
        place: Position | None = None,
    ) -> Page:
        """At most count versions, at least 1, of the scope from a place on; newest first, or oldest first.

        A page may be shorter, even empty, and yet have a following one: it ends where its bodies are large, and of a
        history at a moment where many versions were looked at in vain."""
        since, start, end = _times(scope)
        if scope.keys is not None:
            place = place or ((EVER, _LEAST) if ascending else (FOREVER, _MOST))
            name, arguments = "history_keys", [*self._keys(scope.keys), since, end, start, *place, count + 1]
        else:
            place = place or ((since - _STEP, _MOST) if ascending else (end, _LEAST))
            name = "history_system" if scope.resource_type is None else "history_type"
            arguments = [end if ascending else since, *place, count + 1]
            if scope.at:
                name += "_at"
                arguments += [start, WALKED]
            if scope.resource_type is not None:
                arguments.append(self._types.type_number(scope.resource_type))
        page = await self._page(session, name + "_up" * ascending, arguments, count)
        for _ in range(ROUNDS - 1):
            if page.versions or not page.following:
                break
            arguments[1:3] = page.following
            page = await self._page(session, name + "_up" * ascending, arguments, count)
        return page

    async def _page(self, session: Session, name: str, arguments: Sequence[Any], count: int) -> Page:
        rows = await session.select(QUERIES[name], *arguments)
        met = [row for row in rows if row["met"]]
        shown = [row for row in met[:count] if row["fits"]]
        last = shown[-1] if len(shown) < len(met) else rows[-1] if rows and rows[-1]["edge"] else None
        versions = [_version(self._types.type_name(row["rtype"]), row["id"], row) for row in shown]
        return Page(versions, _position(shown[0]) if shown else None, _position(last) if last else None)

    async def count_history(self, session: Session, scope: Scope) -> int:
        """How many versions a scope has; exact."""
        since, start, end = _times(scope)
        if scope.keys is not None:
            name, arguments = "count_keys", [*self._keys(scope.keys), since, end, start]
        else:
            name, arguments = "count_system" if scope.resource_type is None else "count_type", [since, end]
            if scope.at:
                name += "_at"
                arguments.append(start)
            if scope.resource_type is not None:
                arguments.append(self._types.type_number(scope.resource_type))
        [row] = await session.select(QUERIES[name], *arguments)
        return int(row["total"])

    def _key(self, resource_type: str, logical_id: str) -> tuple[int, int, str]:
        return self._hash.of(resource_type, logical_id), self._types.type_number(resource_type), logical_id

    def _keys(self, keys: Sequence[tuple[str, str]]) -> list[Any]:
        """The keys as the columns of KEYS."""
        return [list(column) for column in zip(*(self._key(*one) for one in keys), strict=True)] or [[], [], []]

    @staticmethod
    def _in_order(keys: Sequence[tuple[str, str]], rows: Sequence[Row]) -> list[Version | None]:
        found: list[Version | None] = [None] * len(keys)
        for row in rows:
            resource_type, logical_id = keys[row["n"] - 1]
            found[row["n"] - 1] = _version(resource_type, logical_id, row)
        return found


def _within(instant: datetime) -> datetime:
    """The instant, or the nearest one that the database can reckon with; no version was written beyond these."""
    return min(max(instant, EVER), FOREVER)


def _times(scope: Scope) -> tuple[datetime, datetime, datetime]:
    """Written since, current at or after, written before."""
    start, end = scope.at or (EVER, FOREVER)
    return _within(scope.since or EVER), _within(start), _within(end)


def _position(row: Row) -> Position:
    return row["lu"], row["rid"]


def _version(resource_type: str, logical_id: str, row: Row) -> Version:
    op = row["op"]
    return Version(resource_type, logical_id, row["ver"], row["lu"], METHODS[op], row["body"], OUTCOMES[op])
