"""Tables of releases: whose rows they are, and who hears of a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from secrets import token_hex
from typing import Any

import asyncpg
import pytest

from fhir_server import store as registry
from resources.database import Database, Owner, framed
from terminology.releases import store

from ..conftest import FreshTenant, Urls
from ..loaded import eventually, load, read, sharing
from ..plans import explain, faults

MANY = """
insert into fhir.release (tenant_id, kind, url, version, state, loader, about, source, files)
select $1, 'code-system', 'http://example.org/' || n, '1', 'active', 'test',
  '{"url": "http://example.org/x"}', '', '{}' from generate_series(1, 5000) n"""


@pytest.fixture
def url() -> str:
    return f"http://example.org/{token_hex(6)}"


@pytest.fixture
async def shared(owner: Owner) -> AsyncIterator[int]:
    async with sharing(owner) as tenant_id:
        yield tenant_id


async def test_rows_of_tenants_are_theirs_and_the_application_role_changes_none(
    owner: Owner, shared: int, urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant, url: str
) -> None:
    """Row level security lets the shared rows and a tenant's own through, in each of the tables."""
    await load(owner, shared, read(url))
    await load(owner, tenant.tenant_id, read(url))
    tables = ("release", "release_part", "release_chunk", "release_file")
    connection = await asyncpg.connect(urls.application)
    try:
        for table in tables:
            for one, seen in ((tenant, {0, tenant.tenant_id}), (other_tenant, {0})):
                async with connection.transaction():
                    await connection.execute("select set_config('app.tenant', $1, true)", str(one.tenant_id))
                    rows = await connection.fetch(f"select distinct tenant_id from fhir.{table}")
                    assert {row["tenant_id"] for row in rows} == seen
            rows = await connection.fetch(f"select distinct tenant_id from fhir.{table}")  # without a tenant
            assert [row["tenant_id"] for row in rows] == [0]
            for statement in (
                f"insert into fhir.{table} (tenant_id) values (0)",
                f"update fhir.{table} set tenant_id = 0",
                f"delete from fhir.{table}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()
    # Not even the owner deletes or takes over what is shared while it works for a tenant.
    async with store.acting(owner, tenant.tenant_id):
        for table in tables:
            assert await owner.fetch(f"delete from fhir.{table} where tenant_id = 0 returning 1") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with store.acting(owner, tenant.tenant_id):
            await owner.fetch("update fhir.release set is_default = true where tenant_id = 0")


async def test_what_workers_read_is_found_by_its_key(
    owner: Owner, shared: int, connection: asyncpg.Connection, tenant: FreshTenant, other_tenant: FreshTenant, url: str
) -> None:
    """As the application role, however many releases others have: no table is walked, no row of others is looked at."""
    await load(owner, shared, read(url))
    await load(owner, tenant.tenant_id, read(url), read(f"{url}/other"))
    async with store.acting(owner, other_tenant.tenant_id):
        await owner.fetch(MANY, other_tenant.tenant_id)
    [one, _] = await store.releases(owner, tenant.tenant_id)
    arguments = {store._ACTIVE: (), store._TREE: (one.release_id,), store._PIECES: (one.release_id, 0, 8)}
    for query, more in arguments.items():
        for tenant_id in (tenant.tenant_id, store.SHARED):
            async with connection.transaction():
                await connection.execute("set local enable_seqscan = off")  # as on every connection of the server
                plan = await explain(connection, framed(query), (tenant_id, *more))
            assert faults(plan, 100, 0) == []


async def test_a_dropped_tenant_leaves_no_release(owner: Owner, database: Database, tenant: FreshTenant) -> None:
    await load(owner, tenant.tenant_id, read("http://example.org/own"))
    assert await registry.drop_tenant(owner, tenant.name)
    assert await store.releases(owner, tenant.tenant_id) == []
    assert await store.file_pieces(database.session(tenant.tenant_id), 1, 0, 10) == []


async def test_a_write_of_terminology_tells_the_workers_whose(urls: Urls, http: Any, tenant: FreshTenant) -> None:
    """Of other types they hear nothing."""
    database = await Database.open(urls.application, connections=1)
    heard: list[str] = []

    def reached(count: int) -> bool:
        return len(heard) == count

    database.listen("fhir_terminology", heard.append)
    await eventually(lambda: heard == [""])  # something may have been missed before
    await http.put("/Patient/p", json={"resourceType": "Patient", "id": "p"})
    system = {"resourceType": "CodeSystem", "id": "x", "status": "active", "content": "complete"}
    for resource_type in ("CodeSystem", "ValueSet", "ConceptMap"):
        count = len(heard)
        await http.put(
            f"/{resource_type}/x",
            json={**system, "resourceType": resource_type}
            if resource_type == "CodeSystem"
            else {"resourceType": resource_type, "id": "x", "status": "active"},
        )
        await eventually(partial(reached, count + 1))
    await http.delete("/ValueSet/x")
    await eventually(partial(reached, 5))
    assert heard[1:] == [str(tenant.tenant_id)] * 4
    await database.close()
