"""Batch and transaction: a Bundle of requests, each done as the same request over HTTP would be.

A batch answers every entry on its own. A transaction is planned whole and applied once: all of it or nothing.
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resources.database import Session
from resources.outcome import BadRequest, FhirError, Invalid, Unavailable
from resources.store import StaleDefinitions

from .answers import bundle, response_entry
from .entries import ORDER, Entry, entry_of, plan_entry, read_entry, written_entry
from .exchange import Request, Response, failure
from .interactions import Plan, apply_each
from .links import normal, refuse_unresolvable
from .transaction import together, transaction


async def process(session: Session, request: Request) -> Response:
    """Does a batch or transaction: 200 with a Bundle that answers entry by entry.

    Raises BadRequest (400) for anything else, and for a transaction whatever its first failing entry raises."""
    tree = request.decode()
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
    reads: list[Entry] = []
    planned: list[tuple[Entry, Plan]] = []

    def fails(index: int, error: FhirError) -> None:
        answers[index] = response_entry(failure(error), outcome=True)

    full_urls = {normal(entry["fullUrl"]) for entry in bundled if entry.get("fullUrl", "")[:4].lower() == "urn:"}
    for index, item in enumerate(bundled):
        try:
            entry = entry_of(request, index, item)
            if entry.interaction in ORDER:
                plan = await plan_entry(session, entry)
                if entry.request.resource:
                    refuse_unresolvable(entry.identity[0], entry.request.resource, full_urls, entry.full_url)
                planned.append((entry, plan))
            else:
                reads.append(entry)
        except FhirError as error:
            fails(index, error)
    planned.sort(key=lambda pair: ORDER[pair[0].interaction])
    results = await apply_each(session, request.tenant, [plan for _, plan in planned])
    for (entry, plan), result in zip(planned, results, strict=True):
        if isinstance(result, FhirError):
            fails(entry.index, result)
        else:
            answers[entry.index] = written_entry(entry, plan, result)
    for entry in reads:
        try:
            answers[entry.index] = await read_entry(session, entry)
        except FhirError as error:
            fails(entry.index, error)
        except StaleDefinitions:
            if not planned:
                raise
            fails(entry.index, Unavailable("The definitions of the tenant have just changed; send the request again."))
    return Response(200, bundle("batch-response", (answers[i] for i in range(len(bundled)))))
