"""UCUM: what a unit of measure is in base units, exactly, so that quantities in different units can be compared.

A unit is a factor and a canonical unit: 1 mg/dL is 10 g.m-3. All arithmetic is of fractions, never rounded.
The table of units is the official one, UCUM 2.2, which the package ucumvert carries unchanged. Its code is not imported:
it would bring pint and floats. UCUM's licence lets nobody change or extract the table, so there is none of our own.
https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

SYSTEM: Final = "http://unitsofmeasure.org"
LONGEST: Final = 200  # characters of a code; no real one comes near it
_BITS: Final = 4096  # of a factor's numerator and denominator: 10*999 is one, 10*999999999 would fill the memory
_REMEMBERED: Final = 4096  # codes kept by a worker

# Special units whose value in their base unit is rational: (value + offset) × factor, or the square. All others are
# logarithms or tangents. https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales
_OFFSETS: Final = {"Cel": Fraction("273.15"), "degF": Fraction("459.67"), "degRe": Fraction("218.52")}
_ROOT: Final = "sqrt"

_SYMBOL: Final = r"10[*^]|(?:\[[^\[\]]*\]|[^\[\](){}./+\-0-9\s])+"
_TOKEN: Final = re.compile(
    rf"(?P<open>\()|(?P<close>\))|(?P<operator>[./])|(?P<annotation>\{{[^{{}}]*\}})"
    rf"|(?P<symbol>{_SYMBOL})(?P<exponent>[+-]?[0-9]+)?|(?P<factor>[0-9]+)"
)
_ALONE: Final = re.compile(rf"({_SYMBOL})(?:\{{[^{{}}]*\}})?")


class _Unknown(ValueError):
    """Not a unit, or none that is a factor of another."""


class Unit(NamedTuple):
    """A unit as a multiple of a product of base units."""

    factor: Fraction
    dimensions: Mapping[str, int]  # base unit, or arbitrary unit, → exponent; never 0

    def times(self, other: Unit, exponent: int = 1) -> Unit:
        """This unit times a power of the other one. Raises _Unknown if the factor has no sensible size."""
        size = abs(exponent) * max(other.factor.numerator.bit_length(), other.factor.denominator.bit_length())
        if size > _BITS or not other.factor:
            raise _Unknown
        factor = self.factor * other.factor**exponent
        if max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _BITS:
            raise _Unknown
        dimensions = dict(self.dimensions)
        for base, power in other.dimensions.items():
            dimensions[base] = dimensions.get(base, 0) + power * exponent
        return Unit(factor, {base: power for base, power in dimensions.items() if power})

    @property
    def text(self) -> str:
        """The canonical unit as UCUM: the base units in order of their codes, "1" without any."""
        powers = sorted(self.dimensions.items())
        return ".".join(base if power == 1 else f"{base}{power}" for base, power in powers) or "1"


_ONE: Final = Unit(Fraction(1), {})


@dataclass(frozen=True, slots=True)
class _Symbol:
    """A row of the table: the unit is `value` of `unit`, for special units by way of a function."""

    value: Fraction
    unit: str
    metric: bool  # may have a prefix
    function: str | None  # of special units
    own: bool  # a base unit, or an arbitrary one: commensurable with nothing else


@lru_cache(_REMEMBERED)
def canonical(code: str) -> tuple[Fraction, str] | None:
    """The factor and the canonical unit of a code: a value times the factor is the value in canonical units.

    Case counts, annotations do not. None if the code is no UCUM or is a special unit, which no factor converts."""
    try:
        unit = _evaluate(code)
    except _Unknown:
        return None
    return unit.factor, unit.text


def to_canonical(value: Fraction, code: str) -> tuple[Fraction, str] | None:
    """The value in the canonical unit and that unit, also of temperatures; None where it is unknown or not rational."""
    known = canonical(code)
    if known is not None:
        return value * known[0], known[1]
    special = _special(code)
    if special is None:
        return None
    function, prefix, unit = special
    value *= prefix
    # Of the root, a negative value stays below the positive ones, so that ranges keep their order.
    value = value * abs(value) if function == _ROOT else value + _OFFSETS[function]
    return value * unit.factor, unit.text


def is_unit(code: str) -> bool:
    """Whether a text is a unit of UCUM, also one that no factor converts, as pH; case counts.

    https://hl7.org/fhir/R4/ucum.html"""
    if canonical(code) is not None:
        return True
    alone = _ALONE.fullmatch(code) if len(code) <= LONGEST else None
    try:
        return alone is not None and _split(alone[1])[1].function is not None
    except _Unknown:
        return False


def dimension(code: str) -> str | None:
    """The canonical unit of all units that a unit can be compared with; None where there are none or it is no unit."""
    known = canonical(code)
    if known is not None:
        return known[1]
    special = _special(code)
    return None if special is None else special[2].text


@lru_cache(_REMEMBERED)
def _special(code: str) -> tuple[str, Fraction, Unit] | None:
    """Function, prefix and base unit of a special unit, which stands alone. https://ucum.org/ucum#para-21"""
    alone = _ALONE.fullmatch(code) if len(code) <= LONGEST else None
    try:
        prefix, symbol = _split(alone[1]) if alone else (_ONE.factor, None)
        if symbol is None or not (symbol.function == _ROOT or symbol.function in _OFFSETS):
            return None
        return symbol.function, prefix, Unit(symbol.value, {}).times(_evaluate(symbol.unit))
    except _Unknown:
        return None


def _evaluate(code: str) -> Unit:
    """The unit of a whole code. From left to right: `/` divides by the next component only."""
    if not code or len(code) > LONGEST:
        raise _Unknown
    outer: list[tuple[Unit, int]] = []  # what the open parentheses have before them
    unit, power = _ONE, 1
    position, before = 0, "open"  # the token before
    while position < len(code):
        token = _TOKEN.match(code, position)
        if token is None:
            raise _Unknown
        position, kind = token.end(), next(name for name, text in token.groupdict().items() if text is not None)
        expected = before in ("open", "operator")  # a component must come
        if kind == "operator":
            if expected and (before == "operator" or token[0] == "."):
                raise _Unknown
            power = -1 if token[0] == "/" else 1
        elif kind == "close":
            if expected or not outer:
                raise _Unknown
            inner, (unit, power) = unit, outer.pop()
            unit = unit.times(inner, power)
        elif kind == "annotation" and not expected:
            if before == "annotation":
                raise _Unknown
        elif not expected:
            raise _Unknown
        elif kind == "open":
            outer.append((unit, power))
            unit, power = _ONE, 1
        elif kind == "symbol":
            if len(token["exponent"] or "") > 5:
                raise _Unknown
            unit = unit.times(_atom(token["symbol"]), power * int(token["exponent"] or 1))
        elif kind == "factor":
            unit = unit.times(Unit(Fraction(int(token[0])), {}), power)
        before = kind
    if outer or before in ("open", "operator"):
        raise _Unknown
    return unit


@lru_cache(_REMEMBERED)
def _atom(text: str) -> Unit:
    """A symbol of the table, perhaps with a prefix."""
    prefix, symbol = _split(text)
    if symbol.function:
        raise _Unknown
    unit = Unit(symbol.value, {symbol.unit: 1}) if symbol.own else Unit(symbol.value, {}).times(_evaluate(symbol.unit))
    return unit._replace(factor=unit.factor * prefix)


def _split(text: str) -> tuple[Fraction, _Symbol]:
    """The prefix as a factor, and the symbol. Raises _Unknown."""
    prefixes, symbols = _table()
    if text in symbols:
        return _ONE.factor, symbols[text]
    for length in (1, 2):  # no symbol can be read in two ways, as a test sees
        symbol = symbols.get(text[length:])
        if text[:length] in prefixes and symbol and symbol.metric:
            return prefixes[text[:length]], symbol
    raise _Unknown


@cache
def _table() -> tuple[dict[str, Fraction], dict[str, _Symbol]]:
    """Prefixes and symbols, case-sensitive codes. Read when the first unit is asked for: 4 ms, under 1 MB."""
    from xml.etree import ElementTree

    spec = importlib.util.find_spec("ucumvert")  # finds without importing, and so without pint
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package ucumvert, which has the table of UCUM units, is not installed.")
    root = ElementTree.parse(Path(spec.origin).parent / "vendor" / "ucum-essence.xml").getroot()
    namespace = "{http://unitsofmeasure.org/ucum-essence}"
    prefixes = {
        one.attrib["Code"]: Fraction(value.attrib["value"])
        for one in root.iter(f"{namespace}prefix")
        for value in one.iter(f"{namespace}value")
    }
    symbols = {
        one.attrib["Code"]: _Symbol(Fraction(1), one.attrib["Code"], metric=True, function=None, own=True)
        for one in root.iter(f"{namespace}base-unit")
    }
    for one in root.iter(f"{namespace}unit"):
        code, flags = one.attrib["Code"], one.attrib
        [value] = one.iter(f"{namespace}value")
        functions = [function.attrib for function in value.iter(f"{namespace}function")]
        given = functions[0] if functions else value.attrib
        own = flags.get("isArbitrary") == "yes" and given["Unit"] == "1"
        symbols[code] = _Symbol(
            Fraction(given["value"]),
            code if own else given["Unit"],
            metric=flags.get("isMetric") == "yes",
            function=functions[0]["name"] if functions else None,
            own=own,
        )
    return prefixes, symbols
