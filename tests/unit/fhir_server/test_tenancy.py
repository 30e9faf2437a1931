"""What a worker knows of the registry is never older than what it knew before, and is read again until that works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fhir_server import tenancy
from fhir_server.store import Registered
from fhir_server.tenancy import Tenants
from resources.outcome import Unavailable


class Registry:
    """A database of which only the notifications are used, and the readings of its registry one by one."""

    def __init__(self) -> None:
        self.readings: list[asyncio.Future[list[Registered]]] = []
        self.heard: Callable[[str], None] = lambda payload: None

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        self.heard = heard

    async def tenants(self, _: Any) -> list[Registered]:
        self.readings.append(asyncio.get_running_loop().create_future())
        return await self.readings[-1]


def row(name: str, number: int = 1) -> Registered:
    return Registered(1, name, "active", number, {})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr(tenancy.store, "tenants", registry.tenants)
    monkeypatch.setattr(tenancy, "_AGAIN", 0.001)
    return registry


async def started(registry: Registry) -> Tenants:
    database: Any = registry

    async def tenant_of(row: Registered) -> Any:
        return row

    tenants = Tenants(database, tenant_of)
    start = asyncio.create_task(tenants.start())
    await asyncio.sleep(0)
    registry.readings[0].set_result([row("a")])
    await start
    return tenants


async def test_an_older_reading_does_not_replace_a_newer_one(registry: Registry) -> None:
    tenants = await started(registry)
    first, second = (asyncio.create_task(tenants.reload()) for _ in range(2))
    await asyncio.sleep(0.01)
    assert len(registry.readings) == 2  # of the start and of the first
    registry.readings[1].set_result([row("a", 2)])
    await asyncio.sleep(0.01)
    registry.readings[2].set_result([row("a", 3)])
    await asyncio.gather(first, second)
    assert tenants.get("a").definitions_number == 3


async def test_what_could_not_be_read_is_read_again(registry: Registry) -> None:
    """A notification comes once; the connection it would be followed on may be the one that was lost."""
    tenants = await started(registry)
    registry.heard("")
    await asyncio.sleep(0)
    registry.readings[1].set_exception(Unavailable("away"))
    await asyncio.sleep(0.02)
    registry.readings[2].set_result([row("b")])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert tenants.names() == ["b"]
    await tenants.stop()


async def test_stopping_ends_the_attempts(registry: Registry) -> None:
    tenants = await started(registry)
    registry.heard("")
    await asyncio.sleep(0)
    await tenants.stop()
    assert len(registry.readings) == 2
    assert registry.readings[1].cancelled()
