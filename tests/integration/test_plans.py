"""The plan of every statement of the store, read and write, on 200,000 resources: before the tables were ever analyzed and
after. Those of search are in test_shapes.py.

The bounds know the size of a page and the number of changes and rows to be written, and nothing of the number of rows there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from resources import definitions
from resources.database import Database, framed
from resources.hashing import Hash
from resources.store import QUERIES, Change, Store, body_parts
from search.indexer import FLOOR, Indexer

from ..benchmarks.workload import observation
from ..large import TYPE
from ..plans import explain, faults, nodes

PAGE = 21
WALKED = 100  # versions that a page of a history at a moment looks at
MANY = 50  # resources that are read at once
ALWAYS = datetime(1900, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
AMID = (datetime(2024, 1, 5, tzinfo=UTC), 2**62)  # where a later page begins
EARLY = (datetime(2023, 1, 2, tzinfo=UTC), 0)  # amid past versions, before all current ones
KEY = (800, TYPE, "o800")  # a resource with 20 past versions, as (skey, type, id)
KEYS = ([800], [TYPE], ["o800"])
OF_MANY = ([160 * n for n in range(1, MANY + 1)], [TYPE] * MANY, [f"o{160 * n}" for n in range(1, MANY + 1)])
TIME = (ALWAYS, FOREVER, EARLY[0])  # written since, before, and current at or after

# Name of a query → the arguments of a first and of a later page.
ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "read": [KEY],
    "read_version": [(*KEY, 7)],
    "read_at": [(*KEYS, EARLY[0]), (*KEYS, FOREVER), (*KEYS, ALWAYS)],
    "count_keys": [(*KEYS, *TIME), (*KEYS, ALWAYS, FOREVER, ALWAYS)],
    "history_keys": [(*KEYS, *TIME, FOREVER, 0, PAGE), (*KEYS, *TIME, *EARLY, PAGE)],
    "history_keys_up": [(*KEYS, *TIME, ALWAYS, 0, PAGE), (*KEYS, *TIME, *EARLY, PAGE)],
    **{
        f"history_{which}{'_at' * bool(at)}{up}": [(bound, *place, PAGE, *at, *typed) for place in (AMID, EARLY)]
        for which, typed in (("type", (TYPE,)), ("system", ()))
        for at in ((), (EARLY[0], WALKED), (AMID[0], WALKED))
        for up, bound in (("", ALWAYS), ("_up", FOREVER))
    },
}
# Those whose work is that of as many resources or versions as they look at, with how many that are.
WIDE: dict[str, list[tuple[Any, ...]]] = {
    "read_many": [OF_MANY],
    "read_at": [(*OF_MANY, EARLY[0])],
    "count_keys": [(*OF_MANY, *TIME)],
    "history_keys": [(*OF_MANY, *TIME, *EARLY, PAGE)],
    "history_keys_up": [(*OF_MANY, *TIME, *EARLY, PAGE)],
}
# Totals read what they count.
COUNTS = {"count_type", "count_system", "count_type_at", "count_system_at"}


@pytest.fixture(scope="module", params=["never_analyzed", "large"])
def tenant_id(request: pytest.FixtureRequest) -> int:
    """All tests run before the tables are analyzed, and all again after."""
    number: int = request.getfixturevalue(request.param)
    return number


def test_every_query_of_the_store_is_tested() -> None:
    assert {*ARGUMENTS, *WIDE, *COUNTS} == set(QUERIES)


async def query_faults(
    connection: asyncpg.Connection, tenant_id: int, queries: dict[str, list[tuple[Any, ...]]], bound: int
) -> list[str]:
    return [
        f"{name}: {fault}"
        for name, pages in queries.items()
        for arguments in pages
        for fault in faults(
            await explain(connection, framed(QUERIES[name]), (tenant_id, *arguments)),
            bound + 12 * WALKED * ("_at" in name and name.startswith("history")),
            PAGE,
        )
    ]


async def test_no_query_of_the_store_scans(connection: asyncpg.Connection, tenant_id: int) -> None:
    """A page of at most PAGE versions: an index descent and a row each, from at most three lists, and what sorting drops.
    Of a history at a moment two descents more for each version it looks at."""
    assert await query_faults(connection, tenant_id, ARGUMENTS, 40 + 3 * PAGE * 6) == []


async def test_many_resources_cost_as_many_times_one(connection: asyncpg.Connection, tenant_id: int) -> None:
    """Of each its row, three searches by halves among 20 versions, and a page of its versions."""
    assert await query_faults(connection, tenant_id, WIDE, 40 + MANY * (4 + 3 * 5 * 4 + PAGE * 2)) == []


@pytest.mark.parametrize("name", sorted(COUNTS))
async def test_totals_read_what_they_count_by_an_index(
    connection: asyncpg.Connection, tenant_id: int, name: str
) -> None:
    times = (ALWAYS, FOREVER, *([AMID[0]] if name.endswith("_at") else []))
    plan = await explain(connection, framed(QUERIES[name]), (tenant_id, *times, *([TYPE] if "type" in name else [])))
    read = [node["Node Type"] for node in nodes(plan) if node.get("Relation Name")]
    assert set(read) <= {"Index Only Scan", "Index Scan"}


async def test_a_bad_query_is_caught(connection: asyncpg.Connection, large: int) -> None:
    bad = QUERIES["read"].replace("r.skey = $2", "r.skey + 0 = $2")
    assert bad != QUERIES["read"]
    assert faults(await explain(connection, framed(bad), (large, *KEY)), 100, PAGE)


@pytest.mark.parametrize("size", [1, 100])
async def test_a_write_reads_only_what_it_changes(
    connection: asyncpg.Connection, database: Database, tenant_id: int, size: int
) -> None:
    """Create, update, update without change and delete, of one resource and of a hundred; each does what it says."""
    hash_, types = Hash(database.hash_key), definitions.load()
    store, indexer = Store(hash_, types, (FLOOR,)), Indexer(types, hash_)

    def change(interaction: str, n: int, turn: int) -> Change:
        if interaction == "delete":
            return Change("delete", "Observation", f"w{n}")
        inside = {
            "resourceType": "Specimen",
            "id": "s",
            "type": {"coding": [{"system": "http://x.org", "code": f"{n}"}]},
        }
        tree = {**observation(n), "issued": f"2025-01-0{turn}T00:00:00Z", "contained": [inside]}
        indexed = indexer.index("Observation", f"w{n}", tree, "http://fhir.example")
        return Change(interaction, "Observation", f"w{n}", *body_parts(tree, f"w{n}"), *indexed)

    turns = [("create", 1, 1), ("update", 2, 2), ("update", 2, 2), ("delete", 3, 3)]  # and the version it leads to
    transaction = connection.transaction()
    await transaction.start()
    try:
        for interaction, turn, _ in turns:  # a new connection reads the catalogue, too
            await connection.fetch(store.statement, tenant_id, 1, *store.arguments([change(interaction, 1000, turn)]))
        for interaction, turn, version_id in turns:
            changes = [change(interaction, n, turn) for n in range(size)]
            arguments = (tenant_id, 1, *store.arguments(changes))
            plan = await explain(connection, store.statement, arguments)
            rows = 40 * size  # index rows taken away and put in their place, and version rows
            assert faults(plan, 100 + 16 * rows, 10**9) == [], (interaction, version_id)
            written = await connection.fetch("select ver from fhir.resource where id ~ '^w[0-9]+$' and id <> 'w1000'")
            assert [row["ver"] for row in written] == [version_id] * size
    finally:
        await transaction.rollback()
