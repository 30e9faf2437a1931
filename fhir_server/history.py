"""The history interaction, on a resource, a type or the whole tenant.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from msgspec.structs import replace

from resources.database import Session
from resources.outcome import BadRequest, NotFound, NotSupported
from resources.store import Version
from search.place import Place, Seal

from .answers import bundle, history_entry
from .exchange import Request, Response
from .interactions import is_logical_id
from .shaping import Shape, cut, shape_of

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PRESENTATION: Final = ("_format", "_pretty")  # of the edge; kept in the links


class _Asked(Struct, frozen=True):
    """The parameters of a history."""

    kept: tuple[tuple[str, str], ...]  # as the links repeat them, without the page
    count: int  # versions a page; 0: only how many there are
    since: datetime | None  # versions written at or after it
    page: str  # sealed place where the page begins; "" for the first
    shape: Shape  # what of each version is answered


async def history(session: Session, request: Request) -> Response:
    """The versions of a resource, of a type or of all, newest first, deletions included: 200 with a Bundle.

    Raises NotFound (404) for an id that never existed, BadRequest (400)."""
    tenant = request.tenant
    resource_type = request.path[0] if len(request.path) > 1 else None
    logical_id = request.path[1] if len(request.path) > 2 else None
    asked = _asked(request)
    if logical_id and not is_logical_id(logical_id):
        raise NotFound(f"{resource_type}/{logical_id} does not exist.")
    before = _open(session, request, asked.page) if asked.page else None
    versions, following = await tenant.store.history(
        session, resource_type, logical_id, count=asked.count, since=asked.since, before=before
    )
    if not versions and resource_type and logical_id:
        known = await tenant.store.read(session, resource_type, logical_id)
        if known is None:
            raise NotFound(f"{resource_type}/{logical_id} does not exist.")
    total: int | None = None
    if not asked.page:
        # Counted on the first page; where that is the whole, its entries are the count.
        total = len(versions)
        if following or not asked.count:
            total = await tenant.store.count_history(session, resource_type, logical_id, asked.since)
    links = [("self", _url(request, asked, asked.page))]
    if following:
        links.append(("next", _url(request, asked, _close(session, request, following))))
    entries = (history_entry(request.base, _cut(request, asked.shape, version)) for version in versions)
    return Response(200, bundle("history", entries, total=total, links=links))


def _cut(request: Request, shape: Shape, version: Version) -> Version:
    if shape.whole or version.body is None:
        return version
    return replace(version, body=cut(request.tenant.definitions, shape, version.body))


def _bound_to(session: Session, request: Request) -> tuple[str, ...]:
    return str(session.tenant_id), session.actor, *request.path


def _close(session: Session, request: Request, place: tuple[datetime, int]) -> str:
    written, rid = place
    micros = (written - _EPOCH) // timedelta(microseconds=1)
    return Seal(request.tenant.hash.of).close(Place("", s=micros, rid=rid), *_bound_to(session, request))


def _open(session: Session, request: Request, page: str) -> tuple[datetime, int]:
    """Where a page begins. Raises BadRequest (400) for a link that is not of this tenant, actor and history."""
    place = Seal(request.tenant.hash.of).open(page, Place, *_bound_to(session, request))
    return _EPOCH + timedelta(microseconds=place.s), place.rid


def _url(request: Request, asked: _Asked, page: str) -> str:
    parameters = [*asked.kept, *([("_page", page)] if page else [])]
    return f"{request.base}/{'/'.join(request.path)}?{urlencode(parameters)}"


def _asked(request: Request) -> _Asked:
    given: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        if name in given:
            raise BadRequest(f"{name} is there more than once.", code="value")
        given[name] = value
    settings = request.tenant.settings
    count, since, page = settings["default_count"], None, given.pop("_page", "")
    if "_count" in given:
        if not re.fullmatch(r"[0-9]{1,9}", given["_count"]):
            raise BadRequest(f"_count={given['_count'][:100]} is not a number of entries.", code="value")
        count = min(int(given["_count"]), settings["max_count"])
    if "_since" in given:
        text = given["_since"].replace(" ", "+")  # a plus in a URL is a space once it is decoded
        try:
            if not _INSTANT.fullmatch(text):
                raise ValueError
            since = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadRequest(
                f"_since={text[:100]} is not an instant like 2026-03-01T10:00:00Z.", code="value"
            ) from None
        given["_since"] = text
    if given.get("_summary") == "count":
        count = 0
    resource_types = request.path[:1] if len(request.path) > 1 else ()
    elements = given["_elements"].split(",") if "_elements" in given else ()
    shape = shape_of(request.tenant.definitions, resource_types, given.get("_summary"), elements)
    known = {"_since", "_count", "_summary", "_elements", *_PRESENTATION}
    if unknown := [name for name in given if name not in known]:
        raise NotSupported(f"{unknown[0][:100]} is not supported in a history; there are _count and _since.")
    given["_count"] = str(count)
    return _Asked(tuple(given.items()), count, since, page, shape)
