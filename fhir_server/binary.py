"""Binary: content of any media type, sent and answered as it is; as a resource only for those who name FHIR. Pure.

A body that is not itself a Binary is the content of one, whatever its type, and a read that names no FHIR type gets the
content with its own type. Inside Bundles a Binary is a resource like any other.
https://hl7.org/fhir/R4/binary.html#rest
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec.structs import replace

from resources.outcome import BadRequest, Malformed, MethodNotAllowed, UnsupportedMediaType
from resources.references import target_type

from . import media
from .exchange import Request, Response

_TOKEN: Final = r"[\w!#$%&'*+\-.^`|~]+"
# RFC 9110, 8.3.1; what follows the name is kept as it was sent, since only the content's reader understands it.
_MEDIA_TYPE: Final = re.compile(
    rf"({_TOKEN}/{_TOKEN})((?:[ \t]*;[ \t]*(?:{_TOKEN}=(?:{_TOKEN}|\"[^\"\\\x00-\x1f\x7f-\U0010ffff]*\"))?)*)", re.ASCII
)
_NAMES_FHIR: Final = frozenset(
    {"application/fhir+json", "application/json+fhir", "application/fhir+xml", "application/xml+fhir"}
)
_MAY_BE_FHIR: Final = frozenset({"application/json", "text/json", "application/xml", "text/xml"})
_SHORT: Final = {name: f"application/fhir+{name}" for name in ("json", "xml")} | {"ttl": "application/fhir+turtle"}
_UNKNOWN: Final = "application/octet-stream"
# What a browser may show where it came from. Everything else (HTML, SVG, XML, scripts …) could act in the name of the
# server, and is downloaded.
_PASSIVE: Final = re.compile(
    r"(?:audio|video)/[^;]+|image/(?:avif|bmp|gif|jpeg|png|tiff|webp)|text/(?:plain|csv)"
    r"|application/(?:pdf|dicom|octet-stream|json|fhir\+json)"
)
_DOWNLOADED: Final = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_ABSOLUTE: Final = re.compile(r"https?://[^\s/?#,]+/[^\s,]*|urn:(?:uuid|oid):[0-9A-Za-z.\-]{1,100}", re.ASCII)
_LONGEST: Final = 2000  # characters of a media type or a reference in a header
_SHAPING: Final = frozenset({"_summary", "_elements"})
_IN_A_HEADER: Final = "".join(map(chr, range(33, 127)))


def check_content_type(content_type: str) -> None:
    """Accepts every media type for the body of a create or update. Raises UnsupportedMediaType (415) for none."""
    _media_type(content_type)


def _media_type(content_type: str) -> str:
    """A media type with its parameters, in the form of a code."""
    text = " ".join(content_type.split())
    if not _MEDIA_TYPE.fullmatch(text):
        what = f"The Content-Type {text[:100]!r} is no media type" if text else "The request has no Content-Type"
        raise UnsupportedMediaType(f"{what}; content is sent with its own, like application/pdf.")
    return text.rstrip("; ")


def sent(request: Request) -> dict[str, Any]:
    """The Binary that a create or update stores: the resource in the body, or one whose content the body is.

    Raises Malformed (400) for a FHIR body that cannot be read, BadRequest (400) for X-Security-Context,
    UnsupportedMediaType (415)."""
    if request.resource is not None:
        return request.decode()
    if not request.body:
        raise Malformed("The request has no body; a Binary or its content was expected.", code="required")
    content_type = _media_type(request.headers.get("content-type", ""))
    name = content_type.partition(";")[0].rstrip().lower()
    if name in _NAMES_FHIR:
        tree = request.decode()
        if not _is_another(request, tree):
            return tree
    elif name in _MAY_BE_FHIR and b"Binary" in request.body:
        # A document that is no FHIR, in XML or JSON, is content like any other.
        try:
            media.check_content_type(content_type)
            tree = request.decode()
        except (BadRequest, UnsupportedMediaType):
            tree = {}
        if tree.get("resourceType") == "Binary":
            return tree
    return _of_content(request, content_type)


def of_content(request: Request) -> dict[str, Any]:
    """A Binary whose content is the body, whatever it is. Raises UnsupportedMediaType (415)."""
    content_type = _media_type(request.headers.get("content-type", ""))
    data = binascii.b2a_base64(request.body, newline=False).decode("ascii")
    return {"resourceType": "Binary", "contentType": content_type, "data": data}


def _is_another(request: Request, tree: Mapping[str, Any]) -> bool:
    """Whether a tree is a resource, but no Binary."""
    stated = tree.get("resourceType")
    return isinstance(stated, str) and stated != "Binary" and request.tenant.definitions.is_resource_type(stated)


def _of_content(request: Request, content_type: str) -> dict[str, Any]:
    tree: dict[str, Any] = {"resourceType": "Binary"}
    if len(request.path) > 1:
        tree["id"] = request.path[1]
    tree["contentType"] = content_type
    if context := request.headers.get("x-security-context"):
        tree["securityContext"] = {"reference": _reference(context, request.tenant.definitions.is_resource_type)}
    tree["data"] = binascii.b2a_base64(request.body, newline=False).decode("ascii")
    return tree


def _reference(context: str, is_resource_type: Callable[[str], bool]) -> str:
    """The reference in an X-Security-Context header."""
    text = context.strip()
    # A conditional reference is none to a resource that is known.
    relative = target_type(text, is_resource_type) if "?" not in text and "://" not in text else None
    known = is_resource_type(relative) if relative else _ABSOLUTE.fullmatch(text) is not None
    if not known or len(text) > _LONGEST:
        raise BadRequest(
            f"X-Security-Context is not a reference like Patient/23 or an absolute one: {text[:100]!r}.", code="value"
        )
    return text


def wants_content(method: str, path: tuple[str, ...], query: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is the read of a Binary that names no FHIR type, and so is answered with the content itself.

    What Accept says of other types is no matter: the content has one form only, and R4 wants it to be returned.
    `_summary` and `_elements` are about the resource, so they ask for it."""
    if method != "GET" or path[:1] != ("Binary",) or len(path) not in (2, 4) or path[2:3] not in ((), ("_history",)):
        return False
    if path[-1].startswith(("$", "_")):
        return False
    asked = dict(parse_qsl(query)) if query else {}
    return _SHAPING.isdisjoint(asked) and not media.names_fhir(headers.get("accept", ""), asked.get("_format", ""))


class _Reference(msgspec.Struct):
    reference: str = ""


class _Binary(msgspec.Struct):
    contentType: str = _UNKNOWN
    securityContext: _Reference | None = None
    data: str = ""


def as_content(response: Response) -> Response:
    """The answer to a read with the content of the Binary instead of the resource; no bytes where it has no data.

    An answer without a resource (304) stays as it is."""
    if not response.body:
        return response
    stored = msgspec.json.decode(response.body, type=_Binary)
    content_type = _SHORT.get(stored.contentType, stored.contentType)
    if len(content_type) > _LONGEST or not _MEDIA_TYPE.fullmatch(content_type):
        content_type = _UNKNOWN  # a code may hold what would break a header
    name = content_type.partition(";")[0].rstrip().lower()
    headers = dict(response.headers)
    if not _PASSIVE.fullmatch(name):
        headers |= _DOWNLOADED
    context = quote(stored.securityContext.reference if stored.securityContext else "", safe=_IN_A_HEADER)
    if 0 < len(context) <= _LONGEST:  # no client reads an answer with a header of a megabyte
        headers["X-Security-Context"] = context
    data = stored.data if stored.data.isalnum() else "".join(stored.data.split())  # line ends are allowed in base64
    content = binascii.a2b_base64(data, strict_mode=True)
    return replace(response, body="", content=content, content_type=content_type, headers=headers)


def refuse_patch(resource_type: str) -> None:
    """Raises MethodNotAllowed (405) for a Binary: R4 does not define what its patch would be."""
    if resource_type == "Binary":
        raise MethodNotAllowed(
            "A Binary cannot be patched; send it whole with PUT.", headers={"Allow": "DELETE, GET, HEAD, PUT"}
        )
