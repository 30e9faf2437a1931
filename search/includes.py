"""Included resources: what the matches of a page point to, and what points to them.

One statement for each level, bodies and all: the targets of references by their keys, of canonical URLs by `url`, and
what refers to the level before by its postings. Lists are read in a fixed order, so that what had to be cut can be
continued where it ended. https://hl7.org/fhir/R4/search.html#revinclude
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Final

import msgspec

from resources import exact
from resources.database import Row, Session
from resources.definitions import Definitions
from resources.store import METHODS, Version

from .conditions import Uris
from .criteria import Include
from .escapes import escape
from .expression import parse
from .indexer import Indexer
from .levels import BY_KEY, BY_POSTING, BY_URL, CURRENT, Position, Statement, Wanted
from .parameter import Parameter
from .parameters import reference, uri
from .query import Query
from .references import parse as parse_reference
from .trie import Node, routes

ANYTHING: Final = "*"
WALKED: Final = 10  # times the limit: resources of one level from which `:iterate` goes on
LARGE: Final = 4_000_000  # bytes, compressed, of what one answer includes, without its last resource
_TOGETHER: Final = 4  # times LARGE: of one level from which `:iterate` goes on
_URLS: Final = frozenset({"canonical", "uri"})  # types whose value is the URL of what is pointed to


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """Where the includes of a page were cut. It goes into a sealed link."""

    query: str  # of the page, as a query string
    level: int
    position: Position | None  # of the last one that was looked at; None: nothing of the level was


@dataclass(frozen=True, slots=True)
class Included:
    """What comes with the matches of a page."""

    versions: tuple[Version, ...]
    cut: tuple[int, Position | None] | None = None  # level and position where the next answer goes on
    stopped: bool = False  # `:iterate` would go on from more resources than are looked through


@dataclass(slots=True)
class _Found:
    """The references of a resource by one parameter, while it is read."""

    resource: dict[str, Any]  # the container of a contained one
    base_url: str
    values: list[tuple[str, Any]] = field(default_factory=list)  # FHIR type and value


async def follow(
    session: Session,
    indexer: Indexer,
    query: Query,
    versions: Sequence[Version],
    limit: int,
    after: Rest | None = None,
    *,
    inner: Sequence[dict[str, Any] | None] = (),
) -> Included:
    """At most limit resources that come with the matches: one round trip for each level.

    after: where an earlier answer for the same matches ended. inner: for each match the contained resource that matched,
    in whose place its references count. A resource is there once, and not if it is a match."""
    level, left, iterates = 0, LARGE, any(one.iterate for one in query.includes)
    known = {identity for one in versions for identity in (_identity(one, False), _identity(one, True))}
    shown: list[Version] = []
    frontier = list(zip(versions, inner or [None] * len(versions), strict=True))
    while frontier:
        level += 1
        wanted = _wanted(
            indexer, [one for one in query.includes if one.iterate or level == 1], frontier, query.base_url
        )
        if not wanted:
            break
        earlier: list[_Row] = []
        too_many = False
        since = after.position if after and after.level == level else None
        resumed = after is not None and level <= after.level
        if resumed and iterates:  # the next level begins from what earlier answers showed, too
            earlier, too_many, _ = await _level(session, indexer, wanted, None, WALKED * limit, _TOGETHER * LARGE)
            if after and level == after.level:
                earlier = [one for one in earlier if since and one.position <= since]
        rows: list[_Row] = []
        more = False
        if not after or level >= after.level:
            rows, more, size = await _level(session, indexer, wanted, since, limit - len(shown), left)
            left -= size
        before, fresh = _unknown(earlier, known), _unknown(rows, known)
        shown += fresh
        if more:
            return Included(tuple(shown), (level, rows[-1].position if rows else since))
        if not iterates:
            break
        if too_many:
            return Included(tuple(shown), None, True)
        frontier = [(one, None) for one in (*before, *fresh)]
    return Included(tuple(shown))


def _identity(version: Version, versioned: bool) -> tuple[str, str, int]:
    return version.resource_type, version.logical_id, version.version_id if versioned else CURRENT


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a level."""

    position: Position
    version: Version | None  # None: it is not there any more, or is another version than the one that is wanted
    versioned: bool  # a reference to a version led here


def _unknown(rows: Iterable[_Row], known: set[tuple[str, str, int]]) -> list[Version]:
    """The resources that were not there yet; they are from now on."""
    found = []
    for row in rows:
        if row.version and (identity := _identity(row.version, row.versioned)) not in known:
            known.add(identity)
            known.add(_identity(row.version, True))
            found.append(row.version)
    return found


def _wanted(
    indexer: Indexer,
    includes: Iterable[Include],
    frontier: Sequence[tuple[Version, dict[str, Any] | None]],
    base_url: str,
) -> Wanted:
    """What the includes ask for, seen from the resources of the level before."""
    wanted = Wanted()
    forward = [one for one in includes if one.forward]
    backward = [one for one in includes if not one.forward]
    pointing: dict[str, tuple[list[int], list[int]]] = {}
    tree: dict[str, Any] | None = None
    before: Version | None = None
    # Several matches may be inside one resource: next to each other, so that it is read once.
    for version, inside in sorted(frontier, key=lambda one: _identity(one[0], True)):
        if before is None or _identity(version, True) != _identity(before, True):
            tree = None
        before = version
        resource_type = inside["resourceType"] if inside else version.resource_type
        for include in forward:
            for parameter in _parameters(indexer, include, resource_type):
                tree = tree or exact.decode((version.body or "").encode())
                found = _Found(tree, base_url)
                _trie(indexer.definitions, resource_type, parameter.code).arrive(inside or tree, found)
                for fhir_type, value in found.values:
                    _aim(indexer, wanted, include.target, parameter, fhir_type, value, base_url)
        if backward and not inside:
            if resource_type not in pointing:
                pointing[resource_type] = _pointing(indexer, backward, resource_type)
            references, urls = pointing[resource_type]
            h = indexer.hash(resource_type, version.logical_id)
            wanted.postings.update((q, h) for q in references)
            if urls:
                tree = tree or exact.decode((version.body or "").encode())
                if isinstance(url := tree.get("url"), str):
                    wanted.postings.update((q, indexer.hash("url", url)) for q in urls)
    return wanted


def _parameters(indexer: Indexer, include: Include, resource_type: str) -> list[Parameter]:
    """The reference parameters of the type by which an include goes."""
    if include.source not in (ANYTHING, resource_type):
        return []
    parameters = indexer.parameters(resource_type)
    codes = parameters if include.code == ANYTHING else [include.code] if include.code in parameters else []
    return [one for code in codes if (one := parameters[code]).definition.type == "reference"]


def _pointing(indexer: Indexer, includes: Iterable[Include], resource_type: str) -> tuple[list[int], list[int]]:
    """The q of the references by which something can point to a resource of the type, and to its canonical URL."""
    references: dict[int, None] = {}
    urls: dict[int, None] = {}
    for include in includes:
        if include.target in (None, resource_type):
            sources = indexer.definitions.resource_types if include.source == ANYTHING else (include.source,)
            for source in sources:
                for parameter in _parameters(indexer, include, source):
                    if resource_type in parameter.resource_types:
                        references[parameter.pointing] = None
                        if not parameter.types.isdisjoint(_URLS):
                            urls[parameter.pointing] = None
    return list(references), list(urls)


def _aim(
    indexer: Indexer,
    wanted: Wanted,
    target: str | None,
    parameter: Parameter,
    fhir_type: str,
    value: Any,
    base_url: str,
) -> None:
    """Adds what a value points to."""
    definitions = indexer.definitions
    resource_type, logical_id, version_id, text = "", "", "", ""
    if fhir_type in _URLS:
        text = value
    elif fhir_type == "Resource":  # inside a Bundle, as if it were pointed to
        resource_type, logical_id = value.get("resourceType", ""), value.get("id", "")
    elif text := value.get("reference", ""):
        literal = parse_reference(text, base_url)
        if literal.local:
            resource_type, logical_id, version_id = literal.resource_type, literal.logical_id, literal.version_id
    if logical_id and definitions.is_resource_type(resource_type) and target in (None, resource_type):
        if not version_id or (version_id.isdecimal() and len(version_id) < 10):
            key = indexer.hash(resource_type, logical_id), int(version_id or CURRENT)
            wanted.keys[key] = definitions.type_number(resource_type), logical_id
    elif fhir_type in _URLS:
        url, _, version = text.partition("|")
        for one in [target] if target else parameter.resource_types:
            for type_number, number, stored in _with_url(indexer, one, url):
                versions = wanted.urls.setdefault((indexer.hash("url", url), type_number), (number, stored, set()))[2]
                versions.add(version)


def _with_url(indexer: Indexer, resource_type: str, url: str) -> tuple[tuple[int, int, str], ...]:
    """The index rows of a resource of the type with that canonical URL."""
    parameter = indexer.parameters(resource_type).get("url")
    if parameter is None or parameter.definition.type != "uri":
        return ()
    condition = uri.condition(parameter, None, (escape(url),), "")
    return condition.rows if isinstance(condition, Uris) else ()


@lru_cache(maxsize=1024)
def _trie(definitions: Definitions, resource_type: str, code: str) -> Node:
    """The ways to the values of one reference parameter; what arrives goes to the values of a _Found."""
    trie, expression = Node(), definitions.parameters_of(resource_type)[code].expression
    paths = parse(expression) if expression else ()
    for route in routes(definitions, resource_type, paths) if isinstance(paths, tuple) else ():
        if reference.indexed(route.place):
            trie.add(route.steps, partial(_keep, route.place.type))
    return trie


def _keep(fhir_type: str, found: _Found, value: Any) -> None:
    found.values.append((fhir_type, value))


async def _level(
    session: Session, indexer: Indexer, wanted: Wanted, since: Position | None, most: int, size: int
) -> tuple[list[_Row], bool, int]:
    """At most that many rows after the position, in order, up to the one that exceeds the size; whether there are more;
    their size."""
    statement = Statement(wanted, since, most + 1, size)
    if not statement.text:
        return [], False, 0
    found = await session.select(statement.text, *statement.arguments.values)
    kept = [row for row in found[:most] if row["before"] < size]
    rows = [_row(indexer, wanted, statement, row) for row in kept]
    return rows, len(found) > len(kept), kept[-1]["before"] + (kept[-1]["size"] or 0) if kept else 0


def _row(indexer: Indexer, wanted: Wanted, statement: Statement, row: Row) -> _Row:
    way, s, rid, body = row["way"], row["s"], row["rid"], row["body"]
    a, b = statement.lists[way][row["n"] - 1]
    version = None
    if body is not None and not (way == BY_URL and not _is_one_of(body, wanted.urls[a, b][2])):
        resource_type, method = indexer.definitions.type_name(row["rtype"]), METHODS[row["op"]]
        key = indexer.hash(resource_type, row["id"]), CURRENT
        here = (a, b) if way == BY_POSTING else None
        if way == BY_KEY or not (
            _is_elsewhere(wanted, key, here, row["keys"])
            or (here and row["keys"] is not None and _is_by_url(indexer, wanted, row["rtype"], body))
        ):
            version = Version(resource_type, row["id"], row["ver"], row["lu"], method, body)
    return _Row((way, a, b, -s, -rid), version, way == BY_KEY and b != CURRENT)


def _is_elsewhere(
    wanted: Wanted, key: tuple[int, int], here: tuple[int, int] | None, kept: Sequence[int] | None
) -> bool:
    """Whether an earlier list of keys or postings has the resource too, so that an earlier answer has shown it.

    here: the posting that led to it. kept: h and q of its postings; None where there is no earlier answer."""
    if kept is None:
        return False
    postings = zip(kept[1::2], kept[::2], strict=True)
    return key in wanted.keys or (here is not None and any(one < here and one in wanted.postings for one in postings))


def _is_by_url(indexer: Indexer, wanted: Wanted, type_number: int, body: str) -> bool:
    """Whether a list by URL, all of which come before those by posting, has the resource too."""
    url = exact.decode(body.encode()).get("url") if wanted.urls else None
    listed = wanted.urls.get((indexer.hash("url", url), type_number)) if isinstance(url, str) else None
    return listed is not None and _is_one_of(body, listed[2])


def _is_one_of(body: str, versions: set[str]) -> bool:
    """Whether a canonical resource is of one of these business versions; "" is any."""
    return "" in versions or exact.decode(body.encode()).get("version") in versions
