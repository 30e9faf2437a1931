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
from ..plans import explain, faults

PAGE = 21
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
AMID = (datetime(2024, 1, 5, tzinfo=UTC), 2**62)  # where a later page begins
KEY = (800, TYPE, "o800")  # a resource with 20 past versions, as (skey, type, id)

# Name of a query → the arguments of a first and of a later page.
ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "read": [KEY],
    "read_version": [(*KEY, 7)],
    "history_instance": [(*KEY, ALWAYS, *AMID, PAGE)],
    "history_type": [(ALWAYS, *AMID, PAGE, TYPE), (ALWAYS, datetime(2023, 1, 2, tzinfo=UTC), 0, PAGE, TYPE)],
    "history_system": [(ALWAYS, *AMID, PAGE), (ALWAYS, datetime(2023, 1, 2, tzinfo=UTC), 0, PAGE)],
    "count_instance": [(*KEY, ALWAYS)],
}
# Totals read what they count.
COUNTS = {"count_type", "count_system"}


def test_every_query_of_the_store_is_tested() -> None:
    assert {*ARGUMENTS, *COUNTS} == set(QUERIES)


async def query_faults(connection: asyncpg.Connection, tenant_id: int, bound: int) -> list[str]:
    return [
        f"{name}: {fault}"
        for name, pages in ARGUMENTS.items()
        for arguments in pages
        for fault in faults(await explain(connection, framed(QUERIES[name]), (tenant_id, *arguments)), bound, PAGE)
    ]


async def test_no_query_of_the_store_scans(connection: asyncpg.Connection, never_analyzed: int) -> None:
    """A page of at most PAGE versions: an index descent and a row each, from at most three lists, and what sorting drops."""
    assert await query_faults(connection, never_analyzed, 40 + 3 * PAGE * 6) == []


async def test_no_query_of_the_store_scans_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await query_faults(connection, large, 40 + 3 * PAGE * 6) == []


async def test_a_bad_query_is_caught(connection: asyncpg.Connection, large: int) -> None:
    bad = QUERIES["read"].replace("r.skey = $2", "r.skey + 0 = $2")
    assert bad != QUERIES["read"]
    assert faults(await explain(connection, framed(bad), (large, *KEY)), 100, PAGE)


@pytest.mark.parametrize("analyzed", [False, True], ids=["never analyzed", "analyzed"])
@pytest.mark.parametrize("size", [1, 100])
async def test_a_write_reads_only_what_it_changes(
    request: pytest.FixtureRequest, connection: asyncpg.Connection, database: Database, size: int, analyzed: bool
) -> None:
    """Create, update, update without change and delete, of one resource and of a hundred; each does what it says."""
    tenant_id = request.getfixturevalue("large" if analyzed else "never_analyzed")
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
