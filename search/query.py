"""A search as the client asked for it: the query string read into a Query. Pure.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote

from resources.definitions import Definitions
from resources.outcome import BadRequest, Issue, NotSupported, TooCostly

from .criteria import Clause, Criterion, Include, SortKey, read, size
from .names import LIST, Names, Unknown

# Bounds of one search: beyond them the statement would cost more than any answer is worth.
CLAUSES: Final = 40
VALUES: Final = 1_000
BREADTH: Final = 1_000  # conditions that untyped chains become
SORT_KEYS: Final = 8

RESULT_PARAMETERS: Final = (
    "_count", "_sort", "_summary", "_total", "_page", "_elements", "_contained", "_containedType", "_include",
    "_revinclude", "_type", "_query", "_explain",
)  # fmt: skip
_FORMAT: Final = frozenset({"_format", "_pretty"})  # the edge's; here they are only kept for the links
_INCLUDES: Final = frozenset({"_include", "_revinclude"})
_ITERATE: Final = frozenset({"iterate", "recurse"})  # the second is an earlier name of the first
_CHOICES: Final = {
    "_total": ("none", "accurate", "estimate"),
    "_summary": ("true", "text", "data", "count", "false"),
    "_contained": ("false", "true", "both"),
    "_containedType": ("container", "contained"),
    "_explain": ("false", "true"),
}
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_SORTED: Final = frozenset({"string", "token", "reference", "date", "number", "quantity", "uri"})


@dataclass(frozen=True, slots=True)
class Query:
    """One search over one resource type, several, or all."""

    resource_types: tuple[str, ...]  # that are searched; () is all
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()  # as asked; () is newest first by the primary date
    count: int = 20  # most matches of a page; 0 asks for the total only
    total: str | None = None  # none | accurate | estimate, as asked
    summary: str | None = None  # true | text | data | count
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    contained: str = "false"  # whether contained resources are found: false | true | both
    contained_type: str = "container"  # what is given for them: container | contained
    explain: bool = False
    named: tuple[str, tuple[tuple[str, str], ...]] | None = None  # `_query` and its parameters, still to be expanded
    format: tuple[tuple[str, str], ...] = ()
    page: str | None = None  # the sealed place of a page link, which has the rest of the query inside
    base_url: str = ""  # URLs below it are our own
    warnings: tuple[Issue, ...] = field(default=(), compare=False)  # what a lenient search ignored
    compartment: tuple[str, str] | None = None  # the resource whose compartment is searched: type, id
    types: tuple[str, ...] | None = None  # those of `_type`, where the path names no type; None where it does

    @property
    def scope(self) -> tuple[str, ...]:
        """The resource types that the path names: parse(definitions, scope, text()) is the same query."""
        return self.resource_types if self.types is None else ()

    @property
    def path(self) -> str:
        """What is searched, below the base: Observation, Patient/1/Observation, Patient/1/*; "" is everything."""
        name = ",".join(self.scope)
        return "/".join((*self.compartment, name or "*")) if self.compartment else name

    @property
    def counts_only(self) -> bool:
        return self.summary == "count" or self.count == 0

    @property
    def wants_total(self) -> bool:
        return self.counts_only or self.total in ("accurate", "estimate")

    def text(self) -> str:
        """The query string of the parameters really used, for the self link: parse(text) is the same query."""
        pairs = [(one.name, one.value) for one in self.criteria]
        if self.named:
            pairs += [("_query", self.named[0]), *self.named[1]]
        given = {
            "_type": ",".join(self.types or ()),
            "_sort": ",".join(one.text for one in self.sort),
            "_total": self.total,
            "_summary": self.summary,
            "_elements": ",".join(self.elements),
            "_contained": self.contained if self.contained != "false" else None,
            "_containedType": self.contained_type if self.contained_type != "container" else None,
            "_explain": "true" if self.explain else None,
        }
        pairs += [(name, value) for name, value in given.items() if value]
        pairs += [(one.name, one.value) for one in self.includes]
        pairs += [("_count", str(self.count)), *self.format]
        return "&".join(f"{quote(name, safe=':')}={quote(value, safe=':/|,$*')}" for name, value in pairs)


def parse(
    definitions: Definitions,
    resource_types: tuple[str, ...],
    query: str,
    strict: bool = True,
    *,
    compartment: tuple[str, str] | None = None,
    base_url: str = "",
    default_count: int = 20,
    max_count: int = 1_000,
) -> Query:
    """Reads the raw query string (of the URL, or the form of a POST) of a search.

    resource_types: those the path names; () of the system, or all that are in the compartment (type, id).
    strict: an unknown or unsupported parameter is an error, otherwise a warning (`Prefer: handling`). Raises BadRequest
    or NotSupported, which name the parameter and the value, and TooCostly."""
    pairs = _pairs(query)
    reader = _Reader(definitions, resource_types, compartment, default_count, max_count)
    warnings = []
    for name, value in reader.scoped(pairs):
        try:
            reader.read(name, value)
        except Unknown as error:
            if strict:
                raise NotSupported(str(error)) from None
            warnings.append(Issue("warning", "not-supported", f"{error} It was ignored."))
    return reader.result(base_url, tuple(warnings))


def _pairs(query: str) -> list[tuple[str, str]]:
    """Names and values, percent-decoded; those without a value mean nothing."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=10 * CLAUSES)
    except UnicodeDecodeError:
        raise BadRequest("The query is not UTF-8.", code="value") from None
    except ValueError:
        raise BadRequest("The query has too many parameters.", code="too-costly") from None
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            shown = name.replace("\0", "")
            raise BadRequest(f"{shown}: a value cannot contain the character NUL.", code="value")
    return [(name, value) for name, value in pairs if value]


class _Reader:
    """The parameters of one query, read one by one."""

    def __init__(
        self,
        definitions: Definitions,
        resource_types: tuple[str, ...],
        compartment: tuple[str, str] | None,
        default_count: int,
        max_count: int,
    ) -> None:
        self._definitions = definitions
        self._names = Names(definitions)
        self._max_count = max_count
        self._compartment = compartment
        self._inside = definitions.compartments.get(compartment[0], {}) if compartment else {}
        self._path_types = resource_types
        self._resource_types = resource_types or tuple(sorted(self._inside))
        self._refuse_outside(resource_types)
        if compartment and not self._inside:
            raise BadRequest(f"{compartment[0]}: there is no such compartment.", code="not-found")
        self._types: tuple[str, ...] | None = None if resource_types else ()
        self._count = min(default_count, max_count)
        self._sort: tuple[SortKey, ...] = ()
        self._elements: tuple[str, ...] = ()
        self._criteria: list[Criterion] = []
        self._includes: list[Include] = []
        self._format: list[tuple[str, str]] = []
        self._named: list[tuple[str, str]] = []
        self._given: dict[str, str] = {}  # result parameters

    def scoped(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Reads what all other parameters depend on: over which types the search is, and whether it is a named one."""
        for name, value in pairs:
            if name in ("_type", "_query"):
                self._once(name, value)
        if "_type" in self._given and not self._path_types:
            self._read_types(self._given["_type"])
        if sum(name == "_query" for name, _ in pairs) > 1:
            raise BadRequest("_query is given twice; a search has one named query at most.", code="value")
        return [(name, value) for name, value in pairs if name != "_query" and (name != "_type" or self._path_types)]

    def _refuse_outside(self, resource_types: Iterable[str]) -> None:
        """Types that are not in the compartment are an error, not searched as a whole."""
        if self._compartment is None:
            return
        for name in resource_types:
            if name not in self._inside:
                raise BadRequest(f"{name} is not in the compartment {self._compartment[0]}.", code="not-supported")

    def _once(self, name: str, value: str) -> None:
        if self._given.setdefault(name, value) != value:
            raise BadRequest(f"{name} is given twice, as {self._given[name]!r} and {value!r}.", code="value")

    def read(self, name: str, value: str) -> None:
        code, _, modifier = name.partition(":")
        if name in _FORMAT:
            self._format.append((name, value))
        elif code in _INCLUDES:
            self._read_include(code, modifier, value)
        elif modifier and code in RESULT_PARAMETERS:
            raise NotSupported(f"{name}: {code} has no modifiers.")
        elif name in RESULT_PARAMETERS:
            self._once(name, value)
            self._read_result(name, value)
        elif "_query" in self._given and not name.startswith("_"):
            self._named.append((name, value))
        else:
            self._read_criterion(name, value)

    def _read_result(self, name: str, value: str) -> None:
        choices = _CHOICES.get(name)
        if choices and value not in choices:
            raise BadRequest(f"{name}={value}: it is {', '.join(choices[:-1])} or {choices[-1]}.", code="value")
        if name == "_count":
            if not (value.isascii() and value.isdecimal() and len(value) < 10):
                raise BadRequest(f"_count={value}: a count is a whole number from 0.", code="value")
            self._count = min(int(value), self._max_count)
        elif name == "_sort":
            self._read_sort(value)
        elif name == "_elements":
            self._elements = _listed(name, value)
        elif name == "_type":
            raise Unknown(f"_type={value}: the search is over {', '.join(self._path_types)} already.")

    def _read_types(self, value: str) -> None:
        """`_type`: the only types that a search over all types goes through."""
        self._types = _listed("_type", value)
        for name in self._types:
            if not self._definitions.is_resource_type(name):
                raise BadRequest(f"_type={value}: {name} is no resource type.", code="value")
        self._refuse_outside(self._types)
        self._resource_types = self._types

    def _read_sort(self, value: str) -> None:
        """`_sort`: parameters that all of the types have, each with - for descending."""
        keys = [SortKey(one.removeprefix("-"), one.startswith("-")) for one in _listed("_sort", value)]
        if len(keys) > SORT_KEYS:
            raise BadRequest(f"_sort={value}: a search is sorted by {SORT_KEYS} keys at most.", code="too-costly")
        for key in keys:
            try:
                definition = self._names.parameter(self._resource_types, key.code)
            except Unknown as error:
                raise Unknown(f"_sort={key.text}: {error}") from None
            if definition.type not in _SORTED or not definition.expression:
                raise Unknown(f"_sort={key.text}: what {key.code} means has no order.")
        self._sort = tuple(keys)

    def _read_include(self, code: str, modifier: str, value: str) -> None:
        """`_include` and `_revinclude`: Type:parameter, Type:parameter:Target, Type:* and *."""
        name = f"{code}:{modifier}" if modifier else code
        if modifier and modifier not in _ITERATE:
            raise NotSupported(f"{name}: the modifier {modifier} is not supported for this parameter; iterate is.")
        source, _, rest = value.partition(":")
        parameter, _, target = rest.partition(":")
        if value == "*":
            parameter = "*"
        elif not (self._definitions.is_resource_type(source) and parameter):
            raise Unknown(f"{name}={value}: it is Type:parameter, Type:parameter:Target, Type:* or *.")
        if target and not self._definitions.is_resource_type(target):
            raise Unknown(f"{name}={value}: {target} is no resource type.")
        if parameter != "*":
            try:
                definition = self._names.parameter((source,), parameter)
            except Unknown as error:
                raise Unknown(f"{name}={value}: {error}") from None
            if definition.type != "reference":
                raise Unknown(f"{name}={value}: {parameter} is a {definition.type} parameter and points to nothing.")
            if target and target not in self._names.pointed(definition):
                raise Unknown(f"{name}={value}: {parameter} of {source} does not point to {target}.")
        include = Include(code == "_include", bool(modifier), source, parameter, target or None)
        if include not in self._includes:
            self._includes.append(include)

    def _read_criterion(self, name: str, value: str) -> None:
        criterion = read(name, value)
        self._names.check(self._resource_types, criterion)
        if isinstance(criterion, Clause) and criterion.code == LIST:
            for one in criterion.values:
                if one.startswith("$"):
                    raise NotSupported(f"{name}={one}: functional lists are not offered.")
                if not _ID.fullmatch(one):
                    raise BadRequest(f"{name}={one}: it is the id of a List.", code="value")
        self._criteria.append(criterion)

    def result(self, base_url: str, warnings: tuple[Issue, ...]) -> Query:
        given = self._given
        summary = given.get("_summary")
        if "_page" in given and self._criteria:
            raise BadRequest(
                f"{self._criteria[0].name}: a page link has its whole search inside; criteria cannot be added to it.",
                code="value",
            )
        if self._includes and summary == "text":
            raise BadRequest("_include and _revinclude cannot be mixed with _summary=text.", code="value")
        self._bound()
        return Query(
            self._resource_types,
            tuple(self._criteria),
            self._sort,
            self._count,
            given.get("_total"),
            summary if summary != "false" else None,
            self._elements,
            tuple(self._includes),
            given.get("_contained", "false"),
            given.get("_containedType", "container"),
            given.get("_explain") == "true",
            (given["_query"], tuple(self._named)) if "_query" in given else None,
            tuple(self._format),
            given.get("_page"),
            base_url,
            warnings,
            self._compartment,
            self._types,
        )

    def _bound(self) -> None:
        sizes = [size(one) for one in self._criteria]
        criteria, values = sum(one for one, _ in sizes), sum(one for _, one in sizes)
        if criteria > CLAUSES or values > VALUES:
            raise BadRequest(
                f"The search has {criteria} criteria and {values} values; at most {CLAUSES} and {VALUES} are done in "
                "one search.",
                code="too-costly",
            )
        names = self._resource_types or self._definitions.resource_types
        for one in self._criteria:
            if isinstance(one, Clause):
                continue
            breadth = sum(self._names.breadth(name, one) for name in names)
            if breadth > BREADTH:
                raise TooCostly(
                    f"{one.name}: this leads to too many resource types. Name them, as in subject:Patient.name."
                )


def _listed(name: str, value: str) -> tuple[str, ...]:
    """The parts of a list, each once."""
    found = tuple(dict.fromkeys(part for part in value.split(",") if part))
    if not found:
        raise BadRequest(f"{name}={value}: there is no value between the commas.", code="value")
    return found
