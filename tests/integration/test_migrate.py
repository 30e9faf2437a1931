"""Migrations: they add up to the schema files, run once, wait for locks, and make the application role."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from fhir_server.app import FLOORS
from resources import migrate
from resources.database import Busy, Database, Owner, Unsafe

from ..conftest import Urls

# One line for everything a schema consists of.
DESCRIPTION = """
select line from (
  select format('column %s.%s %s null:%s default:%s identity:%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                not a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity) as line
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'c', 'S')
  union all
  select format('table %s rls:%s forced:%s %s', relname, relrowsecurity, relforcerowsecurity, reloptions)
  from pg_class where relnamespace = $1::regnamespace and relkind = 'r'
  union all
  select pg_get_indexdef(indexrelid) from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = $1::regnamespace
  union all
  select format('constraint %s %s', conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace = $1::regnamespace
  union all
  select format('policy %s %s %s %s %s', c.relname, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid),
                pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = $1::regnamespace
  union all
  select pg_get_functiondef(oid) from pg_proc where pronamespace = $1::regnamespace
  union all
  select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where c.relnamespace = $1::regnamespace and not t.tgisinternal
) x where line not like '%migration%' order by line
"""


async def described(connection: asyncpg.Connection, schema: str) -> list[str]:
    rows = await connection.fetch(DESCRIPTION, schema)
    return sorted(row["line"].replace(schema + ".", "fhir.") for row in rows)


async def test_migrations_add_up_to_the_schema_files(urls: Urls) -> None:
    connection = await asyncpg.connect(urls.owner)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("alter schema fhir rename to migrated; create schema fhir")
        for folder in FLOORS:
            if (schema := folder / "schema.sql").exists():
                await connection.execute(schema.read_text())
        migrated, written_down = await described(connection, "migrated"), await described(connection, "fhir")
    finally:
        await transaction.rollback()
        await connection.close()
    assert len(written_down) > 60
    assert migrated == written_down


async def test_a_second_migration_does_nothing(urls: Urls) -> None:
    assert await migrate.migrate(urls.owner, urls.application, FLOORS) == []


async def test_pending_names_what_the_database_lacks(database: Database, tmp_path: Path) -> None:
    assert await migrate.pending(database, FLOORS) == []
    floor = tmp_path / "newer"
    (floor / "migrations").mkdir(parents=True)
    (floor / "migrations/0001_more.sql").write_text("select 1")
    assert await migrate.pending(database, [*FLOORS, floor]) == ["newer/0001_more"]


async def test_concurrent_indexes_and_two_migrations_at_once(urls: Urls, tmp_path: Path) -> None:
    """A file marked `-- no transaction` may build indexes without stopping writes; two runs apply it once."""
    floor = tmp_path / "later"
    (floor / "migrations").mkdir(parents=True)
    (floor / "migrations/0001_index.sql").write_text(
        "-- no transaction\ncreate index concurrently if not exists later_x on fhir.resource (tenant_id, lu);\n"
        "drop index concurrently fhir.later_x;\n"
    )
    runs = await asyncio.gather(*(migrate.migrate(urls.owner, urls.application, [floor]) for _ in range(2)))
    assert sorted(runs, key=len) == [[], ["later/0001_index"]]


async def test_a_migration_gives_up_a_lock_rather_than_queue_traffic_behind_it(urls: Urls) -> None:
    async with Owner.connect(urls.owner) as blocker, Owner.connect(urls.owner) as owner:
        await owner.run("set lock_timeout = '50ms'")
        async with blocker.transaction():
            await blocker.run("lock table fhir.instance in access exclusive mode")
            with pytest.raises(Busy):
                await owner.run("alter table fhir.instance add column x int4")


async def test_grants_wait_for_locks_as_migrations_do(urls: Urls, tmp_path: Path) -> None:
    """A lock that somebody holds is tried again, also after the last migration."""
    floor = tmp_path / "locked"
    floor.mkdir()
    (floor / "grants.sql").write_text(
        "set lock_timeout = '50ms'; lock table fhir.resource in access share mode; "  # GRANT itself waits on 18 only
        "grant select on fhir.resource to {application}"
    )
    async with Owner.connect(urls.owner) as blocker:
        async with blocker.transaction():
            await blocker.run("lock table fhir.resource in access exclusive mode")
            running = asyncio.create_task(migrate.migrate(urls.owner, urls.application, [floor]))
            await asyncio.sleep(0.5)
            assert not running.done()
        assert await running == []


async def test_a_restored_dump_raises_the_epoch(urls: Urls) -> None:
    """Transaction ids begin anew in another cluster; the key of the hashes stays, so that rows are still found."""
    async with Owner.connect(urls.owner) as owner:
        [before] = await owner.fetch("select epoch, hash_key from fhir.instance")
        await owner.run("update fhir.instance set system_identifier = 1")
        await migrate.migrate(urls.owner, urls.application, FLOORS)
        [after] = await owner.fetch("select epoch, hash_key from fhir.instance")
    assert after["epoch"] == before["epoch"] + 1
    assert after["hash_key"] == before["hash_key"]


@pytest.mark.parametrize("form", ["{role}:{password}@{host}", "{host}?user={role}&password={password}"])
async def test_the_application_role_may_have_any_name_and_password(urls: Urls, form: str) -> None:
    """Quotes, percent signs and what else SQL and URLs give a meaning to; before the host, or as parameters."""
    name, password = f'o\'neil "100%" {{x}} $$ \\ {secrets.token_hex(3)}', "p'ass@:/?#%\\ $$ {y}"
    _, _, place = urls.application.rpartition("@")
    url = "postgresql://" + form.format(role=quote(name, safe=""), password=quote(password, safe=""), host=place)
    head, *parameters = url.split("?")  # a folder of sockets is a parameter itself
    url = "?".join([head, "&".join(parameters)])
    await migrate.migrate(urls.owner, url, FLOORS)
    async with Owner.connect(urls.owner) as owner:
        try:
            await (await Database.open(url)).close()
        finally:
            quoted = '"' + name.replace('"', '""') + '"'
            await owner.run(f"grant {quoted} to current_user; drop owned by {quoted}; drop role {quoted}")


async def test_a_url_without_a_role_is_refused_before_anything_is_done(urls: Urls) -> None:
    with pytest.raises(Unsafe, match="names no application role"):
        await migrate.migrate("postgresql://nobody@127.0.0.1:1/none", "postgresql:///fhir", FLOORS)
