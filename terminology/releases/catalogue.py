"""The releases that a worker serves: which there are, for whom, and their mapped files.

What there is stands in memory and is read anew when a NOTIFY says so; files are fetched from the database once a node.
Whoever has a file open keeps it until the last request that uses it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from resources.database import Database
from resources.outcome import FhirError, Unavailable

from ..index.container import BadIndex
from ..scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET, Candidate, Missing, Source, Tree
from ..sources import Built, opened
from ..stored import version_order
from . import chunks, store
from .files import FORMAT, OPEN, Damaged, Folder
from .store import SHARED, Release

log = logging.getLogger(__name__)

RESOURCE_TYPES: Final = {"code-system": CODE_SYSTEM, "concept-map": CONCEPT_MAP, "value-set": VALUE_SET}
_PIECES: Final = 8  # of an index file that are fetched by one statement
_AGAIN: Final = 0.2  # seconds between attempts to read what there is

Key = tuple[str, int, int]  # releases of a tenant | file or tree of a release: what, tenant_id, release_id


class _Gone(Exception):
    """A release was dropped or replaced meanwhile."""


class Catalogue:
    """The releases of one worker."""

    def __init__(self, database: Database, directory: Path) -> None:
        """directory: where index files are; this database has a folder of its own there."""
        self._database = database
        self._folder = Folder(directory / hashlib.sha256(database.hash_key).hexdigest()[:16])
        self._releases: dict[int, tuple[Release, ...]] = {}  # by tenant; those of tenant 0 are shared
        self._sources: dict[int, Source] = {}
        self._opened: dict[tuple[int, int], Any] = {}
        self._trees: dict[tuple[int, int], Tree] = {}
        self._built = Built()  # of releases that are a resource and no file
        self._wanted: set[Key] = set()
        self._fetching: dict[Key, asyncio.Task[None]] = {}
        self._stale: set[int] = set()
        self._following: asyncio.Task[None] | None = None
        self._prefetching: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self, tenant_ids: Iterable[int] = ()) -> None:
        """Reads what there is, and follows it from now on. Tenants that are not named are read when they are asked for."""
        for tenant_id in (SHARED, *tenant_ids):
            await self._read(tenant_id)
        self._folder.keep({one.checksum for one in self._all() if one.checksum})
        self._database.listen("fhir_release", self._heard)
        self._prefetching = asyncio.create_task(self._prefetch())

    async def stop(self) -> None:
        """Ends what is under way; what the database still says is not heard any more."""
        self._stopped = True
        tasks = [*self._fetching.values(), *filter(None, (self._following, self._prefetching))]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def releases(self, tenant_id: int) -> Sequence[Release]:
        """What a tenant may use: its own, then what is shared, of each URL the best version first. Raises Missing."""
        for needed in (SHARED, tenant_id):
            if needed not in self._releases:
                self._want(("list", needed, 0))
        own = self._releases[tenant_id] if tenant_id != SHARED else ()
        taken = {(one.kind, one.url, one.version) for one in own}
        shared = [one for one in self._releases[SHARED] if (one.kind, one.url, one.version) not in taken]
        return [*best_first(own), *best_first(shared)]

    def source(self, tenant_id: int) -> Source:
        """What a tenant may use now, for one request: the same object until it changes."""
        if not {SHARED, tenant_id} <= self._releases.keys():
            return _Unread(self, tenant_id)
        if tenant_id not in self._sources:
            self._sources[tenant_id] = _View(self, self.releases(tenant_id))
        return self._sources[tenant_id]

    async def fetch(self) -> None:
        """Gets what Missing was raised for. Raises Unavailable (503)."""
        wanted, self._wanted = self._wanted, set()
        for key in wanted - self._fetching.keys():
            self._fetching[key] = asyncio.create_task(self._got(key))
            self._fetching[key].add_done_callback(partial(self._ended, key))
        tasks = [self._fetching[key] for key in wanted]
        if tasks:
            await asyncio.wait(tasks)  # a request that goes away leaves the others what they wait for
        for task in tasks:
            task.result()

    def open(self, release: Release) -> Any:
        """The System or MapTable of a release. Raises Missing."""
        key = release.tenant_id, release.release_id
        if (known := self._opened.get(key)) is not None:
            return known
        if release.checksum:
            return self._map(release)
        return self._built.get(key, lambda: opened(RESOURCE_TYPES[release.kind], self.tree(release)))

    def tree(self, release: Release) -> Tree:
        """The resource that a release is. Raises Missing."""
        known = self._trees.get((release.tenant_id, release.release_id))
        if known is None:
            self._want(("tree", release.tenant_id, release.release_id))
        return known

    def _want(self, key: Key) -> NoReturn:
        self._wanted.add(key)
        raise Missing

    def _map(self, release: Release) -> Any:
        assert release.checksum
        path = self._folder.find(release.checksum, release.size)
        if path is None:
            self._want(("file", release.tenant_id, release.release_id))
        try:
            mapped = OPEN[release.kind](path)
        except (FileNotFoundError, BadIndex):  # it was removed at this very moment, or somebody else has changed it
            path.unlink(missing_ok=True)
            self._want(("file", release.tenant_id, release.release_id))
        self._opened[release.tenant_id, release.release_id] = mapped
        return mapped

    def _all(self) -> list[Release]:
        return [release for releases in self._releases.values() for release in releases]

    # What is fetched

    async def _got(self, key: Key) -> None:
        what, tenant_id, release_id = key
        if what == "list":
            return await self._read(tenant_id)
        found = [one for one in self._releases.get(tenant_id, ()) if one.release_id == release_id]
        try:
            for release in found:
                await (self._get_tree(release) if what == "tree" else self._get_file(release))
            return None
        except _Gone:
            return await self._read(tenant_id)

    async def _get_tree(self, release: Release) -> None:
        tree = await store.tree(self._database.session(release.tenant_id), release.release_id)
        if tree is None:
            raise _Gone
        self._trees[release.tenant_id, release.release_id] = tree

    async def _get_file(self, release: Release) -> None:
        try:
            await self._bring(release)
            self._map(release)
        except (OSError, Damaged) as error:
            log.error("the index of %s cannot be fetched: %r", release.canonical, error)
            raise Unavailable(
                f"The index of {release.canonical} cannot be kept in the folder of --terminology-dir."
                if isinstance(error, OSError)
                else f"The index of {release.canonical} is damaged; `fhir-server terminology rebuild` makes it anew."
            ) from None
        except Missing:
            raise Unavailable(f"The index of {release.canonical} cannot be opened.") from None

    async def _bring(self, release: Release) -> None:
        """The file of a release, fetched if it is not there."""
        assert release.checksum
        async with self._folder.arrival(release.checksum, release.size) as arrival:
            if arrival is None:
                return
            session, count = self._database.session(release.tenant_id), chunks.count_of_pieces(release.size)
            for first in range(0, count, _PIECES):
                end = min(first + _PIECES, count)
                bodies = await store.file_pieces(session, release.release_id, first, end)
                if len(bodies) != end - first:
                    raise _Gone
                await asyncio.to_thread(arrival.write, bodies)
            await asyncio.to_thread(arrival.finish)
        if all(one.checksum != release.checksum for one in self._all()):  # it was dropped meanwhile
            self._folder.remove(release.checksum)

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        del self._fetching[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def _prefetch(self) -> None:
        """Files that are not there yet, before anybody asks for them."""
        for release in sorted(self._all(), key=lambda one: one.size):
            if release.checksum and self._folder.find(release.checksum, release.size) is None:
                with contextlib.suppress(FhirError, OSError, Damaged, _Gone):  # whoever asks for it will hear of it
                    await self._bring(release)

    # What there is

    async def _read(self, tenant_id: int) -> None:
        found = await store.active(self._database.session(tenant_id))
        usable = [one for one in found if one.format in (0, FORMAT)]
        for one in found:
            if one not in usable:
                log.error("%s has an index of another format; run `fhir-server terminology rebuild`", one.canonical)
        before = {one.release_id: one for one in self._releases.get(tenant_id, ())}
        now = {one.release_id: one for one in usable}
        self._releases[tenant_id] = tuple(usable)
        in_use = {one.checksum for one in self._all()}
        for release_id, old in before.items():
            new = now.get(release_id)
            if new is None or new.checksum != old.checksum:
                self._opened.pop((tenant_id, release_id), None)
                self._trees.pop((tenant_id, release_id), None)
                if old.checksum and old.checksum not in in_use:
                    self._folder.remove(old.checksum)  # who has it mapped keeps it
        if tenant_id == SHARED:
            self._sources.clear()
        self._sources.pop(tenant_id, None)

    def _heard(self, payload: str) -> None:
        if self._stopped:
            return
        known = self._releases.keys()
        self._stale |= {int(payload)} & known if payload.isascii() and payload.isdigit() else set(known)
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while self._stale:
            tenant_id = self._stale.pop()
            try:
                await self._read(tenant_id)
            except FhirError:
                # Perhaps only this one connection was lost, and nobody would call again.
                self._stale.add(tenant_id)
                await asyncio.sleep(_AGAIN)
        if self._prefetching is None or self._prefetching.done():
            self._prefetching = asyncio.create_task(self._prefetch())


class _Unread:
    """The source of a tenant of which is not known yet what it has."""

    def __init__(self, catalogue: Catalogue, tenant_id: int) -> None:
        self._catalogue, self._tenant_id = catalogue, tenant_id

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        self._catalogue.releases(self._tenant_id)
        raise Missing  # it was read since: with another source it is found

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return self.find(resource_type, "")


class _View:
    """What a tenant may use at one time."""

    def __init__(self, catalogue: Catalogue, releases: Sequence[Release]) -> None:
        self._catalogue = catalogue
        self._by_url: dict[tuple[str, str], list[Release]] = {}
        for release in releases:
            self._by_url.setdefault((RESOURCE_TYPES[release.kind], release.url), []).append(release)
        self._candidates: dict[tuple[str, str], tuple[Candidate, ...]] = {}

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        key = resource_type, url
        known = self._candidates.get(key)
        if known is None:
            found = self._by_url.get(key)
            if found is None:
                return ()
            known = self._candidates[key] = tuple(self._trees(found, resource_type))
        return known

    def all(self, resource_type: str) -> Iterable[Candidate]:
        for of_type, url in self._by_url:
            if of_type == resource_type:
                yield from self.find(of_type, url)

    def _trees(self, releases: Sequence[Release], resource_type: str) -> Iterable[Candidate]:
        trees: dict[int, Tree | None] = {}
        missing = False
        for release in releases:
            try:  # all that are missing are fetched at once
                trees[release.release_id] = self._catalogue.tree(release) if release.has_tree else None
            except Missing:
                missing = True
        if missing:
            raise Missing
        for release in releases:
            opening = partial(self._catalogue.open, release)
            about, tree = release.about, trees[release.release_id]
            yield Candidate(resource_type, release.url, release.version, about.status, tree, opening, about)


def best_first(releases: Iterable[Release]) -> list[Release]:
    """By URL; of one URL the version that was chosen first, then the newest. Of a URI the last part tells its age: the
    version of an edition of SNOMED CT ends with its date."""
    latest = sorted(releases, key=_age, reverse=True)
    return sorted(latest, key=lambda one: (one.kind, one.url))


def _age(release: Release) -> tuple[object, ...]:
    loaded = release.loaded.timestamp() if release.loaded else 0.0
    return release.is_default, version_order(release.version.rpartition("/")[2]), loaded
