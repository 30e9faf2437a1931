"""The session and the wall behind it: row level security as the application role meets it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from resources.database import Database, Owner, Session, Unsafe
from resources.outcome import Fault, Unavailable

from ..conftest import FreshTenant, Urls

# Operators of the indexes of tenant tables that row level security would keep from being used. Zero rows expected.
NOT_LEAKPROOF = """
select i.indrelid::regclass::text, i.indexrelid::regclass::text, o.oprname, o.oprleft::regtype::text
from pg_index i
cross join lateral unnest(i.indclass::oid[]) as k(opclass)
join pg_opclass oc on oc.oid = k.opclass
join pg_amop am on am.amopfamily = oc.opcfamily and am.amoplefttype = oc.opcintype and am.amoprighttype = am.amoplefttype
join pg_operator o on o.oid = am.amopopr
join pg_proc p on p.oid = o.oprcode
where i.indrelid in (select oid from pg_class where relrowsecurity) and not p.proleakproof
"""
TENANT_KEYS = """
select i.indexrelid::regclass::text as index from pg_index i join pg_class c on c.oid = i.indrelid
where c.relnamespace = 'fhir'::regnamespace and c.relrowsecurity
  and (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0]) <> 'tenant_id'
"""
INSERT = """
insert into fhir.resource (tenant_id, rtype, ver, rid, skey, s, lu, xid, epoch, deleted, op, id, keys, resource)
values ($1, 1, 1, nextval('fhir.rid'), $2, 0, now(), 1, 1, false, 'C', 'x', '{}', '{}')
"""


@asynccontextmanager
async def application(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.application)
    try:
        yield connection
    finally:
        await connection.close()


async def test_indexes_use_leakproof_operators_and_begin_with_the_tenant(owner: Owner) -> None:
    """TEN-05 and design §3: another operator would mean a scan of the tenant."""
    assert await owner.fetch(NOT_LEAKPROOF) == []
    assert await owner.fetch(TENANT_KEYS) == []


async def test_without_a_tenant_there_is_nothing(urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    """TEN-04."""
    async with application(urls) as connection:
        async with connection.transaction():
            await connection.execute("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
            await connection.execute(INSERT, tenant.tenant_id, 1)
            assert await connection.fetchval("select count(*) from fhir.resource") == 1
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(INSERT, other_tenant.tenant_id, 1)
        # After a local setting it is '', not null.
        assert await connection.fetchval("select current_setting('app.tenant', true)") == ""
        assert await connection.fetchval("select count(*) from fhir.resource") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(INSERT, tenant.tenant_id, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "update fhir.resource_version set ver = 9",
        "delete from fhir.resource_version",
        "delete from fhir.resource",
        "update fhir.tenant set state = 'dropping'",
        "update fhir.instance set epoch = 9",
        "create table fhir.x (a int)",
        "create temporary table x (a int)",
        "create table public.x (a int)",
        "alter table fhir.resource disable row level security",
    ],
)
async def test_the_application_role_may_not(urls: Urls, statement: str) -> None:
    """TEN-01: plain reading and writing, and never a past version."""
    async with application(urls) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("harm", "mend"),
    [
        ("alter table fhir.resource no force row level security", "alter table fhir.resource force row level security"),
        ("alter table fhir.resource disable row level security", "alter table fhir.resource enable row level security"),
        ("create table fhir.forgotten (tenant_id int4)", "drop table fhir.forgotten"),
        (
            "grant update on fhir.resource_version to {application}",
            "revoke update on fhir.resource_version from {application}",
        ),
        ("create policy leak on fhir.posting for select using (true)", "drop policy leak on fhir.posting"),
        ("grant truncate on fhir.posting to {application}", "revoke truncate on fhir.posting from {application}"),
        ("grant create on schema fhir to {application}", "revoke create on schema fhir from {application}"),
    ],
)
async def test_it_refuses_to_serve_when_the_wall_has_a_hole(urls: Urls, owner: Owner, harm: str, mend: str) -> None:
    """TEN-01, TEN-13: each hole alone is enough."""
    role = urls.application.split("//")[1].split(":")[0]
    await owner.run(harm.format(application=role))
    try:
        with pytest.raises(Unsafe):
            await Database.open(urls.application)
    finally:
        await owner.run(mend.format(application=role))
    await (await Database.open(urls.application)).close()


async def test_it_refuses_to_serve_as_the_owner(urls: Urls) -> None:
    with pytest.raises(Unsafe, match="owns"):
        await Database.open(urls.owner)


async def test_concurrent_tenants_on_few_connections(
    urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """TEN-03: two hundred tasks, five connections, random tenants and cancellations; no foreign row."""
    database = await Database.open(urls.application, connections=5)
    foreign = []

    async def look(session: Session) -> None:
        for _ in range(10):
            query = "select r.tenant_id from fhir.resource r where r.tenant_id = g.t"
            if random.random() < 0.3:
                async with session.transaction() as inner:
                    rows = await inner.select(query)
            else:
                rows = await session.select("select r.tenant_id, pg_sleep(0.0005)::text from fhir.resource r")
            foreign.extend(row["tenant_id"] for row in rows if row["tenant_id"] != session.tenant_id)

    for fresh in (tenant, other_tenant):
        async with application(urls) as connection, connection.transaction():
            await connection.execute("select set_config('app.tenant', $1, true)", str(fresh.tenant_id))
            await connection.execute(INSERT, fresh.tenant_id, 1)
    tasks = [
        asyncio.create_task(look(database.session(random.choice((tenant, other_tenant)).tenant_id))) for _ in range(200)
    ]
    await asyncio.sleep(0.2)
    for task in random.sample(tasks, 40):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    rows = await database.session(tenant.tenant_id).select("select r.tenant_id from fhir.resource r")
    assert [row["tenant_id"] for row in rows] == [tenant.tenant_id]
    assert foreign == []
    await database.close()


async def test_errors_say_nothing_of_the_statement(tenant: FreshTenant, urls: Urls) -> None:
    """ST-5: over the time budget is 503, a bug is 500; neither carries SQL or a value."""
    with pytest.raises(Fault) as fault:
        await tenant.session.select("select secret from nowhere where g.t = 1")
    assert "secret" not in str(fault.value)
    database = await Database.open(urls.application, statement_timeout=50)
    with pytest.raises(Unavailable) as late:
        await database.session(tenant.tenant_id).select("select pg_sleep(2)::text")
    assert late.value.issues[0].code == "timeout"
    await database.close()
