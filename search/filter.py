"""The language of `_filter`: a text read into an expression. Pure.

`and` and `or` have no precedence and are read from left to right; a path goes through references with a full stop, and
may say more about what it goes through in brackets. Positions are those of characters, from 1.
https://hl7.org/fhir/R4/search_filter.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from resources.outcome import BadRequest

DEEPEST: Final = 40  # parentheses, brackets and steps inside one another
MOST: Final = 100  # comparisons in one filter

_COMPARED: Final = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "pr"})
_PREFIXES: Final = _COMPARED | {"ap", "sa", "eb"}

# Type of search parameter → its operators; every other pair is n/a. Composite and special have one value as it is
# searched for, and uri is read as a string that knows case.
OPERATORS: Final = {
    "string": _COMPARED | {"co", "sw", "ew"},
    "number": _PREFIXES | {"co"},
    "date": _PREFIXES | {"co", "po"},
    "quantity": _PREFIXES,
    "token": frozenset({"eq", "ne", "pr", "ss", "sb", "in", "ni"}),
    "reference": frozenset({"re", "pr"}),
    "uri": frozenset({"eq", "ne", "sw", "pr"}),
    "composite": frozenset({"eq"}),
    "special": frozenset({"eq", "pr"}),
}
_ALL: Final = frozenset().union(*OPERATORS.values())

# Short names of code systems.
SYSTEMS: Final = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A search parameter compared with a value."""

    code: str
    operator: str
    value: str  # of a JSON string what it says
    position: int


@dataclass(frozen=True, slots=True)
class Step:
    """What is behind a reference, or within one repetition of a composite, meets `where` and the rest."""

    code: str
    target: str | None  # the resource type named, as in subject:Patient.name
    where: Expression | None
    rest: Comparison | Step
    position: int


@dataclass(frozen=True, slots=True)
class Joined:
    """All of these, or one of these."""

    operator: str  # and | or
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Not that."""

    expression: Expression


Expression = Comparison | Step | Joined | Negation


def parse(text: str) -> Expression:
    """Raises BadRequest with the position of what cannot be read."""
    reader = _Reader(text)
    expression = reader.expression(0)
    if reader.at < len(text):
        raise reader.fault("and, or, or the end is expected here")
    return expression


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """The comparisons in an expression."""
    match expression:
        case Comparison():
            yield expression
        case Step(where=where, rest=rest):
            yield from comparisons(where) if where else ()
            yield from comparisons(rest)
        case Joined(parts=parts):
            for part in parts:
                yield from comparisons(part)
        case Negation(expression=inner):
            yield from comparisons(inner)


def with_systems(value: str) -> str:
    """The value with the URIs of code systems in the place of their short names."""
    return _SYSTEM.sub(lambda found: found[1] + SYSTEMS[found[2]], value)


def fault(message: str, position: int) -> BadRequest:
    """The error for what is wrong at a position."""
    return BadRequest(f"_filter: at character {position}: {message}.", code="value")


_SYSTEM: Final = re.compile(rf"(^|[|$])({'|'.join(SYSTEMS)})(?=\|)")
_SPACE: Final = re.compile(r"\s*")
_OPEN: Final = re.compile(r"\(")
_NOT: Final = re.compile(r"not\s*\(")
_WORD: Final = re.compile(r"[A-Za-z]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TYPE: Final = re.compile(r":[A-Za-z]+")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN: Final = re.compile(r'[^\s)\]"][^\s)\]]*')


class _Reader:
    """What was read of the text up to a position."""

    def __init__(self, text: str) -> None:
        self.at = 0
        self._text = text
        self._number = 0

    def expression(self, depth: int) -> Expression:
        """Operands joined by `and` and `or`, from left to right."""
        if depth > DEEPEST:
            raise self.fault(f"more than {DEEPEST} parentheses, brackets and steps are inside one another")
        found = self._operand(depth)
        while True:
            self.skip()
            at, operator = self.at, self._take(_WORD)
            if operator not in ("and", "or"):
                self.at = at
                return found
            operand = self._operand(depth)
            before = found.parts if isinstance(found, Joined) and found.operator == operator else (found,)
            found = Joined(operator, (*before, operand))

    def _operand(self, depth: int) -> Expression:
        self.skip()
        if self._take(_NOT):
            return Negation(self._enclosed(")", depth))
        if self._take(_OPEN):
            return self._enclosed(")", depth)
        return self._path(depth)

    def _enclosed(self, end: str, depth: int) -> Expression:
        found = self.expression(depth + 1)
        self.skip()
        if not self._text.startswith(end, self.at):
            raise self.fault(f"and, or, or {end} is expected here")
        self.at += 1
        return found

    def _path(self, depth: int) -> Comparison | Step:
        """A path, an operator and a value; or a step of the path and the rest."""
        if depth > DEEPEST:
            raise self.fault(f"a path has more than {DEEPEST} steps")
        position, code = self.at + 1, self._take(_NAME)
        if not code:
            raise self.fault("the name of a search parameter is expected here")
        target = self._take(_TYPE)
        where = None
        if self._text.startswith("[", self.at):
            self.at += 1
            where = self._enclosed("]", depth)
        if self._text.startswith(".", self.at):
            self.at += 1
            return Step(code, target[1:] or None, where, self._path(depth + 1), position)
        if target or where:
            raise self.fault(f"a full stop and another parameter are expected after {code}{target}")
        self.skip(1, "white space is expected here")
        operator = self._take(_WORD)
        if operator not in _ALL:
            raise self.fault(f"an operator is expected here: {', '.join(sorted(_ALL))}", len(operator))
        self.skip(1, "white space and a value are expected here")
        self._number += 1
        if self._number > MOST:
            raise self.fault(f"more than {MOST} comparisons are in one filter")
        return Comparison(code, operator, self._value(), position)

    def _value(self) -> str:
        at = self.at
        if text := self._take(_STRING):
            try:
                value = msgspec.json.decode(text, type=str, strict=True)
            except (msgspec.DecodeError, UnicodeEncodeError):
                value = "\0"
            if "\0" in value:
                raise self.fault("this is not a JSON string without NUL", self.at - at)
            return value
        if text := self._take(_TOKEN):
            return text
        raise self.fault("a value is expected here")

    def skip(self, least: int = 0, otherwise: str = "") -> None:
        """Passes over white space, of which there must be that much."""
        if len(self._take(_SPACE)) < least:
            raise self.fault(otherwise)

    def fault(self, message: str, back: int = 0) -> BadRequest:
        return fault(message, self.at - back + 1)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """What stands here of that form; "" if it does not."""
        found = pattern.match(self._text, self.at)
        self.at = found.end() if found else self.at
        return found.group() if found else ""
