"""Installing a package: its definitions become resources of the tenant, all of them or none.

They go through the one write path, judged by the base rules. Nothing of what a package brings is changed, and under its
own id unless that is taken; what was brought is kept beside (store.py).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import msgspec

from resources import locks
from resources.database import Session
from resources.definitions import Definitions
from resources.outcome import Conflict, Issue, Unprocessable
from resources.package import Package
from resources.store import StaleDefinitions, Unmet

from ..planning import REGISTERED
from ..races import Settled, whole
from ..tenancy import Tenant
from ..writing import apply
from . import store
from .arrangement import DIFFERENT, NEW, SAME, Place, arrange
from .dependencies import missing
from .parameters import UNUSABLE, Verdict, verdicts
from .plans import Planning
from .report import Remark, Report
from .store import Content, Installed, manifest_text

T = TypeVar("T")

_ATTEMPTS: Final = 5
_PATIENCE: Final = 30.0  # seconds to wait for others who change the packages of the tenant …
_LOOK: Final = 0.2  # … and the longest between two looks
_FAIR: Final = 5  # definitions that are judged before others have their turn
_MOST_NAMED: Final = 200  # files of one refusal …
_MOST_OF_ONE: Final = 5  # … and issues of each


async def install(
    session: Session, tenant: Tenant, package: Package, base: str, *, skip_invalid: bool = False
) -> Report:
    """Installs a package. base: URL of the tenant. skip_invalid: leaves out what breaks the base rules.

    One that is installed already is left as it is. Raises Unprocessable (422: a definition breaks the base rules), Conflict
    (409: the same version with other content is installed), and StaleDefinitions if nothing was written."""
    return await in_turn(session, lambda inner: _install(inner, tenant, package, base, skip_invalid))


class _Busy(Exception):
    """Others are changing the packages of the tenant."""


async def in_turn(session: Session, work: Callable[[Session], Awaitable[T]]) -> T:
    """What work comes to in a transaction of its own, which begins with `locked`. Waits without a connection.

    Raises what it raises; Conflict (409) if others do not come to an end, or keep writing the same resources."""
    until, attempts = time.monotonic() + _PATIENCE, 0
    while attempts < _ATTEMPTS and time.monotonic() < until:
        try:
            return await whole(session, work)
        except Unmet:
            attempts += 1
        except _Busy:
            await asyncio.sleep(random.uniform(0, _LOOK))
    raise Conflict("Others are changing packages or the same resources at the same time; send the request again.")


async def locked(session: Session) -> list[Installed]:
    """The installed packages, which nobody else changes until the transaction ends. Raises _Busy if somebody does."""
    if not await locks.try_lock(session, locks.PACKAGES):
        raise _Busy
    return await store.installed(session)


async def held(session: Session, tenant: Tenant) -> Tenant:
    """The tenant with definitions that nobody else changes until the transaction ends: who wants to waits for it.

    Raises StaleDefinitions if they have changed before. Without this a package that takes seconds would be planned in vain
    whenever they change meanwhile."""
    number = await store.write(session, ())
    if number != tenant.definitions_number + 1:
        raise StaleDefinitions
    return replace(tenant, definitions_number=number)


async def _install(session: Session, tenant: Tenant, package: Package, base: str, skip_invalid: bool) -> Report:
    others = await locked(session)
    lacking = missing(package.dependencies, ((one.name, one.version) for one in others))
    for one in others:
        if (one.name, one.version) == (package.name, package.version):
            if one.digest != package.digest:
                raise Settled(f"Another {package.label} is installed, with other content: uninstall it first.")
            return Report(package.name, package.version, "unchanged", unchanged=len(one.contents), missing=lacking)
    places, broken = await sound(tenant, await arrange(session, tenant, package))
    if broken and not skip_invalid:
        raise Unprocessable(
            issues=[Issue("error", "invalid", f"{one.what}: {one.why}") for one in broken[:_MOST_NAMED]]
        )
    tenant = await held(session, tenant)
    judged, extended = await asyncio.to_thread(parameters_of, tenant, places)
    planning = Planning(replace(tenant, definitions=extended), base)
    unused = {one.url for one in judged if one.state == UNUSABLE}
    written = {place.reference: place.version_id for place in places}
    async for some in planning.chunks([place for place in places if place.state != SAME], unused):
        for versions in await apply(session, tenant, some):
            written |= {f"{one.resource_type}/{one.logical_id}": one.version_id for one in versions}
    await store.write(session, _kept(package, places, written, others))
    counts = {state: sum(place.state == state for place in places) for state in (NEW, DIFFERENT, SAME)}
    return Report(
        package.name,
        package.version,
        "installed",
        created=counts[NEW],
        replaced=counts[DIFFERENT],
        unchanged=counts[SAME],
        missing=lacking,
        parameters=judged,
        remarks=[*broken, *remarks(package, places)],
    )


async def sound(tenant: Tenant, places: Sequence[Place]) -> tuple[list[Place], list[Remark]]:
    """The definitions that keep the base rules, and what is to be said of those that break them."""
    kept, broken = [], []
    for number, place in enumerate(places):
        if number % _FAIR == 0:
            await asyncio.sleep(0)
        packed = place.packed
        found = tenant.validator.issues(packed.resource_type, packed.tree()) if place.state != SAME else ()
        faults = [issue for issue in found if issue.severity in ("error", "fatal")]
        if faults:
            why = "; ".join(" ".join((*one.expression, one.diagnostics)) for one in faults[:_MOST_OF_ONE])
            broken.append(Remark("left-out", packed.file, why))
        else:
            kept.append(place)
    return kept, broken


def parameters_of(tenant: Tenant, places: Sequence[Place]) -> tuple[list[Verdict], Definitions]:
    """What becomes of the search parameters that are written, and the definitions with those that are indexed."""
    trees = [
        place.packed.tree() for place in places if place.packed.resource_type in REGISTERED and place.state != SAME
    ]
    return verdicts(tenant.definitions, trees)


def remarks(package: Package, places: Sequence[Place]) -> list[Remark]:
    """What is not as one would expect it."""
    return [
        *(Remark("replaced", one.reference, one.packed.canonical) for one in places if one.state == DIFFERENT),
        *(
            Remark("renamed", one.reference, f"{one.packed.logical_id} is taken by another definition")
            for one in places
            if one.is_renamed and one.state == NEW
        ),
        *(Remark("passed-over", file, "it defines nothing") for file in package.passed_over),
    ]


def _kept(
    package: Package, places: Sequence[Place], written: Mapping[str, int], others: Sequence[Installed]
) -> list[Installed]:
    """The row of the package, and those of packages that have the same resources, whose versions may be new now."""
    brought = {content.reference for one in others for content in one.contents if content.brought}
    contents = tuple(
        Content(
            place.packed.resource_type,
            place.logical_id,
            written[place.reference],
            place.packed.canonical,
            place.state == NEW or place.reference in brought,
        )
        for place in places
    )
    rows = [Installed(package.name, package.version, package.digest, manifest_text(package.manifest), contents)]
    for one in others:
        moved = tuple(
            msgspec.structs.replace(content, version_id=written.get(content.reference, content.version_id))
            for content in one.contents
        )
        if moved != one.contents:
            rows.append(msgspec.structs.replace(one, contents=moved))
    return rows
