"""A code system with supplements put onto it: designations, properties and extensions more, and nothing else changed.

https://hl7.org/fhir/R4/codesystem.html#supplements
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from pyroaring import BitMap

from .. import resources
from ..records import About, Concept, Property, Term
from ..system import Designation, PropertyValue, Ranked, System
from .words import words

Tree = Mapping[str, Any]


def supplemented(system: System, supplements: Sequence[Tree]) -> System:
    """The code system with what supplements (CodeSystem resources with content `supplement`) say of its codes. Ordinals
    stay. Displays, the hierarchy and what is inactive or abstract are the code system's own, but a concept without display
    gets the first one that a supplement has. Codes that the code system lacks are passed over."""
    return Supplemented(system, supplements) if supplements else system


class Supplemented:
    """A `System` in front of another one."""

    def __init__(self, system: System, supplements: Sequence[Tree]) -> None:
        self._system = system
        self.infinite = system.infinite
        defined = {one.code: one for one in system.about.properties}
        self._displays: dict[int, str] = {}
        self._designations: dict[int, list[Designation]] = {}
        self._properties: dict[int, list[PropertyValue]] = {}
        self._extensions: dict[int, list[Tree]] = {}
        for tree in supplements:
            for definition in resources.about_of(tree).properties:
                defined.setdefault(definition.code, definition)
            self._add(tree)
        self.about: About = replace(system.about, properties=tuple(defined.values()))
        self._said = {  # words of what is designated anew; words of the code system's own texts are found when asked for
            at: frozenset(word for one in some if not one.inactive for word in words(one.value))
            for at, some in self._designations.items()
        }
        for at, display in self._displays.items():
            self._said[at] = self._said.get(at, frozenset()).union(words(display))

    def _add(self, tree: Tree) -> None:
        version = tree.get("version")
        canonical = f"{tree.get('url', '')}|{version}" if version else tree.get("url", "")
        for one in resources.records_of(tree):
            if not isinstance(one, Concept | Term | Property):
                continue
            at = self._system.find(one.code)
            if at is None:
                continue
            if isinstance(one, Concept):
                if one.display and not self._system.display(at):
                    self._displays.setdefault(at, one.display)
                if one.extension:
                    self._extensions.setdefault(at, []).extend(one.extension)
            elif isinstance(one, Term):
                self._designations.setdefault(at, []).append(
                    Designation(one.value, one.language, one.use, fields={"source": canonical}, extension=one.extension)
                )
            else:
                self._properties.setdefault(at, []).append(
                    PropertyValue(one.name, one.value, one.type, one.system, one.display, 0, one.extension)
                )

    def __len__(self) -> int:
        return len(self._system)

    def find(self, code: str) -> int | None:
        return self._system.find(code)

    def code(self, ordinal: int) -> str:
        return self._system.code(ordinal)

    def display(self, ordinal: int) -> str:
        return self._system.display(ordinal) or self._displays.get(ordinal, "")

    def definition(self, ordinal: int) -> str:
        return self._system.definition(ordinal)

    def status(self, ordinal: int) -> str:
        return self._system.status(ordinal)

    def is_inactive(self, ordinal: int) -> bool:
        return self._system.is_inactive(ordinal)

    def is_abstract(self, ordinal: int) -> bool:
        return self._system.is_abstract(ordinal)

    def extension(self, ordinal: int) -> Sequence[Mapping[str, Any]]:
        return [*self._system.extension(ordinal), *self._extensions.get(ordinal, ())]

    def designations(self, ordinal: int) -> Sequence[Designation]:
        return [*self._system.designations(ordinal), *self._designations.get(ordinal, ())]

    def properties(self, ordinal: int) -> Sequence[PropertyValue]:
        return [*self._system.properties(ordinal), *self._properties.get(ordinal, ())]

    def meets(self, ordinal: int, wanted: Any) -> bool:
        """Of an infinite code system: whether a code meets a filter, of which its grammar alone decides."""
        return bool(self._system.meets(ordinal, wanted))  # type: ignore[attr-defined]

    def parents(self, ordinal: int) -> Sequence[int]:
        return self._system.parents(ordinal)

    def children(self, ordinal: int) -> Sequence[int]:
        return self._system.children(ordinal)

    def subsumes(self, above: int, below: int) -> bool:
        return self._system.subsumes(above, below)

    @property
    def all(self) -> BitMap:
        return self._system.all

    @property
    def inactive(self) -> BitMap:
        return self._system.inactive

    @property
    def abstract(self) -> BitMap:
        return self._system.abstract

    @property
    def leaves(self) -> BitMap:
        return self._system.leaves

    @property
    def roots(self) -> BitMap:
        return self._system.roots

    def ancestors(self, ordinal: int) -> BitMap:
        return self._system.ancestors(ordinal)

    def descendants(self, ordinal: int) -> BitMap:
        return self._system.descendants(ordinal)

    def descendants_of(self, some: BitMap) -> BitMap:
        return self._system.descendants_of(some)

    def ancestors_of(self, some: BitMap) -> BitMap:
        return self._system.ancestors_of(some)

    def property_names(self) -> Iterable[str]:
        mine = (one.name for some in self._properties.values() for one in some)
        defined = (one.code for one in self.about.properties)
        return dict.fromkeys([*self._system.property_names(), *defined, *mine]).keys()

    def with_property(self, name: str) -> BitMap:
        return self._system.with_property(name) | BitMap([at for at, _ in self._mine(name)])

    def having(self, name: str, value: str) -> BitMap:
        return self._system.having(name, value) | BitMap([at for at, one in self._mine(name) if one == value])

    def values(self, name: str) -> Iterator[tuple[str, BitMap]]:
        mine: dict[str, BitMap] = {}
        for at, value in self._mine(name):
            mine.setdefault(value, BitMap()).add(at)
        for value, some in self._system.values(name):
            yield value, some | mine.pop(value) if value in mine else some
        yield from mine.items()

    def _mine(self, name: str) -> Iterator[tuple[int, str]]:
        return ((at, one.value) for at, some in self._properties.items() for one in some if one.name == name)

    def sources(self, name: str, targets: BitMap) -> BitMap:
        return self._system.sources(name, targets)

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        return self._system.targets(name, sources)

    def sets(self) -> Iterable[str]:
        return self._system.sets()

    def members(self, code: str) -> BitMap | None:
        return self._system.members(code)

    def member_rows(self, code: str, ordinal: int | None = None) -> Iterator[tuple[int, Mapping[str, str]]]:
        return self._system.member_rows(code, ordinal)

    def search(self, text: str, within: BitMap | None = None, most: int = 20, offset: int = 0) -> Ranked:
        """Those the code system finds, and of those that are designated anew the ones that have all the words now."""
        wanted = {*words(text)}
        among = self._system.all if within is None else within
        mine = [at for at, said in self._said.items() if at in among and self._has(at, said, wanted)]
        if not wanted or not mine:
            return self._system.search(text, within, most, offset)
        others = self._system.search(text, among - BitMap(mine), most + offset)
        merged = sorted([*others.ordinals, *mine], key=self._relevance)
        return Ranked(others.total + len(mine), merged[offset : offset + most])

    def _has(self, at: int, said: frozenset[str], wanted: set[str]) -> bool:
        """Whether a concept is found by a word of a supplement, maybe together with others of its own."""
        missing = {prefix for prefix in wanted if not any(word.startswith(prefix) for word in said)}
        if not missing or missing == wanted:
            return not missing
        own = [self._system.display(at), *(one.value for one in self._system.designations(at) if not one.inactive)]
        there = {word for text in own for word in words(text)}
        return all(any(word.startswith(prefix) for word in there) for prefix in missing)

    def _relevance(self, at: int) -> tuple[bool, int, str]:
        """As the index of a code system ranks: active ones first, short displays first, then by code."""
        code = self.code(at)
        return self.is_inactive(at), len(self._system.display(at) or code), code
