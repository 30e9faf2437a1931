"""Tenants as a worker knows them: kept in memory, read again as soon as the registry changes.

A tenant is all that an interaction needs to know besides its session: settings, definitions, and what is made of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from resources.database import Database
from resources.definitions import Definitions
from resources.hashing import Hash
from resources.outcome import NotFound, Unavailable
from resources.profiles.world import Tree
from resources.store import Store
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from search.indexer import Indexer
from search.run import Search
from terminology.answering import Terminologies

from . import store
from .store import Registered
from .validation.book import Book
from .validation.policy import Policy
from .validation.shelf import Shelf

_AGAIN: Final = 0.2  # seconds between attempts to read the registry


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant under one definitions number; replaced as a whole when either changes."""

    tenant_id: int
    name: str
    definitions_number: int
    settings: Mapping[str, Any]  # every tenant setting of SETTINGS, with its default where it was not set
    definitions: Definitions
    validator: Validator
    rules: Rules
    policy: Policy
    shelf: Shelf
    indexer: Indexer
    hash: Hash
    store: Store
    search: Search
    terminologies: Terminologies
    versions: Mapping[str, str]  # of code systems that the tenant has pinned, by canonical URL

    def book(self, overlay: Mapping[str, Tree] | None = None) -> Book:
        """What one request, or step of a job, looks up to judge resources; overlay: see Book."""
        return Book(self.shelf, self.tenant_id, self.indexer, overlay, self.versions)


class Tenants:
    """The registry of one worker."""

    def __init__(self, database: Database, tenant_of: Callable[[Registered], Awaitable[Tenant]]) -> None:
        self._database = database
        self._tenant_of = tenant_of
        self._by_name: dict[str, Tenant] = {}
        self._reading = asyncio.Lock()
        self._reloading: asyncio.Task[None] | None = None
        self._again = False

    async def start(self) -> None:
        await self.reload()
        self._database.listen("fhir_tenant", self._heard)

    async def stop(self) -> None:
        """Ends what follows the registry, when the database, which calls for it, is closed."""
        if self._reloading:
            self._reloading.cancel()
            await asyncio.wait([self._reloading])

    def get(self, name: str) -> Tenant:
        """Raises NotFound for a tenant that does not exist or is being dropped."""
        tenant = self._by_name.get(name)
        if tenant is None:
            raise NotFound(f"There is no tenant {name!r}.", code="not-found")
        return tenant

    def by_id(self, tenant_id: int) -> Tenant:
        """Raises NotFound as get does."""
        for tenant in self._by_name.values():
            if tenant.tenant_id == tenant_id:
                return tenant
        raise NotFound("There is no such tenant.", code="not-found")

    def ids(self) -> list[int]:
        return sorted(tenant.tenant_id for tenant in self._by_name.values())

    def names(self) -> list[str]:
        return sorted(self._by_name)

    async def reload(self) -> None:
        async with self._reading:  # one after the other: what was read first never replaces what was read later
            known = self._by_name
            fresh = {}
            for row in await store.tenants(self._database):
                if row.state == "active":
                    tenant = known.get(row.name)
                    same = tenant and (tenant.tenant_id, tenant.definitions_number) == (
                        row.tenant_id,
                        row.definitions_number,
                    )
                    fresh[row.name] = tenant if tenant and same else await self._tenant_of(row)
            self._by_name = fresh

    def _heard(self, _: str) -> None:
        self._again = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while self._again:
            self._again = False
            try:
                await self.reload()
            except Unavailable:
                # Perhaps only this one connection was lost, and nobody would call again.
                self._again = True
                await asyncio.sleep(_AGAIN)
