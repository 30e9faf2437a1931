"""Resources named by a search: by conditional interactions and references, all those of a Bundle together.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from resources.database import Session

from . import compiler
from .candidates import Plan, is_impossible
from .conditions import Keys
from .orders import NEWEST
from .parameters.tables import Arguments
from .query import parse
from .run import Search

_TOGETHER: Final = 100  # conditions of several criteria that one statement asks for
_FAIR: Final = 50  # conditions that are read before others have their turn

Postings = Sequence[tuple[int, int]]


async def resolve(
    session: Session, search: Search, lookups: Sequence[tuple[str, str]], base_url: str = "", most: int = 2
) -> list[list[tuple[str, int]]]:
    """For each (resource type, query string) the resources (logical id, version id) that match; equal ones are asked once.

    most: of each; two tell whether a condition names one resource.

    https://hl7.org/fhir/R4/http.html#trules"""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {lookup: [] for lookup in lookups}
    simple: list[tuple[int, Postings]] = []
    others: list[tuple[int, Plan]] = []
    names = list(found)
    for n, (resource_type, text) in enumerate(names):
        if n % _FAIR == _FAIR - 1:
            await asyncio.sleep(0)
        query = parse(search.definitions, (resource_type,), text, base_url=base_url)
        conditions = await search.conditions(session, query)
        if is_impossible(conditions):
            continue
        if len(conditions) == 1 and isinstance(conditions[0], Keys):
            simple.append((n, conditions[0].rows))
        else:
            types = (search.definitions.type_number(resource_type),)
            way = await search.choose(session, types, conditions, NEWEST)
            others.append((n, Plan(types, conditions, way.driver, way.inner, way.wide, limit=most)))
    statements: list[tuple[Sequence[tuple[int, Plan]], Sequence[tuple[int, Postings]]]] = [
        (others[i : i + _TOGETHER], ()) for i in range(0, len(others), _TOGETHER)
    ]
    for plans, keys in [*statements, ((), simple)] if simple else statements:
        arguments = Arguments()
        parts = [
            f"select {arguments.add(n, 'int4')} as n, y.id, y.ver from ({compiler.ids(plan, arguments)}) y"
            for n, plan in plans
        ]
        if keys:
            parts.append(compiler.first_ids(keys, arguments, most))
        text = " union all ".join(f"select z.n, z.id, z.ver from ({part}) z" for part in parts)
        for row in await session.select(text, *arguments.values):
            matches, match = found[names[row["n"]]], (row["id"], row["ver"])
            if match not in matches and len(matches) < most:
                matches.append(match)
    return [found[lookup] for lookup in lookups]
