"""$revalidate: has everything that is stored judged anew in the background; the answer says where the report will be.

An operation of this server's own; see fhir_server.validation.revalidation. https://hl7.org/fhir/R4/async.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from resources.database import Session
from resources.operation import Parameters
from resources.outcome import BadRequest

from .. import asynchronous
from ..exchange import Request, Response
from ..validation.revalidation import KIND, MOST_SAMPLES, SAMPLES, asked


def _parameter(
    name: str, use: str, cardinality: str, type_name: str, documentation: str, **more: Any
) -> dict[str, Any]:
    least, most = cardinality.split("..")
    said = {"name": name, "use": use, "min": int(least), "max": most, "documentation": documentation}
    return {**said, **({"type": type_name} if type_name else {}), **more}


_SAMPLE: Final = [
    _parameter("resource", "out", "1..1", "Reference", "The version that was judged."),
    _parameter("expression", "out", "0..1", "string", "The element, as simple FHIRPath."),
    _parameter("diagnostics", "out", "1..1", "string", "What is wrong with it."),
]
_ISSUE: Final = [
    _parameter("severity", "out", "1..1", "code", "As in OperationOutcome; what a tenant has set counts."),
    _parameter("code", "out", "0..1", "code", "As in OperationOutcome; not there for those that are not told apart."),
    _parameter(
        "rule", "out", "0..1", "string", "What asks it: URL of a StructureDefinition # id of a constraint or element."
    ),
    _parameter("place", "out", "0..1", "string", "Where no rule is named, the element without indexes."),
    _parameter("issues", "out", "1..1", "unsignedInt", "How many there are."),
    _parameter("resources", "out", "1..1", "unsignedInt", "In how many resources."),
    _parameter("sample", "out", "0..*", "", "Some of them.", part=_SAMPLE),
]
DEFINITION: Final[dict[str, Any]] = {
    "resourceType": "OperationDefinition",
    "id": "Resource-revalidate",
    "name": "Revalidate",
    "title": "What is wrong with the resources that are stored",
    "status": "active",
    "kind": "operation",
    "affectsState": True,
    "description": "Judges the stored resources of a type, or of all, in the background. The answer is 202, with the URL of the "
    "report in Content-Location (https://hl7.org/fhir/R4/async.html); DELETE on that URL stops it.",
    "code": "revalidate",
    "resource": ["Resource"],
    "system": True,
    "type": True,
    "instance": False,
    "parameter": [
        _parameter("type", "in", "0..*", "code", "A resource type; by default those of the profiles, without either all."),
        _parameter(
            "profile", "in", "0..*", "canonical",
            "What to judge by; by default what the tenant requires of the type. What a resource claims counts always.",
        ),
        _parameter("samples", "in", "0..1", "unsignedInt", f"Of each issue; {SAMPLES} by default, {MOST_SAMPLES} at most."),
        _parameter("resources", "out", "1..1", "unsignedInt", "How many resources were judged."),
        _parameter("invalid", "out", "1..1", "unsignedInt", "How many of them have an error."),
        _parameter("issue", "out", "0..*", "", "One kind of issue; the most frequent first.", part=_ISSUE),
    ],
}  # fmt: skip


async def revalidate(session: Session, request: Request, parameters: Parameters) -> Response:
    """Begins to judge what is stored: 202, with the URL of the report in Content-Location.

    Raises BadRequest (400), NotFound (404) for an unknown profile, Throttled (429)."""
    types = list(dict.fromkeys(parameters.all("type")))
    if of_url := list(request.path[:-1]):
        if types and types != of_url:
            raise BadRequest(f"The URL says {of_url[0]}; other types are asked for at the base.", code="value")
        types = of_url
    work = await asked(session, request.tenant, types, parameters.all("profile"), parameters.one("samples", SAMPLES))
    return await asynchronous.begin(session, request, KIND, msgspec.msgpack.encode(work))
