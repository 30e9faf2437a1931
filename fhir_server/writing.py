"""The interactions that write: create, update, patch and delete, each also conditional.

A write is planned first (plan: pure, from what was read for it) and then applied, so that a Bundle plans many and applies
once: a create is a transaction of one. A plan that rests on a version it has read is applied only if that is still the
current one; else it is made anew. https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace as with_

from resources.database import Session
from resources.outcome import Conflict, FhirError, PreconditionFailed, TooCostly, Unavailable
from resources.store import StaleDefinitions, Taken, Unmet, Version
from terminology.owned import TYPES

from .conditions import lock, look_up, may_create
from .exchange import Request, Response
from .planning import REGISTERED, Match, Plan, Raced, Write, answer, needs, needs_nothing, plan, plan_changed, write_of
from .tenancy import Tenant
from .validation.book import Book
from .validation.judging import ROUNDS
from .validation.policy import Unprepared

_ATTEMPTS: Final = 8
T = TypeVar("T")


class Exists(Conflict):
    """What a condition did not find was to be created under an id that is taken, and so nothing was written."""

    ordinal = 1  # of the plan, from 1


async def create(session: Session, request: Request) -> Response:
    """Stores a resource under an id of the server's: 201; with If-None-Exist 200 if there is one already.

    https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#ccreate"""
    return await write(session, write_of(request, "create"))


async def update(session: Session, request: Request) -> Response:
    """Stores a resource under the id of the URL, or where a condition finds one: 200, or 201 if it was not there.

    https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#cond-update"""
    return await write(session, write_of(request, "update"))


async def patch(session: Session, request: Request) -> Response:
    """Changes parts of a resource: 200. https://hl7.org/fhir/R4/http.html#patch"""
    return await write(session, write_of(request, "patch"))


async def delete(session: Session, request: Request) -> Response:
    """Deletes a resource, or what a condition finds: 204, also if nothing was there.

    https://hl7.org/fhir/R4/http.html#delete, https://hl7.org/fhir/R4/http.html#cdelete"""
    return await write(session, write_of(request, "delete"))


async def write(session: Session, one: Write) -> Response:
    """One write, planned and applied. Raises what planning raises, PreconditionFailed (412), Conflict (409)."""
    if needs_nothing(one):
        return await _planned_and_applied(session, one, ())
    return await contested(session, one, lambda inner, locked: _write(inner, one, locked))


async def changing(
    session: Session, request: Request, identity: tuple[str, str], attempt: Callable[[Session], Awaitable[T]]
) -> T:
    """What the attempt at changing a resource comes to, which reads it and writes what it has changed (store_changed).

    Raises what the attempt raises, and Conflict (409)."""
    one = write_of(request, "update", identity=identity)
    return await contested(session, one, lambda inner, _: attempt(inner))


async def contested(session: Session, one: Write, attempt: Callable[[Session, bool], Awaitable[T]]) -> T:
    """What the attempt at a write comes to that others may be making too: attempt(session, locked).

    At first nothing is locked, for most writes meet nobody. One that has lost a race waits for its turn under the lock of
    its condition, or of the resource; inside of a transaction in a savepoint, so that a lost race is not the end of it
    all. Raises what the attempt raises, and Conflict (409)."""

    async def in_turn() -> T:
        async with session.transaction() as inner:
            await lock(inner, [one])
            return await attempt(inner, True)

    if not session.in_transaction:
        with contextlib.suppress(Raced):
            return await attempt(session, False)
    for n in range(_ATTEMPTS):
        try:
            return await in_turn()
        except Raced:
            await asyncio.sleep(random.uniform(0, 0.005 * 2**n))
    raise Conflict("Others were writing the same resources at the same time; send the request again.")


async def _write(session: Session, one: Write, locked: bool) -> Response:
    """Raises Raced where a condition finds nothing and something is to be created, which is done under the lock only."""
    found: Sequence[Match] = ()
    if one.condition is not None:
        [found] = await look_up(session, [one])
        if not found and may_create(one) and not locked:
            raise Raced
    return await _planned_and_applied(session, one, found)


async def _planned_and_applied(session: Session, one: Write, found: Sequence[Match]) -> Response:
    store = one.request.tenant.store
    needed = needs(one, found)
    current = await store.read(session, *needed) if needed else None
    of_one = await planned(session, one, found, current)
    [versions] = await apply(session, one.request.tenant, [of_one])
    return answer(one, of_one, versions)


async def planned(
    session: Session, one: Write, found: Sequence[Match], current: Version | None, book: Book | None = None
) -> Plan:
    """The plan of a write. book: of all writes of a Bundle. Raises what plan raises."""
    return await _prepared(session, one, book, lambda it: plan(it, found, current))


async def _prepared(session: Session, one: Write, book: Book | None, planning: Callable[[Write], Plan]) -> Plan:
    """What planning comes to once everything that the rules of the tenant ask for has been looked up. Patches, profiles
    and invariants are run beside the event loop: an evil one takes seconds."""
    beside = one.interaction == "patch"
    if one.interaction != "delete" and one.request.tenant.policy.judges(one.resource_type):
        one, beside = with_(one, book=book or one.request.tenant.book()), True
    for _ in range(ROUNDS):
        try:
            return await asyncio.to_thread(planning, one) if beside else planning(one)
        except Unprepared:
            assert one.book
            await one.book.load(session)
    raise TooCostly("The profiles of the resource lead to too many others.")


async def apply(session: Session, tenant: Tenant, plans: Sequence[Plan]) -> list[list[Version]]:
    """Writes all plans or none, in one call; for each the versions it made or found.

    Raises Raced, Unmet (412), Exists (409) and Taken (422), their ordinal being the number of the plan from 1, Conflict
    (409)."""
    owners = [n for n, one in enumerate(plans) for _ in one.changes]
    try:
        changes = [change for one in plans for change in one.changes]
        written = await tenant.store.apply(session, tenant.definitions_number, changes)
    except (Unmet, Taken) as error:
        error.ordinal = owners[error.ordinal - 1] + 1
        if isinstance(error, Taken):
            raise
        failed = plans[error.ordinal - 1]
        if failed.rests_on_read:
            raise Raced from None
        if failed.must_be_new:
            taken = Exists(issues=error.issues)
            taken.ordinal = error.ordinal
            raise taken from None
        raise
    of_plans: list[list[Version]] = [[] for _ in plans]
    for owner, version in zip(owners, written, strict=True):
        of_plans[owner].append(version)
    if any(change.resource_type in TYPES for change in changes):
        # All workers are notified; whoever has this answer may ask this one before it has heard of it.
        tenant.terminologies.owned.forget(tenant.tenant_id)
    return of_plans


async def apply_each(session: Session, tenant: Tenant, plans: Sequence[Plan]) -> list[list[Version] | FhirError]:
    """Writes many plans that do not depend on each other: together if that works, else one by one to tell which fail.

    Raises Unavailable (503), and StaleDefinitions as long as nothing was written."""
    identities = [identity for one in plans for identity in one.identities]
    if len(set(identities)) == len(identities):
        with contextlib.suppress(PreconditionFailed, Conflict, Taken):
            return list(await _apart(session, tenant, plans))
    results: dict[int, list[Version] | FhirError] = {}
    # What changes the definitions comes last: with those that the others were planned with, nothing is written then.
    for n, one in sorted(enumerate(plans), key=lambda numbered: _defines(numbered[1])):
        try:
            [results[n]] = await _apart(session, tenant, [one])
        except (PreconditionFailed, Conflict) as error:
            results[n] = error
        except StaleDefinitions:
            if not results:
                raise
            results[n] = Unavailable("The definitions of the tenant have just changed; send the request again.")
    return [results[n] for n in range(len(plans))]


def _defines(plan: Plan) -> bool:
    return any(change.resource_type in REGISTERED for change in plan.changes)


async def _apart(session: Session, tenant: Tenant, plans: Sequence[Plan]) -> list[list[Version]]:
    """Applies in a transaction of its own: inside of one in a savepoint, so that a refusal is not the end of it."""
    if not session.in_transaction:
        return await apply(session, tenant, plans)
    async with session.transaction() as inner:
        return await apply(inner, tenant, plans)


async def store_changed(session: Session, request: Request, current: Version, tree: dict[str, Any]) -> Response:
    """Writes a changed tree of a resource as its next version, if it is still at the version that was read.

    Raises Invalid (400), PreconditionFailed (412: If-Match), Raced: to be read and changed anew (changing)."""
    one = write_of(request, "update", identity=(current.resource_type, current.logical_id))
    of_one = await _prepared(session, one, None, lambda it: plan_changed(it, current, tree))
    [versions] = await apply(session, request.tenant, [of_one])
    return answer(one, of_one, versions)
