"""Re-validation: everything that is stored, judged anew in the background, with a report of what was found.

A job walks the types it was asked for, by id, a step at a time; what a step leaves is the report so far, so that another
worker goes on with exact counts wherever it was interrupted. Nothing is locked, and nothing is written but the report.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from resources import exact
from resources.database import Session
from resources.outcome import BadRequest, Fault, FhirError, Issue, NotFound, Unavailable
from resources.store import StaleDefinitions
from search import store as search_store
from search.reindexing import Progress, Step

from .. import kept
from ..exchange import Response, failure
from ..store import Job
from ..tenancy import Tenant
from . import store
from .book import Book
from .judging import judge
from .store import Stored

log = logging.getLogger(__name__)

KIND: Final = "revalidate"  # of its jobs
SAMPLES: Final = 5  # of each kind of issue, if nothing else is asked for
MOST_SAMPLES: Final = 20
TOGETHER: Final = 100  # resources of a step at most …
_LONGEST: Final = 2.0  # … and seconds, but one resource is always judged
_ONE_BOOK: Final = 20  # resources that share what is looked up
_TYPES: Final = 20  # types without any, of a step
_KINDS: Final = 200  # of issues that are told apart; what is beyond is counted by its severity
_ALL_SAMPLES: Final = 500
_TEXT: Final = 300  # characters of the diagnostics of a sample
_INDEX: Final = re.compile(r"\[[0-9]+\]")
_BROKEN: Final = frozenset({"fatal", "error"})


class Asked(msgspec.Struct, frozen=True):
    """What is to be judged."""

    types: Sequence[tuple[int, Sequence[str]]]  # number of a type, canonical URLs of the profiles it is judged by
    samples: int = SAMPLES


async def asked(
    session: Session, tenant: Tenant, types: Sequence[str], profiles: Sequence[str], samples: int = SAMPLES
) -> Asked:
    """What to walk: types, by default those of the profiles, without either all. Resources are judged by the profiles, or
    where there are none by what the tenant requires of their type, and always by those they claim.

    Raises BadRequest (400) for what is no type, NotFound (404) for unknown profiles, Unavailable (503)."""
    definitions = tenant.definitions
    for name in types:
        if not definitions.is_resource_type(name):
            raise BadRequest(f"{name[:100]!r} is not a resource type of FHIR R4.", code="value")
    if not 0 <= samples <= MOST_SAMPLES:
        raise BadRequest(f"There can be {MOST_SAMPLES} samples of each issue at most.", code="value")
    wanted: dict[str, list[str]] = {name: [] for name in types}
    for canonical in dict.fromkeys(profiles):
        of = definitions.types_below([await _type_of(session, tenant, canonical)])
        fitting = [name for name in definitions.resource_types if name in of and (not types or name in wanted)]
        if not fitting:
            raise BadRequest(f"{canonical[:200]} is a profile of none of these types.", code="value")
        for name in fitting:
            wanted.setdefault(name, []).append(canonical)
    if not wanted:
        wanted = {name: [] for name in definitions.resource_types}
    return Asked([(definitions.type_number(name), urls) for name, urls in wanted.items()], samples)


async def _type_of(session: Session, tenant: Tenant, canonical: str) -> str:
    book = tenant.book()
    profile = book.profile(canonical)
    if profile is None and book.wants:
        await book.load(session)
        profile = book.profile(canonical)
    if profile is None:
        raise NotFound(f"The profile {canonical[:200]} is not known here.")
    return profile.type


async def step(session: Session, tenant: Tenant, job: Job, base_url: str) -> Step:
    """One step of a job: of one with arguments (Asked), or of one that a request asked for and waits for at its URL.

    Raises StaleDefinitions, Unavailable, NotFound: to be repeated."""
    if job.arguments:
        return await _walked(session, tenant, msgspec.convert(job.arguments, Asked), job.progress)
    taken = await kept.take(session, job.job_id)
    if taken is None:  # cancelled
        return Step({}, ended=True)
    if taken.remaining is not None and taken.remaining > 0:
        return Step({}, pause=taken.remaining)
    if taken.remaining is not None:
        await kept.remove(session.acting_for(taken.actor), taken.token)
        return Step({}, ended=True)
    try:
        done = await _walked(session, tenant, msgspec.msgpack.decode(taken.request, type=Asked), job.progress)
        if not done.ended:
            return done
        response = Response(200, report_text(done.progress))
    except (StaleDefinitions, Unavailable, NotFound):
        raise
    except Exception as error:
        log.error("re-validation failed: %s", type(error).__name__)
        response = failure(Fault("The re-validation failed because of an error in the server."))
    if not await kept.answer(session, job.job_id, msgspec.msgpack.encode(response)):
        return Step({}, ended=True)
    return Step({}, pause=kept.FOR)


async def _walked(session: Session, tenant: Tenant, asked: Asked, progress: Progress) -> Step:
    """The next resources; ended with the report once there are none."""
    if not progress:
        total = await search_store.count(session, [number for number, _ in asked.types])
        return Step({"at": 0, "after": "", "until": None, "done": 0, "total": total, "invalid": 0, "kinds": []})
    after, until, found = progress["after"], progress["until"], list[Stored]()
    at = progress["at"]
    while at < min(progress["at"] + _TYPES, len(asked.types)):
        number, profiles = asked.types[at]
        until = until or await store.last(session, number)
        found = await store.page(session, number, after, until, TOGETHER) if until else []
        if found:
            break
        at, after, until = at + 1, "", None
    if not found:
        return Step({**progress, "at": at, "after": "", "until": None}, ended=at == len(asked.types))
    counts = Counts(progress["kinds"], asked.samples)
    resource_type = tenant.definitions.type_name(number)
    began, looked, invalid = time.monotonic(), 0, 0
    book = tenant.book()
    for looked, one in enumerate(found, 1):
        if looked % _ONE_BOOK == 0:
            book = tenant.book()
        issues = await _judged(session, tenant, resource_type, one, profiles, book)
        counts.add(f"{resource_type}/{one.logical_id}", one.version_id, issues)
        invalid += any(issue.severity in _BROKEN for issue in issues)
        if time.monotonic() - began > _LONGEST:
            break
        await asyncio.sleep(0)
    done = progress["done"] + looked
    return Step(
        {
            "at": at,
            "after": found[looked - 1].logical_id,
            "until": until,
            "done": done,
            "total": max(done, progress["total"]),
            "invalid": progress["invalid"] + invalid,
            "kinds": counts.kinds(),
        }
    )


async def _judged(
    session: Session, tenant: Tenant, resource_type: str, one: Stored, profiles: Sequence[str], book: Book
) -> Sequence[Issue]:
    """The issues of a stored resource; that it could not be judged is one."""
    try:
        tree = exact.trusted(one.body.encode())
        return await judge(session, tenant, tree, profiles or tenant.policy.profiles(resource_type), book=book)
    except (StaleDefinitions, Unavailable):
        raise
    except FhirError as error:
        return error.issues
    except Exception as error:
        log.error("%s/%s could not be judged: %s", resource_type, one.logical_id, type(error).__name__)
        return [Issue("error", "exception", f"{resource_type} could not be judged because of an error in the server.")]


class Counts:
    """Issues counted by kind, with samples of each; bounded, whatever there is."""

    def __init__(self, kinds: Iterable[Mapping[str, Any]], samples: int) -> None:
        """kinds: as `kinds` gave them."""
        self._kinds = {_key(kind): {**kind, "samples": list(kind["samples"])} for kind in kinds}
        self._most = samples
        self._room = _ALL_SAMPLES - sum(len(kind["samples"]) for kind in self._kinds.values())

    def add(self, resource: str, version_id: int, issues: Iterable[Issue]) -> None:
        """Counts the issues of one resource."""
        seen: set[tuple[str, ...]] = set()
        for issue in issues:
            kind = self._kind(issue)
            kind["issues"] += 1
            if _key(kind) in seen:
                continue
            seen.add(_key(kind))
            kind["resources"] += 1
            if len(kind["samples"]) < self._most and self._room > 0:
                self._room -= 1
                where = issue.expression[0][:_TEXT] if issue.expression else ""
                kind["samples"].append([resource, version_id, where, issue.diagnostics[:_TEXT]])

    def kinds(self) -> list[dict[str, Any]]:
        return list(self._kinds.values())

    def _kind(self, issue: Issue) -> dict[str, Any]:
        """The kind of an issue: by what asks it, or where nothing else says so by its place."""
        place = "" if issue.rule or not issue.expression else _INDEX.sub("", issue.expression[0])
        kind = {"severity": issue.severity, "code": issue.code, "rule": issue.rule[:_TEXT], "place": place[:_TEXT]}
        if _key(kind) not in self._kinds and len(self._kinds) >= _KINDS:
            kind = {"severity": issue.severity, "code": "", "rule": "", "place": ""}
        return self._kinds.setdefault(_key(kind), {**kind, "issues": 0, "resources": 0, "samples": []})


def _key(kind: Mapping[str, Any]) -> tuple[str, ...]:
    return kind["severity"], kind["code"], kind["rule"], kind["place"]


def report(progress: Progress) -> dict[str, Any]:
    """The Parameters resource of what a job has found so far: the out parameters of $revalidate, most frequent first."""
    counted = [_number(name, progress.get(key, 0)) for name, key in (("resources", "done"), ("invalid", "invalid"))]
    kinds = sorted(progress.get("kinds", ()), key=lambda kind: (-kind["issues"], _key(kind)))
    return {"resourceType": "Parameters", "parameter": [*counted, *map(_issue, kinds)]}


def report_text(progress: Progress) -> str:
    return orjson.dumps(report(progress)).decode()


def _issue(kind: Mapping[str, Any]) -> dict[str, Any]:
    said = [("severity", "Code"), ("code", "Code"), ("rule", "String"), ("place", "String")]
    part = [_said(name, type_name, kind[name]) for name, type_name in said if kind[name]]
    part += [_number(name, kind[name]) for name in ("issues", "resources")]
    return {"name": "issue", "part": [*part, *map(_sample, kind["samples"])]}


def _sample(sample: Sequence[Any]) -> dict[str, Any]:
    resource, version_id, where, text = sample
    part: list[dict[str, Any]] = [
        {"name": "resource", "valueReference": {"reference": f"{resource}/_history/{version_id}"}},
        *([_said("expression", "String", where)] if where else []),
        _said("diagnostics", "String", text),
    ]
    return {"name": "sample", "part": part}


def _said(name: str, type_name: str, value: str) -> dict[str, Any]:
    return {"name": name, f"value{type_name}": value}


def _number(name: str, value: int) -> dict[str, Any]:
    return {"name": name, "valueUnsignedInt": value}
