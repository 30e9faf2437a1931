"""The session and the wall behind it: row level security as the application role meets it."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import pytest

from resources.database import Database, Owner, Session, Unsafe
from resources.outcome import BadRequest, Fault, Unavailable

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
    """With another operator row-level security would keep the index from being used: a scan of the tenant."""
    assert await owner.fetch(NOT_LEAKPROOF) == []
    assert await owner.fetch(TENANT_KEYS) == []


async def test_without_a_tenant_there_is_nothing(urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    """Nothing is read, and nothing can be written; with one, nothing of another."""
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
    """Plain reading and writing, and never a past version."""
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
    """Each hole alone is enough."""
    role = urls.application.split("//")[1].split(":")[0]
    await owner.run(harm.format(application=role))
    try:
        with pytest.raises(Unsafe):
            await Database.open(urls.application)
    finally:
        await owner.run(mend.format(application=role))
    await (await Database.open(urls.application)).close()


async def test_it_refuses_to_serve_as_a_role_that_may_become_an_owner(urls: Urls, owner: Owner) -> None:
    """A membership is enough, also of a role that does not inherit."""
    role = urls.application.split("//")[1].split(":")[0]
    other = f"other_{secrets.token_hex(4)}"
    await owner.run(
        f"create role {other}; grant {other} to current_user; create table fhir.{other} (a int);"
        f"grant create on schema fhir to {other}; alter table fhir.{other} owner to {other};"
        f"revoke create on schema fhir from {other}"
    )
    try:
        await (await Database.open(urls.application)).close()
        await owner.run(f"grant {other} to {role}")
        with pytest.raises(Unsafe, match=f"^the role owns {other}, or may become {other}, which does$"):
            await Database.open(urls.application)
    finally:
        await owner.run(f"drop table fhir.{other}; drop role {other}")


async def test_it_refuses_to_serve_as_the_owner(urls: Urls) -> None:
    with pytest.raises(Unsafe, match="owns"):
        await Database.open(urls.owner)


async def test_concurrent_tenants_on_few_connections(
    urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """Two hundred tasks, five connections, random tenants and cancellations; no foreign row."""
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


@asynccontextmanager
async def by_tcp(urls: Urls) -> AsyncIterator[str]:
    """The URL of the application role by way of TCP, wherever the database listens."""
    parts = urlsplit(urls.application)
    parameters = dict(parse_qsl(parts.query))

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "host" in parameters:
            path = f"{parameters['host']}/.s.PGSQL.{parameters.get('port', 5432)}"
            far_reader, far_writer = await asyncio.open_unix_connection(path)
        else:
            far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port or 5432)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    account = parts.netloc.rpartition("@")[0]
    try:
        yield f"postgresql://{account}@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}?sslmode=disable"
    finally:
        server.close()


async def test_a_peer_that_vanished_is_noticed(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection asks whether its peer is still there: the one that listens, too, to which nobody writes."""
    opened: list[asyncpg.Connection] = []
    connect = asyncpg.connect

    async def watched(*args: object, **options: object) -> asyncpg.Connection:
        opened.append(await connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(asyncpg, "connect", watched)
    heard = asyncio.Event()
    async with by_tcp(urls) as url:
        database = await Database.open(url)
        database.listen("fhir_tenant", lambda _: heard.set())
        await asyncio.wait_for(heard.wait(), 5)
        async with Owner.connect(url):
            pass
        assert len(opened) == 3
        for connection in opened[:2]:
            its = connection._transport.get_extra_info("socket")
            assert its.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert its.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        await database.close()


async def test_errors_say_nothing_of_the_statement(tenant: FreshTenant, urls: Urls) -> None:
    """ST-5: over the time budget is 503, a bug is 500; neither carries SQL or a value."""
    with pytest.raises(Fault) as fault:
        await tenant.session.select("select secret from nowhere where g.t = 1")
    assert "secret" not in str(fault.value)
    # What asyncpg itself refuses, without a word to the server, is no failure of the connection: no 503.
    for query, value in (("select $2::int4 as x", 2**40), ("select $2::text as x", 5), ("select $2::text as x", "\0")):
        with pytest.raises(BadRequest) as refused:
            await tenant.session.select(query, value)
        assert (refused.value.issues[0].code, str(value) in str(refused.value)) == ("value", False)
    database = await Database.open(urls.application, statement_timeout=50)
    with pytest.raises(Unavailable) as late:
        await database.session(tenant.tenant_id).select("select pg_sleep(2)::text")
    assert late.value.issues[0].code == "timeout"
    await database.close()
