"""One real PostgreSQL for the whole run, a fresh tenant for every test.

The embedded database by default; FHIR_SERVER_TEST_DATABASE_URL names another server, by a role that may create roles and
databases. Either way the schema is migrated by an owner who is no superuser, and the tests run as the application role.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from fhir_server import store as registry
from fhir_server.app import FLOORS
from fhir_server.embedded import Embedded
from resources import migrate
from resources.database import Database, Owner, Session

from .suites import DATA

# Fixtures of 200,000 resources: made once, for one process, and in this order, before anything is analyzed and after.
LARGE = frozenset({"never_analyzed", "large"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay together; those of query plans are one lot, and the first one: it is the longest."""
    large = {item.path for item in items if not LARGE.isdisjoint(getattr(item, "fixturenames", ()))}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("plans" if item.path in large else item.path.as_posix()))
    items.sort(key=lambda item: item.path not in large)
    for item in items:
        for mark in item.iter_markers("suite"):
            if not (DATA / mark.args[0]).is_dir():
                item.add_marker(pytest.mark.skip(reason=f"suite {mark.args[0]} is not at {DATA}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the suites are, a suite in use that was skipped is a failure and not a green run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if DATA.is_dir() and any("suite" in report.keywords for report in skipped):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass(frozen=True)
class Urls:
    admin: str | None  # may do anything; None where only the owner is known
    owner: str
    application: str


@pytest.fixture(scope="session")
def cluster() -> Iterator[Urls]:
    """A migrated database of its own."""
    if url := os.environ.get("FHIR_SERVER_TEST_DATABASE_URL"):
        yield from _database_elsewhere(url)
        return
    folder = Path(tempfile.mkdtemp(prefix="fhir-test-"))
    embedded = Embedded(folder / "data")
    embedded.start()
    try:
        yield Urls(None, embedded.owner_url, embedded.application_url)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _database_elsewhere(admin: str) -> Iterator[Urls]:
    import asyncio

    name, parts = f"fhir_test_{secrets.token_hex(4)}", urlsplit(admin)
    place = f"{parts.hostname}:{parts.port or 5432}/{name}"
    urls = Urls(admin, f"postgresql://{name}_owner:owner@{place}", f"postgresql://{name}_app:app@{place}")

    async def run(*statements: str) -> None:
        connection = await asyncpg.connect(admin)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(
        run(
            f"create role {name}_owner login createrole nosuperuser password 'owner'",
            f"grant {name}_owner to current_user",
            f"create database {name} owner {name}_owner",
        )
    )
    try:
        yield urls
    finally:
        drop = (f"drop database {name} with (force)", f"drop role if exists {name}_app", f"drop role {name}_owner")
        asyncio.run(run(*drop))


@pytest.fixture(scope="session")
async def urls(cluster: Urls) -> Urls:
    await migrate.migrate(cluster.owner, cluster.application, FLOORS)
    return cluster


@pytest.fixture(scope="session")
async def database(urls: Urls) -> AsyncIterator[Database]:
    database = await Database.open(urls.application)
    yield database
    await database.close()


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[Owner]:
    async with Owner.connect(urls.owner) as connection:
        yield connection


@dataclass(frozen=True)
class FreshTenant:
    name: str
    tenant_id: int
    session: Session


@pytest.fixture
async def tenant(owner: Owner, database: Database) -> FreshTenant:
    return await fresh_tenant(owner, database)


@pytest.fixture
async def other_tenant(owner: Owner, database: Database) -> FreshTenant:
    return await fresh_tenant(owner, database)


async def fresh_tenant(owner: Owner, database: Database) -> FreshTenant:
    name = f"t{secrets.token_hex(6)}"
    assert await registry.create_tenant(owner, name)
    [row] = [row for row in await registry.tenants(database) if row.name == name]
    return FreshTenant(name, row.tenant_id, database.session(row.tenant_id))
