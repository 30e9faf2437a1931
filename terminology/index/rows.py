"""Rows of numbers, many to one: where the rows of each begin, and all rows one after the other."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from pyroaring import BitMap

from .container import Buffer, Container, Texts, texts

# Numbers that are kept as they are. A serialized bitmap of more has more bytes than they, unless they follow each other:
# then it has 15, which is no multiple of four.
_PLAIN: Final = 4


class Rows:
    """For each number from 0 a row of others."""

    __slots__ = ("_rows", "_starts")

    def __init__(self, container: Container, name: str) -> None:
        self._starts, self._rows = container.array(f"{name}.starts", "I"), container.array(f"{name}.rows", "I")

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> memoryview:
        return self._rows[self._starts[number] : self._starts[number + 1]]

    def has(self, number: int, wanted: int) -> bool:
        """Whether a row that is sorted has a number."""
        end = self._starts[number + 1]
        at = bisect_left(self._rows, wanted, self._starts[number], end)
        return at < end and self._rows[at] == wanted

    def union(self, some: BitMap, offset: int = 0) -> BitMap:
        """What the rows of some numbers have. Rows of numbers that follow each other are read in one go."""
        found, starts, rows = array("I"), self._starts, self._rows.cast("B")
        for first, end in runs(some):
            found.frombytes(rows[4 * starts[first + offset] : 4 * starts[end + offset]])
        return BitMap(found)


def runs(some: BitMap) -> Iterator[tuple[int, int]]:
    """The first and the one after the last of numbers that follow each other."""
    if not some:
        return
    first = some.min()
    if some.max() - first + 1 == len(some):
        yield first, first + len(some)
        return
    end = first
    for number in some:
        if number != end:
            yield first, end
            first = number
        end = number + 1
    yield first, end


def rows(name: str, some: Iterable[Sequence[int]]) -> dict[str, Buffer]:
    """The sections of Rows."""
    starts, flat = array("I", [0]), array("I")
    for one in some:
        flat.extend(one)
        starts.append(len(flat))
    return {f"{name}.starts": starts.tobytes(), f"{name}.rows": flat.tobytes()}


class Sets:
    """Bitmaps by number, each decoded when it is asked for."""

    __slots__ = ("_packed",)

    def __init__(self, container: Container, name: str) -> None:
        self._packed = container.texts(name)

    def __len__(self) -> int:
        return len(self._packed)

    def weight(self, number: int) -> int:
        """Bytes of it."""
        return len(self._packed.raw(number))

    def __getitem__(self, number: int) -> BitMap:
        return self.read(self._packed.raw(number))

    @staticmethod
    def read(raw: memoryview) -> BitMap:
        """The bitmap that was packed."""
        if len(raw) <= 4 * _PLAIN and not len(raw) % 4:
            return BitMap(raw.cast("I"))
        return BitMap.deserialize(raw)  # type: ignore[arg-type]  # any buffer will do


def packed(some: Sequence[int] | BitMap) -> bytes:
    """One bitmap as Sets keep it: as the numbers themselves, if they are few."""
    if len(some) <= _PLAIN:
        return array("I", some).tobytes()
    found = some if isinstance(some, BitMap) else BitMap(some)
    found.run_optimize()
    return found.serialize()


def sets(name: str, some: Iterable[bytes]) -> dict[str, Buffer]:
    """The sections of Sets, each packed."""
    return texts(name, some)


class Keys:
    """Texts sorted by their UTF-8, to find one or those that begin alike."""

    __slots__ = ("_key", "_numbers", "_texts")

    _key: Callable[[int], bytes]

    def __init__(self, some: Texts) -> None:
        self._texts = some
        self._numbers = range(len(some))
        raw = some.raw
        self._key = lambda number: bytes(raw(number))

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def find(self, text: str, first: int = 0, end: int | None = None) -> int | None:
        """The number of a text."""
        wanted = text.encode("utf-8", "replace")
        stop = len(self._numbers) if end is None else end
        at = bisect_left(self._numbers, wanted, first, stop, key=self._key)
        return at if at < stop and self._key(at) == wanted else None

    def beginning(self, prefix: str) -> range:
        """The numbers of the texts that begin so."""
        wanted = prefix.encode("utf-8", "replace")
        first = bisect_left(self._numbers, wanted, key=self._key)
        return range(first, bisect_left(self._numbers, wanted + b"\xff", first, key=self._key))
