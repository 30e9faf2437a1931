"""Jobs: long work in the background, step by step, on whichever worker has time.

A worker takes a job that is due for the time of a lease and keeps what each step leaves; if it is killed, another one
goes on from there when the lease is over. Each kind of job has a lane of its own, so that a long one of one kind is
nothing to wait for to another; in a lane a worker does one job at a time, or a few, each no more than half of the time,
so that requests come first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from resources.database import Database, Session
from resources.outcome import FhirError, NotFound, Unavailable
from resources.store import StaleDefinitions
from search import reindexing
from search.reindexing import Progress, Step, Unproved

from . import store
from .store import Job
from .tenancy import Tenant, Tenants
from .validation import revalidation

log = logging.getLogger(__name__)

LEASE: Final = 10.0  # seconds after which the job of a worker that was killed goes on elsewhere
POLL: Final = 3.0  # seconds between looks for jobs that nobody told of
_ATTEMPTS: Final = 5  # at one step
_AGAIN: Final = 0.2  # seconds between them, the first time

# One step of a job: (session, tenant, job, base URL of the server if it has a fixed one).
Work = Callable[[Session, Tenant, Job, str], Awaitable[Step]]


async def _reindex(session: Session, tenant: Tenant, job: Job, base_url: str) -> Step:
    own_url = f"{base_url}/fhir/{tenant.name}" if base_url else job.arguments.get("base", f"/fhir/{tenant.name}")
    needed = reindexing.Tenant(
        tenant.definitions_number, tenant.definitions, tenant.indexer, tenant.store, own_url.rstrip("/")
    )
    return await reindexing.step(session, needed, job.job_id, job.arguments, job.progress)


# Every kind of job, and what does a step of it; that of requests is put in where the application is put together.
JOBS: Final[Mapping[str, Work]] = {"reindex": _reindex, revalidation.KIND: revalidation.step}
# How many jobs of a kind a worker does at once, if not one; each may take a connection for as long as it lasts.
AT_ONCE: Final[Mapping[str, int]] = {"request": 2}


class _Lost(Exception):
    """Another worker has the job."""


class Jobs:
    """The jobs that one worker does."""

    def __init__(
        self,
        database: Database,
        tenants: Tenants,
        base_url: str = "",
        *,
        steps: Mapping[str, Work] = JOBS,
        at_once: Mapping[str, int] = AT_ONCE,
        lease: float = LEASE,
        fair: bool = True,
    ) -> None:
        """base_url: of the server, if it is called by one name. steps: what does a step of each kind of job.

        at_once: jobs of a kind, if not one. lease: in seconds. fair: leaves half of the time to requests."""
        self._database = database
        self._tenants = tenants
        self._base_url = base_url.rstrip("/")
        self._steps = steps
        self._lease = lease
        self._fair = fair
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lanes = [kind for kind in steps for _ in range(at_once.get(kind, 1))]
        self._called: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Looks for jobs from now on."""
        self._called = [asyncio.Event() for _ in self._lanes]
        self._database.listen("fhir_job", self._call)
        self._tasks = [
            asyncio.create_task(self._work(kind, called))
            for kind, called in zip(self._lanes, self._called, strict=True)
        ]

    async def stop(self) -> None:
        """Stops after the statements under way; another worker goes on at once."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _call(self, _: str) -> None:
        for called in self._called:
            called.set()

    async def _work(self, kind: str, called: asyncio.Event) -> None:
        """One lane."""
        while True:
            try:
                called.clear()
                while job := await store.claim_job(self._database, self._worker, self._lease, [kind]):
                    await self.do(job)
            except FhirError:  # the database is away
                await asyncio.sleep(1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):  # not wait_for, which may take a cancellation for an answer
                    await called.wait()

    async def do(self, job: Job) -> None:
        """Does a job that this worker holds, to its end or until another one has it.

        Raises NotFound if there is no such tenant, Unavailable."""
        session = self._database.session(job.tenant_id)
        try:
            await self._as_long_as_held(job, self._do(session, job))
        except _Lost:
            pass
        except Unproved as error:
            log.error("job %d of tenant %d (%s) failed: %s", job.job_id, job.tenant_id, job.kind, error)
            await store.save_job(session, job, self._worker, "failed", job.progress, str(error), 0)
        except asyncio.CancelledError:
            with contextlib.suppress(FhirError):
                await asyncio.shield(store.hold_job(self._database, job, self._worker, 0))
            raise

    async def _as_long_as_held(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Does the work unless another worker has the job or it was removed; then it is stopped where it is."""
        doing, holding = asyncio.create_task(work), asyncio.create_task(self._hold(job))
        try:
            await asyncio.wait((doing, holding), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        finally:
            doing.cancel()
            holding.cancel()
            await asyncio.gather(doing, holding, return_exceptions=True)

    async def _do(self, session: Session, job: Job) -> None:
        """Raises _Lost, Unproved, and what `do` raises."""
        while True:
            step = await self._step(session, job)
            if step.ended or not step.progress:  # not begun, or over for now: others may come first
                return await self._save(session, job, "done" if step.ended else "due", step.progress, step.pause)
            await self._save(session, job, "due", step.progress, self._lease)
            job = replace(job, progress=step.progress)
            await asyncio.sleep(step.pause)

    async def _step(self, session: Session, job: Job) -> Step:
        """One step, tried again where that may help. Raises Unproved."""
        for attempt in range(_ATTEMPTS):
            began = time.monotonic()
            try:
                tenant = self._tenants.by_id(job.tenant_id)
                step = await self._steps[job.kind](session, tenant, job, self._base_url)
                if self._fair:
                    await asyncio.sleep(time.monotonic() - began)
                return step
            except (StaleDefinitions, NotFound):  # the tenant has changed, is new, or is being dropped
                await self._tenants.reload()
            except Unavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_AGAIN * 2**attempt)
            except Unproved:
                raise
            except Exception as error:
                # Where it happened, but not the message: it may quote a patient's values.
                log.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
                raise Unproved("an error in the server; its log says where.") from None
        self._tenants.by_id(job.tenant_id)
        raise Unavailable("The definitions of the tenant keep changing.")

    async def _save(self, session: Session, job: Job, state: str, progress: Progress, lease: float) -> None:
        if not await store.save_job(session, job, self._worker, state, progress, "", lease):
            raise _Lost

    async def _hold(self, job: Job) -> None:
        """Prolongs the lease as long as this worker lives and has the job: a step may take longer."""
        while True:
            await asyncio.sleep(self._lease / 3)
            with contextlib.suppress(FhirError):
                if not await store.hold_job(self._database, job, self._worker, self._lease):
                    return
