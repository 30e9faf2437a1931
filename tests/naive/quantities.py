"""Quantities: numbers with units, a dozen of which are known by their own small table.

https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from .ranges import FIRST, LAST, Bound, Range, number_meets, number_of, prefixed
from .text import split, unescape
from .values import Refused, Value

UCUM = "http://unitsofmeasure.org"
CURRENCIES = "urn:iso:std:iso:4217"

# Unit → (dimension, how much of the dimension's own unit it is). https://ucum.org/ucum, tables 1 to 10
MOLE = Fraction(60_221_367 * 10**16)  # of UCUM, where it is a number
UNITS: dict[str, tuple[str, Fraction]] = {
    "g": ("mass", Fraction(1)),
    "mg": ("mass", Fraction(1, 1000)),
    "kg": ("mass", Fraction(1000)),
    "[lb_av]": ("mass", Fraction(7000 * 6_479_891, 10**8)),  # 7000 grains of 64.79891 mg
    "m": ("length", Fraction(1)),
    "cm": ("length", Fraction(1, 100)),
    "[in_i]": ("length", Fraction(254, 10_000)),
    "km": ("length", Fraction(1000)),
    "[mi_i]": ("length", Fraction(1_609_344, 1000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "h": ("time", Fraction(3600)),
    "d": ("time", Fraction(86400)),
    "a": ("time", Fraction(36525 * 864)),
    "mL": ("volume", Fraction(1)),
    "ml": ("volume", Fraction(1)),
    "[foz_us]": ("volume", Fraction(295_735_295_625, 10**10)),
    "mmol/L": ("per volume", MOLE / 1000),
    "mol/L": ("per volume", MOLE),
    "10*12/L": ("per volume", Fraction(10**12)),
    "mm[Hg]": ("pressure", Fraction(133_322, 1000)),
    "kPa": ("pressure", Fraction(1000)),
    "/min": ("per time", Fraction(1, 60)),
    "U": ("per time", MOLE / 10**6 / 60),
    "%": ("number", Fraction(1, 100)),
    "1": ("number", Fraction(1)),
}


class Amount(NamedTuple):
    """A stored range with its unit."""

    range: Range
    system: str | None
    code: str | None
    unit: str | None


def amounts(value: Value) -> Iterator[Amount]:
    data = value.data
    match value.type:
        case "Quantity" | "Age" | "Count" | "Distance" | "Duration" | "SimpleQuantity" | "MoneyQuantity":
            if data.get("value") is not None:
                yield _amount(_compared(data), data)
        case "Range":
            low, high = data.get("low", {}), data.get("high", {})
            if low.get("value") is not None or high.get("value") is not None:
                yield _amount((_bound(low.get("value"), 0), _bound(high.get("value"), 1)), low or high)
        case "SampledData":
            low, high = data.get("lowerLimit"), data.get("upperLimit")
            if low is not None or high is not None:
                yield _amount((_bound(low, 0), _bound(high, 1)), data.get("origin", {}))
        case "Money":
            if data.get("value") is not None:
                currency = data.get("currency")
                unit = {"system": CURRENCIES, "code": currency} if currency else {}
                yield _amount((_bound(data["value"], 0), _bound(data["value"], 1)), unit)


def _amount(stored: Range, unit: Any) -> Amount:
    return Amount(stored, unit.get("system"), unit.get("code"), unit.get("unit"))


def _bound(number: Any, side: int) -> Bound:
    if number is None:
        return LAST if side else FIRST
    return Fraction(number), side


def _compared(quantity: Any) -> Range:
    """QU-4: a comparator makes an open range."""
    number = quantity["value"]
    below, above = _bound(number, 0), _bound(number, 1)
    match quantity.get("comparator"):
        case "<":
            return FIRST, below
        case "<=":
            return FIRST, above
        case ">":
            return above, LAST
        case ">=":
            return below, LAST
    return below, above


def quantity_matches(value: Value, wanted: str) -> bool:
    """QU-1 … QU-3."""
    numbers, *unit = [unescape(part) for part in split(wanted.strip(), "|")]
    if len(unit) not in (0, 2):
        raise Refused(f"{wanted}: number, or number|system|code")
    prefix, text = prefixed(numbers)
    number_of(text)
    for stored in amounts(value):
        factor = _factor(stored, *unit) if unit else Fraction(1)
        if factor is not None and number_meets(prefix, text, stored.range, factor=factor):
            return True
    return False


def _factor(stored: Amount, system: str, code: str) -> Fraction | None:
    """How much of the stored unit one unit of the search is; None where they do not compare."""
    if not system:
        return Fraction(1) if not code or code in (stored.code, stored.unit) else None
    if stored.system != system:
        return None
    if not code or stored.code == code:
        return Fraction(1)
    if system == UCUM and (one := measure(code)) and (other := measure(stored.code)):
        return one[1] / other[1] if one[0] == other[0] else None
    return None


def measure(code: str | None) -> tuple[str, Fraction] | None:
    """What a unit of UCUM is made of; an annotation alone is the number one: {score}."""
    return UNITS["1"] if code and re.fullmatch(r"\{[^{}]*\}", code) else UNITS.get(code or "")
