"""What a resource must have to be found: the values between a search parameter's clause and its SQL.

A condition is the OR of what it lists; a search is the AND of its conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

from .parameter import Key


@dataclass(frozen=True, slots=True)
class Keys:
    """One of these postings."""

    keys: tuple[Key, ...]
    rank: int = 2  # guess before anything is counted: 0 very selective … 3 hardly


@dataclass(frozen=True, slots=True)
class Missing:
    """Not this posting."""

    key: Key


@dataclass(frozen=True, slots=True)
class Exact:
    """A string equal to one of these, by (value as indexed, hash of the value as sent)."""

    type_number: int
    number: int
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Uris:
    """One of these URIs, whole."""

    type_number: int
    number: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strings:
    """A string within one of these half-open ranges of normalised text."""

    type_number: int
    number: int
    ranges: tuple[tuple[str, str], ...]


# Bounds in µs, all included: lowest and highest beginning, lowest and highest end of the stored range.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Dates:
    """A date range whose beginning and end lie in one of these boxes."""

    type_number: int
    number: int
    boxes: tuple[Box, ...]
    primary: int | None = None  # of the primary date: the h of its postings by width


@dataclass(frozen=True, slots=True)
class Updated:
    """Last updated within one of these intervals, in µs, both ends included."""

    type_number: int
    intervals: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ids:
    """One of these logical ids, with their keys (hash of type and id)."""

    type_number: int
    ids: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """Cannot be met."""


Condition = Keys | Missing | Exact | Uris | Strings | Dates | Updated | Ids | Nothing
