"""UCUM: what a unit of measure is in base units, exactly, so that quantities in different units can be compared.

A unit is a factor and a canonical unit: 1 mg/dL is 10 g.m-3. All arithmetic is of fractions, never rounded.
The table of units is the official one, UCUM 2.2, which the package ucumvert carries unchanged. Its code is not imported:
it would bring pint and floats. UCUM's licence lets nobody change or extract the table, so there is none of our own.
https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import islice, product
from pathlib import Path
from typing import Final, NamedTuple

SYSTEM: Final = "http://unitsofmeasure.org"
NAMESPACE: Final = "{http://unitsofmeasure.org/ucum-essence}"
LONGEST: Final = 200  # characters of a code; no real one comes near it
_BITS: Final = 4096  # of a factor's numerator and denominator: 10*999 is one, 10*999999999 would fill the memory
_REMEMBERED: Final = 4096  # codes kept by a worker
_SPELLINGS: Final = 256  # of one text without case that are looked at

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
    """Not a unit, or none that is a factor of another: the fault, and at which character it is, counted from 0."""

    def __init__(self, fault: str = "is no unit that a factor converts", position: int = 0) -> None:
        super().__init__(fault)
        self.position = position


class Unit(NamedTuple):
    """A unit as a multiple of a product of base units."""

    factor: Fraction
    dimensions: Mapping[str, int]  # base unit, or arbitrary unit, → exponent; never 0

    def times(self, other: Unit, exponent: int = 1) -> Unit:
        """This unit times a power of the other one. Raises _Unknown if the factor has no sensible size."""
        size = abs(exponent) * max(other.factor.numerator.bit_length(), other.factor.denominator.bit_length())
        if size > _BITS or not other.factor:
            raise _Unknown("The factor is 0 or too large")
        factor = self.factor * other.factor**exponent
        if max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _BITS:
            raise _Unknown("The factor is too large")
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
    return canonical(code) is not None or special(code) is not None


def fault(code: str) -> tuple[str, int] | None:
    """What is wrong with a code that is no unit, and at which character, counted from 0; None if it is one."""
    if is_unit(code):
        return None
    try:
        _evaluate(code)
    except _Unknown as unknown:
        return str(unknown), unknown.position
    return None


def tokens(code: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The pieces of a unit: open, close, operator, annotation, symbol (with its exponent) or factor, and the match."""
    for token in _TOKEN.finditer(code):
        yield next(name for name, text in token.groupdict().items() if text is not None), token


def spelled(folded: str) -> Iterator[str]:
    """The units that a text may be that has lost its case: `mm[hg]` is mm[Hg], `mg` is mg or Mg."""
    pieces: list[Sequence[str]] = []
    position = 0
    while position < len(folded[:LONGEST]):
        token = _TOKEN.match(folded, position)
        if token is None:
            return
        position = token.end()
        symbol = token["symbol"]
        found = _folded().get(symbol, ()) if symbol else (token[0],)
        pieces.append([f"{one}{token['exponent'] or ''}" for one in found] if symbol else found)
    yield from map("".join, islice(product(*pieces), _SPELLINGS))


@cache
def _folded() -> Mapping[str, Sequence[str]]:
    """All symbols with and without prefixes, by what is left of them without case: some 2,000."""
    prefixes, symbols = _table()
    found: dict[str, dict[str, None]] = {}
    for code, symbol in symbols.items():
        for prefix in ("", *prefixes) if symbol.metric else ("",):
            found.setdefault(f"{prefix}{code}".casefold(), {})[f"{prefix}{code}"] = None
    return {folded: tuple(some) for folded, some in found.items()}


def special(code: str) -> tuple[str, Fraction, Unit] | None:
    """Function, prefix and base unit of a special unit, which stands alone, perhaps with an annotation; else None.

    https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales"""
    alone = _ALONE.fullmatch(code) if len(code) <= LONGEST else None
    try:
        prefix, symbol = _split(alone[1]) if alone else (_ONE.factor, None)
        if symbol is None or symbol.function is None:
            return None
        return symbol.function, prefix, Unit(symbol.value, {}).times(_evaluate(symbol.unit))
    except _Unknown:
        return None


def dimension(code: str) -> str | None:
    """The canonical unit of all units that a unit can be compared with; None where there are none or it is no unit."""
    known = canonical(code)
    if known is not None:
        return known[1]
    special = _special(code)
    return None if special is None else special[2].text


@lru_cache(_REMEMBERED)
def _special(code: str) -> tuple[str, Fraction, Unit] | None:
    """A special unit of which a rational formula is known. https://ucum.org/ucum#para-21"""
    found = special(code)
    return found if found and (found[0] == _ROOT or found[0] in _OFFSETS) else None


def _evaluate(code: str) -> Unit:
    """The unit of a whole code. From left to right: `/` divides by the next component only."""
    if not code or len(code) > LONGEST:
        raise _Unknown(f"A unit has at least one character and at most {LONGEST}")
    outer: list[tuple[Unit, int]] = []  # what the open parentheses have before them
    unit, power = _ONE, 1
    position, before = 0, "open"  # the token before
    while position < len(code):
        token = _TOKEN.match(code, position)
        if token is None:
            raise _Unknown(f"The character '{code[position]}' cannot stand here", position)
        start, position, kind = (
            position,
            token.end(),
            next(name for name, text in token.groupdict().items() if text is not None),
        )
        expected = before in ("open", "operator")  # a component must come
        if kind == "operator":
            if expected and (before == "operator" or token[0] == "."):
                raise _Unknown(f"A unit is needed before '{token[0]}'", start)
            power = -1 if token[0] == "/" else 1
        elif kind == "close":
            if expected or not outer:
                raise _Unknown("There is nothing that this parenthesis closes", start)
            inner, (unit, power) = unit, outer.pop()
            unit = unit.times(inner, power)
        elif kind == "annotation" and not expected:
            if before == "annotation":
                raise _Unknown("A unit has one annotation", start)
        elif not expected:
            raise _Unknown("An operator, '.' or '/', is needed here", start)
        elif kind == "open":
            outer.append((unit, power))
            unit, power = _ONE, 1
        elif kind == "symbol":
            if len(token["exponent"] or "") > 5:
                raise _Unknown("The exponent is too large", start)
            unit = _times(unit, token, power * int(token["exponent"] or 1))
        elif kind == "factor":
            unit = _times(unit, token, power)
        before = kind
    if outer or before in ("open", "operator"):
        raise _Unknown("A parenthesis is not closed" if outer else "A unit is needed at the end", len(code))
    return unit


def _times(unit: Unit, token: re.Match[str], exponent: int) -> Unit:
    """A unit times a power of the symbol or factor of a token, whose place a fault has."""
    try:
        other = _atom(token["symbol"]) if token["symbol"] else Unit(Fraction(int(token[0])), {})
        return unit.times(other, exponent)
    except _Unknown as fault:
        raise _Unknown(str(fault), token.start()) from None


@lru_cache(_REMEMBERED)
def _atom(text: str) -> Unit:
    """A symbol of the table, perhaps with a prefix."""
    prefix, symbol = _split(text)
    if symbol.function:
        raise _Unknown(f"The special unit '{text}' stands alone")
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
    raise _Unknown(f"The unit '{text}' is unknown")


def table_file() -> Path:
    """The official table, ucum-essence.xml."""
    spec = importlib.util.find_spec("ucumvert")  # finds without importing, and so without pint
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package ucumvert, which has the table of UCUM units, is not installed.")
    return Path(spec.origin).parent / "vendor" / "ucum-essence.xml"


@cache
def _table() -> tuple[dict[str, Fraction], dict[str, _Symbol]]:
    """Prefixes and symbols, case-sensitive codes. Read when the first unit is asked for: 4 ms, under 1 MB."""
    from xml.etree import ElementTree

    root, namespace = ElementTree.parse(table_file()).getroot(), NAMESPACE
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
