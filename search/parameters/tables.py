"""The SQL of conditions: where the index rows of one are found, and how a candidate is probed for it.

A probe is fenced (`offset 0`) so that the planner does not join it, and knows the candidate p by (s, rid).
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def table(self, rows: Sequence[Sequence[Any]], alias: str, columns: dict[str, str]) -> str:
        """Rows as `unnest(arrays) alias(columns)`."""
        arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        placeholders = [self.add(array, f"{kind}[]") for array, kind in zip(arrays, columns.values(), strict=True)]
        return f"unnest({', '.join(placeholders)}) {alias}({', '.join(columns)})"


def found(condition: Condition, arguments: Arguments) -> str:
    """Rows (s, rid) of all index rows of one condition, unordered; a resource may be there twice."""
    if isinstance(condition, Keys):
        source = arguments.table(condition.keys, "v", {"h": "int8", "q": "int4"})
        return _lateral(source, "posting", "t.h = v.h and t.q = v.q")
    if isinstance(condition, (Exact, Uris)):
        table, columns, where = by_text(condition, "t", "v", arguments)
        values = condition.values if isinstance(condition, Exact) else [(value,) for value in condition.values]
        return _lateral(arguments.table(values, "v", columns), table, where)
    if isinstance(condition, Strings):
        where = _of_parameter(condition, arguments)
        source = arguments.table(condition.ranges, "v", {"lo": "text", "hi": "text"})
        return _lateral(source, "str", f"{where} and t.v >= v.lo and t.v < v.hi")
    if isinstance(condition, Dates):
        return _found_dates(condition, arguments)
    if isinstance(condition, Updated):
        kind = arguments.add(condition.type_number, "int2")
        source = arguments.table(
            [_instants(one) for one in condition.intervals], "v", {"lo": "timestamptz", "hi": "timestamptz"}
        )
        return _lateral(source, "resource", f"t.rtype = {kind} and t.deleted = false and t.lu >= v.lo and t.lu <= v.hi")
    assert isinstance(condition, Ids)
    kind = arguments.add(condition.type_number, "int2")
    source = arguments.table(condition.ids, "v", {"skey": "int8", "id": "text"})
    return _lateral(source, "resource", f"t.skey = v.skey and t.rtype = {kind} and t.id = v.id and t.deleted = false")


def _found_dates(condition: Dates, arguments: Arguments) -> str:
    """Each box by the index of the end that bounds it."""
    parameter = _of_parameter(condition, arguments) + " and t.param > 0"
    by_lo = [box for box in condition.boxes if box[1] < LATEST or box[0] > EARLIEST]
    by_hi = [(c, d) for a, b, c, d in condition.boxes if (a, b) == (EARLIEST, LATEST)]
    found = []
    if by_lo or not by_hi:
        source = arguments.table(by_lo, "v", {"a": "int8", "b": "int8", "c": "int8", "d": "int8"})
        found.append(
            _lateral(source, "dat", f"{parameter} and t.lo >= v.a and t.lo <= v.b and t.hi >= v.c and t.hi <= v.d")
        )
    if by_hi:
        source = arguments.table(by_hi, "v", {"c": "int8", "d": "int8"})
        found.append(_lateral(source, "dat", f"{parameter} and t.hi >= v.c and t.hi <= v.d"))
    return " union all ".join(found)


def _lateral(source: str, table: str, where: str) -> str:
    return (
        f"select y.s, y.rid from {source} cross join lateral (select t.s, t.rid from {table} t "
        f"where t.tenant_id = g.t and {where} offset 0) y"
    )


def _of_parameter(condition: Exact | Uris | Strings | Dates, arguments: Arguments, alias: str = "t") -> str:
    return (
        f"{alias}.rtype = {arguments.add(condition.type_number, 'int2')} "
        f"and {alias}.param = {arguments.add(condition.number, 'int2')}"
    )


def by_text(condition: Exact | Uris, alias: str, values: str, arguments: Arguments) -> tuple[str, dict[str, str], str]:
    """Table, columns of the values and condition of an equality of texts."""
    where = f"{_of_parameter(condition, arguments, alias)} and {alias}.v = {values}.v"
    if isinstance(condition, Exact):
        return "str", {"v": "text", "x": "int8"}, f"{where} and {alias}.x = {values}.x"
    return "uri", {"v": "text"}, where


def probe(condition: Condition, arguments: Arguments) -> str:
    """Whether the candidate p meets the condition."""
    if isinstance(condition, Missing):
        h, q = arguments.add(condition.key[0], "int8"), arguments.add(condition.key[1], "int4")
        where = f"t.tenant_id = g.t and t.h = {h} and t.q = {q} and t.s = p.s and t.rid = p.rid"
        return f"not exists (select from posting t where {where} offset 0)"
    if isinstance(condition, Keys):
        source = arguments.table(condition.keys, "v", {"h": "int8", "q": "int4"})
        return _exists(source, "posting", "t.h = v.h and t.q = v.q and t.s = p.s and t.rid = p.rid")
    if isinstance(condition, (Exact, Uris)):
        table, columns, where = by_text(condition, "t", "v", arguments)
        values = condition.values if isinstance(condition, Exact) else [(value,) for value in condition.values]
        return _exists(arguments.table(values, "v", columns), table, f"{where} and t.s = p.s and t.rid = p.rid")
    if isinstance(condition, Strings):
        number = arguments.add(condition.number, "int2")
        source = arguments.table(condition.ranges, "v", {"lo": "text", "hi": "text"})
        return _exists(source, "str", f"t.rid = p.rid and t.param = {number} and t.v >= v.lo and t.v < v.hi")
    if isinstance(condition, Dates):
        number = arguments.add(condition.number, "int2")
        source = arguments.table(condition.boxes, "v", {"a": "int8", "b": "int8", "c": "int8", "d": "int8"})
        inside = "t.lo >= v.a and t.lo <= v.b and t.hi >= v.c and t.hi <= v.d"
        return _exists(source, "dat", f"t.rid = p.rid and t.param = {number} and {inside}")
    if isinstance(condition, Updated):
        source = arguments.table(
            [_instants(one) for one in condition.intervals], "v", {"lo": "timestamptz", "hi": "timestamptz"}
        )
        return _exists(source, "resource", "t.rid = p.rid and t.lu >= v.lo and t.lu <= v.hi")
    assert isinstance(condition, Ids)
    source = arguments.table(condition.ids, "v", {"skey": "int8", "id": "text"})
    return _exists(source, "resource", "t.rid = p.rid and t.skey = v.skey and t.id = v.id")


def _exists(source: str, table: str, where: str) -> str:
    return (
        f"exists (select from {source} cross join lateral (select from {table} t "
        f"where t.tenant_id = g.t and {where} offset 0) y offset 0)"
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS: Final = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def _instants(interval: Interval) -> tuple[datetime, datetime]:
    """An interval in µs as times; what no clock has shown is cut off."""
    first, last = ((one - _EPOCH) // timedelta(microseconds=1) for one in _ALWAYS)
    low, high = (_EPOCH + timedelta(microseconds=min(max(one, first), last)) for one in interval)
    return low, high
