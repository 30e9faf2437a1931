"""What installing a package would do, found out without writing anything."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from resources import exact
from resources.database import Session
from resources.outcome import Issue
from resources.package import Package, Packed
from search.parameters.string import cut
from search.store import count

from ..tenancy import Tenant
from ..validation.book import Book
from ..validation.judging import judge
from . import store
from .arrangement import DIFFERENT, NEW, SAME, arrange
from .dependencies import missing
from .install import parameters_of, remarks, sound
from .parameters import INDEXED
from .report import Judged, Remark, Report

EXAMINED: Final = 200  # resources of one profile that are looked at, the newest …
SECONDS: Final = 20.0  # … and how long all of that may take
LARGEST: Final = 30_000_000  # bytes of definitions by which stored resources are judged: US Core has 6 million
_SAMPLES: Final = 5  # ids that are named
_PROFILING: Final = frozenset({"StructureDefinition"})
_JUDGING: Final = _PROFILING | {"ValueSet", "CodeSystem"}  # types of definitions that others are judged by
_ISSUES: Final = 20  # of one profile, the most frequent

_position = re.compile(r"\[\d+\]")


async def preview(session: Session, tenant: Tenant, package: Package) -> Report:
    """What an installation would do: what is new and what is replaced, which search parameters would be indexed, and which
    stored resources would become invalid by the profiles that they claim, or that the tenant requires.

    Raises what an installation would raise, but for definitions that break the base rules, which are named."""
    installed = await store.installed(session)
    places, broken = await sound(tenant, await arrange(session, tenant, package))
    judged, _ = await asyncio.to_thread(parameters_of, tenant, places)
    types = sorted({name for one in judged if one.state == INDEXED for name in one.types})
    numbers = [tenant.definitions.type_number(name) for name in types]
    there = any((one.name, one.version) == (package.name, package.version) for one in installed)
    counts = Counter(place.state for place in places)
    judging = [one.packed for one in places if one.state != SAME and one.packed.resource_type in _JUDGING]
    said = [*broken, *remarks(package, places)]
    if sum(len(one.text) for one in judging) > LARGEST:
        said.append(Remark("not-judged", package.label, "it is too large to judge what is stored by it before"))
        judging = []
    found, is_whole = await _judged(session, tenant, judging)
    if not is_whole:
        said.append(Remark("not-judged", package.label, f"after {SECONDS:.0f} s the rest of its profiles was left out"))
    return Report(
        package.name,
        package.version,
        "unchanged" if there else "preview",
        created=counts[NEW],
        replaced=counts[DIFFERENT],
        unchanged=counts[SAME],
        missing=missing(package.dependencies, ((one.name, one.version) for one in installed)),
        parameters=judged,
        reindexed=await count(session, [*numbers, *(-number for number in numbers)]) if numbers else 0,
        remarks=said,
        judged=found,
    )


async def _judged(session: Session, tenant: Tenant, packed: Sequence[Packed]) -> tuple[list[Judged], bool]:
    """What the profiles among the definitions say of what is stored; and whether there was time for all of them."""
    overlay = {one.url: one.tree() for one in packed}
    profiles = {url: tree for url, tree in overlay.items() if tree["resourceType"] in _PROFILING}
    new, old, deadline = tenant.book(overlay), tenant.book(), time.monotonic() + SECONDS
    found: list[Judged] = []
    for url, tree in profiles.items():
        if time.monotonic() > deadline:
            return found, False
        resource_type = tree.get("type", "")
        if tree.get("derivation") == "constraint" and tenant.definitions.is_resource_type(resource_type):
            stored, total = await _claiming(session, tenant, resource_type, url, tree.get("version", ""))
            if total:
                one = _Examination(session, tenant, new, old, deadline)
                await one.examine(stored)
                found.append(one.result(url, resource_type, total))
    return found, True


async def _claiming(
    session: Session, tenant: Tenant, resource_type: str, url: str, version: str
) -> tuple[list[store.Stored], int]:
    """The newest resources that are held against a profile, and how many there are."""
    number = tenant.definitions.type_number(resource_type)
    if any(one.partition("|")[0] == url for one in tenant.policy.profiles(resource_type)):
        return await store.of_type(session, number, EXAMINED), await count(session, [number])
    parameter = tenant.indexer.parameters(resource_type)["_profile"]
    claims = [cut(one, parameter) for one in (url, f"{url}|{version}")]
    return await store.naming(session, number, parameter.number, claims, EXAMINED)


class _Examination:
    """Stored resources judged with the profiles of a package, and those that break them as they are judged now."""

    def __init__(self, session: Session, tenant: Tenant, new: Book, old: Book, deadline: float) -> None:
        self._session = session
        self._tenant = tenant
        self._new, self._old = new, old
        self._deadline = deadline
        self._examined = 0
        self._invalid: list[str] = []
        self._issues = Counter[str]()

    async def examine(self, stored: Sequence[store.Stored]) -> None:
        for one in stored:
            if time.monotonic() > self._deadline:
                break
            tree = exact.decode(one.body.encode())
            self._examined += 1
            then = await self._errors(tree, self._new)
            now = await self._errors(tree, self._old) if then else frozenset()
            if then and not now:
                self._invalid.append(f"{tree['resourceType']}/{one.logical_id}")
                self._issues.update(then)

    async def _errors(self, tree: dict[str, Any], book: Book) -> frozenset[str]:
        profiles = self._tenant.policy.profiles(tree["resourceType"])
        issues = await judge(self._session, self._tenant, tree, profiles, book=book)
        return frozenset(_kind(issue) for issue in issues if issue.severity in ("error", "fatal"))

    def result(self, profile: str, resource_type: str, total: int) -> Judged:
        return Judged(
            profile,
            resource_type,
            total,
            self._examined,
            len(self._invalid),
            tuple(self._issues.most_common(_ISSUES)),
            tuple(self._invalid[:_SAMPLES]),
        )


def _kind(issue: Issue) -> str:
    """An issue without what is of one resource: its rule, and the element without positions."""
    where = _position.sub("", issue.expression[0]) if issue.expression else ""
    return " at ".join(filter(None, (issue.rule or issue.code, where)))
