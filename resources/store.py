"""The one write path: the SQL that stores resources. The reads are those of reads.py.

`apply` writes every change of a request, with its version rows and the rows of all other floors, in one statement: all
of them or none. https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from . import exact
from .database import Refused, Row, Session
from .hashing import Hash
from .outcome import Conflict, NotFound, PreconditionFailed, Unavailable, Unprocessable
from .reads import METHODS as METHODS
from .reads import OUTCOMES, Reads, TypeNumbers
from .reads import QUERIES as QUERIES
from .reads import Version as Version
from .rows import Floor, Known, Rows, arrays

NO_DATE: Final = -(2**63)  # sort key of a resource without a primary date


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
    rows: Rows | None = None
    expect: tuple[int, ...] | None = None  # If-Match: the current version must be one of these; (): any
    absent: bool = False  # If-None-Match: * — there must be no current version


class Reindexed(Struct, frozen=True):
    """What is stored of a resource besides the resource, made anew from the version that was read."""

    rid: int
    version_id: int
    sort_key: int
    keys: tuple[int, ...]
    rows: Rows


class Unmet(PreconditionFailed):
    """The precondition of one change failed, and so nothing was written."""

    ordinal = 1  # of the change, from 1


class Taken(Unprocessable):
    """Another change of the same call takes what is there once, the code of a search parameter; nothing was written."""

    ordinal = 1  # of the change, from 1


class StaleDefinitions(Exception):
    """The worker's definitions of the tenant are old; nothing was written. Reload them and plan again."""


_OPS: Final = {"create": b"C", "update": b"U", "delete": b"D"}
_WRITE_ARGUMENTS: Final = (
    '$1::int4, $2::int4, $3::"char"[], $4::int2[], $5::int8[], $6::text[], $7::int8[], $8::text[], $9::text[], '
    "$10::text[], $11::text[], $12::bool[]"
)
_REINDEX: Final = ("resource_reindex", "$1::int4, $2::int4, $3::int8[], $4::int4[], $5::int8[], $6::text[]")


def body_parts(tree: Mapping[str, Any], logical_id: str) -> tuple[str, str]:
    """The resource's JSON in two halves, between which versionId's value and lastUpdated's value go.

    The id is the given one; versionId and lastUpdated that the sender put into meta are left out."""
    meta = {k: v for k, v in (tree.get("meta") or {}).items() if k not in ("versionId", "lastUpdated")}
    rest = {k: v for k, v in tree.items() if k not in ("id", "meta", "resourceType")}
    head = exact.stored({"resourceType": tree["resourceType"], "id": logical_id, "meta": meta})[:-2]
    joint = b'"versionId":"' if not meta else b',"versionId":"'
    tail = exact.stored(rest)[1:]
    return (head + joint).decode(), ('"},' if len(tail) > 1 else '"}') + tail.decode()


@lru_cache(maxsize=16)
def write_statement(floors: tuple[Floor, ...], first: tuple[str, str] = ("resource_write", _WRITE_ARGUMENTS)) -> str:
    """One statement that calls each floor's write function on what the one before it returned.

    first: the function of this floor, and its arguments, of which the first is the tenant."""
    call, number = "{}({})".format(*first), first[1].count("$")
    for floor in floors:
        arguments = []
        for table in floor.tables:
            for sql_type in table.types:
                number += 1
                arguments.append(f"${number}::{sql_type}[]")
        call = f"{floor.function}($1::int4, {call}, {', '.join(arguments)})"
    return f"select w.n, w.ver, w.lu, w.outcome from unnest({call}) w order by w.n"


class Store(Reads):
    """Resources of one database: what `apply` needs besides the session, fixed when the application is put together."""

    def __init__(self, hash_: Hash, types: TypeNumbers, floors: tuple[Floor, ...] = ()) -> None:
        super().__init__(hash_, types)
        self._floors = floors
        self._known = Known()
        self.statement = write_statement(tuple(floor for floor in floors if not floor.rare))

    async def apply(self, session: Session, definitions_number: int, changes: Sequence[Change]) -> list[Version]:
        """Writes all changes in one round trip, or none, and returns a Version for each in the same order.

        Raises StaleDefinitions, NotFound (the tenant was dropped), Unmet (412), Taken (422), Conflict (409, others kept
        writing the same resources), Unavailable (503)."""
        if not changes:
            return []
        rows_of_changes = [change.rows for change in changes]
        floors = tuple(floor for floor in self._floors if floor.has_part_in(rows_of_changes))
        rows_of_floors, once = arrays(floors, rows_of_changes, session.tenant_id, self._known)
        arguments = [*self._columns(changes), *rows_of_floors]
        statement = write_statement(floors)
        for attempt in range(6):
            try:
                rows = await session.call(statement, session.tenant_id, definitions_number, *arguments)
            except Refused as refused:
                if refused.state not in ("40001", "40P01"):
                    raise self._meaning(refused, changes) from None
                # A race lost; inside a longer transaction it cannot be won by repeating.
                if session.in_transaction:
                    break
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
            else:
                if not session.in_transaction:  # which may still roll back
                    for table, of_tenant in once.items():
                        self._known.learn(session.tenant_id, table, of_tenant)
                return [_written(change, row) for change, row in zip(changes, rows, strict=True)]
        raise Conflict(
            "Others were writing the same resources at the same time; send the request again.", code="conflict"
        )

    async def reindex(self, session: Session, definitions_number: int, resources: Sequence[Reindexed]) -> int:
        """Writes the index rows of stored resources anew, and makes no version; for how many of them.

        The others were written meanwhile, and so indexed. Raises StaleDefinitions, NotFound, Unavailable."""
        floors = tuple(floor for floor in self._floors if not floor.rare)
        statement = write_statement(floors, _REINDEX)
        columns = [
            [one.rid for one in resources],
            [one.version_id for one in resources],
            [one.sort_key for one in resources],
            [_array(one.keys) for one in resources],
        ]
        arguments = [*columns, *arrays(floors, [one.rows for one in resources])[0]]
        for attempt in range(6):
            try:
                return len(await session.call(statement, session.tenant_id, definitions_number, *arguments))
            except Refused as refused:
                if refused.state not in ("40001", "40P01"):
                    raise self._meaning(refused, ()) from None
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise Unavailable("Others keep writing the same resources.")

    def arguments(self, changes: Sequence[Change]) -> list[Any]:
        """The arrays of the write statement, after the tenant and the definitions number, as in a fresh process."""
        floors = [floor for floor in self._floors if not floor.rare]
        return [*self._columns(changes), *arrays(floors, [c.rows for c in changes])[0]]

    def _columns(self, changes: Sequence[Change]) -> list[Any]:
        number = self._types.type_number
        return [
            [_OPS[c.interaction] for c in changes],
            [number(c.resource_type) for c in changes],
            [self._hash.of(c.resource_type, c.logical_id) for c in changes],
            [c.logical_id for c in changes],
            [c.sort_key for c in changes],
            [_array(c.keys) for c in changes],
            [c.head for c in changes],
            [c.tail for c in changes],
            [None if c.expect is None else _array(c.expect) for c in changes],
            [c.absent for c in changes],
        ]

    @staticmethod
    def _meaning(refused: Refused, changes: Sequence[Change]) -> Exception:
        if refused.state == "FH001":
            return StaleDefinitions()
        if refused.state == "FH404":
            return NotFound("There is no such tenant.")
        if refused.state == "FH409":
            return Conflict(
                "A code of the resource has the same hash as another one that is stored, and could not be told from it "
                "by a search; nothing was written."
            )
        if refused.state == "FH422":
            place, _, taken = refused.detail.partition(" ")
            message = f"Another search parameter of this request has the code {taken!r} on the same type."
            at = [f"{changes[int(place) - 1].resource_type}.code"]
            failed = Taken(message, code="duplicate", expression=at)
            failed.ordinal = int(place)
            return failed
        ordinal, found = map(int, refused.detail.split())
        change = changes[ordinal - 1]
        what = f"{change.resource_type}/{change.logical_id}"
        code = "conflict"
        if not found:
            message = f"{what} does not exist."
        elif change.absent:
            message, code = f"{what} exists already, as version {found}.", "duplicate"
        elif change.expect == ():
            message = f"{what} was deleted, as version {found}."
        elif wanted := [str(version_id) for version_id in change.expect or () if version_id]:
            message = f"{what} is at version {found}, not at {' or '.join(wanted)}."
        else:
            message = f"{what} is at version {found}; no tag of If-Match is a version of it."
        unmet = Unmet(message, code=code)
        unmet.ordinal = ordinal
        return unmet


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _written(change: Change, row: Row) -> Version:
    version_id, last_updated = row["ver"], row["lu"]
    body = None
    if change.interaction != "delete":
        instant = last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = f'{change.head}{version_id}","lastUpdated":"{instant}{change.tail}'
    method = METHODS[_OPS[change.interaction]]
    outcome = OUTCOMES[row["outcome"]]
    return Version(change.resource_type, change.logical_id, version_id, last_updated, method, body, outcome)
