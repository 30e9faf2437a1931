"""Transaction: a Bundle of requests of which all are done, or none.

Conditions are looked up under their locks, the links between the entries are rewritten, every write is planned, and all of
them are applied in one call. https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from msgspec.structs import replace as with_

from resources.database import Session
from resources.outcome import BadRequest, Conflict, FhirError, PreconditionFailed, Unprocessable
from resources.store import Taken, Unmet, Version

from .answers import bundle
from .conditions import check, fairly, lock, look_up, may_create
from .entries import ORDER, Entry, entry_of, read_entry, seen_from_bundle, written_entry
from .exchange import Request, Response
from .links import Links, Pending, expression
from .operations import find_operation
from .planning import Match, Plan, Raced, Write, needs, needs_nothing, new_logical_id
from .searching import condition_of, resolve
from .writing import Exists, apply, planned

_ATTEMPTS: Final = 5
_LARGE: Final = 500_000  # bytes of a body that is decoded beside the event loop
_MOST_ISSUES: Final = 500  # said of one Bundle

Identity = tuple[str, str]  # resource type and logical id


def together(errors: Iterable[FhirError]) -> FhirError:
    """All errors as one: the first decides the status, the issues of the others are said as well."""
    first, *others = errors
    issues = [issue for error in (first, *others) for issue in error.issues]
    return type(first)(issues=issues[:_MOST_ISSUES], headers=first.headers) if others else first


async def transaction(session: Session, request: Request, bundled: Sequence[dict[str, Any]]) -> Response:
    """All entries or none: 200 with an answer to each. Raises what its first failing entry raises, within that entry.

    A race that is lost inside of it cannot be won by repeating a statement, so the whole of it is repeated."""
    for attempt in range(_ATTEMPTS):
        try:
            return await _Transaction(request, bundled).done(session)
        except Exists:
            raise
        except (Conflict, Raced) as error:
            if attempt == _ATTEMPTS - 1:
                said = "Others were writing the same resources at the same time; send the request again."
                raise (error if isinstance(error, Conflict) else Conflict(said)) from None
        await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
        again = with_(request, resource=None)  # the links of the last attempt were rewritten in place
        bundled = (await decoded(again)).get("entry", [])
    raise AssertionError("there is a last attempt")


async def decoded(request: Request) -> dict[str, Any]:
    """The Bundle in the body. XML takes seconds for the largest, in which others have their turn. Raises Malformed (400)."""
    return await asyncio.to_thread(request.decode) if len(request.body) > _LARGE else request.decode()


class _Rehearsed(Exception):
    """Rolls back the savepoint of a rehearsal, or of what proved to be one."""


class _Transaction:
    """One attempt at a transaction."""

    def __init__(self, request: Request, bundled: Sequence[dict[str, Any]]) -> None:
        self._request = request
        self._book = request.tenant.book()
        self._book.writing(self._valid_target)
        # What the Bundle writes under "Type/id", for references to it.
        self._targets: dict[str, dict[str, Any] | None] = {}
        self._errors: list[tuple[int, FhirError]] = []  # with the index of the entry
        entries = self._entries(bundled)
        self._size = len(bundled)
        self._writes = sorted((e for e in entries if e.write), key=lambda e: ORDER[e.interaction])
        self._reads = [entry for entry in entries if not entry.write]
        self._found: dict[int, list[Match]] = {}  # what the condition of an entry finds, by its index
        self._current: dict[Identity, Version | None] = {}  # what was read of what is to be written

    def _entries(self, bundled: Sequence[dict[str, Any]]) -> list[Entry]:
        entries = []
        for index, item in enumerate(bundled):
            try:
                entry = entry_of(self._request, index, item)
                if entry.interaction == "operation" and find_operation(entry.request.path).affects_state:
                    refused = "An operation that changes what is stored cannot be a part of a transaction."
                    raise BadRequest(refused, code="not-supported")
                entries.append(entry)
            except FhirError as error:
                self._errors.append((index, error.within(f"Bundle.entry[{index}]")))
        return entries

    async def done(self, session: Session) -> Response:
        _refuse_twice((one, [(_write(one).resource_type, _write(one).logical_id)]) for one in self._unconditional())
        links = await self._links() if all(needs_nothing(_write(one)) for one in self._writes) else None
        if links is not None and not links and not self._reads and not session.in_transaction:
            versions = await self._apply(session, await self._plans(session))
        else:
            async with session.transaction() as inner:
                return self._answer(*await self._in_steps(inner, links))
        return self._answer(versions, {})

    def _unconditional(self) -> list[Entry]:
        return [entry for entry in self._writes if _write(entry).condition is None]

    def _answer(self, versions: Sequence[tuple[Plan, list[Version]]], read: Mapping[int, str]) -> Response:
        answers = dict(read)
        for entry, (of_entry, made) in zip(self._writes, versions, strict=True):
            answers[entry.index] = written_entry(entry, of_entry, made)
        return Response(200, bundle("transaction-response", (answers[i] for i in range(self._size))))

    async def _in_steps(
        self, session: Session, links: Mapping[int, list[Pending]] | None
    ) -> tuple[list[tuple[Plan, list[Version]]], dict[int, str]]:
        """A transaction that has to look at what there is: for conditions, for conditional references, for its reads."""
        await self._look_up(session)
        if links is None:
            links = await self._links()
        await self._read(session)
        plans = await self._plans(session)
        versions = await (self._apply_linked(session, plans, links) if links else self._apply(session, plans))
        await self._refuse_overlaps(session)
        answers = {}
        for entry in self._reads:
            try:
                answers[entry.index] = await read_entry(session, entry)
            except FhirError as error:
                raise error.within(entry.path) from None
        return versions, answers

    async def _look_up(self, session: Session) -> None:
        """What the conditions find, in the order of the work: what is deleted is not found by those that come after."""
        conditional = [entry for entry in self._writes if _write(entry).condition is not None]
        async for entry in fairly(conditional):
            try:
                check(_write(entry))
            except FhirError as error:
                self._errors.append((entry.index, seen_from_bundle(entry, error)))
        self._raise_errors()
        # Those that rest on what is there wait for their turn: to do all of it anew is dearer than to wait.
        if resting := [_write(one) for one in self._writes if not needs_nothing(_write(one))]:
            await lock(session, resting)
        if not conditional:
            return
        deletes = [entry for entry in conditional if entry.interaction == "delete"]
        await self._find(session, deletes, frozenset())
        deleted = {(_write(one).resource_type, match.logical_id) for one in deletes for match in self._found[one.index]}
        deleted |= {
            (_write(one).resource_type, _write(one).logical_id)
            for one in self._unconditional()
            if one.interaction == "delete"
        }
        others = [entry for entry in conditional if entry.interaction != "delete"]
        await self._find(session, others, frozenset(deleted))
        for entry in others:
            write = _write(entry)
            if len(found := self._found[entry.index]) == 1:
                entry.write = with_(write, logical_id=found[0].logical_id)
            elif not found and not write.logical_id and may_create(write):
                given = (write.request.resource or {}).get("id")
                entry.write = with_(write, logical_id=given if isinstance(given, str) else new_logical_id())
        _refuse_twice((entry, self._identities(entry)) for entry in self._writes)

    async def _find(self, session: Session, entries: Sequence[Entry], deleted: frozenset[Identity]) -> None:
        found = await look_up(session, [_write(entry) for entry in entries], len(deleted))
        for entry, matches in zip(entries, found, strict=True):
            resource_type = _write(entry).resource_type
            self._found[entry.index] = [one for one in matches if (resource_type, one.logical_id) not in deleted]

    def _identities(self, entry: Entry) -> list[Identity]:
        """What an entry writes; nothing for a create that finds its resource there."""
        write = _write(entry)
        found = self._found.get(entry.index, ())
        if entry.interaction == "create" and found:
            return []
        ids = [write.logical_id] if write.logical_id else [match.logical_id for match in found]
        return [(write.resource_type, logical_id) for logical_id in ids]

    async def _links(self) -> dict[int, list[Pending]]:
        """Rewrites the links between the entries; returns the references that must wait, by the entry's index."""
        stored = [entry for entry in self._writes if entry.full_url and entry.interaction != "delete"]
        targets = {entry.full_url: f"{_write(entry).resource_type}/{_write(entry).logical_id}" for entry in stored}
        new = (one for one in stored if one.interaction == "create" and not self._found.get(one.index))
        created = frozenset(targets[entry.full_url] for entry in new)
        links = Links(self._request.tenant.definitions, targets, created)
        urns = frozenset(url for url in targets if url.startswith("urn:"))
        pending: dict[int, list[Pending]] = {}
        async for entry in fairly(self._writes):
            tree = entry.request.resource
            if tree is None or (entry.interaction == "create" and self._found.get(entry.index)):
                continue  # of a create that is not done nothing is looked at
            try:
                if waiting := links.rewrite(tree, entry.full_url):
                    pending[entry.index] = waiting
                if entry.interaction == "patch":
                    entry.write = with_(_write(entry), full_urls=urns, unresolved=bool(waiting))
                for one in waiting:
                    if one.resource_type:
                        _check_reference(entry, one)
            except FhirError as error:
                self._errors.append((entry.index, seen_from_bundle(entry, error)))
        return pending

    async def _read(self, session: Session) -> None:
        """Reads what the plans need, all at once."""
        needed = [needs(_write(entry), self._found.get(entry.index, ())) for entry in self._writes]
        identities = list(dict.fromkeys(one for one in needed if one))
        if identities:
            versions = await self._request.tenant.store.read_many(session, identities)
            self._current = dict(zip(identities, versions, strict=True))

    async def _plans(self, session: Session) -> list[Plan]:
        """The plans of all writes. Raises the errors of all entries together."""
        plans = []
        whole = (entry for entry in self._writes if entry.interaction in ("create", "update"))
        self._targets = {"/".join(one): entry.request.resource for entry in whole for one in self._identities(entry)}
        async for entry in fairly(self._writes):
            try:
                plans.append(await self._plan(session, entry))
            except FhirError as error:
                self._errors.append((entry.index, seen_from_bundle(entry, error)))
        self._raise_errors()
        return plans

    async def _plan(self, session: Session, entry: Entry) -> Plan:
        found = self._found.get(entry.index, [])
        needed = needs(_write(entry), found)
        current = self._current.get(needed) if needed else None
        return await planned(session, _write(entry), found, current, self._book)

    def _valid_target(self, name: str) -> dict[str, Any] | None:
        """What the Bundle writes under a name; not what breaks base rules, which will be refused anyway."""
        tree = self._targets.get(name)
        if tree is None:
            return None
        issues = self._request.tenant.validator.issues(name.partition("/")[0], tree)
        return None if any(issue.severity in ("fatal", "error") for issue in issues) else tree

    def _raise_errors(self) -> None:
        if self._errors:
            raise together(error for _, error in sorted(self._errors, key=lambda pair: pair[0]))

    async def _apply(self, session: Session, plans: Sequence[Plan]) -> list[tuple[Plan, list[Version]]]:
        try:
            return list(zip(plans, await apply(session, self._request.tenant, plans), strict=True))
        except (Unmet, Exists, Taken) as error:
            raise seen_from_bundle(self._writes[error.ordinal - 1], error) from None

    async def _apply_linked(
        self, session: Session, plans: list[Plan], pending: Mapping[int, list[Pending]]
    ) -> list[tuple[Plan, list[Version]]]:
        """Fills in the references that waited, plans their entries anew and applies all.

        They are resolved last, so that they find what the Bundle itself writes: everything is written as a rehearsal,
        looked for, and rolled back. https://hl7.org/fhir/R4/http.html#trules"""
        waiting = [(index, one) for index, ones in pending.items() for one in ones]
        conditional = [(index, one) for index, one in waiting if one.resource_type]
        versioned = [one for _, one in waiting if one.target]
        lookups = [(one.resource_type, one.query) for _, one in conditional]
        with contextlib.suppress(_Rehearsed):
            async with session.transaction() as rehearsal:
                versions = await self._apply(rehearsal, plans)
                found = await resolve(rehearsal, self._request, lookups)
                raise _Rehearsed
        for (index, one), matches in zip(conditional, found, strict=True):
            self._fill_in(index, one, matches)
        for entry in self._writes:
            if entry.index in pending:
                entry.write = with_(_write(entry), unresolved=False)
        # The version a link names is known when its entry is written, which may be one that waits itself: with its
        # references filled in it may prove unchanged, and without them it may have seemed so. One more round settles
        # one more of them.
        for _ in range(len(versioned) + 1):
            numbers = self._numbers(versions)
            for one in versioned:
                one.node["reference"] = f"{one.target}/_history/{numbers[one.target]}{one.fragment}"
            async for place, entry in fairly(enumerate(self._writes)):
                if entry.index in pending:
                    try:
                        plans[place] = await self._plan(session, entry)
                    except FhirError as error:
                        raise seen_from_bundle(entry, error) from None
            if not versioned:
                return await self._apply(session, plans)
            with contextlib.suppress(_Rehearsed):
                async with session.transaction() as inner:
                    versions = await self._apply(inner, plans)
                    now = self._numbers(versions)
                    if any(now[one.target] != numbers[one.target] for one in versioned):
                        raise _Rehearsed
                    return versions
        raise Unprocessable(
            "Links to versions in this Bundle depend on each other; name those resources without a version."
        )

    def _fill_in(self, index: int, one: Pending, matches: Sequence[tuple[str, int]]) -> None:
        """Writes what a conditional reference finds into it. Raises PreconditionFailed (412)."""
        if len(matches) == 1:
            one.node["reference"] = f"{one.resource_type}/{matches[0][0]}"
            return
        count, code = ("more than one", "multiple-matches") if matches else ("no", "not-found")
        message = f"The conditional reference {one.resource_type}?{one.query[:200]} matches {count} resource."
        entry = next(entry for entry in self._writes if entry.index == index)
        at = expression(_write(entry).resource_type, entry.request.resource, one.node)
        raise seen_from_bundle(entry, PreconditionFailed(message, code=code, expression=[at]))

    def _numbers(self, versions: Sequence[tuple[Plan, list[Version]]]) -> dict[str, int]:
        """The version that each write made or found, by type and id."""
        written = (one for of_plan, made in versions for one in (*made, of_plan.found) if one)
        return {f"{one.resource_type}/{one.logical_id}": one.version_id for one in written}

    async def _refuse_overlaps(self, session: Session) -> None:
        """Refuses a condition that found nothing, but meets what another entry of the Bundle wrote: done one after the
        other, only one of the two would have been written, and which one the Bundle does not say."""
        new = [one for one in self._writes if self._found.get(one.index) == [] and may_create(_write(one))]
        owners = {one: entry for entry in self._writes for one in self._identities(entry)}
        of_type = Counter(_write(entry).resource_type for entry in self._writes if entry.interaction != "delete")
        new = [entry for entry in new if of_type[_write(entry).resource_type] > 1]
        for entry, matches in zip(new, await look_up(session, [_write(one) for one in new]), strict=True):
            for match in matches:
                other = owners.get((_write(entry).resource_type, match.logical_id))
                if other is not None and other is not entry:
                    raise _twice(entry, other, f"{_write(entry).resource_type}/{match.logical_id}")


def _write(entry: Entry) -> Write:
    assert entry.write
    return entry.write


def _refuse_twice(writes: Iterable[tuple[Entry, Iterable[Identity]]]) -> None:
    """Refuses two writes of one identity: the Bundle does not say which of them should win."""
    seen: dict[Identity, Entry] = {}
    for entry, identities in writes:
        for identity in identities:
            if (other := seen.setdefault(identity, entry)) is not entry:
                raise _twice(entry, other, "/".join(identity))


def _twice(one: Entry, other: Entry, what: str) -> FhirError:
    first, second = sorted((one.index, other.index))
    message = f"Entries {first} and {second} both write {what}."
    return BadRequest(message, code="duplicate", expression=[f"Bundle.entry[{n}]" for n in (first, second)])


def _check_reference(entry: Entry, one: Pending) -> None:
    try:
        condition_of(entry.request, one.resource_type, one.query)
    except FhirError as error:
        at = expression(_write(entry).resource_type, entry.request.resource, one.node)
        issues = [replace(issue, expression=(at,)) for issue in error.issues]
        raise type(error)(issues=issues) from None
