"""A RESTful exchange without HTTP: what an interaction is asked, and what it answers.

The edge makes a Request of the bytes of HTTP and a Bundle makes one of each of its entries, so both go the same way.
https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from msgspec import Struct

from resources import exact, fhir_xml
from resources.outcome import FhirError, Gone, Issue, Malformed, operation_outcome
from resources.store import Version

from .media import is_xml
from .tenancy import Tenant

NO_HEADERS: Final[Mapping[str, str]] = {}

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Request(Struct, frozen=True):
    """One interaction that is asked for."""

    method: str  # GET | POST | PUT | PATCH | DELETE; a HEAD comes as GET
    path: tuple[str, ...]  # decoded segments below the base: ("Patient", "1")
    tenant: Tenant
    base: str  # "http://host/fhir/default", no slash at the end
    query: str = ""  # as it was sent, without the question mark
    headers: Mapping[str, str] = NO_HEADERS  # names in lower case
    body: bytes = b""
    resource: dict[str, Any] | None = None  # the body where it is decoded already: in a Bundle entry

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters and in lower case; "" if none is stated."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def decode(self) -> dict[str, Any]:
        """The resource in the body, as an exact tree, whether it was sent in JSON or XML. Raises Malformed (400)."""
        if self.resource is not None:
            return self.resource
        if not self.body:
            raise Malformed("The request has no body; a resource was expected.", code="required")
        if is_xml(self.content_type):
            return fhir_xml.decode(self.tenant.definitions, self.body)
        return exact.decode(self.body)


class Response(Struct, frozen=True):
    """What an interaction came to. Body and version are spliced into HTTP or into a Bundle entry by the caller."""

    status: int
    body: str = ""  # JSON text of a resource; empty for none
    version_id: int = 0  # 0: the answer is not a version of a resource
    last_updated: datetime | None = None  # UTC
    location: str = ""  # absolute, with the version; of writes
    headers: Mapping[str, str] = NO_HEADERS  # those that are in neither of the fields above
    content: bytes = b""  # instead of a body: what is not FHIR and is sent as it is …
    content_type: str = ""  # … under this media type

    @property
    def etag(self) -> str:
        return f'W/"{self.version_id}"' if self.version_id else ""


def outcome_text(*issues: Issue) -> str:
    """The JSON text of an OperationOutcome with these issues."""
    return orjson.dumps(operation_outcome(issues)).decode()


def failure(error: FhirError) -> Response:
    """The answer that an error stands for: its status, its headers and an OperationOutcome."""
    version_id, last_updated = (error.version_id, error.last_updated) if isinstance(error, Gone) else (0, None)
    return Response(error.status, outcome_text(*error.issues), version_id, last_updated, headers=error.headers)


def location(request: Request, version: Version) -> str:
    return f"{request.base}/{version.resource_type}/{version.logical_id}/_history/{version.version_id}"


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC with milliseconds: 2026-03-01T10:00:00.123Z. moment is in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1024)
def http_date(moment: datetime) -> str:
    """The date of an HTTP header, whole seconds: Sun, 01 Mar 2026 10:00:00 GMT. moment is in UTC."""
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month]} {moment.year:04} "
        f"{moment.hour:02}:{moment.minute:02}:{moment.second:02} GMT"
    )
