"""Conditions of conditional interactions: what they find, and the lock that keeps two from creating the same.

https://hl7.org/fhir/R4/http.html#cond-update, https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlencode

from resources import locks
from resources.database import Session
from search.criteria import Clause
from search.query import Query

from .media import PRESENTATION
from .planning import Match, Write
from .searching import condition_of, resolve

FAIR: Final = 50  # entries of a Bundle that are worked on before other requests have their turn
T = TypeVar("T")


async def fairly(many: Iterable[T]) -> AsyncIterator[T]:
    """Each of many, between which other requests have their turn."""
    for place, one in enumerate(many, 1):
        if place % FAIR == 0:
            await asyncio.sleep(0)
        yield one


def may_create(write: Write) -> bool:
    """Whether a write creates a resource if its condition finds none."""
    return write.interaction in ("create", "update")


def check(write: Write) -> Query:
    """The condition of a write, read. Raises BadRequest or NotSupported (400) for one that cannot name a resource."""
    return condition_of(write.request, write.resource_type, _criteria(write))


def _criteria(write: Write) -> str:
    """The condition without what is of the edge; in a URL both stand together."""
    text = write.condition or ""
    if write.interaction == "create":
        text = text.removeprefix(f"{write.resource_type}?").removeprefix("?")
    if not any(name in text for name in PRESENTATION):
        return text
    kept = [(n, v) for n, v in parse_qsl(text, keep_blank_values=True) if n not in PRESENTATION]
    return urlencode(kept)


async def look_up(session: Session, writes: Sequence[Write], beyond: int = 0) -> list[list[Match]]:
    """What the conditions of the writes find, in their order: of each at most one more than it may, and beyond more.

    Raises BadRequest or NotSupported (400)."""
    if not writes:
        return []
    async for write in fairly(writes):
        check(write)
    request = writes[0].request
    most = 2
    if any(write.interaction == "delete" for write in writes):
        most = request.tenant.settings["conditional_delete_max"] + 1
    most += beyond
    lookups = [(write.resource_type, _criteria(write)) for write in writes]
    found = await resolve(session, request, lookups, most)
    return [[Match(*one) for one in matches] for matches in found]


async def lock(session: Session, writes: Iterable[Write]) -> None:
    """Lets nobody else write by one of these conditions, or a resource of these in turn, until the transaction ends.

    A condition is locked value by value and without system, type or modifier, so that `identifier=a,b` and
    `identifier=urn:x|b` wait for each other."""
    hashes = []
    async for write in fairly(writes):
        of = write.request.tenant.hash.of
        if write.condition is None:
            hashes.append(of("condition", write.resource_type, "_id", write.logical_id.casefold()))
            continue
        for one in check(write).criteria:
            values = one.values if isinstance(one, Clause) else (one.value,)
            code = one.code if isinstance(one, Clause) else one.name
            ends = {re.split(r"[|/]", value)[-1].casefold() for value in values}
            hashes += [of("condition", write.resource_type, code, end) for end in ends]
    await locks.lock(session, hashes)
