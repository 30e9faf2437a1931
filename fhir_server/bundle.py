"""Batch and transaction: a Bundle of requests, each done as the same request over HTTP would be.

A batch answers every entry on its own (batch.py). A transaction is planned whole and applied once: all of it or nothing
(transaction.py). What both are is checked here.
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from typing import Any

from resources.database import Session
from resources.outcome import BadRequest, Invalid

from .batch import batch
from .exchange import Request, Response
from .links import normal
from .transaction import decoded, together, transaction


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
    answer = transaction if tree["type"] == "transaction" else batch
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
