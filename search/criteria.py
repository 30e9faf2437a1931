"""Criteria of a search as they were written: names resolved to search parameters, values not yet understood.

Each has `name` and `value`, the two sides of a parameter in a query string, and is read again as the same criterion.
https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from resources.outcome import BadRequest, NotSupported

from .escapes import is_well_formed, split
from .filter import Expression, comparisons, parse

DEEPEST: Final = 60  # separators in a name
_SEPARATOR: Final = re.compile("[.:]")


@dataclass(frozen=True, slots=True)
class Clause:
    """Values of one search parameter, which are alternatives. A repeated parameter is several clauses, all to be met."""

    code: str
    modifier: str | None
    values: tuple[str, ...]  # percent-decoded, split at commas, other separators still escaped

    @property
    def name(self) -> str:
        return f"{self.code}:{self.modifier}" if self.modifier else self.code

    @property
    def value(self) -> str:
        return ",".join(self.values)


@dataclass(frozen=True, slots=True)
class Chain:
    """A criterion on what a reference parameter points to. https://hl7.org/fhir/R4/search.html#chaining"""

    code: str
    target: str | None  # the resource type named, as in subject:Patient.name
    criterion: Criterion

    @property
    def name(self) -> str:
        return (
            f"{self.code}:{self.target}.{self.criterion.name}" if self.target else f"{self.code}.{self.criterion.name}"
        )

    @property
    def value(self) -> str:
        return self.criterion.value


@dataclass(frozen=True, slots=True)
class Has:
    """A criterion on resources of a type that point here by a reference parameter of theirs.

    https://hl7.org/fhir/R4/search.html#has"""

    resource_type: str
    code: str
    criterion: Criterion

    @property
    def name(self) -> str:
        return f"_has:{self.resource_type}:{self.code}:{self.criterion.name}"

    @property
    def value(self) -> str:
        return self.criterion.value


@dataclass(frozen=True, slots=True)
class Filter:
    """An expression of `_filter`. https://hl7.org/fhir/R4/search_filter.html"""

    text: str
    expression: Expression  # what the text means

    @property
    def name(self) -> str:
        return "_filter"

    @property
    def value(self) -> str:
        return self.text


Criterion = Clause | Chain | Has | Filter


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`. https://hl7.org/fhir/R4/search.html#sort"""

    code: str
    descending: bool

    @property
    def text(self) -> str:
        return "-" * self.descending + self.code


@dataclass(frozen=True, slots=True)
class Include:
    """One `_include` or `_revinclude`. https://hl7.org/fhir/R4/search.html#include"""

    forward: bool  # _include
    iterate: bool  # also from what was included
    source: str  # type of the resources that point; "*" for all
    code: str  # of the reference parameter; "*" for all
    target: str | None = None  # the only type of what is pointed to

    @property
    def name(self) -> str:
        return ("_include" if self.forward else "_revinclude") + ":iterate" * self.iterate

    @property
    def value(self) -> str:
        if self.source == "*":
            return "*"
        return f"{self.source}:{self.code}" + (f":{self.target}" if self.target else "")


def read(name: str, value: str) -> Criterion:
    """The criterion that a parameter of a query string says, whatever its names mean; values split at commas.

    Raises BadRequest for what cannot be read, NotSupported for two modifiers."""
    if len(_SEPARATOR.findall(name)) > DEEPEST:
        raise BadRequest(f"{name[:100]}…: the chain is too long.", code="too-costly")
    if name == "_filter":
        return Filter(value, parse(value))
    if not is_well_formed(value):
        raise BadRequest(f"{name}={value}: a backslash stands only before \\ , $ or |.", code="value")
    values = tuple(one for one in split(value, ",") if one)
    if not values:
        raise BadRequest(f"{name}={value}: there is no value between the commas.", code="value")
    return _read(name, name, values)


def _read(whole: str, name: str, values: tuple[str, ...]) -> Criterion:
    if name.startswith("_has:"):
        _, resource_type, code, rest = [*name.split(":", 3), "", "", ""][:4]
        if not (resource_type and code and rest):
            raise BadRequest(f"{whole}: it is written _has:Type:reference:parameter.", code="value")
        return Has(resource_type, code, _read(whole, rest, values))
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    if not code or (colon and not modifier) or (dot and not rest):
        raise BadRequest(f"{whole}: a part of this name is empty.", code="value")
    if ":" in modifier:
        raise NotSupported(f"{whole}: a parameter has one modifier at most.")
    if dot:
        return Chain(code, modifier or None, _read(whole, rest, values))
    if modifier == "missing" and values not in (("true",), ("false",)):
        raise BadRequest(f"{whole}={','.join(values)}: it is true or false.", code="value")
    return Clause(code, modifier or None, values)


def size(criterion: Criterion) -> tuple[int, int]:
    """How many criteria it counts for, with those it goes through, and how many values."""
    depth = 1
    while isinstance(criterion, Chain | Has):
        criterion, depth = criterion.criterion, depth + 1
    if isinstance(criterion, Filter):
        number = sum(1 for _ in comparisons(criterion.expression))
        return depth + number - 1, number
    return depth, len(criterion.values)
