"""The releases that a worker serves: which come first, how their files arrive, and what readers see meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import pytest

from resources.database import Database, Owner
from terminology.loaders.release import Part, Release
from terminology.records import About, Concept, Record, Row
from terminology.releases import loading, store
from terminology.releases.catalogue import Catalogue
from terminology.releases.chunks import PIECE
from terminology.releases.store import SHARED
from terminology.scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET

from ..conftest import FreshTenant
from ..loaded import asked, cataloguing, current, eventually, found, load, opened, read, records, sharing


@pytest.fixture
def url() -> str:
    return f"http://example.org/{token_hex(6)}"


@pytest.fixture
async def shared(owner: Owner) -> AsyncIterator[int]:
    async with sharing(owner) as tenant_id:
        yield tenant_id


@pytest.fixture
async def catalogue(database: Database, tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with cataloguing(database, tmp_path) as catalogue:
        yield catalogue


async def test_what_is_loaded_is_served_to_all_tenants(
    owner: Owner, shared: int, catalogue: Catalogue, tenant: FreshTenant, url: str
) -> None:
    """TX-140. The worker hears of it; the file is fetched when it is asked for."""
    [outcome] = await load(owner, shared, read(url, parts=[records(3), records(40)[3:]]))
    assert outcome.done == "loaded"
    await current(catalogue, owner)
    system = await opened(catalogue, tenant.tenant_id, url)
    assert (len(system), system.about.url, system.display(system.find("c39"))) == (40, url, "colour 39")
    [candidate] = await found(catalogue, tenant.tenant_id, url)
    assert (candidate.version, candidate.status, candidate.tree) == ("1", "active", None)
    assert candidate.open() is system  # no trip, no second map


async def test_a_tenants_own_release_is_seen_by_nobody_else_and_comes_first(
    owner: Owner, shared: int, catalogue: Catalogue, tenant: FreshTenant, other_tenant: FreshTenant, url: str
) -> None:
    """TX-140: it overrides the shared one of the same URL and version."""
    await load(owner, shared, read(url, "1"), read(url, "9"))
    await current(catalogue, owner)
    await load(owner, tenant.tenant_id, read(url, "1", [records(7, "shade")]), read(url, "2"))
    assert [one.version for one in await found(catalogue, tenant.tenant_id, url)] == ["2", "1", "9"]
    assert [one.version for one in await found(catalogue, other_tenant.tenant_id, url)] == ["9", "1"]
    own = await asked(catalogue, lambda: catalogue.source(tenant.tenant_id).find(CODE_SYSTEM, url)[1].open())
    theirs = await asked(catalogue, lambda: catalogue.source(other_tenant.tenant_id).find(CODE_SYSTEM, url)[1].open())
    assert (own.display(0), theirs.display(0)) == ("shade 0", "colour 0")


async def test_the_version_that_counts_is_the_chosen_one_else_the_newest(
    owner: Owner, shared: int, catalogue: Catalogue, url: str
) -> None:
    """Numbers count as numbers, of a URI the last part; a replaced version stays the chosen one."""
    edition = f"{url}/900000000000207008/version/"
    await load(owner, shared, *(read(url, one) for one in ("1.9", "1.10", "1.2")))
    await load(owner, shared, read(f"{url}/e", f"{edition}20240101"), read(f"{url}/e", f"{edition}20230701"))
    await current(catalogue, owner)
    assert [one.version for one in await found(catalogue, SHARED, url)] == ["1.10", "1.9", "1.2"]
    assert [one.version[-8:] for one in await found(catalogue, SHARED, f"{url}/e")] == ["20240101", "20230701"]

    async def is_first(version: str) -> None:
        await eventually(lambda: catalogue.source(SHARED).find(CODE_SYSTEM, url)[0].version == version)

    [chosen] = [one for one in await store.releases(owner, SHARED) if (one.url, one.version) == (url, "1.2")]
    await store.choose(owner, SHARED, "code-system", url, chosen)
    await is_first("1.2")
    await load(owner, shared, read(url, "1.2", [records(9)]), digest=b"2", replace=True)
    await current(catalogue, owner)
    await is_first("1.2")
    await store.choose(owner, SHARED, "code-system", url, None)
    await is_first("1.10")


async def test_readers_go_on_while_a_release_is_replaced_and_dropped(
    owner: Owner, shared: int, catalogue: Catalogue, url: str
) -> None:
    """TX-144: each sees one whole version or the other, in every moment, and no file stays."""
    await load(owner, shared, read(url, parts=[records(10, "old")]))
    await current(catalogue, owner)
    seen: list[str] = []
    going = True

    async def reader() -> None:
        while going:
            system = await opened(catalogue, SHARED, url)
            names = {system.display(n).split()[0] for n in range(len(system))}
            assert len(names) == 1
            seen.extend(names)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(reader()) for _ in range(3)]
    await eventually(lambda: "old" in seen)
    for turn in range(4):
        parts = [records(10, "even" if turn % 2 else "odd")]
        await load(owner, shared, read(url, parts=parts), digest=b"%d" % turn, replace=True)
    await eventually(lambda: seen[-1] == "even")
    going = False
    await asyncio.gather(*readers)
    assert set(seen) >= {"old", "even"}
    held = await opened(catalogue, SHARED, url)
    files = list(catalogue._folder.path.iterdir())
    [release] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    await loading.drop(owner, release)
    await eventually(lambda: not catalogue.source(SHARED).find(CODE_SYSTEM, url))
    assert held.display(held.find("c9")) == "even 9"
    assert files
    assert not set(files) & set(catalogue._folder.path.iterdir())
    assert url not in {one.url for one in await store.releases(owner, SHARED)}


async def test_maps_and_resources_are_releases_too(owner: Owner, shared: int, catalogue: Catalogue, url: str) -> None:
    rows: list[Record] = [Row("http://a", f"a{n}", "http://b", f"b{n}", "equivalent") for n in range(3)]
    tree = {"resourceType": "ValueSet", "url": f"{url}/vs", "status": "draft", "version": "1"}
    small = {
        "resourceType": "CodeSystem",
        "url": f"{url}/small",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "x", "display": "X"}],
    }
    await load(
        owner,
        shared,
        Release("concept-map", About(f"{url}/map", "1"), (Part("map", rows.__iter__),)),
        Release("value-set", About(f"{url}/vs", "1", status="draft"), tree=tree),
        Release("code-system", About(f"{url}/small"), tree=small),
    )
    await current(catalogue, owner)
    table = await opened(catalogue, SHARED, f"{url}/map", CONCEPT_MAP)
    assert [row.target for row in table.rows_from("http://a", "a1")] == ["b1"]
    [candidate] = await found(catalogue, SHARED, f"{url}/vs", VALUE_SET)
    assert (candidate.tree, candidate.status) == (tree, "draft")
    assert (await opened(catalogue, SHARED, f"{url}/small")).display(0) == "X"
    maps = await asked(catalogue, lambda: list(catalogue.source(SHARED).all(CONCEPT_MAP)))
    assert f"{url}/map" in [one.url for one in maps]


async def test_a_large_file_comes_in_pieces_to_one_worker_of_a_node(
    owner: Owner, shared: int, database: Database, tmp_path: Path, url: str
) -> None:
    """Two workers that want it at once fetch it once, and a damaged file is fetched again."""
    words = [Concept(f"c{n}", token_hex(40)) for n in range(30_000)]
    await load(owner, shared, read(url, parts=[list[Record](words)]))
    workers = [Catalogue(database, tmp_path) for _ in range(2)]
    await asyncio.gather(*(worker.start() for worker in workers))
    systems = await asyncio.gather(*(opened(worker, SHARED, url) for worker in workers))
    assert [system.display(29_999) for system in systems] == [words[-1].display] * 2
    [release] = [one for one in workers[0].releases(SHARED) if one.url == url]
    assert release.size > 2 * PIECE
    path = workers[0]._folder.find(release.checksum or b"", release.size)
    assert path
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".tmp"] == []
    path.unlink()
    path.write_bytes(bytes(release.size))
    third = Catalogue(database, tmp_path)
    await third.start()
    assert (await opened(third, SHARED, url)).display(0) == words[0].display
    for worker in (*workers, third):
        await worker.stop()


async def test_files_of_nobody_are_removed_at_the_start(database: Database, tmp_path: Path) -> None:
    folder = Catalogue(database, tmp_path)._folder.path
    folder.mkdir(parents=True)
    for name in ("00" * 32, "11" * 32 + ".tmp"):
        (folder / name).write_bytes(b"x")
    catalogue = Catalogue(database, tmp_path)
    await catalogue.start()
    assert not [one for one in folder.iterdir() if one.name.startswith(("00" * 32, "11" * 32))]
    await catalogue.stop()
