"""Contained resources: each has index rows of its own, by the parameters of its type, and is found in its container.

Where values are hashed their type is called "#Medication", and its number is below zero: what is inside another resource
is not found among the resources. https://hl7.org/fhir/R4/search.html#contained
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

from .parameter import ANY, Key, Rows
from .trie import Node

Row = tuple[Any, ...]

ENTRY: Final = "#entry"  # in the place of an id: the resource of a Bundle's first entry, which chains go into


def type_name(resource_type: str) -> str:
    """What the type is called where it is contained."""
    return "#" + resource_type


def key(hash_: Callable[..., int], container: dict[str, Any], logical_id: str) -> int:
    """The hash of a contained resource: the h of a reference "#m1" to it from its container.

    container: the whole resource with its own id; logical_id: of the contained one, without #."""
    return hash_("#", container["resourceType"], container["id"], logical_id)


def entry(hash_: Callable[..., int]) -> Key:
    """The posting of what is in a Bundle's entry: it is not contained."""
    return hash_(ENTRY), ANY


def rows_of(
    container: Rows,
    hash_: Callable[..., int],
    number: Callable[[str], int],
    trie: Callable[[str], Node],
    tables: Callable[[Rows, int], dict[str, list[Row]]],
    finish: Callable[[Rows], None],
) -> Iterator[Row]:
    """Rows of fhir.contained, each with the index rows by table as its last item.

    number: of a type as it stands alone; trie: of a type that is contained; tables: the rows by table; finish: what
    is done when a resource has been read."""
    found = [(resource, resource.get("id", "")) for resource in container.resource.get("contained", ())]
    if container.entry:
        found.append((container.entry, ENTRY))
    for resource, name in found:
        rows = Rows(container.resource, container.base_url)
        resource_type = resource["resourceType"]
        trie(resource_type).arrive(resource, rows)
        finish(rows)
        if name == ENTRY:
            rows.keys[entry(hash_)] = None
        keys = "{" + ",".join(map(str, chain.from_iterable(rows.keys))) + "}"
        below = -number(resource_type)
        skey, logical_id = key(hash_, container.resource, name), resource.get("id", "")
        yield below, skey, logical_id, rows.sort_key, keys, tables(rows, below)
