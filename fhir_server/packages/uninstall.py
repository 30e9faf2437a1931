"""Uninstalling a package: exactly what it brought is deleted, unless it was changed since or another package has it, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from resources.database import Session
from resources.outcome import BadRequest, NotFound
from search.library import Library

from ..tenancy import Tenant
from ..writing import apply
from . import store
from .dependencies import missing
from .install import held, in_turn, locked
from .plans import Planning
from .report import Remark, Report
from .store import Content, Installed


async def uninstall(session: Session, tenant: Tenant, name: str, version: str, base: str) -> Report:
    """Takes a package away; version: "" for the only one. Its search parameters are dropped.

    What depends on it stays, and is named. Raises NotFound (404), BadRequest (400: which version?), Conflict (409), and
    StaleDefinitions if nothing was written."""
    return await in_turn(session, lambda inner: _uninstall(inner, tenant, name, version, base))


async def _uninstall(session: Session, tenant: Tenant, name: str, version: str, base: str) -> Report:
    packages = await locked(session)
    package = _named(packages, name, version)
    tenant = await held(session, tenant)
    others = [one for one in packages if one is not package]
    library = Library(session, tenant.indexer)
    found = await library.find([(one.resource_type, one.reference) for one in package.contents], lambda *_: True)
    current = {one.reference: rows[0].version_id for one, rows in zip(package.contents, found, strict=True) if rows}
    shared = {content.reference: one.label for one in others for content in one.contents}
    remarks, deleted = _sorted(package.contents, current, shared)
    for plans in Planning(tenant, base).deletions(deleted):
        await apply(session, tenant, plans)
    await store.write(session, _inherited(others, package.contents), [package])
    left = [(one.name, one.version) for one in others]
    for one in others:
        wanted = msgspec.json.decode(one.manifest).get("dependencies") or {}
        if any(lost.name == package.name for lost in missing(wanted, left)):
            remarks.append(Remark("dependent", one.label, f"it depends on {package.label}"))
    return Report(package.name, package.version, "uninstalled", deleted=len(deleted), remarks=remarks)


def _named(packages: Sequence[Installed], name: str, version: str) -> Installed:
    found = [one for one in packages if one.name == name and version in ("", one.version)]
    if not found:
        there = ", ".join(one.label for one in packages) or "none"
        raise NotFound(f"{name}{f'#{version}' if version else ''} is not installed; installed: {there}."[:2000])
    if len(found) > 1:
        raise BadRequest(f"Which one: {', '.join(one.label for one in found)}?", code="multiple-matches")
    return found[0]


def _sorted(
    contents: Sequence[Content], current: Mapping[str, int], shared: Mapping[str, str]
) -> tuple[list[Remark], list[Content]]:
    """What is kept, and why; what is deleted. current: version ids of what is there; shared: which package has it, too."""
    remarks, deleted = [], []
    for one in contents:
        if one.reference not in current:
            continue  # somebody has deleted it already
        if one.reference in shared:
            remarks.append(Remark("kept", one.reference, f"{shared[one.reference]} has it, too"))
        elif not one.brought:
            remarks.append(Remark("kept", one.reference, "it was there before"))
        elif current[one.reference] != one.version_id:
            remarks.append(Remark("kept", one.reference, "it was changed since"))
        else:
            deleted.append(one)
    return remarks, deleted


def _inherited(others: Sequence[Installed], contents: Sequence[Content]) -> list[Installed]:
    """The packages that are now the ones which brought what this one did; those with the same version of it."""
    brought = {one.reference for one in contents if one.brought}
    rows = []
    for one in others:
        after = tuple(
            msgspec.structs.replace(content, brought=content.brought or content.reference in brought)
            for content in one.contents
        )
        if after != one.contents:
            rows.append(msgspec.structs.replace(one, contents=after))
    return rows
