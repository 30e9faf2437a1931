"""The plan of every search statement, on 200,000 generated resources, as the application role, under generic plans.

None may scan a table, filter away more than the page needs, or read more pages of the database than a bound that knows
the size of the page and the number of values searched for, and nothing of the number of rows. (Totals read what they count.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg

from resources.database import Database, Session, framed
from search import compiler
from search.candidates import CAP, Plan
from search.conditions import (
    Amounts,
    And,
    Condition,
    Dates,
    Endings,
    Fragments,
    Ids,
    Inside,
    Keys,
    Near,
    Not,
    Numbers,
    Or,
    Referred,
    Refers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from search.densities import Densities
from search.orders import Key
from search.parameter import ANY, CELL, TRIGRAM
from search.parameters.tables import Arguments

from .. import large as of
from ..large import DAY, DENSE, FIRST, HALF, HIGHEST, LOWEST, OBSERVATIONS, PRESENT, REFERENCE, SPARSE, STEP, TYPE
from ..plans import explain, faults
from ..statements import Shape, of_plan, shapes
from ..statements import plan as plan_of

MIDDLE = FIRST + OBSERVATIONS // 2 * STEP


def numbers(k: int, low: str, high: str, unit: int | None = None) -> Numbers:
    number = of.COMPOSITE if k else of.QUANTITY
    return Numbers(((TYPE, number, k, low, high, "", "~", None, None, unit, None, None, None, None),))


def conditions() -> list[Condition]:
    """Sparse and dense conditions of every kind that there is."""
    dense, sparse = Keys(((DENSE, ANY),)), Keys(((SPARSE, ANY),))
    return [
        sparse,
        dense,
        Keys(((HALF, ANY), (DENSE, ANY), (SPARSE, 0))),
        Keys(((REFERENCE + 7, of.POINTING), (REFERENCE + 8, of.POINTING)), rank=1),
        Not(Keys(((PRESENT, ANY),))),
        Inside(((-8, TYPE),)),
        Inside(((1, TYPE),)),
        Uris(((TYPE, of.URI, "http://dense"),)),
        Uris(((TYPE, of.URI, "http://sparse"), (TYPE, of.URI, "http://none"))),
        UriRanges(((TYPE, of.URI, "http://s", "http://t"),)),
        Strings(((TYPE, of.STRING, "name 123 ", "name 123!"),)),
        Strings(((TYPE, of.STRING, "dense", "densf"), (TYPE, of.STRING, "name 9", "name :"))),
        And((Keys(((of.FRAGMENTS + 17, TRIGRAM),)), Fragments(((TYPE, of.STRING, "me 17 "),)))),
        Fragments(((TYPE, of.STRING, "e"),)),
        And((Keys(((of.FRAGMENTS + 17, TRIGRAM),)), Endings(((TYPE, of.STRING, " 7017"),)))),
        Dates(((TYPE, of.DATE, MIDDLE, MIDDLE + 3 * DAY, LOWEST, MIDDLE + 3 * DAY),)),
        Dates(((TYPE, of.DATE, LOWEST, HIGHEST, MIDDLE, HIGHEST), (TYPE, of.DATE, LOWEST, MIDDLE, LOWEST, HIGHEST))),
        Dates(
            (
                (TYPE, -2, LOWEST, HIGHEST, MIDDLE, HIGHEST),
                (TYPE, -2, MIDDLE, MIDDLE + DAY, LOWEST, MIDDLE + DAY),
            ),
            primary=PRESENT,
        ),
        Dates(((TYPE, -2, MIDDLE, MIDDLE + DAY, LOWEST, MIDDLE + DAY),), primary=PRESENT),
        numbers(0, of.number(990), of.number(995)),
        numbers(0, of.number(100), "~", of.UNIT),
        numbers(of.K_SPARSE, "", "~"),
        numbers(of.K_DENSE, of.number(500), "~"),
        Amounts(((TYPE, of.QUANTITY, 0, of.CANONICAL, of.number(1990), "~", "", "~", None),)),
        Amounts(((TYPE, of.QUANTITY, 0, of.CANONICAL, "", "~", of.number(100), "~", None),)),
        And((Keys(((of.CELLS + 3, CELL),)), Near(((TYPE, of.POSITION, 1.5, 0.0, 50_000.0),)))),
        Updated(((TYPE, 1_704_067_200_000_000, 1_704_067_200_000_000 + 900_000_000),)),
        Updated(((TYPE, 1_704_067_200_000_000, HIGHEST),)),
        Ids(((TYPE, 8, "o8"), (TYPE, 9, "o9"))),
        Refers((of.POINTING,), (((of.OTHER_TYPE,), Keys(((of.OTHER_SPARSE, ANY),))),)),
        Refers((of.POINTING,), (((of.OTHER_TYPE,), Keys(((of.OTHER_DENSE, ANY),))),)),
        Refers((of.INSIDE_POINTING,), (((of.CONTAINED_TYPE,), Keys(((of.INSIDE_SPARSE, ANY),))),)),
        Or((sparse, Strings(((TYPE, of.STRING, "name 77 ", "name 77!"),)))),
        Not(Or((Keys(((PRESENT, ANY),)), Strings(((TYPE, of.STRING, "name 77 ", "name 77!"),))))),
    ]


def beside() -> list[Condition]:
    """Conditions that have nothing to do with the values of the sort keys."""
    return [
        Keys(((SPARSE, ANY),)),
        Keys(((DENSE, ANY),)),
        Not(Keys(((SPARSE, ANY),))),
        Dates(((TYPE, -2, MIDDLE, MIDDLE + DAY, LOWEST, MIDDLE + DAY),), primary=PRESENT),
        Refers((of.POINTING,), (((of.OTHER_TYPE,), Keys(((of.OTHER_DENSE, ANY),))),)),
    ]


def of_patients() -> list[Condition]:
    return [
        Referred((of.POINTING,), TYPE, Keys(((SPARSE, ANY),))),
        Referred((of.POINTING,), TYPE, Keys(((DENSE, ANY),))),
        Referred((of.POINTING,), TYPE, And((Keys(((DENSE, ANY),)), Keys(((SPARSE, ANY),))))),
    ]


def keys() -> list[tuple[Key, tuple[Any, ...]]]:
    coded = Not(Keys(((of.CODED, ANY),)))
    present = Not(Keys(((PRESENT, ANY),)))
    return [
        (Key("string", ((TYPE, of.STRING, 0),), False), ("name 4",)),
        (Key("uri", ((TYPE, of.URI, 0),), False), ("http://dense",)),
        (Key("date", ((TYPE, of.DATE, 0),), False), (MIDDLE,)),
        (Key("quantity", ((TYPE, of.QUANTITY, 0),), False), (of.CANONICAL, of.number(1000))),
        (Key("reference", ((TYPE, 0, of.LONELY),), False), (of.REFERENCE + 4_000,)),
        (Key("token", ((TYPE, of.CODE, 0),), False, coded), ("c1000", of.CODES + 1000)),
        (Key("primary", ((TYPE, 2, 0),), False), (MIDDLE,)),
        (Key("id", ((TYPE, 0, 0),), False), ("o5",)),
        (Key("updated", ((TYPE, 0, 0),), False), (datetime(2024, 1, 10, tzinfo=UTC),)),
        (Key("date", ((TYPE, of.DATE, 0),), False, present), (MIDDLE,)),
    ]


def bound(shape: Shape) -> int:
    """Buffers a statement may touch: for each candidate its index entry and body, and for each value a probe of at most
    four levels and a row. A page needs its own candidates and, where half of them fail a probe, as many again a few times
    over; a seek has up to CAP candidates."""
    candidates = 8 * (shape.limit or 0) + (CAP if shape.sought else 0)
    return 64 + candidates * (3 + 5 * max(shape.values, 1))


async def known(session: Session, types: tuple[int, ...], some: Sequence[Condition]) -> Densities:
    """The densities of the conditions, as a search counts them."""
    densities = Densities()
    for one in some:
        while unknown := densities.unknown(session.tenant_id, types, (one,), ordered=True):
            for count in unknown:
                arguments = Arguments()
                [row] = await session.select(compiler.density(*count, arguments), *arguments.values)
                densities.put(session.tenant_id, count.condition, row["count"])
    return densities


async def test_every_shape_is_bounded(connection: asyncpg.Connection, database: Database, large: int) -> None:
    """None costs more the more a tenant has stored."""
    session = database.session(large)
    found, seen = [], 0
    after = (FIRST + OBSERVATIONS * 3 // 4 * STEP, 0)
    for types, some in (((TYPE,), conditions()), ((of.OTHER_TYPE,), of_patients())):
        choose = partial((await known(session, types, [*some, *beside()])).choose, large, types)
        for shape in made(types, some, choose, after):
            seen += 1
            plan = await explain(connection, framed(shape.text), (large, *shape.arguments))
            allowed = bound(shape) if shape.limit is not None else 10**9
            removed = (8 * (shape.limit or 10**9) + (CAP if shape.sought else 0)) * max(shape.values, 1)
            found += [f"{shape.name}: {fault}" for fault in faults(plan, allowed, removed)]
    assert found == []
    assert seen > 700


def made(types: tuple[int, ...], some: list[Condition], choose: Any, after: tuple[int, int]) -> Iterator[Shape]:
    if types == (TYPE,):
        yield from shapes(types, some, choose, after, keys(), beside())
        return
    for one in some:
        yield from of_plan(plan_of(types, (one,), choose((one,))), after)


async def test_bad_shapes_are_caught(connection: asyncpg.Connection, large: int) -> None:
    """A probe of a posting without s still shows as an index condition; a comparison that is not leakproof scans."""
    dense, half = Keys(((DENSE, ANY),)), Keys(((HALF, ANY),))
    arguments = Arguments()
    text = compiler.page(Plan((TYPE,), (dense, half), 0, limit=21), arguments)
    assert faults(await explain(connection, framed(text), (large, *arguments.values)), 3_000, 168) == []
    without_s = text.replace("t.s = p.s and ", "")
    assert without_s != text
    assert faults(await explain(connection, framed(without_s), (large, *arguments.values)), 3_000, 168)

    lower = "select t.rid from str t where t.tenant_id = g.t and lower(t.v) = 'name 123 123' limit 21"
    assert faults(await explain(connection, framed(lower), (large,)), 10**9, 168)
