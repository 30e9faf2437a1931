"""Files out of a gzipped tar that nobody vouches for: read one after the other in bounded memory, never written anywhere.

What a package has no use for is refused: links, devices, sparse files, names that lead out of it.
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from .outcome import BadRequest, TooLarge

MOST_UNPACKED: Final = 600_000_000  # bytes of the whole archive; the package of R4 itself has 230 million
MOST_READ: Final = 200_000_000  # bytes of the files that are wanted, all of them together
MOST_FILES: Final = 30_000  # and headers of files: some have two
LARGEST_FILE: Final = 20_000_000  # bytes
_LARGEST_HEADER: Final = 65_536  # bytes of what an extended header says
_LONGEST: Final = 500  # characters of a name
_CHUNK: Final = 65_536
_BLOCK: Final = 512
_GZIP: Final = b"\x1f\x8b"
_FILE, _FOLDER = (b"0", b"\0", b"7"), b"5"
_EXTENDED, _GLOBAL, _LONG_NAME = b"x", b"g", b"L"

_octal = re.compile(rb"[ \0]*([0-7]{0,11})[ \0]*", re.DOTALL).fullmatch
_record = re.compile(rb"([1-9][0-9]{0,5}) ")


def files(packed: bytes, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every wanted file, in the order of the archive, which may also be a bare tar.

    Raises BadRequest (400: damaged, or what should not be unpacked), TooLarge (413)."""
    stream = _Stream(_inflated(packed) if packed.startswith(_GZIP) else _cut(packed))
    room, number, said = MOST_READ, 0, dict[str, str]()
    while header := stream.header():
        number += 1
        if number > MOST_FILES:
            raise TooLarge(f"The package has more than {MOST_FILES} files.")
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_EXTENDED, _GLOBAL, _LONG_NAME):
            if size > _LARGEST_HEADER:
                raise TooLarge("The package has a header that is larger than any name.")
            content = stream.content(size)
            if kind == _EXTENDED:
                said |= _records(content)
            elif kind == _LONG_NAME:
                said["path"] = _text(content.rstrip(b"\0"))
            continue
        name = _name(header, kind, said)
        if "size" in said:
            size = _number_of(said["size"])
        said = {}
        if kind == _FOLDER or not wanted(name):
            stream.skip(size)
            continue
        room -= size
        if size > LARGEST_FILE or room < 0:
            raise TooLarge(f"{name} is larger than what is read of a package.")
        yield name, stream.content(size)
    stream.finish()


def _cut(packed: bytes) -> Iterator[bytes]:
    """The bytes by chunks: what is taken of one copies the rest of it."""
    return (packed[at : at + _CHUNK] for at in range(0, len(packed), _CHUNK))


def _inflated(packed: bytes) -> Iterator[bytes]:
    """The bytes of the gzip stream, by chunks. What comes after it is of no interest."""
    stream, at, size = zlib.decompressobj(31), 0, 0
    try:
        while not stream.eof:
            given = stream.unconsumed_tail
            if not given:
                given = packed[at : at + _CHUNK]
                at += len(given)
                if not given:
                    raise _damaged("its gzip stream ends too early")
            piece = stream.decompress(given, _CHUNK)
            size += len(piece)
            if size > MOST_UNPACKED:
                raise TooLarge(f"The package is larger than {MOST_UNPACKED} bytes once it is unpacked.")
            yield piece
    except zlib.error:
        raise _damaged("its gzip stream cannot be read") from None


class _Stream:
    """The blocks of a tar."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def _is_over(self) -> bool:
        while not self._left:
            more = next(self._chunks, None)
            if more is None:
                return True
            self._left = more
        return False

    def _take(self, size: int) -> Iterator[bytes]:
        """The next bytes by chunks. Raises BadRequest (400) if there are not so many."""
        while size > 0:
            if self._is_over():
                raise _damaged("it ends in the middle of a file")
            piece, self._left = self._left[:size], self._left[size:]
            size -= len(piece)
            yield piece

    def header(self) -> bytes:
        """The next header; empty at the end of the archive."""
        header = b"" if self._is_over() else b"".join(self._take(_BLOCK))
        if not header.strip(b"\0"):
            return b""
        unsigned = sum(header) - sum(header[148:156]) + 8 * 32
        if _number(header[148:156]) != unsigned:
            raise _damaged("a header of its tar has a wrong checksum")
        return header

    def finish(self) -> None:
        """Reads what follows the last file: only at its end a gzip stream says whether it is whole."""
        for _ in self._chunks:
            pass

    def content(self, size: int) -> bytes:
        content = b"".join(self._take(size))
        self.skip(-size % _BLOCK, padded=True)
        return content

    def skip(self, size: int, padded: bool = False) -> None:
        for _ in self._take(size if padded else size + -size % _BLOCK):
            pass


def _number_of(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise _damaged("the size of a file is no number")
    return int(text)


def _number(field: bytes) -> int:
    found = _octal(field)
    if not found:
        raise _damaged("it is no tar, or a number in it cannot be read")
    return int(found[1] or b"0", 8)


def _records(content: bytes) -> dict[str, str]:
    """What an extended header says of the file that follows."""
    said, at = {}, 0
    while at < len(content):
        found = _record.match(content, at)
        end = at + int(found[1]) if found else 0
        if not found or end <= found.end() or end > len(content):
            raise _damaged("an extended header cannot be read")
        key, _, value = content[found.end() : end - 1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise BadRequest("The package has a sparse file; those are refused.", code="structure")
        if key in (b"path", b"size"):
            said[key.decode()] = _text(value)
        at = end
    return said


def _name(header: bytes, kind: bytes, said: dict[str, str]) -> str:
    """Raises BadRequest (400) for what has no business in a package."""
    short, prefix = (part.partition(b"\0")[0] for part in (header[:100], header[345:500]))
    if header[257:263] != b"ustar\0":  # GNU has something else in place of the prefix
        prefix = b""
    name = said.get("path") or _text(prefix + b"/" * bool(prefix) + short)
    shown = ascii(name[:200])
    if kind not in (*_FILE, _FOLDER):
        raise BadRequest(f"{shown} is neither a file nor a folder; links and devices are refused.", code="structure")
    name = name.removeprefix("./")
    if name.startswith("/") or ".." in name.split("/") or "\\" in name or "\0" in name or len(name) > _LONGEST:
        raise BadRequest(f"The name of a file leads out of the package: {shown}.", code="structure")
    return name


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _damaged("the name of a file is not UTF-8") from None


def _damaged(why: str) -> BadRequest:
    return BadRequest(f"The package is no gzipped tar, or it is damaged: {why}.", code="structure")
