"""Official files as they are downloaded: a zip, a folder (also of zips), one file, .gz or .tgz, read without trusting them.

Nothing is unpacked into the file system but a .tgz, into a temporary file without a name.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import os
import re
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Final, NamedTuple, Self

MOST_UNPACKED: Final = 40_000_000_000  # bytes of all files together; SNOMED CT in full has some 5
MOST_FILES: Final = 200_000
MOST_WHOLE: Final = 250_000_000  # bytes of a file that is read at once; PostgreSQL keeps no larger JSON
_CHUNK: Final = 1 << 20
_PASSED_OVER: Final = re.compile(r"(?:^|/)(?:\.|__MACOSX/)")  # what operating systems leave behind
_ZIPPED, _TARRED, _GZIPPED = (".zip",), (".tgz", ".tar.gz"), (".gz",)
_DAMAGED: Final = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class BadFile(Exception):
    """A file of a release cannot be what it is taken for: which, where in it, and what is wrong."""

    def __init__(self, file: str, line: int, column: int, text: str) -> None:
        super().__init__(file, line, column, text)
        self.file = file
        self.line = line  # from 1; 0 for the file as a whole
        self.column = column  # number of the cell from 1, or of the character in what has no cells; 0 for none
        self.text = text

    def __str__(self) -> str:
        place = f", line {self.line}" * bool(self.line) + f", column {self.column}" * bool(self.column)
        return f"{self.file}{place}: {self.text}"


class _Entry(NamedTuple):
    size: int  # bytes once it is unpacked
    open: Callable[[], IO[bytes]]


class Archive:
    """Files by name, as "folder/file", in the order of their names."""

    def __init__(self, path: str | Path, most: int | None = None) -> None:
        """most: bytes that its files may have, MOST_UNPACKED if it is not said.

        Raises BadFile: not there, damaged, too large, or with names that lead out of it."""
        self.path = path = Path(path)
        self._entries: dict[str, _Entry] = {}
        self._open: list[zipfile.ZipFile | tarfile.TarFile | IO[bytes]] = []
        self._most = self._room = MOST_UNPACKED if most is None else most
        try:
            if path.is_dir():
                self._add_folder()
            elif path.exists():
                self._add_path(path, "", path.name)
            else:
                raise BadFile(str(path), 0, 0, "there is no such file or folder")
        except BaseException:
            self.close()
            raise
        self.names = sorted(self._entries)

    @classmethod
    def open_path(cls, path: str | Path) -> Self:
        """The files of a path; raises BadFile as making one does."""
        return cls(path)

    def find(self, pattern: str | re.Pattern[str]) -> list[str]:
        """Names of the files whose path ends as the glob says ("LoincTable/Loinc.csv", "*_Concept_*.txt"), whatever its
        case; or in which the regular expression is found."""
        if isinstance(pattern, str):
            pattern = re.compile("(?:.*/)?" + fnmatch.translate(pattern), re.IGNORECASE)
            return [name for name in self.names if pattern.match(name)]
        return [name for name in self.names if pattern.search(name)]

    def size(self, name: str) -> int:
        """Bytes of a file, unpacked."""
        return self._entries[name].size

    def open(self, name: str) -> BinaryIO:
        """The content of a file, unpacked. Opening it and reading it raises BadFile where it is damaged."""
        entry = self._entries[name]
        try:
            source = entry.open()
        except _DAMAGED as error:
            raise BadFile(name, 0, 0, f"it cannot be opened: {error}") from None
        return io.BufferedReader(_Watched(name, source), _CHUNK)

    def read(self, name: str) -> bytes:
        """All of a file that has to be read at once. Raises BadFile, also where it is larger than MOST_WHOLE."""
        with self.open(name) as stream:
            content = stream.read(MOST_WHOLE + 1)
        if len(content) > MOST_WHOLE:
            raise BadFile(name, 0, 0, f"it is larger than {MOST_WHOLE} bytes")
        return content

    def close(self) -> None:
        for one in self._open:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, name: str, size: int, opening: Callable[[], IO[bytes]]) -> None:
        name = name.removeprefix("./")
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
            raise BadFile(str(self.path), 0, 0, f"the name of a file leads out of it: {name[:200]!a}")
        if _PASSED_OVER.search(name):
            return
        self._room -= size
        if self._room < 0:
            raise BadFile(str(self.path), 0, 0, f"its files are larger than {self._most} bytes")
        if len(self._entries) == MOST_FILES:
            raise BadFile(str(self.path), 0, 0, f"it has more than {MOST_FILES} files")
        if name in self._entries:
            raise BadFile(str(self.path), 0, 0, f"it has two files {name[:200]!a}")
        self._entries[name] = _Entry(size, opening)

    def _add_folder(self) -> None:
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            for file in sorted(files):  # "a.txt" before "a.txt.gz", which then keeps its ending
                path = Path(folder, file)
                within = path.relative_to(self.path).as_posix()
                if not _PASSED_OVER.search(within):
                    self._add_path(path, within + "/", within)

    def _add_path(self, path: Path, prefix: str, name: str) -> None:
        lower = path.name.lower()
        try:
            if lower.endswith(_ZIPPED):
                self._add_zip(path, prefix)
            elif lower.endswith(_TARRED):
                self._add_tar(path, prefix)
            elif lower.endswith(_GZIPPED):
                plain = name[: -len(".gz")]
                self._add(name if plain in self._entries else plain, _size_of_gzip(path), lambda: _unzipped(path))
            else:
                self._add(name, path.stat().st_size, lambda: path.open("rb"))
        except _DAMAGED as error:
            raise BadFile(str(path), 0, 0, f"it cannot be read: {error}") from None

    def _add_zip(self, path: Path, prefix: str) -> None:
        archive = zipfile.ZipFile(path)
        self._open.append(archive)
        for info in archive.infolist():
            if not info.is_dir():
                self._add(prefix + info.filename.removeprefix("./"), info.file_size, partial(archive.open, info))

    def _add_tar(self, path: Path, prefix: str) -> None:
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the archive)
        self._open.append(unpacked)
        size = 0
        with _unzipped(path) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > self._room:
                    raise BadFile(str(path), 0, 0, f"its files are larger than {self._most} bytes")
                unpacked.write(chunk)
        unpacked.seek(0)
        archive = tarfile.TarFile(fileobj=unpacked)
        self._open.append(archive)
        for member in archive:
            if not (member.isfile() or member.isdir()):
                raise BadFile(str(path), 0, 0, f"{member.name[:200]!a} is a link or device; those are refused")
            if member.isfile():
                self._add(prefix + member.name.removeprefix("./"), member.size, partial(_content, archive, member))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None  # of a file there is one
    return content


def _unzipped(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb")  # type: ignore[return-value]


def _size_of_gzip(path: Path) -> int:
    """What its end says that it has once it is unpacked, modulo 2 to the 32. https://www.rfc-editor.org/rfc/rfc1952"""
    with path.open("rb") as packed:
        if packed.seek(0, os.SEEK_END) < 18:
            return 0
        packed.seek(-4, os.SEEK_END)
        return int(struct.unpack("<I", packed.read(4))[0])


class _Watched(io.RawIOBase):
    """A stream that says of itself what it is when it breaks, and that ends somewhere."""

    def __init__(self, name: str, source: IO[bytes]) -> None:
        self._named = name
        self._source = source
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            piece = self._source.read(len(view))
        except _DAMAGED as error:
            raise BadFile(self._named, 0, 0, f"it is damaged after {self._read} bytes: {error}") from None
        self._read += len(piece)
        if self._read > MOST_UNPACKED:
            raise BadFile(self._named, 0, 0, f"it is larger than {MOST_UNPACKED} bytes")
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()
