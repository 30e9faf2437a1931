"""$everything: the record of a patient or an encounter, now or as it was at an instant, page by page.

https://hl7.org/fhir/R4/patient-operation-everything.html, https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from resources.database import Session
from resources.operation import Parameters
from resources.outcome import BadRequest, Gone, NotFound, NotSupported
from search import everything as record
from search.everything import Asked, Place
from search.parameters.date import bounds

from ..answers import bundle, match_entry
from ..exchange import Request, Response
from ..media import PRESENTATION
from ..reading import instant_of, is_logical_id

_PARAMETERS: Final = ("start", "end", "_since", "_type", "_count", "_asOf")
_KNOWN: Final = frozenset({*_PARAMETERS, *PRESENTATION, "_page"})


async def everything(session: Session, request: Request, parameters: Parameters) -> Response:
    """A page of the resource, of all in its compartment and of what these refer to: 200 with a searchset.

    Raises NotFound (404) and Gone (410) as a read would, BadRequest (400) for a value that cannot be read."""
    tenant, seal = request.tenant, request.tenant.search.seal
    bound_to = (str(session.tenant_id), session.actor, *request.path)
    given = _given(request, parameters)
    shown = [(name, given.pop(name)) for name in sorted(PRESENTATION) if name in given]
    page_link = given.pop("_page", "")
    if page_link and given:
        raise BadRequest(f"{next(iter(given))}: a link to a page takes no further parameters.", code="value")
    place = seal.open(page_link, Place, *bound_to) if page_link else Place(urlencode(given))
    pairs = parse_qsl(place.query, keep_blank_values=True)
    asked = _asked(request, dict(pairs))
    whose = await record.root(session, tenant.indexer, asked) if is_logical_id(asked.logical_id) else None
    if whose is None:
        raise NotFound(f"{'/'.join(request.path[:2])} does not exist{_then(asked)}.")
    if whose[1].body is None:
        message = f"{'/'.join(request.path[:2])} {'had been' if asked.as_of else 'was'} deleted{_then(asked)}."
        raise Gone.by(message, whose[1].version_id, whose[1].last_updated)
    page = await record.part(session, tenant.indexer, asked, place, whose, tenant.settings["max_includes"])
    entries = [match_entry(request.base, one) for one in page.found]
    entries += [match_entry(request.base, one, mode="include") for one in page.included]
    links = [("self", _url(request, [("_page", page_link)] if page_link else pairs, shown))]
    if page_link:
        links.append(("first", _url(request, pairs, shown)))
    if page.more:
        following = seal.close(Place(place.query, page.at, page.since), *bound_to)
        links.append(("next", _url(request, [("_page", following)], shown)))
    return Response(200, bundle("searchset", entries, total=page.total, links=links))


def _given(request: Request, parameters: Parameters) -> dict[str, str]:
    """The parameters by name, as texts, whether they came in the query or in a body. Raises BadRequest (400)."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        if name not in _KNOWN:
            if not value:
                continue  # as if it were not there
            raise NotSupported(f"{name[:100]} is no parameter of $everything; there are {', '.join(_PARAMETERS)}.")
        if name in given and name != "_type":
            raise BadRequest(f"{name} is there more than once.", code="value")
        given[name] = f"{given[name]},{value}" if name in given else value
    for name in _PARAMETERS:
        if name not in given and (values := parameters.all(name)):
            given[name] = ",".join(map(str, values))
    return given


def _asked(request: Request, given: dict[str, str]) -> Asked:
    """What is asked for. Raises BadRequest (400)."""
    definitions, most = request.tenant.definitions, request.tenant.settings["max_count"]
    types = tuple(dict.fromkeys(one.strip() for one in given.get("_type", "").split(",") if one.strip()))
    for name in types:
        if not definitions.is_resource_type(name):
            raise BadRequest(f"_type={name[:100]}: there is no such resource type.", code="value")
    count = given.get("_count", str(most))
    if not re.fullmatch(r"[0-9]{1,9}", count) or int(count) == 0:
        raise BadRequest(f"_count={count[:100]} is not a number of entries from 1 on.", code="value")
    since, as_of = _instant(given, "_since"), _instant(given, "_asOf")
    start, end = _date(given, "start"), _date(given, "end")
    return Asked(
        request.path[0],
        request.path[1],
        request.base,
        types,
        **({} if start is None else {"start": start[0]}),
        **({} if end is None else {"end": end[1]}),
        since=record.ALWAYS if since is None else max(since, record.ALWAYS),
        as_of=as_of,
        count=min(int(count), most),
    )


def _date(given: dict[str, str], name: str) -> tuple[int, int] | None:
    """The range of a date, from its first µs to before its last."""
    if name not in given:
        return None
    try:
        return bounds(given[name].replace(" ", "+"))  # a plus in a URL is a space once it is decoded
    except ValueError:
        raise BadRequest(f"{name}={given[name][:100]} is not a date.", code="value") from None


def _instant(given: dict[str, str], name: str) -> datetime | None:
    return instant_of(name, given[name])[1] if name in given else None


def _then(asked: Asked) -> str:
    return f" at {asked.as_of.isoformat()}" if asked.as_of else ""


def _url(request: Request, pairs: Sequence[tuple[str, str]], shown: Sequence[tuple[str, str]]) -> str:
    query = urlencode([*pairs, *shown])
    return f"{request.base}/{'/'.join(request.path)}" + (f"?{query}" if query else "")
