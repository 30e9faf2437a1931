"""The SQL of atoms: in which table the index rows of each kind are, how they are found, how a candidate is probed.

In the texts t is a row of the table, v one of the values searched for and {p} the candidate. A probe is fenced
(`offset 0`) so that the planner does not join it, and posting lists are only ever probed with s beside rid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..conditions import (
    Amounts,
    Atom,
    Dates,
    Endings,
    Fragments,
    Ids,
    Inside,
    Keys,
    Near,
    Numbers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from ..intervals import EARLIEST, LATEST
from .special import RADIUS
from .string import LONGEST


class Arguments:
    """The values of a statement in the order of their placeholders, and the names of its candidates."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._aliases = 0

    def add(self, value: Any, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values) + 1}::{sql_type}"

    def table(self, rows: Sequence[Sequence[Any]], alias: str, columns: Mapping[str, str]) -> str:
        """Rows as `unnest(arrays) alias(columns)`."""
        arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        placeholders = [self.add(array, f"{kind}[]") for array, kind in zip(arrays, columns.values(), strict=True)]
        return f"unnest({', '.join(placeholders)}) {alias}({', '.join(columns)})"

    def alias(self) -> str:
        """A name for a candidate that no other one of the statement has."""
        self._aliases += 1
        return f"p{self._aliases}"


@dataclass(frozen=True, slots=True)
class Table:
    """Where the index rows of a kind of atom are."""

    name: str
    columns: Mapping[str, str]  # of the values searched for, with their types
    value: str  # which rows t have the value v, whatever parameter they are of
    of: str = "t.rtype = v.type and t.param = v.number"  # which rows t are of the parameter
    here: str = "t.rid = {p}.rid and t.param = v.number"  # which rows t are of the candidate

    @property
    def found(self) -> str:
        return f"{self.of} and {self.value}" if self.of else self.value

    @property
    def probe(self) -> str:
        return f"{self.here} and {self.value}"


_OF: Final = {"type": "int2", "number": "int2"}
_RANGE: Final = {**_OF, "lo": "text", "hi": "text"}
_HERE: Final = "t.s = {p}.s and t.rid = {p}.rid"
_WITHIN: Final = "t.v >= v.lo and t.v < v.hi"
_BOUNDS: Final = {"a": "text", "b": "text", "c": "text", "d": "text"}
_TIMES: Final = "t.lu >= v.lo and t.lu <= v.hi"
_TOKEN: Final = "(v.q is null or t.q = v.q)"  # of a composite
_UNIT: Final = (
    "(v.system is null or t.system = v.system) and (v.unit is null or t.code = v.unit or t.unit = v.unit)"
    " and (v.a2 is null or (t.clo >= v.a2 and t.clo < v.b2 and t.chi > v.c2 and t.chi <= v.d2))"
)
_NUMBER: Final = "t.lo >= v.a and t.lo < v.b and t.hi > v.c and t.hi <= v.d"
_AMOUNT: Final = "t.clo >= v.a and t.clo < v.b and t.chi > v.c and t.chi <= v.d"
# The great circle on a sphere of the mean radius of WGS 84, by haversines.
_METRES: Final = (
    f"2 * {RADIUS} * asin(least(1, sqrt(sin(radians(t.lat - v.lat) / 2) ^ 2"
    " + cos(radians(t.lat)) * cos(radians(v.lat)) * sin(radians(t.lon - v.lon) / 2) ^ 2)))"
)

TABLES: Final[Mapping[type, Table]] = {
    Keys: Table("posting", {"h": "int8", "q": "int4"}, "t.h = v.h and t.q = v.q", "", _HERE),
    Inside: Table("compartment", {"ckey": "int8", "type": "int2"}, "t.ckey = v.ckey and t.rtype = v.type", "", _HERE),
    Uris: Table("uri", {**_OF, "v": "text"}, "t.v = v.v", here=f"t.rtype = v.type and t.param = v.number and {_HERE}"),
    UriRanges: Table("uri", _RANGE, _WITHIN),
    Strings: Table("str", _RANGE, _WITHIN),
    Fragments: Table("str", {**_OF, "fragment": "text"}, "strpos(t.v, v.fragment) > 0"),
    # A text that is too long for one row ends with the last of its pieces; others below zero are not whole values.
    Endings: Table(
        "str",
        {**_OF, "ending": "text"},
        f"right(t.v, length(v.ending)) = v.ending and length(t.v) < {LONGEST} and (t.param > 0 or t.v < ' ')",
    ),
    Dates: Table(
        "dat",
        {**_OF, "a": "int8", "b": "int8", "c": "int8", "d": "int8"},
        "t.lo >= v.a and t.lo <= v.b and t.hi >= v.c and t.hi <= v.d",
        "t.rtype = v.type and t.param = v.number and t.param > 0",
    ),
    Numbers: Table(
        "qty",
        {**_OF, "k": "int8", **_BOUNDS, "q": "int4", "system": "int4", "unit": "int4"}
        | {f"{bound}2": "text" for bound in _BOUNDS},
        f"(v.k is null or t.k = v.k) and {_NUMBER} and {_TOKEN} and {_UNIT}",
    ),
    Amounts: Table(
        "qty",
        {**_OF, "k": "int8", "u": "int4", **_BOUNDS, "q": "int4"},
        f"(v.k is null or t.k = v.k) and t.u = v.u and {_AMOUNT} and {_TOKEN}",
    ),
    Near: Table("geo", {**_OF, "lat": "float8", "lon": "float8", "metres": "float8"}, f"{_METRES} <= v.metres"),
    Updated: Table(
        "resource",
        {"type": "int2", "lo": "timestamptz", "hi": "timestamptz"},
        _TIMES,
        "t.rtype = v.type and t.deleted = false",
        "t.rid = {p}.rid",
    ),
    Ids: Table(
        "resource",
        {"type": "int2", "skey": "int8", "id": "text"},
        "t.skey = v.skey and t.id = v.id",
        # + 0: by the key and nothing else, see resources/store.py
        "t.rtype + 0 = v.type and t.deleted = false",
        "t.rid = {p}.rid",
    ),
}

# Ranges of which only the end is bounded are found by another index.
_DATES_BY_END: Final = Table("dat", {**_OF, "c": "int8", "d": "int8"}, "t.hi >= v.c and t.hi <= v.d", TABLES[Dates].of)
_QTY: Final = "t.rtype = v.type and t.param = v.number and t.k = v.k"


def rows(atom: Atom) -> Sequence[tuple[Any, ...]]:
    """The values searched for, as rows of the columns of their table."""
    if isinstance(atom, Updated):
        return [(kind, _moment(low), _moment(high)) for kind, low, high in atom.rows]
    return atom.rows


def found(atom: Atom, arguments: Arguments) -> str:
    """Rows (s, rid) of all index rows of one atom, unordered; a resource may be there twice."""
    return " union all ".join(_lateral(table, values, arguments) for table, values in _ways(atom) if values)


def _ways(atom: Atom) -> list[tuple[Table, Sequence[tuple[Any, ...]]]]:
    """The atom's values by the index that finds them."""
    values = rows(atom)
    if isinstance(atom, Dates):
        by_end = [(*row[:2], *row[4:]) for row in values if row[2:4] == (EARLIEST, LATEST)]
        others = [row for row in values if row[2:4] != (EARLIEST, LATEST)]
        return [(_DATES_BY_END, by_end), (TABLES[Dates], others)]
    if isinstance(atom, Numbers):
        return _ways_of_ranges(TABLES[Numbers], _QTY, "lo", "hi", f"{_TOKEN} and {_UNIT}", values, 3)
    if isinstance(atom, Amounts):
        return _ways_of_ranges(TABLES[Amounts], f"{_QTY} and t.u = v.u", "clo", "chi", _TOKEN, values, 4)
    return [(TABLES[type(atom)], values)]


def _ways_of_ranges(
    table: Table, of: str, lo: str, hi: str, rest: str, values: Sequence[tuple[Any, ...]], n: int
) -> list[tuple[Table, Sequence[tuple[Any, ...]]]]:
    """A number x, as [x, x!), is in the box where max(a, c) ≤ x < min(b, d); a range is found by its bounded end.

    n: where a, b, c, d stand in a row."""
    one = f"t.{lo} >= v.a and t.{lo} < v.b and {rest} and not t.wide"
    numbers = [(*row[:n], max(row[n], row[n + 2]), min(row[n + 1], row[n + 3]), *row[n + 2 :]) for row in values]
    wide = f"t.{lo} >= v.a and t.{lo} < v.b and t.{hi} > v.c and t.{hi} <= v.d and {rest} and t.wide"
    # Which of the two indexes serves is decided here: what is compared with an empty text appended is no key of one.
    by_lo = wide.replace(f"t.{hi} >", f"t.{hi} || '' >").replace(f"t.{hi} <=", f"t.{hi} || '' <=")
    by_hi = wide.replace(f"t.{lo} >=", f"t.{lo} || '' >=").replace(f"t.{lo} <", f"t.{lo} || '' <")
    return [
        (Table(table.name, table.columns, one, of), [row for row in numbers if row[n] < row[n + 1]]),
        (Table(table.name, table.columns, by_lo, of), [row for row in values if not _by_end(row, n)]),
        (Table(table.name, table.columns, by_hi, of), [row for row in values if _by_end(row, n)]),
    ]


def _by_end(row: tuple[Any, ...], n: int) -> bool:
    return bool(row[n] == "" and row[n + 2 : n + 4] != ("", "~"))


def _lateral(table: Table, values: Sequence[tuple[Any, ...]], arguments: Arguments) -> str:
    source = arguments.table(values, "v", table.columns)
    return (
        f"select y.s, y.rid from {source} cross join lateral (select t.s, t.rid from {table.name} t "
        f"where t.tenant_id = g.t and {table.found} offset 0) y"
    )


def probe(atom: Atom, candidate: str, arguments: Arguments) -> str:
    """Whether the candidate meets the atom."""
    table = TABLES[type(atom)]
    source = arguments.table(rows(atom), "v", table.columns)
    having = table.probe.replace("{p}", candidate)
    return (
        f"exists (select from {source} cross join lateral (select from {table.name} t "
        f"where t.tenant_id = g.t and {having} offset 0) y offset 0)"
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST: Final = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def _moment(moment: int) -> datetime:
    """A time in µs since 1970; what no clock has shown is cut off."""
    return _EPOCH + timedelta(microseconds=min(max(moment, _FIRST), _LAST))
