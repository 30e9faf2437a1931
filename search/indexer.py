"""Indexer: a resource to the rows under which it is found. Pure, and on the way of every write.

Postings, one table for tokens, references and presence; and small tables for strings, dates, quantities and URIs
(search/schema.sql). https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from resources.definitions import Definitions, SearchParameter
from resources.hashing import Hash, remembered
from resources.store import Floor, Table

from .expression import parse
from .parameter import LAST, Index, Parameter, Rows, parameter_numbers, primary_dates
from .parameters import PARAMETER_TYPES, is_indexed
from .trie import Node, routes, truth

REMEMBERED: Final = 32_768  # hashes kept by a worker

# Parameters that need no row: the columns of the resource serve them.
COLUMNS: Final = frozenset({"_id", "_lastUpdated"})

FLOOR: Final = Floor(
    "index_write",
    (
        Table("posting", (("h", "int8"), ("q", "int4"))),
        Table("str", (("param", "int2"), ("v", "text"), ("x", "int8"))),
        Table("dat", (("param", "int2"), ("lo", "int8"), ("hi", "int8"))),
        Table(
            "qty",
            (
                ("param", "int2"),
                ("lo", "float8"),
                ("hi", "float8"),
                ("system", "int4"),
                ("code", "int4"),
                ("unit", "int4"),
            ),
        ),
        Table("uri", (("param", "int2"), ("v", "text"))),
    ),
)


class Indexed(NamedTuple):
    """What is stored of a resource besides the resource."""

    sort_key: int  # primary clinical date, µs since 1970; resources.store.NO_DATE without one
    keys: tuple[int, ...]  # h, q, h, q …: the postings, to find them again
    rows: dict[str, list[tuple[Any, ...]]]  # table → rows in the order of FLOOR


class Indexer:
    """The search parameters of one set of definitions, and the trie of each resource type, made when first needed."""

    def __init__(self, definitions: Definitions, hash_: Hash) -> None:
        self.definitions = definitions
        self.hash: Callable[..., int] = remembered(REMEMBERED)(hash_.of)
        self._system = hash_.system
        self._types: dict[str, tuple[Mapping[str, Parameter], Node]] = {}

    def index(self, resource_type: str, logical_id: str, tree: dict[str, Any], base_url: str) -> Indexed:
        """The rows of a valid resource. base_url: of the tenant, without / at its end; URLs below it are our own."""
        rows = Rows(tree, base_url)
        self.trie(resource_type).arrive(tree, rows)
        tables: dict[str, list[tuple[Any, ...]]] = {"posting": list(rows.keys)}
        for name in ("str", "dat", "qty", "uri"):
            if found := getattr(rows, name):
                tables[name] = list(found)
        return Indexed(rows.sort_key, tuple(chain.from_iterable(rows.keys)), tables)

    def parameters(self, resource_type: str) -> Mapping[str, Parameter]:
        """Code → parameter, for every search parameter of the type, also those that are not indexed."""
        return self._type(resource_type)[0]

    def trie(self, resource_type: str) -> Node:
        return self._type(resource_type)[1]

    def _type(self, resource_type: str) -> tuple[Mapping[str, Parameter], Node]:
        if resource_type not in self._types:
            trie, parameters = Node(), {}
            for code, definition in self.definitions.parameters_of(resource_type).items():
                parameters[code] = self._add(trie, resource_type, definition)
            self._types[resource_type] = parameters, trie
        return self._types[resource_type]

    def _add(self, trie: Node, resource_type: str, definition: SearchParameter) -> Parameter:
        """The parameter on the type, its routes put into the trie."""
        module = PARAMETER_TYPES[definition.type] if is_indexed(definition) else None
        expression = parse(definition.expression) if module and definition.expression else ()
        ends: list[tuple[tuple[Any, ...], Index]] = []
        types: set[str] = set()
        systems: dict[str, tuple[str, ...]] = {}
        if module and isinstance(expression, tuple):
            for route in routes(self.definitions, resource_type, expression):
                if index := module.indexed(route.place):
                    ends.append((route.steps, index))
                    types.add(route.place.type)
                    value_set = route.place.element and route.place.element.binding
                    if route.place.type == "code" and value_set:
                        for system, codes in sorted((self.definitions.codes(value_set) or {}).items()):
                            for code in codes:
                                if system not in systems.get(code, ()):
                                    systems[code] = (*systems.get(code, ()), system)
        elif not isinstance(expression, tuple):
            types.add("boolean")
        parameter = Parameter(
            definition,
            resource_type,
            self.definitions.type_number(resource_type),
            parameter_numbers()[definition.code],
            frozenset(types),
            systems,
            primary_dates().get(resource_type) == definition.code,
            tuple(t for t in definition.targets if self.definitions.is_resource_type(t))
            or self.definitions.resource_types,
            partial(self.hash, resource_type, definition.code),
            self.hash,
            self._number_of_system,
        )
        if definition.code not in COLUMNS:
            for steps, index in ends:
                trie.add(steps, partial(index, parameter))
            if not isinstance(expression, tuple):
                judge = truth(self.definitions, resource_type, expression)
                trie.ends.append(partial(_truth, judge, partial(PARAMETER_TYPES["token"]._boolean, parameter)))
        return parameter

    def _number_of_system(self, system: str | None) -> int:
        return min(self._system(system), LAST)


def _truth(judge: Callable[[Any], bool | None], index: Callable[[Rows, Any], None], rows: Rows, value: Any) -> None:
    result = judge(rows)
    if result is not None:
        index(rows, result)
