"""$lastn: the newest observations of each code. https://hl7.org/fhir/R4/observation-operation-lastn.html"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from resources.database import Session
from resources.operation import Parameters
from resources.outcome import BadRequest, NotSupported
from search import lastn as search
from search.criteria import Chain, Clause
from search.query import RESULT_PARAMETERS, Query, parse
from search.store import as_of_now, still_hold

from ..answers import bundle, match_entry, outcome_entry
from ..exchange import Request, Response
from ..preferences import preferences

_MAX: Final = "max"
_SUBJECTS: Final = ("patient", "subject")  # search parameters of which R4 wants one


async def lastn(session: Session, request: Request, parameters: Parameters) -> Response:
    """Of all that match the search, the newest `max` (1) of each code: 200 with a searchset, without pages.

    Raises BadRequest and NotSupported (400), TooCostly (403)."""
    tenant = request.tenant
    each = parameters.one(_MAX, 1)
    query = await _asked(session, request, parse_qsl(request.query, keep_blank_values=True))
    versions = await search.newest(session, tenant.search, query, each, tenant.settings["max_count"])
    await still_hold(session, tenant.definitions, tenant.definitions_number, query.text())
    entries = [match_entry(request.base, one) for one in versions]
    if query.warnings:
        entries.append(outcome_entry(*query.warnings))
    text = urlencode([(_MAX, str(each)), *_criteria(query), *query.format])
    link = f"{request.base}/{'/'.join(request.path)}?{text}"
    headers = preferences(request.headers).applied("handling")
    return Response(200, bundle("searchset", entries, total=len(versions), links=[("self", link)]), headers=headers)


async def _asked(session: Session, request: Request, pairs: list[tuple[str, str]]) -> Query:
    """The search. Raises BadRequest or NotSupported (400)."""
    for name, _ in pairs:
        if name.partition(":")[0] in RESULT_PARAMETERS:
            raise NotSupported(
                f"{name[:100]}: $lastn answers with the newest of each code, all of them; there is `max`."
            )
    definitions = await as_of_now(session, request.tenant.definitions)
    strict = preferences(request.headers).handling != "lenient"
    query = parse(definitions, request.path[:1], urlencode(pairs), strict, base_url=request.base)
    subjects = [
        one
        for one in query.criteria
        if isinstance(one, Clause | Chain)
        and one.code in _SUBJECTS
        and not (isinstance(one, Clause) and one.modifier in ("missing", "not"))
    ]
    if not subjects:
        raise BadRequest("$lastn is asked for a subject: give `patient` or `subject`.", code="required")
    return query


def _criteria(query: Query) -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in query.criteria]
