"""Running a search: conditions from the query, a way from densities, one statement, a page.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from resources.database import Row, Session
from resources.definitions import Definitions
from resources.outcome import BadRequest, TooCostly
from resources.store import METHODS, Version
from terminology.membership.questions import Terminology

from . import build, compiler, orders
from .candidates import CAP, Plan, is_impossible
from .conditions import Condition
from .densities import Densities, Way, flattened
from .explanation import explained
from .indexer import Indexer
from .orders import NEWEST, Order
from .parameter import Parameter, primary_dates
from .parameters.tables import Arguments
from .pending import settle
from .place import Place, Seal
from .query import Query, parse
from .simplify import simplified, size

# Among which resources a search is: those that stand alone, then those that are contained.
_INSIDES: Final = {"false": (False,), "true": (True,), "both": (False, True)}
MOST: Final = 300  # conditions of one statement; what many types have alike is one
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_VERSIONS: Final[Mapping[str, str]] = {}
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search."""

    versions: tuple[Version, ...]
    total: int | None  # all matches, exact; None if it was not asked for and is not known anyway
    query: Query  # what was really searched, also when the request was a page link
    next: str | None = None  # value of `_page` in the link to the next page
    previous: str | None = None
    first: str | None = None
    contained: tuple[str | None, ...] = ()  # for each version the id of the contained resource that matched
    explanation: tuple[str, ...] = ()  # lines, if asked for


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows of one part of a result, in the order of the page."""

    rows: tuple[Row, ...]
    more: bool  # further in the direction of reading
    plan: Plan | None  # None where nothing can match


class Search:
    """What a worker keeps for searching: the parameters, the densities of values by tenant, the seal of page links."""

    def __init__(
        self, indexer: Indexer, terminology: Terminology | None = None, versions: Mapping[str, str] = _NO_VERSIONS
    ) -> None:
        """versions: of code systems, which the tenant has pinned, by canonical URL."""
        self.indexer = indexer
        self.terminology = terminology or Terminology.alone(indexer.definitions)
        self.versions = versions
        self.seal = Seal(indexer.hash)
        self._densities = Densities()

    @property
    def definitions(self) -> Definitions:
        return self.indexer.definitions

    async def page(self, session: Session, query: Query) -> Page:
        """The page the query asks for: one round trip, and one more while a density is not known.

        Raises BadRequest for a value that cannot be read and for a page link that is not of this tenant and actor,
        TooCostly for what cannot be bounded, Unavailable when the time is over."""
        place, query = self.opened(session, query)
        kinds = _INSIDES[query.contained]
        if query.counts_only:
            totals = [await self._total(session, await self._plan(session, query, inside)) for inside in kinds]
            return Page((), sum(totals), query)
        part = await self._slice(session, query, place.inside if place else kinds[0], place, query.count)
        insides = [place.inside if place else kinds[0]] * len(part.rows)
        rows, more, backward = part.rows, part.more, bool(place and place.backward)
        if (
            not more
            and len(kinds) == 2
            and insides[:1] != [not backward]
            and (place is None or place.inside == backward)
        ):
            # Contained matches come after all others.
            other = await self._slice(
                session,
                query,
                not backward,
                Place("", backward=backward) if backward else None,
                query.count - len(rows),
            )
            both = (other.rows, rows) if backward else (rows, other.rows)
            rows, more = (*both[0], *both[1]), other.more
            added = [not backward] * len(other.rows)
            insides = [*added, *insides] if backward else [*insides, *added]
        return await self._page(session, query, place, rows, insides, more, part.plan)

    def opened(self, session: Session, query: Query) -> tuple[Place | None, Query]:
        """The place a page link names and the search it belongs to."""
        if query.page is None:
            return None, query
        place = self.seal.open(query.page, Place, *bound_to(session, query))
        whole = parse(
            self.definitions,
            query.scope,
            place.query,
            compartment=query.compartment,
            base_url=query.base_url,
            max_count=2**31,
        )
        return place, replace(whole, format=query.format or whole.format)

    async def conditions(self, session: Session, query: Query, inside: bool = False) -> tuple[Condition, ...]:
        """What a resource must have, in an order that depends on the kinds of the conditions only."""
        built = build.conditions(self.indexer, query, contained=inside)
        settled = flattened([simplified(one) for one in await settle(session, self, built)])
        if sum(map(size, settled)) > MOST:
            raise TooCostly(
                "The search leads to too many resource types at once. Name them, as in subject:Patient.name."
            )
        return tuple(sorted(dict.fromkeys(settled), key=lambda one: type(one).__name__))

    def order(self, query: Query, inside: bool = False) -> Order:
        """The order of the result. Where the primary date stands last it is what ties are sorted by anyway."""
        wanted, types = list(query.sort), self._types(query)
        primary = primary_dates().get(types[0]) if len(types) == 1 else None
        if len(wanted) == 1 and wanted[0].code == primary:
            return Order((), not wanted[0].descending)
        keys = tuple(
            orders.key([self._parameter(name, one.code, inside) for name in types], one.descending) for one in wanted
        )
        if len(keys) > 1 and keys[-1].kind == "primary" and keys[-1].descending and not orders.natural(keys[0]):
            return orders.by(keys[:-1])
        return orders.by(keys) if keys else NEWEST

    def _types(self, query: Query) -> tuple[str, ...]:
        return query.resource_types or self.definitions.resource_types

    def _parameter(self, resource_type: str, code: str, inside: bool) -> Parameter:
        return self.indexer.parameters(resource_type, contained=inside)[code]

    async def _plan(self, session: Session, query: Query, inside: bool, place: Place | None = None) -> Plan | None:
        """The plan of a page; None where nothing can match."""
        conditions = await self.conditions(session, query, inside)
        if is_impossible(conditions):
            return None
        sign = -1 if inside else 1
        types = tuple(sign * self.definitions.type_number(name) for name in self._types(query))
        order = self.order(query, inside)
        way = await self.choose(session, types, conditions, order)
        after = None
        if place is not None and place.rid:
            kinds = [kind for key in order.keys for _, kind in key.columns]
            if len(kinds) != len(place.keys):  # what it is sorted by has changed since
                raise BadRequest("_page: the order of this search has changed; search again.", code="value")
            keys = [_given(value, kind) for value, kind in zip(place.keys, kinds, strict=True)]
            after = (*keys, place.s, place.rid)
        return Plan(
            types,
            conditions,
            way.driver,
            way.inner,
            way.wide,
            sorted=bool(order.keys) and way.found >= CAP,
            order=order,
            backward=bool(place and place.backward),
            after=after,
        )

    async def _slice(self, session: Session, query: Query, inside: bool, place: Place | None, count: int) -> _Slice:
        """At most count rows from the place on, in the order of the result."""
        plan = await self._plan(session, query, inside, place)
        if plan is None:
            return _Slice((), False, None)
        first = query.wants_total and query.contained != "both"
        plan = replace(plan, limit=count + 1, total=first)
        arguments = Arguments()
        rows = tuple(await session.select(compiler.page(plan, arguments), *arguments.values))
        kept = rows[:count]
        return _Slice(kept[::-1] if plan.backward else kept, len(rows) > count, plan)

    async def _page(
        self,
        session: Session,
        query: Query,
        place: Place | None,
        rows: Sequence[Row],
        insides: Sequence[bool],
        more: bool,
        plan: Plan | None,
    ) -> Page:
        backward = bool(place and place.backward)
        total: int | None = None
        if query.wants_total:
            if rows and plan is not None and plan.total:
                total = rows[0]["total"]
            else:
                plans = [await self._plan(session, query, inside) for inside in _INSIDES[query.contained]]
                total = sum([await self._total(session, one) for one in plans])
        elif place is None and not more and query.total != "none":
            total = len(rows)
        text, bound = query.text(), bound_to(session, query)

        def link(n: int, to_previous: bool) -> str:
            row = rows[n]
            width = sum(len(key.columns) for key in self.order(query, insides[n]).keys)
            keys = tuple(_kept(row[f"k{m}"]) for m in range(1, width + 1))
            return self.seal.close(Place(text, keys, row["s"], row["rid"], to_previous, insides[n]), *bound)

        there_is_next = bool(rows) and (more or backward)
        there_is_previous = bool(rows) and (more if backward else place is not None and place.rid > 0)
        lines = await explained(session, plan, self._densities) if query.explain and plan is not None else ()
        return Page(
            self._versions(rows),
            total,
            query,
            link(-1, False) if there_is_next else None,
            link(0, True) if there_is_previous else None,
            self.seal.close(Place(text), *bound) if there_is_next or there_is_previous or place else None,
            contained=tuple(row["inner"] if inside else None for row, inside in zip(rows, insides, strict=True)),
            explanation=tuple(lines),
        )

    async def choose(
        self, session: Session, types: tuple[int, ...], conditions: tuple[Condition, ...], order: Order
    ) -> Way:
        densities = self._densities.asked()  # what is counted for this search stays known until it is done
        while unknown := densities.unknown(session.tenant_id, types, conditions, bool(order.keys)):
            arguments = Arguments()
            counts = ", ".join(f"({compiler.density(*one, arguments)})" for one in unknown)
            [row] = await session.select(f"select array[{counts}] as counts", *arguments.values)
            for one, count in zip(unknown, row["counts"], strict=True):
                densities.put(session.tenant_id, one.condition, count)
        return densities.choose(session.tenant_id, types, conditions)

    @staticmethod
    async def _total(session: Session, plan: Plan | None) -> int:
        if plan is None:
            return 0
        arguments = Arguments()
        [row] = await session.select(compiler.count(plan, arguments), *arguments.values)
        return int(row["total"])

    def _versions(self, rows: Sequence[Row]) -> tuple[Version, ...]:
        """Of several matches inside one resource the statement gives the body once; they share it."""
        bodies = {(row["rtype"], row["id"], row["ver"]): row["body"] for row in rows if row["body"] is not None}
        return tuple(
            Version(
                self.definitions.type_name(row["rtype"]), row["id"], row["ver"], row["lu"], METHODS[row["op"]],
                bodies[row["rtype"], row["id"], row["ver"]],
            )
            for row in rows
        )  # fmt: skip


def bound_to(session: Session, query: Query) -> tuple[str, ...]:
    """What a page link serves: one tenant, actor and path."""
    return str(session.tenant_id), session.actor, query.path


def _kept(value: Any) -> int | str | None:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value


def _given(value: int | str | None, kind: str) -> Any:
    return _EPOCH + value * _MICROSECOND if kind == "timestamptz" and isinstance(value, int) else value
