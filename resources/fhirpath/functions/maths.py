"""Numbers; exact as far as 34 digits go. https://hl7.org/fhirpath/N1/#math"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from ..arithmetic import EXACT, MATHS, number
from ..evaluation import Collection, Evaluation, described
from ..faults import Unevaluable
from ..quantities import Quantity
from .calls import Function, on_value

_LARGEST_EXPONENT = 10_000


def _number(value: Any, name: str) -> int | Decimal:
    if type(value) is int or type(value) is Decimal:
        return value
    raise Unevaluable(f"{name}() needs a number and was given {described(value)}.")


def _on_number(name: str, calculate: Callable[..., int | Decimal | None], least: int = 0, most: int = 0) -> Function:
    def calculated(env: Evaluation, value: Any, *arguments: Any) -> Collection | None:
        found = calculate(_number(value, name), *(_number(one, name) for one in arguments))
        return None if found is None else number(found)

    return on_value(calculated, least, most)


def _abs(env: Evaluation, value: Any) -> Any:
    if type(value) is Quantity:
        return Quantity(value.value.copy_abs(), value.unit)
    return value.copy_abs() if type(value) is Decimal else abs(_number(value, "abs"))


def _exp(value: int | Decimal) -> Decimal:
    return MATHS.exp(Decimal(value))


def _ln(value: int | Decimal) -> Decimal | None:
    return MATHS.ln(Decimal(value)) if value > 0 else None


def _log(value: int | Decimal, base: int | Decimal) -> Decimal | None:
    if value <= 0 or base <= 0 or base == 1:
        return None
    found = MATHS.divide(MATHS.ln(Decimal(value)), MATHS.ln(Decimal(base)))
    rounded = found.quantize(Decimal("1e-20"), context=MATHS).normalize()  # so that the logarithm of 16 to 2 is 4
    return rounded if rounded.is_finite() else found


def _power(value: Any, exponent: Any) -> int | Decimal | None:
    if abs(exponent) > _LARGEST_EXPONENT:
        return None
    if type(value) is int and type(exponent) is int and exponent >= 0:
        return None if exponent * value.bit_length() > 64 and abs(value) > 1 else int(value**exponent)
    found = MATHS.power(Decimal(value), Decimal(exponent))
    return found if found.is_finite() else None


def _round(value: int | Decimal, digits: int | Decimal = 0) -> int | Decimal:
    if type(digits) is not int or not 0 <= digits <= 400:
        raise Unevaluable("round() needs a number of digits from 0 to 400.")
    if type(value) is int:
        return value
    found = Decimal(value).quantize(Decimal(1).scaleb(-digits), context=EXACT)
    return found if found.is_finite() else value


def _truncate(value: int | Decimal) -> int:
    return int(value)


def _sqrt(value: int | Decimal) -> Decimal | None:
    return MATHS.sqrt(Decimal(value)) if value >= 0 else None


FUNCTIONS = {
    "abs": on_value(_abs),
    "ceiling": _on_number("ceiling", lambda value: int(Decimal(value).to_integral_value(ROUND_CEILING))),
    "exp": _on_number("exp", _exp),
    "floor": _on_number("floor", lambda value: int(Decimal(value).to_integral_value(ROUND_FLOOR))),
    "ln": _on_number("ln", _ln),
    "log": _on_number("log", _log, 1),
    "power": _on_number("power", _power, 1),
    "round": _on_number("round", _round, 0, 1),
    "sqrt": _on_number("sqrt", _sqrt),
    "truncate": _on_number("truncate", _truncate),
}
