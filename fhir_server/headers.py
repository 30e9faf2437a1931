"""The headers of an answer, and which of them a browser may send and show. Pure.

https://hl7.org/fhir/R4/http.html#general
"""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits
from typing import Final

from .exchange import Response, http_date

Header = tuple[bytes, bytes]

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_VARY: Final = (b"vary", b"Accept, Accept-Encoding")
# A 304 is possible only where the client has an ETag to ask with; nothing goes into a cache that others share.
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
_NO_STORE: Final = (b"cache-control", b"no-store")
# Besides those that browsers always send and show.
SENT: Final = (
    "Authorization", "Cache-Control", "Content-Encoding", "Content-Type", "Idempotency-Key", "If-Match",
    "If-Modified-Since", "If-None-Exist", "If-None-Match", "Prefer", "Traceparent", "Tracestate", "X-Correlation-Id",
    "X-Request-Id", "X-Requested-With", "X-Security-Context",
)  # fmt: skip
SEEN: Final = (
    "Content-Disposition", "Content-Location", "ETag", "Expires", "Idempotency-Replayed", "Last-Modified", "Location",
    "Preference-Applied", "Retry-After", "X-Correlation-Id", "X-Progress", "X-Request-Id", "X-Security-Context",
)  # fmt: skip


def head(
    method: str, headers: Mapping[str, str], response: Response, content_type: str, encoding: str, length: int
) -> list[Header]:
    """The headers of an answer of so many bytes; headers: those of the request, names in lower case."""
    out = [_NOSNIFF, _VARY]
    if length or response.content_type:
        out.append((b"content-type", content_type.encode("latin-1")))
    if encoding:
        out.append((b"content-encoding", encoding.encode()))
    if response.status not in (204, 304):
        out.append((b"content-length", str(length).encode()))
    if response.version_id:
        out.append((b"etag", response.etag.encode()))
    if response.last_updated:
        out.append((b"last-modified", http_date(response.last_updated).encode()))
    if response.location:
        out.append((b"location", response.location.encode()))
    for name, value in response.headers.items():
        out.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    has_etag = response.version_id or "ETag" in response.headers
    out.append(_REVALIDATE if has_etag and method in ("GET", "HEAD") and response.status < 400 else _NO_STORE)
    return [*out, *_request_id(headers)]


def _request_id(headers: Mapping[str, str]) -> list[Header]:
    """The client's id of the request if it can be one, else a new one and what the client called it."""
    given = headers.get("x-request-id", "")
    if 0 < len(given) <= 200 and given.isascii() and given.isprintable():
        return [(b"x-request-id", given.encode())]
    new = (b"x-request-id", b"%016x" % getrandbits(64))
    return [new, (b"x-correlation-id", given.encode("latin-1"))] if given else [new]
