"""Keyed hashes: the numbers under which values and resources are found in the index.

The key is made once by the first migration and lives in the database, so that nobody outside can search for two values
that collide, and a restored dump still finds its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")

LONGEST: Final = 256  # characters of texts for which a result is kept


def remembered(most: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Keeps the results of the last so many calls of a function of texts, but not for long texts.

    A cache is bounded in bytes, too: codes and URLs repeat, and a text of a megabyte is not kept because it came once."""

    def keep(function: Callable[..., T]) -> Callable[..., T]:
        known = lru_cache(most)(function)

        @wraps(function)
        def call(*texts: str) -> T:
            return known(*texts) if len("".join(texts)) <= LONGEST else function(*texts)

        return call

    return keep


class Hash:
    """Hashes of one database: `of` has 64 bits (signed, an int8 of PostgreSQL), `system` has 31 (an int4)."""

    def __init__(self, key: bytes) -> None:
        self._keyed = blake2b(digest_size=8, key=key)
        # Systems are few and repeat in every resource; the bound keeps hostile variety from growing a worker.
        self._number = remembered(4096)(self._number_of)

    def of(self, *parts: str) -> int:
        """The key of a value: of(resource_type, logical_id), of(resource_type, parameter, code)."""
        state = self._keyed.copy()
        state.update("\x1f".join(parts).encode())
        return int.from_bytes(state.digest(), "big", signed=True)

    def system(self, system: str | None) -> int:
        """The 31-bit number of a code system; 0 stands for a value without a system."""
        return self._number(system) if system else 0

    def _number_of(self, system: str) -> int:
        return self.of("system", system) & 0x7FFF_FFFF or 1
