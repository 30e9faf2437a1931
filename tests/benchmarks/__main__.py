"""`python -m tests.benchmarks`: reads, creates and Bundle imports over HTTP next to the bare SQL of the same rows; then what
validation costs (also `python -m tests.benchmarks.validation`), and a worker's memory with packages (`….packages`).

The figure that counts is CPU time per item: server and database together, the load generator left out. The bare side is
asyncpg on one connection with the server's own statements, arguments made beforehand, on the same database, so that both
write the same rows, index rows and version rows under row level security. Rounds alternate; medians are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
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
from .figures import Side, compare, each
from .packages import memory
from .processes import Cpu, children, peak_megabytes
from .validation import lines
from .workload import bundle, observation

PATH = "/fhir/default"
BUNDLE = 100
MANY = 8  # connections of clients at once; the bare side always has one


async def get(client: Client, logical_id: str) -> None:
    status, _ = await client.send("GET", f"{PATH}/Observation/{logical_id}")
    assert status == 200


def _same(side: Side) -> Side:
    return side


async def benchmark(base: str, server: int, data_dir: Path, rounds: int, scale: float) -> list[str]:
    with Embedded.attach(data_dir) as embedded:
        sql = await Bare.connect(embedded.application_url, 1)
    client, database = await Client.connect(base), postmaster(data_dir)
    numbers = itertools.count()

    serving = Cpu(server, *(() if database in children(server) else (database,)))
    alone = Cpu(database, own=True)

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
        http_side: Side = (get_all, serving)
        bare_side: Side = (partial(each, sql.read, known), alone)
        lines.append(await compare(name, rounds, reads, partial(_same, http_side), partial(_same, bare_side)))
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
            print(f"\nPeak memory of a worker: {max(map(peak_megabytes, workers)):.0f} MB\n")
    for line in (*lines(), *memory()):
        print(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="work in a round, relative to the default")
    options = parser.parse_args()
    uvloop.run(run(options.rounds, options.scale))
