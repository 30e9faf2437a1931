"""Codes → ordinals: a table of slots in the file, found by the hash of a code, and the codes themselves to compare."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b

from .container import Container, Texts


def _hash(text: bytes) -> int:
    """64 bits that nobody can make alike for many codes."""
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def lookup(codes: Sequence[str], folded: bool) -> bytes:
    """The table of all codes in the order of their ordinals, at least a third of it free: an ordinal and one, or 0.

    folded: whether case does not count."""
    size = 1 << max(1, (len(codes) * 3 // 2).bit_length())
    slots, mask = array("I", bytes(4 * size)), size - 1
    for ordinal, code in enumerate(codes):
        slot = _hash((code.casefold() if folded else code).encode("utf-8", "replace")) & mask
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = ordinal + 1
    return slots.tobytes()


class Lookup:
    """Finds codes."""

    __slots__ = ("_arena", "_codes", "_folded", "_mask", "_slots", "_starts")

    def __init__(self, container: Container, codes: Texts, folded: bool) -> None:
        self._slots = container.array("lookup", "I")
        self._mask = len(self._slots) - 1
        self._codes, self._folded = codes, folded
        self._arena, self._starts = codes.arena, codes.starts

    def __call__(self, code: str) -> int | None:
        """The ordinal of a code; where case does not count, of one that is written exactly so before any other."""
        if self._folded:
            return self._find_folded(code)
        wanted = code.encode("utf-8", "replace")
        slots, mask, starts = self._slots, self._mask, self._starts
        slot = int.from_bytes(blake2b(wanted, digest_size=8).digest(), "little") & mask
        while entry := slots[slot]:
            if self._arena[starts[entry - 1] : starts[entry]] == wanted:
                return entry - 1
            slot = (slot + 1) & mask
        return None

    def _find_folded(self, code: str) -> int | None:
        folded = code.casefold()
        slot = _hash(folded.encode("utf-8", "replace")) & self._mask
        found = None
        while entry := self._slots[slot]:
            there = self._codes[entry - 1]
            if there == code:
                return entry - 1
            if there.casefold() == folded and (found is None or entry <= found):
                found = entry - 1
            slot = (slot + 1) & self._mask
        return found


class Dotted:
    """Finds codes of ICD-10 also without their dot: E119 is E11.9. TX-116"""

    __slots__ = ("_find",)

    def __init__(self, find: Lookup) -> None:
        self._find = find

    def __call__(self, code: str) -> int | None:
        found = self._find(code)
        if found is None and len(code) > 3 and "." not in code:
            found = self._find(f"{code[:3]}.{code[3:]}")
        return found
