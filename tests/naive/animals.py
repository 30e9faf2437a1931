"""A code system with a hierarchy, and a value set of some of its codes."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]

ANIMALS, LOINC = "http://x/animals", "http://loinc.org"
KINDS = ["animal", "dog", "cat", "poodle", "pet"]


def animals() -> Tree:
    """A code system with a hierarchy."""
    poodle = {"code": "poodle", "property": [{"code": "parent", "valueCode": one} for one in ("dog", "pet")]}
    kinds = [{"code": "animal", "concept": [{"code": "dog"}, {"code": "cat"}]}, {"code": "pet"}, poodle]
    found = {"resourceType": "CodeSystem", "id": "animals", "url": ANIMALS, "status": "active", "content": "complete"}
    return {**found, "hierarchyMeaning": "is-a", "property": [{"code": "parent", "type": "code"}], "concept": kinds}


def dogs() -> Tree:
    """A value set of the kinds of dog, and a few codes of other systems."""
    dog = {"system": ANIMALS, "filter": [{"property": "concept", "op": "is-a", "value": "dog"}]}
    listed = {"system": LOINC, "concept": [{"code": "8480-6"}]}
    compose = {"include": [dog, listed], "exclude": [{"system": ANIMALS, "concept": [{"code": "dog"}]}]}
    return {
        "resourceType": "ValueSet",
        "id": "dogs",
        "url": "http://x/dogs",
        "version": "1",
        "status": "active",
        "compose": compose,
    }
