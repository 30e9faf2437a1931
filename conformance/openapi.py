"""The OpenAPI document of a tenant, computed from the tables that dispatch its requests. Pure.

Every route of every resource type is written out, so that a generator or a page shows what there is; what types share
lies once among the components. https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from resources.definitions import Definitions

from . import capability
from .asking import Asking, Searching, search_schemas
from .capability import Operation
from .schemas import schemas

_SPECIFICATION: Final = "https://hl7.org/fhir/R4/"
_SYSTEM: Final = "System"  # the tag of what is about no type
_OUTCOME: Final = "OperationOutcome"
_FORM: Final = "application/x-www-form-urlencoded"
_ANY: Final = "*/*"
_NATIVE: Final = "Binary"  # the type whose content may be sent as it is
_RETURNED: Final = "return"

# interaction → its name for people
_SUMMARIES: Final[Mapping[str, str]] = {
    "read": "Read",
    "vread": "Read a version",
    "create": "Create",
    "update": "Update",
    "patch": "Patch",
    "delete": "Delete",
    "history-instance": "History of one",
    "history-type": "History of all of the type",
    "history-system": "History of everything",
    "search-type": "Search",
    "search-compartment": "Search in a compartment",
    "search-system": "Search over all types",
    "capabilities": "What this server does",
    "batch": "Batch or transaction",
    "transaction": "Batch or transaction",
    "async-status": "State or result of a job",
    "async-cancel": "Cancel a job",
}
# interaction → the statuses that mean something of their own; every other failure is the default
_STATUSES: Final[Mapping[str, tuple[int, ...]]] = {
    "read": (200, 304, 404, 410),
    "vread": (200, 404, 410),
    "create": (200, 201, 412),
    "update": (200, 201, 412),
    "patch": (200, 404, 410, 412, 422),
    "delete": (200, 204, 412),
    "history-instance": (200, 404),
    "capabilities": (200, 304),
    "operation": (200, 404),
    "async-status": (200, 202, 404),
    "async-cancel": (202, 404),
}
_BODIES: Final = {
    "create": "resource",
    "update": "resource",
    "patch": "patch",
    "batch": "Bundle",
    "transaction": "Bundle",
}
_LEVELS: Final = {"": "", ".one": " of one", ".version": " of a version"}
_HEADERS: Final[Mapping[str, str]] = {
    "ETag": 'The version: W/"3".',
    "Last-Modified": "When it was written.",
    "Location": "Where the version is that was written.",
    "Content-Location": "Where the state of the job is.",
    "X-Request-Id": "The name of the request.",
}


class Route(capability.Route, Protocol):
    """A row of the table that dispatches requests."""

    @property
    def method(self) -> str: ...


class Tables(NamedTuple):
    """What a document is computed from."""

    routes: Sequence[Route]
    operations: Sequence[Operation]
    definitions: Definitions
    searchable: Searching  # the parameters of a resource type that work
    controls: Collection[str]  # names of what else a search may say
    queries: Mapping[str, Collection[str]]  # interaction → what else its query may say, if it is no search
    preconditions: Mapping[str, Collection[str]]  # interaction → headers it heeds, in lower case
    formats: Sequence[str]  # of resources, as `_format` may name them: short names and media types
    patch_formats: Sequence[str]


class _Place(NamedTuple):
    """A route at one of the paths that it stands for."""

    path: str  # "/Patient/{id}"
    tag: str  # resource type or System
    route: Route
    inside: tuple[str, ...] = ()  # resource types that {type} may be


def openapi(tables: Tables, *, base: str, software: tuple[str, str]) -> dict[str, Any]:
    """The document. base: "http://host/fhir/default". software: name and version."""
    return _Document(tables).made(base, software)


class _Document:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._asking = Asking(tables.definitions, tables.preconditions, tables.controls, tables.formats, tables.queries)
        self._types = tables.definitions.resource_types

    def made(self, base: str, software: tuple[str, str]) -> dict[str, Any]:
        name, version = software
        paths: dict[str, dict[str, Any]] = {}
        for place in self._places():
            item = paths.setdefault(place.path, {"parameters": self._asking.everywhere()})
            # Batch and transaction are one request: the Bundle says which.
            item.setdefault(place.route.method.lower(), self._operation(place))
        for path, tag, row in self._asked():
            item = paths.setdefault(path, {"parameters": self._asking.everywhere()})
            item |= self._of_operation(path, tag, row)
        tags: list[dict[str, Any]] = [{"name": _SYSTEM, "description": "Over all resource types"}]
        tags += [{"name": one, "externalDocs": {"url": f"{_SPECIFICATION}{one.lower()}.html"}} for one in self._types]
        return {
            "openapi": "3.1.0",
            "info": {"title": f"FHIR R4 at {base}", "version": version, "description": f"{name} {version}"},
            "externalDocs": {"url": f"{_SPECIFICATION}http.html"},
            "servers": [{"url": base}],
            "tags": tags,
            "paths": paths,
            "components": {
                "schemas": {**schemas(self._tables.definitions), **search_schemas()},
                "parameters": self._asking.named,
                "headers": {one: {"description": said, "schema": {"type": "string"}} for one, said in _HEADERS.items()},
                "requestBodies": self._bodies(),
                "responses": self._responses(),
            },
        }

    def _places(self) -> Iterator[_Place]:
        """Every route at every path that it stands for, but operations."""
        compartments = self._tables.definitions.compartments
        for route in self._tables.routes:
            if route.interaction == "operation":
                continue
            shape = "/" + route.shape.replace("[id]", "{id}").replace("[vid]", "{vid}").replace("[job]", "{job}")
            if "[compartment]" in shape:
                for name, inside in compartments.items():
                    path = shape.replace("[compartment]", name).replace("[type]", "{type}")
                    yield _Place(path, name, route, tuple(inside))
            elif "[type]" in shape:
                for name in self._types:
                    yield _Place(shape.replace("[type]", name), name, route)
            else:
                yield _Place(shape, _SYSTEM, route)

    def _operation(self, place: _Place) -> dict[str, Any]:
        """The Operation Object of a route at a path."""
        interaction, method = place.route.interaction, place.route.method
        conditional = place.route.shape == "[type]" and interaction in ("update", "patch", "delete")
        searching, form = interaction.startswith("search-"), method == "POST" and interaction.startswith("search-")
        parameters: list[dict[str, Any]] = [{"$ref": f"#/components/parameters/{one}"} for one in _names(place.path)]
        if "{type}" in place.path:
            types = {"type": "string", "enum": list(place.inside)}
            parameters.append({"name": "type", "in": "path", "required": True, "schema": types})
        if conditional:
            parameters += self._asking.criteria()
        elif searching and not form:
            if interaction == "search-type":
                parameters += self._asking.searching(place.tag, self._tables.searchable(place.tag))
            else:
                parameters += self._asking.criteria() + self._asking.controlled()
        parameters += self._asking.of(interaction, method)
        named = [interaction, place.tag if place.tag != _SYSTEM else "", "conditional" if conditional else ""]
        named += ["all" if "*" in place.path else "", "form" if form else ""]
        told = _SUMMARIES.get(interaction, interaction)
        told += " by criteria" if conditional else " by POST" if form else ""
        made: dict[str, Any] = {
            "operationId": ".".join(filter(None, named)),
            "summary": f"{told}, over all its types" if "*" in place.path else told,
            "tags": [place.tag],
            "parameters": parameters,
            "responses": self._answers(interaction, place.tag, method),
        }
        if form:
            made["requestBody"] = {"$ref": "#/components/requestBodies/criteria"}
        elif body := _BODIES.get(interaction):
            made["requestBody"] = {"$ref": f"#/components/requestBodies/{place.tag if body == 'resource' else body}"}
        return made

    def _answers(self, interaction: str, tag: str, method: str, answered: str = "") -> dict[str, Any]:
        """The Responses Object. answered: the resource type of a success, where it is not the one the path is about."""
        what = answered or ("resource" if tag == _SYSTEM else tag)
        if interaction.startswith(("search-", "history-")) or interaction in ("batch", "transaction", "async-status"):
            what = "Bundle"
        elif interaction == "capabilities":
            what = "CapabilityStatement"
        elif interaction == "delete":
            what = _OUTCOME
        statuses = dict.fromkeys(
            (*_STATUSES.get(interaction, (200,)), *(() if interaction == "capabilities" else (202,)))
        )
        of_status = {status: what if status in (200, 201) else str(status) for status in sorted(statuses)}
        said = {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in of_status.items()}
        return {**said, "default": {"$ref": "#/components/responses/failure"}}

    def _asked(self) -> Iterator[tuple[str, str, Operation]]:
        """Path, tag and row of every operation, at every place where it can be asked."""
        shapes = {one.shape for one in self._tables.routes if one.interaction == "operation"}
        for row in self._tables.operations:
            if "system" in row.levels and "$[code]" in shapes:
                yield f"/${row.code}", _SYSTEM, row
            for name in row.types(self._tables.definitions):
                if "type" in row.levels and "[type]/$[code]" in shapes:
                    yield f"/{name}/${row.code}", name, row
                if "instance" in row.levels and "[type]/[id]/$[code]" in shapes:
                    yield f"/{name}/{{id}}/${row.code}", name, row
                if "version" in row.levels and "[type]/[id]/_history/[vid]/$[code]" in shapes:
                    yield f"/{name}/{{id}}/_history/{{vid}}/${row.code}", name, row

    def _of_operation(self, path: str, tag: str, row: Operation) -> dict[str, Any]:
        """The methods of an operation: by GET with its plain parameters, by POST with a Parameters resource."""
        out = row.definition.answered
        alone = out[0].type if [one.name for one in out] == [_RETURNED] else ""
        answered = "resource" if alone == "Resource" else alone if alone in self._types else "Parameters"
        made: dict[str, Any] = {}
        for method in row.methods:
            parameters: list[dict[str, Any]] = [{"$ref": f"#/components/parameters/{one}"} for one in _names(path)]
            if method == "GET":
                parameters += self._asking.sent(row.canonical.rpartition("/")[2], row.definition.sent)
            parameters += [*(self._asking.criteria() if row.open else ()), *self._asking.of("operation", method)]
            level = ".version" if "{vid}" in path else ".one" if "{id}" in path else ""
            made[method.lower()] = {
                "operationId": f"{method.lower()}.{row.code}{'' if tag == _SYSTEM else f'.{tag}'}{level}",
                "summary": f"${row.code}{_LEVELS[level]}{' by POST' if method == 'POST' else ''}",
                "tags": [tag],
                "parameters": parameters,
                "responses": self._answers("operation", tag, method, answered),
            }
            if len(made) == 1 and level != ".version":
                said = filter(None, (row.definition.description, row.documentation))
                made[method.lower()]["description"] = "\n\n".join(said)
            if method == "POST":
                made["post"]["requestBody"] = {"$ref": "#/components/requestBodies/Parameters"}
        return made

    def _content(self, name: str) -> dict[str, Any]:
        """A resource in every format. XML has the same elements, but JSON Schema is not about it."""
        of_json = {"schema": {"$ref": f"#/components/schemas/{name}"}}
        of_xml = {"schema": {"type": "string"}}
        return {one: of_xml if "xml" in one else of_json for one in self._tables.formats if "/" in one}

    def _bodies(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name in self._types:
            content = self._content(name)
            if name == _NATIVE:
                content[_ANY] = {"schema": {}}
            made[name] = {"required": name != "Parameters", "content": content}
        patches: dict[str, Any] = {one: {"schema": _patch_schema(one)} for one in self._tables.patch_formats}
        made["patch"] = {"required": True, "content": patches}
        of_any_names = {"type": "object", "additionalProperties": {"type": "string"}}
        made["criteria"] = {
            "description": "The parameters of the search by GET.",
            "content": {_FORM: {"schema": of_any_names}},
        }
        return made

    def _responses(self) -> dict[str, Any]:
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
        of_job = headers.pop("Content-Location")
        shown = {"X-Request-Id": headers["X-Request-Id"]}
        made: dict[str, Any] = {}
        for name in self._types:
            content = self._content(name)
            if name == _NATIVE:
                content[_ANY] = {"schema": {}}
            made[name] = {"description": name, "headers": headers, "content": content}
        made["resource"] = {"description": "A resource", "headers": headers, "content": self._content("Resource")}
        failure = self._content(_OUTCOME)
        made["failure"] = {"description": "What was wrong", "headers": shown, "content": failure}
        made["202"] = {
            "description": "It is not done yet",
            "headers": {**shown, "Content-Location": of_job},
            "content": failure,
        }
        for status in sorted({one for of in _STATUSES.values() for one in of} - {200, 201, 202}):
            made[str(status)] = {"description": HTTPStatus(status).phrase, "headers": headers}
            if status >= 400:
                made[str(status)]["content"] = failure
        return made


def _names(path: str) -> list[str]:
    """The variable segments of a path that are described once for all."""
    return [name for name in ("id", "vid", "job") if f"{{{name}}}" in path]


def _patch_schema(media_type: str) -> dict[str, Any]:
    """What a patch of a media type looks like. https://hl7.org/fhir/R4/http.html#patch"""
    if "json-patch" in media_type:
        step = {
            "type": "object",
            "required": ["op", "path"],
            "properties": {"op": {"type": "string"}, "path": {"type": "string"}},
        }
        return {"type": "array", "items": step}
    if "merge-patch" in media_type:
        return {"type": "object"}
    return {"type": "string"} if "xml" in media_type else {"$ref": "#/components/schemas/Parameters"}
