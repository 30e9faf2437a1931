"""$diff: what has changed between two versions of a resource, as the FHIRPath Patch that makes one out of the other.

    GET [base]/Patient/1/$diff                                      the last change
    GET [base]/Patient/1/$diff?from=1&to=3                          between two versions
    GET [base]/Patient/1/$diff?from=2026-01-01T00:00:00Z            from what it was then to what it is
    GET [base]/Patient/1/_history/3/$diff                           what version 3 changed

The operation is the server's own. https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Any, Final

from resources import exact, patch
from resources.database import Session
from resources.operation import Parameters
from resources.outcome import BadRequest, Gone, NotFound
from resources.store import Version

from ..exchange import Request, Response
from ..reading import instant_of, is_logical_id, is_version_id

_LARGE: Final = 20_000  # characters of two resources whose comparison others should not have to wait for


async def difference(session: Session, request: Request, parameters: Parameters) -> Response:
    """The Parameters of the patch, 200; its last two parameters, `from` and `to`, are the versions compared.

    It can be sent to PATCH as it is. Raises BadRequest (400: neither a version id nor an instant), NotFound (404: no
    such version, or none before the first), Gone (410: one of the two is the deletion)."""
    resource_type, logical_id, *version, _ = request.path
    if not is_logical_id(logical_id):
        raise NotFound(f"{resource_type}/{logical_id[:100]} does not exist.")
    if version and not is_version_id(version[1]):
        raise NotFound(f"{resource_type}/{logical_id}/_history/{version[1][:100]} does not exist.")
    end = parameters.one("to")
    if version and end is not None:
        raise BadRequest("The URL names the version to end with; `to` cannot name another one.", code="value")
    after = await _read(session, request, "to", version[1] if version else end)
    start = parameters.one("from")
    if start is None and after.version_id == 1:
        raise NotFound(f"{resource_type}/{logical_id} has no version before its first.")
    before = await _read(session, request, "from", str(after.version_id - 1) if start is None else start)
    compare = partial(patch.diff, request.tenant.definitions, _tree(before), _tree(after))
    large = len(before.body or "") + len(after.body or "") > _LARGE
    found = await asyncio.to_thread(compare) if large else compare()
    compared = [
        {"name": name, "valueReference": {"reference": _what(one)}} for name, one in (("from", before), ("to", after))
    ]
    return Response(200, exact.encode({**found, "parameter": [*found.get("parameter", ()), *compared]}).decode())


async def _read(session: Session, request: Request, name: str, text: str | None) -> Version:
    """The version that a parameter names by its id or by an instant; without one the current version."""
    store, (resource_type, logical_id) = request.tenant.store, request.path[:2]
    what, when = f"{resource_type}/{logical_id}", ""
    if text is None:
        found = await store.read(session, resource_type, logical_id)
    elif is_version_id(text):
        what += f"/_history/{text}"
        found = await store.read_version(session, resource_type, logical_id, int(text))
    elif text.isdigit():  # no version has that number
        what, found = f"{what}/_history/{text[:100]}", None
    else:
        shown, instant = _instant(name, text)
        when = f" at {shown}"
        found = await store.read_at(session, resource_type, logical_id, instant)
    if found is None:
        raise NotFound(f"{what} {'did' if when else 'does'} not exist{when}.")
    if found.body is None:
        was = f"was deleted{when}" if when or text is None else "is its deletion"
        raise Gone.by(f"{what} {was}, so there is nothing to compare.", found.version_id, found.last_updated)
    return found


def _instant(name: str, text: str) -> tuple[str, datetime]:
    try:
        return instant_of(name, text)
    except BadRequest:
        shape = "neither a version id nor an instant like 2026-03-01T10:00:00Z"
        raise BadRequest(f"{name} is {text[:100]!r}, which is {shape}.", code="value") from None


def _tree(version: Version) -> dict[str, Any]:
    return exact.decode((version.body or "").encode())


def _what(version: Version) -> str:
    return f"{version.resource_type}/{version.logical_id}/_history/{version.version_id}"
