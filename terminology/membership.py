"""Terminology: which codes a value set has, which are below or above a code, asked with a tenant's own resources.

What a tenant stores comes before what R4 itself defines. https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from resources.definitions import Definitions
from resources.outcome import BadRequest, TooCostly

from . import valueset
from .codesystem import CodeSystem, Unanswerable
from .evaluation import members_of
from .gathering import Gathering, Rests, versions
from .members import Members
from .stored import CODE_SYSTEM, VALUE_SET, Found, Kept, Key, Known, Stored, Wanted, best, url_of, version_order
from .valueset import EMPTY, Codes, Part, ValueSet

__all__ = ["MOST", "Found", "Question", "Stored", "Terminology", "Wanted", "version_order"]

MOST: Final = 200  # value sets and code systems that one question may lead to
EVALUATED: Final = 200_000  # codes of evaluated value sets that a worker keeps: some 25 MB
_LIGHTEST: Final = 20  # what an evaluated value set counts at least
_LONGEST: Final = 2_000  # characters of a canonical URL whose value set is kept


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
            return ((VALUE_SET, self.value),)
        systems = self.in_use if self.system is None else (self.system,)
        return tuple((CODE_SYSTEM, system) for system in systems if system)


class Terminology:
    """What a worker keeps of code systems and value sets: those read lately, by tenant, id and version."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kept = Kept()
        self._evaluated = _Evaluated()

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

    async def members(self, stored: Stored, canonicals: Sequence[str]) -> dict[str, Members]:
        """The members of value sets, as far as they are known, by canonical URL: for validation.

        Nothing is looked up for what R4 itself defines; of what was evaluated before only the versions of all that it
        rests on, in one look-up; else one look-up for each level. Unlike `answers` R4's own comes first where the URL
        begins with http://hl7.org/fhir/, and nothing that is missing is an error. Raises Unavailable (503) only.
        https://hl7.org/fhir/R4/terminologies.html"""
        found: dict[str, Members] = {}
        held: dict[str, _Evaluation] = {}
        for one in canonicals:
            if known := self._evaluated.get((_R4, one)):
                found[one] = known.members
            elif known := self._evaluated.get((stored.tenant_id, one)):
                held[one] = known
        if held:
            names = list({name for known in held.values() for name in known.rests})
            rows = await stored.find(names, lambda *_: True)
            now = {name: versions(some) for name, some in zip(names, rows, strict=True)}
            found |= {one: known.members for one, known in held.items() if known.rests.items() <= now.items()}
        new = [one for one in dict.fromkeys(canonicals) if one not in found]
        if new:
            gathering = Gathering(self._definitions, self._kept, stored)
            await gathering.gather(new)
            for one in new:
                await asyncio.sleep(0)  # an evaluation may take a while; others have their turn
                members = members_of(one, gathering)
                if members.weight > EVALUATED:  # else it would be read again for each resource
                    members = Members.unknown(f"the value set {one} has more codes than can be kept here")
                found[one] = members
                rests = gathering.rests(one)
                self._evaluated.put((stored.tenant_id if rests else _R4, one), _Evaluation(found[one], rests))
        return found

    async def systems(self, stored: Stored, canonicals: Sequence[str]) -> dict[str, CodeSystem | None]:
        """Code systems by canonical URL, to ask what subsumes what; None for those that are not known."""
        gathering = Gathering(self._definitions, self._kept, stored)
        await gathering.gather((), canonicals)
        return {one: gathering.code_system(one) for one in canonicals}

    async def _load(self, stored: Stored, world: _World, new: Mapping[Wanted, Question]) -> dict[Wanted, Question]:
        """Puts what is wanted into the world; returns what that refers to and is not there yet."""
        if len(world.known) + len(new) > MOST:
            raise TooCostly(
                f"{min(q.name for q in new.values())}: more than {MOST} value sets and code systems in one."
            )
        found: dict[Wanted, Known | None] = {}
        for wanted, question in new.items():
            with _asked_by(question):
                if wanted[0] == VALUE_SET and (implied := valueset.implicit(wanted[1])) is not None:
                    found[wanted] = implied
        asked = [wanted for wanted in new if wanted not in found]
        held: dict[Key, Known] = {}

        def is_known(kind: str, logical_id: str, version_id: int) -> bool:
            key = stored.tenant_id, kind, logical_id, version_id
            if known := self._kept.get(key):
                held[key] = known  # it may be dropped while the others are read
            return known is not None

        rows = await stored.find([(kind, url_of(canonical)) for kind, canonical in asked], is_known) if asked else ()
        for wanted, some in zip(asked, rows, strict=True):
            kind, canonical = wanted
            with _asked_by(new[wanted]):
                own = []
                for one in some:
                    key = stored.tenant_id, kind, one.logical_id, one.version_id
                    own.append(held[key] if one.tree is None else await self._kept.learn(key, one.tree))
                found[wanted] = best(own, canonical) or self._official(kind, canonical)
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
        missing = [canonical for (kind, canonical), known in found.items() if known is None and kind == VALUE_SET]
        if missing:
            systems = await stored.systems_of([url_of(canonical) for canonical in missing])
            for canonical in missing:
                url = url_of(canonical)
                if system := systems.get(url) or self._definitions.system_of(url):
                    found[VALUE_SET, canonical] = valueset.whole(system)

    def _official(self, resource_type: str, canonical: str) -> Known | None:
        """R4's own."""
        key = 0, resource_type, url_of(canonical), 0
        known = self._kept.get(key)
        if known is None:
            tree = self._definitions.canonical(resource_type, url_of(canonical))
            known = None if tree is None else self._kept.read(key, tree)
        return None if known is None else best([known], canonical)


_R4: Final = 0  # in place of a tenant: what is the same for all


class _Evaluation(NamedTuple):
    members: Members
    rests: Rests


class _Evaluated:
    """What was evaluated lately by tenant and canonical URL, bounded by the number of codes in it."""

    def __init__(self) -> None:
        self._all: OrderedDict[tuple[int, str], _Evaluation] = OrderedDict()
        self._weight = 0

    def get(self, key: tuple[int, str]) -> _Evaluation | None:
        known = self._all.get(key)
        if known is not None:
            self._all.move_to_end(key)
        return known

    def put(self, key: tuple[int, str], evaluation: _Evaluation) -> None:
        if before := self._all.pop(key, None):
            self._weight -= self._weight_of(before)
        if len(key[1]) > _LONGEST or self._weight_of(evaluation) > EVALUATED:
            return
        self._all[key] = evaluation
        self._weight += self._weight_of(evaluation)
        while self._weight > EVALUATED:
            self._weight -= self._weight_of(self._all.popitem(last=False)[1])

    @staticmethod
    def _weight_of(evaluation: _Evaluation) -> int:
        return _LIGHTEST + len(evaluation.rests) + evaluation.members.weight


class _World:
    """What was found for some questions. https://hl7.org/fhir/R4/references.html#canonical"""

    def __init__(self) -> None:
        self.known: dict[Wanted, Known | None] = {}
        self._matched: dict[str, frozenset[str]] = {}  # regular expression → texts

    def code_system(self, canonical: str) -> CodeSystem | None:
        known = self.known.get((CODE_SYSTEM, canonical))
        return known if isinstance(known, CodeSystem) else None

    def value_set(self, canonical: str) -> ValueSet | None:
        known = self.known.get((VALUE_SET, canonical))
        return known if isinstance(known, ValueSet) else None

    async def match(self, stored: Stored) -> None:
        """Has the regular expressions of all filters tried."""
        value_sets = (known for known in self.known.values() if isinstance(known, ValueSet))
        texts, left_out = valueset.to_match(value_sets, self.code_system)
        if left_out:
            raise TooCostly("The regular expressions of these value sets take more than can be tried in one request.")
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
