"""Keyed hashes: the numbers under which values and resources are found in the index.

The key is made once by the first migration and lives in the database, so that nobody outside can search for two values
that collide, and a restored dump still finds its rows.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b


class Hash:
    """Hashes of one database: `of` has 64 bits (signed, an int8 of PostgreSQL), `system` has 31 (an int4)."""

    def __init__(self, key: bytes) -> None:
        self._keyed = blake2b(digest_size=8, key=key)
        # Systems are few and repeat in every resource; the bound keeps hostile variety from growing a worker.
        self.system = lru_cache(maxsize=4096)(self._system)

    def of(self, *parts: str) -> int:
        """The key of a value: of(resource_type, logical_id), of(resource_type, parameter, code)."""
        state = self._keyed.copy()
        state.update("\x1f".join(parts).encode())
        return int.from_bytes(state.digest(), "big", signed=True)

    def _system(self, system: str | None) -> int:
        """The 31-bit number of a code system; 0 stands for a value without a system."""
        return (self.of("system", system) & 0x7FFF_FFFF or 1) if system else 0
