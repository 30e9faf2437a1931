"""Resources named by a search: the conditional references of a transaction, all of them together.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

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

_LOOKED_UP: Final = 2  # ids a conditional reference needs to know whether it names one resource
_TOGETHER: Final = 100  # conditional references of several criteria that one statement asks for

Postings = Sequence[tuple[int, int]]


async def resolve(
    session: Session, search: Search, lookups: Sequence[tuple[str, str]], base_url: str = ""
) -> list[list[str]]:
    """For each (resource type, query string) the logical ids that match, at most two; equal ones are asked once.

    https://hl7.org/fhir/R4/http.html#trules"""
    found: dict[tuple[str, str], list[str]] = {lookup: [] for lookup in lookups}
    simple: list[tuple[int, Postings]] = []
    others: list[tuple[int, Plan]] = []
    names = list(found)
    for n, (resource_type, text) in enumerate(names):
        query = parse(search.definitions, (resource_type,), text, base_url=base_url)
        conditions = await search.conditions(session, query)
        if is_impossible(conditions):
            continue
        if len(conditions) == 1 and isinstance(conditions[0], Keys):
            simple.append((n, conditions[0].rows))
        else:
            types = (search.definitions.type_number(resource_type),)
            way = await search.choose(session, types, conditions, NEWEST)
            others.append((n, Plan(types, conditions, way.driver, way.inner, way.wide, limit=_LOOKED_UP)))
    statements: list[tuple[Sequence[tuple[int, Plan]], Sequence[tuple[int, Postings]]]] = [
        (others[i : i + _TOGETHER], ()) for i in range(0, len(others), _TOGETHER)
    ]
    for plans, keys in [*statements, ((), simple)] if simple else statements:
        arguments = Arguments()
        parts = [
            f"select {arguments.add(n, 'int4')} as n, y.id from ({compiler.ids(plan, arguments)}) y"
            for n, plan in plans
        ]
        if keys:
            parts.append(compiler.first_ids(keys, arguments, _LOOKED_UP))
        text = " union all ".join(f"select z.n, z.id from ({part}) z" for part in parts)
        for row in await session.select(text, *arguments.values):
            ids = found[names[row["n"]]]
            if row["id"] not in ids and len(ids) < _LOOKED_UP:
                ids.append(row["id"])
    return [found[lookup] for lookup in lookups]
