"""Terminology: which codes a value set has, which are below or above a code, asked with a tenant's own resources.

What a tenant stores comes before what R4 itself defines. https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from resources.definitions import Definitions
from resources.outcome import BadRequest, TooCostly

from . import codesystem, valueset
from .codesystem import CodeSystem, Unanswerable
from .valueset import EMPTY, Codes, Part, ValueSet

REMEMBERED: Final = 50_000  # concepts and enumerated codes that a worker keeps: some 25 MB
MOST: Final = 200  # value sets and code systems that one question may lead to
_LIGHTEST: Final = 10  # what a resource counts at least
_CODE_SYSTEM: Final = "CodeSystem"
_VALUE_SET: Final = "ValueSet"
_NUMBERS: Final = re.compile(r"([0-9]+)")

Wanted = tuple[str, str]  # resource type, canonical URL without version or "Type/id"
Known = CodeSystem | ValueSet


class Found(NamedTuple):
    """A resource that was wanted."""

    logical_id: str
    version_id: int
    tree: dict[str, Any] | None  # None where the caller said it knows this version


class Stored(Protocol):
    """The resources of one tenant and its database, as the terminology needs them."""

    tenant_id: int

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        """For each the current resources with that URL or id. known: (resource type, id, version id)."""

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        """URL of a value set → URL of the code system whose `valueSet` it is."""

    async def matching(self, patterns: Sequence[tuple[str, Iterable[str]]]) -> Sequence[frozenset[str]]:
        """For each regular expression the texts that it matches as a whole."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which codes stand in a relation to a value set or a code?"""

    relation: str  # in | below | above
    value: str  # of `in` the URI of a value set or ValueSet/id, else a code
    system: str | None  # of the code; None if it was not said
    name: str  # of the criterion, for errors: "code:in=…"
    in_use: tuple[str, ...] = ()  # systems among which that of a bare code is looked for

    @property
    def needs(self) -> tuple[Wanted, ...]:
        if self.relation == "in":
            return ((_VALUE_SET, self.value),)
        systems = self.in_use if self.system is None else (self.system,)
        return tuple((_CODE_SYSTEM, system) for system in systems if system)


class Terminology:
    """What a worker keeps of code systems and value sets: those read lately, by tenant, id and version."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kept = _Kept()

    async def answers(self, stored: Stored, questions: Sequence[Question]) -> list[Codes]:
        """The codes each question asks for: one look-up for each level of value sets that include others.

        Raises BadRequest that names the value set or code system that is not known, TooCostly."""
        world = _World()
        frontier = {wanted: question for question in questions for wanted in question.needs}
        while frontier:
            frontier = await self._load(stored, world, frontier)
        await world.match(stored)
        found = []
        for question in questions:
            with _asked_by(question):
                found.append(_answer(question, world))
        return found

    async def _load(self, stored: Stored, world: _World, new: Mapping[Wanted, Question]) -> dict[Wanted, Question]:
        """Puts what is wanted into the world; returns what that refers to and is not there yet."""
        if len(world.known) + len(new) > MOST:
            raise TooCostly(
                f"{min(q.name for q in new.values())}: more than {MOST} value sets and code systems in one."
            )
        found: dict[Wanted, Known | None] = {}
        for wanted, question in new.items():
            with _asked_by(question):
                if wanted[0] == _VALUE_SET and (implied := valueset.implicit(wanted[1])) is not None:
                    found[wanted] = implied
        asked = [wanted for wanted in new if wanted not in found]
        held: dict[_Key, Known] = {}

        def is_known(kind: str, logical_id: str, version_id: int) -> bool:
            key = stored.tenant_id, kind, logical_id, version_id
            if known := self._kept.get(key):
                held[key] = known  # it may be dropped while the others are read
            return known is not None

        rows = await stored.find([(kind, _url(canonical)) for kind, canonical in asked], is_known) if asked else ()
        for wanted, some in zip(asked, rows, strict=True):
            kind, canonical = wanted
            with _asked_by(new[wanted]):
                own = []
                for one in some:
                    key = stored.tenant_id, kind, one.logical_id, one.version_id
                    own.append(held[key] if one.tree is None else self._read(key, one.tree))
                found[wanted] = _best(own, canonical) or self._official(kind, canonical)
        await self._imply(stored, found)
        world.known.update(found)
        return {
            need: new[wanted]
            for wanted, known in found.items()
            if isinstance(known, ValueSet)
            for need in known.needs
            if need not in world.known
        }

    async def _imply(self, stored: Stored, found: dict[Wanted, Known | None]) -> None:
        """Value sets that are nowhere but in the word of a code system: `CodeSystem.valueSet` is all of its codes."""
        missing = [canonical for (kind, canonical), known in found.items() if known is None and kind == _VALUE_SET]
        if missing:
            systems = await stored.systems_of([_url(canonical) for canonical in missing])
            for canonical in missing:
                url = _url(canonical)
                if system := systems.get(url) or self._definitions.system_of(url):
                    found[_VALUE_SET, canonical] = valueset.whole(system)

    def _official(self, resource_type: str, canonical: str) -> Known | None:
        """R4's own."""
        key = 0, resource_type, _url(canonical), 0
        known = self._kept.get(key)
        if known is None:
            tree = self._definitions.canonical(resource_type, _url(canonical))
            known = None if tree is None else self._read(key, tree)
        return None if known is None else _best([known], canonical)

    def _read(self, key: _Key, tree: Mapping[str, Any]) -> Known:
        known: Known = codesystem.read(tree) if key[1] == _CODE_SYSTEM else valueset.read(tree)
        self._kept.put(key, known)
        return known


_Key = tuple[int, str, str, int]  # tenant (0: R4's own), resource type, id (of R4's own the URL), version id


class _Kept:
    """What was read lately, bounded by the number of codes in it."""

    def __init__(self) -> None:
        self._all: OrderedDict[_Key, Known] = OrderedDict()
        self._weight = 0

    def get(self, key: _Key) -> Known | None:
        known = self._all.get(key)
        if known is not None:
            self._all.move_to_end(key)
        return known

    def put(self, key: _Key, known: Known) -> None:
        if key in self._all or _weight(known) > REMEMBERED:
            return
        self._all[key] = known
        self._weight += _weight(known)
        while self._weight > REMEMBERED:
            self._weight -= _weight(self._all.popitem(last=False)[1])


def _weight(known: Known) -> int:
    return max(known.weight, _LIGHTEST)


class _World:
    """What was found for some questions. https://hl7.org/fhir/R4/references.html#canonical"""

    def __init__(self) -> None:
        self.known: dict[Wanted, Known | None] = {}
        self._matched: dict[str, frozenset[str]] = {}  # regular expression → texts

    def code_system(self, canonical: str) -> CodeSystem | None:
        known = self.known.get((_CODE_SYSTEM, canonical))
        return known if isinstance(known, CodeSystem) else None

    def value_set(self, canonical: str) -> ValueSet | None:
        known = self.known.get((_VALUE_SET, canonical))
        return known if isinstance(known, ValueSet) else None

    async def match(self, stored: Stored) -> None:
        """Has the regular expressions of all filters tried."""
        texts: dict[str, set[str]] = {}
        for known in self.known.values():
            for include, wanted in known.patterns if isinstance(known, ValueSet) else ():
                system = self.code_system(include.canonical)
                if system is not None and system.known:
                    with contextlib.suppress(Unanswerable):  # which the evaluation will say
                        texts.setdefault(wanted.value, set()).update(system.texts(wanted.property))
        if texts:
            found = await stored.matching(list(texts.items()))
            self._matched = dict(zip(texts, found, strict=True))

    def matches(self, pattern: str, texts: Iterable[str]) -> frozenset[str]:
        return self._matched.get(pattern, frozenset()).intersection(texts)


@contextlib.contextmanager
def _asked_by(question: Question) -> Iterator[None]:
    """What cannot be answered is an error of the one who asked."""
    try:
        yield
    except Unanswerable as problem:
        raise BadRequest(f"{question.name}: {problem}.", code=problem.code) from None


def _answer(question: Question, world: _World) -> Codes:
    code = question.value
    if question.relation == "in":
        return valueset.codes_of(code, world)
    system = _system_of(code, question.in_use, world) if question.system is None else question.system
    if not system:
        # A code without a system stands alone; a code of no system in use is nobody's.
        return Codes({"": Part(frozenset({code}))}) if system is not None else EMPTY
    known = world.code_system(system)
    if known is None or not known.known:
        raise Unanswerable(f"the concepts of the code system {system} are not known here", "not-found")
    written = known.find(code)
    if written is None and known.content == "complete":
        raise Unanswerable(f"the code system {system} has no code {code}", "not-found")
    if written is None:
        return Codes({system: Part(frozenset({code}))})
    return Codes({system: Part(known.below(written) if question.relation == "below" else known.above(written))})


def _system_of(code: str, in_use: Sequence[str], world: _World) -> str | None:
    """The one system in use that has a bare code; None if none is in use at all."""
    having = []
    for one in in_use:
        system = world.code_system(one)
        if system is not None and system.known and system.find(code) is not None:
            having.append(one)
    if len(having) > 1:
        raise Unanswerable(f"the code is in {' and in '.join(sorted(having))}; write system|code", "multiple-matches")
    if in_use and not having:
        raise Unanswerable("no code system in use here that is known has the code; write system|code", "not-found")
    return having[0] if having else None


def _url(canonical: str) -> str:
    """The URL without version."""
    return canonical.rpartition("|")[0] or canonical


def _best(candidates: Iterable[Known], canonical: str) -> Known | None:
    """Of several versions that which is asked for, else an active one, the latest."""
    url, bar, version = canonical.rpartition("|")
    # A version of SNOMED CT is a URI; an edition without a date is any of its versions.
    fitting = [one for one in candidates if not (bar and url) or f"{one.version}/".startswith(f"{version}/")]
    return max(fitting, key=lambda one: (one.status == "active", _ordered(one.version), one.updated), default=None)


def _ordered(version: str) -> list[tuple[int, str]]:
    """1.10 comes after 1.9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(version[:100]) if part]
