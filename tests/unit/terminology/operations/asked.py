"""A scope of a few resources, and parameters as an operation gets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from resources.operation import Parameters, Value
from terminology import conceptmaps, resources
from terminology.grammars.grammatical import GRAMMARS, Grammatical
from terminology.index.maps import MapTable
from terminology.index.supplement import supplemented
from terminology.scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET, Candidate, Scope

Tree = dict[str, Any]

_OPEN = {CODE_SYSTEM: resources.code_system, CONCEPT_MAP: conceptmaps.map_table, VALUE_SET: dict}


class Shelf:
    """Resources, and loaded maps, in the order in which they were put there."""

    def __init__(self, trees: Iterable[Tree], tables: Iterable[MapTable] = ()) -> None:
        self._all = [
            Candidate(
                tree["resourceType"],
                tree.get("url", ""),
                tree.get("version", ""),
                tree.get("status", "active"),
                tree,
                partial(_OPEN[tree["resourceType"]], tree),
            )
            for tree in trees
        ]
        for table in tables:
            about = table.about
            opened = partial(lambda one: one, table)
            self._all.append(Candidate(CONCEPT_MAP, about.url, about.version, "active", None, opened))

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        if resource_type == CODE_SYSTEM and url in GRAMMARS:
            return [Candidate(resource_type, url, "", "active", None, partial(Grammatical, url))]
        return [one for one in self._all if (one.resource_type, one.url) == (resource_type, url)]

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return [one for one in self._all if one.resource_type == resource_type]


def scope(*trees: Tree, tables: Iterable[MapTable] = ()) -> Scope:
    return Scope([Shelf(trees, tables)], supplement=supplemented)


def asked(*pairs: tuple[str, Any], **named: Any) -> Parameters:
    """Parameters by name; a list as a value has parts, of which a Value keeps its type."""
    return Parameters(tuple(_value(name, value) for name, value in (*pairs, *named.items())))


def _value(name: str, value: Any) -> Value:
    if isinstance(value, Value):
        return value
    return Value(name, part=value) if isinstance(value, Parameters) else Value(name, value)


def code_system(url: str, *concepts: Tree, **more: Any) -> Tree:
    return {
        "resourceType": "CodeSystem",
        "url": url,
        "name": "Shapes",
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
        "concept": list(concepts),
        **more,
    }


def values(answer: Tree, name: str) -> list[Any]:
    """The values of an answer's parameter; of one with parts a dict of theirs, with lists where a part repeats."""
    return [_read(one) for one in answer["parameter"] if one["name"] == name]


def _read(entry: Tree) -> Any:
    if "part" not in entry:
        return next(value for key, value in entry.items() if key.startswith("value"))
    found: dict[str, Any] = {}
    for part in entry["part"]:
        read = _read(part)
        if part["name"] not in found:
            found[part["name"]] = read
        elif isinstance(found[part["name"]], list):
            found[part["name"]].append(read)
        else:
            found[part["name"]] = [found[part["name"]], read]
    return found
