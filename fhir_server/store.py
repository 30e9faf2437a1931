"""The SQL of the registry of tenants, and of jobs. Workers read the registry as the application role; only the owner
changes it.

Dropping a tenant is the one place that removes past versions, and so it is the owner's: the application role has no
right to. The owner is bound by row level security as everybody is and works under the tenant's own setting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from resources.database import Database, Owner, Session

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
# What is due first: workers would take it up again and again while the rest is deleted.
_TABLES: Final = """
select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
where c.relnamespace = 'fhir'::regnamespace and c.relkind = 'r' and c.relname <> 'tenant'
order by c.relname <> 'due', c.relname"""
_AS_TENANT: Final = "select set_config('app.tenant', $1::text, true)"
_DELETE: Final = """
with batch as (delete from fhir.{table} where ctid = any(array(
  select ctid from fhir.{table} where tenant_id = $1 limit $2)) and tenant_id = $1 returning 1)
select count(*) as rows from batch"""
# A job is taken by putting off the time at which it is due: by the length of the lease.
_CLAIM: Final = """
update fhir.due d set at = clock_timestamp() + make_interval(secs => $2), holder = $1
where (d.tenant_id, d.job_id) = (
  select e.tenant_id, e.job_id from fhir.due e where e.at <= clock_timestamp() and e.kind = any($3)
  order by e.at limit 1 for update skip locked)
returning d.tenant_id, d.job_id"""
_HOLD: Final = """
update fhir.due d set at = clock_timestamp() + make_interval(secs => $4)
where d.tenant_id = $1 and d.job_id = $2 and d.holder = $3 returning 1"""
_JOB: Final = """
select j.kind, j.arguments::text as arguments, j.progress::text as progress from job j
where j.tenant_id = g.t and j.job_id = $2 and j.state = 'due'"""
_STATE: Final = """
select j.state, j.progress::text as progress, j.report from job j where j.tenant_id = g.t and j.job_id = $2"""
_ADD: Final = "select job_add($1::int4, $2, $3::jsonb) as job_id"
_SAVE: Final = "select job_save($1::int4, $2, $3, $4, $5::jsonb, $6, $7) as saved"
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


@dataclass(frozen=True, slots=True)
class Job:
    """Long work in a tenant, as it is stored."""

    tenant_id: int
    job_id: int
    kind: str  # a row of JOBS
    arguments: Mapping[str, Any]
    progress: Mapping[str, Any]  # what its steps have left


async def claim_job(database: Database, worker: str, lease: float, kinds: Iterable[str]) -> Job | None:
    """Takes a job of these kinds that is due, if there is one, for so many seconds."""
    while claimed := await database.registry(_CLAIM, worker, lease, list(kinds)):
        tenant_id, job_id = claimed[0]["tenant_id"], claimed[0]["job_id"]
        for row in await database.session(tenant_id).select(_JOB, job_id):
            return Job(tenant_id, job_id, row["kind"], orjson.loads(row["arguments"]), orjson.loads(row["progress"]))
        # It was removed at this very moment.
    return None


async def hold_job(database: Database, job: Job, worker: str, lease: float) -> bool:
    """Prolongs the lease of a job; False if another worker has it."""
    return bool(await database.registry(_HOLD, job.tenant_id, job.job_id, worker, lease))


async def add_job(session: Session, kind: str, arguments: Mapping[str, Any]) -> int:
    """Makes a job that is due at once."""
    [row] = await session.call(_ADD, session.tenant_id, kind, orjson.dumps(arguments).decode())
    return int(row["job_id"])


async def job_state(session: Session, job_id: int) -> tuple[str, Mapping[str, Any], str]:
    """due, done or failed; how far it is; why it failed."""
    [row] = await session.select(_STATE, job_id)
    return row["state"], orjson.loads(row["progress"]), row["report"]


async def save_job(
    session: Session, job: Job, worker: str, state: str, progress: Mapping[str, Any], report: str, lease: float
) -> bool:
    """Keeps how far a job is: due, done or failed; False, and nothing is kept, if another worker has it."""
    text = orjson.dumps(progress).decode()
    [row] = await session.call(_SAVE, job.tenant_id, job.job_id, worker, state, text, report, lease)
    return bool(row["saved"])
