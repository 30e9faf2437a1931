"""One trie per resource type: a single walk over the JSON of a resource finds the values of all search parameters.

Expressions become routes (JSON keys and conditions, choices spelled out from the definitions), and the routes of all
parameters one trie. What is done with a value at the end of a route is decided once, when the trie is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from resources.definitions import Definitions, Element

from .expression import (
    And,
    At,
    Compared,
    Equals,
    Exists,
    HasExtension,
    Name,
    OfType,
    Path,
    Resolves,
    Truth,
    Unsupported,
)
from .references import type_of

Test = Resolves | Equals | HasExtension


class Resource(Protocol):
    """What conditions look at besides the value: the whole resource."""

    resource: dict[str, Any]
    base_url: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a route ends, as the definitions know it."""

    type: str  # FHIR type of the value there
    path: str  # path of the element whose children the value has: "HumanName", "Observation.component"
    element: Element | None  # None for a whole resource

    @property
    def within(self) -> str:
        """The data type or resource type that the element belongs to: "HumanName" for a family name."""
        return self.element.path.partition(".")[0] if self.element else ""


@dataclass(frozen=True, slots=True)
class Route:
    """A way through the JSON to values of one type."""

    steps: tuple[str | At | Test, ...]  # a string is a key
    place: Place


def routes(definitions: Definitions, resource_type: str, paths: Iterable[Path]) -> tuple[Route, ...]:
    """The routes that the paths take in a resource of the type. Parts that begin at another type have none."""
    found: dict[Route, None] = {}
    lineage = tuple(_lineage(definitions, resource_type))
    for path in paths:
        first, *steps = path
        if isinstance(first, Name) and (first.name in lineage or first.name not in definitions.structures):
            if first.name not in lineage:  # "name | alias": relative to the type
                steps = list(path)
            ways = [Route((), Place(resource_type, resource_type, None))]
            for step in steps:
                ways = [further for way in ways for further in _further(definitions, way, step)]
            found.update(dict.fromkeys(ways))
    return tuple(found)


def _lineage(definitions: Definitions, resource_type: str) -> Iterator[str]:
    while resource_type:
        yield resource_type
        resource_type = definitions.structures[resource_type].base


def _further(definitions: Definitions, way: Route, step: object) -> Iterator[Route]:
    if isinstance(step, Name):
        structure = definitions.structures[way.place.path.partition(".")[0]]
        steps = _beside(way.steps) if structure.kind == "primitive-type" else way.steps
        for element in structure.children.get(way.place.path, ()):
            for key, place in _places(element):
                # `valueDateTime` is no FHIRPath, but guides are published that say so: US Core has one.
                if step.name in (element.name, key):
                    yield Route((*steps, key), place)
    elif isinstance(step, OfType):
        if step.type.lower() == way.place.type.lower():
            yield way
    elif isinstance(step, (At, Resolves, Equals, HasExtension)):
        yield Route((*way.steps, step), way.place)
    else:
        raise Unsupported(f"{step!r} is no step")


def _beside(steps: tuple[str | At | Test, ...]) -> tuple[str | At | Test, ...]:
    """The steps to what stands beside a primitive value, its id and extensions: `_birthDate`.

    https://hl7.org/fhir/R4/json.html#primitive"""
    last = max(n for n, step in enumerate(steps) if isinstance(step, str))
    return (*steps[:last], f"_{steps[last]}", *steps[last + 1 :])


def _places(element: Element) -> Iterator[tuple[str, Place]]:
    """The JSON keys of an element with what is found there."""
    if element.content:
        yield element.name, Place("BackboneElement", element.content, element)
    for kind in element.types:
        key = element.json_name(kind)
        inline = kind.code in ("BackboneElement", "Element")
        yield key, Place(kind.code, element.path if inline else kind.code, element)


class Node:
    """A place in the trie: what is done with a value that arrives there, and where it goes on."""

    __slots__ = ("ends", "items", "keys", "tests")

    def __init__(self) -> None:
        self.ends: list[Callable[[Any, Any], None]] = []  # called with (rows, value)
        self.keys: dict[str, Node] = {}
        self.tests: dict[Test, tuple[Callable[[Any, Any], bool], Node]] = {}
        self.items: dict[int, Node] = {}  # what only the n-th item of a list goes through

    def add(self, steps: tuple[str | At | Test, ...], end: Callable[[Any, Any], None]) -> None:
        """Grows the trie by a route; end(rows, value) is called for each value the route leads to."""
        node = self
        for step in steps:
            if isinstance(step, str):
                node = node.keys.setdefault(step, Node())
            elif isinstance(step, At):
                node = node.items.setdefault(step.position, Node())
            else:
                node = node.tests.setdefault(step, (test_of(step), Node()))[1]
        node.ends.append(end)

    def walk(self, tree: dict[str, Any], rows: Any) -> None:
        """Calls the ends of all routes with their values. rows knows the whole resource and our base URL."""
        keys = self.keys
        for key in tree:
            node = keys.get(key)
            if node is not None:
                value = tree[key]
                if type(value) is list:
                    for item in value:
                        if item is not None:
                            node.arrive(item, rows)
                    for position, branch in node.items.items():
                        if position < len(value) and value[position] is not None:
                            branch.arrive(value[position], rows)
                else:
                    node.arrive(value, rows)
                    if node.items and 0 in node.items:
                        node.items[0].arrive(value, rows)

    def arrive(self, value: Any, rows: Any) -> None:
        for end in self.ends:
            end(rows, value)
        if self.tests:
            for test, node in self.tests.values():
                if test(value, rows):
                    node.arrive(value, rows)
        if self.keys and type(value) is dict:
            self.walk(value, rows)


def test_of(step: Test) -> Callable[[Any, Any], bool]:
    """The condition as a function of (value, rows)."""
    if isinstance(step, Resolves):
        wanted = step.resource_type
        return lambda value, rows: type(value) is dict and type_of(value, rows.resource, rows.base_url) == wanted
    if isinstance(step, Equals):
        name, text = step.name, step.value
        return lambda value, rows: type(value) is dict and value.get(name) == text
    url = step.url
    return lambda value, rows: (
        type(value) is dict and any(extension.get("url") == url for extension in value.get("extension", ()))
    )


def truth(
    definitions: Definitions, resource_type: str, expression: Truth
) -> Callable[[Resource, dict[str, Any]], bool | None]:
    """The boolean expression as a function of the rows and a resource; None where FHIRPath yields nothing.

    https://hl7.org/fhirpath/N1/#boolean-logic"""
    if isinstance(expression, And):
        left = truth(definitions, resource_type, expression.left)
        right = truth(definitions, resource_type, expression.right)

        def both(rows: Resource, tree: dict[str, Any]) -> bool | None:
            values = (left(rows, tree), right(rows, tree))
            return False if False in values else None if None in values else True

        return both

    trie = Node()
    for route in routes(definitions, resource_type, expression.paths):
        trie.add(route.steps, lambda rows, value: rows.found.append(value))

    def judge(rows: Resource, tree: dict[str, Any]) -> bool | None:
        values = _Found(rows)
        trie.walk(tree, values)
        if isinstance(expression, Exists):
            return bool(values.found)
        assert isinstance(expression, Compared)
        return (values.found == [expression.value]) is expression.equal if values.found else None

    return judge


class _Found:
    """The values of a path inside a boolean expression."""

    def __init__(self, rows: Resource) -> None:
        self.resource, self.base_url = rows.resource, rows.base_url
        self.found: list[Any] = []
