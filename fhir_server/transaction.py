"""Transaction: a Bundle of requests of which all are done, or none.

The links between the entries are rewritten, every write is planned, and all of them are applied in one call.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from resources.database import Session
from resources.outcome import BadRequest, Conflict, FhirError, PreconditionFailed, Unprocessable
from resources.store import Unmet, Version

from .answers import bundle
from .entries import ORDER, Entry, entry_of, plan_entry, read_entry, seen_from_bundle, written_entry
from .exchange import Request, Response
from .interactions import Plan
from .links import Links, Pending, expression
from .searching import check_condition, resolve

_ATTEMPTS: Final = 5
_MOST_ISSUES: Final = 500  # said of one Bundle


def together(errors: Iterable[FhirError]) -> FhirError:
    """All errors as one: the first decides the status, the issues of the others are said as well."""
    first, *others = errors
    issues = [issue for error in (first, *others) for issue in error.issues]
    return type(first)(issues=issues[:_MOST_ISSUES], headers=first.headers) if others else first


async def transaction(session: Session, request: Request, bundled: Sequence[dict[str, Any]]) -> Response:
    """All entries or none."""
    entries, errors = _entries(request, bundled)
    writes = sorted((e for e in entries if e.interaction in ORDER), key=lambda e: ORDER[e.interaction])
    reads = [entry for entry in entries if entry.interaction not in ORDER]
    _refuse_twice(writes)
    pending = _link(request, writes, errors)
    plans: list[Plan] = []
    for entry in writes:
        try:
            plans.append(await plan_entry(session, entry))
        except FhirError as error:
            errors.append((entry.index, seen_from_bundle(entry, error)))
    if errors:
        raise together(error for _, error in sorted(errors, key=lambda pair: pair[0]))
    if not pending and not reads:
        versions = await _apply(session, request, writes, plans)
        answers = {e.index: written_entry(e, p, v) for e, p, v in zip(writes, plans, versions, strict=True)}
    else:
        answers = await _in_steps(session, request, writes, plans, pending, reads)
    return Response(200, bundle("transaction-response", (answers[i] for i in range(len(bundled)))))


def _entries(request: Request, bundled: Sequence[dict[str, Any]]) -> tuple[list[Entry], list[tuple[int, FhirError]]]:
    entries: list[Entry] = []
    errors: list[tuple[int, FhirError]] = []
    for index, item in enumerate(bundled):
        try:
            entries.append(entry_of(request, index, item))
        except FhirError as error:
            errors.append((index, error.within(f"Bundle.entry[{index}]")))
    return entries, errors


def _refuse_twice(writes: Sequence[Entry]) -> None:
    """Refuses two writes of one identity: the Bundle does not say which of them should win."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry in writes:
        other = seen.setdefault(entry.identity, entry)
        if other is not entry:
            first, second = sorted((other.index, entry.index))
            message = f"Entries {first} and {second} both write {'/'.join(entry.identity)}."
            raise BadRequest(message, code="duplicate", expression=[f"Bundle.entry[{n}]" for n in (first, second)])


def _link(request: Request, writes: Sequence[Entry], errors: list[tuple[int, FhirError]]) -> dict[int, list[Pending]]:
    """Rewrites the links between the entries; returns the references that must wait, by the entry's index."""
    stored = [entry for entry in writes if entry.full_url and entry.interaction != "delete"]
    targets = {entry.full_url: "/".join(entry.identity) for entry in stored}
    created = frozenset("/".join(entry.identity) for entry in stored if entry.interaction == "create")
    links = Links(request.tenant.definitions, targets, created)
    pending: dict[int, list[Pending]] = {}
    for entry in writes:
        if entry.request.resource is not None:
            try:
                if waiting := links.rewrite(entry.request.resource, entry.full_url):
                    pending[entry.index] = waiting
                for one in waiting:
                    if one.resource_type:
                        _check_condition(entry, one)
            except FhirError as error:
                errors.append((entry.index, seen_from_bundle(entry, error)))
    return pending


async def _apply(session: Session, request: Request, writes: Sequence[Entry], plans: Sequence[Plan]) -> list[Version]:
    tenant = request.tenant
    try:
        return await tenant.store.apply(session, tenant.definitions_number, [plan.change for plan in plans])
    except Unmet as error:
        raise error.within(writes[error.ordinal - 1].path) from None


def _check_condition(entry: Entry, one: Pending) -> None:
    try:
        check_condition(entry.request, one.resource_type, one.query)
    except FhirError as error:
        at = expression(entry.identity[0], entry.request.resource, one.node)
        issues = [replace(issue, expression=(at,)) for issue in error.issues]
        raise type(error)(issues=issues) from None


class _Rehearsed(Exception):
    """Rolls back the savepoint of a rehearsal, or of what proved to be one."""


async def _in_steps(
    session: Session,
    request: Request,
    writes: Sequence[Entry],
    plans: list[Plan],
    pending: Mapping[int, list[Pending]],
    reads: Sequence[Entry],
) -> dict[int, str]:
    """A transaction that has to look at what it wrote: for conditional references and for its own reads.

    A race that is lost inside of it cannot be won by repeating a statement, so the whole of it is repeated."""
    attempt = 0
    while True:
        try:
            async with session.transaction() as inner:
                versions = await (
                    _apply_linked(inner, request, writes, plans, pending)
                    if pending
                    else _apply(inner, request, writes, plans)
                )
                answers = {e.index: written_entry(e, p, v) for e, p, v in zip(writes, plans, versions, strict=True)}
                for entry in reads:
                    try:
                        answers[entry.index] = await read_entry(inner, entry)
                    except FhirError as error:
                        raise error.within(entry.path) from None
                return answers
        except Conflict:
            attempt += 1
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))


async def _apply_linked(
    session: Session,
    request: Request,
    writes: Sequence[Entry],
    plans: list[Plan],
    pending: Mapping[int, list[Pending]],
) -> list[Version]:
    """Fills in the references that waited, plans their entries anew and applies all.

    They are resolved last, so that they find what the Bundle itself writes: everything is written as a rehearsal,
    looked for, and rolled back. https://hl7.org/fhir/R4/http.html#trules"""
    waiting = [(index, one) for index, ones in pending.items() for one in ones]
    conditional = [(index, one) for index, one in waiting if one.resource_type]
    versioned = [one for _, one in waiting if one.target]
    try:
        async with session.transaction() as rehearsal:
            versions = await _apply(rehearsal, request, writes, plans)
            found = await resolve(rehearsal, request, [(one.resource_type, one.query) for _, one in conditional])
            raise _Rehearsed
    except _Rehearsed:
        pass
    for (index, one), logical_ids in zip(conditional, found, strict=True):
        if len(logical_ids) != 1:
            count, code = ("no", "not-found") if not logical_ids else ("more than one", "multiple-matches")
            message = f"The conditional reference {one.resource_type}?{one.query[:200]} matches {count} resource."
            entry = next(entry for entry in writes if entry.index == index)
            at = expression(entry.identity[0], entry.request.resource, one.node)
            raise seen_from_bundle(entry, PreconditionFailed(message, code=code, expression=[at]))
        one.node["reference"] = f"{one.resource_type}/{logical_ids[0]}"
    # The version a link names is known when its entry is written, which may be one that waits itself: with its references
    # filled in it may prove unchanged, and without them it may have seemed so. One more round settles one more of them.
    for _ in range(len(versioned) + 1):
        numbers = _numbers(writes, versions)
        for one in versioned:
            one.node["reference"] = f"{one.target}/_history/{numbers[one.target]}{one.fragment}"
        for place, entry in enumerate(writes):
            if entry.index in pending:
                try:
                    plans[place] = await plan_entry(session, entry)
                except FhirError as error:
                    raise seen_from_bundle(entry, error) from None
        if not versioned:
            return await _apply(session, request, writes, plans)
        with contextlib.suppress(_Rehearsed):
            async with session.transaction() as inner:
                versions = await _apply(inner, request, writes, plans)
                now = _numbers(writes, versions)
                if any(now[one.target] != numbers[one.target] for one in versioned):
                    raise _Rehearsed
                return versions
    raise Unprocessable(
        "Links to versions in this Bundle depend on each other; name those resources without a version."
    )


def _numbers(writes: Sequence[Entry], versions: Sequence[Version]) -> dict[str, int]:
    """The version that each write made or found, by type and id."""
    return {"/".join(entry.identity): v.version_id for entry, v in zip(writes, versions, strict=True)}
