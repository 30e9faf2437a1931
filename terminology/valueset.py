"""Value sets: which codes are in one, from its definition. Pure.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote

from .codesystem import CodeSystem, Filter, Matches, Unanswerable

MATCHED: Final = 500_000  # texts of fifty letters that regular expressions are tried on in one go: some seconds
_EXPRESSION: Final = 2_000  # as many is the reading of an expression counted as
_SNOMED: Final = re.compile(
    r"(http://snomed\.info/x?sct)(/[0-9]+(?:/version/[0-9]{8})?)?\?fhir_vs(?:=(.*))?", re.DOTALL
)
_WHOLE: Final = {"http://loinc.org/vs": "http://loinc.org", "http://unitsofmeasure.org/vs": "http://unitsofmeasure.org"}


@dataclass(frozen=True, slots=True)
class Part:
    """Codes of one system: these, or all but these."""

    codes: frozenset[str]
    but: bool = False

    def __contains__(self, code: str) -> bool:
        return (code in self.codes) != self.but

    def __or__(self, other: Part) -> Part:
        if self.but and other.but:
            return Part(self.codes & other.codes, True)
        if self.but or other.but:
            whole, some = (self, other) if self.but else (other, self)
            return Part(whole.codes - some.codes, True)
        return Part(self.codes | other.codes)

    def __invert__(self) -> Part:
        return Part(self.codes, not self.but)

    def __and__(self, other: Part) -> Part:
        return ~(~self | ~other)

    def __bool__(self) -> bool:
        return self.but or bool(self.codes)


ALL: Final = Part(frozenset(), True)
NONE: Final = Part(frozenset())


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes: of each system here a part, of all others none."""

    parts: Mapping[str, Part]

    def contains(self, system: str, code: str) -> bool:
        return code in self.parts.get(system, NONE)

    def __or__(self, other: Codes) -> Codes:
        both = {system: self._of(system) | other._of(system) for system in {**self.parts, **other.parts}}
        return Codes({system: part for system, part in both.items() if part})

    def __and__(self, other: Codes) -> Codes:
        both = {system: part & other._of(system) for system, part in self.parts.items()}
        return Codes({system: part for system, part in both.items() if part})

    def __sub__(self, other: Codes) -> Codes:
        both = {system: part & ~other._of(system) for system, part in self.parts.items()}
        return Codes({system: part for system, part in both.items() if part})

    def _of(self, system: str) -> Part:
        return self.parts.get(system, NONE)


EMPTY: Final = Codes({})


@dataclass(frozen=True, slots=True)
class Include:
    """A part of a definition. https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include"""

    system: str | None
    version: str | None
    codes: frozenset[str] | None  # enumerated
    filters: tuple[Filter, ...]
    value_sets: tuple[str, ...]  # canonical URLs: all of them must have the code

    @property
    def canonical(self) -> str:
        return f"{self.system}|{self.version}" if self.version else self.system or ""


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set as stored. https://hl7.org/fhir/R4/valueset-definitions.html"""

    url: str
    version: str
    status: str
    updated: str  # meta.lastUpdated
    includes: tuple[Include, ...]
    excludes: tuple[Include, ...]
    active_only: bool  # compose.inactive is false
    listed: Codes | None  # its expansion, only if it has no definition
    seen: Codes = Codes({})  # its expansion beside a definition: what was in it at some time

    @property
    def weight(self) -> int:
        enumerated = sum(len(one.codes or ()) for one in (*self.includes, *self.excludes))
        return enumerated + sum(
            len(part.codes) for codes in (self.listed or EMPTY, self.seen) for part in codes.parts.values()
        )

    @property
    def needs(self) -> Iterator[tuple[str, str]]:
        """(resource type, canonical URL) of what must be known to evaluate it."""
        for one in (*self.includes, *self.excludes):
            yield from (("ValueSet", url) for url in one.value_sets)
            if one.system and (one.codes is None or self.active_only):
                yield "CodeSystem", one.canonical

    @property
    def patterns(self) -> Iterator[tuple[Include, Filter]]:
        """The filters by regular expression."""
        for one in (*self.includes, *self.excludes):
            yield from ((one, wanted) for wanted in one.filters if wanted.operator == "regex")


class World(Protocol):
    """What a definition may refer to, as far as it was found. Canonical URLs may end in |version."""

    def code_system(self, canonical: str) -> CodeSystem | None: ...
    def value_set(self, canonical: str) -> ValueSet | None: ...
    @property
    def matches(self) -> Matches: ...


def to_match(
    value_sets: Iterable[ValueSet], code_system: Callable[[str], CodeSystem | None]
) -> tuple[dict[str, set[str]], frozenset[str]]:
    """The texts that the regular expressions of filters are to be tried on, and the expressions that are left out, since
    all together would take too long."""
    texts: dict[str, set[str]] = {}
    left_out: set[str] = set()
    left = MATCHED
    for value_set in value_sets:
        for include, wanted in value_set.patterns:
            system = code_system(include.canonical)
            if system is None or not system.concepts:
                continue
            if left > 0:
                with contextlib.suppress(Unanswerable):  # which the evaluation will say
                    some = system.texts(wanted.property)
                    left -= _EXPRESSION + len(some) + sum(map(len, some)) // 50
                    texts.setdefault(wanted.value, set()).update(some)
            if left <= 0:
                left_out.add(wanted.value)
    return {pattern: some for pattern, some in texts.items() if pattern not in left_out}, frozenset(left_out)


def codes_of(canonical: str, world: World) -> Codes:
    """The codes of a value set. A value set that includes itself adds nothing. Raises Unanswerable."""
    return _Evaluation(world).value_set(canonical)


class _Evaluation:
    """One question; each value set in it is worked out once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._done: dict[str, Codes] = {}

    def value_set(self, canonical: str) -> Codes:
        if canonical not in self._done:
            self._done[canonical] = EMPTY  # what it is inside itself
            self._done[canonical] = self._evaluated(canonical)
        return self._done[canonical]

    def _evaluated(self, canonical: str) -> Codes:
        value_set = self._world.value_set(canonical)
        if value_set is None:
            raise Unanswerable(f"the value set {canonical} is not known here", "not-found")
        if value_set.listed is not None:
            return value_set.listed
        found = EMPTY
        for one in value_set.includes:
            found |= self._included(one, value_set.active_only)
        for one in value_set.excludes:
            found -= self._included(one, False)
        return found

    def _included(self, include: Include, active_only: bool) -> Codes:
        found = self._of_system(include, active_only) if include.system else None
        for url in include.value_sets:
            imported = self.value_set(url)
            found = imported if found is None else found & imported
        return EMPTY if found is None else found

    def _of_system(self, include: Include, active_only: bool) -> Codes:
        system = self._world.code_system(include.canonical)
        if system is not None and not system.known:
            system = None
        part = ALL if include.codes is None else Part(include.codes)
        if include.filters and system is None:
            raise Unanswerable(f"the concepts of the code system {include.canonical} are not known here", "not-found")
        if system is not None:
            # Of a fragment other codes may be right, too.
            if include.codes is None and (include.filters or system.content == "complete"):
                part = Part(system.codes)
            for wanted in include.filters:
                part &= Part(system.filtered(wanted, self._world.matches))
            if active_only:
                part &= Part(system.inactive, True)
        return Codes({include.system or "": part} if part else {})


def read(tree: Mapping[str, Any]) -> ValueSet:
    """The value set of a valid ValueSet resource. Raises Unanswerable if it says nothing of what is in it."""
    compose, expansion = tree.get("compose"), tree.get("expansion")
    if compose is None and expansion is None:
        raise Unanswerable(f"the value set {tree.get('url', tree.get('id'))} does not say what is in it", "value")
    listed: dict[str, set[str]] = {}
    for one in _flat((expansion or {}).get("contains", ())):
        if one.get("code") and not one.get("abstract"):  # which is there for navigation only
            listed.setdefault(one.get("system", ""), set()).add(one["code"])
    expanded = Codes({system: Part(frozenset(codes)) for system, codes in listed.items()})
    return ValueSet(
        url=tree.get("url", ""),
        version=tree.get("version", ""),
        status=tree.get("status", ""),
        updated=tree.get("meta", {}).get("lastUpdated", ""),
        includes=tuple(_include(one) for one in (compose or {}).get("include", ())),
        excludes=tuple(_include(one) for one in (compose or {}).get("exclude", ())),
        active_only=(compose or {}).get("inactive") is False,
        listed=None if compose else expanded,
        seen=expanded if compose else EMPTY,
    )


def implicit(url: str) -> ValueSet | None:
    """The value set that a URL of SNOMED CT, LOINC or UCUM means; None for any other URL.

    https://hl7.org/fhir/R4/snomedct.html#implicit. Raises Unanswerable for a form that is not supported."""
    if url in _WHOLE:
        return whole(_WHOLE[url])
    if url.startswith(tuple(f"{one}/" for one in _WHOLE)):
        raise Unanswerable(f"implicit value sets of the form {url} are not supported")
    match = _SNOMED.fullmatch(url)
    if match is None:
        return None
    system, edition, what = match.groups()
    version = f"{system}{edition}" if edition else None
    if what is None:
        return whole(system, version)
    kind, _, concept = unquote(what).partition("/")
    if kind != "isa" or not concept:
        raise Unanswerable(
            f"of the implicit value sets of SNOMED CT only fhir_vs and fhir_vs=isa/… are supported: {url}"
        )
    return whole(system, version, Filter("concept", "is-a", concept))


def whole(system: str, version: str | None = None, *filters: Filter) -> ValueSet:
    """The value set of all codes of a system, as far as they meet the filters."""
    return ValueSet("", "", "active", "", (Include(system, version, None, filters, ()),), (), False, None)


def _include(tree: Mapping[str, Any]) -> Include:
    concepts = tree.get("concept")
    return Include(
        system=tree.get("system"),
        version=tree.get("version"),
        codes=None if concepts is None else frozenset(one["code"] for one in concepts if one.get("code")),
        filters=tuple(
            Filter(one.get("property", ""), one.get("op", ""), one.get("value", "")) for one in tree.get("filter", ())
        ),
        value_sets=tuple(url for url in tree.get("valueSet", ()) if url),
    )


def _flat(contains: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for one in contains:
        yield one
        yield from _flat(one.get("contains", ()))
