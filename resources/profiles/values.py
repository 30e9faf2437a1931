"""Values that a profile gives: whether an element has exactly a fixed value, fits a pattern, lies within bounds.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_,
https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_,
https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ..exact import encode
from ..fhirpath import Moment, Node, Outside, Quantity
from ..fhirpath import moments as dates
from ..fhirpath.evaluation import plain
from ..fhirpath.quantities import AS_CALENDAR, CALENDAR
from ..fhirpath.quantities import compare as compare_quantities
from .definition import Value

Spend = Callable[[int], None]  # counts work; raises TooCostly

OPEN: Final = "open"  # it cannot be told: an imprecise date, units of different kinds
_MOMENTS = {"date": dates.read, "dateTime": dates.read_date_time, "instant": dates.read_date_time}
_DURATIONS = {**{word: word.removesuffix("s") for word in CALENDAR}, **AS_CALENDAR, "a": "year", "mo": "month"}


def same(value: Any, fixed: Any) -> bool:
    """Whether two trees are the same: every member, id and extensions included; a number by its digits, 1.0 ≠ 1.00."""
    kind = type(fixed)
    if kind is str:
        return type(value) is str and value == fixed
    if kind is dict:
        return type(value) is dict and value.keys() == fixed.keys() and all(same(value[k], fixed[k]) for k in fixed)
    if kind is list:
        return type(value) is list and len(value) == len(fixed) and all(map(same, value, fixed))
    if kind is Decimal or kind is int:
        return (type(value) is Decimal or type(value) is int) and _digits(value) == _digits(fixed)
    return type(value) is kind and bool(value == fixed)


def _digits(number: int | Decimal) -> str:
    """As the number is stored: 1E+2 is written 100."""
    return format(number, "f") if type(number) is Decimal else str(number)


def is_fixed(node: Node, fixed: Any) -> bool:
    """Whether an element is exactly the fixed value: a primitive must then have neither id nor extensions."""
    return node.element is None and same(node.value, fixed)


def fits(value: Any, pattern: Any, spend: Spend) -> bool:
    """Whether all that the pattern has is in the value, too. Each item of an array fits at least one of the value's."""
    kind = type(pattern)
    if kind is dict:
        if type(value) is not dict:
            return False
        return all(key in value and fits(value[key], one, spend) for key, one in pattern.items())
    if kind is list:
        if type(value) is not list:
            return False
        if len(pattern) * len(value) > 1:
            spend(len(pattern) * len(value))
        return all(any(fits(item, one, spend) for item in value) for one in pattern)
    return same(value, pattern)


def order(node: Node, bound: Value, outside: Outside, sign: int) -> int | str | None:
    """-1, 0 or 1 as the element is below, at or above a bound; OPEN if that cannot be told, None if it has no value.

    A Quantity as the bound of a date is a time from now: sign 1 into the future, -1 into the past.
    """
    value, limit = plain(node), bound.value
    if value is None:
        return None
    read = _MOMENTS.get(node.type_name)
    if read is not None and type(limit) is dict:
        other: Any = _from_now(limit, outside, sign)
    elif type(limit) is dict:
        other = plain(Node(limit, None, node.shape))
    elif read is not None:
        other = read(limit) if type(limit) is str else None
    elif node.type_name == "time":
        other = dates.read_time(limit) if type(limit) is str else None
    else:
        other = limit
    return _compared(value, other, outside)


def _compared(value: Any, other: Any, outside: Outside) -> int | str:
    found: int | None = None
    if type(value) in (int, Decimal) and type(other) in (int, Decimal):
        found = (value > other) - (value < other)
    elif type(value) is Moment and type(other) is Moment:
        found = dates.compare(value, other)
    elif type(value) is Quantity and type(other) is Quantity:
        found = compare_quantities(value, other, outside.canonical)
    return OPEN if found is None else found


def _from_now(duration: dict[str, Any], outside: Outside, sign: int) -> Moment | None:
    amount: Any = duration.get("value")
    unit = _DURATIONS.get(duration.get("code") or duration.get("unit") or "")
    if type(amount) not in (int, Decimal) or unit is None:
        return None
    now = dates.from_datetime(outside.now or datetime.now(UTC))
    return dates.add(now, Decimal(amount) * sign, unit)


def shown(value: Any, most: int = 120) -> str:
    """A value in the words of an issue: its JSON, cut off where it is long."""
    text = encode(value).decode()
    return text if len(text) <= most else text[: most - 1] + "…"
