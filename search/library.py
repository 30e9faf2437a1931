"""What terminology and validation ask the database of a tenant: resources by canonical URL or by id, whatever their type.

https://hl7.org/fhir/R4/references.html#canonical, https://hl7.org/fhir/R4/terminology-module.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from resources import exact
from resources.database import Session
from terminology.stored import NEWEST, Found, Wanted

from .indexer import Indexer
from .parameters.string import cut
from .parameters.tables import Arguments

_VERSIONS: Final = 100  # resources with one canonical URL that are looked at, by their date the newest
_LARGE: Final = 100_000  # characters of a resource whose reading takes a while: a millisecond
_SYSTEMS: Final = 1_000  # code systems whose `valueSet` is read, since no search parameter has it

# + 0: by its key and nothing else, see resources/store.py.
_BY_ID: Final = (
    "select w.n, r.id, r.ver, r.rid from {wanted} cross join lateral (select r.id, r.ver, r.rid from resource r "
    "where r.tenant_id = g.t and r.skey = w.skey and r.rtype + 0 = w.type and r.id = w.id and not r.deleted offset 0) r"
)
_BY_URL: Final = (
    "select w.n, r.id, r.ver, r.rid from {wanted} cross join lateral (select t.rid from uri t where t.tenant_id = g.t "
    f"and t.rtype = w.type and t.param = w.number and t.v = w.url order by t.s desc, t.rid desc limit {_VERSIONS}) t "
    "cross join lateral (select r.id, r.ver, r.rid from resource r where r.tenant_id = g.t and r.rid = t.rid offset 0) r"
)
_NEWEST: Final = (
    "select w.n, r.id, r.ver, r.rid from {wanted} cross join lateral (select r.id, r.ver, r.rid from resource r "
    "where r.tenant_id = g.t and r.rtype = w.type and r.deleted = false order by r.lu desc, r.rid desc limit 1) r"
)
_NEWEST_OF: Final = (
    "select r.id, r.ver, r.resource::text as body from resource r where r.tenant_id = g.t and r.rtype = $2 "
    "and r.deleted = false order by r.lu desc, r.rid desc limit $3"
)
_BODIES: Final = (
    "select r.rid, r.ver, r.body from unnest($2::int8[]) w(rid) cross join lateral (select r.rid, r.ver, "
    "r.resource::text as body from resource r where r.tenant_id = g.t and r.rid = w.rid and not r.deleted offset 0) r"
)
_SYSTEMS_OF: Final = (
    "select r.resource->>'valueSet' as value_set, r.resource->>'url' as url from (select r.resource from resource r "
    "where r.tenant_id = g.t and r.rtype = $2 and r.deleted = false "
    f"order by r.s desc, r.rid desc limit {_SYSTEMS}) r where r.resource->>'valueSet' = any ($3::text[])"
)


async def _decoded(body: str) -> dict[str, Any]:
    """The tree of a resource; of a large one beside the event loop."""
    return exact.decode(body.encode()) if len(body) < _LARGE else await asyncio.to_thread(exact.decode, body.encode())


class Library:
    """The terminology resources of the tenant of a session."""

    def __init__(self, session: Session, indexer: Indexer) -> None:
        self.tenant_id = session.tenant_id
        self._session = session
        self._indexer = indexer

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        """For each the current resources with that URL (of a type with a search parameter `url`), with that "Type/id",
        or the one written last (NEWEST), found in one statement; trees of those that are not known by a second one."""
        newest: list[tuple[int, int]] = []
        by_id: list[tuple[int, int, int, str]] = []
        by_url: list[tuple[int, int, int, str]] = []
        for n, (kind, name) in enumerate(wanted):
            number = self._indexer.definitions.type_number(kind)
            if name.startswith(f"{kind}/"):
                logical_id = name.removeprefix(f"{kind}/")
                by_id.append((n, number, self._indexer.hash(kind, logical_id), logical_id))
            elif name == NEWEST:
                newest.append((n, number))
            elif parameter := self._indexer.parameters(kind).get("url"):
                by_url.append((n, number, parameter.number, cut(name, parameter)))
        arguments, parts = Arguments(), []
        if by_id:
            columns = {"n": "int4", "type": "int2", "skey": "int8", "id": "text"}
            parts.append(_BY_ID.format(wanted=arguments.table(by_id, "w", columns)))
        if by_url:
            columns = {"n": "int4", "type": "int2", "number": "int2", "url": "text"}
            parts.append(_BY_URL.format(wanted=arguments.table(by_url, "w", columns)))
        if newest:
            parts.append(_NEWEST.format(wanted=arguments.table(newest, "w", {"n": "int4", "type": "int2"})))
        if not parts:
            return [[] for _ in wanted]
        rows = await self._session.select(" union all ".join(parts), *arguments.values)
        unknown = [row["rid"] for row in rows if not known(wanted[row["n"]][0], row["id"], row["ver"])]
        bodies = {row["rid"]: row for row in await self._session.select(_BODIES, unknown)} if unknown else {}
        found: list[list[Found]] = [[] for _ in wanted]
        wanting = set(unknown)
        for row in rows:
            body = bodies.get(row["rid"])
            if body is not None:
                found[row["n"]].append(Found(row["id"], body["ver"], await _decoded(body["body"])))
            elif row["rid"] not in wanting:
                found[row["n"]].append(Found(row["id"], row["ver"], None))
        return found

    async def newest(self, resource_type: str, most: int) -> Sequence[Found]:
        """The resources of a type that were written last, at most so many."""
        number = self._indexer.definitions.type_number(resource_type)
        rows = await self._session.select(_NEWEST_OF, number, most)
        return [Found(row["id"], row["ver"], await _decoded(row["body"])) for row in rows]

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        """URL of a value set → URL of the code system whose `valueSet` it is."""
        number = self._indexer.definitions.type_number("CodeSystem")
        rows = await self._session.select(_SYSTEMS_OF, number, list(value_sets))
        return {row["value_set"]: row["url"] for row in reversed(rows) if row["url"]}
