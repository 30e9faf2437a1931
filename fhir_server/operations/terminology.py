"""The operations on code systems, value sets and concept maps: what they take beside their definitions, and how they run.

What they do is in terminology.operations: plain functions over what the tenant, the loaded releases and the request itself
define. https://hl7.org/fhir/R4/terminology-service.html, https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from conformance.terminology import Version
from resources import exact
from resources.database import Session
from resources.operation import Parameter, Parameters, Value
from resources.outcome import FhirError, Invalid
from search.library import Library
from terminology.operations.batch_validate import batch_validate
from terminology.operations.expand import MOST, expand
from terminology.operations.find_matches import find_matches
from terminology.operations.lookup import lookup
from terminology.operations.related import related
from terminology.operations.subsumes import subsumes
from terminology.operations.translate import translate
from terminology.operations.validate_code import validate_code_system_code, validate_value_set_code
from terminology.scope import Candidate, Scope, matches
from terminology.store import sent

from ..exchange import Request, Response
from ..reading import is_logical_id, present
from ..tenancy import Tenant

Json = dict[str, Any]
Function = Callable[[Scope, Parameters, str], Json]
Run = Callable[[Session, Request, Parameters], Awaitable[Response]]

_SENT: Final = "tx-resource"
_THRESHOLD: Final = "x-too-costly-threshold"  # header: rows from which on an expansion without `count` is refused
_TOLERATED: Final = (
    "is required (",
    "is not an element of R4",
)  # in resources that are sent along: of R5, or not finished


def _parameters(text: str) -> tuple[Parameter, ...]:
    """name type cardinality, one a line."""
    lines = (line.split() for line in text.strip().splitlines())
    return tuple(Parameter(name, "in", 0, most, kind) for name, kind, most in lines)


# Of every operation: what build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig asks of servers. `uuid` marks a request for its sender.
_OF_ALL: Final = _parameters(
    """
    tx-resource Resource *
    cache-id id 1
    uuid uri 1
    useSupplement canonical *
    displayLanguage string 1
    """
)
_OF_VERSIONS: Final = _parameters(
    """
    system-version canonical *
    check-system-version canonical *
    force-system-version canonical *
    default-valueset-version canonical *
    """
)
EXTRA: Final[Mapping[str, tuple[Parameter, ...]]] = {  # id of an OperationDefinition → what is taken besides
    "CodeSystem-lookup": _OF_ALL,
    "CodeSystem-subsumes": _OF_ALL,
    "CodeSystem-find-matches": _OF_ALL,
    "CodeSystem-validate-code": (
        *_OF_ALL,
        *_OF_VERSIONS,
        *_parameters(
            """
            system uri 1
            systemVersion string 1
            mode code 1
            lenient-display-validation boolean 1
            activeOnly boolean 1
            """
        ),
    ),
    "ValueSet-expand": (
        *_OF_ALL,
        *_OF_VERSIONS,
        *_parameters(
            """
            property string *
            """
        ),
    ),
    "ValueSet-validate-code": (
        *_OF_ALL,
        *_OF_VERSIONS,
        *_parameters(
            """
            inferSystem boolean 1
            mode code 1
            valueSetMode code 1
            lenient-display-validation boolean 1
            valueset-membership-only boolean 1
            activeOnly boolean 1
            contextDirection code 1
            """
        ),
    ),
    "ConceptMap-closure": (*_OF_ALL, *_parameters("reset boolean 1")),
    "ConceptMap-translate": (
        *_OF_ALL,
        *_parameters(
            """
            sourceCode code 1
            sourceSystem uri 1
            sourceCoding Coding 1
            sourceCodeableConcept CodeableConcept 1
            sourceScope uri 1
            targetCode code 1
            targetSystem uri 1
            targetCoding Coding 1
            targetCodeableConcept CodeableConcept 1
            targetScope uri 1
            """
        ),
    ),
}


def _own(code: str, title: str, description: str, resource_type: str, parameters: str, answer: str) -> Json:
    given = [
        {"name": one.name, "use": "in", "min": one.min, "max": one.max, "type": one.type}
        for one in _parameters(parameters)
    ]
    return {
        "resourceType": "OperationDefinition",
        "id": f"{resource_type}-{code}",
        "name": "".join(part.capitalize() for part in code.split("-")),
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": False,
        "description": description,
        "code": code,
        "resource": [resource_type],
        "system": False,
        "type": True,
        "instance": False,
        "parameter": [*given, {"name": "return", "use": "out", "min": 1, "max": "1", "type": answer}],
    }


DEFINITIONS: Final[dict[str, Json]] = {
    "ValueSet-batch-validate-code": _own(
        "batch-validate-code",
        "Whether many codes are in value sets",
        "Each `validation` is a Parameters resource as $validate-code takes it; what stands beside them holds for all. The "
        "answer has one `validation` for each, in their order.",
        "ValueSet",
        """
        validation Parameters *
        url uri 1
        valueSet ValueSet 1
        valueSetVersion string 1
        lenient-display-validation boolean 1
        valueset-membership-only boolean 1
        inferSystem boolean 1
        activeOnly boolean 1
        abstract boolean 1
        displayLanguage string 1
        system-version canonical *
        check-system-version canonical *
        force-system-version canonical *
        default-valueset-version canonical *
        useSupplement canonical *
        mode code 1
        valueSetMode code 1
        tx-resource Resource *
        cache-id id 1
        uuid uri 1
        """,
        "Parameters",
    ),
    "ValueSet-related": _own(
        "related",
        "How two value sets are related",
        "Whether they have the same codes, one has all of the other's, or some are in both.",
        "ValueSet",
        """
        thisUrl canonical 1
        thisVersion string 1
        thisValueSet ValueSet 1
        otherUrl canonical 1
        otherVersion string 1
        otherValueSet ValueSet 1
        activeOnly boolean 1
        diagnostics boolean 1
        tx-resource Resource *
        cache-id id 1
        uuid uri 1
        useSupplement canonical *
        """,
        "Parameters",
    ),
}


def _run(function: Function, of_instance: str = "") -> Run:
    """of_instance: the parameter that the resource of the URL is, at the level of instances."""

    async def run(session: Session, request: Request, parameters: Parameters) -> Response:
        if len(request.path) == 3:
            parameters = _with(parameters, of_instance, await _instance(session, request))
        answer = await answered(session, request, parameters, function)
        return Response(200, exact.encode(answer).decode())

    return run


async def answered(
    session: Session, request: Request, parameters: Parameters, function: Function, *, kept: str = ""
) -> Json:
    """The answer of an operation of terminology.operations in the tenant of a request.

    kept: under which resources that are sent along are kept where there is no cache-id; "" for not at all."""
    tenant = request.tenant
    along = tuple(_sent(request, parameters))
    cache_id = parameters.one("cache-id", kept)
    sent_along = await sent(session, cache_id, along) if cache_id else along
    languages = request.headers.get("accept-language", "")
    return await tenant.terminologies.answer(
        Library(session, tenant.indexer),
        lambda scope: function(scope, parameters, languages),
        sent=sent_along,
        versions=tenant.versions,
    )


async def _instance(session: Session, request: Request) -> Json:
    """The resource that the URL names. Raises NotFound (404), Gone (410)."""
    resource_type, logical_id, _ = request.path
    found = None
    if is_logical_id(logical_id):
        found = await request.tenant.store.read(session, resource_type, logical_id)
    return exact.trusted((present(found, f"{resource_type}/{logical_id}").body or "").encode())


def _with(parameters: Parameters, name: str, tree: Json) -> Parameters:
    taken = [one for one in ("url", name) if parameters.has(one)]
    if taken:
        raise Invalid(f"{taken[0]} is not for one {tree['resourceType']}, which the URL names.", code="invalid")
    return Parameters((*parameters.values, Value(name, tree, tree["resourceType"])))


def _sent(request: Request, parameters: Parameters) -> Iterator[Json]:
    """Resources that go along with the request, also in each of a batch. Raises Invalid (400) for what cannot be used."""
    for value in parameters.values:
        if value.name == _SENT:
            yield _usable(request, value.value)
        elif isinstance(value.value, dict) and value.value.get("resourceType") == "Parameters":
            for one in value.value.get("parameter", ()):
                if one.get("name") == _SENT and isinstance(one.get("resource"), dict):
                    yield _usable(request, one["resource"])


def _usable(request: Request, tree: Json) -> Json:
    """What is missing and what R4 does not know is judged where it matters; the rest has to be as R4 says."""
    resource_type = str(tree.get("resourceType"))
    if not request.tenant.definitions.is_resource_type(resource_type):
        raise Invalid(f"{_SENT} is a resource; {resource_type[:100]!r} is no resource type.", code="structure")
    try:
        request.tenant.validator.check(resource_type, tree)
    except FhirError as error:
        wrong = [
            one
            for one in error.issues
            if one.code != "code-invalid" and not any(part in one.diagnostics for part in _TOLERATED)
        ]
        if wrong:
            raise Invalid(issues=wrong) from None
    return tree


async def expand_run(session: Session, request: Request, parameters: Parameters) -> Response:
    """The expansion of a value set. A client may ask for a lower limit than ours by X-Too-Costly-Threshold."""
    threshold = request.headers.get(_THRESHOLD, "")
    most = min(int(threshold), MOST) if threshold.isdecimal() and len(threshold) < 10 else MOST
    return await _run(partial(expand, most=most), "valueSet")(session, request, parameters)


find_matches_run: Final = _run(find_matches, "codeSystem")
lookup_run: Final = _run(lookup)
related_run: Final = _run(related)
subsumes_run: Final = _run(subsumes, "codeSystem")
translate_run: Final = _run(translate, "conceptMap")
validate_code_system_code_run: Final = _run(validate_code_system_code, "codeSystem")
validate_value_set_code_run: Final = _run(validate_value_set_code, "valueSet")


def _read(parameters: Json) -> Parameters:
    """What a Parameters resource within a parameter says, as far as it is plain."""
    values = []
    for one in parameters.get("parameter", ()):
        name = str(one.get("name", ""))
        key = next((key for key in one if key.startswith("value")), "")
        values.append(Value(name, one.get(key) if key else one.get("resource")))
    return Parameters(tuple(values))


async def batch_validate_run(session: Session, request: Request, parameters: Parameters) -> Response:
    """Many codes at once; each is judged as if it had been asked alone."""
    values = (Value(one.name, part=_read(one.value)) if one.name == "validation" else one for one in parameters.values)
    along = [Value(_SENT, tree, tree["resourceType"]) for tree in _sent(request, parameters)]
    asked = Parameters((*(one for one in values if one.name != _SENT), *along))
    answer = await answered(session, request, asked, batch_validate)
    return Response(200, exact.encode(answer).decode())


async def systems_of(session: Session, tenant: Tenant) -> dict[str, list[Version]]:
    """All code systems that a tenant can ask about, by canonical URL, the version first that counts where none is named."""
    return await tenant.terminologies.answer(
        Library(session, tenant.indexer), lambda scope: _systems(scope, tenant.versions), versions=tenant.versions
    )


def _systems(scope: Scope, pinned: Mapping[str, str]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for one in scope.code_systems():
        versions = found.setdefault(one.url, [])
        if all(one.version != known.code for known in versions):
            counts = matches(pinned[one.url], one.version) if one.url in pinned else True
            versions.append(_version(one, counts and not any(known.is_default for known in versions)))
    return found


def _version(candidate: Candidate, is_default: bool) -> Version:
    about = candidate.about
    if about is None:
        return Version(candidate.version, is_default)
    return Version(
        candidate.version,
        is_default,
        about.compositional,
        (about.language,) if about.language else (),
        tuple((one.code, one.operators) for one in about.filters),
        tuple(one.code for one in about.properties),
        about.hierarchy_meaning,
        about.content,
    )
