"""What a resource must have to be found: the values between the criteria of a search and its SQL.

An atom is the OR of its rows: index rows of which one must be there. And, Or, Not, Refers and Referred join conditions.
Some atoms are known only after a look into the database (what a value set holds, which texts begin so); search/pending.py
replaces them before a statement is compiled. Types and parameters are numbers here: of a type in resources/data, of a
contained resource's type the same below zero; of a parameter `Parameter.number`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .parameter import Key


@dataclass(frozen=True, slots=True)
class Keys:
    """One of these postings."""

    rows: tuple[Key, ...]
    rank: int = 2  # guess before anything is counted: 0 very selective … 3 hardly


@dataclass(frozen=True, slots=True)
class Strings:
    """A normalised string within one of these half-open ranges: (type, parameter, from, before)."""

    rows: tuple[tuple[int, int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Fragments:
    """A normalised string that contains one of these: (type, parameter, fragment). Found by its trigrams beside it."""

    rows: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Endings:
    """A normalised string that ends with one of these: (type, parameter, ending). Found by its trigrams beside it."""

    rows: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Uris:
    """One of these URIs, whole: (type, parameter, URI)."""

    rows: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class UriRanges:
    """A URI within one of these half-open ranges: (type, parameter, from, before)."""

    rows: tuple[tuple[int, int, str, str], ...]


# Bounds in µs, all included: lowest and highest beginning, lowest and highest end of the stored range.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Dates:
    """A date range whose beginning and end lie in one of these boxes: (type, parameter, *Box).

    The parameter of a type's primary date is below zero: it is no driver, but bounds the walk of any other."""

    rows: tuple[tuple[int, int, int, int, int, int], ...]
    primary: int | None = None  # of the primary date: the h of its postings by width


@dataclass(frozen=True, slots=True)
class Numbers:
    """A range of numbers as given whose ends lie in one of these boxes, sortable texts (search/parameters/decimals.py).

    (type, parameter, k, a, b, c, d, q, system, unit, a2, b2, c2, d2): a ≤ lo < b and c < hi ≤ d. k: 0, or of a composite
    the hash of its token; None if only the q of its system is known. q, system, unit (code or unit), and the second box
    (of a composite of two numbers, on clo and chi) are None where they do not matter."""

    rows: tuple[
        tuple[
            int, int, int | None, str, str, str, str, int | None, int | None, int | None,
            str | None, str | None, str | None, str | None,
        ],
        ...,
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amounts:
    """A range in the unit u (hash of the canonical unit, or of system and code) whose ends lie in one of these boxes.

    (type, parameter, k, u, a, b, c, d, q): as in Numbers, on clo and chi."""

    rows: tuple[tuple[int, int, int | None, int, str, str, str, str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A position no further than that: (type, parameter, latitude, longitude, metres). Found by cells beside it."""

    rows: tuple[tuple[int, int, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """Last updated within one of these intervals, in µs, both ends included: (type, from, to)."""

    rows: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Ids:
    """One of these logical ids: (type, hash of type and id, id)."""

    rows: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """In the compartment of one of these resources: (its hash of type and id, type of what is inside)."""

    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Refers:
    """Points by one of these (q of references) to a resource of one of these types that meets its condition.

    Each target is (types, condition); types below zero are those of contained resources of the same container."""

    pointing: tuple[int, ...]
    targets: tuple[tuple[tuple[int, ...], Condition], ...]


@dataclass(frozen=True, slots=True)
class Referred:
    """Is pointed to, by one of these (q of references), from a resource of that type that meets the condition."""

    pointing: tuple[int, ...]
    type_number: int
    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All of these; of none, everything."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these; of none, nothing."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not that."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Nothing:
    """Cannot be met."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Pending. A text of a coded value that begins so: (type, parameter, from, before), ranges of normalised text."""

    rows: tuple[tuple[int, int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Codes:
    """Pending. A code that stands in a relation to a value set or a code: `in`, `below`, `above`."""

    relation: str
    value: str  # of `in` the URI of a value set or ValueSet/id; else system|code or code, as written, unescaped
    name: str  # of the criterion, for errors: "code:in"
    resource_type: str
    code: str  # of the search parameter
    keys: Callable[[str | None, str], tuple[Key, ...]]  # (system, code) → postings of the parameter; no part of ==

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Codes) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, ...]:
        return self.relation, self.value, self.name, self.resource_type, self.code


@dataclass(frozen=True, slots=True)
class Listed:
    """Pending. An entry of that List, of one of the types."""

    logical_id: str
    types: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Pending. Points to a resource, or to one above or below it by the parent parameter of its type."""

    relation: str  # above | below
    resource_type: str
    logical_id: str
    parent: int  # q of the references to the parent
    pointing: tuple[int, ...]  # q of the references that are searched


EVERYTHING: Final = And(())  # what every resource meets

Atom = (
    Keys | Strings | Fragments | Endings | Uris | UriRanges | Dates | Numbers | Amounts | Near | Updated | Ids | Inside
)
Pending = Texts | Codes | Listed | Hierarchy
Condition = Atom | Refers | Referred | And | Or | Not | Nothing | Pending
