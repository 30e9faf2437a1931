"""Batch and transaction: a Bundle of requests, each done as the same request over HTTP would be.

A batch answers every entry on its own. A transaction is planned whole and applied once: all of it or nothing.
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace as with_

from resources.database import Session
from resources.outcome import BadRequest, FhirError, Invalid, Unavailable
from resources.store import StaleDefinitions

from .answers import bundle, response_entry
from .conditions import check, fairly, lock
from .entries import ORDER, Entry, answered_entry, entry_of, read_entry, written_entry
from .exchange import Request, Response, failure
from .links import normal, refuse_unresolvable
from .planning import Plan, needs_nothing, plan
from .transaction import decoded, together, transaction
from .writing import apply_each, write

_AT_ONCE: Final = 4  # entries of a batch that are done at the same time


async def process(session: Session, request: Request) -> Response:
    """Does a batch or transaction: 200 with a Bundle that answers entry by entry.

    Raises BadRequest (400) for anything else, and for a transaction whatever its first failing entry raises."""
    tree = await decoded(request)
    if tree.get("resourceType") != "Bundle" or tree.get("type") not in ("batch", "transaction"):
        raise BadRequest(
            "What is posted to the base must be a Bundle of type batch or transaction.",
            code="value",
            expression=["Bundle.type"],
        )
    _check_frame(request, tree)
    answer = transaction if tree["type"] == "transaction" else _batch
    return await answer(session, request, tree.get("entry", []))


def _check_frame(request: Request, tree: dict[str, Any]) -> None:
    """Checks the Bundle around its resources, which are checked one by one as they are written."""
    entries = tree.get("entry")
    if isinstance(entries, list):
        missing = [i for i, entry in enumerate(entries) if isinstance(entry, dict) and "request" not in entry]
        if missing:
            raise together(
                Invalid(
                    "An entry of a batch or transaction has a request.",
                    code="required",
                    expression=[f"Bundle.entry[{i}].request"],
                )
                for i in missing
            )
        bare = [
            {k: v for k, v in entry.items() if k != "resource"} if isinstance(entry, dict) else entry
            for entry in entries
        ]
        tree = {**tree, "entry": bare}
    request.tenant.validator.check("Bundle", tree)
    seen: dict[str, int] = {}
    for i, entry in enumerate(tree.get("entry", ())):
        url = normal(entry.get("fullUrl", ""))
        if url and seen.setdefault(url, i) != i:
            message = f"Entries {seen[url]} and {i} have the same fullUrl."
            raise BadRequest(
                message, code="duplicate", expression=[f"Bundle.entry[{n}].fullUrl" for n in (seen[url], i)]
            )


async def _batch(session: Session, request: Request, bundled: Sequence[dict[str, Any]]) -> Response:
    """Every entry on its own: one that fails changes nothing for the others."""
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
    planned: list[tuple[Entry, Plan]] = []
    async for entry in fairly(sorted(entries, key=lambda one: ORDER[one.interaction])):
        assert entry.write
        try:
            planned.append((entry, plan(entry.write, (), None)))
        except FhirError as error:
            answers[entry.index] = response_entry(failure(error), outcome=True)
    results = await apply_each(session, request.tenant, [plan for _, plan in planned])
    for (entry, of_entry), result in zip(planned, results, strict=True):
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
