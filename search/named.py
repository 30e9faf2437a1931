"""Named queries (`_query`): a stored OperationDefinition of kind query, and the search that it stands for.

Its criteria are a query string in an extension, with {name} where the value of a parameter goes.
https://hl7.org/fhir/R4/search.html#query, https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final
from urllib.parse import quote, urlencode

from resources.definitions import Definitions
from resources.outcome import BadRequest, NotSupported

from .query import Query, parse

CRITERIA: Final = "urn:fhir-server:query-criteria"
_PLACE: Final = re.compile(r"\{([^{}&=]*)\}")


def expanded(definitions: Definitions, query: Query, definition: Mapping[str, Any], strict: bool = True) -> Query:
    """The search that a query with a `_query` stands for: its own criteria and those of the definition.

    Raises BadRequest for parameters that are missing or too many, and for what they make of the criteria."""
    assert query.named
    given: dict[str, list[str]] = {}
    for name, value in query.named[1]:
        given.setdefault(name, []).append(value)
    text = expand(definition, given)
    inner = parse(definitions, query.scope, _scoped(query, text), strict, compartment=query.compartment)
    if inner.named:
        raise NotSupported(f"_query={query.named[0]}: a named query cannot name another one.")
    return replace(
        query,
        named=None,
        criteria=(*query.criteria, *inner.criteria),
        sort=query.sort or inner.sort,
        includes=tuple(dict.fromkeys((*query.includes, *inner.includes))),
        warnings=(*query.warnings, *inner.warnings),
    )


def _scoped(query: Query, text: str) -> str:
    return f"{text}&_type={','.join(query.types)}" if query.types else text


def expand(definition: Mapping[str, Any], parameters: Mapping[str, Sequence[str]]) -> str:
    """The query string of a named query with the values of a request, each percent-encoded where it is filled in.

    What needs a parameter that is not given is left out; with several values it is repeated for each. Parameters that
    the definition does not have are put after it, as search parameters of their own."""
    name = definition.get("code", "")
    criteria = [one for one in definition.get("extension", ()) if one.get("url") == CRITERIA]
    if definition.get("kind") != "query" or len(criteria) != 1 or not criteria[0].get("valueString"):
        raise NotSupported(f"_query={name}: its definition is none of a query with one extension {CRITERIA}.")
    known = {one["name"]: one for one in definition.get("parameter", ()) if one.get("use") == "in"}
    values = {one: _values(name, one, known[one], parameters.get(one, ())) for one in known}
    pairs: list[str] = []
    for pair in criteria[0]["valueString"].split("&"):
        places = list(dict.fromkeys(_PLACE.findall(pair)))
        unknown = [place for place in places if place not in known]
        if unknown:
            raise NotSupported(f"_query={name}: {unknown[0]} in its criteria is no parameter of its definition.")
        for filled in product(*(values[place] for place in places)):
            text = pair
            for place, value in zip(places, filled, strict=True):
                text = text.replace(f"{{{place}}}", quote(value, safe=""))
            pairs.append(text)
    others = [(one, value) for one, found in parameters.items() if one not in known for value in found]
    return "&".join([*pairs, *([urlencode(others)] if others else [])])


def _values(query: str, name: str, defined: Mapping[str, Any], values: Sequence[str]) -> Sequence[str]:
    """The values of a parameter, as many as its definition wants."""
    least, most = defined.get("min", 0), defined.get("max", "*")
    given = [value for value in values if value]
    if len(given) < least:
        raise BadRequest(f"_query={query}: the parameter {name} is required.", code="required")
    if most != "*" and len(given) > int(most):
        raise BadRequest(f"_query={query}: the parameter {name} is given {len(given)} times; {most} is the most.")
    return given
