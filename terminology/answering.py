"""How a worker answers a question about codes: at once from memory if it can, else after reading what is missing.

https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from resources.outcome import TooCostly

from .budget import Budget, Spent
from .owned import Library, Owned, TenantSource
from .scope import Candidate, Missing, Scope, Source, Tree
from .sources import Built, Official, Sent, scope

T = TypeVar("T")

ROUNDS: Final = 100  # times that something more may turn out to be missing: each level of value sets is one
QUICK: Final = 20_000  # steps that are taken on the event loop; what needs more goes on beside it
# Two at a time: each that is at work takes its share of the one processor that a worker has, and the rest is for others.
_BESIDE: Final = ThreadPoolExecutor(2, "terminology")
_SENT: Final = 16_000_000  # bytes of what is made of resources that were sent along, which are often sent again


class Releases(Protocol):
    """The loaded releases of terminology."""

    def source(self, tenant_id: int) -> Source: ...
    async def fetch(self) -> None:
        """Gets the files that were missing."""


class Terminologies:
    """All that a worker has to answer with. One for a process."""

    def __init__(
        self, official: Official, owned: Owned, releases: Releases, is_listening: Callable[[], bool] = lambda: True
    ) -> None:
        """is_listening: whether this worker hears now what changes in the terminology of tenants."""
        self.official = official
        self.owned = owned
        self.releases = releases
        self._is_listening = is_listening
        self._sent = Built(_SENT)

    def heard(self, payload: str) -> None:
        """What was notified: the number of the tenant whose terminology has changed; "" where any may have been missed."""
        self.owned.forget(int(payload) if payload.isdecimal() else None)

    async def answer(
        self,
        stored: Library,
        ask: Callable[[Scope], T],
        *,
        sent: Sequence[Tree] = (),
        versions: Mapping[str, str] | None = None,
    ) -> T:
        """What a plain function over a Scope comes to, in the tenant of `stored`. versions: those that the tenant pins.

        Raises what the function raises; TooCostly; Unavailable (503)."""
        if not self._is_listening():
            self.owned.forget(stored.tenant_id)
        tenant = self.owned.of(stored.tenant_id)
        along = Sent(sent, self._sent) if sent else None

        def within() -> Scope:
            return scope((tenant, self.releases.source(stored.tenant_id)), self.official, along, versions)

        return await asked(ask, within, lambda: self._read(tenant, stored))

    async def _read(self, tenant: TenantSource, stored: Library) -> None:
        await tenant.load(stored)
        await self.releases.fetch()


async def asked(ask: Callable[[Scope], T], within: Callable[[], Scope], read: Callable[[], Awaitable[None]]) -> T:
    """What a plain function comes to, asked as often as something is missing, which `read` then gets.

    Raises what the function raises; TooCostly."""
    for _ in range(ROUNDS):
        scope = within()
        try:
            scope.budget = Budget(QUICK, sooner=True)
            return ask(scope)
        except Missing:
            await read()
        except Spent:
            scope.budget = Budget()
            try:
                return await asyncio.get_running_loop().run_in_executor(_BESIDE, ask, scope)
            except Missing:
                await read()
    raise TooCostly("The request leads from one definition to the next without end.")


class _NoReleases:
    """Of a process that has none."""

    def source(self, tenant_id: int) -> Source:
        return self

    async def fetch(self) -> None:
        pass

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        return ()

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()


NO_RELEASES: Final = _NoReleases()
