"""Which version was current is found by halves: the number of looks grows with the logarithm of the versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from resources.database import framed
from resources.reads import QUERIES

from ..large import TYPE
from ..plans import explain, nodes

FIRST = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=800 * 20)  # of o800: one version a second from then on


async def test_each_version_is_found_by_five_looks_among_twenty(connection: asyncpg.Connection, large: int) -> None:
    for seconds, version_id in (
        (0.999, None),
        (1, 1),
        (1.5, 1),
        (2, 2),
        (12.9, 12),
        (20, 20),
        (10**6, 20),
        (10**9, 21),
    ):
        arguments = ([800], [TYPE], ["o800"], FIRST + timedelta(seconds=seconds))
        rows = await connection.fetch(framed(QUERIES["read_at"]), str(large), *arguments)
        assert [row["ver"] for row in rows] == ([version_id] if version_id else [])
        plan = await explain(connection, framed(QUERIES["read_at"]), (large, *arguments))
        looks = [node["Actual Loops"] for node in nodes(plan) if node.get("Relation Name") == "resource_version"]
        assert sum(looks) <= 5 + 1
