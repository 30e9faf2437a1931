"""A bounded memory of what was decoded: what was not asked for longest goes first."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final

from pyroaring import BitMap

KEPT: Final = 8 << 20  # bytes of bitmaps that one index may keep decoded, nearly
_COST: Final = 300  # bytes of an entry besides the members of its bitmap


class Kept:
    """Bitmaps by what they are the answer to. Never changed by those who get one. For several threads."""

    __slots__ = ("_bitmaps", "_left", "_lock")

    def __init__(self, most: int = KEPT) -> None:
        self._bitmaps: dict[Hashable, tuple[BitMap, int]] = {}
        self._left = most
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._bitmaps)

    def get(self, key: Hashable, make: Callable[[], BitMap]) -> BitMap:
        """The bitmap of a key, made if it is not there."""
        with self._lock:
            kept = self._bitmaps.pop(key, None)
            if kept is not None:
                self._bitmaps[key] = kept
                return kept[0]
        found = make()  # two threads may make the same: nobody waits
        size = weight(found) + (len(key) if isinstance(key, bytes) else 0)
        with self._lock:
            _, before = self._bitmaps.pop(key, (None, 0))
            self._bitmaps[key] = found, size
            self._left += before - size
            while self._left < 0 and len(self._bitmaps) > 1:
                _, size = self._bitmaps.pop(next(iter(self._bitmaps)))
                self._left += size
        return found


def weight(some: BitMap) -> int:
    """Bytes that a bitmap takes in memory, roughly."""
    told = some.get_statistics()
    inside = told["n_bytes_array_containers"] + told["n_bytes_run_containers"] + told["n_bytes_bitset_containers"]
    return _COST + 50 * told["n_containers"] + inside
