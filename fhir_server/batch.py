"""Batch: a Bundle of requests that are independent of each other, each answered on its own.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace as with_

from resources.database import Session
from resources.outcome import FhirError, Unavailable
from resources.store import StaleDefinitions

from .answers import bundle, response_entry
from .conditions import check, fairly, lock
from .entries import ORDER, Entry, answered_entry, entry_of, read_entry, written_entry
from .exchange import Request, Response, failure
from .links import normal, refuse_unresolvable
from .planning import Plan, needs_nothing
from .writing import apply_each, planned, write

_AT_ONCE: Final = 4  # entries that are done at the same time


async def batch(session: Session, request: Request, bundled: Sequence[dict[str, Any]]) -> Response:
    """Every entry on its own, one that fails changes nothing for the others: 200 with an answer to each."""
    answers: dict[int, str] = {}
    entries: list[Entry] = []
    full_urls = {normal(entry["fullUrl"]) for entry in bundled if entry.get("fullUrl", "")[:4].lower() == "urn:"}
    async for index, item in fairly(enumerate(bundled)):
        try:
            entry = entry_of(request, index, item)
            if entry.write and entry.write.condition is not None:
                check(entry.write)
            if entry.write and entry.interaction == "patch":
                entry.write = with_(entry.write, full_urls=full_urls)
            elif entry.write and entry.request.resource:
                refuse_unresolvable(entry.write.resource_type, entry.request.resource, full_urls, entry.full_url)
            entries.append(entry)
        except FhirError as error:
            answers[index] = response_entry(failure(error), outcome=True)
    together = [entry for entry in entries if entry.write and needs_nothing(entry.write)]
    apart = [entry for entry in entries if entry.write and not needs_nothing(entry.write)]
    if session.in_transaction and apart:
        # Held until its end: one by one, in the order of the Bundle, two Bundles would wait for each other for ever.
        await lock(session, [entry.write for entry in apart if entry.write])
    answers |= await _written_together(session, request, together)
    something_written = bool(together)
    bound = asyncio.Semaphore(_AT_ONCE)

    async def alone(entry: Entry, stale_fails: bool) -> None:
        async with bound:
            answers[entry.index] = await _alone(session, entry, stale_fails)

    for several in (apart, [entry for entry in entries if not entry.write]):
        # The first tells whether the definitions are those of now, before the others write anything. Inside of a
        # transaction there is one connection, which does one thing at a time.
        first = len(several) if session.in_transaction else 1
        for entry in several[:first]:
            await alone(entry, something_written)
            something_written = something_written or bool(apart)
        done = await asyncio.gather(*(alone(e, something_written) for e in several[first:]), return_exceptions=True)
        for failed in filter(None, done):
            raise failed
    return Response(200, bundle("batch-response", (answers[i] for i in range(len(bundled)))))


async def _written_together(session: Session, request: Request, entries: Sequence[Entry]) -> dict[int, str]:
    """Writes that need nothing to be read for them, in one call where that works; the answers by index."""
    answers: dict[int, str] = {}
    plans: list[tuple[Entry, Plan]] = []
    book = request.tenant.book()
    async for entry in fairly(sorted(entries, key=lambda one: ORDER[one.interaction])):
        assert entry.write
        try:
            plans.append((entry, await planned(session, entry.write, (), None, book)))
        except FhirError as error:
            answers[entry.index] = response_entry(failure(error), outcome=True)
    results = await apply_each(session, request.tenant, [plan for _, plan in plans])
    for (entry, of_entry), result in zip(plans, results, strict=True):
        if isinstance(result, FhirError):
            answers[entry.index] = response_entry(failure(result), outcome=True)
        else:
            answers[entry.index] = written_entry(entry, of_entry, result)
    return answers


async def _alone(session: Session, entry: Entry, stale_fails: bool) -> str:
    """The answer to an entry that is done by itself.

    stale_fails: something was written already, so that the Bundle cannot be begun anew. Raises StaleDefinitions."""
    # Inside of a transaction in a savepoint, so that what the database refuses is not the end of it.
    apart = session.transaction() if session.in_transaction else contextlib.nullcontext(session)
    try:
        async with apart as inner:
            if entry.write is None:
                return await read_entry(inner, entry)
            return answered_entry(entry, await write(inner, entry.write))
    except FhirError as error:
        return response_entry(failure(error), outcome=True)
    except StaleDefinitions:
        if not stale_fails:
            raise
        changing = Unavailable("The definitions of the tenant have just changed; send the request again.")
        return response_entry(failure(changing), outcome=True)
