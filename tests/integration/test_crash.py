"""kill -9 during writes, of a worker, of the parent and of the postmaster: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import httpx
import orjson
import pytest

from ..benchmarks.processes import children
from ..serving import Serving, postmaster, start, stop

TRANSACTION = 5


def transaction(name: str) -> bytes:
    """Five resources that belong together."""
    entries = [
        {
            "resource": {"resourceType": "Basic", "id": f"{name}-{n}", "code": {"text": "x" * 500}},
            "request": {"method": "PUT", "url": f"Basic/{name}-{n}"},
        }
        for n in range(TRANSACTION)
    ]
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})


async def write(base: str, writer: str, tried: list[str], acknowledged: list[str], until: asyncio.Event) -> None:
    """Sends transactions one after another, whatever becomes of them, and notes those that were answered with 200."""
    async with httpx.AsyncClient(timeout=5) as client:
        number = 0
        while not until.is_set():
            name = f"{writer}-{number}"
            number += 1
            tried.append(name)
            try:
                answer = await client.post(
                    base, content=transaction(name), headers={"Content-Type": "application/json"}
                )
            except httpx.TransportError:
                await asyncio.sleep(0.02)
                continue
            # ST-5: while the database is away the answer is 503, never another error of the server's.
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                acknowledged.append(name)


async def found(base: str, names: list[str]) -> dict[str, int]:
    """How many of a transaction's five resources are there."""
    async with httpx.AsyncClient(timeout=30) as client:
        counts = {}
        for name in names:
            answers = [await client.get(f"{base}/Basic/{name}-{n}") for n in range(TRANSACTION)]
            assert {answer.status_code for answer in answers} <= {200, 404}
            counts[name] = sum(answer.status_code == 200 for answer in answers)
        return counts


def victim(serving: Serving, who: str) -> int:
    if who == "postmaster":
        return postmaster(serving.data_dir)
    if who == "parent":
        return serving.process.pid
    return next(pid for pid in children(serving.process.pid) if pid != postmaster(serving.data_dir))


async def answers(base: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        async with httpx.AsyncClient(timeout=2) as client:
            return (await client.get(base.replace("/fhir/default", "/readyz"))).status_code == 200
    return False


@pytest.mark.parametrize("who", ["worker", "parent", "postmaster"])
async def test_after_kill_9_every_acknowledged_write_is_there(tmp_path: Path, who: str) -> None:
    serving = start(tmp_path / "data", "--workers", "2")
    tried: list[str] = []
    acknowledged: list[str] = []
    over = asyncio.Event()
    writers = [asyncio.create_task(write(serving.base, f"{who}{n}", tried, acknowledged, over)) for n in range(6)]
    await asyncio.sleep(1.5)
    before = len(acknowledged)
    os.kill(victim(serving, who), signal.SIGKILL)
    await asyncio.sleep(2)
    over.set()
    await asyncio.gather(*writers)
    assert before > 10
    if who == "worker":
        assert len(acknowledged) > before, "the other worker, or its successor, goes on serving"
    stop(serving)
    again = start(tmp_path / "data")
    try:
        assert await answers(again.base)
        counts = await found(again.base, tried)
    finally:
        assert stop(again) == 0
    assert {counts[name] for name in acknowledged} == {TRANSACTION}
    assert set(counts.values()) <= {0, TRANSACTION}, "a transaction is half there"
