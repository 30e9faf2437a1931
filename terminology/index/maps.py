"""A concept map as one immutable index: its rows whole, found by what they map from and by what they map to.

https://hl7.org/fhir/R4/conceptmap.html
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ..records import About, Row
from .container import BadIndex, Buffer, Container, Texts, pack, texts

KIND: Final = "concept-map"

_row = msgspec.msgpack.Decoder(Row).decode
_about = msgspec.json.Decoder(About).decode


class Unmapped(NamedTuple):
    """What a group of a map says of codes that it does not map.

    https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.unmapped"""

    source_system: str
    target_system: str
    rule: Mapping[str, Any]  # mode (provided | fixed | other-map), code, display, url; equivalence, where one is stated


def build_map(about: About, rows: Iterable[Row], unmapped: Iterable[Unmapped] = ()) -> bytes:
    """The index of a map. Rows of one source keep their order."""
    packed = [
        (f"{one.source_system}\0{one.source}".encode(), _target(one), msgspec.msgpack.encode(one)) for one in rows
    ]
    systems = {key.partition(b"\0")[0] for key, _, _ in packed}
    targets = {key.partition(b"\0")[0] for _, key, _ in packed if key is not None}
    packed.sort(key=lambda one: one[0])  # stable
    sources: list[bytes] = []
    starts = array("I")
    by_target: dict[bytes, array[int]] = {}
    for number, (source, target, _) in enumerate(packed):
        if not sources or sources[-1] != source:
            sources.append(source)
            starts.append(number)
        if target is not None:
            by_target.setdefault(target, array("I")).append(number)
    starts.append(len(packed))
    ends, postings = array("I", [0]), array("I")
    for key in sorted(by_target):
        postings += by_target[key]
        ends.append(len(postings))
    sections: dict[str, Buffer] = {
        **texts("rows", (row for _, _, row in packed)),
        **texts("sources", sources),
        "sources.rows": starts.tobytes(),
        **texts("targets", sorted(by_target)),
        "targets.ends": ends.tobytes(),
        "targets.rows": postings.tobytes(),
        "systems": msgspec.json.encode((sorted(map(bytes.decode, systems)), sorted(map(bytes.decode, targets)))),
        "unmapped": msgspec.json.encode([tuple(one) for one in unmapped]),
    }
    return pack(KIND, msgspec.json.encode(about), sections)


def _target(row: Row) -> bytes | None:
    return None if row.target is None else f"{row.target_system}\0{row.target}".encode()


class MapTable:
    """A map that is asked in place: a buffer, or a mapped file. Raises BadIndex for what is none."""

    def __init__(self, buffer: Buffer | Any) -> None:
        self.size: int = memoryview(buffer).nbytes  # of the index
        container = Container(buffer)
        if container.kind != KIND:
            raise BadIndex(f"This is the index of a {container.kind}, not of a {KIND}.")
        self.about: About = _about(container.about)
        self._rows = container.texts("rows")
        self._sources, self._starts = container.texts("sources"), container.array("sources.rows", "I")
        self._targets, self._ends = container.texts("targets"), container.array("targets.ends", "I")
        self._postings = container.array("targets.rows", "I")
        systems = msgspec.json.decode(container.blob("systems"), type=tuple[tuple[str, ...], tuple[str, ...]])
        self._unmapped = tuple(
            Unmapped(*one) for one in msgspec.json.decode(container.blob("unmapped"), type=list[tuple[str, str, Any]])
        )
        self.source_systems: tuple[str, ...] = systems[0]
        self.target_systems: tuple[str, ...] = systems[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """All rows, in the order of their sources' codes."""
        return map(self._row, range(len(self._rows)))

    def rows_from(self, system: str, code: str) -> list[Row]:
        """The rows of a source, in the order of the map; also those that say that it has no target."""
        found = _position(self._sources, f"{system}\0{code}".encode())
        return [] if found is None else [self._row(one) for one in range(self._starts[found], self._starts[found + 1])]

    def rows_to(self, system: str, code: str) -> list[Row]:
        """The rows with a target."""
        found = _position(self._targets, f"{system}\0{code}".encode())
        return (
            []
            if found is None
            else [self._row(one) for one in self._postings[self._ends[found] : self._ends[found + 1]]]
        )

    def unmapped(self, source_system: str, target_system: str | None = None) -> Mapping[str, Any] | None:
        """What holds for codes of a system that are not mapped to another one; None for any: that of the first group."""
        for one in self.unmapped_groups:
            if one.source_system == source_system and target_system in (None, one.target_system):
                return one.rule
        return None

    @property
    def unmapped_groups(self) -> tuple[Unmapped, ...]:
        """All that is said of codes that are not mapped."""
        return self._unmapped

    def _row(self, number: int) -> Row:
        return _row(self._rows.raw(number))


def _position(keys: Texts, key: bytes) -> int | None:
    """Where a key stands among sorted ones."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if bytes(keys.raw(middle)) < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(keys) and keys.raw(low) == key else None
