"""One file of named sections: what an index is kept in. Read in place, so that a mapped file costs no memory of its own.

A header of 64 bytes (magic, format, lengths, checksums), the sections each on a multiple of eight bytes, and at the end the
directory of them. Numbers are little endian.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from msgspec import DecodeError, ValidationError, msgpack

MAGIC: Final = b"\x93FHIRTX\n"
FORMAT: Final = 1
# Magic, format, checksum of the sections, length, where the directory is, its length and checksum, checksum of all these.
_HEADER: Final = struct.Struct("<8sIIQQQII")
_SIZE: Final = 64
SMALL: Final = 1 << 20  # bytes that are checked whole whenever they are opened
NARROW: Final = 1 << 32  # bytes of texts from which on numbers of 32 bits do not tell where one begins

Buffer = bytes | bytearray | memoryview


class BadIndex(ValueError):
    """The bytes are no index, or of another format, or damaged: build it anew."""


class Texts:
    """Texts by number: one arena of UTF-8 and where each begins."""

    __slots__ = ("arena", "starts")

    def __init__(self, arena: memoryview, starts: memoryview) -> None:
        self.arena, self.starts = arena, starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> str:
        return str(self.arena[self.starts[number] : self.starts[number + 1]], "utf-8")

    def raw(self, number: int) -> memoryview:
        """The bytes of a text."""
        return self.arena[self.starts[number] : self.starts[number + 1]]

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


class Container:
    """The sections of an index."""

    __slots__ = ("_data", "_directory", "_sum", "about", "kind")

    kind: str
    about: bytes

    def __init__(self, buffer: Buffer | Any) -> None:
        """buffer: bytes, or a mapped file. Raises BadIndex."""
        data = memoryview(buffer).cast("B")
        if len(data) < _SIZE or bytes(data[:8]) != MAGIC:
            raise BadIndex("This is no index of a terminology.")
        _, number, content, total, at, length, checksum, header = _HEADER.unpack_from(data)
        if number != FORMAT:
            raise BadIndex(f"The index has the format {number}; {FORMAT} is read.")
        if (
            zlib.crc32(data[: _HEADER.size - 4]) != header
            or any(data[_HEADER.size : _SIZE])
            or total != len(data)
            or at + length != total
            or at < _SIZE
        ):
            raise BadIndex("The index is cut off, or its header is damaged.")
        if zlib.crc32(data[at:]) != checksum:
            raise BadIndex("The directory of the index is damaged.")
        try:
            self.kind, self.about, self._directory = msgpack.decode(
                data[at:], type=tuple[str, bytes, dict[str, tuple[int, int]]]
            )
        except (DecodeError, ValidationError) as error:
            raise BadIndex("The directory of the index cannot be read.") from error
        self._data, self._sum = data[:at], content
        if len(data) <= SMALL:
            self.verify()

    def verify(self) -> Self:
        """Reads all of it; small ones are verified when they are opened. Raises BadIndex."""
        if zlib.crc32(self._data[_SIZE:]) != self._sum:
            raise BadIndex("The index is damaged.")
        return self

    def __contains__(self, name: str) -> bool:
        return name in self._directory

    def blob(self, name: str) -> memoryview:
        """The bytes of a section, not copied. Raises BadIndex if there is none such."""
        try:
            at, length = self._directory[name]
        except KeyError:
            raise BadIndex(f"The index has no section {name}.") from None
        return self._data[at : at + length]

    def array(self, name: str, typecode: str) -> memoryview:
        """A section of numbers, not copied: typecode as in the module array."""
        try:
            return self.blob(name).cast(typecode)  # type: ignore[call-overload, no-any-return]
        except TypeError as error:
            raise BadIndex(f"The section {name} is no whole number of entries.") from error

    def texts(self, name: str) -> Texts:
        """A section that `texts` made."""
        wide = "Q" if f"{name}.starts.wide" in self else "I"
        return Texts(self.blob(f"{name}.arena"), self.array(f"{name}.starts{'.wide' if wide == 'Q' else ''}", wide))


def texts(name: str, some: Iterable[str | Buffer]) -> dict[str, Buffer]:
    """The sections of a sequence of texts, or of bytes that are no text."""
    arena, starts = bytearray(), array("Q", [0])
    for one in some:
        arena += one.encode("utf-8", "replace") if isinstance(one, str) else one
        starts.append(len(arena))
    return arena_sections(name, arena, starts)


def arena_sections(name: str, arena: Buffer, starts: array[int]) -> dict[str, Buffer]:
    """The sections of texts of which the arena is there already, and where each text begins, with the end of the last."""
    if starts[-1] < NARROW:
        return {f"{name}.arena": arena, f"{name}.starts": array("I", starts).tobytes()}
    return {f"{name}.arena": arena, f"{name}.starts.wide": starts.tobytes()}


def parts(kind: str, about: bytes, sections: Mapping[str, Buffer]) -> Iterator[Buffer]:
    """The bytes of an index, piece by piece."""
    if sys.byteorder != "little":  # pragma: no cover
        raise BadIndex("Indexes are built and read on little endian machines only.")
    at, content, directory = _SIZE, 0, {}
    pieces: list[Buffer] = []
    for name, section in sections.items():
        length = memoryview(section).nbytes
        directory[name] = (at, length)
        padding = bytes(-length % 8)
        for piece in (section, padding):
            content = zlib.crc32(piece, content)
            pieces.append(piece)
        at += length + len(padding)
    end = msgpack.encode((kind, about, directory))
    fields = (MAGIC, FORMAT, content, at + len(end), at, len(end), zlib.crc32(end))
    head = _HEADER.pack(*fields, 0)[:-4]
    yield (head + struct.pack("<I", zlib.crc32(head))).ljust(_SIZE, b"\0")
    yield from pieces
    yield end


def pack(kind: str, about: bytes, sections: Mapping[str, Buffer]) -> bytes:
    """An index as bytes. kind: what it is an index of; about: what its reader knows how to read."""
    return b"".join(parts(kind, about, sections))


def write(path: Path, kind: str, about: bytes, sections: Mapping[str, Buffer]) -> None:
    """An index as a file, which is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts(kind, about, sections))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
