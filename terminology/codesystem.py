"""Code systems: concepts, their hierarchy, and the filters that value sets are made with. Pure.

https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_PROPERTIES: Final = "http://hl7.org/fhir/concept-properties#"
_PARENTS: Final = frozenset({"parent", "subsumedBy"})  # properties that name a broader concept, whatever their URI
_CHILDREN: Final = frozenset({"child"})
_CODES: Final = frozenset({"code", "concept"})  # names of the code itself in filters
_HIERARCHICAL: Final = frozenset({"is-a", "descendent-of", "is-not-a", "generalizes"})
_RETIRED: Final = frozenset({"retired", "inactive"})  # values of the property `status`


class Unanswerable(ValueError):
    """A question to the terminology that has no answer here; `code` is the issue's."""

    def __init__(self, message: str, code: str = "not-supported") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on concepts. https://hl7.org/fhir/R4/valueset-filter-operator.html"""

    property: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept, as far as filters ask."""

    display: str
    parents: tuple[str, ...]
    properties: Mapping[str, tuple[str, ...]]  # values as text, of a Coding its code


# The texts that a regular expression matches as a whole. The engine of Python can be stopped by an expression.
Matches = Callable[[str, Iterable[str]], frozenset[str]]


@dataclass(frozen=True, eq=False)
class CodeSystem:
    """A code system as stored. https://hl7.org/fhir/R4/codesystem-definitions.html"""

    url: str
    version: str
    status: str
    updated: str  # meta.lastUpdated
    content: str  # complete | fragment | example | not-present | supplement
    case_sensitive: bool
    concepts: Mapping[str, Concept]
    filters: frozenset[str]  # codes of the filters it defines
    properties: frozenset[str]  # codes of the properties it defines
    abstract: frozenset[str]  # codes that are there to select others by, and are no values

    @property
    def known(self) -> bool:
        """Whether its concepts are here, so that something can be said about them."""
        return self.content in ("complete", "fragment")

    @property
    def weight(self) -> int:
        return len(self.concepts)

    def find(self, code: str) -> str | None:
        """The code as the code system writes it; None if it has none such."""
        return code if code in self.concepts else self._folded.get(code.casefold())

    def below(self, code: str) -> frozenset[str]:
        """The code and all that it subsumes; cycles end."""
        return self._closure(code, lambda one: self._children.get(one, ()))

    def above(self, code: str) -> frozenset[str]:
        """The code and all that subsume it."""
        return self._closure(code, lambda one: self.concepts[one].parents)

    def subsumes(self, one: str, other: str) -> bool | None:
        """Whether a code is the other one or above it; None if that is not known.

        https://hl7.org/fhir/R4/codesystem.html#subsumption"""
        above, below = self.find(one), self.find(other)
        if one == other or (above is not None and above == below):
            return True
        if above is not None and below is not None and above in self.above(below):
            return True
        return False if self.content == "complete" and above is not None and below is not None else None

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset(self.concepts)

    @cached_property
    def inactive(self) -> frozenset[str]:
        """https://hl7.org/fhir/R4/codesystem-concept-properties.html"""
        return frozenset(
            code
            for code, concept in self.concepts.items()
            if "true" in concept.properties.get("inactive", ())
            or not _RETIRED.isdisjoint(concept.properties.get("status", ()))
        )

    def filtered(self, wanted: Filter, matches: Matches) -> frozenset[str]:
        """The codes that meet a filter. Raises Unanswerable for one that is not understood: never an empty set."""
        if wanted.operator in _HIERARCHICAL:
            return self._hierarchical(wanted)
        if wanted.operator == "exists":
            if wanted.value not in ("true", "false"):
                raise Unanswerable(f"the filter exists of {self.url} is true or false, not {wanted.value}", "value")
            having = {code for code, values in self._values(wanted.property) if values}
            return frozenset(having) if wanted.value == "true" else self.codes - having
        if wanted.operator == "=":
            return self._having(wanted.property, frozenset({wanted.value}))
        if wanted.operator in ("in", "not-in"):
            found = self._having(wanted.property, frozenset(one.strip() for one in wanted.value.split(",")))
            return found if wanted.operator == "in" else self.codes - found
        if wanted.operator == "regex":
            return self._having(wanted.property, matches(wanted.value, self.texts(wanted.property)))
        raise Unanswerable(f"the filter {wanted.operator} on {self.url} is not known here")

    def texts(self, name: str) -> frozenset[str]:
        """All values of a property."""
        return frozenset(value for _, values in self._values(name) for value in values)

    def _hierarchical(self, wanted: Filter) -> frozenset[str]:
        if wanted.property not in _CODES | self.filters:
            raise Unanswerable(f"{self.url} has no hierarchy by {wanted.property}")
        code = self.find(wanted.value)
        if code is None:
            raise Unanswerable(f"{self.url} has no code {wanted.value}, which a filter names", "not-found")
        if wanted.operator == "generalizes":
            return self.above(code)
        below = self.below(code)
        return (
            below
            if wanted.operator == "is-a"
            else below - {code}
            if wanted.operator != "is-not-a"
            else self.codes - below
        )

    def _having(self, name: str, wanted: frozenset[str]) -> frozenset[str]:
        if not self.case_sensitive and name in _CODES:
            wanted = frozenset(found for one in wanted if (found := self.find(one)) is not None)
        return frozenset(code for code, values in self._values(name) if not wanted.isdisjoint(values))

    def _values(self, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if name in _CODES:
            return ((code, (code,)) for code in self.concepts)
        if name == "display":
            return ((code, (concept.display,) if concept.display else ()) for code, concept in self.concepts.items())
        if name in _PARENTS:
            return ((code, concept.parents) for code, concept in self.concepts.items())
        if name in _CHILDREN:
            return ((code, self._children.get(code, ())) for code in self.concepts)
        if name not in self.properties:
            raise Unanswerable(f"{self.url} has no property {name}")
        return ((code, concept.properties.get(name, ())) for code, concept in self.concepts.items())

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for code, concept in self.concepts.items():
            for parent in concept.parents:
                found.setdefault(parent, []).append(code)
        return {code: tuple(children) for code, children in found.items()}

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {} if self.case_sensitive else {code.casefold(): code for code in self.concepts}

    @staticmethod
    def _closure(code: str, following: Callable[[str], Iterable[str]]) -> frozenset[str]:
        found, ahead = {code}, [code]
        while ahead:
            new = set(following(ahead.pop())) - found
            found |= new
            ahead += new
        return frozenset(found)


def read(tree: Mapping[str, Any]) -> CodeSystem:
    """The code system of a valid CodeSystem resource."""
    defined = [one for one in tree.get("property", ()) if one.get("code")]
    parents = _PARENTS | {one["code"] for one in defined if one.get("uri") == _PROPERTIES + "parent"}
    children = _CHILDREN | {one["code"] for one in defined if one.get("uri") == _PROPERTIES + "child"}
    unselectable = {
        "notSelectable",
        *(one["code"] for one in defined if one.get("uri") == _PROPERTIES + "notSelectable"),
    }
    subsumes = tree.get("hierarchyMeaning", "is-a") == "is-a"  # else nesting says nothing about the concepts
    broader: dict[str, dict[str, None]] = {}
    concepts: dict[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {}
    for concept, above in _flat(tree.get("concept", ()), None):
        code = concept["code"]
        mine = broader.setdefault(code, {})
        if above is not None and subsumes:
            mine[above] = None
        properties: dict[str, list[str]] = {}
        for one in concept.get("property", ()):
            name, value = one.get("code"), _text(one)
            if name in parents:
                mine[value] = None
            elif name in children:
                broader.setdefault(value, {})[code] = None
            elif name:
                properties.setdefault(name, []).append(value)
        concepts[code] = concept.get("display", ""), {name: tuple(values) for name, values in properties.items()}
    used = {name for _, properties in concepts.values() for name in properties}
    return CodeSystem(
        url=tree.get("url", ""),
        version=tree.get("version", ""),
        status=tree.get("status", ""),
        updated=tree.get("meta", {}).get("lastUpdated", ""),
        content=tree.get("content", ""),
        case_sensitive=tree.get("caseSensitive") is True,  # in doubt not: leaving out is worse than giving one too many
        concepts={
            code: Concept(display, tuple(one for one in broader[code] if one in concepts), properties)
            for code, (display, properties) in concepts.items()
        },
        filters=frozenset(one["code"] for one in tree.get("filter", ()) if one.get("code")),
        properties=frozenset({one["code"] for one in defined} | used),
        abstract=frozenset(
            code
            for code, (_, properties) in concepts.items()
            if any("true" in properties.get(one, ()) for one in unselectable)
        ),
    )


def _flat(concepts: Iterable[Mapping[str, Any]], above: str | None) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    for concept in concepts:
        code = concept.get("code")
        if code:
            yield concept, above
        yield from _flat(concept.get("concept", ()), code or above)


def _text(concept_property: Mapping[str, Any]) -> str:
    """The value of a concept's property as a filter writes it."""
    value = next((one for name, one in concept_property.items() if name.startswith("value")), "")
    if isinstance(value, Mapping):
        value = value.get("code", "")
    return str(value).lower() if isinstance(value, bool) else str(value)
