"""The registry of tenants: what a worker knows of it and how soon, and that a dropped tenant leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fhir_server import store as registry
from fhir_server.app import opened
from fhir_server.settings import SETTINGS, read
from fhir_server.tenancy import Tenant, Tenants
from resources.database import Owner
from resources.outcome import NotFound
from resources.store import Change, StaleDefinitions, body_parts

from ..conftest import FreshTenant, Urls


@pytest.fixture
async def tenants(urls: Urls) -> AsyncIterator[Tenants]:
    """What a second worker knows."""
    async with opened(read({"database_url": urls.application}, {})) as parts:
        yield parts.tenants


def patient(tenant: Tenant, logical_id: str, **content: Any) -> Change:
    tree = {"resourceType": "Patient", "name": [{"family": logical_id}], "birthDate": "1970-01-01", **content}
    indexed = tenant.indexer.index("Patient", logical_id, tree, "http://fhir.example")
    head, tail = body_parts(tree, logical_id)
    return Change("update", "Patient", logical_id, head, tail, indexed.sort_key, indexed.keys, indexed.rows)


async def rows_of(owner: Owner, tenant_id: int) -> dict[str, int]:
    """How many rows each table has of a tenant, seen under the tenant's own setting."""
    tables = await owner.fetch(
        "select relname from pg_class where relnamespace = 'fhir'::regnamespace and relrowsecurity"
    )
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant_id))
        return {name: (await owner.fetch(f"select count(*) as rows from fhir.{name}"))[0]["rows"] for (name,) in tables}


async def until(condition: Any) -> float:
    """Seconds until the condition holds, five at most."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < 5
        await asyncio.sleep(0.01)
    return time.monotonic() - start


async def test_settings_are_in_force_within_a_second(owner: Owner, tenants: Tenants, tenant: FreshTenant) -> None:
    """Defaults come from SETTINGS; a change raises the definitions number, so that older plans are refused."""
    await until(lambda: tenant.name in tenants.names())
    before = tenants.get(tenant.name)
    assert before.settings == {setting.name: setting.default for setting in SETTINGS if setting.tenant}
    await registry.set_settings(owner, tenant.name, {"update_create": False})
    assert await until(lambda: tenants.get(tenant.name).settings["update_create"] is False) < 1
    with pytest.raises(StaleDefinitions):
        await before.store.apply(tenant.session, before.definitions_number, [patient(before, "a")])
    after = tenants.get(tenant.name)
    assert await after.store.apply(tenant.session, after.definitions_number, [patient(after, "a")])


async def test_a_dropped_tenant_is_unknown_at_once_and_leaves_no_row(
    owner: Owner, tenants: Tenants, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """Versions too; the same ids in another tenant stay. A drop that was interrupted goes on where it stopped."""
    await until(lambda: {tenant.name, other_tenant.name} <= set(tenants.names()))
    dropping = tenants.get(tenant.name)
    for fresh in (tenant, other_tenant):
        for turn in range(2):
            changes = [patient(dropping, f"p{n}", multipleBirthInteger=turn) for n in range(30)]
            await dropping.store.apply(fresh.session, 1, changes)
    kept = await rows_of(owner, other_tenant.tenant_id)
    assert kept["resource"] == kept["resource_version"] == 30
    assert kept["posting"] > 30
    assert kept["str"] >= 30

    class Interrupted(Exception):
        pass

    def interrupt(table: str, rows: int) -> None:
        if rows >= 14:
            raise Interrupted

    with pytest.raises(Interrupted):
        await registry.drop_tenant(owner, tenant.name, batch=7, progress=interrupt)
    assert await until(lambda: tenant.name not in tenants.names()) < 1
    with pytest.raises(NotFound):
        await dropping.store.apply(tenant.session, 1, [patient(dropping, "late")])
    assert [row.state for row in await registry.tenants_seen_by_owner(owner) if row.name == tenant.name] == ["dropping"]
    assert any((await rows_of(owner, tenant.tenant_id)).values())

    assert await registry.drop_tenant(owner, tenant.name, batch=7)
    assert not any((await rows_of(owner, tenant.tenant_id)).values())
    assert await rows_of(owner, other_tenant.tenant_id) == kept
    assert tenant.name not in [row.name for row in await registry.tenants_seen_by_owner(owner)]
    assert not await registry.drop_tenant(owner, tenant.name)


async def test_writes_in_flight_leave_no_row_in_a_dropped_tenant(
    urls: Urls, owner: Owner, tenants: Tenants, tenant: FreshTenant
) -> None:
    await until(lambda: tenant.name in tenants.names())
    known = tenants.get(tenant.name)

    async def write(writer: int) -> int:
        for n in range(10_000):
            try:
                await known.store.apply(tenant.session, 1, [patient(known, f"{writer}-{n}")])
            except NotFound:
                return n
        raise AssertionError("the drop was never seen")

    writers = [asyncio.create_task(write(writer)) for writer in range(4)]
    await asyncio.sleep(0.3)
    assert await registry.drop_tenant(owner, tenant.name)
    assert min(await asyncio.gather(*writers)) > 0
    assert not any((await rows_of(owner, tenant.tenant_id)).values())


async def test_a_write_that_began_while_the_drop_was_being_marked_leaves_no_row(
    urls: Urls, owner: Owner, tenants: Tenants, tenant: FreshTenant
) -> None:
    """Its transaction id is higher than that of the mark, and it does not see the mark."""
    await until(lambda: tenant.name in tenants.names())
    known = tenants.get(tenant.name)
    waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with Owner.connect(urls.owner) as holder, Owner.connect(urls.owner) as watcher, AsyncExitStack() as writing:
        async with holder.transaction():
            await holder.fetch("select from fhir.tenant where tenant_id = $1 for update", tenant.tenant_id)
            drop = asyncio.create_task(registry.drop_tenant(owner, tenant.name))
            while not await watcher.fetch(waiting):
                await asyncio.sleep(0.01)
            inner = await writing.enter_async_context(tenant.session.transaction())
            await known.store.apply(inner, 1, [patient(known, "late")])
        await asyncio.sleep(0.3)
        assert not drop.done()
    assert await drop
    assert not any((await rows_of(owner, tenant.tenant_id)).values())


async def test_numbers_of_tenants_are_never_used_again(owner: Owner) -> None:
    numbers = []
    for _ in range(3):
        await registry.create_tenant(owner, "again-and-again")
        rows = await registry.tenants_seen_by_owner(owner)
        numbers += [row.tenant_id for row in rows if row.name == "again-and-again"]
        await registry.drop_tenant(owner, "again-and-again")
    assert len(set(numbers)) == 3
