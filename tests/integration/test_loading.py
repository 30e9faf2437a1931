"""Loading releases: twice, in place of others, broken, interrupted, and all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from resources.database import Database, Owner, framed
from terminology.loaders.archive import BadFile
from terminology.loaders.release import Part, Release
from terminology.records import About, Concept, Parent, Record
from terminology.releases import store
from terminology.releases.catalogue import Catalogue
from terminology.releases.loading import Refused, drop, rebuild
from terminology.releases.store import SHARED

from ..loaded import cataloguing, current, eventually, found, load, opened, read, records, sharing


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


async def test_the_same_content_changes_nothing_and_another_one_needs_replace(
    owner: Owner, shared: int, catalogue: Catalogue, url: str
) -> None:
    await load(owner, shared, read(url))
    before = await store.releases(owner, SHARED)
    assert [one.done for one in await load(owner, shared, read(url))] == ["unchanged"]
    # The same records out of other files: a zip of the folder.
    assert [one.done for one in await load(owner, shared, read(url), digest=b"2")] == ["unchanged"]
    other = read(url, parts=[records(6)])
    # Nothing of a run is done in which one release is refused.
    fresh = read(f"{url}/fresh")
    assert [one.done for one in await load(owner, shared, fresh, other, digest=b"3")] == ["loaded", "refused"]
    now = await store.releases(owner, SHARED)
    assert [one for one in now if one.state == "active"] == [one for one in before if one.state == "active"]
    await current(catalogue, owner)
    old = await opened(catalogue, SHARED, url)
    assert [one.done for one in await load(owner, shared, fresh, other, digest=b"3", replace=True)] == [
        "loaded",
        "replaced",
    ]
    await current(catalogue, owner)
    assert (len(old), len(await opened(catalogue, SHARED, url))) == (5, 6)  # who had it keeps it
    assert {one.state for one in await store.releases(owner, SHARED) if one.url == url} == {"active"}


async def test_a_broken_file_leaves_nothing_that_is_seen(
    owner: Owner, shared: int, catalogue: Catalogue, url: str
) -> None:
    """What was read before it stays aside, and a better file begins anew."""

    def broken(error: Exception) -> Release:
        def part() -> Iterator[Record]:
            yield from records(5)
            raise error

        return Release("code-system", About(url, "1"), (Part("a", records(5).__iter__), Part("b", part)))

    with pytest.raises(OSError, match="pulled out"):
        await load(owner, shared, broken(OSError("pulled out")))
    assert await found(catalogue, SHARED, url) == []
    [left] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    assert (left.state, [part.name for part in await store.parts(owner, left)]) == ("loading", ["a"])
    assert [one.done for one in await load(owner, shared, read(url), digest=b"better")] == ["loaded"]
    assert [one.state for one in await store.releases(owner, SHARED) if one.url == url] == ["active"]


async def test_of_malformed_files_nothing_is_kept(owner: Owner, shared: int, url: str) -> None:
    """Of none of the releases that they have; what was loaded of them before stays."""
    await load(owner, shared, read(f"{url}/old"), digest=b"old")

    def broken() -> Iterator[Record]:
        yield from records(5)
        raise BadFile("b", 6, 1, "no code")

    bad = Release("code-system", About(url, "1"), (Part("a", records(5).__iter__), Part("b", broken)))
    with pytest.raises(BadFile, match="line 6"):
        await load(owner, shared, read(f"{url}/first"), bad)
    assert [(one.url, one.state) for one in await store.releases(owner, SHARED) if one.url.startswith(url)] == [
        (f"{url}/old", "active")
    ]
    for table in ("release_part", "release_chunk", "release_file"):
        left = f"select 1 from fhir.{table} x where x.tenant_id = g.t and not exists (select from fhir.release r "
        left += "where r.tenant_id = g.t and r.release_id = x.release_id)"
        assert await owner.fetch(framed(left), str(SHARED)) == []


async def test_what_another_loader_is_at_is_not_taken_from_it(owner: Owner, shared: int, url: str) -> None:
    """Its lock is another one, so that nobody knows whether it was interrupted."""
    left = await store.begin(
        owner, SHARED, "code-system", About(url, "1"), None,
        loader="other", source=b"x", files=(), licence="", acknowledged_by="", acknowledged=None,
    )  # fmt: skip
    with pytest.raises(Refused, match=rf"{url}\|1 is being loaded by other"):
        await load(owner, shared, read(url))
    await drop(owner, left)
    assert [one.done for one in await load(owner, shared, read(url))] == ["loaded"]
    with pytest.raises(Refused, match="dropped or replaced meanwhile"):
        await drop(owner, left)
    with pytest.raises(Refused, match="dropped or replaced meanwhile"):
        await rebuild(owner, left)


async def test_what_is_wrong_with_the_content_is_reported(owner: Owner, shared: int, url: str) -> None:
    circle: list[Record] = [Concept("a"), Concept("b"), Concept("b"), Parent("a", "b"), Parent("b", "a")]
    [outcome] = await load(owner, shared, read(url, parts=[circle]))
    assert outcome.report.notes == [
        f"{url}|1: 1 codes are defined more than once; the last definition counts.",
        f"{url}|1: a is above its parent b: the edge is left out.",
    ]


async def test_loading_goes_on_after_the_last_part_that_is_there(owner: Owner, shared: int, url: str) -> None:
    """And nothing is read twice that need not be."""
    begun: list[str] = []

    def part(name: str, fails: bool = False) -> Part:
        def source() -> Iterator[Record]:
            begun.append(name)
            yield from [Concept(f"{name}{n}") for n in range(3)]
            if fails:
                raise OSError("pulled out")

        return Part(name, source)

    def release(fails: bool) -> Release:
        return Release("code-system", About(url, "1"), (part("a"), part("b"), part("c", fails), part("d")))

    with pytest.raises(OSError, match="pulled out"):
        await load(owner, shared, release(fails=True))
    assert begun == ["a", "b", "c"]
    [outcome] = await load(owner, shared, release(fails=False))
    assert begun == ["a", "b", "c", "c", "d"]
    assert (outcome.done, outcome.release.concepts, outcome.release.records) == ("loaded", 12, 12)


async def test_activation_is_one_for_all_releases_of_a_run(
    owner: Owner, shared: int, database: Database, url: str
) -> None:
    """Whoever looks from outside sees none of them or all."""
    counts = set()
    going = True

    async def look() -> None:
        while going:
            active = await store.active(database.session(SHARED))
            counts.add(sum(one.url.startswith(url) for one in active))

    looking = asyncio.create_task(look())
    await load(owner, shared, *(read(f"{url}/{n}") for n in range(8)))
    await eventually(lambda: 8 in counts)
    going = False
    await looking
    assert counts == {0, 8}
