"""The SQL of conditions: in which table the index rows of each kind are, how they are found, how a candidate is probed.

In the texts {row} is a row of the table, v one of the values searched for and p the candidate. A probe is fenced
(`offset 0`) so that the planner does not join it, and posting lists are only ever probed with s beside rid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..conditions import Condition, Dates, Exact, Ids, Keys, Missing, Strings, Updated, Uris
from ..intervals import EARLIEST, LATEST, Interval


class Arguments:
    """The values of a statement in the order of their placeholders."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values) + 1}::{sql_type}"

    def table(self, rows: Sequence[Sequence[Any]], alias: str, columns: Mapping[str, str]) -> str:
        """Rows as `unnest(arrays) alias(columns)`."""
        arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        placeholders = [self.add(array, f"{kind}[]") for array, kind in zip(arrays, columns.values(), strict=True)]
        return f"unnest({', '.join(placeholders)}) {alias}({', '.join(columns)})"


@dataclass(frozen=True, slots=True)
class Table:
    """Where the index rows of a kind of condition are."""

    name: str
    columns: Mapping[str, str]  # of the values searched for, with their types
    found: str  # which rows have a value; {type} and {number} are the resource type's and the parameter's
    probe: str  # which rows t of the candidate have it


_HERE: Final = "t.s = p.s and t.rid = p.rid"
_PREFIX: Final = "{row}.v >= v.lo and {row}.v < v.hi"
_BOX: Final = "{row}.lo >= v.a and {row}.lo <= v.b and {row}.hi >= v.c and {row}.hi <= v.d"
_TIME: Final = "{row}.lu >= v.lo and {row}.lu <= v.hi"
_PARAMETER: Final = "{row}.rtype = {type} and {row}.param = {number}"
_KEY: Final = "{row}.h = v.h and {row}.q = v.q"
_EXACT: Final = f"{_PARAMETER} and {{row}}.v = v.v and {{row}}.x = v.x"
_URI: Final = f"{_PARAMETER} and {{row}}.v = v.v"
_OF_CANDIDATE: Final = "t.rid = p.rid and t.param = {number}"

TABLES: Final[Mapping[type, Table]] = {
    Keys: Table("posting", {"h": "int8", "q": "int4"}, _KEY, f"{_KEY} and {_HERE}"),
    Exact: Table("str", {"v": "text", "x": "int8"}, _EXACT, f"{_EXACT} and {_HERE}"),
    Uris: Table("uri", {"v": "text"}, _URI, f"{_URI} and {_HERE}"),
    Strings: Table(
        "str", {"lo": "text", "hi": "text"}, f"{_PARAMETER} and {_PREFIX}", f"{_OF_CANDIDATE} and {_PREFIX}"
    ),
    Dates: Table(
        "dat",
        {"a": "int8", "b": "int8", "c": "int8", "d": "int8"},
        f"{_PARAMETER} and {{row}}.param > 0 and {_BOX}",
        f"{_OF_CANDIDATE} and {_BOX}",
    ),
    Updated: Table(
        "resource",
        {"lo": "timestamptz", "hi": "timestamptz"},
        f"{{row}}.rtype = {{type}} and {{row}}.deleted = false and {_TIME}",
        f"t.rid = p.rid and {_TIME}",
    ),
    Ids: Table(
        "resource",
        {"skey": "int8", "id": "text"},
        "{row}.skey = v.skey and {row}.rtype = {type} and {row}.id = v.id and {row}.deleted = false",
        "t.rid = p.rid and t.skey = v.skey and t.id = v.id",
    ),
}
# Ranges of which only the end is bounded are found by the other index.
_BY_END: Final = Table(
    "dat",
    {"c": "int8", "d": "int8"},
    f"{_PARAMETER} and {{row}}.param > 0 and {{row}}.hi >= v.c and {{row}}.hi <= v.d",
    "",
)


def rows(condition: Condition) -> Sequence[tuple[Any, ...]]:
    """The values searched for, as rows of the columns of their table."""
    match condition:
        case Keys(keys=values) | Exact(values=values) | Strings(ranges=values) | Dates(boxes=values) | Ids(ids=values):
            return values
        case Uris(values=texts):
            return [(text,) for text in texts]
        case Updated(intervals=intervals):
            return [_instants(interval) for interval in intervals]
    raise TypeError(f"{type(condition).__name__} has no values")


def where(text: str, row: str, condition: Condition, arguments: Arguments) -> str:
    """The text for the row of that alias, with type and number of the condition as arguments where it asks for them."""
    if "{type}" in text:
        text = text.replace("{type}", arguments.add(condition.type_number, "int2"))  # type: ignore[union-attr]
    if "{number}" in text:
        text = text.replace("{number}", arguments.add(condition.number, "int2"))  # type: ignore[union-attr]
    return text.replace("{row}", row)


def found(condition: Condition, arguments: Arguments) -> str:
    """Rows (s, rid) of all index rows of one condition, unordered; a resource may be there twice."""
    table, values = TABLES[type(condition)], rows(condition)
    if isinstance(condition, Dates):
        by_end = [(c, d) for a, b, c, d in values if (a, b) == (EARLIEST, LATEST)]
        others = [box for box in values if box[:2] != (EARLIEST, LATEST)]
        parts = [(_BY_END, by_end)] if by_end else []
        parts += [(table, others)] if others or not by_end else []
        return " union all ".join(_lateral(*part, condition, arguments) for part in parts)
    return _lateral(table, values, condition, arguments)


def _lateral(table: Table, values: Sequence[tuple[Any, ...]], condition: Condition, arguments: Arguments) -> str:
    source = arguments.table(values, "v", table.columns)
    having = where(table.found, "t", condition, arguments)
    return (
        f"select y.s, y.rid from {source} cross join lateral (select t.s, t.rid from {table.name} t "
        f"where t.tenant_id = g.t and {having} offset 0) y"
    )


def probe(condition: Condition, arguments: Arguments) -> str:
    """Whether the candidate p meets the condition."""
    if isinstance(condition, Missing):
        h, q = arguments.add(condition.key[0], "int8"), arguments.add(condition.key[1], "int4")
        return f"not exists (select from posting t where t.tenant_id = g.t and t.h = {h} and t.q = {q} and {_HERE} offset 0)"
    table = TABLES[type(condition)]
    source = arguments.table(rows(condition), "v", table.columns)
    having = where(table.probe, "t", condition, arguments)
    return (
        f"exists (select from {source} cross join lateral (select from {table.name} t "
        f"where t.tenant_id = g.t and {having} offset 0) y offset 0)"
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST: Final = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def _instants(interval: Interval) -> tuple[datetime, datetime]:
    """An interval in µs as times; what no clock has shown is cut off."""
    low, high = (_EPOCH + timedelta(microseconds=min(max(one, _FIRST), _LAST)) for one in interval)
    return low, high
