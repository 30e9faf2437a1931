"""The entries of a batch or transaction, each read as the request it stands for.

https://hl7.org/fhir/R4/bundle.html#bundle-entry
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from resources.database import Session
from resources.outcome import BadRequest, FhirError, Invalid
from resources.store import Version

from .answers import response_entry
from .exchange import Request, Response, http_date
from .history import history
from .interactions import Plan, new_logical_id, plan_create, plan_delete, plan_update, read, vread, written
from .links import normal
from .metadata import capabilities
from .preferences import preferences
from .router import find
from .searching import search

Interaction = Callable[[Session, Request], Awaitable[Response]]

# What an entry may ask for besides a write.
READS: Final[Mapping[str, Interaction]] = {
    "capabilities": capabilities,
    "read": read,
    "vread": vread,
    "history-instance": history,
    "history-type": history,
    "history-system": history,
    "search-type": search,
    "search-compartment": search,
    "search-system": search,
}
# The order of work, whatever the order in the Bundle; reads come last.
ORDER: Final = {"delete": 0, "create": 1, "update": 2}
_FAIR: Final = 50  # entries that are planned before other requests have their turn
_PRECONDITIONS: Final = {"ifMatch": "if-match", "ifNoneMatch": "if-none-match", "ifNoneExist": "if-none-exist"}


class Entry(Struct):
    """One entry of the Bundle, as a request."""

    index: int
    interaction: str
    request: Request
    head: bool  # only what a GET says besides the resource
    full_url: str  # normal; "" if there is none
    identity: tuple[str, str]  # resource type and logical id, of a write; the server's own id for a create

    @property
    def path(self) -> str:
        return f"Bundle.entry[{self.index}]"


def entry_of(request: Request, index: int, entry: dict[str, Any]) -> Entry:
    """An entry read as a request. Raises what the router raises, and BadRequest (400)."""
    asked = entry["request"]
    url: str = asked["url"]
    if url.startswith(("http://", "https://")):
        if url != request.base and not url.startswith((request.base + "/", request.base + "?")):
            raise BadRequest(f"{url[:200]!r} is not below {request.base}.", code="value")
        url = url[len(request.base) :]
    place, _, query = url.partition("?")
    place = unquote(place).removeprefix("/").removesuffix("/")
    path = tuple(place.split("/")) if place else ()
    headers = {name: asked[key] for key, name in _PRECONDITIONS.items() if key in asked}
    if "ifModifiedSince" in asked:
        try:
            moment = datetime.fromisoformat(asked["ifModifiedSince"]).astimezone(UTC)
        except (ValueError, OverflowError):  # a leap second, the year 0001 far in the east
            raise BadRequest(f"ifModifiedSince cannot be {asked['ifModifiedSince']}.", code="value") from None
        headers["if-modified-since"] = http_date(moment)
    if "prefer" in request.headers:
        headers["prefer"] = request.headers["prefer"]
    method = "GET" if asked["method"] == "HEAD" else asked["method"]
    interaction = find(method, path, request.tenant.definitions).interaction
    if interaction in ("batch", "transaction"):
        raise BadRequest("A Bundle of requests cannot be an entry of another one.", code="value")
    resource = entry.get("resource") if interaction in ("create", "update") else None
    if not isinstance(resource, dict | None):
        raise Invalid("The resource is not an object.", code="structure", expression=[path[0]])
    identity = (
        (path[0], new_logical_id() if interaction == "create" else path[-1]) if interaction in ORDER else ("", "")
    )
    made = Request(method, path, request.tenant, request.base, query, headers, b"", resource)
    return Entry(index, interaction, made, asked["method"] == "HEAD", normal(entry.get("fullUrl", "")), identity)


async def plan_entry(session: Session, entry: Entry) -> Plan:
    """The write an entry asks for. Raises what the interaction raises."""
    if entry.index % _FAIR == 0:
        await asyncio.sleep(0)
    if entry.interaction == "create":
        return await plan_create(session, entry.request, entry.identity[1])
    return await (plan_update if entry.interaction == "update" else plan_delete)(session, entry.request)


def seen_from_bundle(entry: Entry, error: FhirError) -> FhirError:
    """An error of an entry as seen from the Bundle: at its resource if it is about that."""
    resource_type = entry.identity[0]
    about = resource_type and any(e.startswith(resource_type) for issue in error.issues for e in issue.expression)
    return error.within(f"{entry.path}.resource" if about else entry.path)


async def read_entry(session: Session, entry: Entry) -> str:
    """The answer to an entry that reads. Raises what the interaction raises."""
    response = await READS[entry.interaction](session, entry.request)
    return response_entry(replace(response, body="") if entry.head else response)


def written_entry(entry: Entry, plan: Plan, version: Version) -> str:
    """The answer to an entry whose write was done."""
    outcome = preferences(entry.request.headers).wants_outcome
    return response_entry(written(entry.request, plan, version), outcome=outcome)
