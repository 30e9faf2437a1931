"""The reindex command: the search index of what is stored, made anew while the server runs.

It is a job like any other: a server that runs takes its part, and goes on with it where the command was interrupted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO

from . import store
from .app import opened
from .commands import Failed
from .edge import Opened
from .settings import Settings

_LOOK: Final = 0.1  # seconds between looks at how far it is


async def run(settings: Settings, tenant: str | None, resource_type: str | None, out: TextIO) -> int:
    """Indexes a tenant or all of them anew and reports to out; 0 if all was done, 1 if not.

    Raises NotFound for an unknown tenant, Failed for an unknown type, Unavailable when the database goes away."""
    async with opened(settings, jobs=True, fair=False) as server:
        results = [
            await _tenant(server, name, resource_type, settings.base_url, out)
            for name in ([tenant] if tenant is not None else server.tenants.names())
        ]
    return 0 if all(results) else 1


async def _tenant(server: Opened, name: str, resource_type: str | None, base_url: str, out: TextIO) -> bool:
    tenant = server.tenants.get(name)
    definitions = tenant.definitions
    if resource_type is not None and not definitions.is_resource_type(resource_type):
        raise Failed(f"{resource_type} is not a resource type of FHIR R4.")
    types = definitions.resource_types if resource_type is None else (resource_type,)
    arguments = {
        "types": [definitions.type_number(one) for one in types],
        "base": f"{base_url.rstrip('/')}/fhir/{name}",
    }
    session = server.session(tenant.tenant_id)
    began = time.monotonic()
    job_id = await store.add_job(session, "reindex", arguments)
    while True:
        state, progress, report = await store.job_state(session, job_id)
        said = f"{name}: {_said(progress, time.monotonic() - began)}"
        if state != "due":
            break
        if out.isatty():
            print(f"\r{_bar(progress)} {said}\x1b[K", end="", file=out, flush=True)
        await asyncio.sleep(_LOOK)
    clear = "\r\x1b[K" if out.isatty() else ""
    print(f"{clear}{said}{f'; failed: {report}' if state == 'failed' else ''}", file=out)
    return state == "done"


def _said(progress: Mapping[str, Any], seconds: float) -> str:
    done = progress.get("done", 0)
    total = f" of {progress['total']:,}" if progress.get("total", done) != done else ""
    return f"{done:,}{total} resources in {seconds:.1f} s ({done / max(seconds, 0.001):,.0f}/s)"


def _bar(progress: Mapping[str, Any]) -> str:
    part = progress.get("done", 0) / max(progress.get("total", 0), 1)
    return f"[{'#' * int(part * 30):30}] {part:4.0%}"
