"""ROUTES: method and path shape → interaction. The edge and Bundle entries both find their way here. Pure.

https://hl7.org/fhir/R4/http.html#summary
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from resources.definitions import Definitions
from resources.outcome import MethodNotAllowed, NotFound

from .operations import OPERATIONS


class Route(Struct, frozen=True):
    """One row: what a method on a path of this shape means, in the words of the specification."""

    method: str
    shape: str  # below the base; [type], [id] and [vid] stand for one segment each
    interaction: str  # http://hl7.org/fhir/restful-interaction


ROUTES: Final = (
    Route("GET", "metadata", "capabilities"),
    Route("GET", "[type]/[id]", "read"),
    Route("GET", "[type]/[id]/_history/[vid]", "vread"),
    Route("POST", "[type]", "create"),
    Route("PUT", "[type]/[id]", "update"),
    Route("DELETE", "[type]/[id]", "delete"),
    Route("GET", "[type]/[id]/_history", "history-instance"),
    Route("GET", "[type]/_history", "history-type"),
    Route("GET", "_history", "history-system"),
    Route("GET", "[type]", "search-type"),
    Route("POST", "[type]/_search", "search-type"),
    # Which of the two it is, the Bundle's own type says.
    Route("POST", "", "batch"),
    Route("POST", "", "transaction"),
)


def _key(shape: str) -> tuple[str, ...]:
    """A shape with its variable segments left empty."""
    return tuple("" if segment.startswith("[") else segment for segment in shape.split("/")) if shape else ()


_METHODS: Final[dict[tuple[str, ...], dict[str, Route]]] = {}
for _route in ROUTES:
    _METHODS.setdefault(_key(_route.shape), {})[_route.method] = _route
_KEYWORDS: Final = {segment for key in _METHODS for segment in key[1:] if segment}


def find(method: str, path: tuple[str, ...], definitions: Definitions) -> Route:
    """The route of a method on a path. Raises NotFound (404), MethodNotAllowed (405, with Allow)."""
    if path and not path[-1].startswith("$"):
        first = "" if definitions.is_resource_type(path[0]) else path[0]
        # An empty segment of a shape stands for any.
        key = (first, *[segment if segment in _KEYWORDS else "" for segment in path[1:]])
    else:
        key = path
    methods = _METHODS.get(key)
    if methods is None or "" in path:
        raise NotFound(_unknown(path, definitions), code="not-supported")
    route = methods.get(method)
    if route is None:
        allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
        raise MethodNotAllowed(
            f"{method} is not possible on {'/'.join(path) or 'the base'}; possible are {', '.join(allowed)}.",
            headers={"Allow": ", ".join(allowed)},
        )
    return route


def _unknown(path: tuple[str, ...], definitions: Definitions) -> str:
    if path[-1].startswith("$"):
        known = ", ".join(f"${operation.code}" for operation in OPERATIONS) or "none yet"
        return f"The operation {path[-1][:100]} is not known here; known are: {known}."
    if not definitions.is_resource_type(path[0]) and not path[0].startswith("_"):
        alike = next((name for name in definitions.resource_types if name.lower() == path[0].lower()), "")
        hint = f"; {alike} was meant?" if alike else "."
        return f"{path[0][:100]!r} is not a resource type of FHIR R4{hint}"
    return f"There is nothing at {'/'.join(path)[:200]!r}."
