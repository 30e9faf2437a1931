"""What a request asks for besides its resource: Prefer and preconditions. Pure.

https://hl7.org/fhir/R4/http.html#ops, RFC 7240 (Prefer), RFC 9110 section 13 (preconditions)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from resources.hashing import remembered
from resources.outcome import BadRequest

# The precondition headers that each interaction heeds; another one is refused by it or means nothing to it.
PRECONDITIONS: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset({"if-none-match", "if-modified-since"}),
    "create": frozenset({"if-none-exist"}),
    "update": frozenset({"if-match", "if-none-match"}),
    "patch": frozenset({"if-match"}),
    "delete": frozenset({"if-match"}),
}

# One element of the list, which may be empty (RFC 9110, 5.6.1).
_ETAG: Final = re.compile(r'\s*(?:(\*)|(?:W/)?"([^"]*)"|(\d+)|)\s*(?:,|$)')
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_RETURNS: Final = {"minimal": "minimal", "representation": "representation", "operationoutcome": "OperationOutcome"}
_ANY: Final = frozenset({"*"})


class Preferences(Struct, frozen=True):
    """The preferences of one request that this server knows; "" where nothing was said."""

    returns: str = ""  # minimal | representation | OperationOutcome
    handling: str = ""  # strict | lenient
    respond_async: bool = False

    @property
    def wants_outcome(self) -> bool:
        return self.returns == "OperationOutcome"

    def applied(self, *names: str) -> dict[str, str]:
        """The header that names which of these preferences were stated, and so honoured."""
        stated = {"return": self.returns, "handling": self.handling}
        honoured = ", ".join(f"{name}={stated[name]}" for name in names if stated[name])
        return {"Preference-Applied": honoured} if honoured else {}


@remembered(256)
def _preferences(prefer: str) -> Preferences:
    found: dict[str, str] = {}
    for part in prefer.replace(";", ",").split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    handling = found.get("handling", "")
    return Preferences(
        _RETURNS.get(found.get("return", ""), ""),
        handling if handling in ("strict", "lenient") else "",
        "respond-async" in found,
    )


def preferences(headers: Mapping[str, str]) -> Preferences:
    """The preferences of a request. Unknown ones are ignored; of two contrary ones the first counts (RFC 7240)."""
    return _preferences(headers.get("prefer", ""))


def _etags(name: str, header: str) -> frozenset[str]:
    """The version ids of a list of entity tags, or {"*"}. FHIR compares weakly, so W/ makes no difference."""
    found: list[str] = []
    place = 0
    while place < len(header):
        tag = _ETAG.match(header, place)
        if tag is None:
            raise BadRequest(f'{name} is not a list of entity tags like W/"3": {header[:100]!r}.', code="value")
        if tag.lastindex:
            said = tag[tag.lastindex]
            found.append("" if said == "*" and not tag[1] else said)  # "*" in quotes is a tag like any other
        place = tag.end()
    if not found or ("*" in found and len(found) > 1):
        raise BadRequest(f'{name} is not a list of entity tags like W/"3": {header[:100]!r}.', code="value")
    return frozenset(found)


def if_match(headers: Mapping[str, str]) -> tuple[int, ...] | None:
    """The version ids of If-Match of which one must be the current; () for any, which is *; None if it is not there.

    A tag that is no version id of ours can match nothing and counts as version 0. Raises BadRequest (400)."""
    header = headers.get("if-match")
    if header is None:
        return None
    tags = _etags("If-Match", header)
    return () if tags == _ANY else tuple(sorted(int(tag) if _VERSION.fullmatch(tag) else 0 for tag in tags))


def if_none_match_any(headers: Mapping[str, str]) -> bool:
    """Whether a write may only create: If-None-Match: *. Raises BadRequest (400) for entity tags, which do not fit."""
    header = headers.get("if-none-match")
    if header is None:
        return False
    if _etags("If-None-Match", header) != _ANY:
        raise BadRequest("If-None-Match on an update can only be *.", code="value")
    return True


def unchanged(headers: Mapping[str, str], etag: str, last_updated: datetime | None) -> bool:
    """Whether a conditional read finds what the client has already: the answer is 304.

    If-None-Match decides where both are given; a date that cannot be read is ignored (RFC 9110)."""
    tags = headers.get("if-none-match")
    if tags is not None:
        return bool(_etags("If-None-Match", tags) & {"*", etag})
    since = headers.get("if-modified-since")
    if since is None or last_updated is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return last_updated.replace(microsecond=0) <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
