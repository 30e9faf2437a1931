"""The folder of index files: named by their checksums, each there whole or not at all, mapped and never changed.

Any number of processes may use it. A file that is removed stays mapped by those who have it open.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import mmap
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..conceptmaps import unmapped_of
from ..index import container
from ..index.building import build_file
from ..index.maps import MapTable, build_map
from ..index.system import open_file
from ..records import About, Record
from . import chunks

FORMAT: Final = container.FORMAT  # of index files: one of another format is built of the stored records anew
_LOOK: Final = 0.05  # seconds between looks at what another process is fetching

Tree = Mapping[str, Any]


class Damaged(Exception):
    """A file is not what its checksum says."""


def _mapped(path: Path) -> MapTable:
    with path.open("rb") as file:
        return MapTable(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def _system_file(about: About, records: Iterable[Record], path: Path, _: Tree | None) -> None:
    build_file(about, records, path)


def _map_file(about: About, records: Iterable[Any], path: Path, tree: Tree | None) -> None:
    """What a map says of codes that it does not map stands in its resource alone."""
    path.write_bytes(build_map(about, records, unmapped_of(tree) if tree else ()))


# By kind of release: what builds its index file, and what opens it.
BUILD: Final[Mapping[str, Callable[..., None]]] = {"code-system": _system_file, "concept-map": _map_file}
OPEN: Final[Mapping[str, Callable[[Path], Any]]] = {"code-system": open_file, "concept-map": _mapped}


def build(
    kind: str, about: About, records: Iterable[Record], path: Path, tree: Tree | None = None
) -> tuple[bytes, int]:
    """Builds the index file of a release; its checksum and its size in bytes. tree: the resource, if it came as one."""
    BUILD[kind](about, records, path, tree)
    return chunks.checksum(path), path.stat().st_size


def faults(kind: str, path: Path) -> Sequence[str]:
    """What was wrong with the content that an index file was built of: circles, codes that are defined twice."""
    return open_file(path).faults if BUILD[kind] is _system_file else ()


class Arrival:
    """A file that is being written."""

    def __init__(self, handle: int, temporary: Path, final: Path) -> None:
        self._handle, self._temporary, self._final = handle, temporary, final
        self._digest = hashlib.sha256()

    def write(self, bodies: Iterable[bytes]) -> None:
        """The next pieces as the database keeps them."""
        for body in bodies:
            rest = memoryview(chunks.piece(body))
            self._digest.update(rest)
            while rest:
                rest = rest[os.write(self._handle, rest) :]

    def finish(self) -> None:
        """Gives the file its name. Raises Damaged."""
        if self._digest.hexdigest() != self._final.name:
            raise Damaged(self._final.name)
        os.fsync(self._handle)
        os.replace(self._temporary, self._final)


class Folder:
    """Index files by checksum."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, checksum: bytes, size: int) -> Path | None:
        """Where a file is; None if it is not there."""
        path = self.path / checksum.hex()
        try:
            return path if path.stat().st_size == size and os.access(path, os.R_OK) else None
        except OSError:
            return None

    def remove(self, checksum: bytes) -> None:
        with contextlib.suppress(OSError):
            (self.path / checksum.hex()).unlink()

    def keep(self, checksums: Collection[bytes]) -> None:
        """Removes all files but these, and what nobody is writing any more."""
        wanted = {one.hex() for one in checksums}
        with contextlib.suppress(OSError):
            for path in self.path.iterdir():
                if path.suffix == ".tmp":
                    self._remove_unused(path)
                elif path.name not in wanted:
                    path.unlink(missing_ok=True)

    @staticmethod
    def _remove_unused(path: Path) -> None:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(handle)

    @contextlib.asynccontextmanager
    async def arrival(self, checksum: bytes, size: int) -> AsyncIterator[Arrival | None]:
        """The place of a file that is to be fetched; None if it is there: another process may have fetched it while this
        one waited for it. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        final = self.path / checksum.hex()
        temporary = final.with_suffix(".tmp")
        while self.find(checksum, size) is None:
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had the lock may have given the file its name, or removed it, in between.
                if self._is(handle, temporary):
                    os.ftruncate(handle, 0)
                    try:
                        yield Arrival(handle, temporary, final)
                    finally:
                        if self._is(handle, temporary):  # it was given up
                            temporary.unlink()
                    return
            except BlockingIOError:
                pass
            finally:
                os.close(handle)
            await asyncio.sleep(_LOOK)
        yield None

    @staticmethod
    def _is(handle: int, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), path.stat())
        except OSError:
            return False
