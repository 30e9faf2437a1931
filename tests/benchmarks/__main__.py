"""`python -m tests.benchmarks`: reads, creates and Bundle imports over HTTP next to the bare SQL of the same rows.

The figure that counts is CPU time per item: server and database together, the load generator left out. The bare side is
asyncpg on one connection with the server's own statements, arguments made beforehand, on the same database, so that both
write the same rows, index rows and version rows under row level security. Rounds alternate; medians are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import uvloop

from fhir_server.embedded import Embedded
from resources import exact

from ..serving import postmaster, serve
from .bare import Bare
from .client import Client
from .processes import children, cpu_seconds, peak_megabytes
from .workload import bundle, observation

PATH = "/fhir/default"
BUNDLE = 100
MANY = 8  # connections of clients at once; the bare side always has one
Side = tuple[Callable[[], Awaitable[None]], Callable[[], float]]


class Figures:
    """CPU µs and items per second of one side, a value for each round."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.rate: list[float] = []

    async def measure(self, work: Callable[[], Awaitable[None]], cpu: Callable[[], float], items: int) -> None:
        before, start = cpu(), time.perf_counter()
        await work()
        self.cpu.append((cpu() - before) / items * 1e6)
        self.rate.append(items / (time.perf_counter() - start))


async def get(client: Client, logical_id: str) -> None:
    status, _ = await client.send("GET", f"{PATH}/Observation/{logical_id}")
    assert status == 200


async def each(send: Callable[[Any], Awaitable[None]], what: list[Any]) -> None:
    for one in what:
        await send(one)


async def compare(name: str, rounds: int, items: int, http: Callable[[], Side], bare: Callable[[], Side]) -> str:
    """One line of the table. http() and bare() prepare a round's work outside the time that counts."""
    of_http, of_bare = Figures(), Figures()
    for _ in range(rounds):
        for figures, prepare in ((of_http, http), (of_bare, bare)):
            work, cpu = prepare()
            await figures.measure(work, cpu, items)
    ratios = [b / h for h, b in zip(of_http.cpu, of_bare.cpu, strict=True)]
    median = statistics.median
    return (
        f"| {name} | {median(of_http.cpu):.0f} | {median(of_bare.cpu):.0f} | **{median(ratios):.2f}** "
        f"({min(ratios):.2f}–{max(ratios):.2f}) | {median(of_http.rate):.0f} | {median(of_bare.rate):.0f} |"
    )


async def benchmark(base: str, server: int, data_dir: Path, rounds: int, scale: float) -> list[str]:
    with Embedded.attach(data_dir) as embedded:
        sql = await Bare.connect(embedded.application_url, 1)
    client, database = await Client.connect(base), postmaster(data_dir)
    numbers = itertools.count()

    def serving() -> float:
        return cpu_seconds(server) + (0 if database in children(server) else cpu_seconds(database))

    def alone() -> float:
        return time.process_time() + cpu_seconds(database)

    async def post(body: bytes, path: str, expected: int) -> None:
        status, answer = await client.send("POST", path, body)
        assert status == expected, answer

    def observations(count: int) -> list[dict[str, Any]]:
        return [observation(next(numbers)) for _ in range(count)]

    def sending(bodies: list[bytes], path: str, expected: int) -> Side:
        return lambda: each(lambda body: post(body, path, expected), bodies), serving

    def writing(arguments: list[list[Any]]) -> Side:
        return lambda: each(sql.write, arguments), alone

    creates, bundles, reads = int(1500 * scale), int(30 * scale), int(4000 * scale)
    lines = []
    for name, size, count in (("create", 1, creates), ("Bundle import, a resource", BUNDLE, bundles)):
        path, expected = (PATH, 200) if size > 1 else (f"{PATH}/Observation", 201)

        def http(size: int = size, count: int = count, path: str = path, expected: int = expected) -> Side:
            trees = [bundle(observations(size)) if size > 1 else observation(next(numbers)) for _ in range(count)]
            return sending([exact.encode(tree) for tree in trees], path, expected)

        def bare(size: int = size, count: int = count) -> Side:
            return writing([sql.write_arguments(observations(size)) for _ in range(count)])

        lines.append(await compare(name, rounds, size * count, http, bare))

    _, page = await client.send("GET", f"{PATH}/Observation?_count=500")
    ids = [entry["resource"]["id"] for entry in orjson.loads(page)["entry"]]
    picked = [ids[n % len(ids)] for n in range(reads)]

    known = [sql.read_arguments("Observation", logical_id) for logical_id in picked]
    for connections in (1, MANY):
        clients = [await Client.connect(base) for _ in range(connections)]

        async def get_all(clients: list[Client] = clients) -> None:
            shares = (picked[n :: len(clients)] for n in range(len(clients)))
            await asyncio.gather(*(each(partial(get, one), share) for one, share in zip(clients, shares, strict=True)))

        name = f"read, {connections} connection{'s' if connections > 1 else ''}"
        http_side, bare_side = (get_all, serving), (lambda: each(sql.read, known), alone)
        lines.append(await compare(name, rounds, reads, lambda side=http_side: side, lambda side=bare_side: side))
        for one in clients:
            one.close()
    client.close()
    await sql.close()
    return lines


async def run(rounds: int, scale: float) -> None:
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as folder:
        data_dir = Path(folder) / "data"
        with serve(data_dir) as serving:
            server = serving.process.pid
            workers = [pid for pid in children(server) if pid != postmaster(data_dir)]
            print("| | CPU µs, server + database | CPU µs, bare SQL | ratio (range) | /s over HTTP | /s bare |")
            print("|---|---|---|---|---|---|")
            for line in await benchmark(serving.base, server, data_dir, rounds, scale):
                print(line)
            print(f"\nPeak memory of a worker: {max(map(peak_megabytes, workers)):.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="work in a round, relative to the default")
    options = parser.parse_args()
    uvloop.run(run(options.rounds, options.scale))
