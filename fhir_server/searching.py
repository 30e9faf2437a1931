"""The search interaction, and the conditions that name a resource by a search.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from resources.database import Session
from resources.outcome import BadRequest
from search.query import RESULT_PARAMETERS, parse

from .answers import bundle, match_entry, outcome_entry
from .exchange import Request, Response
from .preferences import preferences


async def search(session: Session, request: Request) -> Response:
    """One page of the resources of a type that meet the query: 200 with a searchset.

    Raises BadRequest or NotSupported (400), which name the parameter."""
    tenant, resource_type = request.tenant, request.path[0]
    preferred = preferences(request.headers)
    query = parse(
        tenant.definitions,
        resource_type,
        request.query,
        preferred.handling != "lenient",
        base_url=request.base,
        default_count=tenant.settings["default_count"],
        max_count=tenant.settings["max_count"],
    )
    page = await tenant.search.page(session, query)
    entries = [match_entry(request.base, version) for version in page.versions]
    if query.warnings:
        entries.append(outcome_entry(*query.warnings))
    url = f"{request.base}/{resource_type}?"
    # A page link keeps its whole search inside, where no logger can read it.
    this = urlencode([("_page", query.page), *query.format]) if query.page else page.query.text()
    links = [("self", url + this)]
    if page.next:
        links.append(("next", url + urlencode([("_page", page.next), *page.query.format])))
    return Response(
        200,
        bundle("searchset", entries, total=page.total, links=links),
        headers=preferred.applied("handling"),
    )


def check_condition(request: Request, resource_type: str, query: str) -> None:
    """Refuses a condition that cannot name a resource: no criteria, or parameters that are none.

    Raises BadRequest or NotSupported (400)."""
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name in RESULT_PARAMETERS:
            raise BadRequest(f"{name} cannot be part of a condition, only search criteria can.", code="value")
    read = parse(request.tenant.definitions, resource_type, query, base_url=request.base)
    if not read.clauses:
        raise BadRequest("A condition needs at least one search criterion.", code="value")
    request.tenant.search.conditions(read)


async def resolve(session: Session, request: Request, conditions: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The logical ids that meet each condition (resource type, query), at most two of each."""
    return await request.tenant.search.resolve(session, conditions, request.base) if conditions else []
