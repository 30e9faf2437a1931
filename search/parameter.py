"""A search parameter on one resource type as the index knows it, and the rows that indexing a resource fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
EXACT: Final = WIDE - 1  # a string or URI as it was sent, with case and accents
TRIGRAM: Final = WIDE - 2  # three characters in a row of a normalised string
TEXT: Final = WIDE - 3  # a normalised text of a coded value, for `:text`
WORD: Final = WIDE - 4  # a word, or two in a row, of a narrative or of the content
CELL: Final = WIDE - 5  # a cell of the globe in which a position lies
SOUND: Final = WIDE - 6  # what a name sounds like
LATER: Final = WIDE - 7  # a code that is not the resource's first of the parameter in order, for `_sort`
EARLIER: Final = WIDE - 8  # a code that is not its last one
LAST: Final = WIDE - 32  # the greatest number of a system

CODED: Final = frozenset({"Coding", "CodeableConcept", "code", "boolean"})  # FHIR types of coded values

Key = tuple[int, int]  # (h, q) of a posting


_CONTAINED: Final = 1_000  # plus a type's number: that of its contained resources, in the q of references

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


def pointing(type_number: int, number: int) -> int:
    """The q of references by the parameter of that number, from resources of that type."""
    return -(type_number << 16 | number)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A search parameter on one resource type."""

    definition: SearchParameter
    resource_type: str
    type_number: int  # below zero on contained resources
    number: int  # search/data/parameter_numbers.txt; a tenant's own parameters have greater ones
    types: frozenset[str]  # FHIR types of the values that are indexed; empty where the type of parameter reads none
    systems: Mapping[str, tuple[str, ...]]  # code → the systems it has by the required value set of a `code` element
    primary: bool  # gives the type's primary clinical date
    resource_types: tuple[str, ...]  # of a reference: what it may point to
    compartments: frozenset[str]  # a reference by it to a resource of one of these types puts into its compartment
    contained: bool  # on contained resources of the type, whose index rows are apart: keys and numbers differ
    key: Callable[[str], int]  # code → h
    hash: Callable[..., int]  # any parts → 64 bits, remembered
    system: Callable[[str | None], int]  # system → q
    media_types: bool = False  # its codes are MIME types
    parents: Mapping[str, int] = field(default_factory=dict)  # type it may point to → q of references to a parent
    components: tuple[Parameter, ...] = ()  # of a composite, in the order of a search value
    present: Key = field(init=False)  # the posting of every resource that has a value for this parameter
    pointing: int = field(init=False)  # q of its references: below zero; of its type, since many point to one h
    coded: bool = field(init=False)  # its tokens are codes, which the tenant's dictionary knows; others are too many

    @property
    def code(self) -> str:
        return self.definition.code

    def __post_init__(self) -> None:
        source = _CONTAINED - self.type_number if self.contained else self.type_number
        object.__setattr__(self, "present", (self.key(""), ANY))
        object.__setattr__(self, "pointing", pointing(source, self.number))
        object.__setattr__(self, "coded", not self.types.isdisjoint(CODED))

    @property
    def row_number(self) -> int:
        """The number in index rows; that of the primary date is negative and stays out of the indexes by value."""
        return -self.number if self.primary else self.number


class Rows:
    """The index rows of one resource, or of one contained in it, while it is read. Each row is there once."""

    __slots__ = (
        "base_url", "codes", "compartments", "dat", "entry", "geo", "keys", "measured", "qty", "resource", "sort_key", "str",
        "unordered", "uri",
    )  # fmt: skip

    def __init__(
        self, resource: dict[str, Any], base_url: str, measured: dict[int, Measured | None] | None = None
    ) -> None:
        self.resource = resource  # the whole of what was sent: the container of a contained resource
        self.base_url = base_url
        self.sort_key = NO_DATE  # the primary date
        self.keys: dict[Key, None] = {}  # postings
        self.str: dict[tuple[int, str], None] = {}  # (parameter, normalised text or part of one)
        self.dat: dict[tuple[int, int, int], None] = {}  # (parameter, first µs, first µs after)
        self.qty: dict[Quantity, None] = {}
        self.uri: dict[tuple[int, str], None] = {}
        self.geo: dict[tuple[int, float, float], None] = {}  # (parameter, latitude, longitude)
        self.compartments: dict[int, None] = {}  # hashes of the resources in whose compartments it is
        # (parameter, q, h) → (system or "", code or text): what the tenant's dictionary must know of the postings
        self.codes: dict[tuple[int, int, int], tuple[str, str]] = {}
        # Of quantities, by id() of the value: several parameters read the same one.
        self.measured: dict[int, Measured | None] = {} if measured is None else measured
        self.entry: dict[str, Any] | None = (
            None  # of a Bundle: the first entry's resource, as far as parameters are on it
        )
        self.unordered: dict[Parameter, None] = {}  # have a value that `_sort` has no place for: a text, an identifier


# Of a range of numbers: lo, hi, system, code, unit, u, clo, chi, as in fhir.qty (search/schema.sql).
Measured = tuple[str, str, int, int, int, int, str, str]
# A range of numbers: (parameter, k, q, lo, hi, system, code, unit, u, clo, chi), as in fhir.qty (search/schema.sql).
Quantity = tuple[int, int, int, str, str, int, int, int, int, str, str]

Index = Callable[[Parameter, Rows, Any], None]  # puts the rows of one value of one FHIR type
