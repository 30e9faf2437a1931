"""Loading: records are read and kept part by part, an index is built of what is kept, and then all becomes active at once.

Whatever ends it before, nobody has seen anything of it, and the same command goes on after the last part that was kept; of
files of which one is malformed nothing is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from resources import exact
from resources.database import Owner

from ..loaders.archive import BadFile
from ..loaders.release import Part, Report
from ..loaders.release import Release as Read
from ..records import About, Record
from . import chunks, store
from .files import BUILD, FORMAT, build, faults
from .store import Release, StoredPart

_PIECES: Final = 8  # of an index file that are sent by one statement
_WAIT: Final = 50  # times a tenth of a second that a connection which was killed may still hold its lock


class Origin(Struct, frozen=True):
    """Where releases come from, and what was acknowledged for them."""

    loader: str
    digest: bytes  # chunks.source_digest
    files: tuple[str, ...]
    licence: str = ""
    acknowledged_by: str = ""
    acknowledged: datetime | None = None


class Outcome(Struct, frozen=True):
    """What became of one release."""

    release: Release
    done: str  # loaded | replaced | unchanged | refused
    report: Report  # of its files; several releases may have one together


class Refused(Exception):
    """A release cannot be loaded as it is asked; nothing that is served has changed."""


class Progress(Protocol):
    """What shows how far it is."""

    def __call__(self, what: str, part: float, records: int) -> None:
        """what is being done, how much of it is done (up to 1), and how many records it has come to."""


def silent(what: str, part: float, records: int) -> None:
    """Shows nothing."""


class Loading:
    """One run: releases from one origin into one tenant, or for all."""

    def __init__(
        self, owner: Owner, tenant_id: int, origin: Origin, *, replace: bool = False, progress: Progress = silent
    ) -> None:
        self._owner = owner
        self._tenant_id = tenant_id
        self._origin = origin
        self._replace = replace
        self._progress = progress

    async def all(self, releases: Iterable[Read]) -> list[Outcome]:
        """Loads all of them, or none that would change what is served.

        Raises BadFile, Refused (somebody else is loading one of them), NotFound (the tenant was dropped)."""
        await self._lock()
        try:
            outcomes = await self._each(releases)
        except BadFile:
            await self._forget()
            raise
        fresh = [one.release.release_id for one in outcomes if one.done in ("loaded", "replaced")]
        if fresh and not any(one.done == "refused" for one in outcomes):
            await store.activate(self._owner, self._tenant_id, fresh)
        await clean(self._owner, self._tenant_id)
        return outcomes

    async def _each(self, releases: Iterable[Read]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        seen = set()
        source = iter(releases)
        while (read := await asyncio.to_thread(next, source, None)) is not None:
            if (key := _key(read)) in seen:
                raise Refused(f"{key[1]}|{key[2]} is there twice.")
            seen.add(key)
            outcomes.append(await self._one(read))
        return outcomes

    async def _forget(self) -> None:
        """Deletes what was read of files of which one is malformed: no run could go on with it, mended they are others."""
        for one in await store.releases(self._owner, self._tenant_id):
            if one.state == "loading" and one.source == self._origin.digest:
                await store.delete(self._owner, one)

    async def _one(self, read: Read) -> Outcome:
        key = _key(read)
        active = await store.find(self._owner, self._tenant_id, *key, "active")
        if active and not self._replace:
            same = active.source == self._origin.digest or active.content == await self._content(read)
            return Outcome(active, "unchanged" if same else "refused", read.report)
        release = await self._begun(read)
        if release.content is None:
            release = await self._kept(release, read)
        if release.kind in BUILD and release.records and not release.checksum:
            release = await file(self._owner, release, self._progress, read.report)
        return Outcome(release, "replaced" if active else "loaded", read.report)

    async def _lock(self) -> None:
        for _ in range(_WAIT):
            if await store.lock(self._owner, self._tenant_id, self._origin.loader):
                return
            await asyncio.sleep(0.1)
        raise Refused(f"Another command is loading or dropping a release of {self._origin.loader}.")

    async def _begun(self, read: Read) -> Release:
        """The release that is loading: one that was interrupted, if it is of the same origin."""
        key = _key(read)
        left = await store.find(self._owner, self._tenant_id, *key, "loading")
        if left and left.source == self._origin.digest:
            return left
        if left and left.loader != self._origin.loader:  # which may be at it: its lock is another one
            raise Refused(f"{left.canonical} is being loaded by {left.loader}; if that was interrupted, drop it first.")
        if left:
            await store.delete(self._owner, left)
        about = replace(read.about, copyright=_copyright(read.about, self._origin))
        tree = dict(read.tree) if read.tree is not None else None
        if tree is not None and about.copyright:
            tree["copyright"] = about.copyright
        return await store.begin(
            self._owner,
            self._tenant_id,
            read.kind,
            about,
            tree,
            loader=self._origin.loader,
            source=self._origin.digest,
            files=self._origin.files,
            licence=self._origin.licence,
            acknowledged_by=self._origin.acknowledged_by,
            acknowledged=self._origin.acknowledged,
        )

    async def _kept(self, release: Release, read: Read) -> Release:
        """Reads what is not there yet."""
        there = await store.parts(self._owner, release)
        if [one.name for one in there] != [one.name for one in read.parts[: len(there)]]:
            await store.delete(self._owner, release)  # the loader reads otherwise than it did
            release, there = await self._begun(read), []
        size, done = sum(part.size for part in read.parts), 0
        for number, part in enumerate(read.parts):
            if number >= len(there):
                share = (done / size, part.size / size) if size else (0.0, 0.0)
                there.append(await self._part(release, number, part, share, sum(one.records for one in there)))
            done += part.size
        content = _content(read, [one.digest for one in there])
        records, concepts = sum(one.records for one in there), sum(one.concepts for one in there)
        await store.complete(self._owner, release, content, records, concepts)
        return replace(release, content=content, records=records, concepts=concepts)

    async def _part(
        self, release: Release, number: int, part: Part, share: tuple[float, float], before: int
    ) -> StoredPart:
        """One part in one transaction; while a chunk is on its way, the next one is read."""
        digest = hashlib.sha256()
        source = chunks.chunks(part.records(), digest)
        count = records = concepts = 0
        async with store.acting(self._owner, release.tenant_id):
            chunk = await asyncio.to_thread(next, source, None)
            while chunk is not None:
                records, concepts = records + chunk.records, concepts + chunk.concepts
                # How large the records are of what is left is not known: of one part the bar comes near its end.
                self._progress(f"reading {part.name}", share[0] + share[1] * count / (count + 3), before + records)
                sending = asyncio.create_task(store.add_chunk(self._owner, release, number, count, chunk.body))
                try:
                    chunk = await asyncio.to_thread(next, source, None)
                finally:
                    await sending  # the transaction ends after it
                count += 1
            stored = StoredPart(number, part.name, digest.digest(), records, concepts, count)
            await store.add_part(self._owner, release, stored)
        self._progress(f"reading {part.name}", sum(share), before + records)
        return stored

    async def _content(self, read: Read) -> bytes:
        """What a release would be kept as, without keeping it."""

        def digest_of(part: Part) -> bytes:
            digest = hashlib.sha256()
            for _ in chunks.chunks(part.records(), digest):
                pass
            return digest.digest()

        return _content(read, [await asyncio.to_thread(digest_of, part) for part in read.parts])


def _key(read: Read) -> tuple[str, str, str]:
    return read.kind, read.about.url, read.about.version


def _content(read: Read, digests: Iterable[bytes]) -> bytes:
    """What tells a release from another one: all that is said in it."""
    tree = exact.canonical(read.tree) if read.tree is not None else b""
    whole = hashlib.sha256(chunks.about_text(read.about).encode() + b"\0" + tree + b"\0")
    for digest in digests:
        whole.update(digest)
    return whole.digest()


def _copyright(about: About, origin: Origin) -> str:
    """What the CodeSystem says of its licence, with its acknowledgement (TX-130)."""
    if not (origin.licence and origin.acknowledged):
        return about.copyright
    said = f"{origin.licence} Acknowledged on {origin.acknowledged:%Y-%m-%d}."  # by whom is nobody else's business
    return f"{about.copyright}\n\n{said}" if about.copyright else said


async def file(owner: Owner, release: Release, progress: Progress = silent, report: Report | None = None) -> Release:
    """Builds the index file of the records that are kept, and keeps it in place of the one that is there: the release as
    it is with it. report: takes what was wrong with its content."""
    about, tree = await store.described(owner, release)
    records = _kept_records(owner, release, await store.parts(owner, release), progress)
    with tempfile.TemporaryDirectory(prefix="fhir-terminology-") as folder:
        path = Path(folder, "index")
        checksum, size = await asyncio.to_thread(build, release.kind, about, records, path, tree)
        if report is not None:
            report.notes += [f"{release.canonical}: {one}" for one in faults(release.kind, path)]
        async with store.acting(owner, release.tenant_id):
            await store.clear_file(owner, release)
            first, source = 0, chunks.pieces(path)
            while some := await asyncio.to_thread(_take, source, _PIECES):
                await store.add_pieces(owner, release, first, some)
                first += len(some)
                progress("keeping the index", first * chunks.PIECE / max(size, 1), release.records)
            await store.filed(owner, release, FORMAT, checksum, size)
    return replace(release, format=FORMAT, checksum=checksum, size=size)


def _take(source: Iterator[bytes], most: int) -> list[bytes]:
    return [piece for _, piece in zip(range(most), source, strict=False)]


def _kept_records(owner: Owner, release: Release, parts: Iterable[StoredPart], progress: Progress) -> Iterator[Record]:
    """The records of a release, for a builder in another thread."""
    loop = asyncio.get_running_loop()

    def records() -> Iterator[Record]:
        done = 0
        for part in parts:
            for number in range(part.chunks):
                asked = store.chunk(owner, release, part.part, number)
                some = chunks.records(asyncio.run_coroutine_threadsafe(asked, loop).result())
                done += len(some)
                progress("building the index", done / max(release.records, 1), done)
                yield from some

    return records()


async def clean(owner: Owner, tenant_id: int) -> None:
    """Deletes what was replaced or dropped."""
    for release in await store.releases(owner, tenant_id):
        if release.state == "retired":
            await store.delete(owner, release)


async def drop(owner: Owner, release: Release) -> None:
    """Takes a release out of use and deletes it. Raises Refused if another command is at it."""
    async with _alone(owner, release):
        await store.retire(owner, release)
        await clean(owner, release.tenant_id)


async def rebuild(owner: Owner, release: Release, progress: Progress = silent) -> None:
    """Builds the index file of a release anew. Raises Refused as `drop`."""
    async with _alone(owner, release):
        await file(owner, release, progress)


@contextlib.asynccontextmanager
async def _alone(owner: Owner, release: Release) -> AsyncIterator[None]:
    """With the lock of what brought a release, which is still there."""
    if not await store.lock(owner, release.tenant_id, release.loader):
        raise Refused(f"Another command is loading or dropping a release of {release.loader}.")
    try:
        if all(one.release_id != release.release_id for one in await store.releases(owner, release.tenant_id)):
            raise Refused(f"{release.canonical} was dropped or replaced meanwhile.")
        yield
    finally:
        await store.unlock(owner, release.tenant_id, release.loader)
