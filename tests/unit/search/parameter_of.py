"""Parameters and index rows to try a search parameter type with."""

from __future__ import annotations

from typing import Any

from resources import definitions
from resources.hashing import Hash
from search.indexer import Indexer
from search.parameter import Parameter, Rows

R4 = definitions.load()
INDEXER = Indexer(R4, Hash(bytes(32)))
BASE = "http://here/fhir/t"


def parameter_of(resource_type: str, code: str) -> Parameter:
    return INDEXER.parameters(resource_type)[code]


def index_of(resource_type: str, content: dict[str, Any]) -> Rows:
    """The rows of a resource with that content."""
    resource = {"resourceType": resource_type, "id": "x", **content}
    rows = Rows(resource, BASE)
    INDEXER.trie(resource_type).arrive(resource, rows)
    return rows
