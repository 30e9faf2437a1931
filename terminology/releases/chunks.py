"""What the database keeps of a release: records by the ten thousand, and an index file in pieces. Pure.

Both are compressed. A row for each concept, term and relationship would be asked by no query, and costs ten times the
bytes and the time (docs/terminology.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec
import zstandard

from ..records import About, Concept, Record, Row

FORMAT: Final = 1  # of chunks of records: another one is read from the official files anew

PIECE: Final = 1 << 20  # bytes of an index file that are kept together
_RECORDS: Final = 20_000  # of a chunk at most
_BYTES: Final = 8 << 20  # of a chunk, about, before it is compressed
_TOGETHER: Final = 1_000  # records that are encoded at once

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoder: Final = msgspec.json.Decoder(Record, float_hook=Decimal)
_about: Final = msgspec.json.Decoder(About, float_hook=Decimal)


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


class Chunk(NamedTuple):
    """Some records as they are kept."""

    body: bytes
    records: int
    concepts: int  # of a concept map: rows


def chunks(records: Iterable[Record], digest: Digest) -> Iterator[Chunk]:
    """Records as the database keeps them; digest takes their bytes."""
    compress = zstandard.ZstdCompressor(level=3).compress
    source, more = iter(records), True
    while more:
        body, count, concepts = bytearray(), 0, 0
        while count < _RECORDS and len(body) < _BYTES:
            some = list(islice(source, _TOGETHER))
            if not some:
                more = False
                break
            body += _encoder.encode_lines(some)
            count += len(some)
            concepts += sum(type(one) in (Concept, Row) for one in some)
        if count:
            text = bytes(body)
            digest.update(text)
            yield Chunk(compress(text), count, concepts)


def records(body: bytes) -> list[Record]:
    """The records of a chunk."""
    return _decoder.decode_lines(zstandard.ZstdDecompressor().decompress(body))


def about_text(about: About) -> str:
    """As the database keeps it."""
    return _encoder.encode(about).decode()


def read_about(text: str) -> About:
    return _about.decode(text)


def pieces(path: Path) -> Iterator[bytes]:
    """A file as the database keeps it."""
    compress = zstandard.ZstdCompressor(level=1).compress
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield compress(piece)


def piece(body: bytes) -> bytes:
    """The bytes of a piece of a file."""
    return zstandard.ZstdDecompressor().decompress(body)


def count_of_pieces(size: int) -> int:
    """How many pieces a file of so many bytes has."""
    return -(-size // PIECE)


def checksum(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def source_digest(path: Path, *how: str) -> bytes:
    """What tells files (or a folder of them) from others, and one way to read them from another. Raises OSError."""
    whole = hashlib.sha256(msgspec.json.encode((FORMAT, *how)))
    within = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    for one in within:
        whole.update(one.relative_to(path).as_posix().encode() + b"\0" + checksum(one))
    return whole.digest()
