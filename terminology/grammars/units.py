"""Units of UCUM for people: conversion of values, also of special units, comparison, names, and the kind of quantity.

Rational formulas are exact. Logarithms, exponentials, roots and angles are computed to DIGITS significant digits.
https://ucum.org/ucum
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

from . import ucum

DIGITS: Final = 34  # significant ones of what is not rational, as decimal128 has them
_SPARE: Final = 16  # more while it is computed
_PI: Final = Decimal("3.1415926535897932384626433832795028841971693993751058209749445923")
_TEN: Final = frozenset({"10*", "10^"})  # the number ten, of which every power is a number
_MOST: Final = 2000  # value on a logarithmic scale: 10^2000 is no quantity
_SUPERSCRIPTS: Final = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_OFFSETS: Final = {"Cel": Fraction("273.15"), "degF": Fraction("459.67"), "degRe": Fraction("218.52")}


class NotConvertible(ValueError):
    """A code that is no unit, units of different kinds, or a value that a scale does not have."""


class Converted(NamedTuple):
    """A value in another unit."""

    value: Fraction
    exact: bool  # False: rounded to DIGITS significant digits

    @property
    def decimal(self) -> Decimal:
        """The value with at most DIGITS significant digits."""
        return rounded(self.value)


class _Scale(NamedTuple):
    """A special unit: its values as multiples of its base unit, and back."""

    to_base: Callable[[Decimal], Decimal]
    from_base: Callable[[Decimal], Decimal]


def convert(value: Fraction | Decimal | int, unit: str, other: str) -> Converted:
    """A value of one unit in another one. Raises NotConvertible."""
    base, exact = _to_base(Fraction(value), unit)
    if _dimension(unit) != _dimension(other):
        raise NotConvertible(
            f"{unit} and {other} are units of different kinds: {_dimension(unit)} and {_dimension(other)}."
        )
    found, exactly = _from_base(base, other)
    return Converted(found, exact and exactly)


def compare(value: Fraction | Decimal | int, unit: str, other_value: Fraction | Decimal | int, other: str) -> int:
    """-1, 0 or 1 as the first quantity is less than the other one, the same, or more. Raises NotConvertible."""
    if _dimension(unit) != _dimension(other):
        raise NotConvertible(f"{unit} and {other} cannot be compared.")
    one, another = _to_base(Fraction(value), unit)[0], _to_base(Fraction(other_value), other)[0]
    return (one > another) - (one < another)


def canonical(value: Fraction | Decimal | int, unit: str) -> tuple[Converted, str]:
    """A value in base units, and these; also of special units. Raises NotConvertible."""
    return Converted(*_to_base(Fraction(value), unit)), _dimension(unit)


def rounded(value: Fraction, digits: int = DIGITS) -> Decimal:
    """A fraction as a decimal of at most so many significant digits, without trailing zeros after the point."""
    context = Context(prec=digits)
    found = context.normalize(context.divide(Decimal(value.numerator), Decimal(value.denominator)))
    whole = found.as_tuple().exponent
    return found.quantize(Decimal(1), context=context) if 0 < int(whole) <= digits - found.adjusted() else found


def _dimension(code: str) -> str:
    known = ucum.canonical(code)
    if known is not None:
        return known[1]
    special = ucum.special(code)
    if special is None:
        text, position = ucum.fault(code) or ("", 0)
        raise NotConvertible(f"'{code[:100]}' is no unit of UCUM. {text} at character {position + 1}.")
    return special[2].text


def _to_base(value: Fraction, code: str) -> tuple[Fraction, bool]:
    known = ucum.canonical(code)
    if known is not None:
        return value * known[0], True
    _dimension(code)  # raises what is to be said of a code that is no unit
    function, prefix, unit = ucum.special(code) or ("", Fraction(1), ucum.Unit(Fraction(1), {}))
    value *= prefix
    if function in _OFFSETS:
        return (value + _OFFSETS[function]) * unit.factor, True
    if function == "sqrt":
        return value * abs(value) * unit.factor, True  # the sign is kept, as it is in the search index
    return Fraction(_on(function, _SCALES[function].to_base, value)) * _factor(function, unit), False


def _from_base(base: Fraction, code: str) -> tuple[Fraction, bool]:
    known = ucum.canonical(code)
    if known is not None:
        return base / known[0], True
    function, prefix, unit = ucum.special(code) or ("", Fraction(1), ucum.Unit(Fraction(1), {}))
    if function in _OFFSETS:
        return (base / unit.factor - _OFFSETS[function]) / prefix, True
    ratio = base / _factor(function, unit)
    if function == "sqrt":
        return _root(ratio, prefix)
    return Fraction(_on(function, _SCALES[function].from_base, ratio)) / prefix, False


def _factor(function: str, unit: ucum.Unit) -> Fraction:
    """What a scale's base unit is in base units. Slopes are of an angle, in radians whatever the table calls it."""
    return Fraction(1) if function in _ANGLES else unit.factor


def _on(function: str, scale: Callable[[Decimal], Decimal], value: Fraction) -> Decimal:
    with localcontext(Context(prec=DIGITS + _SPARE)):
        given = Decimal(value.numerator) / Decimal(value.denominator)
        try:
            found = scale(given)
        except (ArithmeticError, ValueError):
            raise NotConvertible(f"There is no such value on the scale of {function}: {given:.6g}.") from None
    return Context(prec=DIGITS + _SPARE // 2).plus(found)


def _root(ratio: Fraction, prefix: Fraction) -> tuple[Fraction, bool]:
    with localcontext(Context(prec=DIGITS + _SPARE)):
        found = (Decimal(abs(ratio.numerator)) / Decimal(ratio.denominator)).sqrt()
    root = Fraction(found)
    return (-root if ratio < 0 else root) / prefix, root * root == abs(ratio)


def _power(base: str, factor: int = 1) -> _Scale:
    """value = factor × log(multiple of the base unit)."""
    number = Decimal(base)

    def to_base(value: Decimal) -> Decimal:
        exponent = value / factor
        if abs(exponent * number.ln()) > _MOST:
            raise ValueError
        return (exponent * number.ln()).exp() if exponent % 1 else number ** int(exponent)

    def from_base(multiple: Decimal) -> Decimal:
        if multiple <= 0:
            raise ValueError
        return factor * (multiple.log10() if number == 10 else multiple.ln() / number.ln())

    return _Scale(to_base, from_base)


def _natural() -> _Scale:
    def to_base(value: Decimal) -> Decimal:
        if abs(value) > _MOST:
            raise ValueError
        return value.exp()

    def from_base(multiple: Decimal) -> Decimal:
        if multiple <= 0:
            raise ValueError
        return multiple.ln()

    return _Scale(to_base, from_base)


def _arctangent(value: Decimal) -> Decimal:
    halvings = 0
    while abs(value) > Decimal("0.1"):
        value /= 1 + (1 + value * value).sqrt()
        halvings += 1
    total, power, n = Decimal(0), value, 1
    while abs(power) > Decimal(10) ** -(DIGITS + _SPARE) * (abs(total) or 1):
        total += power / n if n % 4 == 1 else -power / n
        power, n = power * value * value, n + 2
    return total * (1 << halvings)


def _tangent(angle: Decimal) -> Decimal:
    if abs(angle) >= _PI / 2:
        raise ValueError
    sine, cosine, term, n = Decimal(0), Decimal(0), Decimal(1), 0
    while abs(term) > Decimal(10) ** -(DIGITS + 2 * _SPARE):
        sign = 1 if n % 4 < 2 else -1
        if n % 2:
            sine += sign * term
        else:
            cosine += sign * term
        n += 1
        term = term * angle / n
    return sine / cosine


_SLOPE: Final = _Scale(lambda value: _arctangent(value / 100), lambda angle: 100 * _tangent(angle))
_ANGLES: Final = frozenset({"tanTimes100", "100tan"})
_SCALES: Final[Mapping[str, _Scale]] = {
    "ln": _natural(),
    "lg": _power("10"),
    "lgTimes2": _power("10", 2),
    "ld": _power("2"),
    "pH": _power("10", -1),
    "hpX": _power("10", -1),
    "hpC": _power("100", -1),
    "hpM": _power("1000", -1),
    "hpQ": _power("50000", -1),
    "tanTimes100": _SLOPE,
    "100tan": _SLOPE,
}


class _Name(NamedTuple):
    """How a prefix or symbol is called."""

    name: str
    printed: str
    property: str = ""
    metric: bool = False


class _Names(NamedTuple):
    version: str
    prefixes: Mapping[str, _Name]
    symbols: Mapping[str, _Name]


@cache
def _names() -> _Names:
    """The names in the official table, read when one is first asked for."""
    from xml.etree import ElementTree

    root, space = ElementTree.parse(ucum.table_file()).getroot(), ucum.NAMESPACE

    def named(one: ElementTree.Element) -> _Name:
        printed = one.find(f"{space}printSymbol")
        text = "" if printed is None else " ".join("".join(printed.itertext()).split())
        metric = one.get("isMetric") == "yes" or one.tag == f"{space}base-unit"
        return _Name(
            one.findtext(f"{space}name", "").strip(),
            text or one.attrib["Code"],
            one.findtext(f"{space}property", "").strip(),
            metric,
        )

    prefixes = {one.attrib["Code"]: named(one) for one in root.iter(f"{space}prefix")}
    kinds = (f"{space}base-unit", f"{space}unit")
    symbols = {one.attrib["Code"]: named(one) for kind in kinds for one in root.iter(kind)}
    return _Names(root.get("version", ""), prefixes, symbols)


def version() -> str:
    """The version of the table, as `2.2`."""
    return _names().version


def analysis(code: str) -> str:
    """A unit in words: `(milligram) / (deciliter)`; an annotation counts as 1. "" for a text that is no unit."""
    return "".join(_pieces(code, _in_words)) if ucum.is_unit(code) else ""


def printed(code: str) -> str:
    """A unit as it is printed: `µg/dL`, `°C`, `10³/µL`; annotations as they are. "" for a text that is no unit."""
    return "".join(_pieces(code, _in_print)) if ucum.is_unit(code) else ""


def _pieces(code: str, spelled: Callable[[str, str, str], str]) -> Iterator[str]:
    before = ""
    for kind, token in ucum.tokens(code):
        if kind == "annotation" and before in ("symbol", "factor", "close"):
            yield spelled("beside", token[0], "")
        else:
            yield spelled(kind, token["symbol"] or token[0], token["exponent"] or "")
        before = kind


def _in_words(kind: str, text: str, exponent: str) -> str:
    if kind == "symbol":
        prefix, symbol = _split(text)
        power = f" ^ {int(exponent)}" if exponent and int(exponent) != 1 else ""
        return f"({prefix.name if prefix else ''}{symbol.name}{power})"
    return {"operator": " / " if text == "/" else " * ", "annotation": "1", "beside": " * 1"}.get(kind, text)


def _in_print(kind: str, text: str, exponent: str) -> str:
    if kind == "symbol":
        prefix, symbol = _split(text)
        return f"{prefix.printed if prefix else ''}{symbol.printed}{exponent.lstrip('+').translate(_SUPERSCRIPTS)}"
    return "·" if text == "." else text


def _split(text: str) -> tuple[_Name | None, _Name]:
    """The prefix, if there is one, and the symbol of a text that is a unit."""
    names = _names()
    if text in names.symbols:
        return None, names.symbols[text]
    for length in (1, 2):
        symbol = names.symbols.get(text[length:])
        if text[:length] in names.prefixes and symbol and symbol.metric:
            return names.prefixes[text[:length]], symbol
    raise NotConvertible(f"The unit '{text}' is unknown.")


def properties(code: str) -> frozenset[str]:
    """The kinds of quantity that a unit is of: `mass`, `mass concentration`, `pressure`.

    Of a symbol of the table, whatever its prefix, its own; of an expression those of all symbols with which it can be
    compared. Empty for pure numbers in an expression, which can be of any kind, and for a text that is no unit."""
    if not ucum.is_unit(code):
        return frozenset()
    pieces = [(kind, token) for kind, token in ucum.tokens(code) if kind != "annotation"]
    if len(pieces) == 1 and pieces[0][0] == "symbol" and pieces[0][1]["exponent"] in (None, "1", "+1"):
        return frozenset({_split(pieces[0][1]["symbol"])[1].property})
    if len(pieces) == 1 and code[:3] in _TEN:
        return frozenset({_names().symbols[code[:3]].property})
    dimension = ucum.dimension(code)
    return _kinds().get(dimension, frozenset()) if dimension not in (None, "1") else frozenset()


def is_property(name: str) -> bool:
    """Whether a unit of the table is of this kind of quantity."""
    return any(one.property == name for one in _names().symbols.values())


@cache
def _kinds() -> Mapping[str | None, frozenset[str]]:
    """Canonical unit → kinds of quantity."""
    found: dict[str | None, set[str]] = {}
    for code, one in _names().symbols.items():
        if ucum.canonical(code) is not None:
            found.setdefault(ucum.dimension(code), set()).add(one.property)
    return {dimension: frozenset(some) for dimension, some in found.items()}
