"""The revalidate command: everything that is stored, judged anew while the server runs.

It is a job like any other: a server that runs takes its part, and goes on with it where the command was interrupted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

import msgspec

from . import store
from .app import opened
from .edge import Opened
from .settings import Settings
from .validation.revalidation import KIND, SAMPLES, Asked, asked

_LOOK: Final = 0.1  # seconds between looks at how far it is


async def run(
    settings: Settings,
    tenant: str | None,
    types: Sequence[str],
    profiles: Sequence[str],
    out: TextIO,
    samples: int = SAMPLES,
) -> int:
    """Judges what a tenant, or each, has stored and reports to out; 0 if no resource has an error, 1 if one has.

    Raises NotFound for an unknown tenant or profile, BadRequest for an unknown type, Unavailable when the database goes
    away."""
    async with opened(settings, jobs=True, fair=False) as server:
        names = [tenant] if tenant is not None else server.tenants.names()
        # Nothing begins before all of it is known to make sense.
        of_each = {name: await _asked(server, name, types, profiles, samples) for name in names}
        results = [await _tenant(server, name, work, out) for name, work in of_each.items()]
    return 0 if all(results) else 1


async def _asked(server: Opened, name: str, types: Sequence[str], profiles: Sequence[str], samples: int) -> Asked:
    tenant = server.tenants.get(name)
    return await asked(server.session(tenant.tenant_id), tenant, types, profiles, samples)


async def _tenant(server: Opened, name: str, work: Asked, out: TextIO) -> bool:
    session = server.session(server.tenants.get(name).tenant_id)
    began = time.monotonic()
    job_id = await store.add_job(session, KIND, msgspec.to_builtins(work))
    while True:
        state, progress, failed = await store.job_state(session, job_id)
        if state != "due":
            break
        if out.isatty():
            print(f"\r{name}: {_said(progress, time.monotonic() - began)}\x1b[K", end="", file=out, flush=True)
        await asyncio.sleep(_LOOK)
    clear = "\r\x1b[K" if out.isatty() else ""
    print(f"{clear}{name}: {_said(progress, time.monotonic() - began)}", file=out)
    if state == "failed":
        print(f"failed: {failed}", file=out)
        return False
    for kind in sorted(progress.get("kinds", ()), key=lambda kind: -int(kind["issues"])):
        _print(kind, out)
    return not progress.get("invalid", 0)


def _print(kind: Mapping[str, Any], out: TextIO) -> None:
    what = " ".join(
        part for part in (kind["severity"], kind["code"] or "others", kind["rule"] or kind["place"]) if part
    )
    print(f"  {what}: {kind['issues']:,} in {kind['resources']:,} resources", file=out)
    for resource, version_id, _, text in kind["samples"]:
        print(f"    {resource}/_history/{version_id}: {text}", file=out)


def _said(progress: Mapping[str, Any], seconds: float) -> str:
    done = progress.get("done", 0)
    total = f" of {progress['total']:,}" if progress.get("total", done) != done else ""
    said = f"{done:,}{total} resources in {seconds:.1f} s ({done / max(seconds, 0.001):,.0f}/s)"
    return f"{said}; {progress.get('invalid', 0):,} have an error"
