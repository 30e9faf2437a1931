"""The search interactions: over a type, over all types, over a compartment; and what else names resources by a search.

https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from resources import exact
from resources.database import Session
from resources.outcome import BadRequest, Issue, NotSupported
from resources.store import Version
from search import build, named, resolving
from search.criteria import Clause
from search.escapes import escape
from search.includes import ANYTHING, Included, Rest, follow
from search.query import RESULT_PARAMETERS, Query, parse
from search.run import Page
from search.store import as_of_now, still_hold

from .answers import bundle, match_entry, outcome_entry
from .exchange import Request, Response
from .preferences import preferences
from .shaping import Shape, cut, shape_of

_REST: Final = "_includes"  # the parameter of a link to included resources that were cut


class _Match(Struct, frozen=True):
    """One resource of a page."""

    version: Version  # of a contained resource that of its container
    inner: str = ""  # the id of the contained resource, if that is what matched
    tree: dict[str, Any] | None = None  # the contained resource


async def search(session: Session, request: Request) -> Response:
    """One page of the resources that meet the query, with what is included: 200 with a searchset.

    Raises BadRequest or NotSupported (400), which name the parameter, and TooCostly (403)."""
    given = dict(parse_qsl(request.query)) if _REST in request.query else {}
    if _REST in given:
        return await _rest(session, request, given)
    query = await _asked(session, request, request.query)
    page = await request.tenant.search.page(session, query)
    shape = _shape(request, page.query)
    matches = _matches(page)
    here = urlencode([("_page", query.page)]) if query.page else page.query.text()
    included = await _included(session, request, page, matches, Rest(here, 0, None))
    await _still_hold(session, request, page.query)
    entries = [*_match_entries(request, page.query, shape, matches), *_include_entries(request, shape, included)]
    issues = [*query.warnings, *(Issue("information", "informational", line) for line in page.explanation)]
    links = [("self", _url(request, urlencode([("_page", query.page), *query.format]) if query.page else here))]
    # A page link keeps its whole search inside, where no logger can read it.
    for relation, place in (("first", page.first), ("previous", page.previous), ("next", page.next)):
        if place:
            links.append((relation, _url(request, urlencode([("_page", place), *page.query.format]))))
    return _answer(session, request, page, entries, issues, links, included, Rest(here, 0, None))


async def _rest(session: Session, request: Request, given: dict[str, str]) -> Response:
    """The included resources of a page from where they were cut, as a searchset without matches."""
    rest = request.tenant.search.seal.open(given[_REST], Rest, *_bound_to(session, request))
    query = await _asked(session, request, rest.query)
    page = await request.tenant.search.page(session, query)
    included = await _included(session, request, page, _matches(page), rest)
    await _still_hold(session, request, page.query)
    entries = list(_include_entries(request, _shape(request, page.query), included))
    links = [("self", _url(request, urlencode([(_REST, given[_REST]), *page.query.format])))]
    return _answer(session, request, page, entries, [], links, included, rest)


def _answer(
    session: Session,
    request: Request,
    page: Page,
    entries: list[str],
    issues: list[Issue],
    links: list[tuple[str, str]],
    included: Included,
    rest: Rest,
) -> Response:
    """The searchset, with what is said besides, and the link to the included resources that were cut."""
    if included.cut:
        level, position = included.cut
        following = Rest(rest.query, level, position)
        sealed = request.tenant.search.seal.close(following, *_bound_to(session, request))
        relation = "next" if rest.level else "related"
        links.append((relation, _url(request, urlencode([(_REST, sealed), *page.query.format]))))
        message = f"More resources are included than one answer takes; the link {relation!r} has the rest."
        issues.append(Issue("warning", "incomplete", message))
    if included.stopped:
        message = "Too many resources are included for :iterate to go on from each; what they lead to is left out."
        issues.append(Issue("warning", "incomplete", message))
    if issues:
        entries.append(outcome_entry(*issues))
    total = None if rest.level else page.total
    headers = preferences(request.headers).applied("handling")
    return Response(200, bundle("searchset", entries, total=total, links=links), headers=headers)


async def _asked(session: Session, request: Request, text: str) -> Query:
    """The query string read. Raises BadRequest or NotSupported (400)."""
    tenant, path = request.tenant, request.path
    resource_types, compartment = path[:1] if path[:1] != ("_search",) else (), None
    if len(path) > 2:
        compartment, resource_types = (path[0], path[1]), () if path[2] == "*" else (path[2],)
    query = parse(
        await as_of_now(session, tenant.definitions),
        resource_types,
        text,
        _is_strict(request),
        compartment=compartment,
        base_url=request.base,
        default_count=tenant.settings["default_count"],
        max_count=tenant.settings["max_count"],
    )
    if query.named:
        query = await _expanded(session, request, query)
    if query.explain and not tenant.settings["explain"]:
        raise NotSupported("_explain is not on for this tenant.")
    _shape(request, query)
    return query


async def _still_hold(session: Session, request: Request, query: Query) -> None:
    """Raises StaleDefinitions if the own parameters of a search, or of its includes, are not what they were before both."""
    tenant, asked = request.tenant, [query.text()]
    if any(one.code == ANYTHING for one in query.includes):
        asked += [one.code for one in tenant.definitions.own_parameters if one.type == "reference"]
    await still_hold(session, tenant.definitions, tenant.definitions_number, " ".join(asked))


async def _expanded(session: Session, request: Request, query: Query) -> Query:
    """The search that a named query stands for: that of the tenant's active OperationDefinition with its code.

    Raises NotSupported (400) where there is none for what is searched. https://hl7.org/fhir/R4/search.html#query"""
    assert query.named
    tenant, name = request.tenant, query.named[0]
    wanted = (("code", escape(name)), ("kind", "query"), ("status", "active"))
    criteria = tuple(Clause(code, None, (value,)) for code, value in wanted)
    page = await tenant.search.page(session, Query(("OperationDefinition",), criteria, base_url=request.base))
    for version in page.versions:
        definition = exact.decode((version.body or "").encode())
        types = {*definition.get("resource", ())}
        if not types or {"Resource", "DomainResource", *query.scope} & types:
            return named.expanded(tenant.definitions, query, definition, _is_strict(request))
    raise NotSupported(f"_query={name[:100]}: there is no named query of that name here.")


def _shape(request: Request, query: Query) -> Shape:
    """Raises BadRequest (400) for `_elements` that are none."""
    return shape_of(request.tenant.definitions, query.resource_types, query.summary, query.elements)


def _matches(page: Page) -> list[_Match]:
    """The resources of the page; of a contained one with its own tree."""
    matches = []
    inside: dict[tuple[str, str, int], dict[str, dict[str, Any]]] = {}  # of each container, by id
    for version, inner in zip(page.versions, page.contained or [None] * len(page.versions), strict=True):
        tree = None
        if inner is not None:
            identity = version.resource_type, version.logical_id, version.version_id
            if identity not in inside:
                container = exact.decode((version.body or "").encode())
                inside[identity] = {one.get("id"): one for one in container.get("contained", ())}
            tree = inside[identity].get(inner)
        matches.append(_Match(version, inner or "", tree))
    return matches


def _match_entries(request: Request, query: Query, shape: Shape, matches: Sequence[_Match]) -> Iterator[str]:
    """The entries of the matches. Of several matches inside one resource the container is there once."""
    definitions, shown = request.tenant.definitions, set()
    for match in matches:
        version, inner, body = match.version, "", match.version.body or ""
        if match.tree and query.contained_type == "contained":
            inner, body = match.inner, exact.encode(match.tree).decode()
        identity = version.resource_type, version.logical_id, inner
        if identity not in shown:
            shown.add(identity)
            yield match_entry(request.base, version, cut(definitions, shape, body), inner=inner)


def _include_entries(request: Request, shape: Shape, included: Included) -> Iterator[str]:
    definitions, shape = request.tenant.definitions, shape.of_includes()
    for version in included.versions:
        yield match_entry(request.base, version, cut(definitions, shape, version.body or ""), "include")


async def _included(session: Session, request: Request, page: Page, matches: Sequence[_Match], rest: Rest) -> Included:
    """What comes with the matches, from where an earlier answer ended."""
    if not page.query.includes or not matches:
        return Included(())
    tenant = request.tenant
    versions, trees = [match.version for match in matches], [match.tree for match in matches]
    most, after = tenant.settings["max_includes"], rest if rest.level else None
    return await follow(session, tenant.indexer, page.query, versions, most, after, inner=trees)


def _is_strict(request: Request) -> bool:
    """Whether a parameter that is not known is an error. https://hl7.org/fhir/R4/search.html#errors"""
    return preferences(request.headers).handling != "lenient"


def _url(request: Request, query: str) -> str:
    """The URL of the same search by GET."""
    path = [segment for segment in request.path if segment != "_search"]
    return f"{'/'.join([request.base, *path])}?{query}"


def _bound_to(session: Session, request: Request) -> tuple[str, ...]:
    """What a link to the rest of includes serves."""
    return str(session.tenant_id), session.actor, _REST, *request.path


def condition_of(request: Request, resource_type: str, query: str) -> Query:
    """A condition that names resources of a type, read: criteria and nothing else.

    Raises BadRequest or NotSupported (400) where there is none, or a parameter that is not known."""
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name.partition(":")[0] in RESULT_PARAMETERS:
            raise BadRequest(f"{name} cannot be part of a condition, only search criteria can.", code="value")
    read = parse(request.tenant.definitions, (resource_type,), query, base_url=request.base)
    if not read.criteria:
        raise BadRequest("A condition needs at least one search criterion.", code="value")
    build.conditions(request.tenant.indexer, read)
    return read


async def resolve(
    session: Session, request: Request, conditions: Sequence[tuple[str, str]], most: int = 2
) -> list[list[tuple[str, int]]]:
    """The resources (logical id, version id) that meet each condition (resource type, query), so many at most of each."""
    return await resolving.resolve(session, request.tenant.search, conditions, request.base, most) if conditions else []
