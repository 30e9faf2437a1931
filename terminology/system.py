"""A version of a code system as the operations ask it: concepts by ordinal, sets of them as bitmaps. Pure.

An ordinal numbers the concepts of one version, those of a hierarchy depth first. It means nothing outside the object it
came from. https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pyroaring import BitMap

from .records import About


class Designation(NamedTuple):
    """A text for a concept. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.designation"""

    value: str
    language: str = ""
    use: tuple[str, str, str] = ("", "", "")  # system, code and display; "" for none
    inactive: bool = False
    preferred: tuple[str, ...] = ()  # dialects in which it is preferred …
    acceptable: tuple[str, ...] = ()  # … or acceptable
    id: str = ""
    fields: Mapping[str, str] = {}
    extension: tuple[Mapping[str, Any], ...] = ()


class PropertyValue(NamedTuple):
    """A property of a concept."""

    name: str
    value: str  # as it is written
    type: str  # code | Coding | string | integer | boolean | dateTime | decimal | concept: a code of this system
    system: str = ""
    display: str = ""
    group: int = 0
    extension: tuple[Mapping[str, Any], ...] = ()
    description: str = ""


class Ranked(NamedTuple):
    """What words were found in, the most relevant first."""

    total: int
    ordinals: Sequence[int]  # as many as were asked for


class System(Protocol):
    """One version of a code system."""

    @property
    def about(self) -> About: ...
    @property
    def infinite(self) -> bool:
        """Whether its codes are a grammar's, so that nobody can list them. Then only a concept that was found has an
        ordinal, and `all`, filters by set and `search` raise Unanswerable."""

    def __len__(self) -> int: ...

    # one concept

    def find(self, code: str) -> int | None:
        """The ordinal of a code; where case does not count whatever its case. None if the system has none such."""

    def code(self, ordinal: int) -> str: ...
    def display(self, ordinal: int) -> str: ...
    def definition(self, ordinal: int) -> str: ...
    def status(self, ordinal: int) -> str: ...
    def is_inactive(self, ordinal: int) -> bool: ...
    def is_abstract(self, ordinal: int) -> bool: ...
    def extension(self, ordinal: int) -> Sequence[Mapping[str, Any]]: ...
    def designations(self, ordinal: int) -> Sequence[Designation]:
        """All but the display."""

    def properties(self, ordinal: int) -> Sequence[PropertyValue]:
        """All but parents and children."""

    def parents(self, ordinal: int) -> Sequence[int]: ...
    def children(self, ordinal: int) -> Sequence[int]: ...
    def subsumes(self, above: int, below: int) -> bool:
        """Whether `above` is an ancestor of `below`, or the same."""

    # sets of concepts: never change one that was given

    @property
    def all(self) -> BitMap: ...
    @property
    def inactive(self) -> BitMap: ...
    @property
    def abstract(self) -> BitMap: ...
    @property
    def leaves(self) -> BitMap: ...
    @property
    def roots(self) -> BitMap: ...
    def ancestors(self, ordinal: int) -> BitMap:
        """Without itself."""

    def descendants(self, ordinal: int) -> BitMap:
        """Without itself."""

    def descendants_of(self, some: BitMap) -> BitMap:
        """Those below any of them; one of them only if it is below another."""

    def ancestors_of(self, some: BitMap) -> BitMap: ...
    def property_names(self) -> Iterable[str]:
        """Of all properties that a concept has, or that are defined."""

    def with_property(self, name: str) -> BitMap:
        """Those that have the property."""

    def having(self, name: str, value: str) -> BitMap:
        """Those of which a property has a value as it is written; of a property of type `concept`, a code."""

    def values(self, name: str) -> Iterator[tuple[str, BitMap]]:
        """Each value that a property has, with the concepts that have it."""

    # attributes: properties of type `concept`, and others that carry a role group

    def sources(self, name: str, targets: BitMap) -> BitMap:
        """Those that have the attribute with one of the targets."""

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        """The values of an attribute of all, or of these."""

    # sets of the release: reference sets, answer lists, groups

    def sets(self) -> Iterable[str]:
        """Codes of the sets it has."""

    def members(self, code: str) -> BitMap | None:
        """The concepts in a set; None if there is none such."""

    def member_rows(self, code: str, ordinal: int | None = None) -> Iterator[tuple[int, Mapping[str, str]]]:
        """The rows of a set, or those of one concept: its ordinal and the other fields, in the order of the source."""

    # text

    def search(self, text: str, within: BitMap | None = None, most: int = 20, offset: int = 0) -> Ranked:
        """Concepts of which every word of the text begins a word of a designation; preferred and short terms first.
        total is exact. Case, accents and punctuation do not count."""
