"""Numbers with a unit, calendar durations among them. https://hl7.org/fhirpath/N1/#quantity"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from .moments import MONTHS, SECONDS

CALENDAR = {word: one for one in (*MONTHS, *SECONDS) for word in (one, one + "s")}
# UCUM units that are exactly a calendar duration; a year and `a`, a month and `mo` are not the same.
AS_CALENDAR = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_ALIKE = {"a": "year", "mo": "month"}  # the same to ~ only

# The value in UCUM's base units, and which they are; None if the code is no UCUM unit.
Canonical = Callable[[Fraction, str], "tuple[Fraction, str] | None"]


class Quantity(NamedTuple):
    """A number with a UCUM unit ("mg") or a calendar duration ("day", in the singular)."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit if self.unit in CALENDAR else repr_unit(self.unit)}"


def repr_unit(unit: str) -> str:
    return "'" + unit.replace("\\", "\\\\").replace("'", "\\'") + "'"


def comparable(quantity: Quantity, canonical: Canonical | None, alike: bool = False) -> tuple[Fraction, str]:
    """The quantity in units that all of its kind share; equal second parts mean that the first can be compared."""
    unit = AS_CALENDAR.get(quantity.unit, quantity.unit)
    if alike:
        unit = _ALIKE.get(unit, unit)
    if unit in SECONDS:
        return Fraction(quantity.value) * Fraction(SECONDS[unit]), "s"
    if unit in MONTHS:
        return Fraction(quantity.value) * MONTHS[unit], "month"
    value = Fraction(quantity.value)
    if canonical is not None and (converted := canonical(value, unit)) is not None:
        return converted
    return value, unit


def compare(left: Quantity, right: Quantity, canonical: Canonical | None) -> int | None:
    """-1, 0 or 1; None if the units are of different kinds, or not known."""
    if left.unit == right.unit:
        one, other = Fraction(left.value), Fraction(right.value)
    else:
        one, kind = comparable(left, canonical)
        other, of = comparable(right, canonical)
        if kind != of:
            return None
    return (one > other) - (one < other)
