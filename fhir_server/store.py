"""The SQL of the registry of tenants. Workers read it as the application role; only the owner changes it.

Dropping a tenant is the one place that removes past versions, and so it is the owner's: the application role has no
right to. The owner is bound by row level security as everybody is and works under the tenant's own setting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resources.database import Database, Owner

_TENANTS: Final = """
select tenant_id, name, state, definitions, settings::text as settings from fhir.tenant order by tenant_id"""
_CREATE: Final = "insert into fhir.tenant (name) values ($1) on conflict (name) do nothing returning tenant_id"
# The definitions number goes up with the settings, so that no write planned under the old ones is accepted.
_SET: Final = """
update fhir.tenant set settings = settings || $2::jsonb, definitions = definitions + 1
where name = $1 and state = 'active' returning tenant_id"""
_DROP: Final = """
update fhir.tenant set state = 'dropping' where name = $1 returning tenant_id"""
# A transaction of its own, after the mark is committed: a write takes its transaction id before it looks for the mark, so
# that one which did not see it has a lower id than this, though perhaps a higher one than that of the mark.
_MARKED: Final = "select pg_current_xact_id()::text::int8 as before"
_WRITERS_GONE: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text::int8 > $1 as gone"
_TABLES: Final = """
select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
where c.relnamespace = 'fhir'::regnamespace and c.relkind = 'r' and c.relname <> 'tenant' order by 1"""
_AS_TENANT: Final = "select set_config('app.tenant', $1::text, true)"
_DELETE: Final = """
with batch as (delete from fhir.{table} where ctid = any(array(
  select ctid from fhir.{table} where tenant_id = $1 limit $2)) and tenant_id = $1 returning 1)
select count(*) as rows from batch"""
_FORGET: Final = "delete from fhir.tenant where tenant_id = $1 and state = 'dropping'"


@dataclass(frozen=True, slots=True)
class Registered:
    """A row of the registry."""

    tenant_id: int
    name: str
    state: str  # active | dropping: not served, being deleted
    definitions_number: int
    settings: Mapping[str, Any]  # only those that were set; the rest have the defaults of SETTINGS


def _registered(rows: Any) -> list[Registered]:
    return [
        Registered(row["tenant_id"], row["name"], row["state"], row["definitions"], orjson.loads(row["settings"]))
        for row in rows
    ]


async def tenants(database: Database) -> list[Registered]:
    return _registered(await database.registry(_TENANTS))


async def tenants_seen_by_owner(owner: Owner) -> list[Registered]:
    return _registered(await owner.fetch(_TENANTS))


async def create_tenant(owner: Owner, name: str) -> bool:
    """Makes a tenant; False if it was there already."""
    return bool(await owner.fetch(_CREATE, name))


async def set_settings(owner: Owner, name: str, settings: Mapping[str, Any]) -> bool:
    """Changes settings of a tenant; every worker hears of it. False if there is no such tenant."""
    return bool(await owner.fetch(_SET, name, orjson.dumps(settings).decode()))


async def drop_tenant(
    owner: Owner, name: str, batch: int = 5000, progress: Callable[[str, int], None] = lambda table, rows: None
) -> bool:
    """Makes the tenant unknown at once, then deletes all its rows in batches. False if there is no such tenant.

    An interrupted drop goes on where it stopped when it is called again. progress(table, rows deleted so far)."""
    dropping = await owner.fetch(_DROP, name)
    if not dropping:
        return False
    tenant_id = dropping[0]["tenant_id"]
    # A write that was let in just before may still commit its rows.
    [marked] = await owner.fetch(_MARKED)
    while not (await owner.fetch(_WRITERS_GONE, marked["before"]))[0]["gone"]:
        await asyncio.sleep(0.05)
    for table in [row["name"] for row in await owner.fetch(_TABLES)]:
        deleted = 0
        while True:
            async with owner.transaction():
                await owner.fetch(_AS_TENANT, str(tenant_id))
                [row] = await owner.fetch(_DELETE.format(table=table), tenant_id, batch)
            deleted += row["rows"]
            progress(table, deleted)
            if not row["rows"]:
                break
    await owner.fetch(_FORGET, tenant_id)
    return True
