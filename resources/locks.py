"""Locks that conditional writes take, so that of two with the same condition the second sees what the first wrote.

They are PostgreSQL's advisory locks and end with the transaction. Conditions fall into a fixed number of buckets of a
tenant: a Bundle of ten thousand of them takes no more locks than there are buckets, and two that share a bucket
without sharing a condition wait for each other in vain but briefly. They are taken in one order, so that two Bundles
cannot wait for each other, and before any row is locked. https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .database import Session

BUCKETS: Final = 256
PACKAGES: Final = BUCKETS  # the one that is held as long as packages are changed: for seconds
_TRY: Final = "select pg_try_advisory_xact_lock($1::int4, $2::int4) as mine"
_LOCK: Final = "select pg_advisory_xact_lock($1::int4, b) from unnest($2::int4[]) b"


async def lock(session: Session, hashes: Iterable[int]) -> None:
    """Waits until nobody else holds a lock of these conditions, given as hashes, and holds them until the transaction ends.

    The session is one of a transaction. Raises Unavailable (503) when the time is over."""
    buckets = sorted({number % BUCKETS for number in hashes})
    await session.call(_LOCK, session.tenant_id, buckets)


async def try_lock(session: Session, number: int) -> bool:
    """Takes one lock of the tenant, until the transaction ends, unless somebody else holds it: True if it was taken."""
    [row] = await session.call(_TRY, session.tenant_id, number)
    return bool(row["mine"])
