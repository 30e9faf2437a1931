"""Which codes are in a value set, below or above a code: for searches and for validation, with a tenant's own resources.

Both stand on the same evaluation. A search trusts the codes in use and wants to know what is missing; validation says what
it cannot decide. https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/terminologies.html
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, TypeVar

from pyroaring import BitMap

from resources.definitions import Definitions
from resources.outcome import BadRequest, FhirError, TooCostly, Unavailable

from ..answering import NO_RELEASES, Terminologies, asked
from ..grammars.grammar import Unanswerable
from ..owned import Owned
from ..scope import CODE_SYSTEM, Scope, Source
from ..sources import Official, scope
from ..stored import Stored
from ..system import System
from .evaluation import members_of
from .gathering import OFFICIAL, Current, Gathering, R4First, Rests, bindings, versions
from .members import NOTHING, Members, in_list, of_system

MOST: Final = 200  # code systems that one question may lead to
EVALUATED: Final = 200_000  # codes of evaluated value sets that a worker keeps: some 25 MB
_LIGHTEST: Final = 20  # what an evaluated value set counts at least
_LONGEST: Final = 2_000  # characters of a canonical URL whose value set is kept
_MEANINGS: Final = frozenset({"", "is-a"})  # of a hierarchy in which what is below is a kind of what is above
_EVERYBODY: Final = 0  # in place of a tenant: what is the same for all

Pins = Mapping[str, str]  # versions that a tenant has pinned, by canonical URL of a code system
T = TypeVar("T")
_NO_PINS: Final[Pins] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """Which codes stand in a relation to a value set or a code?"""

    relation: str  # in | below | above
    value: str  # of `in` the URI of a value set or ValueSet/id, else a code
    system: str | None  # of the code; None if it was not said
    name: str  # of the criterion, for errors: "code:in=…"
    in_use: tuple[str, ...] = ()  # systems among which that of a bare code is looked for

    @property
    def systems(self) -> tuple[str, ...]:
        """The code systems that the answer is looked for in."""
        if self.relation == "in":
            return ()
        return tuple(filter(None, self.in_use if self.system is None else (self.system,)))


class Terminology:
    """What a worker answers about membership, and the value sets that it evaluated lately. One for a process."""

    def __init__(self, terminologies: Terminologies) -> None:
        self._all = terminologies
        self._r4 = R4First(terminologies.official)
        self._evaluated = _Evaluated()

    @classmethod
    def alone(cls, definitions: Definitions) -> Terminology:
        """Without any release."""
        return cls(Terminologies(Official(definitions), Owned(), NO_RELEASES))

    async def answers(self, stored: Stored, questions: Sequence[Question], pins: Pins = _NO_PINS) -> list[Members]:
        """The codes each question asks for; nothing in them is unknown.

        One look-up for each level of value sets that include others, one of versions for those that were evaluated
        before. Raises BadRequest that names the value set or code system that is not known, TooCostly."""
        wanted = list(dict.fromkeys(one.value for one in questions if one.relation == "in"))
        known = await self._held(stored, wanted, pins, trusting=True)
        asking = _Asking(self, stored, pins, trusting=True)
        new = [one for one in wanted if one not in known]
        systems = list(dict.fromkeys(system for one in questions for system in one.systems))
        if len(systems) + len(new) > MOST:
            names = min(one.name for one in questions)
            raise TooCostly(f"{names}: more than {MOST} value sets and code systems in one.")
        await asking.gather(new, systems)
        found = []
        for question in questions:
            with _asked_by(question):
                if question.relation != "in":
                    found.append(await asking.ask(partial(_related, question), (), question.systems))
                    continue
                if question.value not in known:
                    known[question.value] = await asking.members(question.value)
                found.append(known[question.value])
        return found

    async def members(self, stored: Stored, canonicals: Sequence[str], pins: Pins = _NO_PINS) -> dict[str, Members]:
        """The members of value sets, as far as they are known, by canonical URL: for validation.

        Nothing is looked up for what R4 itself defines; of what was evaluated before only the versions of all that it
        rests on, in one look-up; else one look-up for each level. Unlike `answers` R4's own comes first where the URL
        begins with http://hl7.org/fhir/, and nothing that is missing is an error. Raises Unavailable (503) only.
        https://hl7.org/fhir/R4/terminologies.html"""
        found = await self._held(stored, canonicals, pins, trusting=False)
        new = [one for one in dict.fromkeys(canonicals) if one not in found]
        if new:
            asking = _Asking(self, stored, pins, trusting=False)
            await asking.gather(new)
            for one in new:
                await asyncio.sleep(0)  # an evaluation may take a while; others have their turn
                found[one] = await asking.members(one)
        return found

    async def systems(
        self, stored: Stored, canonicals: Sequence[str], pins: Pins = _NO_PINS
    ) -> dict[str, System | None]:
        """Code systems by canonical URL, to ask what subsumes what; None for those that are not known."""
        asking = _Asking(self, stored, pins, trusting=False)
        await asking.gather((), canonicals)
        return await asking.ask(lambda gathering: {one: gathering.system(one) for one in canonicals}, (), canonicals)

    async def _held(self, stored: Stored, canonicals: Sequence[str], pins: Pins, trusting: bool) -> dict[str, Members]:
        """What was evaluated before and still is so."""
        found: dict[str, Members] = {}
        held: dict[str, _Evaluation] = {}
        releases = self._all.releases.source(stored.tenant_id)
        for one in canonicals:
            if not trusting and not _touches_r4(pins) and (known := self._evaluated.get((_EVERYBODY, one, trusting))):
                found[one] = known.members
            elif known := self._evaluated.get((stored.tenant_id, one, trusting)):
                if known.releases is releases and known.pins == pins:
                    held[one] = known
                else:
                    self._evaluated.drop((stored.tenant_id, one, trusting))  # it holds what nobody uses any more
        if held:
            names = list({name for known in held.values() for name in known.rests})
            rows = await stored.find(names, lambda *_: True)
            now = {name: versions(some) for name, some in zip(names, rows, strict=True)}
            found |= {one: known.members for one, known in held.items() if known.rests.items() <= now.items()}
        return found


class _Asking:
    """One question to the terminology of a tenant: what was looked up for it is looked up once."""

    def __init__(self, terminology: Terminology, stored: Stored, pins: Pins, *, trusting: bool) -> None:
        self._terminology, self._stored, self._pins, self._trusting = terminology, stored, pins, trusting
        self._all = terminology._all
        self._current = Current(self._all.owned, stored.tenant_id)
        self._releases: Source = self._all.releases.source(stored.tenant_id)

    async def gather(self, canonicals: Sequence[str], systems: Sequence[str] = ()) -> None:
        """Has all read that these value sets and code systems rest on."""
        await self.ask(lambda gathering: None, canonicals, systems)

    async def ask(
        self,
        question: Callable[[Gathering], T],
        canonicals: Sequence[str] = (),
        systems: Sequence[str] = (),
    ) -> T:
        """What a plain function comes to, over all that these value sets and code systems rest on."""

        def answer(within: Scope) -> T:
            self._current.begin()
            gathering = Gathering(within, None if self._trusting else self._terminology._r4)
            gathering.gather(canonicals, systems)
            return question(gathering)

        return await asked(answer, self._scope, self._read)

    def _scope(self) -> Scope:
        self._releases = self._all.releases.source(self._stored.tenant_id)
        sources = (self._current, self._releases)
        if self._trusting:
            return scope(sources, self._all.official, None, self._pins, composing=False)
        return bindings(sources, self._terminology._r4, self._pins)

    async def _read(self) -> None:
        await self._current.load(self._stored)
        await self._all.releases.fetch()

    async def members(self, canonical: str) -> Members:
        """The members of a value set, which are kept."""

        def evaluated(gathering: Gathering) -> tuple[Members, Mapping[int, System]]:
            return members_of(canonical, gathering, trusting=self._trusting), gathering.kept

        members, kept = await self.ask(evaluated, (canonical,))
        if members.weight + sum(map(len, kept.values())) > EVALUATED and not self._trusting:
            # Else it would be read again for each resource.
            members, kept = Members.unknown(f"the value set {canonical} has more codes than can be kept here"), {}
        rests = self._current.rests
        shared = not rests and not self._trusting and not _touches_r4(self._pins)
        key = _EVERYBODY if shared else self._stored.tenant_id, canonical, self._trusting
        self._terminology._evaluated.put(
            key, _Evaluation(members, rests, self._releases, self._pins, tuple(kept.values()))
        )
        return members


def _touches_r4(pins: Pins) -> bool:
    return any(url.startswith(OFFICIAL) for url in pins)


class _Evaluation(NamedTuple):
    members: Members
    rests: Rests
    releases: Source  # another one as soon as other releases are there
    pins: Pins
    systems: tuple[System, ...]  # that it keeps in memory


_Key = tuple[int, str, bool]  # tenant, canonical URL, whether for a search


class _Evaluated:
    """What was evaluated lately, bounded by the number of codes in it; those of a code system count once."""

    def __init__(self) -> None:
        self._all: OrderedDict[_Key, _Evaluation] = OrderedDict()
        self._uses: Counter[int] = Counter()  # by identity of a code system
        self._weight = 0

    def get(self, key: _Key) -> _Evaluation | None:
        known = self._all.get(key)
        if known is not None:
            self._all.move_to_end(key)
        return known

    def put(self, key: _Key, evaluation: _Evaluation) -> None:
        self.drop(key)
        if len(key[1]) > _LONGEST:
            return
        self._all[key] = evaluation
        self._weight += _LIGHTEST + len(evaluation.rests) + evaluation.members.weight
        for system in evaluation.systems:
            self._uses[id(system)] += 1
            if self._uses[id(system)] == 1:
                self._weight += len(system)
        while self._weight > EVALUATED and self._all:
            self.drop(next(iter(self._all)))

    def drop(self, key: _Key) -> None:
        evaluation = self._all.pop(key, None)
        if evaluation is None:
            return
        self._weight -= _LIGHTEST + len(evaluation.rests) + evaluation.members.weight
        for system in evaluation.systems:
            self._uses[id(system)] -= 1
            if not self._uses[id(system)]:
                del self._uses[id(system)]
                self._weight -= len(system)


@contextlib.contextmanager
def _asked_by(question: Question) -> Iterator[None]:
    """What cannot be answered is an error of the one who asked."""
    try:
        yield
    except Unanswerable as problem:
        raise BadRequest(f"{question.name}: {problem}.", code=problem.code) from None
    except (TooCostly, Unavailable) as problem:
        raise type(problem)(f"{question.name}: {problem}") from None
    except FhirError as problem:
        raise BadRequest(f"{question.name}: {problem}", code=problem.issues[0].code) from None


def _related(question: Question, gathering: Gathering) -> Members:
    """The codes below or above one."""
    code = question.value
    system = _system_of(code, question.in_use, gathering) if question.system is None else question.system
    if not system:
        # A code without a system stands alone; a code of no system in use is nobody's.
        return in_list({"": frozenset({code})}) if system is not None else Members(NOTHING)
    known = gathering.system(system)
    if known is None:
        raise gathering.missing(CODE_SYSTEM, system)
    if not _is_known(known):
        raise Unanswerable(f"the concepts of the code system {system} are not known here", "not-found")
    ordinal = known.find(code)
    if ordinal is None and known.about.content == "fragment":
        return in_list({system: frozenset({code})})
    if ordinal is None:
        raise Unanswerable(f"the code system {system} has no code {code}", "not-found")
    others = known.descendants(ordinal) if question.relation == "below" else known.ancestors(ordinal)
    return of_system(system, known, others | BitMap([ordinal]))


def _system_of(code: str, in_use: Sequence[str], gathering: Gathering) -> str | None:
    """The one system in use that has a bare code; None if none is in use at all."""
    having = []
    for one in in_use:
        system = gathering.system(one) if one else None
        if system is not None and _is_known(system) and system.find(code) is not None:
            having.append(one)
    if len(having) > 1:
        raise Unanswerable(f"the code is in {' and in '.join(sorted(having))}; write system|code", "multiple-matches")
    if in_use and not having:
        raise Unanswerable("no code system in use here that is known has the code; write system|code", "not-found")
    return having[0] if having else None


def _is_known(system: System) -> bool:
    """Whether its concepts are here, so that something can be said about them."""
    return system.about.content in ("complete", "fragment", "")


def subsumes(system: System, one: str, other: str) -> bool | None:
    """Whether a code is the other one or above it; None if that is not known.

    https://hl7.org/fhir/R4/codesystem.html#subsumption"""
    above, below = system.find(one), system.find(other)
    if one == other or (above is not None and above == below):
        return True
    if above is None or below is None:
        return None
    if system.subsumes(above, below):
        return True
    return False if system.about.content in ("complete", "") and system.about.hierarchy_meaning in _MEANINGS else None
