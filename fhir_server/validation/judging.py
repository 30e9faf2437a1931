"""A judgement of a resource by everything that a tenant knows. https://hl7.org/fhir/R4/validation.html"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from resources.database import Session
from resources.outcome import Issue

from ..tenancy import Tenant
from .book import Book

ROUNDS: Final = 30  # of looking for what profiles refer to: each goes one reference further


async def judge(
    session: Session, tenant: Tenant, tree: dict[str, Any], profiles: Sequence[str] = (), *, book: Book | None = None
) -> tuple[Issue, ...]:
    """Every issue of a resource: of the base rules, and if it breaks none of them, of the invariants, of the profiles it
    claims and of those given (canonical URLs), with the severities that the tenant gives them.

    book: of several judgements in a row. Raises TooCostly (403), Unavailable (503)."""
    resource_type = tree.get("resourceType")
    name = resource_type if isinstance(resource_type, str) else "Resource"
    base = await asyncio.to_thread(tenant.validator.issues, name, tree)
    if any(issue.severity in ("error", "fatal") for issue in base):
        return base
    book = book or tenant.book()
    book.begin(tree, profiles)
    found: tuple[Issue, ...] = ()
    for _ in range(ROUNDS):
        await book.load(session)
        found = await asyncio.to_thread(tenant.rules.issues, tree, book, profiles)
        if not book.wants:
            break
    return (*base, *tenant.policy.weighed((*found, *book.end())))
