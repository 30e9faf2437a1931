"""OPERATIONS: every $operation this server knows, on one page. https://hl7.org/fhir/R4/operations.html

What is not in the table is answered with 404, and the CapabilityStatement names exactly what is. Where an operation is
and what it takes, its OperationDefinition says: the official one, or one of OWN.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from msgspec.structs import replace

from resources import exact
from resources.database import Session
from resources.definitions import load
from resources.operation import OperationDefinition, Parameter, Parameters, Reader, defined
from resources.outcome import BadRequest, Malformed, MethodNotAllowed, NotFound

from .. import binary
from ..exchange import Request, Response
from ..media import PRESENTATION, is_fhir
from . import closure, differences, everything, lastn, meta, packages, revalidate, terminology, validate, versions

Run = Callable[[Session, Request, Parameters], Awaitable[Response]]

FORM: Final = "application/x-www-form-urlencoded"
_PLACE: Final = "_operation"  # below the base: where OperationDefinitions are read
_LEVELS: Final = {1: "system", 2: "type", 3: "instance", 5: "version"}  # by the segments of the path

_EVERYTHING: Final = "Also takes `_asOf`, an instant: the record as it was then."

# Operations that R4 does not have. Their URL is that under which this server answers with them: [base]/_operation/[id].
OWN: Final[dict[str, dict[str, Any]]] = {
    **packages.DEFINITIONS,
    **terminology.DEFINITIONS,
    "Resource-revalidate": revalidate.DEFINITION,
    "Resource-diff": {
        "resourceType": "OperationDefinition",
        "id": "Resource-diff",
        "name": "Diff",
        "title": "What has changed between two versions of a resource",
        "status": "active",
        "kind": "operation",
        "affectsState": False,
        "description": "Answers with the FHIRPath Patch that makes the later of two versions out of the earlier one.",
        "code": "diff",
        "resource": ["Resource"],
        "system": False,
        "type": False,
        "instance": True,
        "parameter": [
            {
                "name": "from",
                "use": "in",
                "min": 0,
                "max": "1",
                "documentation": "The version to begin with: a version id, or an instant at which it was the current one. "
                "By default the version before the other one.",
                "type": "string",
            },
            {
                "name": "to",
                "use": "in",
                "min": 0,
                "max": "1",
                "documentation": "The version to end with: a version id, or an instant. By default that of the URL, or "
                "the current one.",
                "type": "string",
            },
            {
                "name": "return",
                "use": "out",
                "min": 1,
                "max": "1",
                "documentation": "A FHIRPath Patch (https://hl7.org/fhir/R4/fhirpatch.html), after whose operations "
                "`from` and `to` refer to the two versions.",
                "type": "Parameters",
            },
        ],
    },
}


class Operation(Struct, frozen=True):
    """One row: an operation, what describes it, and what does it."""

    code: str  # without the dollar: "validate"
    definition: str  # id of its OperationDefinition, an official one or one of OWN
    run: Run
    affects_state: bool = False  # then it is asked for by POST only; the official definitions do not tell
    levels: tuple[str, ...] = ()  # system, type, instance: those that are done here; () for all that the definition has
    on_versions: bool = False  # also at [type]/[id]/_history/[vid]
    open: bool = False  # parameters that the definition does not have are left in request.query, for `run` to judge
    judges: Callable[[Malformed], Response] | None = (
        None  # of one that judges what is sent: its answer to what is no resource
    )
    answers_later: bool = False  # whatever the client prefers: the answer says where the result will be
    takes_content: bool = (
        False  # its only resource, a Binary, may be sent as it is, and as large as a Bundle of requests
    )
    documentation: str = ""  # what the CapabilityStatement adds to the definition

    @property
    def extra(self) -> tuple[Parameter, ...]:
        """What it takes besides what its definition has."""
        return terminology.EXTRA.get(self.definition, ())


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("diff", "Resource-diff", differences.difference, on_versions=True),
    Operation(
        "everything",
        "Patient-everything",
        everything.everything,
        levels=("instance",),
        open=True,
        documentation=_EVERYTHING,
    ),
    Operation(
        "everything",
        "Encounter-everything",
        everything.everything,
        levels=("instance",),
        open=True,
        documentation=_EVERYTHING,
    ),
    Operation(
        "lastn",
        "Observation-lastn",
        lastn.lastn,
        open=True,
        documentation="Takes the search parameters of Observation, among them `patient` or `subject`.",
    ),
    Operation("meta", "Resource-meta", meta.meta, on_versions=True),
    Operation("meta-add", "Resource-meta-add", meta.meta_add, affects_state=True, on_versions=True),
    Operation("meta-delete", "Resource-meta-delete", meta.meta_delete, affects_state=True, on_versions=True),
    Operation("packages", "packages", packages.packages),
    Operation("package-install", "package-install", packages.package_install, affects_state=True, takes_content=True),
    Operation("package-preview", "package-preview", packages.package_preview, takes_content=True),
    Operation("package-uninstall", "package-uninstall", packages.package_uninstall, affects_state=True),
    Operation(
        "validate",
        "Resource-validate",
        validate.validate,
        judges=validate.unreadable,
        documentation="Without `resource` the stored one is judged. Issues have line and column of the text that was sent.",
    ),
    Operation(
        "revalidate",
        "Resource-revalidate",
        revalidate.revalidate,
        affects_state=True,
        answers_later=True,
        documentation="Answers 202; the report is at Content-Location as soon as everything was judged.",
    ),
    Operation("versions", "CapabilityStatement-versions", versions.versions),
    Operation("lookup", "CodeSystem-lookup", terminology.lookup_run),
    Operation("validate-code", "CodeSystem-validate-code", terminology.validate_code_system_code_run),
    Operation("subsumes", "CodeSystem-subsumes", terminology.subsumes_run),
    Operation("find-matches", "CodeSystem-find-matches", terminology.find_matches_run),
    Operation("expand", "ValueSet-expand", terminology.expand_run),
    Operation("validate-code", "ValueSet-validate-code", terminology.validate_value_set_code_run),
    Operation("batch-validate-code", "ValueSet-batch-validate-code", terminology.batch_validate_run),
    Operation("related", "ValueSet-related", terminology.related_run),
    Operation("translate", "ConceptMap-translate", terminology.translate_run),
    Operation("closure", "ConceptMap-closure", closure.closure, affects_state=True),
)


@cache
def _trees() -> dict[str, dict[str, Any]]:
    return {tree["id"]: tree for tree in load().operations} | OWN


@cache
def definition_of(operation: Operation) -> OperationDefinition:
    """What the operation takes and gives."""
    found = defined({"url": "", **_trees()[operation.definition]})
    extra = tuple(one for one in operation.extra if one.name not in {known.name for known in found.sent})
    return replace(found, parameter=(*found.parameter, *extra)) if extra else found


def canonical(operation: Operation, base: str) -> str:
    """The URL of its OperationDefinition; one of our own can be read there. base: of the tenant."""
    if operation.definition in OWN:
        return f"{base}/{_PLACE}/{operation.definition}"
    return definition_of(operation).url


def levels(operation: Operation) -> tuple[str, ...]:
    """Where it is: system, type, instance."""
    of = definition_of(operation)
    there = (("system", of.system), ("type", of.type), ("instance", of.instance))
    return tuple(name for name, is_there in there if is_there and (not operation.levels or name in operation.levels))


def methods(operation: Operation) -> tuple[str, ...]:
    """GET only where nothing is changed, and plain values are enough. https://hl7.org/fhir/R4/operations.html#executing"""
    primitive = (load().structures.get(one.type) for one in definition_of(operation).sent if one.min)
    plain = all(structure is not None and structure.kind == "primitive-type" for structure in primitive)
    return ("GET", "POST") if plain and not operation.affects_state else ("POST",)


def is_on(operation: Operation, resource_type: str) -> bool:
    """Whether the type has the operation, at any level."""
    types = definition_of(operation).resource
    return "Resource" in types or resource_type in types or resource_type in load().types_below(types)


def of_type(resource_type: str) -> tuple[Operation, ...]:
    """The operations of a type and of its instances."""
    return tuple(one for one in OPERATIONS if is_on(one, resource_type) and {"type", "instance"} & {*levels(one)})


def of_system() -> tuple[Operation, ...]:
    """The operations of the whole."""
    return tuple(one for one in OPERATIONS if "system" in levels(one))


def _at(path: tuple[str, ...]) -> tuple[Operation, ...]:
    """The operations that the place of a path has."""
    level = _LEVELS.get(len(path), "")
    return _of(level, "" if level == "system" else path[0])


@lru_cache(maxsize=1_000)
def _of(level: str, resource_type: str) -> tuple[Operation, ...]:
    found = []
    for one in OPERATIONS:
        there = one.on_versions and "instance" in levels(one) if level == "version" else level in levels(one)
        if there and (level == "system" or is_on(one, resource_type)):
            found.append(one)
    return tuple(found)


def find_operation(path: tuple[str, ...]) -> Operation:
    """The row of a path that ends with $code. Raises NotFound (404: not-supported), naming those that are there."""
    there = _at(path)
    found = next((one for one in there if one.code == path[-1][1:]), None)
    if found is None:
        place = "/".join(path[:-1]) or "the base"
        known = ", ".join(f"${one.code}" for one in there) or "none"
        text = f"The operation {path[-1][:100]} is not known at {place[:200]}; known there: {known}."
        raise NotFound(text, code="not-supported")
    return found


def takes_content(path: tuple[str, ...]) -> bool:
    """Whether what is at a path is an operation whose Binary may be sent as it is."""
    code = path[-1][1:] if path and path[-1].startswith("$") else ""
    return any(one.code == code and one.takes_content for one in _at(path)) if code else False


def answers_later(path: tuple[str, ...]) -> bool:
    """Whether what is at a path is an operation that answers later, whatever the client prefers."""
    code = path[-1][1:] if path and path[-1].startswith("$") else ""
    return any(one.code == code and one.answers_later for one in _at(path)) if code else False


async def operation(session: Session, request: Request) -> Response:
    """Runs the operation of the path. Raises NotFound (404), MethodNotAllowed (405), BadRequest (400), and what it raises.

    https://hl7.org/fhir/R4/http.html#operations"""
    found = find_operation(request.path)
    if request.method not in methods(found):
        why = "changes what is stored" if found.affects_state else "takes more than plain values"
        raise MethodNotAllowed(f"${found.code} {why}: it is asked for by POST.", headers={"Allow": "POST"})
    definitions, validator = request.tenant.definitions, request.tenant.validator
    unjudged = found.judges is not None
    reader = Reader(definition_of(found), definitions, validator, open=found.open, unjudged=unjudged)
    reader.pairs(_pairs(request.query))
    if request.method == "POST" and (request.body or request.resource is not None):
        if request.resource is None and request.content_type == FORM:
            try:
                reader.pairs(_pairs(request.body.decode()))
            except UnicodeDecodeError:
                raise BadRequest("The form is not UTF-8.", code="value") from None
        elif found.takes_content and request.resource is None and not is_fhir(request.content_type):
            reader.resource(binary.of_content(request))
        else:
            try:
                sent = request.decode()
            except Malformed as malformed:
                if found.judges is None:
                    raise
                return found.judges(malformed)
            reader.resource(sent, itself=unjudged and _is_judged_itself(found, request, sent))
    parameters = reader.result()
    if found.open:
        shown = [pair for pair in parse_qsl(request.query) if pair[0] in PRESENTATION]
        request = replace(request, query=urlencode([*reader.left, *shown]))
    return await found.run(session, request, parameters)


def _is_judged_itself(found: Operation, request: Request, tree: dict[str, Any]) -> bool:
    """Whether Parameters that were sent to the operation of their own type are none of the operation's."""
    entries = tree.get("parameter")
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    known = {one.name for one in definition_of(found).sent}
    return request.path[0] == "Parameters" == tree.get("resourceType") and not any(
        name in known for name in map(str, names)
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    """What a query or form says, but for how the answer is to be written."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        raise BadRequest("There are more than 10000 parameters.", code="too-long") from None
    return [(name, value) for name, value in pairs if name not in PRESENTATION]


async def operation_definition(session: Session, request: Request) -> Response:
    """The OperationDefinition of an operation that is known here: 200. Raises NotFound (404)."""
    name = request.path[-1]
    found = next((one for one in OPERATIONS if one.definition == name), None)
    if found is None:
        known = ", ".join(one.definition for one in OPERATIONS)
        raise NotFound(f"There is no OperationDefinition {name[:100]!r} here; there are {known}.")
    return Response(200, exact.encode({**_trees()[name], "url": canonical(found, request.base)}).decode())
