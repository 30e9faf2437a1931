"""Indexing anew, while reads and writes go on: of a tenant's own search parameters when they change, and on demand.

One step after the other, each some hundred resources; what a step leaves is all that the next one needs, whoever does it.
In order: wait until every write that may not have known the parameters has ended; walk the resources of their types, and
those in which one is contained, newest first; see that none was passed over and that a sample is stored as it is indexed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from resources import exact
from resources.database import Session
from resources.definitions import Definitions
from resources.store import Reindexed, StaleDefinitions, Store

from . import store as stored
from .indexer import Indexed, Indexer
from .store import Mark, Stored

TOGETHER: Final = 200  # resources of a step
SAMPLE: Final = 50  # resources compared at the end
_TYPES: Final = 20  # types without any, of a step
_FAIR: Final = 20  # resources that are indexed before others have their turn

Progress = Mapping[str, Any]


class Unproved(Exception):
    """The index could not be made as it should be; the text says why."""


class Step(Struct, frozen=True):
    """What a step did."""

    progress: Progress  # for the next one
    ended: bool = False
    pause: float = 0  # seconds until the next one has anything to do


class Tenant(Struct, frozen=True):
    """What of a tenant is needed here, under one definitions number."""

    definitions_number: int
    definitions: Definitions
    indexer: Indexer
    store: Store
    base_url: str  # URLs below it are our own


async def step(session: Session, tenant: Tenant, job_id: int, arguments: Mapping[str, Any], progress: Progress) -> Step:
    """One step of a job. arguments: `types`, numbers of the types to index, if not only what own parameters need.

    Raises StaleDefinitions (to be repeated with those of now), Unproved, Unavailable."""
    return await _PHASES[progress.get("phase", "beginning")](session, tenant, job_id, {**arguments, **progress})


async def _begin(session: Session, tenant: Tenant, job_id: int, state: dict[str, Any]) -> Step:
    if not await stored.is_first(session, job_id):
        return Step({}, pause=1)
    pending = [own for own in await stored.own_parameters(session) if own.is_pending]
    wanted = sorted({*state.get("types", ()), *(number for own in pending for number in own.types)})
    if not wanted:  # an earlier job did it
        return Step({"phase": "ended", "done": 0, "total": 0}, ended=True)
    await stored.take(session, job_id, pending)
    marked = await stored.mark(session)
    return Step(
        {
            "phase": "waiting",
            "mark": [marked.before, marked.epoch, marked.at],
            "walk": [*wanted, *(-number for number in wanted)],
            "own": [[own.number, own.since] for own in pending],
        }
    )


async def _wait(session: Session, tenant: Tenant, job_id: int, state: dict[str, Any]) -> Step:
    if not await stored.have_ended(session, Mark(*state["mark"])):
        return Step(_kept(state), pause=0.1)
    total = await stored.count(session, state["walk"])
    return Step(_kept(state, phase="walking", at=0, after=None, done=0, walked=0, total=total, sample=[], seen=0))


async def _walk(session: Session, tenant: Tenant, job_id: int, state: dict[str, Any]) -> Step:
    at, after = state["at"], state["after"]
    if at == len(state["walk"]):
        return Step(_kept(state, phase="proving"))
    found: list[Stored] = []
    for at in range(state["at"], min(state["at"] + _TYPES, len(state["walk"]))):
        number = state["walk"][at]
        found = await stored.page(session, number, tuple(after) if after else None, TOGETHER)
        if found:
            break
        after = None
    if not found:
        return Step(_kept(state, at=at + 1, after=None))
    resources = {one.rid: one for one in found}  # one may contain several
    made = await _indexed(tenant, list(resources.values()))
    again = [
        Reindexed(one.rid, one.version_id, indexed.sort_key, indexed.keys, indexed.rows)
        for one, indexed in zip(resources.values(), made, strict=True)
    ]
    await tenant.store.reindex(session, tenant.definitions_number, again)
    done = state["done"] + len(found)
    if state.get("number") != tenant.definitions_number:
        state |= {"number": tenant.definitions_number, "sample": [], "seen": 0}  # the others were indexed otherwise
    return Step(
        _kept(
            state,
            at=at,
            after=list(found[-1].place),
            done=done,
            total=max(done, state["total"]),
            walked=state["walked"] + (len(found) if number > 0 else 0),
            sample=_sampled(state["sample"], state["seen"], found),
            seen=state["seen"] + len(found),
        )
    )


async def _prove(session: Session, tenant: Tenant, job_id: int, state: dict[str, Any]) -> Step:
    # What was last written before the mark was not written during the walk, which must have come by.
    marked = Mark(*state["mark"])
    due = await stored.count(session, [number for number in state["walk"] if number > 0], marked.at)
    if state["walked"] < due:
        raise Unproved(f"{due:,} resources were to be indexed, and {state['walked']:,} were.")
    if await stored.definitions_number(session) != tenant.definitions_number:
        raise StaleDefinitions
    if state["sample"] and state["number"] == tenant.definitions_number:
        await _compare(session, tenant, state["sample"])
    numbers, sinces = map(list, zip(*state["own"], strict=True)) if state["own"] else ([], [])
    settled = await stored.settle(session, numbers, sinces) if numbers else 0
    return Step({"phase": "ended", "done": state["done"], "total": state["total"], "settled": settled}, ended=True)


async def _compare(session: Session, tenant: Tenant, versions: Sequence[Sequence[int]]) -> None:
    """Raises Unproved if one of these versions (rid, version id), still current, is not stored as it is indexed."""
    wanted = {(rid, version_id) for rid, version_id in versions}
    current = {one.rid: (one, date, keys) for one, date, keys in await stored.sample(session, wanted)}
    made = dict(zip(current, await _indexed(tenant, [one for one, _, _ in current.values()]), strict=True))
    different = dict(reversed(await stored.differences(session, list(made.items()))))
    for rid, (one, date, keys) in current.items():
        if (date, set(_pairs(keys))) != (made[rid].sort_key, set(_pairs(made[rid].keys))):
            different[rid] = "resource"
        if rid in different and await stored.sample(session, [(rid, one.version_id)]):  # else written in between
            raise Unproved(f"{_name(tenant, one)} is not indexed as it should be: see table {different[rid]}.")


_PHASES: Final = {"beginning": _begin, "waiting": _wait, "walking": _walk, "proving": _prove}


def _kept(state: Mapping[str, Any], **changes: Any) -> Progress:
    return {key: value for key, value in {**state, **changes}.items() if key not in ("types", "base")}


async def _indexed(tenant: Tenant, resources: Sequence[Stored]) -> list[Indexed]:
    """The index rows of stored resources, others having their turn in between. Raises Unproved."""
    made = []
    for n, one in enumerate(resources):
        if n % _FAIR == 0:
            await asyncio.sleep(0)
        resource_type = tenant.definitions.type_name(one.type_number)
        try:
            tree = exact.decode(one.body.encode())
            made.append(tenant.indexer.index(resource_type, one.logical_id, tree, tenant.base_url))
        except Exception as error:
            raise Unproved(f"{_name(tenant, one)} cannot be indexed ({type(error).__name__}).") from error
    return made


def _sampled(sample: Sequence[Sequence[int]], before: int, found: Sequence[Stored]) -> list[Sequence[int]]:
    """A sample of all that was walked, each with the same chance: before of it, and now these."""
    kept = list(sample)
    for n, one in enumerate(found, before + 1):
        if len(kept) < SAMPLE:
            kept.append((one.rid, one.version_id))
        elif (place := random.randrange(n)) < SAMPLE:
            kept[place] = (one.rid, one.version_id)
    return kept


def _pairs(keys: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(keys[::2], keys[1::2], strict=True))


def _name(tenant: Tenant, one: Stored) -> str:
    return f"{tenant.definitions.type_name(one.type_number)}/{one.logical_id}"
