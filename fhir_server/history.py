"""The history interaction, on a resource, a type or the whole tenant.

https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from msgspec.structs import replace

from resources import exact
from resources.database import Session
from resources.outcome import BadRequest, NotFound, NotSupported, TooCostly
from resources.reads import EVER, FOREVER, Page, Position, Scope
from resources.store import Version
from search.parameters.date import bounds
from search.place import Place, Seal
from search.references import parse

from .answers import bundle, history_entry
from .exchange import Request, Response
from .preferences import preferences
from .reading import instant_of, is_logical_id
from .shaping import Shape, cut, shape_of

MOST: Final = 10_000  # entries of a List
KNOWN: Final = ("_since", "_at", "_count", "_sort", "_list", "_summary", "_elements", "_format", "_pretty")
_SORTS: Final = {"-_lastUpdated": False, "none": False, "_lastUpdated": True}  # whether the oldest comes first
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class _Asked(Struct, frozen=True):
    """The parameters of a history."""

    kept: dict[str, str]  # as the links repeat them, without the page
    count: int  # versions a page; 0: only how many there are
    since: datetime | None  # versions written at or after it
    at: tuple[datetime, datetime] | None  # versions current at some moment from the first to before the second
    ascending: bool  # oldest first
    page: str  # sealed place where the page begins; "" for the first
    shape: Shape  # what of each version is answered


async def history(session: Session, request: Request) -> Response:
    """The versions of a resource, of a type or of all, newest first, deletions included: 200 with a Bundle.

    Raises NotFound (404) for an id that never existed, BadRequest (400), TooCostly (403)."""
    store, logical_id = request.tenant.store, request.path[1] if len(request.path) > 2 else ""
    asked = _asked(request)
    if logical_id and not is_logical_id(logical_id):
        raise NotFound(f"{request.path[0]}/{logical_id} does not exist.")
    place = None
    if asked.page:
        place = Seal(request.tenant.hash.of).open(asked.page, Place, *_bound_to(session, request, asked))
    scope, list_version = await _scope(session, request, asked, place)
    page, backward = Page([]), place is not None and place.backward
    if asked.count:
        position = (_EPOCH + place.s * _MICROSECOND, place.rid) if place else None
        ascending = asked.ascending is not backward
        page = await store.history(session, scope, count=asked.count, ascending=ascending, place=position)
    if not page.versions and logical_id and await store.read(session, request.path[0], logical_id) is None:
        raise NotFound(f"{request.path[0]}/{logical_id} does not exist.")
    total: int | None = None
    if not asked.page:
        # Counted on the first page; where that is the whole, its entries are the count.
        whole = asked.count and not page.following
        total = len(page.versions) if whole else await store.count_history(session, scope)
    links = [("self", _url(request, asked, asked.page))]
    if asked.page:
        links.append(("first", _url(request, asked, "")))
    for relation, there, back in _ways(page, place, backward):
        micros = (there[0] - _EPOCH) // _MICROSECOND
        sealed = Place("", (list_version,), micros, there[1], back)
        text = Seal(request.tenant.hash.of).close(sealed, *_bound_to(session, request, asked))
        links.append((relation, _url(request, asked, text)))
    shown = reversed(page.versions) if backward else page.versions
    entries = (history_entry(request.base, _cut(request, asked.shape, version)) for version in shown)
    headers = preferences(request.headers).applied("handling")
    return Response(200, bundle("history", entries, total=total, links=links), headers=headers)


def _ways(page: Page, place: Place | None, backward: bool) -> Iterator[tuple[str, Position, bool]]:
    """Where the pages before and after this one begin: relation, position, and whether it is read backward from there."""
    onward, back = ("previous", "next") if backward else ("next", "previous")
    if place and page.first:
        yield back, page.first, not backward
    if page.following:
        yield onward, page.following, backward


async def _scope(session: Session, request: Request, asked: _Asked, place: Place | None) -> tuple[Scope, int]:
    """Whose history it is; and the version of the List that says so, which is the same for all pages."""
    resource_type = request.path[0] if len(request.path) > 1 else None
    keys: tuple[tuple[str, str], ...] | None = None
    list_version = 0
    if len(request.path) > 2:
        keys = ((request.path[0], request.path[1]),)
    if "_list" in asked.kept:
        listed, list_version = await _listed(session, request, asked.kept["_list"], place)
        if keys is None:
            keys = tuple(key for key in listed if resource_type in (None, key[0]))
        else:
            keys = tuple(key for key in listed if key in keys)
    return Scope(resource_type, keys, asked.since, asked.at), list_version


async def _listed(
    session: Session, request: Request, list_id: str, place: Place | None
) -> tuple[list[tuple[str, str]], int]:
    """The resources of this tenant that the entries of a List refer to, but for those marked deleted; and its version.

    https://hl7.org/fhir/R4/search.html#list"""
    if list_id.startswith("$"):
        raise NotSupported(f"_list={list_id[:100]}: lists that the server keeps are not supported.")
    store, version = request.tenant.store, None
    if place:
        version = await store.read_version(session, "List", list_id, int(place.keys[0] or 0))
    elif is_logical_id(list_id):
        version = await store.read(session, "List", list_id)
    if version is None or version.body is None:
        raise BadRequest(f"_list={list_id[:100]}: there is no such List.", code="not-found")
    found: dict[tuple[str, str], None] = {}
    for entry in exact.decode(version.body.encode()).get("entry", ()):
        reference = parse(entry.get("item", {}).get("reference", ""), request.base)
        known = reference.local and request.tenant.definitions.is_resource_type(reference.resource_type)
        if known and entry.get("deleted") is not True:
            found[reference.resource_type, reference.logical_id] = None
    if len(found) > MOST:
        raise TooCostly(f"_list={list_id}: the list has more than {MOST} entries.")
    return list(found), version.version_id


def _cut(request: Request, shape: Shape, version: Version) -> Version:
    if shape.whole or version.body is None:
        return version
    return replace(version, body=cut(request.tenant.definitions, shape, version.body))


def _bound_to(session: Session, request: Request, asked: _Asked) -> tuple[str, ...]:
    """What a link to a page serves: its tenant, actor and history."""
    criteria = (f"{name}={asked.kept.get(name, '')}" for name in ("_since", "_at", "_list", "_sort"))
    return str(session.tenant_id), session.actor, *request.path, *criteria


def _url(request: Request, asked: _Asked, page: str) -> str:
    parameters = [*asked.kept.items(), *([("_page", page)] if page else [])]
    return f"{request.base}/{'/'.join(request.path)}?{urlencode(parameters)}"


def _asked(request: Request) -> _Asked:
    """The query string read. Raises BadRequest (400), which names the parameter."""
    given: dict[str, str] = {}
    lenient = preferences(request.headers).handling == "lenient"
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        if name not in KNOWN and name != "_page":
            if lenient:
                continue
            raise NotSupported(f"{name[:100]} is not supported in a history; there are {', '.join(KNOWN)}.")
        if name in given:
            raise BadRequest(f"{name} is there more than once.", code="value")
        given[name] = value
    settings = request.tenant.settings
    count, since, at, page = settings["default_count"], None, None, given.pop("_page", "")
    if "_count" in given:
        if not re.fullmatch(r"[0-9]{1,9}", given["_count"]):
            raise BadRequest(f"_count={given['_count'][:100]} is not a number of entries.", code="value")
        count = min(int(given["_count"]), settings["max_count"])
    if "_since" in given:
        given["_since"], since = instant_of("_since", given["_since"])
    if "_at" in given:
        given["_at"], at = _period("_at", given["_at"])
    if given.get("_sort", "none") not in _SORTS:
        raise BadRequest(f"_sort={given['_sort'][:100]}: a history is sorted by {', '.join(_SORTS)}.", code="value")
    if given.get("_summary") == "count":
        count = 0
    resource_types = request.path[:1] if len(request.path) > 1 else ()
    elements = given["_elements"].split(",") if "_elements" in given else ()
    shape = shape_of(request.tenant.definitions, resource_types, given.get("_summary"), elements)
    given["_count"] = str(count)
    return _Asked(given, count, since, at, _SORTS[given.get("_sort", "none")], page, shape)


def _period(name: str, value: str) -> tuple[str, tuple[datetime, datetime]]:
    """The text of a date, dateTime or instant, and the period that it stands for; without a zone it is of UTC."""
    text = value.replace(" ", "+")  # a plus in a URL is a space once it is decoded
    try:
        first, after = bounds(text)
    except ValueError:
        raise BadRequest(f"{name}={text[:100]} is not a date or time like 2026-03 or 2026-03-01T10:00:00Z.") from None
    return text, (_moment(first), _moment(after))


def _moment(micros: int) -> datetime:
    """The instant so many µs after 1970; of those beyond all versions the nearest that is still beyond them."""
    least, most = (EVER - _EPOCH) // _MICROSECOND, (FOREVER - _EPOCH) // _MICROSECOND
    return _EPOCH + min(max(micros, least), most) * _MICROSECOND
