"""Value sets evaluated as far as it goes: what is missing makes codes unknown and never the whole an error. Pure.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from resources.profiles.world import Membership

from .codesystem import CodeSystem, Filter, Matches, Unanswerable
from .grammars import GRAMMARS, Grammar, Verdict
from .members import NOTHING, Joint, Members, Share, Side, in_list
from .valueset import ALL, NONE, Include, Part, ValueSet

STEPS: Final = 2_000_000  # codes looked at in one evaluation: some tenths of a second
EDGES: Final = 1_000  # code systems and imports that one question to the outcome may go through
DEEPEST: Final = 50  # value sets within each other

_PARTIAL: Final = frozenset({"fragment", "example"})  # some concepts are here
_POSITIVE: Final = frozenset({"is-a", "descendent-of", "generalizes"})  # a code is in it by a path that is here
_LINKS: Final = frozenset({"parent", "child", "subsumedBy"})  # properties that a concept has by others


class World(Protocol):
    """What a definition may refer to, as far as it was found. Canonical URLs may end in |version."""

    def code_system(self, canonical: str) -> CodeSystem | None: ...
    def value_set(self, canonical: str) -> ValueSet | None: ...
    def why(self, resource_type: str, canonical: str) -> str:
        """Why it was not found."""

    @property
    def matches(self) -> Matches: ...


class _TooMuch(Exception):
    """The evaluation takes more than it may."""


def members_of(canonical: str, world: World) -> Members:
    """The members of a value set; in itself it adds nothing."""
    try:
        return _Evaluation(world).value_set(canonical, 0)
    except _TooMuch:
        return Members.unknown(f"the value set {canonical} takes more than can be evaluated here")


class _Evaluation:
    """One value set; each of those it rests on is worked out once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._done: dict[str, Members] = {}
        self._steps = self._edges = 0

    def value_set(self, canonical: str, depth: int) -> Members:
        if canonical in self._done:
            return self._done[canonical]
        if depth > DEEPEST:
            return Members.unknown(f"value sets are nested more than {DEEPEST} deep")
        self._done[canonical] = Members(NOTHING)  # what it is inside itself
        self._done[canonical] = members = self._evaluated(canonical, depth)
        self._edges += members.edges
        if self._edges > EDGES:
            raise _TooMuch
        return members

    def _evaluated(self, canonical: str, depth: int) -> Members:
        value_set = self._world.value_set(canonical)
        if value_set is None:
            return Members.unknown(self._world.why("ValueSet", canonical))
        if value_set.listed is not None:
            return in_list(value_set.listed.parts)
        included = self._side(value_set.includes, depth, value_set.active_only, True)
        excluded = self._side(value_set.excludes, depth, False, False)
        return Members(included, excluded, value_set.seen.parts)

    def _side(self, includes: Iterable[Include], depth: int, active_only: bool, selectable: bool) -> Side:
        joints: list[Joint] = []
        shares: dict[str, list[Share]] = {}
        for one in includes:
            share = self._share(one, active_only, selectable) if one.system else None
            if one.value_sets:
                self._spend(len(one.value_sets))
                imports = tuple(self.value_set(url, depth + 1) for url in dict.fromkeys(one.value_sets))
                joints.append(Joint(imports, one.system, share))
            elif share is not None and one.system:
                shares.setdefault(one.system, []).append(share)
        return Side({system: _merged(some) for system, some in shares.items()}, tuple(joints))

    def _spend(self, steps: int) -> None:
        self._steps += steps + 1
        if self._steps > STEPS:
            raise _TooMuch

    def _share(self, include: Include, active_only: bool, selectable: bool) -> Share:
        """active_only: without the codes that are no longer in use. selectable: without abstract concepts, which nobody
        may choose; but what is enumerated is meant."""
        grammar = GRAMMARS.get(include.system or "")
        self._spend(len(include.codes or ()))
        if grammar is not None:
            return _by_grammar(include, grammar)
        system = self._world.code_system(include.canonical)
        if system is not None and system.content != "complete" and system.content not in _PARTIAL:
            system = None
        why = self._missing(include, system)
        sure = possible = Part(include.codes or frozenset())
        if include.codes is None:
            sure, possible = (NONE, ALL) if system is None else (Part(system.codes), _codes_of(system))
        for wanted in include.filters:
            certain, thinkable, problem = self._filtered(system, wanted)
            sure, possible, why = sure & certain, possible & thinkable, problem or why
        if system is not None:
            self._spend(len(system.concepts))
            out = (system.inactive if active_only else frozenset()) | (
                system.abstract if selectable and include.codes is None else frozenset()
            )
            if out:
                sure, possible = sure & Part(out, True), possible & Part(out, True)
        if sure == possible:
            possible = sure
        written = None
        if system is not None and not system.case_sensitive:
            written = {code.casefold(): code for code in (system.codes if include.codes is None else include.codes)}
            same = sure is possible
            sure = _folded(sure)
            possible = sure if same else _folded(possible)
        return Share(sure, possible, why, written)

    def _missing(self, include: Include, system: CodeSystem | None) -> str:
        if system is None:
            return self._world.why("CodeSystem", include.canonical)
        return f"only some codes of the code system {include.canonical} are known here" * (system.content in _PARTIAL)

    def _filtered(self, system: CodeSystem | None, wanted: Filter) -> tuple[Part, Part, str]:
        """What surely meets a filter, what may, and why that is not the same."""
        if system is None:
            return NONE, ALL, ""
        self._spend(20 + 2 * len(system.concepts))
        try:
            found = Part(system.filtered(wanted, self._world.matches))
        except Unanswerable as problem:
            return NONE, ALL, str(problem)
        if system.content == "complete":
            return found, found, ""
        if wanted.operator in _POSITIVE:
            return found, ALL, ""
        if wanted.operator == "is-not-a":
            return NONE, Part(system.codes - found.codes, True), ""
        if wanted.property in _LINKS:
            return NONE, ALL, ""
        return found, found | Part(system.codes, True), ""


def _codes_of(system: CodeSystem) -> Part:
    """The codes that the system may have."""
    return Part(system.codes) if system.content == "complete" else ALL


def _by_grammar(include: Include, grammar: Grammar) -> Share:
    codes = include.codes
    if codes is not None and not include.filters:
        written = {code.casefold(): code for code in codes} if grammar.ignores_case else None
        part = Part(frozenset(codes if written is None else written))
        return Share(part, part, "", written)
    try:
        meets = [grammar.having(wanted) for wanted in include.filters]
    except Unanswerable as problem:
        unknown = Membership("unknown", f"of {include.system}: {problem}")
        meets = [lambda _: unknown]
    return Share(NONE, ALL if codes is None else Part(codes), "", None, _all_of([grammar.verdict, *meets]))


def _all_of(verdicts: list[Verdict]) -> Verdict:
    if len(verdicts) == 1:
        return verdicts[0]
    return lambda code: min(
        (one(code) for one in verdicts), key=lambda one: ("no", "unknown", "yes").index(one.verdict)
    )


def _folded(part: Part) -> Part:
    return Part(frozenset(code.casefold() for code in part.codes), part.but)


def _merged(shares: list[Share]) -> tuple[Share, ...]:
    """Shares of one code system in as few as they can be: those that are decided in one, the same unknown ones once."""
    decided: dict[bool, list[Share]] = {}
    others: dict[object, Share] = {}
    for one in shares:
        if one.possible is one.sure and not one.sure.but and one.grammar is None:
            decided.setdefault(one.written is not None, []).append(one)
        else:
            others.setdefault(_likeness(one), one)
    merged = [_union(some) if len(some) > 1 else some[0] for some in decided.values()]
    return (*merged, *others.values())


def _likeness(share: Share) -> object:
    same = not share.sure.codes and not share.possible.codes and share.grammar is None
    return (share.why, share.sure.but, share.possible.but) if same else id(share)


def _union(shares: list[Share]) -> Share:
    part = Part(frozenset().union(*(one.sure.codes for one in shares)))
    written: Mapping[str, str] | None = None
    if shares[0].written is not None:
        written = {folded: code for one in shares for folded, code in (one.written or {}).items()}
    return Share(part, part, "", written)
