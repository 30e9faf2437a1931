"""The order of a result. https://hl7.org/fhir/R4/search.html#sort"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

from resources.definitions import SearchParameter

from .quantities import UCUM, Amount, amounts, measure
from .ranges import FIRST, dates
from .references import pointed
from .text import plain, texts
from .tokens import tokens
from .values import Tree, Value, World, parameter

# What a resource is sorted by: what lies together, and the order within. Only quantities (by dimension) and references
# lie together without an order among them.
Place = tuple[Hashable, Any]
OPEN: Place = ("", FIRST)


def is_ordered(result: Sequence[Tree], sort: str, world: World) -> bool:
    """SO-1 … SO-3: several keys, of several values the one that comes first, without a value last."""
    key, _, others = sort.partition(",")
    # Where a Period without a start stands is not said.
    result = [tree for tree in result if place_of(tree, key, world) != OPEN]
    places = [place_of(tree, key, world) for tree in result]
    present = [place for place in places if place is not None]
    if places[: len(present)] != present:
        return False
    groups = [name for name, _ in groupby(present, lambda place: place[0])]
    if len(groups) != len(set(groups)):
        return False
    for (group, one), (next_group, other) in pairwise(present):
        if group == next_group and (one < other if key.startswith("-") else other < one):
            return False
    if not others:
        return True
    ties = groupby(zip(places, result, strict=True), lambda one: one[0])
    return all(is_ordered([tree for _, tree in tied], others, world) for _, tied in ties)


def place_of(resource: Tree, key: str, world: World) -> Place | None:
    """SO-2: by the least of its values, or the greatest if descending; None if it has none."""
    found = list(places_of(resource, key.removeprefix("-"), world))
    if not found:
        return None
    return max(found) if key.startswith("-") else min(found)


def places_of(resource: Tree, code: str, world: World) -> Iterator[Place]:
    if code == "_id":
        yield "", resource["id"]
        return
    defined = parameter(resource["resourceType"], code)
    for value in world.values(resource, defined):
        yield from _places(defined, value, resource, world)


def _places(defined: SearchParameter, value: Value, resource: Tree, world: World) -> Iterator[Place]:
    match defined.type:
        case "string":
            yield from (("", plain(text)) for text in texts(value))
        case "token":
            yield from (("", token.code.casefold()) for token in tokens(value) if token.code)
        case "date":
            yield from (("", t) for t, _ in dates(value))
        case "number":
            yield from (("", one.range[0]) for one in amounts(value))
            if not isinstance(value.data, dict):
                yield "", (value.data, 0)
        case "quantity":
            yield from map(_amount, amounts(value))
        case "uri":
            yield "", value.data
        case "reference":
            target = pointed(value, defined, world)
            text = value.data if isinstance(value.data, str) else value.data.get("reference")
            if target:
                yield f"{target.resource_type}/{target.logical_id}", 0
            elif text:  # what is contained is another resource in each
                yield f"{resource['id']}{text}" if text.startswith("#") else text, 0


def _amount(stored: Amount) -> Place:
    """By the canonical value of its dimension, or by the value in a unit that is not converted."""
    (number, side), _ = stored.range
    if stored.system == UCUM and (known := measure(stored.code)):
        dimension, factor = known
        return dimension, (number * factor, side)
    return f"{stored.system}|{stored.code}" if stored.system and stored.code else "", (number, side)
