"""ROUTES: method and path shape → interaction. The edge and Bundle entries both find their way here. Pure.

https://hl7.org/fhir/R4/http.html#summary
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from resources.definitions import Definitions
from resources.outcome import MethodNotAllowed, NotFound


class Route(Struct, frozen=True):
    """One row: what a method on a path of this shape means, in the words of the specification."""

    method: str
    shape: str  # below the base; [type], [id], [vid], [compartment], [job] and $[code] stand for one segment each
    interaction: str  # http://hl7.org/fhir/restful-interaction; search-compartment is not in it before R5


ROUTES: Final = (
    Route("GET", "metadata", "capabilities"),
    Route("GET", "[type]/[id]", "read"),
    Route("GET", "[type]/[id]/_history/[vid]", "vread"),
    Route("POST", "[type]", "create"),
    Route("PUT", "[type]/[id]", "update"),
    Route("PUT", "[type]", "update"),
    Route("PATCH", "[type]/[id]", "patch"),
    Route("PATCH", "[type]", "patch"),
    Route("DELETE", "[type]/[id]", "delete"),
    Route("DELETE", "[type]", "delete"),
    Route("GET", "[type]/[id]/_history", "history-instance"),
    Route("GET", "[type]/_history", "history-type"),
    Route("GET", "_history", "history-system"),
    Route("GET", "[type]", "search-type"),
    Route("POST", "[type]/_search", "search-type"),
    Route("GET", "[compartment]/[id]/[type]", "search-compartment"),
    Route("POST", "[compartment]/[id]/[type]/_search", "search-compartment"),
    Route("GET", "[compartment]/[id]/*", "search-compartment"),
    Route("POST", "[compartment]/[id]/*/_search", "search-compartment"),
    Route("GET", "", "search-system"),
    Route("POST", "_search", "search-system"),
    *(
        Route(method, shape + "$[code]", "operation")
        for shape in ("", "[type]/", "[type]/[id]/", "[type]/[id]/_history/[vid]/")
        for method in ("GET", "POST")
    ),
    Route("GET", "_operation/[id]", "operation-definition"),
    Route("GET", "_async/[job]", "async-status"),
    Route("DELETE", "_async/[job]", "async-cancel"),
    # Which of the two it is, the Bundle's own type says.
    Route("POST", "", "batch"),
    Route("POST", "", "transaction"),
)


_OPERATION: Final = "$[code]"


def _key(shape: str) -> tuple[str, ...]:
    """A shape with its variable segments left empty."""
    return tuple("" if segment.startswith("[") else segment for segment in shape.split("/")) if shape else ()


_METHODS: Final[dict[tuple[str, ...], dict[str, Route]]] = {}
for _route in ROUTES:
    _METHODS.setdefault(_key(_route.shape), {})[_route.method] = _route
_COMPARTMENTS: Final = {_key(route.shape) for route in ROUTES if route.interaction == "search-compartment"}
# (Place in the path, segment): only there it is a word of the specification; elsewhere it may be an id.
_KEYWORDS: Final = {(n, segment) for key in _METHODS for n, segment in enumerate(key) if n and segment}


def find(method: str, path: tuple[str, ...], definitions: Definitions) -> Route:
    """The route of a method on a path. Raises NotFound (404), MethodNotAllowed (405, with Allow)."""
    key = path
    if path:
        first = "" if definitions.is_resource_type(path[0]) else path[0]
        # An empty segment of a shape stands for any.
        key = (first, *[segment if (n, segment) in _KEYWORDS else "" for n, segment in enumerate(path[1:], 1)])
        if path[-1].startswith("$"):
            key = (*key[:-1], _OPERATION)
    methods = _METHODS.get(key)
    if methods is None or "" in path or (key in _COMPARTMENTS and _is_no_compartment(path, definitions)):
        raise NotFound(_unknown(path, definitions), code="not-supported")
    route = methods.get(method)
    if route is None:
        allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
        raise MethodNotAllowed(
            f"{method} is not possible on {'/'.join(path) or 'the base'}; possible are {', '.join(allowed)}.",
            headers={"Allow": ", ".join(allowed)},
        )
    return route


def _is_no_compartment(path: tuple[str, ...], definitions: Definitions) -> bool:
    """Whether the first type of what looks like a compartment has none, or the last is no type."""
    return path[0] not in definitions.compartments or not (path[2] == "*" or definitions.is_resource_type(path[2]))


def _unknown(path: tuple[str, ...], definitions: Definitions) -> str:
    for name in path[:1] + path[2:3]:
        if not definitions.is_resource_type(name) and not name.startswith("_") and name != "*":
            alike = next((one for one in definitions.resource_types if one.lower() == name.lower()), "")
            hint = f"; {alike} was meant?" if alike else "."
            return f"{name[:100]!r} is not a resource type of FHIR R4{hint}"
    if len(path) > 2 and definitions.is_resource_type(path[2]) and path[0] not in definitions.compartments:
        return f"{path[0]} has no compartment; there are those of {', '.join(sorted(definitions.compartments))}."
    return f"There is nothing at {'/'.join(path)[:200]!r}."
