"""Indexer: a resource to the rows under which it is found. Pure, and on the way of every write.

Postings, one table for tokens, references and presence; small tables for strings, dates, quantities, URIs, positions and
compartments; and the dictionary of codes (search/schema.sql). https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from copy import copy
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from resources.definitions import Definitions, SearchParameter
from resources.hashing import Hash, remembered
from resources.rows import Floor, Table

from . import contained
from .expression import parse
from .parameter import LAST, Index, Parameter, Rows, parameter_numbers, primary_dates
from .parameters import composite, media_type, module_of, reference, token, words
from .trie import Node, routes, truth

REMEMBERED: Final = 32_768  # hashes kept by a worker

# Parameters that need no row: the columns of the resource serve them.
COLUMNS: Final = frozenset({"_id", "_lastUpdated"})
_INSIDE: Final = frozenset({"_lastUpdated"})  # of contained resources: theirs is their container's

FLOOR: Final = Floor(
    "index_write",
    (
        Table("posting", (("h", "int8"), ("q", "int4"))),
        Table("str", (("param", "int2"), ("v", "text"))),
        Table("dat", (("param", "int2"), ("lo", "int8"), ("hi", "int8"))),
        Table(
            "qty",
            (
                ("param", "int2"),
                ("k", "int8"),
                ("q", "int4"),
                ("lo", "text"),
                ("hi", "text"),
                ("system", "int4"),
                ("code", "int4"),
                ("unit", "int4"),
                ("u", "int4"),
                ("clo", "text"),
                ("chi", "text"),
            ),
        ),
        Table("uri", (("param", "int2"), ("v", "text"))),
        Table("geo", (("param", "int2"), ("lat", "float8"), ("lon", "float8"))),
        Table("compartment", (("ckey", "int8"),)),
        Table(
            "contained",
            (("rtype", "int2"), ("skey", "int8"), ("id", "text"), ("s", "int8"), ("keys", "text")),
            parts=True,
        ),
        Table(
            "code",
            (
                ("rtype", "int2"),
                ("param", "int2"),
                ("h", "int8"),
                ("q", "int4"),
                ("system", "text"),
                ("code", "text"),
            ),
            once=True,
        ),
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
        self._known_system = remembered(4096)(lambda system: min(hash_.system(system), LAST))
        self._types: dict[tuple[str, bool], tuple[Mapping[str, Parameter], Node]] = {}
        self._shared: Indexer | None = None
        self.words: Callable[[str], bool] = words.WORDS.__contains__  # types whose words are indexed

    def extended(self, definitions: Definitions, words: Container[str] | None = None) -> Indexer:
        """The indexer of a tenant with search parameters of its own, or with other types whose words are indexed.

        Types for which that makes no difference share what is here."""
        indexer = copy(self)
        indexer.definitions, indexer._types, indexer._shared = definitions, {}, self
        if words is not None:
            indexer.words = words.__contains__
        return indexer

    def index(self, resource_type: str, logical_id: str, tree: dict[str, Any], base_url: str) -> Indexed:
        """The rows of a valid resource. base_url: of the tenant, without / at its end; URLs below it are our own."""
        rows = Rows(tree if tree.get("id") == logical_id else {**tree, "id": logical_id}, base_url)
        self.trie(resource_type).arrive(rows.resource, rows)
        token.finish(rows)
        if resource_type in self.definitions.compartments:  # every resource is in its own
            rows.compartments[self.hash(resource_type, logical_id)] = None
        number = self.definitions.type_number
        tables = _tables(rows, number(resource_type))
        if tree.get("contained") or rows.entry:
            inside = partial(self.trie, contained=True)
            tables["contained"] = list(contained.rows_of(rows, self.hash, number, inside, _tables, token.finish))
        return Indexed(rows.sort_key, tuple(chain.from_iterable(rows.keys)), tables)

    def parameters(self, resource_type: str, contained: bool = False) -> Mapping[str, Parameter]:
        """Code → parameter, for every search parameter of the type, or of such a resource inside another one."""
        return self._type(resource_type, contained)[0]

    def trie(self, resource_type: str, contained: bool = False) -> Node:
        return self._type(resource_type, contained)[1]

    def _type(self, resource_type: str, inside: bool) -> tuple[Mapping[str, Parameter], Node]:
        known = self._types.get((resource_type, inside))
        if known is None and self._shares(resource_type):
            assert self._shared
            return self._shared._type(resource_type, inside)
        if known is None:
            trie, parameters = Node(), dict[str, Parameter]()
            defined = self.definitions.parameters_of(resource_type)
            # What composites are made of comes first.
            for code in sorted(defined, key=lambda one: defined[one].type == "composite"):
                parameters[code] = self._add(trie, resource_type, defined[code], inside, parameters)
            known = self._types[resource_type, inside] = parameters, trie
        return known

    def _shares(self, resource_type: str) -> bool:
        of, shared = self.definitions.parameters_of(resource_type), self._shared
        if shared is None or shared.definitions.parameters_of(resource_type) is not of:
            return False
        return self.words(resource_type) == shared.words(resource_type)

    def _add(
        self,
        trie: Node,
        resource_type: str,
        definition: SearchParameter,
        inside: bool,
        known: Mapping[str, Parameter],
    ) -> Parameter:
        """The parameter on the type, its routes put into the trie. inside: where the type is contained."""
        module = module_of(definition)
        expression = parse(definition.expression) if definition.expression else ()
        ends: list[tuple[tuple[Any, ...], Index]] = []
        types: set[str] = set()
        systems: dict[str, tuple[str, ...]] = {}
        value_sets: set[str | None] = set()
        if isinstance(expression, tuple):
            for route in routes(self.definitions, resource_type, expression):
                if index := module.indexed(route.place):
                    ends.append((route.steps, index))
                    types.add(route.place.type)
                    value_set = route.place.element and route.place.element.binding
                    value_sets.add(value_set or None)
                    if route.place.type == "code" and value_set:
                        for system, codes in sorted((self.definitions.codes(value_set) or {}).items()):
                            for code in codes:
                                if system not in systems.get(code, ()):
                                    systems[code] = (*systems.get(code, ()), system)
        else:
            types.add("boolean")
        if definition.code in words.TEXTS and self.words(resource_type):
            ends.append(((), words.TEXTS[definition.code]))
            types.add("xhtml")
        name = contained.type_name(resource_type) if inside else resource_type
        number = self.definitions.type_number(resource_type)
        parameter = Parameter(
            definition=definition,
            resource_type=name,
            type_number=-number if inside else number,
            number=definition.number or parameter_numbers()[definition.code],
            types=frozenset(types),
            systems=systems,
            primary=primary_dates().get(resource_type) == definition.code,
            resource_types=tuple(t for t in definition.targets if self.definitions.is_resource_type(t))
            or self.definitions.resource_types,
            compartments=frozenset() if inside else self._compartments(resource_type, definition.code),
            contained=inside,
            key=partial(self.hash, name, definition.code),
            hash=self.hash,
            system=self._number_of_system,
            media_types=module is token and media_type.VALUE_SET in value_sets,
            parents=reference.parents(self.definitions, definition),
            components=composite.components(self.definitions, known, definition),
        )
        if parameter.components:
            for steps, read in composite.ends(self.definitions, resource_type, parameter):
                trie.add(steps, read)
        if definition.code not in (_INSIDE if inside else COLUMNS):
            for steps, index in ends:
                trie.add(steps, partial(index, parameter))
            if not isinstance(expression, tuple):
                judge = truth(self.definitions, resource_type, expression)
                trie.ends.append(partial(_truth, judge, partial(token.boolean, parameter)))
        return parameter

    def _compartments(self, resource_type: str, code: str) -> frozenset[str]:
        """The compartments into which a reference by that parameter puts a resource of the type."""
        compartments = self.definitions.compartments.items()
        return frozenset(name for name, types in compartments if code in types.get(resource_type, ()))

    def _number_of_system(self, system: str | None) -> int:
        return self._known_system(system) if system else 0


def _tables(rows: Rows, type_number: int) -> dict[str, list[tuple[Any, ...]]]:
    """The rows by table, as FLOOR has them; tables without rows are left out."""
    tables: dict[str, list[tuple[Any, ...]]] = {"posting": list(rows.keys)}
    for name in ("str", "dat", "qty", "uri", "geo"):
        if found := getattr(rows, name):
            tables[name] = list(found)
    if rows.compartments:
        tables["compartment"] = [(ckey,) for ckey in rows.compartments]
    if rows.codes:
        tables["code"] = [(type_number, param, h, q, *known) for (param, q, h), known in rows.codes.items()]
    return tables


def _truth(
    judge: Callable[[Any, Any], bool | None], index: Callable[[Rows, Any], None], rows: Rows, value: Any
) -> None:
    result = judge(rows, value)
    if result is not None:
        index(rows, result)
