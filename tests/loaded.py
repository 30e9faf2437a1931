"""Small releases of invented codes, and how a test loads and looks them up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from resources.database import Database, Owner
from terminology.loaders.release import Part, Release
from terminology.records import About, Concept, Parent, Record, Term
from terminology.releases import loading, store
from terminology.releases.catalogue import Catalogue
from terminology.releases.loading import Loading, Origin, Outcome
from terminology.releases.store import SHARED
from terminology.scope import CODE_SYSTEM, Candidate, Missing


def records(count: int, display: str = "colour") -> list[Record]:
    """A small hierarchy: c1 is below c0, and so on."""
    concepts: list[Record] = [Concept(f"c{n}", f"{display} {n}") for n in range(count)]
    below: list[Record] = [Parent(f"c{n}", f"c{n // 2}") for n in range(1, count)]
    return [*concepts, *below, *(Term(f"c{n}", f"{display} no. {n}", "en") for n in range(count))]


def read(url: str, version: str = "1", parts: Sequence[list[Record]] = (), **about: Any) -> Release:
    """A release as a loader makes it."""
    parts = parts or (records(5),)
    named = tuple(Part(f"file-{number}.txt", part.__iter__, 100) for number, part in enumerate(parts))
    return Release("code-system", About(url, version, **about), named)


async def load(owner: Owner, tenant_id: int, *releases: Release, digest: bytes = b"1", **options: Any) -> list[Outcome]:
    return await Loading(owner, tenant_id, Origin("test", digest, ("test.zip",)), **options).all(releases)


async def asked(catalogue: Catalogue, question: Callable[[], Any]) -> Any:
    """An answer, with what is missing fetched as often as it takes."""
    for _ in range(5):
        try:
            return question()
        except Missing:
            await catalogue.fetch()
    raise AssertionError("it is still missing")


async def found(catalogue: Catalogue, tenant_id: int, url: str, kind: str = CODE_SYSTEM) -> list[Candidate]:
    return list(await asked(catalogue, lambda: catalogue.source(tenant_id).find(kind, url)))


async def opened(catalogue: Catalogue, tenant_id: int, url: str, kind: str = CODE_SYSTEM) -> Any:
    return await asked(catalogue, lambda: catalogue.source(tenant_id).find(kind, url)[0].open())


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def current(catalogue: Catalogue, owner: Owner) -> None:
    """Waits until a worker has heard of all that is shared."""
    active = {_state(one) for one in await store.releases(owner, SHARED) if one.state == "active"}
    await eventually(lambda: {_state(one) for one in catalogue.releases(SHARED)} == active)


def _state(release: store.Release) -> tuple[int, bytes | None, bool]:
    return release.release_id, release.checksum, release.is_default


@asynccontextmanager
async def sharing(owner: Owner) -> AsyncIterator[int]:
    """The tenant of what is shared; all that is loaded there meanwhile is dropped in the end."""
    before = {one.release_id for one in await store.releases(owner, SHARED)}
    yield SHARED
    for one in await store.releases(owner, SHARED):
        if one.release_id not in before:
            await loading.drop(owner, one)


@asynccontextmanager
async def cataloguing(database: Database, folder: Path) -> AsyncIterator[Catalogue]:
    """The releases of a worker."""
    catalogue = Catalogue(database, folder / "terminology")
    await catalogue.start()
    yield catalogue
    await catalogue.stop()
