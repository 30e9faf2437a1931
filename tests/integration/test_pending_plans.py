"""The plan of every statement that settles what is pending, on 200,000 generated resources.

None may scan a table or read more than a bound that knows how much may be found, and nothing of the number of rows there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import asyncpg

from resources import definitions
from resources.database import Session, framed
from resources.outcome import BadRequest
from search import library, pending
from search.conditions import Codes, Condition, Hierarchy, Listed, Texts
from search.indexer import Indexer
from search.pending import settle
from terminology.membership.questions import Terminology

from .. import large as of
from ..large import OTHER_TYPE, TYPE
from ..plans import explain, faults

DEFINED = definitions.load()
DESCENT = 20  # pages read on the way to a row of an index and to the row itself, with what was changed meanwhile


class Recorded:
    """A session that keeps the statements and finds nothing."""

    tenant_id = 1

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    async def select(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        self.statements.append((query, args))
        return []


class Generated:
    """An indexer as if it had made the generated rows: hashes are the number in the id."""

    def __init__(self) -> None:
        numbers = {"Patient": OTHER_TYPE}
        self.definitions = SimpleNamespace(
            type_number=lambda name: numbers.get(name, TYPE), type_name=DEFINED.type_name
        )

    def hash(self, *parts: str) -> int:
        return int(parts[-1].removeprefix("o"))

    def parameters(self, resource_type: str, contained: bool = False) -> Mapping[str, Any]:
        coded = SimpleNamespace(
            types=frozenset({"Coding"}), systems={}, type_number=TYPE, number=of.CODE, system=lambda _: of.SYSTEM
        )
        item = SimpleNamespace(pointing=of.POINTING)
        return {"code": coded, "item": item, "url": SimpleNamespace(number=of.URI)}


def coded(relation: str, value: str) -> Codes:
    return Codes(relation, value, f"code:{relation}", "Observation", "code", lambda system, code: ((1, 2),))


def hierarchy(relation: str, number: int) -> Hierarchy:
    return Hierarchy(relation, "Patient", str(number), of.OTHER_POINTING, (of.POINTING,))


# Name → what is pending, and how many rows its last statement finds.
PENDING: dict[str, tuple[Condition, int]] = {
    "texts": (Texts(((TYPE, of.CODE, "text 1", "text 2"),)), 111),
    "a list": (Listed("o800", (TYPE,)), 1),
    "below, a leaf": (hierarchy("below", -30_000), 1),
    "below, all": (hierarchy("below", -5), pending.MOST + 1),
    "above": (hierarchy("above", -30_000), 101),
    "a value set": (coded("in", "http://sparse"), 40),
    "codes in use": (coded("in", "http://loinc.org/vs"), 2_001),
    "systems in use": (coded("below", "c0001"), 1),
}
LIBRARY: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "bodies": (library._BODIES, ([1, 2, 3],), 3),
    "systems of value sets": (library._SYSTEMS_OF, (TYPE, ["http://x"]), library._SYSTEMS),
}


async def statements(condition: Condition) -> list[tuple[str, tuple[Any, ...]]]:
    session = Recorded()
    search = SimpleNamespace(indexer=cast(Indexer, Generated()), terminology=Terminology.alone(DEFINED), versions={})
    with contextlib.suppress(BadRequest):  # a value set that is not found ends the question after its statement
        await settle(cast(Session, session), search, [condition])
    return [one for one in session.statements if one[0] != library._SYSTEMS_OF]  # which is looked at by itself


async def faults_of_all(connection: asyncpg.Connection, tenant_id: int) -> list[str]:
    found: list[str] = []
    rows: dict[str, int] = {}
    for name, (condition, most) in PENDING.items():
        for text, arguments in await statements(condition):
            plan = await explain(connection, framed(text), (tenant_id, *arguments))
            found += [f"{name}: {fault}" for fault in faults(plan, 60 + DESCENT * most, most)]
            rows[name] = max(rows.get(name, 0), plan["Actual Rows"])
    for name, (text, arguments, most) in LIBRARY.items():
        plan = await explain(connection, framed(text), (tenant_id, *arguments))
        found += [f"{name}: {fault}" for fault in faults(plan, 60 + DESCENT * most, most)]
    assert rows == {name: most for name, (_, most) in PENDING.items()}
    return found


async def test_no_statement_scans(connection: asyncpg.Connection, never_analyzed: int) -> None:
    assert await faults_of_all(connection, never_analyzed) == []


async def test_no_statement_scans_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await faults_of_all(connection, large) == []


async def test_a_bad_statement_is_caught(connection: asyncpg.Connection, large: int) -> None:
    [(text, arguments)] = await statements(PENDING["below, a leaf"][0])
    bad = text.replace("p.h = d.k", "p.h + 0 = d.k")
    assert bad != text
    assert faults(await explain(connection, framed(bad), (large, *arguments)), 60 + DESCENT, 1)
