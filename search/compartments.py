"""Whose a resource is, by its own content: in which compartments it is, when it happened, and what it refers to. Pure.

What the index keeps of the current version, read from any version. https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from resources.definitions import Definitions
from resources.store import NO_DATE

from .expression import parse
from .indexer import Indexer
from .parameter import primary_dates
from .references import Reference
from .references import parse as parse_reference
from .trie import Node, routes

# Primary dates that say nothing of care: whoever has one of these has always been there.
NO_CARE: Final = frozenset({"birthdate"})
_POINTERS: Final = ("reference", "url")  # Reference.reference, Attachment.url
_REFERENCE: Final = "Reference"


@dataclass(slots=True)
class _Found:
    """The references of a resource by one parameter, while it is read."""

    resource: dict[str, Any]
    base_url: str
    values: list[Any] = field(default_factory=list)


def owners(indexer: Indexer, compartment: str, tree: dict[str, Any], base_url: str) -> set[str]:
    """The ids of the resources of the type `compartment` in whose compartments the resource is."""
    definitions, resource_type = indexer.definitions, tree["resourceType"]
    found = {tree["id"]} if resource_type == compartment else set()
    for code in definitions.compartments[compartment].get(resource_type, ()):
        if code in definitions.parameters_of(resource_type):
            pointing = _Found(tree, base_url)
            _trie(definitions, resource_type, code).arrive(tree, pointing)
            for value in pointing.values:
                literal = parse_reference(value.get("reference", ""), base_url)
                if literal.local and literal.resource_type == compartment:
                    found.add(literal.logical_id)
    return found


def has_care_date(resource_type: str) -> bool:
    """Whether the primary date of the type says when care was given."""
    return primary_dates().get(resource_type, "birthdate") not in NO_CARE


def is_within(indexer: Indexer, tree: dict[str, Any], base_url: str, start: int, end: int) -> bool:
    """Whether the care that the resource tells of touches [start, end), in µs since 1970; without a date it always does."""
    if not has_care_date(tree["resourceType"]):
        return True
    made = indexer.index(tree["resourceType"], tree["id"], tree, base_url)
    if made.sort_key == NO_DATE:
        return True
    ranges = [(lo, hi) for number, lo, hi in made.rows.get("dat", ()) if number < 0]
    return made.sort_key < end and (made.sort_key >= start or any(hi > start for _, hi in ranges))


def references(definitions: Definitions, tree: dict[str, Any], base_url: str) -> Iterator[Reference]:
    """What the resource points to here, by type and id, wherever it does: references, and URLs of attachments."""
    due: list[Any] = [tree]
    while due:
        one = due.pop()
        if isinstance(one, dict):
            for name in _POINTERS:
                text = one.get(name)
                if isinstance(text, str):
                    literal = parse_reference(text, base_url)
                    if literal.local and definitions.is_resource_type(literal.resource_type):
                        yield literal
            due.extend(value for value in one.values() if isinstance(value, dict | list))
        else:
            due.extend(value for value in one if isinstance(value, dict | list))


@lru_cache(maxsize=1024)
def _trie(definitions: Definitions, resource_type: str, code: str) -> Node:
    """The ways to the References of one parameter."""
    trie, expression = Node(), definitions.parameters_of(resource_type)[code].expression
    paths = parse(expression) if expression else ()
    for route in routes(definitions, resource_type, paths) if isinstance(paths, tuple) else ():
        if route.place.type == _REFERENCE:
            trie.add(route.steps, _keep)
    return trie


def _keep(found: _Found, value: Any) -> None:
    found.values.append(value)
