"""The OpenAPI document of a tenant, and the page to try it.

GET /openapi/{tenant} is the document, GET /try/{tenant} the page, which reads it; GET /pages/{name} is what the page
consists of. None of them is FHIR, so they lie beside /fhir/. https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

import orjson

from conformance.openapi import Tables, openapi
from resources.outcome import NotFound
from search.indexer import Indexer

from . import history
from .exchange import Response
from .media import FORMATS, PATCH_FORMATS
from .metadata import controls, operations, parameters, release
from .preferences import PRECONDITIONS, unchanged
from .router import ROUTES
from .tenancy import Tenant

_FOLDER: Final = Path(__file__).parent / "pages"
_PAGE: Final = "try.html"
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# Only what lies here runs in the page or is asked by it, and nobody frames it.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_SHAPED: Final = ("_summary", "_elements")
_QUERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "capabilities": ("mode", *_SHAPED),
    "read": (*_SHAPED, "_asOf"),
    "vread": _SHAPED,
    **dict.fromkeys(("history-instance", "history-type", "history-system"), history.KNOWN),
}
_SOMEWHERE: Final = "https://base.invalid/fhir/x"  # stands for the base URL in what is kept


async def document(tenant: Tenant, base: str, headers: Mapping[str, str]) -> Response:
    """The document: 200, or 304 where the client has it already. base: of the tenant, as the client called it."""
    kept, kept_tag = await asyncio.to_thread(_kept, tenant.indexer, tenant.settings["explain"])
    tag = blake2b(f"{kept_tag} {base}".encode(), digest_size=8).hexdigest()
    shown = {"ETag": f'W/"{tag}"'}
    if unchanged(headers, tag, None):
        return Response(304, headers=shown)
    content = kept.replace(_SOMEWHERE.encode(), orjson.dumps(base)[1:-1])
    return Response(200, headers=shown, content=content, content_type="application/json")


@lru_cache(maxsize=4)
def _kept(indexer: Indexer, explain: bool) -> tuple[bytes, str]:
    """The document of a tenant with these definitions, with _SOMEWHERE as its base URL, and a hash of it.

    A tenth of a second of work after the CapabilityStatement, and two to three megabytes."""
    known = parameters(indexer)
    tables = Tables(
        routes=ROUTES,
        operations=operations(_SOMEWHERE),
        definitions=indexer.definitions,
        searchable=known.__getitem__,
        controls=controls(explain),
        queries=_QUERIES,
        preconditions=PRECONDITIONS,
        formats=FORMATS,
        patch_formats=PATCH_FORMATS,
    )
    text = orjson.dumps(openapi(tables, base=_SOMEWHERE, software=("fhir-server", release())))
    return text, blake2b(text, digest_size=8).hexdigest()


def page(name: str, headers: Mapping[str, str]) -> Response:
    """A file of the page; "" is the page itself: 200, or 304 where the client has it. Raises NotFound (404)."""
    found = _files().get(name or _PAGE)
    if found is None:
        raise NotFound(f"There is no page {name[:100]!r}.")
    content, content_type, tag = found
    shown = {"ETag": f'W/"{tag}"', "Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    if unchanged(headers, tag, None):
        return Response(304, headers=shown)
    return Response(200, headers=shown, content=content, content_type=f"{content_type};charset=utf-8")


@lru_cache(maxsize=1)
def _files() -> Mapping[str, tuple[bytes, str, str]]:
    """By name: content, content type and a hash of the content."""
    found = {}
    for path in _FOLDER.iterdir():
        if path.suffix in _TYPES:
            content = path.read_bytes()
            found[path.name] = content, _TYPES[path.suffix], blake2b(content, digest_size=8).hexdigest()
    return found
