"""Conditions that are known only after a look into the database, replaced by those that a statement can be made of.

`:text` by the texts that begin so, `:in`, `:below` and `:above` by codes, `_list` by ids, and the hierarchies of
references by the resources above or below. https://hl7.org/fhir/R4/search.html#token,
https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/search.html#list
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol, get_args

from resources import exact
from resources.database import Session
from resources.outcome import BadRequest, TooCostly
from resources.profiles.world import YES
from terminology.membership.members import Members
from terminology.membership.questions import Question, Terminology

from . import references
from .conditions import (
    And,
    Codes,
    Condition,
    Hierarchy,
    Ids,
    Keys,
    Listed,
    Not,
    Nothing,
    Or,
    Pending,
    Referred,
    Refers,
    Texts,
)
from .escapes import split, unescape
from .indexer import Indexer
from .library import Library
from .parameter import ANY, LAST, NONE, TEXT, Key, Parameter
from .parameters.tables import Arguments

MOST: Final = 10_000  # codes in use, entries of a list, resources of a hierarchy
TEXTS: Final = 1_000  # texts that begin in one way
TOGETHER: Final = 3 * MOST  # codes or texts in use that all conditions of a search look through
DIRECT: Final = 500  # codes that are looked up as they are; of more, those in use
_PENDING: Final = get_args(Pending)


class Searching(Protocol):
    """What of search.run.Search is needed here."""

    @property
    def indexer(self) -> Indexer: ...
    @property
    def terminology(self) -> Terminology: ...
    @property
    def versions(self) -> Mapping[str, str]:
        """Those of code systems that the tenant has pinned, by canonical URL."""


async def settle(session: Session, search: Searching, conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions without any Pending: one round trip for each kind of them, for codes one more for each level.

    Raises BadRequest for a value set or code system that is not known, TooCostly for what leads to too much."""
    pending = dict.fromkeys(one for condition in conditions for one in _inside(condition))
    if not pending:
        return list(conditions)
    met: dict[Condition, Condition] = {}
    met |= await _texts(session, [one for one in pending if isinstance(one, Texts)])
    met |= await _listed(session, search.indexer, [one for one in pending if isinstance(one, Listed)])
    met |= await _hierarchies(session, search.indexer, [one for one in pending if isinstance(one, Hierarchy)])
    met |= await _coded(session, search, [one for one in pending if isinstance(one, Codes)])
    return [_replaced(condition, met) for condition in conditions]


def _inside(condition: Condition) -> Iterator[Pending]:
    match condition:
        case And(conditions=parts) | Or(conditions=parts):
            for part in parts:
                yield from _inside(part)
        case Not(condition=part) | Referred(condition=part):
            yield from _inside(part)
        case Refers(targets=targets):
            for _, part in targets:
                yield from _inside(part)
        case Texts() | Codes() | Listed() | Hierarchy():
            yield condition


def _replaced(condition: Condition, met: Mapping[Condition, Condition]) -> Condition:
    match condition:
        case And(conditions=parts):
            return And(tuple(_replaced(part, met) for part in parts))
        case Or(conditions=parts):
            return Or(tuple(_replaced(part, met) for part in parts))
        case Not(condition=part) | Referred(condition=part):
            return replace(condition, condition=_replaced(part, met))
        case Refers(targets=targets):
            return replace(condition, targets=tuple((kind, _replaced(part, met)) for kind, part in targets))
    return met[condition] if isinstance(condition, _PENDING) else condition


def _keys(rows: Iterable[Key]) -> Condition:
    found = tuple(dict.fromkeys(rows))
    return Keys(found) if found else Nothing()


# Texts of coded values.

_RANGES: Final = (
    "select v.n, y.h, y.code from {ranges} cross join lateral (select c.h, c.code from code c where c.tenant_id = g.t "
    "and c.rtype = v.type and c.param = v.number and c.q = v.q and c.code >= v.lo and c.code < v.hi limit {most}) y "
    "limit {together}"
)
_RANGE: Final = {"n": "int4", "type": "int2", "number": "int2", "q": "int4", "lo": "text", "hi": "text"}


async def _texts(session: Session, wanted: Sequence[Texts]) -> dict[Condition, Condition]:
    if not wanted:
        return {}
    arguments = Arguments()
    ranges = [(n, kind, number, TEXT, lo, hi) for n, one in enumerate(wanted) for kind, number, lo, hi in one.rows]
    text = _RANGES.format(ranges=arguments.table(ranges, "v", _RANGE), most=TEXTS + 1, together=TOGETHER + 1)
    found: list[list[Key]] = [[] for _ in wanted]
    given = await session.select(text, *arguments.values)
    for row in given:
        found[row["n"]].append((row["h"], TEXT))
    if len(given) > TOGETHER or any(len(some) > TEXTS for some in found):
        raise TooCostly(f"More than {TEXTS} different texts begin with a value of :text; be more specific.")
    return {one: _keys(some) for one, some in zip(wanted, found, strict=True)}


# Lists.

_LISTS: Final = (
    "select w.n, r.body, array(select p.h from posting p where p.tenant_id = g.t and p.rid = r.rid "
    "and p.q = any ({pointing}) and p.q < 0) as pointed from {wanted} "
    "cross join lateral (select r.rid, r.resource::text as body from resource r where r.tenant_id = g.t "
    "and r.skey = w.skey and r.rtype + 0 = w.type and r.id = w.id and not r.deleted offset 0) r"
)


async def _listed(session: Session, indexer: Indexer, wanted: Sequence[Listed]) -> dict[Condition, Condition]:
    """Entries not marked deleted. Which references are ours is known from the index, which has seen our base URL."""
    if not wanted:
        return {}
    arguments, number = Arguments(), indexer.definitions.type_number("List")
    pointing = arguments.add([indexer.parameters("List")["item"].pointing], "int4[]")
    lists = [(n, number, indexer.hash("List", one.logical_id), one.logical_id) for n, one in enumerate(wanted)]
    columns = {"n": "int4", "type": "int2", "skey": "int8", "id": "text"}
    text = _LISTS.format(pointing=pointing, wanted=arguments.table(lists, "w", columns))
    met: dict[Condition, Condition] = dict.fromkeys(wanted, Nothing())
    for row in await session.select(text, *arguments.values):
        one = wanted[row["n"]]
        rows = dict.fromkeys(_entries(exact.decode(row["body"].encode()), indexer, one.types, set(row["pointed"])))
        if len(rows) > MOST:
            raise TooCostly(f"_list={one.logical_id}: the list has more than {MOST} entries.")
        met[one] = Ids(tuple(rows)) if rows else Nothing()
    return met


def _entries(
    tree: Mapping[str, Any], indexer: Indexer, types: Sequence[int], pointed: set[int]
) -> Iterator[tuple[int, int, str]]:
    names = {indexer.definitions.type_name(number): number for number in types if number > 0}
    for entry in tree.get("entry", ()):
        text = entry.get("item", {}).get("reference")
        if text is None or entry.get("deleted") is True:
            continue
        reference = references.parse(text, "")
        key = indexer.hash(reference.resource_type, reference.logical_id)
        if reference.resource_type in names and key in pointed:
            yield names[reference.resource_type], key, reference.logical_id


# Hierarchies of references.

# union, not union all: what was found already is not followed again, so that cycles end.
_WALK: Final = (
    "select y.n, y.k from (with recursive d as (select v.n, v.k, v.type, v.parent from {start} union "
    "select d.n, y.k, d.type, d.parent from d cross join lateral ({step}) y) select d.n, d.k from d limit {most}) y"
)
_STEPS: Final = {
    "below": (
        "select r.skey as k from posting p cross join lateral (select r.skey from resource r "
        "where r.tenant_id = g.t and r.rid = p.rid offset 0) r "
        "where p.tenant_id = g.t and p.q = d.parent and p.h = d.k"
    ),
    "above": (
        "select p.h as k from (select r.rid from resource r where r.tenant_id = g.t and r.skey = d.k "
        "and r.rtype + 0 = d.type and not r.deleted offset 0) r cross join lateral (select p.h from posting p "
        "where p.tenant_id = g.t and p.rid = r.rid and p.q = d.parent and p.q < 0 offset 0) p"
    ),
}


async def _hierarchies(session: Session, indexer: Indexer, wanted: Sequence[Hierarchy]) -> dict[Condition, Condition]:
    """The resource itself is there, whether it is stored or not."""
    if not wanted:
        return {}
    arguments, parts = Arguments(), []
    for relation, step in _STEPS.items():
        starts = [
            (
                n,
                indexer.hash(one.resource_type, one.logical_id),
                indexer.definitions.type_number(one.resource_type),
                one.parent,
            )
            for n, one in enumerate(wanted)
            if one.relation == relation
        ]
        if starts:
            columns = {"n": "int4", "k": "int8", "type": "int2", "parent": "int4"}
            parts.append(_WALK.format(start=arguments.table(starts, "v", columns), step=step, most=MOST + 1))
    rows = await session.select(" union all ".join(parts), *arguments.values)
    if len(rows) > MOST:
        names = " and ".join(f"{one.resource_type}/{one.logical_id}:{one.relation}" for one in wanted)
        raise TooCostly(f"More than {MOST} resources are in the hierarchy of {names}.")
    found: list[list[int]] = [[] for _ in wanted]
    for row in rows:
        found[row["n"]].append(row["k"])
    return {
        one: _keys((k, pointing) for k in some for pointing in one.pointing)
        for one, some in zip(wanted, found, strict=True)
    }


# Codes.

# Each system that a parameter has codes of: from one to the next by the index.
_IN_USE: Final = (
    "select v.n, y.system from {parameters} cross join lateral (with recursive d as (({first}) union all "
    "select y.q, y.system from d cross join lateral ({next}) y) select d.system from d limit {most}) y"
)
_SYSTEM: Final = (
    "select c.q, c.system from code c where c.tenant_id = g.t and c.rtype = v.type and c.param = v.number "
    f"and c.q > {{after}} and c.q <= {LAST} order by c.q limit 1"
)


class _Asked:
    """A condition on codes and what is known of its parameter."""

    def __init__(self, indexer: Indexer, condition: Codes) -> None:
        self.condition = condition
        name = condition.resource_type
        found = indexer.parameters(name.removeprefix("#"), contained=name.startswith("#"))
        self.parameter: Parameter = found[condition.code]
        self.name = f"{condition.name}={condition.value}"
        self.system: str | None = None
        self.code = condition.value
        if condition.relation != "in":
            *systems, self.code = map(unescape, split(condition.value, "|"))
            if len(systems) > 1 or not self.code:
                raise BadRequest(f"{self.name}: a value is code or system|code.", code="value")
            self.system = systems[0] if systems else None

    @property
    def plain(self) -> bool:
        """Its values are plain codes, whose system is that of their value set."""
        return self.parameter.types <= {"code", "boolean"}

    @property
    def bare(self) -> bool:
        """A code without its system is asked for."""
        return self.condition.relation != "in" and self.system is None


async def _coded(session: Session, search: Searching, wanted: Sequence[Codes]) -> dict[Condition, Condition]:
    if not wanted:
        return {}
    asked = [_Asked(search.indexer, one) for one in wanted]
    in_use = await _systems_in_use(session, [one for one in asked if one.bare and not one.plain])
    questions = []
    for one in asked:
        systems = {*in_use.get(one, ()), *one.parameter.systems.get(one.code, ())} if one.bare else set()
        questions.append(Question(one.condition.relation, one.code, one.system, one.name, tuple(sorted(systems))))
    answers = await search.terminology.answers(Library(session, search.indexer), questions, search.versions)
    found = {one: set[Key]() for one in asked}
    ranges: list[_Range] = []
    for one, members in zip(asked, answers, strict=True):
        known = one.parameter.systems if one.plain else None
        for system in sorted(members.systems):
            if known:
                coded = (code for code, systems_of in known.items() if system in systems_of)
                some = [code for code in coded if members.of(system, code, {}) is YES]
            elif (few := members.codes(system, DIRECT)) is None:
                ranges.append(_Range(one, system, members))
                continue
            else:
                some = few
            of_system = None if one.plain and not known else system
            found[one].update(key for code in some for key in one.condition.keys(of_system, code))
    if ranges:
        await _look_up(session, ranges, found)
    return {one.condition: _keys(sorted(found[one])) for one in asked}


async def _systems_in_use(session: Session, asked: Sequence[_Asked]) -> dict[_Asked, set[str]]:
    if not asked:
        return {}
    arguments = Arguments()
    rows = [(n, one.parameter.type_number, one.parameter.number) for n, one in enumerate(asked)]
    text = _IN_USE.format(
        parameters=arguments.table(rows, "v", {"n": "int4", "type": "int2", "number": "int2"}),
        first=_SYSTEM.format(after=NONE),
        next=_SYSTEM.format(after="d.q"),
        most=MOST,
    )
    found: dict[_Asked, set[str]] = {one: set() for one in asked}
    for row in await session.select(text, *arguments.values):
        found[asked[row["n"]]].add(row["system"])
    return found


class _Range(NamedTuple):
    """Codes in use of one system, of which the members of a value set are wanted."""

    asked: _Asked
    system: str
    members: Members

    @property
    def q(self) -> int:
        return NONE if self.asked.plain or not self.system else self.asked.parameter.system(self.system)


async def _look_up(session: Session, ranges: Sequence[_Range], found: Mapping[_Asked, set[Key]]) -> None:
    """Adds the codes in use of a system, as far as they are in the value set. The dictionary has them without case."""
    arguments = Arguments()
    rows = [
        (n, one.asked.parameter.type_number, one.asked.parameter.number, one.q, "", "\U0010ffff")
        for n, one in enumerate(ranges)
    ]
    text = _RANGES.format(ranges=arguments.table(rows, "v", _RANGE), most=MOST + 1, together=TOGETHER + 1)
    given = await session.select(text, *arguments.values)
    counts = Counter(row["n"] for row in given)
    for n, one in enumerate(ranges):
        if counts[n] > MOST:
            raise TooCostly(f"{one.asked.name}: more than {MOST} codes in use would have to be looked through.")
    if len(given) > TOGETHER:
        names = " and ".join(dict.fromkeys(one.asked.name for one in ranges))
        raise TooCostly(f"{names}: more than {TOGETHER} codes in use would have to be looked through.")
    # Beside the event loop: there may be many, and the spellings of a large code system are read once.
    for n, h in await asyncio.to_thread(_among, ranges, given):
        one = ranges[n]
        found[one.asked].add((h, ANY if one.asked.plain else one.q))


def _among(ranges: Sequence[_Range], given: Iterable[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Range and hash of those that are in their value set."""
    return [
        (row["n"], row["h"])
        for row in given
        for one in [ranges[row["n"]]]
        if one.members.has_folded(one.system, row["code"])
    ]
