"""`python -m tests.benchmarks.searches`: pages of 20 among 20,000 and among 200,000 resources, next to their bare SQL.

The bare side is asyncpg on one connection with the statements that the server itself sends for the search, arguments made
beforehand. CPU time is of server and database together, the load generator left out; times are what one client on one
connection waits, medians. A search is to grow by less than 1.5 times where there is ten times as much. Last comes what the
index takes for a resource.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

from fhir_server import settings
from fhir_server import store as registry
from fhir_server.app import INTERACTIONS, opened
from fhir_server.edge import Opened
from fhir_server.embedded import Embedded
from fhir_server.exchange import Request
from resources.database import Owner, Row, Session
from resources.store import Change, body_parts
from search.indexer import FLOOR

from ..serving import postmaster, serve
from .bare import SETTINGS
from .client import Client
from .figures import Side, alternate, timed
from .population import resources
from .processes import Cpu, children
from .shapes import SHAPES, searches

TOGETHER: Final = 500  # resources written by one call
GROWTH: Final = 1.5
WORDED: Final = "Observation,Patient"
Statement = tuple[str, tuple[Any, ...]]


class Recorded(Session):
    """A session that remembers what was sent."""

    __slots__ = ("sent",)

    def __init__(self, session: Session) -> None:
        super().__init__(session._connections, session.tenant_id, session.actor)
        self.sent: list[Statement] = []

    async def call(self, statement: str, *args: Any) -> Sequence[Row]:
        self.sent.append((statement, args))
        return await super().call(statement, *args)


@dataclass(frozen=True)
class Measured:
    """One search shape at one size, medians."""

    ratio: float  # CPU time, bare to server
    http_cpu: float  # µs
    http_ms: float
    bare_ms: float
    found: float  # entries of an answer
    statements: float


@dataclass(frozen=True)
class Taken:
    """What the index takes for a resource."""

    rows: float
    bytes: float
    json_bytes: float


async def fill(owner: Owner, server: Opened, name: str, size: int, words: str = "") -> Taken:
    """Makes a tenant and stores so many resources in it, as a write does but for validation.

    words: the types whose words are indexed."""
    await registry.create_tenant(owner, name)
    await registry.set_settings(owner, name, settings.read_tenant([f"search_words={words}"]))
    await server.tenants.reload()
    tenant = server.tenants.get(name)
    session, base = server.session(tenant.tenant_id), f"http://127.0.0.1/fhir/{name}"
    before, json_bytes = await _bytes(owner), 0
    made = resources(size)
    while some := list(islice(made, TOGETHER)):
        changes = []
        for tree in some:
            resource_type, logical_id = tree["resourceType"], tree["id"]
            indexed = tenant.indexer.index(resource_type, logical_id, tree, base)
            head, tail = body_parts(tree, logical_id)
            json_bytes += len(head) + len(tail)
            changes.append(Change("update", resource_type, logical_id, head, tail, *indexed))
        await tenant.store.apply(session, tenant.definitions_number, changes)
    await owner.run("vacuum (analyze)")
    rows = await _rows(owner, tenant.tenant_id)
    return Taken(rows / size, (await _bytes(owner) - before) / size, json_bytes / size)


async def _rows(owner: Owner, tenant_id: int) -> int:
    """Rows of the index in a tenant."""
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant_id))
        counts = " + ".join(f"(select count(*) from fhir.{table.name})" for table in FLOOR.tables)
        [row] = await owner.fetch(f"select {counts} as rows")
    rows: int = row["rows"]
    return rows


async def _bytes(owner: Owner) -> int:
    """Bytes of the tables of the index, with their indexes."""
    sizes = " + ".join(f"pg_total_relation_size('fhir.{table.name}')" for table in FLOOR.tables)
    [row] = await owner.fetch(f"select {sizes} as bytes")
    taken: int = row["bytes"]
    return taken


async def statements(server: Opened, tenant_name: str, search: str) -> list[Statement]:
    """What the server sends for a search whose values it has met before."""
    tenant = server.tenants.get(tenant_name)
    path, _, query = search.partition("?")
    request = Request("GET", (path,), tenant, f"http://127.0.0.1/fhir/{tenant_name}", query)
    session = Recorded(server.session(tenant.tenant_id))
    for _ in range(2):
        session.sent.clear()
        response = await INTERACTIONS["search-type"](session, request)
        assert response.status == 200, response.body
    return session.sent


class Bench:
    """The server, a client of it, and one connection of its database."""

    _client: Client

    def __init__(self, server: Opened, base: str, process: int, database: int, connection: Any) -> None:
        self._server = server
        self._base = base
        self._serving = Cpu(process, *(() if database in children(process) else (database,)))
        self._alone = Cpu(database, own=True)
        self._connection = connection

    async def measure(self, tenant_name: str, name: str, size: int, rounds: int, requests: int) -> Measured:
        wanted = searches(name, size, min(requests, 20))
        sent = [await statements(self._server, tenant_name, search) for search in wanted]
        paths = [f"/fhir/{tenant_name}/{search}" for search in wanted]
        self._client = await Client.connect(self._base)  # one that was idle meanwhile is closed by the server
        found = [await self._entries(path) for path in paths]  # the worker meets each value for the first time
        for one in sent:  # and so does the connection
            await self._fetch(one)
        times: tuple[list[float], list[float]] = ([], [])

        def http() -> Side:
            return partial(timed, self._get, [paths[n % len(paths)] for n in range(requests)], times[0]), self._serving

        def bare() -> Side:
            return partial(timed, self._fetch, [sent[n % len(sent)] for n in range(requests)], times[1]), self._alone

        of_http, _, ratios = await alternate(rounds, requests, http, bare)
        self._client.close()
        median = statistics.median
        return Measured(
            median(ratios),
            median(of_http.cpu),
            median(times[0]),
            median(times[1]),
            statistics.mean(found),
            statistics.mean(map(len, sent)),
        )

    async def _entries(self, path: str) -> int:
        status, body = await self._client.send("GET", path)
        assert status == 200, body
        return body.count(b'"fullUrl"')

    async def _get(self, path: str) -> None:
        status, _ = await self._client.send("GET", path)
        assert status == 200

    async def _fetch(self, sent: list[Statement]) -> None:
        for statement, args in sent:
            await self._connection.fetch(statement, *args)


def table(sizes: Sequence[int], measured: dict[str, list[Measured]]) -> Iterator[str]:
    yield (
        "| search | "
        + " | ".join(f"{size:,}: CPU µs | ratio to bare SQL | ms | bare ms" for size in sizes)
        + " | growth | bare growth | entries | statements |"
    )
    yield "|---|" + "---|" * (4 * len(sizes) + 4)
    for name, at in measured.items():
        columns = [f"{m.http_cpu:.0f} | **{m.ratio:.2f}** | {m.http_ms:.2f} | {m.bare_ms:.2f}" for m in at]
        growth, bare_growth = at[-1].http_ms / at[0].http_ms, at[-1].bare_ms / at[0].bare_ms
        mark = " !" if growth >= GROWTH else ""
        numbers = f"{growth:.2f}{mark} | {bare_growth:.2f} | {at[-1].found:.1f} | {at[-1].statements:.1f}"
        yield f"| {name} | {' | '.join(columns)} | {numbers} |"


async def benchmark(base: str, process: int, data_dir: Path, options: argparse.Namespace) -> None:
    with Embedded.attach(data_dir) as embedded:
        urls = embedded.owner_url, embedded.application_url
        connection = await asyncpg.connect(
            urls[1], server_settings=SETTINGS, statement_cache_size=1000, max_cacheable_statement_size=0
        )
        measured: dict[str, list[Measured]] = {name: [] for name in SHAPES if name in (options.only or SHAPES)}
        async with (
            Owner.connect(urls[0]) as owner,
            opened(settings.read({"database_url": urls[1]}, {})) as server,
        ):
            bench = Bench(server, base, process, postmaster(data_dir), connection)
            for size in options.sizes:
                start = time.perf_counter()
                await fill(owner, server, f"of{size}", size)
                print(f"{size:,} resources stored in {time.perf_counter() - start:.0f} s", flush=True)
                for name, at in measured.items():
                    at.append(await bench.measure(f"of{size}", name, size, options.rounds, options.requests))
            for line in table(options.sizes, measured):
                print(line)
            print("\n| index of a resource | bytes of JSON | rows | bytes |\n|---|---|---|---|")
            some = min(options.sizes[0], 5_000)
            for label, words in (("without words", ""), ("with the words of narrative and content", WORDED)):
                taken = await fill(owner, server, f"words{len(words)}", some, words)
                print(f"| {label} | {taken.json_bytes:.0f} | {taken.rows:.1f} | {taken.bytes:.0f} |")
        await connection.close()


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as folder:
        data_dir = Path(folder) / "data"
        with serve(data_dir, "--workers", "1") as serving:
            await benchmark(serving.base, serving.process.pid, data_dir, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.searches", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000], metavar="RESOURCES")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200, help="of a round")
    parser.add_argument("--only", nargs="*", choices=list(SHAPES), help="shapes; by default all")
    uvloop.run(run(parser.parse_args()))
