"""What is kept of requests: found by keys however much there is, of one tenant only, and gone with it."""

from __future__ import annotations

import asyncpg
import pytest

from fhir_server import kept
from fhir_server import store as registry
from fhir_server.kept import LOOK
from resources.database import Database, Owner, framed
from resources.outcome import NotFound, Throttled

from ..conftest import FreshTenant
from ..plans import explain, faults

MANY = 20_000
FILL = """
insert into fhir.exchange (tenant_id, job_id, token, actor, request, response, expires)
select $1::int4, -n, 'token' || n, 'a', '', '', now() + interval '1 day' from generate_series(1, $2::int4) n"""
FILL_ANSWERS = """
insert into fhir.answer (tenant_id, actor, key, at, fingerprint, response)
select $1::int4, 'a', 'key' || n, now() - n * interval '1 second', '', '' from generate_series(1, $2::int4) n"""
CALLS = {
    "claim": ("select * from answer_claim($1::int4, $2, $3, $4::int8, $5::float8)", ("a", "key7", 7, 86400.0)),
    "keep": (
        "select answer_keep($1::int4, $2, $3, $4::bytea, $5::bytea, $6::float8)", ("a", "key7", "", "", 5000.0)
    ),
    "add": ("select exchange_add($1::int4, $2, $3, $4, $5::bytea, $6::int4, $7::int8)", ("none", "new", "a", "", 1000, 10**9)),
    "take": ("select * from exchange_take($1::int4, $2::int8)", (-7,)),
    "answer": ("select exchange_answer($1::int4, $2::int8, $3::bytea, $4::float8)", (-7, "", 86400.0)),
    "remove": ("select exchange_remove($1::int4, $2, $3)", ("token7", "a")),
}  # fmt: skip


async def filled(owner: Owner, tenant: FreshTenant, statement: str, rows: int) -> None:
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        await owner.fetch(statement, tenant.tenant_id, rows)


@pytest.fixture
async def many(owner: Owner, tenant: FreshTenant) -> None:
    for statement in (FILL, FILL_ANSWERS):
        await filled(owner, tenant, statement, MANY)


@pytest.mark.usefixtures("many")
async def test_whatever_is_looked_for_is_found_by_its_key(connection: asyncpg.Connection, tenant: FreshTenant) -> None:
    for name, (statement, arguments) in {"look": (framed(LOOK), ("token7", "a")), **CALLS}.items():
        for first in (True, False):
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute("set local enable_seqscan = off")  # as on every connection of the server
                plan = await explain(connection, statement, (tenant.tenant_id, *arguments))
            finally:
                await transaction.rollback()
            # The first call of a function reads the catalogue besides. A walk of a table would read some hundred pages.
            assert first or faults(plan, 100, 0) == [], name


async def test_as_4_what_waits_is_bounded(tenant: FreshTenant, other_tenant: FreshTenant, owner: Owner) -> None:
    waiting = FILL.replace("'', '', now() + interval '1 day'", "'', null, null")
    assert waiting != FILL
    await filled(owner, tenant, waiting, kept.MOST - 1)
    await kept.add(tenant.session, "none", "one more", b"")
    with pytest.raises(Throttled) as refused:
        await kept.add(tenant.session, "none", "one too many", b"")
    assert int(refused.value.headers["Retry-After"]) > 0
    await kept.add(other_tenant.session, "none", "of another", b"")


async def test_as_4_what_waits_is_bounded_in_bytes(tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LARGEST", 100_000)
    await kept.add(tenant.session, "none", "first", b"x" * 60_000)
    with pytest.raises(Throttled):
        await kept.add(tenant.session, "none", "too large", b"x" * 40_001)
    await kept.add(tenant.session, "none", "fits", b"x" * 40_000)


async def test_ur_6_it_belongs_to_tenant_and_actor(tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    mine = tenant.session.acting_for("a")
    await kept.add(mine, "none", "token", b"request")
    for stranger in (tenant.session.acting_for("b"), other_tenant.session.acting_for("a")):
        assert await kept.look(stranger, "token") is None
        assert not await kept.remove(stranger, "token")
    assert await kept.look(mine, "token")
    assert await kept.remove(mine, "token")
    assert not await kept.remove(mine, "token")
    assert not await tenant.session.select("select 1 as one from job j where j.tenant_id = g.t")
    assert not await tenant.session.select("select 1 as one from due d where d.tenant_id = g.t")


async def test_nothing_is_kept_of_a_tenant_that_was_dropped(tenant: FreshTenant, owner: Owner) -> None:
    async with tenant.session.transaction() as inner:
        assert (await kept.claim(inner, "k", 1)).mine
        await kept.keep(inner, "k", b"", b"")
    await kept.add(tenant.session, "none", "token", b"")
    deleted: list[str] = []
    assert await registry.drop_tenant(owner, tenant.name, progress=lambda table, rows: deleted.append(table))
    assert deleted[0] == "due"  # so that no worker takes up, again and again, what cannot be done any more
    with pytest.raises(NotFound):
        await kept.keep(tenant.session, "k", b"", b"")
    with pytest.raises(NotFound):
        await kept.add(tenant.session, "none", "token", b"")
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        for table in ("answer", "exchange", "job", "due"):
            assert not await owner.fetch(f"select from fhir.{table} where tenant_id = $1", tenant.tenant_id), table


async def test_the_tables_are_closed_to_whoever_has_no_tenant(database: Database, tenant: FreshTenant) -> None:
    await kept.add(tenant.session, "none", "token", b"")
    for table in ("answer", "exchange"):
        assert not await database.registry(f"select 1 from fhir.{table}")


async def test_a_key_is_found_by_its_key_whatever_the_statistics_say(
    owner: Owner, connection: asyncpg.Connection, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """Those of a small table of another tenant make every index look alike."""
    for few in (60, 300, 2000):
        await filled(owner, other_tenant, FILL_ANSWERS.replace("'a', 'key'", f"'', '{few}'"), few)
        await owner.run("analyze fhir.answer")
        await filled(owner, tenant, FILL_ANSWERS.replace("'key'", f"'{few}key'"), MANY)
        async with connection.transaction():
            await connection.execute("set local enable_seqscan = off")
            await connection.execute("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
            query = f"select 1 from answer where tenant_id = {tenant.tenant_id} and actor = 'a' and key = '{few}key7'"
            [plan] = await connection.fetchrow(f"explain (format json) {query}")
        assert "answer_pkey" in plan
        assert "answer_at" not in plan
