"""The operators + - * / div mod & and the sign. https://hl7.org/fhirpath/N1/#math"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from . import moments
from .evaluation import EMPTY, LONGEST, Collection, Evaluation, Items, described, many, plain, single, text
from .faults import Unevaluable
from .moments import Moment
from .nodes import Node
from .operators import as_quantity
from .quantities import AS_CALENDAR, CALENDAR, Quantity, comparable

# What cannot be calculated is no number, and nothing is given for it: no traps.
MATHS = Context(prec=34, rounding=ROUND_HALF_UP, Emin=-500, Emax=500, traps=[])  # 28 digits are asked for
EXACT = Context(prec=800, rounding=ROUND_HALF_UP, Emin=-500, Emax=500, traps=[])  # sums and products of JSON's numbers
HIGHEST = 2**31 - 1
_NUMBERS = (int, Decimal)


def number(value: int | Decimal) -> Collection:
    """A result; nothing if it is beyond what an Integer or a Decimal holds. https://hl7.org/fhirpath/N1/#math"""
    if type(value) is int:
        return [value] if -HIGHEST - 1 <= value <= HIGHEST else EMPTY
    return [value] if Decimal(value).is_finite() and Decimal(value).adjusted() < 400 else EMPTY


def sign(operator: str, operand: Items) -> Items:
    def signed(env: Evaluation, this: Collection) -> Collection:
        found = operand(env, this)
        value = single(found, operator)
        if value is None and not found:
            return EMPTY
        if type(value) not in (int, Decimal, Quantity):
            raise Unevaluable(f"{operator} needs a number and was given {described(found[0])}.")
        if operator == "+":
            return [value]
        if type(value) is int:
            return [-value]
        if type(value) is Decimal:
            return [value.copy_negate()]
        return [Quantity(value.value.copy_negate(), value.unit)]

    return signed


def operation(operator: str, left: Items, right: Items) -> Items:
    calculate = _OPERATIONS[operator]

    def operated(env: Evaluation, this: Collection) -> Collection:
        one, other = left(env, this), right(env, this)
        if len(one) > 1 or len(other) > 1:
            raise many(one if len(one) > 1 else other, operator)
        if operator == "&":
            return [_joined(env, text(one, "&") or "", text(other, "&") or "")]
        if not one or not other:
            return EMPTY
        a, b = plain(one[0]), plain(other[0])
        if (a is None and _lacks_value(one[0])) or (b is None and _lacks_value(other[0])):
            return EMPTY
        found = calculate(env, a, b)
        if found is None:
            a, b = one[0] if a is None else a, other[0] if b is None else b
            raise Unevaluable(f"{operator} cannot be used on {described(a)} and {described(b)}.")
        return found

    return operated


def _lacks_value(item: Any) -> bool:
    return type(item) is Node and (not item.shape.is_complex or "Quantity" in item.shape.lineage)


def _joined(env: Evaluation, one: str, other: str) -> str:
    env.spend((len(one) + len(other)) >> 4)
    if len(one) + len(other) > LONGEST:
        raise Unevaluable(f"An expression makes strings of up to {LONGEST} characters only.")
    return one + other


def _plus(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) is str and type(b) is str:
        return [_joined(env, a, b)]
    if type(a) is Moment and type(b) is Quantity:
        return _later(a, b, 1)
    return _sum(env, a, b, 1)


def _minus(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) is Moment and type(b) is Quantity:
        return _later(a, b, -1)
    return _sum(env, a, b, -1)


def _sum(env: Evaluation, a: Any, b: Any, factor: int) -> Collection | None:
    if type(a) is int and type(b) is int:
        return number(a + factor * b)
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return number(EXACT.add(a, EXACT.multiply(factor, b)))
    one, other = as_quantity(a), as_quantity(b)
    if one is None or other is None:
        return None
    if one.unit != other.unit:
        first, kind = comparable(one, env.outside.canonical)
        second, of = comparable(other, env.outside.canonical)
        if kind != of:
            return EMPTY
        total = first + factor * second
        return [Quantity(MATHS.divide(total.numerator, total.denominator), kind)]
    return [Quantity(EXACT.add(one.value, EXACT.multiply(factor, other.value)), one.unit)]


def _later(moment: Moment, quantity: Quantity, factor: int) -> Collection:
    unit = AS_CALENDAR.get(quantity.unit, CALENDAR.get(quantity.unit))
    if unit is None:
        raise Unevaluable(f"A date or time cannot be moved by {quantity.unit!r}; calendar units can: 1 month.")
    if moment.kind == "Time" and unit not in ("hour", "minute", "second", "millisecond"):
        raise Unevaluable(f"A time of day cannot be moved by a {unit}.")
    if abs(quantity.value) > 10**15:
        return EMPTY
    # Only seconds count in parts: https://hl7.org/fhirpath/N1/#datetime-arithmetic
    amount = quantity.value if unit in ("second", "millisecond") else Decimal(int(quantity.value))
    moved = moments.add(moment, factor * amount, unit)
    return EMPTY if moved is None else [moved]


def _times(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) is int and type(b) is int:
        return number(a * b)
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return number(EXACT.multiply(a, b))
    one, other = as_quantity(a), as_quantity(b)
    if one is None or other is None:
        return None
    units = [unit for unit in (one.unit, other.unit) if unit != "1"]
    unit = ".".join(f"({unit})" for unit in units) if len(units) > 1 else units[0] if units else "1"
    return _measured(EXACT.multiply(one.value, other.value), unit)


def _divide(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return number(MATHS.divide(a, b)) if b else EMPTY
    one, other = as_quantity(a), as_quantity(b)
    if one is None or other is None:
        return None
    if not other.value:
        return EMPTY
    unit = one.unit if other.unit == "1" else "1" if one.unit == other.unit else f"({one.unit})/({other.unit})"
    return _measured(MATHS.divide(one.value, other.value), unit)


def _measured(value: Decimal, unit: str) -> Collection:
    return [Quantity(value, unit)] if value.is_finite() and len(unit) < 200 else EMPTY


def _div(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) not in _NUMBERS or type(b) not in _NUMBERS:
        return None
    if not b:
        return EMPTY
    if type(a) is int and type(b) is int:
        return number(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))
    found = MATHS.divide_int(a, b)
    return number(int(found)) if found.is_finite() else EMPTY


def _mod(env: Evaluation, a: Any, b: Any) -> Collection | None:
    if type(a) not in _NUMBERS or type(b) not in _NUMBERS:
        return None
    if not b:
        return EMPTY
    if type(a) is int and type(b) is int:
        return number(abs(a) % abs(b) * (-1 if a < 0 else 1))
    return number(MATHS.remainder(a, b))


_OPERATIONS: dict[str, Callable[[Evaluation, Any, Any], Collection | None]] = {
    "+": _plus, "-": _minus, "*": _times, "/": _divide, "div": _div, "mod": _mod, "&": _plus,
}  # fmt: skip
