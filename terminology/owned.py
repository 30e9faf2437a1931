"""A tenant's own code systems, value sets and concept maps, as a worker keeps them: read once, forgotten when one changes.

Whatever is written to a tenant's terminology is told to all workers as it is committed (`fhir_terminology`), so that a
question whose answer is known costs no round trip. https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final, Protocol

from resources import exact
from resources.outcome import TooCostly

from .scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET, Candidate, Missing
from .sources import HEAVIER, LIGHTEST, Built, all_of, best_first, from_built
from .stored import Found, Stored, Wanted

MOST: Final = 1_000  # resources that one request may lead to
MAPS: Final = 200  # concept maps that are gone through where none is named
HEAVIEST: Final = 64_000_000  # bytes that a worker keeps of all tenants
EVERY: Final = "*"  # in place of a URL

Key = tuple[int, str, str]  # tenant, resource type, canonical URL or EVERY
Changes = tuple[int, int]


class Library(Stored, Protocol):
    """What of a tenant's database is asked."""

    async def newest(self, resource_type: str, most: int) -> Sequence[Found]:
        """The resources of a type that were written last."""


class Owned:
    """What a worker knows of the terminology of its tenants, within a bound. For several threads."""

    def __init__(self, heaviest: int = HEAVIEST) -> None:
        self._heaviest = heaviest
        self._known: OrderedDict[Key, tuple[tuple[Candidate, ...], int, Changes]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()
        self._built = Built(heaviest)
        self._changes: dict[int, int] = {}  # tenant → how often it was heard to change
        self._missed = 0  # how often any change may have been missed

    def of(self, tenant_id: int) -> TenantSource:
        """The Source of one request."""
        return TenantSource(self, tenant_id)

    def forget(self, tenant_id: int | None = None) -> None:
        """The terminology of a tenant has changed; None: nobody knows which."""
        if tenant_id is None:
            self._missed += 1
        else:
            # What is known of it no longer holds, and goes when it is next asked for, or as the least recently used.
            self._changes[tenant_id] = self._changes.get(tenant_id, 0) + 1

    def changes(self, tenant_id: int) -> Changes:
        """Another one after each change of the tenant's terminology."""
        return self._missed, self._changes.get(tenant_id, 0)

    def get(self, key: Key) -> tuple[Candidate, ...] | None:
        with self._lock:
            known = self._known.get(key)
            if known is None or known[2] != self.changes(key[0]):
                return None
            self._known.move_to_end(key)
            return known[0]

    def put(self, key: Key, candidates: tuple[Candidate, ...], weight: int, changes: Changes) -> None:
        """changes: those that had been heard before it was read. What changed meanwhile may be older than what is there."""
        if changes != self.changes(key[0]):
            return
        with self._lock:
            if key in self._known:
                self._weight -= self._known.pop(key)[1]
            self._known[key] = candidates, weight, changes
            self._weight += weight
            while self._weight > self._heaviest and len(self._known) > 1:
                self._weight -= self._known.popitem(last=False)[1][1]

    def candidate(self, tenant_id: int, resource_type: str, row: Found) -> tuple[Candidate, int]:
        """A stored resource, and what it weighs; its index is made when it is first asked for."""
        tree = row.tree or {}
        key = tenant_id, resource_type, row.logical_id, row.version_id

        def made() -> tuple[tuple[Candidate, int], int]:
            length = len(exact.encode(tree))
            weight = HEAVIER * length
            return (from_built(self._built, key, resource_type, tree, lambda: length), weight), weight

        found: tuple[Candidate, int] = self._built.get(("read", *key), made)
        return found

    def version(self, tenant_id: int, resource_type: str, logical_id: str, version_id: int) -> Candidate | None:
        """A version of a resource, if it was read lately: it never changes."""
        known = self._built.peek(("read", tenant_id, resource_type, logical_id, version_id))
        return None if known is None else known[0]


class TenantSource:
    """A Source for one request: what it does not know yet it notes, and `load` reads."""

    def __init__(self, owned: Owned, tenant_id: int) -> None:
        self._owned = owned
        self._tenant_id = tenant_id
        self._read: dict[Wanted, tuple[Candidate, ...]] = {}  # by this request, whatever is forgotten meanwhile
        self._wanted: dict[Wanted, None] = {}

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        known = self._read.get((resource_type, url))
        if known is None:
            known = self._owned.get((self._tenant_id, resource_type, url))
            if known is None:
                self._wanted[resource_type, url] = None
                raise Missing(f"{resource_type} {url}")
            self._read[resource_type, url] = known
        return known

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return self.find(resource_type, EVERY)

    async def load(self, stored: Library) -> None:
        """Reads what was asked and is not known. Raises TooCostly, Unavailable (503)."""
        wanted, self._wanted = list(self._wanted), {}
        if len(self._read) + len(wanted) > MOST:
            raise TooCostly(f"The request leads to more than {MOST} code systems and value sets.")
        changes = self._owned.changes(self._tenant_id)
        named = [one for one in wanted if one[1] != EVERY]
        rows = list(await stored.find(named, lambda *_: False)) if named else []
        for one in wanted:
            if one[1] == EVERY:
                named.append(one)
                rows.append(await stored.newest(one[0], MAPS))
        implied = await self._implied(stored, [one for one, some in zip(named, rows, strict=True) if not some])
        for (kind, url), some in zip(named, rows, strict=True):
            await asyncio.sleep(0)
            made = [self._owned.candidate(self._tenant_id, kind, row) for row in some]
            found = tuple(best_first(one for one, _ in made)) or implied.get(url, ())
            self._read[kind, url] = found
            weight = LIGHTEST + len(url) + sum(weight for _, weight in made)
            self._owned.put((self._tenant_id, kind, url), found, weight, changes)

    async def _implied(self, stored: Library, missing: Sequence[Wanted]) -> dict[str, tuple[Candidate, ...]]:
        """Value sets that are nowhere but in the word of a code system: `CodeSystem.valueSet` is all of its codes."""
        urls = [url for kind, url in missing if kind == VALUE_SET]
        systems = await stored.systems_of(urls) if urls else {}
        return {url: (all_of(url, system, ""),) for url, system in systems.items()}


TYPES: Final = (CODE_SYSTEM, VALUE_SET, CONCEPT_MAP)
