"""The plans of the statements by which resources are indexed anew, on 200,000 resources, before and after an analysis."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg

from resources.database import framed
from search.reindexing import TOGETHER
from search.store import QUERIES

from ..large import TYPE
from ..plans import explain, faults

LARGE = 10**9
LAST = 2**63 - 1
PAGES: dict[str, list[tuple[Any, ...]]] = {
    "page": [
        (TYPE, datetime(9999, 1, 1, tzinfo=UTC), LAST, TOGETHER, LARGE),
        (TYPE, datetime(2024, 1, 5, tzinfo=UTC), 2**62, TOGETHER, LARGE),
    ],
    "page_contained": [(-TYPE, LAST, LAST, TOGETHER, LARGE), (-TYPE, 0, LAST, TOGETHER, LARGE)],
    "sample": [([1, 2, 3], [1, 1, 1])],
}
# Of what there is little in a tenant: parameters, and jobs.
FEW = {"parameters", "jobs_before"}


def test_every_query_is_tested() -> None:
    assert {*PAGES, *FEW} == set(QUERIES)


async def page_faults(connection: asyncpg.Connection, tenant_id: int) -> list[str]:
    return [
        f"{name}: {fault}"
        for name, pages in PAGES.items()
        for arguments in pages
        for fault in faults(
            await explain(connection, framed(QUERIES[name]), (tenant_id, *arguments)), 40 + 6 * TOGETHER, TOGETHER
        )
    ]


async def test_a_page_of_the_walk_reads_its_own_resources(connection: asyncpg.Connection, never_analyzed: int) -> None:
    assert await page_faults(connection, never_analyzed) == []


async def test_so_it_does_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await page_faults(connection, large) == []
