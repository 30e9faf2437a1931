"""A search as the client asked for it: the query string read into a Query. Pure.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote

from resources.definitions import Definitions, SearchParameter
from resources.outcome import BadRequest, Issue, NotSupported

from .escapes import is_well_formed, split
from .parameter import primary_dates
from .parameters import PARAMETER_TYPES, is_indexed, is_searchable

# Bounds of one search: beyond them the statement would cost more than any answer is worth.
CLAUSES: Final = 40
VALUES: Final = 1_000

RESULT_PARAMETERS: Final = ("_count", "_sort", "_summary", "_total", "_page")
# Names of R4 that are not in the list of search parameters.
_KNOWN_ELSEWHERE: Final = frozenset(
    {
        "_has",
        "_filter",
        "_list",
        "_type",
        "_include",
        "_revinclude",
        "_elements",
        "_contained",
        "_containedType",
        "_score",
    }
)
_FORMAT: Final = frozenset({"_format", "_pretty"})  # the edge's; here they are only kept for the links


@dataclass(frozen=True, slots=True)
class Clause:
    """One criterion; the values are alternatives. A repeated parameter is several clauses, all to be met."""

    code: str
    modifier: str | None
    values: tuple[str, ...]  # percent-decoded, split at commas, other separators still escaped

    @property
    def name(self) -> str:
        return f"{self.code}:{self.modifier}" if self.modifier else self.code


@dataclass(frozen=True, slots=True)
class Query:
    """One search over one resource type."""

    resource_type: str
    clauses: tuple[Clause, ...] = ()
    sort: str | None = None  # the `_sort` given: the primary date, with - for newest first
    count: int = 20  # most matches of a page; 0 asks for the total only
    total: str | None = None  # none | accurate | estimate, as asked
    summary: str | None = None  # "count"
    format: tuple[tuple[str, str], ...] = ()
    page: str | None = None  # the sealed place of a page link, which has the rest of the query inside
    base_url: str = ""  # URLs below it are our own
    warnings: tuple[Issue, ...] = ()  # what a lenient search ignored

    @property
    def ascending(self) -> bool:
        """Oldest first. Without `_sort` the newest primary date comes first."""
        return self.sort is not None and not self.sort.startswith("-")

    @property
    def counts_only(self) -> bool:
        return self.summary == "count" or self.count == 0

    @property
    def wants_total(self) -> bool:
        return self.counts_only or self.total in ("accurate", "estimate")

    def text(self) -> str:
        """The query string of the parameters really used, for the self link: parse(text) is the same query."""
        pairs = [(clause.name, ",".join(clause.values)) for clause in self.clauses]
        given = {"_sort": self.sort, "_total": self.total, "_summary": self.summary}
        pairs += [(name, value) for name, value in given.items() if value is not None]
        pairs += [("_count", str(self.count)), *self.format]
        return "&".join(f"{quote(name, safe=':')}={quote(value, safe=':/|,$')}" for name, value in pairs)


def parse(
    definitions: Definitions,
    resource_type: str | None,
    query: str,
    strict: bool = True,
    *,
    base_url: str = "",
    default_count: int = 20,
    max_count: int = 1_000,
) -> Query:
    """Reads the raw query string (of the URL, or the form of a POST) of a search over the type.

    strict: an unknown or unsupported parameter is an error, otherwise a warning (`Prefer: handling`). Raises BadRequest
    or NotSupported, which name the parameter and the value."""
    if resource_type is None:
        raise NotSupported("A search over all resource types is not supported; search one type.")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=10 * CLAUSES)
    except UnicodeDecodeError:
        raise BadRequest("The query is not UTF-8.", code="value") from None
    except ValueError:
        raise BadRequest("The query has too many parameters.", code="too-costly") from None
    reader = _Reader(definitions, resource_type, default_count, max_count)
    warnings = []
    for name, value in pairs:
        if "\0" in value:
            raise BadRequest(f"{name}: a value cannot contain the character NUL.", code="value")
        if value:
            try:
                reader.read(name, value)
            except _Ignorable as error:
                if strict:
                    raise NotSupported(str(error)) from None
                warnings.append(Issue("warning", "not-supported", f"{error} It was ignored."))
    values = sum(len(clause.values) for clause in reader.clauses)
    if len(reader.clauses) > CLAUSES or values > VALUES:
        raise BadRequest(
            f"The search has {len(reader.clauses)} criteria and {values} values; at most {CLAUSES} and {VALUES} are "
            "done in one search.",
            code="too-costly",
        )
    return Query(
        resource_type,
        tuple(reader.clauses),
        reader.sort,
        reader.count,
        reader.given.get("_total"),
        "count" if reader.given.get("_summary") == "count" else None,
        tuple(reader.format),
        reader.given.get("_page"),
        base_url,
        tuple(warnings),
    )


class _Ignorable(Exception):
    """What a lenient search may leave out."""


class _Reader:
    """The parameters of one query, read one by one."""

    def __init__(self, definitions: Definitions, resource_type: str, default_count: int, max_count: int) -> None:
        self._definitions = definitions
        self._resource_type = resource_type
        self._parameters = definitions.parameters_of(resource_type)
        self._max_count = max_count
        self.count = min(default_count, max_count)
        self.sort: str | None = None
        self.clauses: list[Clause] = []
        self.format: list[tuple[str, str]] = []
        self.given: dict[str, str] = {}  # result parameters

    def read(self, name: str, value: str) -> None:
        if name in _FORMAT:
            self.format.append((name, value))
        elif name in RESULT_PARAMETERS:
            if self.given.setdefault(name, value) != value:
                raise BadRequest(f"{name} is given twice, as {self.given[name]!r} and {value!r}.", code="value")
            self._read_result(name, value)
        else:
            self._read_clause(name, value)

    def _read_result(self, name: str, value: str) -> None:
        if name == "_count":
            if not (value.isascii() and value.isdecimal() and len(value) < 10):
                raise BadRequest(f"_count={value}: a count is a whole number from 0.", code="value")
            self.count = min(int(value), self._max_count)
        elif name == "_sort":
            self._read_sort(value)
        elif name == "_total" and value not in ("none", "accurate", "estimate"):
            raise BadRequest(f"_total={value}: it is none, accurate or estimate.", code="value")
        elif name == "_summary" and value not in ("count", "false"):
            if value not in ("true", "text", "data"):
                raise BadRequest(f"_summary={value}: it is true, text, data, count or false.", code="value")
            raise _Ignorable(f"_summary={value} is not supported.")

    def _read_sort(self, value: str) -> None:
        key, primary = value.removeprefix("-"), primary_dates().get(self._resource_type)
        for one in key.split(","):
            if one.removeprefix("-") not in self._parameters:
                raise _Ignorable(self._unknown(f"_sort={one.removeprefix('-')}"))
        if key != primary:
            only = f"is sorted by {primary} only" if primary else "has no primary date to be sorted by"
            raise _Ignorable(f"_sort={value} is not supported: {self._resource_type} {only}.")
        self.sort = value

    def _read_clause(self, name: str, value: str) -> None:
        code, _, modifier = name.partition(":")
        definition = self._parameters.get(code)
        if definition is None or "." in modifier:
            known = "." in name or code in _KNOWN_ELSEWHERE
            raise _Ignorable(f"The search parameter {name} is not supported." if known else self._unknown(name))
        if not is_indexed(definition):
            raise _Ignorable(f"The search parameter {name} is not supported.")
        if modifier != "missing" and not is_searchable(definition):
            raise _Ignorable(f"The search parameter {name} of type {definition.type} is not supported yet.")
        if modifier and not self._knows(definition, modifier):
            raise NotSupported(f"{name}: the modifier {modifier} is not supported for this parameter.")
        if not is_well_formed(value):
            raise BadRequest(f"{name}={value}: a backslash stands only before \\ , $ or |.", code="value")
        values = tuple(one for one in split(value, ",") if one)
        if modifier == "missing" and values not in (("true",), ("false",)):
            raise BadRequest(f"{name}={value}: it is true or false.", code="value")
        if values:
            self.clauses.append(Clause(code, modifier or None, values))

    def _knows(self, definition: SearchParameter, modifier: str) -> bool:
        known = PARAMETER_TYPES[definition.type].MODIFIERS
        is_type = "[type]" in known and self._definitions.is_resource_type(modifier)
        return modifier == "missing" or modifier in known or is_type

    def _unknown(self, name: str) -> str:
        valid = ", ".join(sorted(code for code, one in self._parameters.items() if is_searchable(one)))
        return f"{self._resource_type} has no search parameter {name}. Valid are: {valid}."
