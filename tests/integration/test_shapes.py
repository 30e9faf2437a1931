"""The plan of every search statement, on 200,000 generated resources, as the application role, under generic plans.

None may scan a table, filter away more than the page needs, or read more pages of the database than a bound that knows
the size of the page and the number of values searched for, and nothing of the number of rows. (Totals read what they count.)
"""

from __future__ import annotations

from typing import Any

import asyncpg

from resources.database import Database, framed
from search import compiler
from search.compiler import CAP, DRIVERS
from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Strings, Updated, Uris
from search.densities import Densities
from search.parameter import ANY
from search.parameters.tables import Arguments
from search.shapes import Shape, shapes

from ..large import DAY, DENSE, FIRST, HALF, HIGHEST, LOWEST, OBSERVATIONS, PRESENT, REFERENCE, SPARSE, STEP, TYPE
from ..plans import explain, faults


def conditions() -> list[Condition]:
    """One sparse and one dense condition of every kind that there is."""
    middle = FIRST + OBSERVATIONS // 2 * STEP
    return [
        Keys(((SPARSE, ANY),)),
        Keys(((DENSE, ANY),)),
        Keys(((HALF, ANY), (DENSE, ANY), (SPARSE, 0))),
        Keys(((REFERENCE + 7, -5), (REFERENCE + 8, -5)), rank=1),
        Missing((PRESENT, ANY)),
        Exact(TYPE, 1, (("name 8 8", 8),)),
        Uris(TYPE, 4, ("http://dense",)),
        Uris(TYPE, 4, ("http://sparse", "http://none")),
        Strings(TYPE, 1, (("name 123 ", "name 123!"),)),
        Strings(TYPE, 1, (("dense", "densf"), ("name 9", "name :"))),
        Dates(TYPE, 3, ((middle, middle + 3 * DAY, LOWEST, middle + 3 * DAY),)),
        Dates(TYPE, 3, ((LOWEST, HIGHEST, middle, HIGHEST), (LOWEST, middle, LOWEST, HIGHEST))),
        Dates(
            TYPE,
            -2,
            ((LOWEST, HIGHEST, middle, HIGHEST), (middle, middle + DAY, LOWEST, middle + DAY)),
            primary=PRESENT,
        ),
        Dates(TYPE, -2, ((middle, middle + DAY, LOWEST, middle + DAY),), primary=PRESENT),
        Updated(TYPE, ((1_704_067_200_000_000, 1_704_067_200_000_000 + 900_000_000),)),
        Updated(TYPE, ((1_704_067_200_000_000, HIGHEST),)),
        Ids(TYPE, ((8, "o8"), (9, "o9"))),
    ]


def bound(shape: Shape) -> int:
    """Buffers a statement may touch: for each candidate its index entry and body, and for each value a probe of at most
    four levels and a row. A page needs its own candidates and, where half of them fail a probe, as many again a few times
    over; a seek has up to CAP candidates."""
    candidates = 8 * (shape.limit or 0) + (CAP if shape.sought else 0)
    return 64 + candidates * (3 + 5 * max(shape.values, 1))


async def test_every_shape_is_bounded(connection: asyncpg.Connection, database: Database, large: int) -> None:
    """Law 10, design §3."""
    densities, session = Densities(), database.session(large)
    for condition in filter(lambda one: isinstance(one, DRIVERS), conditions()):
        arguments = Arguments()
        [row] = await session.select(compiler.density(condition, arguments), *arguments.values)
        densities.put(large, condition, row["count"])

    def choose(some: Any) -> tuple[int | None, bool]:
        return densities.choose(large, some)

    found, seen = [], 0
    after = (FIRST + OBSERVATIONS * 3 // 4 * STEP, 0)
    for shape in shapes(TYPE, conditions(), choose, after):
        seen += 1
        plan = await explain(connection, framed(shape.text), (large, *shape.arguments))
        allowed = bound(shape) if shape.limit is not None else 10**9
        removed = (8 * (shape.limit or 10**9) + (CAP if shape.sought else 0)) * max(shape.values, 1)
        found += [f"{shape.name}: {fault}" for fault in faults(plan, allowed, removed)]
    assert found == []
    assert seen > 700


async def test_bad_shapes_are_caught(connection: asyncpg.Connection, large: int) -> None:
    """A probe of a posting without s still shows as an index condition; a comparison that is not leakproof scans."""
    dense, half = Keys(((DENSE, ANY),)), Keys(((HALF, ANY),))
    arguments = Arguments()
    text = compiler.page(compiler.Plan(TYPE, (dense, half), 0, limit=21), arguments)
    assert faults(await explain(connection, framed(text), (large, *arguments.values)), 3_000, 168) == []
    without_s = text.replace("t.s = p.s and ", "")
    assert without_s != text
    assert faults(await explain(connection, framed(without_s), (large, *arguments.values)), 3_000, 168)

    lower = "select t.rid from str t where t.tenant_id = g.t and lower(t.v) = 'name 123 123' limit 21"
    assert faults(await explain(connection, framed(lower), (large,)), 10**9, 168)
