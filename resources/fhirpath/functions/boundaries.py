"""How precise a value is, and the least and greatest that it may stand for.

https://build.fhir.org/ig/HL7/FHIRPath/#boundary-functions: of a later version of FHIRPath, as the tests of R4 have them
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from .. import quantities
from ..arithmetic import EXACT
from ..evaluation import EMPTY, Code, Collection, Evaluation, described, giving_items, single, whole
from ..faults import Unevaluable
from ..moments import Moment, last_day
from ..quantities import Quantity
from .calls import Arguments, Function, on_value

_MOST_DIGITS = 28
_DAYS = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 6}  # digits written → parts
_CLOCK = {2: 1, 4: 2, 6: 3, 9: 3}
_EARLIEST, _LATEST = 14 * 60, -12 * 60  # zones where a day begins first and ends last


def _boundary(call: Arguments) -> Code:
    source, what = call.of.items, f"{call.name}()"
    precision = call.codes[0].items if call.codes else None
    high = call.name == "highBoundary"

    def boundary(env: Evaluation, this: Collection) -> Collection:
        value = single(source(env, this), what)
        digits = whole(precision(env, this), what) if precision is not None else None
        if value is None or (precision is not None and digits is None):
            return EMPTY
        found = _of(value, digits, high)
        return EMPTY if found is None else [found]

    return giving_items(boundary, what)


def _of(value: Any, digits: int | None, high: bool) -> Any:
    if type(value) in (int, Decimal):
        return _of_number(Decimal(value), 8 if digits is None else digits, high)
    if type(value) is Quantity:
        number = _of_number(value.value, 8 if digits is None else digits, high)
        return None if number is None else Quantity(number, value.unit)
    if type(value) is Moment:
        return _of_time(value, digits, high) if value.kind == "Time" else _of_moment(value, digits, high)
    raise Unevaluable(f"{'highBoundary' if high else 'lowBoundary'}() has no answer for {described(value)}.")


def _of_number(value: Decimal, digits: int, high: bool) -> Decimal | None:
    if not 0 <= digits <= _MOST_DIGITS:
        return None
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(min(exponent, 0) - 1)
    moved = EXACT.add(value, half if high else -half)
    found = moved.quantize(Decimal(1).scaleb(-digits), ROUND_CEILING if high else ROUND_FLOOR, context=EXACT)
    return found if found.is_finite() else None


def _of_moment(value: Moment, digits: int | None, high: bool) -> Moment | None:
    if digits is None:
        digits = 8 if value.kind == "Date" else 17
    count = _DAYS.get(digits)
    if count is None or (value.kind == "Date" and count > 3):
        return None
    parts = list(value.parts)
    if len(parts) == 4:  # R4 knows no hours without minutes
        parts.append(0)
    if len(parts) < 2:
        parts.append(12 if high else 1)
    if len(parts) < 3:
        parts.append(last_day(int(parts[0]), int(parts[1])) if high else 1)
    kind, zone = value.kind, value.zone
    if count > 3:
        kind = "DateTime"
        parts = _filled(parts, 3, high)
        zone = zone if zone is not None else _LATEST if high else _EARLIEST
    if count <= 3:
        zone = None
    return Moment(kind, tuple(parts[:count]), zone)


def _of_time(value: Moment, digits: int | None, high: bool) -> Moment | None:
    count = _CLOCK.get(9 if digits is None else digits)
    return None if count is None else Moment("Time", tuple(_filled(list(value.parts), 0, high)[:count]))


def _filled(parts: list[int | Decimal], days: int, high: bool) -> list[int | Decimal]:
    """With hour, minute and second to the millisecond."""
    parts = [*parts, *(most if high else 0 for most in (23, 59)[max(len(parts) - days, 0) :])]
    if len(parts) == days + 2:
        return [*parts, Decimal("59.999" if high else "0.000")]
    second = Decimal(parts[-1])
    if second == second.to_integral_value() and second.as_tuple().exponent == 0:
        return [*parts[:-1], second + Decimal("0.999" if high else "0.000")]
    return [*parts[:-1], second.quantize(Decimal("0.001"), context=EXACT)]


def _precision(env: Evaluation, value: Any) -> int | None:
    if type(value) is Decimal:
        exponent = value.as_tuple().exponent
        return max(-exponent, 0) if isinstance(exponent, int) else None
    if type(value) is int:
        return 0
    if type(value) is not Moment:
        return None
    widths = {1: 2, 2: 4, 3: 6} if value.kind == "Time" else {1: 4, 2: 6, 3: 8, 4: 10, 5: 12, 6: 14}
    fraction = len(value.parts) == max(widths) and "." in str(value.parts[-1])
    return widths[len(value.parts)] + (3 if fraction else 0)


def _comparable(env: Evaluation, value: Any, other: Any) -> bool:
    if type(value) is not Quantity or type(other) is not Quantity:
        return False
    _, kind = quantities.comparable(value, env.outside.canonical)
    _, of = quantities.comparable(other, env.outside.canonical)
    return kind == of


FUNCTIONS = {
    "lowBoundary": Function(_boundary, 0, 1),
    "highBoundary": Function(_boundary, 0, 1),
    "precision": on_value(_precision),
    "comparable": on_value(_comparable, 1),
}
