"""The application in this process, over HTTP without a socket; a fresh tenant for every client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from fhir_server import settings
from fhir_server.app import application
from fhir_server.edge import Edge
from resources.database import Owner

from .. import large as large_tenant
from ..conftest import FreshTenant, Urls

JSON = {"content-type": "application/fhir+json"}


@pytest.fixture(scope="session")
async def edge(urls: Urls) -> AsyncIterator[Edge]:
    edge = application(settings.read({"database_url": urls.application}, {}))
    async with edge.lifespan():
        yield edge


@pytest.fixture
async def http(edge: Edge, tenant: FreshTenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the tenant: http.get("/Patient/1")."""
    async with client_of(edge, tenant) as client:
        yield client


@pytest.fixture
async def other_http(edge: Edge, other_tenant: FreshTenant) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(edge, other_tenant) as client:
        yield client


def client_of(edge: Edge, tenant: FreshTenant) -> httpx.AsyncClient:
    async def known(_: httpx.Request) -> None:
        # Every worker hears of a new tenant; a test does not wait for it.
        assert edge.opened
        if tenant.name not in edge.opened.tenants.names():
            await edge.opened.tenants.reload()

    base_url = f"http://fhir.example/fhir/{tenant.name}"
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(edge), base_url=base_url, headers=JSON, event_hooks={"request": [known]}
    )


@pytest.fixture(scope="session")
async def connection(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the application role as the server has them."""
    settings = {"search_path": "fhir", "plan_cache_mode": "force_generic_plan", "jit": "off"}
    connection = await asyncpg.connect(urls.application, server_settings=settings)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def never_analyzed(urls: Urls) -> int:
    """The tenant number of 200,000 resources, in tables as they are before the first autovacuum."""
    async with Owner.connect(urls.owner) as owner:
        return await large_tenant.make(owner)


@pytest.fixture(scope="session")
async def large(urls: Urls, never_analyzed: int) -> int:
    """The same, analyzed."""
    async with Owner.connect(urls.owner) as owner:
        await large_tenant.analyze(owner)
    return never_analyzed
