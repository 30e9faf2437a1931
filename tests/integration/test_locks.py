"""Locks of conditions: two that share one wait for each other, tenants never do, and a thousand are few."""

from __future__ import annotations

import asyncio

import pytest

from resources.database import Database, Session
from resources.locks import BUCKETS, lock

from ..conftest import FreshTenant


async def is_free(session: Session, *hashes: int) -> bool:
    """Whether the lock is to be had at once."""
    try:
        async with asyncio.timeout(0.3), session.transaction() as inner:
            await lock(inner, hashes)
    except TimeoutError:
        return False
    return True


async def test_co_2_a_lock_is_held_until_the_transaction_ends(tenant: FreshTenant) -> None:
    async with tenant.session.transaction() as holding:
        await lock(holding, [7, 8])
        assert not await is_free(tenant.session, 7)
        assert not await is_free(tenant.session, 8 + BUCKETS, 1)
        assert await is_free(tenant.session, 9)
    assert await is_free(tenant.session, 7, 8)


async def test_a_lock_is_free_again_when_the_transaction_fails(tenant: FreshTenant) -> None:
    async def fail() -> None:
        async with tenant.session.transaction() as holding:
            await lock(holding, [7])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await is_free(tenant.session, 7)


async def test_tenants_do_not_wait_for_each_other(tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    async with tenant.session.transaction() as holding:
        await lock(holding, range(BUCKETS))
        assert await is_free(other_tenant.session, *range(BUCKETS))


async def test_orders_that_cross_do_not_deadlock(tenant: FreshTenant) -> None:
    async def take(hashes: list[int]) -> None:
        async with tenant.session.transaction() as inner:
            await lock(inner, hashes)
            await asyncio.sleep(0.01)

    forth, back = list(range(40)), list(range(39, -1, -1))
    await asyncio.gather(*(take(hashes) for _ in range(10) for hashes in (forth, back)))


async def test_ten_thousand_conditions_are_no_more_locks_than_buckets(tenant: FreshTenant, database: Database) -> None:
    async with tenant.session.transaction() as inner:
        await lock(inner, range(-5_000, 5_000))
        [row] = await inner.call(
            "select count(*) as held from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        )
        assert row["held"] == BUCKETS
