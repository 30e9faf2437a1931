"""Quantity parameters: ranges of numbers with a unit, as given and in the canonical unit of UCUM.

A comparator makes an open range: `<5` is everything below 5. Numbers are sortable texts (decimals.py), exact to the last
digit; units of UCUM are converted on both sides, so that 5.4 mg finds 0.0054 g.
https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from resources.hashing import remembered
from resources.outcome import BadRequest
from terminology.grammars import ucum

from ..conditions import Amounts, Condition, Numbers, Or
from ..escapes import split, unescape
from ..parameter import Index, Measured, Parameter, Rows
from ..trie import Place
from .decimals import HIGHEST, LOWEST, Number, after, read, rounded, scaled, searched, text

MODIFIERS: Final[frozenset[str]] = frozenset()
CURRENCIES: Final = "urn:iso:std:iso:4217"

Convert = Callable[[Number], Decimal]  # a number to what it is in the canonical unit


def indexed(place: Place) -> Index | None:
    """What reads the values at that place, None if a quantity parameter does not."""
    return _index if place.type in MEASURED else None


def _index(parameter: Parameter, rows: Rows, value: Any) -> None:
    if id(value) in rows.measured:
        measured = rows.measured[id(value)]
    else:
        measured = rows.measured[id(value)] = measure(parameter, value)
    if measured is not None:
        rows.qty[parameter.number, 0, 0, *measured] = None
        rows.keys[parameter.present] = None


def measure(parameter: Parameter, value: dict[str, Any]) -> Measured | None:
    """The range of a value of any of the types, told apart by their elements; None of one without a number."""
    number = value.get("value")
    if number is not None:  # Quantity and what is derived from it; Money
        if currency := value.get("currency"):
            return _measured(parameter, number, number, "", CURRENCIES, currency, None)
        return _measured(
            parameter,
            number,
            number,
            value.get("comparator", ""),
            value.get("system"),
            value.get("code"),
            value.get("unit"),
        )
    unit = value.get("low") or value.get("high")
    if unit is not None:  # Range
        low, high = (value.get(end, {}).get("value") for end in ("low", "high"))
    else:  # SampledData
        low, high, unit = value.get("lowerLimit"), value.get("upperLimit"), value.get("origin", {})
    if low is None and high is None:
        return None
    return _measured(parameter, low, high, "", unit.get("system"), unit.get("code"), unit.get("unit"))


def _measured(
    parameter: Parameter, low: Number | None, high: Number | None, comparator: str, system: Any, code: Any, unit: Any
) -> Measured:
    convert, canonical = None, ""
    if system and code:
        convert, canonical = conversion(system, code)
    number = parameter.system
    lo, hi = ends(low, high, comparator, None)
    clo, chi = (lo, hi) if convert is None else ends(low, high, comparator, convert)
    return lo, hi, number(system), number(code), number(unit), number(canonical), clo, chi


def ends(low: Number | None, high: Number | None, comparator: str, convert: Convert | None) -> tuple[str, str]:
    """The half-open range from low to high, both included; None is open, and so is one side of a comparator."""
    one = high is low
    if convert is not None:
        low = None if low is None else convert(low)
        high = low if one else None if high is None else convert(high)
    if comparator:
        point = text(low or 0)
        if comparator[0] == "<":
            return LOWEST, after(point) if comparator == "<=" else point
        return point if comparator == ">=" else after(point), HIGHEST
    lo = LOWEST if low is None else text(low)
    return lo, HIGHEST if high is None else after(lo if one else text(high))


@remembered(4096)
def conversion(system: str, code: str) -> tuple[Convert | None, str]:
    """How numbers of the unit become comparable, None as they are, and the name of what they are then measured in.

    Of UCUM the canonical unit; of another system, and where UCUM has no such unit, the code itself."""
    if system == ucum.SYSTEM:
        if known := ucum.canonical(code):
            numerator, denominator = Decimal(known[0].numerator), Decimal(known[0].denominator)
            return lambda number: scaled(number, numerator, denominator), f"{system}\x1f{known[1]}"
        if special := ucum.to_canonical(Fraction(0), code):

            def convert(number: Number) -> Decimal:
                converted = ucum.to_canonical(Fraction(number), code)
                assert converted is not None
                return rounded(converted[0])

            return convert, f"{system}\x1f{special[1]}"
    return None, f"{system}\x1f\x1f{code}"


MEASURED: Final = frozenset({"Quantity", "Age", "Count", "Distance", "Duration", "Money", "Range", "SampledData"})


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """Quantities in the range that one of the values, its prefix and its unit stand for."""
    return Or(tuple(searching(parameter, value, 0, None) for value in values))


def searching(parameter: Parameter, value: str, k: int | None, q: int | None) -> Numbers | Amounts:
    """What one value finds: `[prefix]number`, `number|system|code`, `number||code`, `number|system|`.

    k and q: of a composite, what stands for its token; else 0 and None."""
    parts = [unescape(part) for part in split(value, "|")]
    try:
        prefix, number = read(parts[0])
    except ValueError:
        raise BadRequest(f"{parameter.code}={value}: {parts[0]!r} is not a number.", code="value") from None
    if len(parts) not in (1, 3):
        raise BadRequest(f"{parameter.code}={value}: a value is number or number|system|code.", code="value")
    system, code = parts[1:] or ("", "")
    kind, own = parameter.type_number, parameter.number
    if system and code:
        convert, canonical = conversion(system, code)
        found = searched(prefix, number, convert) if convert else searched(prefix, number)
        u = parameter.system(canonical)
        return Amounts(tuple((kind, own, k, u, *box, q) for box in found))
    of_system, unit = parameter.system(system) if system else None, parameter.system(code) if code else None
    return Numbers(
        tuple((kind, own, k, *box, q, of_system, unit, None, None, None, None) for box in searched(prefix, number))
    )
