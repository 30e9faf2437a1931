"""A search parameter on one resource type as the index knows it, and the rows that indexing a resource fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from resources.definitions import SearchParameter
from resources.store import NO_DATE

# Numbers of the posting's q that no code system has. A posting (h, q) of a value stands for:
NONE: Final = 0  # the value, where it has no system
ANY: Final = 2**31 - 1  # the value, whatever its system; of `present`: any value at all
WIDE: Final = 2**31 - 32  # plus a class of width (search/intervals.py), of `present`: the primary date is that wide
LAST: Final = WIDE - 1  # the greatest number of a system

Key = tuple[int, int]  # (h, q) of a posting


_DATA: Final = Path(__file__).parent / "data"


@cache
def parameter_numbers() -> Mapping[str, int]:
    """Code of a search parameter → its number in the database. The list is only ever appended to."""
    codes = (_DATA / "parameter_numbers.txt").read_text(encoding="ascii").split()
    return MappingProxyType({code: number for number, code in enumerate(codes, 1)})


@cache
def primary_dates() -> Mapping[str, str]:
    """Resource type → code of the parameter that gives its primary clinical date."""
    lines = (_DATA / "primary_dates.txt").read_text(encoding="utf-8").splitlines()
    return MappingProxyType(dict(line.split() for line in lines if not line.startswith("#")))


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A search parameter on one resource type."""

    definition: SearchParameter
    resource_type: str
    type_number: int
    number: int  # search/data/parameter_numbers.txt
    types: frozenset[str]  # FHIR types of the values that are indexed; empty where the type of parameter reads none
    systems: Mapping[str, tuple[str, ...]]  # code → the systems it has by the required value set of a `code` element
    primary: bool  # gives the type's primary clinical date
    resource_types: tuple[str, ...]  # of a reference: what it may point to
    key: Callable[[str], int]  # code → h
    hash: Callable[..., int]  # any parts → 64 bits, remembered
    system: Callable[[str | None], int]  # system → q

    @property
    def code(self) -> str:
        return self.definition.code

    @property
    def present(self) -> Key:
        """The posting of every resource that has a value for this parameter."""
        return self.key(""), ANY

    @property
    def pointing(self) -> int:
        """The q of its references: below zero, and of its type, since h is only the target that many types point to."""
        return -(self.type_number << 16 | self.number)

    @property
    def row_number(self) -> int:
        """The number in index rows; that of the primary date is negative and stays out of the indexes by value."""
        return -self.number if self.primary else self.number


class Rows:
    """The index rows of one resource while it is read."""

    __slots__ = ("base_url", "dat", "keys", "qty", "resource", "sort_key", "str", "uri")

    def __init__(self, resource: dict[str, Any], base_url: str) -> None:
        self.resource = resource
        self.base_url = base_url
        self.sort_key = NO_DATE  # the primary date
        self.keys: dict[Key, None] = {}  # postings, each once
        self.str: dict[tuple[int, str, int], None] = {}
        self.dat: dict[tuple[int, int, int], None] = {}
        self.qty: dict[tuple[int, float, float, int, int, int], None] = {}
        self.uri: dict[tuple[int, str], None] = {}


Index = Callable[[Parameter, Rows, Any], None]  # puts the rows of one value of one FHIR type
