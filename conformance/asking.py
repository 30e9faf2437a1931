"""What may be asked besides the body: query parameters and headers, as OpenAPI writes them down. Pure.

https://spec.openapis.org/oas/v3.1.0#parameter-object, https://hl7.org/fhir/R4/http.html#parameters
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from resources.definitions import Definitions
from resources.elements import Structure
from resources.operation import Parameter
from search.escapes import PREFIXES

from .searchable import Searchable

_STRING: Final[Mapping[str, Any]] = {"type": "string"}
_FLAG: Final = {"type": "boolean"}
_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
_INSTANT: Final = {"$ref": "#/components/schemas/instant"}
_ETAG: Final = r'(?:W/)?"[1-9][0-9]{0,8}"'
_NAMES: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_LINK: Final = "https://hl7.org/fhir/R4/"

# name → what it says, and the schema of its value
QUERY: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "_asOf": ("The version that was current at this instant.", _INSTANT),
    "_at": ("Versions that were current at some moment of this date, time or period.", _STRING),
    "_contained": ("Whether resources inside others are found.", {"enum": ["false", "true", "both"]}),
    "_containedType": ("Of what is found inside: the container or the inner.", {"enum": ["container", "contained"]}),
    "_count": ("Entries of a page; 0 for the total alone.", _COUNT),
    "_elements": ("Only these elements, and those that must be there; separated by commas.", _STRING),
    "_explain": ("Shows how the search is run instead of running it.", _FLAG),
    "_filter": (f"An expression of criteria: {_LINK}search_filter.html", _STRING),
    "_format": ("The format of the answer, whatever Accept says: json, xml or a media type.", _STRING),
    "_has": ("As _has:Observation:patient:code=…: those that others with these values point to.", _NAMES),
    "_include": ("As Observation:subject: with every match what it points to by that parameter; * for all.", _NAMES),
    "_list": ("Those in this List: its id.", _STRING),
    "_pretty": ("Written on many lines.", _FLAG),
    "_query": ("A named query.", _STRING),
    "_revinclude": ("As Provenance:target: with every match what points to it by that parameter.", _NAMES),
    "_since": ("Versions written at this instant or later.", _INSTANT),
    "_sort": ("Search parameters to sort by, separated by commas; - before one turns it round.", _STRING),
    "_summary": ("How much of each resource.", {"enum": ["true", "text", "data", "count", "false"]}),
    "_total": ("Whether matches are counted.", {"enum": ["none", "estimate", "accurate"]}),
    "_type": ("The resource types to go through, separated by commas.", _STRING),
    "mode": ("Which statement.", {"enum": ["full", "normative"]}),
}
_EVERYWHERE: Final = ("_format", "_pretty")
HEADERS: Final[Mapping[str, str]] = {
    "If-Match": 'The version that is meant: W/"3". Another one being current, nothing is done.',
    "If-None-Match": 'The version that is there already, W/"3"; * with an update: only create.',
    "If-Modified-Since": "The date of the version that is there already.",
    "If-None-Exist": "Criteria as of a search: only create what does not exist: identifier=http://a.example|1",
    "Idempotency-Key": "Any text: sent again with it within a day, the request is not done again but answered the same.",
    "Prefer": "return=minimal, representation or OperationOutcome; handling=strict or lenient; respond-async",
    "X-Request-Id": "A name for the request, which the answer repeats.",
}

_HEADER_PATTERNS: Final = {
    "If-Match": rf"^(?:\*|{_ETAG}(?:, *{_ETAG})*)$",
    "If-None-Match": rf"^(?:\*|{_ETAG}(?:, *{_ETAG})*)$",
}

_PREFIX: Final = f"(?:{'|'.join(PREFIXES)})?"
_NUMBER: Final = _PREFIX + r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e-?[0-9]{1,2})?"
_DAY: Final = r"(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK: Final = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?"
)
_DATE: Final = _PREFIX + rf"[1-9][0-9]{{3}}(?:-(?:0[1-9]|1[0-2])(?:-{_DAY}(?:T{_CLOCK})?)?)?"
_PATTERNS: Final = {"number": _NUMBER, "date": _DATE, "quantity": rf"{_NUMBER}(?:\|[^|,$\\]*\|[^|,$\\]*)?"}
_SEARCH_TYPES: Final = (
    "number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special",
)  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def search_schemas() -> dict[str, dict[str, Any]]:
    """Of each search parameter type what its values look like, without a modifier. A parameter may be repeated."""
    made = {}
    for name in _SEARCH_TYPES:
        one = {"type": "string"}
        if name in _PATTERNS:
            one["pattern"] = f"^{_PATTERNS[name]}(?:,{_PATTERNS[name]})*$"
        made[f"search-{name}"] = {"type": "array", "items": one}
    return made


def fixed() -> dict[str, dict[str, Any]]:
    """The parameters that mean the same wherever they are: by the name under which Asking refers to them."""
    made: dict[str, dict[str, Any]] = {}
    for name, (said, schema) in QUERY.items():
        typed = schema if "type" in schema or "$ref" in schema else {"type": "string", **schema}
        made[name] = {"name": name, "in": "query", "description": said, "schema": typed}
    for name, said in HEADERS.items():
        made[name] = {"name": name, "in": "header", "description": said, "schema": _STRING}
        if name in _HEADER_PATTERNS:
            made[name]["schema"] = {"type": "string", "pattern": _HEADER_PATTERNS[name]}
    places = {
        "id": ("Logical id.", {"type": "string", "pattern": r"^[A-Za-z0-9\-.]{1,64}$"}),
        "vid": ("Version id.", {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}),
        "job": ("Of the job: where Content-Location pointed.", _STRING),
    }
    for name, (said, schema) in places.items():
        made[name] = {"name": name, "in": "path", "required": True, "description": said, "schema": schema}
    # Any names with any values: the OpenAPI form of criteria that are written out elsewhere.
    made["criteria"] = {
        "name": "criteria",
        "in": "query",
        "description": "The parameters of a search over the type: birthdate=ge2020, name:exact=Ada …",
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "style": "form",
        "explode": True,
    }
    return made


class Asking:
    """The parameters of one document: `named` collects those that are referred to."""

    def __init__(
        self,
        definitions: Definitions,
        preconditions: Mapping[str, Collection[str]],
        controls: Collection[str],
        formats: Sequence[str],
        queries: Mapping[str, Collection[str]],
    ) -> None:
        self._definitions = definitions
        self._preconditions = preconditions
        self._controls = sorted(controls)
        self._queries = queries
        self.named = fixed()
        self.named["_format"]["schema"] = {"type": "string", "enum": list(formats)}
        for name in {*self._controls, *(name for names in queries.values() for name in names)}:
            self.named.setdefault(name, {"name": name, "in": "query", "schema": _STRING})

    def everywhere(self) -> list[dict[str, str]]:
        """What any request may say."""
        return [_ref(name) for name in (*_EVERYWHERE, "Prefer", "X-Request-Id")]

    def of(self, interaction: str, method: str) -> list[dict[str, str]]:
        """What requests of an interaction may say, without criteria."""
        names = [name for name in HEADERS if name.lower() in self._preconditions.get(interaction, ())]
        if method == "POST":
            names.append("Idempotency-Key")
        said = [name for name in self._queries.get(interaction, ()) if name not in _EVERYWHERE]
        return [_ref(name) for name in (*said, *names)]

    def criteria(self) -> list[dict[str, str]]:
        """Search parameters of a type that is only known when it is asked."""
        return [_ref("criteria")]

    def controlled(self) -> list[dict[str, str]]:
        """What a search may say that no search parameter defines."""
        return [_ref(name) for name in self._controls]

    def searching(self, resource_type: str, parameters: Sequence[Searchable]) -> list[dict[str, str]]:
        """Every search parameter of a type, and the controls; what types share is written down once."""
        found = []
        for one in parameters:
            made = self._search_parameter(resource_type, one)
            name = re.sub(r"[^A-Za-z0-9._-]", "-", one.url.rpartition("/")[2])
            if self.named.setdefault(name, made) != made:
                name = f"{resource_type}.{name}"
                self.named[name] = made
            found.append(_ref(name))
        return found + self.controlled()

    def _search_parameter(self, resource_type: str, one: Searchable) -> dict[str, Any]:
        definition = self._definitions.parameters_of(resource_type)[one.code]
        made: dict[str, Any] = {
            "name": one.code,
            "in": "query",
            "description": f"{_about(definition.description, resource_type)} ({one.type})",
            "schema": {"$ref": f"#/components/schemas/search-{one.type}"},
        }
        extra = {
            "x-fhir-modifiers": one.modifiers,
            "x-fhir-comparators": one.comparators,
            "x-fhir-targets": one.targets,
        }
        return made | {name: list(values) for name, values in extra.items() if values and len(values) < 20}

    def sent(self, whose: str, parameters: Sequence[Parameter]) -> list[dict[str, str]]:
        """The parameters of an operation in a query: those that are plain values. whose: id of its definition."""
        found: list[dict[str, str]] = []
        for one in parameters:
            structure = self._definitions.structures.get(one.type)
            if structure is not None and structure.kind == "primitive-type":
                self.named[f"{whose}.{one.name}"] = _in_query(one, structure)
                found.append(_ref(f"{whose}.{one.name}"))
        return found


def _in_query(parameter: Parameter, structure: Structure) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{structure.name}"}
    if parameter.searchType:
        schema = {"$ref": f"#/components/schemas/search-{parameter.searchType}"}
    elif parameter.repeats:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name,
        "in": "query",
        "description": f"{parameter.documentation} ({parameter.searchType or parameter.type})".strip(),
        "required": parameter.min > 0,
        "schema": schema,
    }


def _about(description: str, resource_type: str) -> str:
    """Of a description for several types what it says of this one: "* [Patient](patient.html): A date"."""
    if mine := re.search(rf"^\* \[{resource_type}\]\([^)]*\): *(.*)$", description, re.MULTILINE):
        return mine[1].strip()
    return " ".join(description.split())


Searching = Callable[[str], Sequence[Searchable]]
