"""Running a search: conditions from clauses, a driver from densities, one statement, a page.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resources.database import Row, Session
from resources.store import Version

from . import compiler
from .compiler import Plan
from .conditions import Condition, Keys, Missing, Nothing
from .densities import Densities
from .indexer import COLUMNS, Indexer
from .parameter import Parameter
from .parameters import PARAMETER_TYPES
from .parameters.tables import Arguments
from .place import Place, Seal
from .query import Clause, Query, parse

_METHODS: Final = {b"C": "POST", b"U": "PUT"}
_LOOKED_UP: Final = 2  # ids a conditional reference needs to know whether it names one resource


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search."""

    versions: tuple[Version, ...]
    total: int | None  # all matches, exact; None if it was not asked for and is not known anyway
    next: str | None  # value of `_page` in the link to the next page
    query: Query  # what was really searched, also when the request was a page link


class Search:
    """What a worker keeps for searching: the parameters, the densities of values by tenant, the seal of page links."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._seal = Seal(indexer.hash)
        self._densities = Densities()

    async def page(self, session: Session, query: Query) -> Page:
        """The page the query asks for: one round trip, and one more while a density is not known.

        Raises BadRequest for a value that cannot be read and for a page link that is not of this tenant and actor."""
        after: tuple[int, int] | None = None
        if query.page is not None:
            place = self._seal.open(query.page, *_bound_to(session, query))
            query = parse(
                self._indexer.definitions, query.resource_type, place.query, base_url=query.base_url, max_count=2**31
            )
            after = place.s, place.rid
        conditions = self.conditions(query)
        if compiler.is_impossible(conditions):
            return Page((), 0, None, query)
        plan = Plan(
            self._indexer.definitions.type_number(query.resource_type),
            tuple(conditions),
            *await self._choose(session, conditions),
            query.ascending,
            after,
            None if query.counts_only else query.count + 1,
            query.wants_total and not query.counts_only,
        )
        if query.counts_only:
            return Page((), await self._total(session, plan), None, query)
        arguments = Arguments()
        rows = await session.select(compiler.page(plan, arguments), *arguments.values)
        versions = tuple(_version(query.resource_type, row) for row in rows[: query.count])
        more = len(rows) > query.count
        total: int | None = None
        if plan.total:
            total = rows[0]["total"] if rows else await self._total(session, plan) if after else 0
        elif after is None and not more and query.total != "none":
            total = len(rows)
        link = None
        if more:
            last = rows[query.count - 1]
            link = self._seal.close(Place(query.text(), last["s"], last["rid"]), *_bound_to(session, query))
        return Page(versions, total, link, query)

    async def resolve(
        self, session: Session, lookups: Sequence[tuple[str, str]], base_url: str = ""
    ) -> list[list[str]]:
        """For each (resource type, query string) the logical ids that match, at most two: one statement for all.

        https://hl7.org/fhir/R4/http.html#trules"""
        found: list[list[str]] = [[] for _ in lookups]
        simple: list[tuple[int, Sequence[tuple[int, int]]]] = []
        arguments, parts = Arguments(), []
        for n, (resource_type, text) in enumerate(lookups):
            conditions = self.conditions(parse(self._indexer.definitions, resource_type, text, base_url=base_url))
            if compiler.is_impossible(conditions):
                continue
            if len(conditions) == 1 and isinstance(conditions[0], Keys):
                simple.append((n, conditions[0].keys))
            else:
                number = self._indexer.definitions.type_number(resource_type)
                way = await self._choose(session, conditions)
                plan = Plan(number, tuple(conditions), *way, limit=_LOOKED_UP)
                parts.append(f"select {arguments.add(n, 'int4')} as n, y.id from ({compiler.ids(plan, arguments)}) y")
        if simple:
            parts.append(compiler.first_ids(simple, arguments, _LOOKED_UP))
        if parts:
            text = " union all ".join(f"select z.n, z.id from ({part}) z" for part in parts)
            for row in await session.select(text, *arguments.values):
                ids = found[row["n"]]
                if row["id"] not in ids and len(ids) < _LOOKED_UP:
                    ids.append(row["id"])
        return found

    def conditions(self, query: Query) -> list[Condition]:
        """What a resource must have, in an order that depends on the kinds of the conditions only."""
        parameters = self._indexer.parameters(query.resource_type)
        found = [_condition(parameters[clause.code], clause, query.base_url) for clause in query.clauses]
        met = dict.fromkeys(one for one in found if one is not None)
        return sorted(met, key=lambda one: type(one).__name__)

    async def _choose(self, session: Session, conditions: Sequence[Condition]) -> tuple[int | None, bool]:
        unknown = self._densities.unknown(session.tenant_id, conditions)
        if unknown:
            arguments = Arguments()
            counts = ", ".join(f"({compiler.density(one, arguments)})" for one in unknown)
            [row] = await session.select(f"select array[{counts}] as counts", *arguments.values)
            for one, count in zip(unknown, row["counts"], strict=True):
                self._densities.put(session.tenant_id, one, count)
        return self._densities.choose(session.tenant_id, conditions)

    @staticmethod
    async def _total(session: Session, plan: Plan) -> int:
        arguments = Arguments()
        [row] = await session.select(compiler.count(plan, arguments), *arguments.values)
        return int(row["total"])


def _condition(parameter: Parameter, clause: Clause, base_url: str) -> Condition | None:
    """The condition of a clause; None if every resource meets it."""
    if clause.modifier == "missing":
        missing = clause.values == ("true",)
        if parameter.code in COLUMNS:  # every resource has an id and was once updated
            return Nothing() if missing else None
        return Missing(parameter.present) if missing else Keys((parameter.present,), 3)
    module = PARAMETER_TYPES[parameter.definition.type]
    condition: Condition = module.condition(parameter, clause.modifier, clause.values, base_url)
    return condition


def _bound_to(session: Session, query: Query) -> tuple[str, str, str]:
    return str(session.tenant_id), session.actor, query.resource_type


def _version(resource_type: str, row: Row) -> Version:
    return Version(resource_type, row["id"], row["ver"], row["lu"], _METHODS[row["op"]], row["body"])
