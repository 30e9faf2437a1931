"""Orders of a result: what `_sort` asks for, as SQL over candidates.

The order is total: after its keys come the primary date and the resource itself. Resources without a value come last in
both directions; of several values the least counts ascending and the greatest descending. References have no order of
their own: those to the same resource lie together. Quantities lie together by unit.
https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from resources.outcome import NotSupported
from resources.store import NO_DATE

from .conditions import Condition, Keys, Not, Or
from .parameter import ANY, EARLIER, LATER, Parameter
from .parameters.tables import Arguments


@dataclass(frozen=True, slots=True)
class Walk:
    """How the values of a kind of key are read in their order: rows of a table by an index."""

    table: str
    value: tuple[str, ...]  # columns of the value in the order of the index
    sql_type: tuple[str, ...]
    of: str  # which rows {t} are of the parameter v (type, number, q)
    branches: tuple[str, ...] = ("true",)  # parts of the table, each with an index of its own


WALKS: Final = {
    "string": Walk("str", ("v",), ("text",), "{t}.rtype = v.type and {t}.param = v.number"),
    "uri": Walk("uri", ("v",), ("text",), "{t}.rtype = v.type and {t}.param = v.number"),
    "date": Walk("dat", ("lo",), ("int8",), "{t}.rtype = v.type and {t}.param = v.number and {t}.param > 0"),
    "quantity": Walk(
        "qty",
        ("u", "clo"),
        ("int4", "text"),
        "{t}.rtype = v.type and {t}.param = v.number and {t}.k = 0",
        ("not {t}.wide", "{t}.wide"),
    ),
    "reference": Walk("posting", ("h",), ("int8",), "{t}.q = v.q and {t}.q < 0"),
    "primary": Walk(
        "resource", ("s",), ("int8",), f"{{t}}.rtype = v.type and {{t}}.deleted = false and {{t}}.s > {NO_DATE}"
    ),
    "id": Walk("resource", ("id",), ("text",), "{t}.rtype = v.type and {t}.deleted = false"),
    "updated": Walk("resource", ("lu",), ("timestamptz",), "{t}.rtype = v.type and {t}.deleted = false"),
    # h behind the code, since codes are kept without case and may be of two keys.
    "token": Walk(
        "code", ("code", "h"), ("text", "int8"), f"{{t}}.rtype = v.type and {{t}}.param = v.number and {{t}}.q = {ANY}"
    ),
}


_DATES_INSIDE: Final = Walk("contained", ("s",), ("int8",), f"{{t}}.rtype = v.type and {{t}}.s > {NO_DATE}")
_COLUMNS: Final = {"_id": "id", "_lastUpdated": "updated"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order: a kind of WALKS or "primary", with the parameter on each type that is searched."""

    kind: str
    rows: tuple[tuple[int, int, int], ...]  # (type, number, q of references)
    descending: bool
    absent: Condition | None = None  # what a resource without a value meets; None where all have one

    @property
    def walk(self) -> Walk:
        return _DATES_INSIDE if self.kind == "primary" and self.inside else WALKS[self.kind]

    @property
    def inside(self) -> bool:
        """Of contained resources."""
        return self.rows[0][0] < 0

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(Column, SQL type) of the value."""
        return tuple(zip(self.walk.value, self.walk.sql_type, strict=True))


@dataclass(frozen=True, slots=True)
class Order:
    """Keys, then the primary date and the resource: newest first unless ascending."""

    keys: tuple[Key, ...] = ()
    ascending: bool = False  # the direction of ties; without keys: oldest first, and resources without a date last


NEWEST: Final = Order()


def by(keys: tuple[Key, ...]) -> Order:
    """The order by some keys; ties stand in the direction of the index that the walk by the first one reads."""
    return Order(keys, natural(keys[0]))


def natural(key: Key) -> bool:
    """Whether ties ascend in the index of the key; codes have their newest resources first."""
    return not key.descending and key.kind != "token"


def key(parameters: Sequence[Parameter], descending: bool) -> Key:
    """The key of a parameter, given on each type that is searched.

    Raises NotSupported where the types keep its values in different ways, or contained resources have none."""
    first = parameters[0]
    rows = tuple((one.type_number, one.number, one.pointing) for one in parameters)
    kinds = {_kind(one) for one in parameters}
    if len(kinds) > 1:
        names = ", ".join(one.resource_type for one in parameters)
        raise NotSupported(f"_sort={first.code}: {names} cannot be sorted by it together; search them one by one.")
    [kind] = kinds
    if kind in ("id", "updated"):
        if first.contained:
            raise NotSupported(f"_sort={first.code}: contained resources have none of their own.")
        return Key(kind, rows, descending)
    if kind == "primary":
        return Key(kind, rows, descending)
    absent: list[Condition] = [Not(Keys(tuple(one.present for one in parameters)))]
    if first.definition.type in ("token", "reference"):
        absent.append(Keys(tuple((one.key(""), LATER) for one in parameters), 0))
    return Key(kind, rows, descending, absent[0] if len(absent) == 1 else Or(tuple(absent)))


def _kind(parameter: Parameter) -> str:
    if parameter.code in _COLUMNS:
        return _COLUMNS[parameter.code]
    if parameter.primary:
        return "primary"
    kind = parameter.definition.type
    if kind == "token":
        return "token" if parameter.coded else "string"
    return "quantity" if kind == "number" else kind


def values(key: Key, candidate: str, arguments: Arguments) -> str:
    """The columns of a candidate's value, null where it has none: a lateral select of one row."""
    if key.kind == "primary":
        return f"select nullif({candidate}.s, {NO_DATE}) as s"
    walk = key.walk
    columns = ", ".join(f"t.{column}" for column in walk.value)
    direction = " desc" if key.descending else ""
    ordered = ", ".join(f"t.{column}{direction}" for column in walk.value)
    if key.kind in ("id", "updated"):
        return f"select {columns} from resource t where t.tenant_id = g.t and t.rid = {candidate}.rid offset 0"
    source = _source(key, arguments)
    if key.kind == "token":  # the dictionary's entries for the postings that were kept with the resource
        kept = "contained" if key.inside else "resource"
        found = (
            f"select {columns} from {source} cross join lateral (select unnest(r.keys) as h from {kept} r "
            f"where r.tenant_id = g.t and r.rid = {candidate}.rid offset 0) r "
            f"cross join lateral (select t.code, t.h from code t where t.tenant_id = g.t and t.h = r.h and t.q = {ANY} "
            "and t.rtype + 0 = v.type and t.param + 0 = v.number offset 0) t"
        )
    else:
        # By the resource alone: whatever would lead into the index by value is left out.
        here = "t.q = v.q and t.q < 0" if key.kind == "reference" else "t.param = v.number"
        plain = " and t.k = 0" if key.kind == "quantity" else ""
        found = (
            f"select {columns} from {source} cross join lateral (select t.* from {walk.table} t "
            f"where t.tenant_id = g.t and t.rid = {candidate}.rid and {here}{plain} offset 0) t"
        )
    nothing = ", ".join(f"null::{kind} as {column}" for column, kind in key.columns)
    return f"(select {columns} from ({found}) t order by {ordered} limit 1) union all select {nothing} limit 1"


def _source(key: Key, arguments: Arguments) -> str:
    return arguments.table(key.rows, "v", {"type": "int2", "number": "int2", "q": "int4"})


def not_first(key: Key, arguments: Arguments) -> str:
    """Of a row k in the walk: whether its resource was or will be there with another value that counts."""
    walk = key.walk
    if walk.table in ("resource", "contained"):
        return "false"
    columns = ", ".join(f"o.{column}" for column in walk.value)
    mine = ", ".join(f"k.{column}" for column in walk.value)
    sign = ">" if key.descending else "<"
    if key.kind == "reference":
        return (
            "exists (select from posting o where o.tenant_id = g.t and o.rid = k.rid and o.q = k.q and o.q < 0 "
            f"and ({columns}) {sign} ({mine}) offset 0)"
        )
    plain = " and o.k = 0" if key.kind == "quantity" else ""
    return (  # of two equal values one counts
        f"exists (select from {walk.table} o where o.tenant_id = g.t and o.rid = k.rid and o.param = k.param{plain} "
        f"and (({columns}) {sign} ({mine}) or (({columns}) = ({mine}) and o.ctid < k.ctid)) offset 0)"
    )


def other_end(key: Key) -> int:
    """The q of the postings of codes that are not the one that counts."""
    return EARLIER if key.descending else LATER


def text(order: Order, alias: str, backward: bool) -> str:
    """ORDER BY over the columns k1, k2 …, s and rid of the alias."""
    if not order.keys:
        if not order.ascending:
            direction = "" if backward else " desc"
            return f"{alias}.s{direction}, {alias}.rid{direction}"
        if backward:
            return f"{alias}.s <> {NO_DATE}, {alias}.s desc, {alias}.rid desc"
        return f"{alias}.s = {NO_DATE}, {alias}.s, {alias}.rid"
    parts = []
    n = 0
    for one in order.keys:
        for _ in one.columns:
            n += 1
            direction = "desc" if one.descending != backward else "asc"
            nulls = "first" if backward else "last"
            parts.append(f"{alias}.k{n} {direction} nulls {nulls}")
    tie = "asc" if order.ascending != backward else "desc"
    return ", ".join([*parts, f"{alias}.s {tie}", f"{alias}.rid {tie}"])


def beyond(order: Order, place: Sequence[Any], alias: str, backward: bool, arguments: Arguments) -> str:
    """Whether the row of the alias comes after (before, if backward) the place: values of all columns, s and rid."""
    columns = [(one.descending, kind) for one in order.keys for _, kind in one.columns]
    tie = not order.ascending
    names = [(f"{alias}.k{n}", descending, kind) for n, (descending, kind) in enumerate(columns, 1)]
    names += [(f"{alias}.s", tie, "int8"), (f"{alias}.rid", tie, "int8")]
    text = "false"
    for (name, descending, kind), value in reversed(list(zip(names, place, strict=True))):
        given = arguments.add(value, kind)
        sign = ">" if descending == backward else "<"
        further = f"{name} {sign} {given}"
        # What has no value comes last.
        further = (
            f"(({further}) is true or ({name} is not null and {given} is null))"
            if backward
            else f"(({further}) is true or ({name} is null and {given} is not null))"
        )
        text = f"({further} or ({name} is not distinct from {given} and {text}))"
    return text
