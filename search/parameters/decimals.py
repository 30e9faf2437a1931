"""Decimals as sortable text, and where the ends of a stored range lie for a search with a prefix.

In code point order (collate "C") the texts stand as the numbers do, exact to the last digit. A range is half-open, "" and
"~" are its open ends, and a single number x reaches from text(x) to after(text(x)), before any greater number.
https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

from resources.exact import DIGITS

from ..escapes import prefixed

LOWEST: Final = ""  # before any number
HIGHEST: Final = "~"  # after any number

Box = tuple[str, str, str, str]  # (a, b, c, d): a ≤ lo < b and c < hi ≤ d
Number = int | Decimal

_FORM: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?", re.ASCII)
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")
_FAR: Final = 20  # exponents from here on are spelled out
_MIDDLE: Final = 50_000  # added to an exponent that is spelled out, in five digits
_EXACT: Final = Context(prec=6 * DIGITS, Emax=99_999, Emin=-99_999)
_ROUNDED: Final = Context(prec=34, rounding=ROUND_HALF_EVEN, Emax=99_999, Emin=-99_999)


def text(number: Number) -> str:
    """The number as sortable text: sign and exponent in one character, then the digits.

    Zero is O, positive numbers begin with P … x, negative ones with N … & and have their digits turned round."""
    written = str(number).partition("E")[0]
    digits = written.replace(".", "").lstrip("-0").rstrip("0")
    if not digits:
        return "O"
    exponent = number.adjusted() if isinstance(number, Decimal) else len(written.lstrip("-")) - 1
    if -_FAR < exponent < _FAR:
        step = exponent + _FAR
    else:
        step = 0 if exponent < 0 else 2 * _FAR
        digits = f"{exponent + _MIDDLE:05}{digits}"
    if written[0] == "-":
        return f"{chr(0x4E - step)}{digits.translate(_COMPLEMENT)}~"
    return chr(0x50 + step) + digits


def after(value: str) -> str:
    """The end of the range that only the number with that text is in."""
    return value + "!"


def rounded(number: Fraction) -> Decimal:
    """To 34 digits; two amounts that are equal in one unit are so in another, and none changes places."""
    return _ROUNDED.divide(Decimal(number.numerator), Decimal(number.denominator))


def scaled(number: Number, numerator: Decimal, denominator: Decimal) -> Decimal:
    """rounded(number × numerator / denominator) without fractions, for the way of every write."""
    return _ROUNDED.divide(_EXACT.multiply(Decimal(number), numerator), denominator)


def read(value: str) -> tuple[str, Decimal]:
    """Prefix ("" for none) and number of a search value. Raises ValueError for what is none."""
    prefix, form = prefixed(value)
    if len(form) > 2 * DIGITS or _FORM.fullmatch(form) is None:
        raise ValueError(value)
    number = Decimal(form)
    if number.adjusted() + 1 > DIGITS or -exponent_of(number) > DIGITS:
        raise ValueError(value)
    return prefix, number


def exponent_of(number: Decimal) -> int:
    """That of the last digit as written."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def boxes(prefix: str, low: str, high: str) -> Iterator[Box]:
    """Where the ends of a stored range must lie for the prefix, in one box or the other; the search value is [low, high).

    Not for ap, which is `overlap` of the widened range. The words of R4 as inequalities: search/parameters/date.py."""
    if prefix in ("eq", "ge", "le", ""):
        yield low, high, low, high
    if prefix in ("gt", "ge", "ne"):
        yield LOWEST, HIGHEST, high, HIGHEST
    if prefix in ("lt", "le", "ne"):
        yield LOWEST, low, LOWEST, HIGHEST
    if prefix == "sa":
        yield high, HIGHEST, LOWEST, HIGHEST
    if prefix == "eb":
        yield LOWEST, HIGHEST, LOWEST, low


def overlap(low: str, high: str) -> Box:
    return LOWEST, high, low, HIGHEST


def searched(prefix: str, number: Decimal, convert: Callable[[Decimal], Decimal] = lambda end: end) -> tuple[Box, ...]:
    """The boxes of a search value, of which a stored range must be in one.

    eq, ne and ap take the number as precisely as it is written, half a unit of the last digit; the others
    take it exactly. No integer lies in the range of a number with decimals other than zeros.
    convert: the ends into the unit of what is stored; it must keep their order."""
    if prefix not in ("", "eq", "ne", "ap"):
        point = text(convert(number))
        return tuple(boxes(prefix, point, after(point)))
    half = Decimal((0, (5,), exponent_of(number) - 1))
    low, high = _EXACT.subtract(number, half), _EXACT.add(number, half)
    if prefix == "ap":
        tenth = _EXACT.scaleb(abs(number), -1)
        return (overlap(text(convert(_EXACT.subtract(low, tenth))), text(convert(_EXACT.add(high, tenth)))),)
    return tuple(boxes(prefix, text(convert(low)), text(convert(high))))
