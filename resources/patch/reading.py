"""What a patch request carries: which kind of patch it is, by its media type, and the patch decoded without loss."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from .. import exact, fhir_xml
from ..definitions import Definitions, load
from ..outcome import BadRequest, Malformed, UnsupportedMediaType
from ..validation.primitives import quoted

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
_FHIR_JSON: Final = frozenset(("application/fhir+json", "application/json+fhir"))
_ANY_JSON: Final = frozenset(("application/json", "text/json"))
_FHIR_XML: Final = frozenset(("application/fhir+xml", "application/xml+fhir", "application/xml", "text/xml"))


def read(definitions: Definitions, content_type: str, body: bytes) -> tuple[str, Any]:
    """The kind of the patch (json | merge | fhirpath) and the patch, an exact tree.

    Raises Malformed (400: cannot be parsed), BadRequest (400: is no such patch), UnsupportedMediaType (415)."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (JSON_PATCH, MERGE_PATCH) and media_type not in _FHIR_JSON | _FHIR_XML | _ANY_JSON:
        text = f"A patch cannot be sent as {quoted(media_type)}; send {JSON_PATCH}, {MERGE_PATCH} or a Parameters "
        raise UnsupportedMediaType(text + "resource (FHIRPath Patch) as application/fhir+json or application/fhir+xml.")
    if not body:
        raise Malformed("The request has no body; a patch was expected.", code="required")
    if media_type == JSON_PATCH:
        operations = exact.decode_any(body)
        if type(operations) is not list:
            raise BadRequest("A JSON Patch is an array of operations.", code="structure")
        return "json", operations
    if media_type == MERGE_PATCH:
        return "merge", exact.decode(body)
    if media_type in _FHIR_XML:
        return _fhirpath(fhir_xml.decode(definitions, body))
    if media_type in _ANY_JSON:  # what kind it is, its shape tells
        tree = exact.decode_any(body)
        if type(tree) is list:
            return "json", tree
        if type(tree) is dict and tree.get("resourceType") != "Parameters":
            return "merge", tree
    return _fhirpath(exact.decode(body))


def read_entry(resource: dict[str, Any]) -> tuple[str, Any]:
    """The same of the resource that a Bundle entry carries: a Parameters, or a Binary that holds the patch.

    https://hl7.org/fhir/R4/http.html#patch"""
    if resource.get("resourceType") != "Binary":
        return _fhirpath(resource)
    content_type, data = resource.get("contentType"), resource.get("data")
    if not isinstance(content_type, str) or not isinstance(data, str):
        missing = "contentType" if not isinstance(content_type, str) else "data"
        raise BadRequest(f"The Binary with the patch has no {missing}.", code="required", expression=["Binary"])
    try:
        body = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The data of the Binary is not base64.", code="value", expression=["Binary.data"]) from None
    return read(load(), content_type, body)


def _fhirpath(tree: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    found = tree.get("resourceType")
    if found != "Parameters":
        there = f"is {found[:40]!r}" if isinstance(found, str) else "is missing"
        text = f"A FHIRPath Patch is a Parameters resource; the resourceType {there}."
        raise BadRequest(text, code="value", expression=["Parameters"])
    return "fhirpath", tree
