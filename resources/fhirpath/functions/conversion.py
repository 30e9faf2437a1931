"""From one System type to another, and whether that can be done. https://hl7.org/fhirpath/N1/#conversion"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .. import moments, quantities
from ..arithmetic import HIGHEST, MATHS
from ..evaluation import EMPTY, Code, Collection, Evaluation, giving_items, giving_truth, many, plain, single
from ..moments import Moment
from ..quantities import CALENDAR, Quantity
from .calls import Arguments, Function

_INTEGER = re.compile(r"[+-]?\d{1,11}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d{1,400}(?:\.\d{1,400})?)\s*(?:'([^']+)'|([a-zA-Z]+))?", re.ASCII)
_TRUE = {"true", "t", "yes", "y", "1", "1.0"}
_FALSE = {"false", "f", "no", "n", "0", "0.0"}


def to_boolean(value: Any) -> bool | None:
    if type(value) is bool:
        return value
    if type(value) in (int, Decimal):
        return True if value == 1 else False if value == 0 else None
    if type(value) is str:
        return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    return None


def to_integer(value: Any) -> int | None:
    if type(value) in (int, bool):
        return int(value)
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value) if -HIGHEST - 1 <= int(value) <= HIGHEST else None
    return None


def to_decimal(value: Any) -> Decimal | None:
    if type(value) is bool:
        return Decimal("1.0" if value else "0.0")
    if type(value) in (int, Decimal):
        return Decimal(value)
    return Decimal(value) if type(value) is str and _DECIMAL.fullmatch(value) else None


def to_string(value: Any) -> str | None:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is Decimal:
        return f"{value:f}"
    return str(value) if type(value) in (str, int, Moment, Quantity) else None


def to_date(value: Any) -> Moment | None:
    read = moments.read(value) if type(value) is str else value
    if type(read) is not Moment or read.kind == "Time":
        return None
    return Moment("Date", read.parts[:3])


def to_date_time(value: Any) -> Moment | None:
    read = moments.read(value) if type(value) is str else value
    if type(read) is not Moment or read.kind == "Time":
        return None
    return read._replace(kind="DateTime")


def to_time(value: Any) -> Moment | None:
    read = moments.read_time(value) if type(value) is str else value
    return read if type(read) is Moment and read.kind == "Time" and read.zone is None else None


def to_quantity(value: Any) -> Quantity | None:
    if type(value) is Quantity:
        return value
    if type(value) is str:
        written = _QUANTITY.fullmatch(value)
        if written is None:
            return None
        number, unit, word = written.groups()
        if word is not None and word not in CALENDAR:
            return None
        return Quantity(Decimal(number), unit or (CALENDAR[word] if word else "1"))
    number = to_decimal(value)
    return None if number is None else Quantity(number, "1")


def _in_unit(env: Evaluation, quantity: Quantity, unit: str) -> Quantity | None:
    wanted = CALENDAR.get(unit, unit)
    if wanted == quantity.unit:
        return quantity
    one, kind = quantities.comparable(quantity, env.outside.canonical)
    other, of = quantities.comparable(Quantity(Decimal(1), wanted), env.outside.canonical)
    if kind != of:
        return None
    converted: Fraction = one / other
    return Quantity(MATHS.divide(converted.numerator, converted.denominator), wanted)


def _converted(call: Arguments, convert: Callable[[Any], Any]) -> Callable[[Evaluation, Collection], Any]:
    source, what = call.of.items, f"{call.name}()"
    unit = call.codes[0].items if call.codes else None

    def converted(env: Evaluation, this: Collection) -> Any:
        """The converted value; EMPTY where there is nothing to convert, None where it cannot be."""
        found = source(env, this)
        if not found:
            return EMPTY
        if len(found) > 1:
            raise many(found, what)
        given = plain(found[0])
        if type(given) is str:
            env.spend(len(given) >> 5)
        value = convert(given)
        if unit is None or value is None:
            return value
        wanted = single(unit(env, this), what)
        return value if wanted is None else _in_unit(env, value, str(wanted))

    return converted


def _to(convert: Callable[[Any], Any], most: int = 0) -> Function:
    def build(call: Arguments) -> Code:
        converted = _converted(call, convert)

        def made(env: Evaluation, this: Collection) -> Collection:
            value = converted(env, this)
            return EMPTY if value is None or value is EMPTY else [value]

        return giving_items(made, f"{call.name}()")

    return Function(build, 0, most)


def _converts_to(convert: Callable[[Any], Any], most: int = 0) -> Function:
    def build(call: Arguments) -> Code:
        converted = _converted(call, convert)

        def converts(env: Evaluation, this: Collection) -> bool | None:
            value = converted(env, this)
            return None if value is EMPTY else value is not None

        return giving_truth(converts)

    return Function(build, 0, most)


def _iif(call: Arguments) -> Code:
    """Only the branch that is taken is evaluated."""
    source, criterion, then = call.of.items, call.codes[0].truth, call.codes[1].items
    otherwise = call.codes[2].items if len(call.codes) > 2 else None

    def chosen(env: Evaluation, this: Collection) -> Collection:
        item = source(env, this)
        if len(item) > 1:
            raise many(item, "iif()")
        if criterion(env, item):
            return then(env, item)
        return otherwise(env, item) if otherwise is not None else EMPTY

    return giving_items(chosen, "iif()")


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": to_boolean, "Integer": to_integer, "Decimal": to_decimal, "String": to_string,
    "Date": to_date, "DateTime": to_date_time, "Time": to_time, "Quantity": to_quantity,
}  # fmt: skip

FUNCTIONS = {
    "iif": Function(_iif, 2, 3),
    **{f"to{name}": _to(convert, name == "Quantity") for name, convert in _CONVERSIONS.items()},
    **{f"convertsTo{name}": _converts_to(convert, name == "Quantity") for name, convert in _CONVERSIONS.items()},
}
