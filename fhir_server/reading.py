"""The interactions that read one resource: read, also as of an instant, and vread.

https://hl7.org/fhir/R4/http.html#read
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from resources.database import Session
from resources.outcome import BadRequest, Gone, NotFound
from resources.store import Version

from .exchange import Request, Response
from .preferences import unchanged
from .shaping import asked, cut

is_logical_id: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
is_version_id: Final = re.compile(r"[1-9][0-9]{0,8}").fullmatch

AS_OF: Final = "_asOf"
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


async def read(session: Session, request: Request) -> Response:
    """The current version, or with `_asOf` the one that was current then: 200, or 304 where the client has it already.

    Raises NotFound (404), Gone (410). https://hl7.org/fhir/R4/http.html#read"""
    store, (resource_type, logical_id) = request.tenant.store, request.path
    shape = asked(request.tenant.definitions, (resource_type,), request.query)
    instant = as_of(request.query)
    version = None
    if is_logical_id(logical_id) and instant:
        version = await store.read_at(session, resource_type, logical_id, instant)
    elif is_logical_id(logical_id):
        version = await store.read(session, resource_type, logical_id)
    found = present(version, "/".join(request.path), instant)
    if unchanged(request.headers, str(found.version_id), found.last_updated):
        return Response(304, "", found.version_id, found.last_updated)
    body = cut(request.tenant.definitions, shape, found.body or "")
    return Response(200, body, found.version_id, found.last_updated)


async def vread(session: Session, request: Request) -> Response:
    """One version, current or past: 200. Raises NotFound (404), Gone (410: this version is the deletion).

    https://hl7.org/fhir/R4/http.html#vread"""
    resource_type, logical_id, _, version_id = request.path
    shape = asked(request.tenant.definitions, (resource_type,), request.query)
    if as_of(request.query):
        raise BadRequest(f"{AS_OF} is not for one version, which is the same at all times.", code="value")
    version = None
    if is_logical_id(logical_id) and is_version_id(version_id):
        version = await request.tenant.store.read_version(session, resource_type, logical_id, int(version_id))
    found = present(version, "/".join(request.path))
    body = cut(request.tenant.definitions, shape, found.body or "")
    return Response(200, body, found.version_id, found.last_updated)


def present(version: Version | None, what: str, instant: datetime | None = None) -> Version:
    """A version that was read, if there is one and it is no deletion. Raises NotFound (404), Gone (410), which name what."""
    then = f" at {instant.isoformat()}" if instant else ""
    if version is None:
        raise NotFound(f"{what} {'did' if then else 'does'} not exist{then}.")
    if version.body is None:
        # The ETag of the deletion lets the client bring the resource back under If-Match.
        raise Gone.by(f"{what} was deleted{then}.", version.version_id, version.last_updated)
    return version


def as_of(query: str) -> datetime | None:
    """The instant that `_asOf` in a query string names; None if it is not there. One to come means now.

    Raises BadRequest (400) for what is no instant, or more than one."""
    if AS_OF not in query and "%" not in query:
        return None
    values = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == AS_OF]
    if len(values) > 1:
        raise BadRequest(f"{AS_OF} is there more than once.", code="value")
    return instant_of(AS_OF, values[0])[1] if values else None


def instant_of(name: str, value: str) -> tuple[str, datetime]:
    """The text of an instant in a URL, and the instant in UTC. Raises BadRequest (400), which names the parameter."""
    text = value.replace(" ", "+")  # a plus in a URL is a space once it is decoded
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        return text, datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name}={text[:100]} is not an instant like 2026-03-01T10:00:00Z.", code="value") from None
