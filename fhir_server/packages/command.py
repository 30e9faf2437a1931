"""The package command: packages of a tenant installed from files, looked at before, listed, and taken away.

What has to be indexed is indexed before it ends, by it and by a server that runs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TextIO, TypeVar

from resources.database import Session
from resources.outcome import NotFound, Unavailable
from resources.package import MOST_PACKED, Package, read
from resources.store import StaleDefinitions
from search.store import own_parameters

from ..app import opened
from ..edge import Opened
from ..settings import Settings
from ..tenancy import Tenant
from . import store
from .install import install
from .preview import preview
from .report import Report, lines
from .uninstall import uninstall

T = TypeVar("T")

_LOOK: Final = 0.1  # seconds between looks at how far the index is
_ATTEMPTS: Final = 5  # with definitions that others keep changing


async def run_install(settings: Settings, file: Path, tenant: str, out: TextIO, *, skip_invalid: bool = False) -> int:
    """Installs a package and reports to out; 0 once it is installed and indexed, 1 if a search parameter could not be.

    Raises NotFound for an unknown tenant or a file that is not there, and what reading and installing it raises."""
    async with opened(settings, jobs=True, fair=False) as server:
        package = _read(server, file, tenant)
        base = _base(settings, tenant)

        async def work(session: Session, known: Tenant) -> Report:
            return await install(session, known, package, base, skip_invalid=skip_invalid)

        _print(await _fresh(server, tenant, work), out)
        return await _indexed(server, tenant, out)


async def run_preview(settings: Settings, file: Path, tenant: str, out: TextIO) -> int:
    """Reports what installing a package would do: 0."""
    async with opened(settings) as server:
        package = _read(server, file, tenant)
        _print(await _fresh(server, tenant, lambda session, known: preview(session, known, package)), out)
        return 0


async def run_uninstall(settings: Settings, label: str, tenant: str, out: TextIO) -> int:
    """Takes a package away, named NAME or NAME#VERSION; 0 once the index knows nothing of it."""
    name, _, version = label.partition("#")
    async with opened(settings, jobs=True, fair=False) as server:
        base = _base(settings, tenant)
        report = await _fresh(
            server, tenant, lambda session, known: uninstall(session, known, name, version.lstrip("#"), base)
        )
        _print(report, out)
        return await _indexed(server, tenant, out)


async def run_list(settings: Settings, tenant: str | None, out: TextIO) -> int:
    """Names the packages of a tenant, or of all, with what they have."""
    async with opened(settings) as server:
        for name in [tenant] if tenant is not None else server.tenants.names():
            session = server.session(server.tenants.get(name).tenant_id)
            for one in await store.installed(session):
                counts = Counter(content.resource_type for content in one.contents)
                of_types = ", ".join(f"{count} {resource_type}" for resource_type, count in sorted(counts.items()))
                when = one.installed.strftime("%Y-%m-%d") if one.installed else ""
                print(f"{name} {one.label} {when}: {of_types or 'nothing'}", file=out)
    return 0


async def _fresh(server: Opened, name: str, work: Callable[[Session, Tenant], Awaitable[T]]) -> T:
    """What work comes to with the definitions of now."""
    for _ in range(_ATTEMPTS):
        tenant = server.tenants.get(name)
        try:
            return await work(server.session(tenant.tenant_id), tenant)
        except StaleDefinitions:
            await server.tenants.reload()
    raise Unavailable("The definitions of the tenant keep changing.")


def _read(server: Opened, file: Path, tenant: str) -> Package:
    definitions = server.tenants.get(tenant).definitions
    try:
        with file.open("rb") as opening:
            return read(definitions, opening.read(MOST_PACKED + 1))
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.") from None


def _base(settings: Settings, tenant: str) -> str:
    return f"{settings.base_url.rstrip('/')}/fhir/{tenant}"


def _print(report: Report, out: TextIO) -> None:
    for line in lines(report):
        print(line, file=out)


async def _indexed(server: Opened, name: str, out: TextIO) -> int:
    """Waits until no search parameter of the tenant is pending; 1 if the index of one failed."""
    session = server.session(server.tenants.get(name).tenant_id)
    while pending := [own for own in await own_parameters(session) if own.is_pending]:
        if failed := [own.parameter for own in pending if own.parameter.unready.startswith("could not")]:
            for one in failed:
                print(f"{one.code} {one.unready}", file=out)
            return 1
        await asyncio.sleep(_LOOK)
    return 0
