"""_filter: a criterion as an expression. https://hl7.org/fhir/R4/search_filter.html"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from resources.definitions import SearchParameter

from .match import has_value, value_matches
from .ranges import date_range, dates
from .references import resolved
from .text import plain, texts
from .tokens import ancestors, hierarchy, tokens, value_set
from .values import Refused, Tree, Value, World, parameter

Test = Callable[[Tree, World], bool]

_WORD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\(|\)|[^\s()"]+)')
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda text, wanted: text == wanted,
    "ne": lambda text, wanted: text != wanted,
    "co": lambda text, wanted: wanted in text,
    "sw": str.startswith,
    "ew": str.endswith,
}


def meets_filter(resource: Tree, expression: str, world: World) -> bool:
    words = [found[1] for found in _WORD.finditer(expression.strip())]
    test, rest = _logical(words)
    if rest:
        raise Refused(f"_filter: {rest[0]}")
    return test(resource, world)


def _logical(words: list[str]) -> tuple[Test, list[str]]:
    """FI-1: and, or from left to right, without precedence."""
    test, words = _term(words)
    while words and words[0] in ("and", "or"):
        word, left = words[0], test
        right, words = _term(words[1:])
        test = _both(left, right) if word == "and" else _either(left, right)
    return test, words


def _both(left: Test, right: Test) -> Test:
    return lambda resource, world: left(resource, world) and right(resource, world)


def _either(left: Test, right: Test) -> Test:
    return lambda resource, world: left(resource, world) or right(resource, world)


def _term(words: list[str]) -> tuple[Test, list[str]]:
    if words[:2] == ["not", "("]:
        test, words = _logical(words[2:])
        return (lambda resource, world: not test(resource, world)), words[1:]
    if words[:1] == ["("]:
        test, words = _logical(words[1:])
        return test, words[1:]
    path, operator, value, *rest = words
    text = json.loads(value) if value.startswith('"') else value
    return (lambda resource, world: _holds(resource, path.split("."), operator, text, world)), rest


def _holds(resource: Tree, path: list[str], operator: str, wanted: str, world: World) -> bool:
    defined = parameter(resource["resourceType"], path[0])
    found = world.values(resource, defined)
    if len(path) > 1:
        targets = (tree for one in found for tree, _ in resolved(one, defined, world, resource))
        return any(_holds(tree, path[1:], operator, wanted, world) for tree in targets)
    if operator == "pr":
        return any(has_value(defined, one) for one in found) is (wanted == "true")
    if operator == "ni":
        return not any(_item(defined, one, "in", wanted, world, resource) for one in found)
    return any(_item(defined, one, operator, wanted, world, resource) for one in found)


def _item(defined: SearchParameter, value: Value, operator: str, wanted: str, world: World, resource: Tree) -> bool:
    """FI-3: whether an item in the set stands in that relation to the value."""
    plainly = value_matches  # the tables of the plain search serve where the relation is the same
    match defined.type, operator:
        case "string", "eq" | "ne" | "co" | "sw" | "ew":
            found = map(plain, texts(value))
            return bool(plain(wanted)) and any(_TEXT[operator](text, plain(wanted)) for text in found)
        case "date" | "number" | "quantity", "eq" | "ne" | "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap":
            return plainly(defined, value, "", operator + wanted, world, resource, resource)
        case "date", "po":
            s, S = date_range(wanted)
            return any(t < S and s < T for t, T in dates(value))
        case "token", "eq":
            return plainly(defined, value, "", wanted, world, resource, resource)
        case "token", "ne":
            return not plainly(defined, value, "", wanted, world, resource, resource)
        case "token", "in":
            members = value_set(world, wanted)
            return any((system, one.code) in members for one in tokens(value) for system in one.systems)
        case "token", "ss" | "sb":
            return any(_subsumes(*pair, world) for pair in _pairs(value, operator, wanted))
        case "reference", "eq" | "re":
            return plainly(defined, value, "", wanted, world, resource, resource)
        case "uri", "eq":
            return plainly(defined, value, "", wanted, world, resource, resource)
    raise Refused(f"_filter: {operator} on a {defined.type}")


def _pairs(value: Value, operator: str, wanted: str) -> Iterator[tuple[str, str, str]]:
    """(system, above, below) that must hold: ss, the value subsumes the item; sb, it is subsumed by it."""
    system, _, code = wanted.rpartition("|")
    for one in tokens(value):
        if system in one.systems:
            yield (system, code, one.code) if operator == "ss" else (system, one.code, code)


def _subsumes(system: str, above: str, below: str, world: World) -> bool:
    return above in ancestors(hierarchy(world, system), below)
