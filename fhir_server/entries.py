"""The entries of a batch or transaction, each read as the request it stands for.

https://hl7.org/fhir/R4/bundle.html#bundle-entry
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from .links import normal
from .metadata import capabilities
from .operations import operation, operation_definition
from .planning import Plan, Write, answer, write_of
from .preferences import preferences
from .reading import read, vread
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
    "operation": operation,
    "operation-definition": operation_definition,
}
# The order of work, whatever the order in the Bundle; reads come last.
ORDER: Final = {"delete": 0, "create": 1, "update": 2, "patch": 2}
_WITH_RESOURCE: Final = frozenset({"create", "update", "patch", "operation"})
_PRECONDITIONS: Final = {"ifMatch": "if-match", "ifNoneMatch": "if-none-match", "ifNoneExist": "if-none-exist"}


class Entry(Struct, eq=False):
    """One entry of the Bundle, as a request."""

    index: int
    interaction: str
    request: Request
    head: bool  # only what a GET says besides the resource
    full_url: str  # normal; "" if there is none
    write: Write | None = None  # what it asks for if it writes

    @property
    def path(self) -> str:
        return f"Bundle.entry[{self.index}]"


def entry_of(request: Request, index: int, entry: dict[str, Any]) -> Entry:
    """An entry read as a request. Raises what the router raises, and BadRequest (400)."""
    asked = entry["request"]
    for name in ("method", "url"):
        if name not in asked:  # it is there, but has extensions only
            message = f"The {name} of an entry's request has no value."
            raise Invalid(message, code="required", expression=[f"Bundle.request.{name}"])
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
    if interaction not in ORDER and interaction not in READS:
        raise BadRequest(f"{method} {url[:200]!r} cannot be an entry of a Bundle.", code="not-supported")
    resource = entry.get("resource") if interaction in _WITH_RESOURCE else None
    if not isinstance(resource, dict | None):
        raise Invalid("The resource is not an object.", code="structure", expression=[path[0]])
    made = Request(method, path, request.tenant, request.base, query, headers, b"", resource)
    write = write_of(made, interaction) if interaction in ORDER else None
    return Entry(index, interaction, made, asked["method"] == "HEAD", normal(entry.get("fullUrl", "")), write)


def seen_from_bundle(entry: Entry, error: FhirError) -> FhirError:
    """An error of an entry as seen from the Bundle: at its resource if it is about that, or about the patch in it."""
    sent = (entry.request.resource or {}).get("resourceType")
    types = (entry.write.resource_type if entry.write else "", sent, "Parameters")  # or should have been sent
    about = any(e.partition(".")[0].partition("[")[0] in types for issue in error.issues for e in issue.expression)
    return error.within(f"{entry.path}.resource" if about else entry.path)


async def read_entry(session: Session, entry: Entry) -> str:
    """The answer to an entry that reads. Raises what the interaction raises."""
    response = await READS[entry.interaction](session, entry.request)
    return response_entry(replace(response, body="") if entry.head else response)


def written_entry(entry: Entry, plan: Plan, versions: Sequence[Version]) -> str:
    """The answer to an entry whose write was done."""
    assert entry.write
    return answered_entry(entry, answer(entry.write, plan, versions))


def answered_entry(entry: Entry, response: Response) -> str:
    """The answer to an entry that writes, where it is known."""
    outcome = entry.interaction == "delete" or preferences(entry.request.headers).wants_outcome
    return response_entry(response, outcome=outcome)
