"""FHIRPath as search parameters use it, parsed into paths: what a parameter looks at, and under which conditions.

The whole grammar found in the 1,375 official expressions, and in those of extensions: paths, unions, `as`, `ofType`,
`where(…)`, `extension(…)`, `[n]`, `exists()`, `and`, `=`, `!=`. Read as the definitions mean it: `as` on a collection
keeps the items of that type; `resolve() is T` asks for the type named in the reference and fetches nothing.
https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Name:
    """The elements of that name; as the first step, the resource type."""

    name: str


@dataclass(frozen=True, slots=True)
class OfType:
    """Only values of that FHIR type; spelled in any case, as the definitions do."""

    type: str


@dataclass(frozen=True, slots=True)
class At:
    """Only the item at that place of its list, from 0."""

    position: int


@dataclass(frozen=True, slots=True)
class Resolves:
    """Only references to that resource type."""

    resource_type: str


@dataclass(frozen=True, slots=True)
class Equals:
    """Only items whose element of that name has that value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class HasExtension:
    """Only items with an extension of that URL."""

    url: str


Step = Name | OfType | At | Resolves | Equals | HasExtension
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    paths: tuple[Path, ...]
    value: str | bool
    equal: bool  # = or !=


@dataclass(frozen=True, slots=True)
class And:
    left: Truth
    right: Truth


Truth = Exists | Compared | And  # an expression whose value is a boolean, not a node of the resource


def text_of(path: Path) -> str:
    """The path as it may be written: "Patient.contact.where(gender = 'male').name"."""
    text = ""
    for step in path:
        if isinstance(step, Name):
            text += f".{step.name}" if text else step.name
        elif isinstance(step, OfType):
            text += f".ofType({step.type})"
        elif isinstance(step, At):
            text += f"[{step.position}]"
        elif isinstance(step, Resolves):
            text += f".where(resolve() is {step.resource_type})"
        elif isinstance(step, Equals):
            text += f".where({step.name} = '{step.value}')"
        else:
            text += f".where(hasExtension('{step.url}'))"
    return text


class Unsupported(ValueError):
    """The expression uses what this grammar does not have; says where."""


_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<sign>!=|[.|()\[\]=]))"
)


@lru_cache(maxsize=2048)
def parse(expression: str) -> tuple[Path, ...] | Truth:
    """The paths whose nodes the expression yields, or the boolean it is. Raises Unsupported."""
    reader = _Reader(expression)
    found = reader.conjunction()
    if reader.peek():
        raise reader.unsupported()
    return found


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens: list[str] = []
        position, end = 0, len(expression.rstrip())
        while position < end:
            token = _TOKEN.match(expression, position)
            if token is None:
                raise Unsupported(f"{expression!r} cannot be read at {position}")
            self._tokens.append(token.group().strip())
            position = token.end()
        self._next = 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise self.unsupported()
        self._next += 1
        return token

    def took(self, token: str) -> bool:
        if self.peek() == token:
            self._next += 1
            return True
        return False

    def unsupported(self) -> Unsupported:
        return Unsupported(f"{self._expression!r}: {self.peek() or 'the end'!r} is not expected there")

    def conjunction(self) -> tuple[Path, ...] | Truth:
        found = self.equality()
        while self.took("and"):
            right = self.equality()
            if isinstance(found, tuple) or isinstance(right, tuple):
                raise self.unsupported()
            found = And(found, right)
        return found

    def equality(self) -> tuple[Path, ...] | Truth:
        found = self.union()
        if self.peek() in ("=", "!="):
            if not isinstance(found, tuple):
                raise self.unsupported()
            return Compared(found, equal=self.take() == "=", value=self.literal())
        return found

    def union(self) -> tuple[Path, ...] | Truth:
        found = self.typed()
        while self.took("|"):
            right = self.typed()
            if not (isinstance(found, tuple) and isinstance(right, tuple)):
                raise self.unsupported()
            found += right
        return found

    def typed(self) -> tuple[Path, ...] | Truth:
        found = self.path()
        if isinstance(found, tuple) and self.took("as"):
            kept = OfType(self.name())
            found = tuple((*path, kept) for path in found)
        return found

    def path(self) -> tuple[Path, ...] | Truth:
        found: tuple[Path, ...]
        if self.took("("):
            inner = self.conjunction()
            self.take(")")
            if not isinstance(inner, tuple):
                return inner
            found = inner
        else:
            found = ((Name(self.name()),),)
        while True:
            if self.took("["):
                steps: Path = (At(self.number()),)
                self.take("]")
            elif self.took("."):
                name = self.name()
                if name == "exists" and self.peek() == "(":
                    self.take("(")
                    self.take(")")
                    return Exists(found)
                steps = self.function(name) if self.peek() == "(" else (Name(name),)
            else:
                return found
            found = tuple((*path, *steps) for path in found)

    def function(self, name: str) -> Path:
        self.take("(")
        if name in ("as", "ofType"):
            steps: Path = (OfType(self.name()),)
        elif name == "extension":
            steps = (Name("extension"), Equals("url", self.string()))
        elif name == "where":
            steps = (self.criterion(),)
        else:
            raise Unsupported(f"{self._expression!r}: function {name} is not supported")
        self.take(")")
        return steps

    def criterion(self) -> Step:
        name = self.name()
        if name == "resolve" and self.took("("):
            self.take(")")
            self.take("is")
            return Resolves(self.name())
        if name == "hasExtension" and self.took("("):
            url = self.string()
            self.take(")")
            return HasExtension(url)
        self.take("=")
        return Equals(name, self.string())

    def name(self) -> str:
        if not self.peek().isidentifier():
            raise self.unsupported()
        return self.take()

    def string(self) -> str:
        if not self.peek().startswith("'"):
            raise self.unsupported()
        return re.sub(r"\\(.)", r"\1", self.take()[1:-1])

    def number(self) -> int:
        if not self.peek().isdecimal():
            raise self.unsupported()
        return int(self.take())

    def literal(self) -> str | bool:
        if self.peek() in ("true", "false"):
            return self.take() == "true"
        return self.string()
