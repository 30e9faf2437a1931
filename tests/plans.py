"""Query plans: analyzed as the application role under a generic plan, and judged by what they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg
import orjson


async def explain(connection: asyncpg.Connection, statement: str, arguments: Iterable[Any]) -> dict[str, Any]:
    """The analyzed plan of a statement: prepared and executed, so that it is the generic one. What it writes stays."""
    await connection.execute(f"prepare shape as {statement}")
    try:
        values = ", ".join(map(literal, arguments))
        answer = await connection.fetchval(f"explain (analyze, buffers, format json) execute shape({values})")
    finally:
        await connection.execute("deallocate shape")
    plan: dict[str, Any] = orjson.loads(answer)[0]["Plan"]
    return plan


def literal(value: Any) -> str:
    """A Python value as asyncpg takes it, written as a literal of SQL."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return literal("{" + ",".join(map(_element, value)) + "}")
    return "'" + _text(value).replace("'", "''") + "'"


def _element(value: Any) -> str:
    return "null" if value is None else '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def faults(plan: dict[str, Any], bound: int, removed: int) -> list[str]:
    """What is wrong with an analyzed plan: bound is of buffers, removed of rows that filters threw away."""
    found = []
    for node in nodes(plan):
        if node["Node Type"] in ("Seq Scan", "Bitmap Heap Scan") and node["Actual Loops"]:
            found.append(f"{node['Node Type']} of {node.get('Relation Name')}")
        gone = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if node["Node Type"].startswith("Index") and gone > removed:
            found.append(f"{node['Node Type']} of {node['Relation Name']} removed {gone} rows by {node['Filter']}")
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    if buffers > bound:
        found.append(f"{buffers} buffers, {bound} allowed")
    return found
