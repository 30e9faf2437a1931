"""Jobs: taken once, kept step by step, gone on with by another worker when one is killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fhir_server import store
from fhir_server.app import _tenant_of
from fhir_server.jobs import Jobs, Work
from fhir_server.store import Job
from fhir_server.tenancy import Tenant, Tenants
from resources import definitions
from resources.database import Database, Session
from resources.outcome import Unavailable
from resources.store import StaleDefinitions
from search.reindexing import Step, Unproved
from terminology.answering import NO_RELEASES, Terminologies
from terminology.owned import Owned
from terminology.sources import Official

from ..conftest import FreshTenant, Urls

LEASE = 0.5


@asynccontextmanager
async def worker(urls: Urls, *steps: Work, lease: float = LEASE, at_once: int = 1) -> AsyncIterator[Jobs]:
    """A worker as every process has one, with connections of its own; it knows only these kinds of job."""
    database = await Database.open(urls.application, connections=3)
    terminologies = Terminologies(Official(definitions.load()), Owned(), NO_RELEASES)
    tenants = Tenants(database, _tenant_of(database, terminologies))
    await tenants.start()
    named = {_name(step): step for step in steps}
    working = Jobs(database, tenants, steps=named, at_once=dict.fromkeys(named, at_once), lease=lease)
    try:
        yield working
    finally:
        await working.stop()
        await database.close()
        await tenants.stop()


def _name(step: Work) -> str:
    return str(getattr(step, "__name__"))  # noqa: B009


async def added(tenant: FreshTenant, step: Work) -> int:
    return await store.add_job(tenant.session, _name(step), {"upto": 5})


async def ended(tenant: FreshTenant, job_id: int) -> tuple[str, Mapping[str, Any], str]:
    async with asyncio.timeout(15):
        while (found := await store.job_state(tenant.session, job_id))[0] == "due":
            await asyncio.sleep(0.02)
    return found


async def test_steps_go_on_from_what_the_last_one_left(urls: Urls, tenant: FreshTenant) -> None:
    seen = []

    async def count(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        seen.append((session.tenant_id, of.name, dict(job.progress)))
        at = job.progress.get("at", 0) + 1
        return Step({"at": at}, ended=at == job.arguments["upto"])

    async with worker(urls, count) as one:
        one.start()
        await asyncio.sleep(0.2)
        job_id = await added(tenant, count)  # it hears of it: no look is due
        assert await ended(tenant, job_id) == ("done", {"at": 5}, "")
    assert seen == [(tenant.tenant_id, tenant.name, {"at": n} if n else {}) for n in range(5)]


async def test_a_job_is_done_by_one_worker_at_a_time(urls: Urls, tenant: FreshTenant) -> None:
    at_work, most = 0, 0

    async def slow(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        nonlocal at_work, most
        at_work += 1
        most = max(at_work, most)
        await asyncio.sleep(2 * LEASE)  # longer than the lease, which is prolonged meanwhile
        at_work -= 1
        return Step({"at": 1}, ended=True)

    async with worker(urls, slow) as one, worker(urls, slow) as two:
        one.start()
        two.start()
        job_id = await added(tenant, slow)
        assert (await ended(tenant, job_id))[0] == "done"
    assert most == 1


async def test_xp_3_another_worker_goes_on_when_one_is_killed(urls: Urls, tenant: FreshTenant) -> None:
    stuck, steps = asyncio.Event(), []

    async def count(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        at = job.progress.get("at", 0) + 1
        steps.append(at)
        if at == 3 and not stuck.is_set():
            stuck.set()
            await asyncio.sleep(3600)
        return Step({"at": at}, ended=at == job.arguments["upto"])

    async with worker(urls, count) as one:
        one.start()
        job_id = await added(tenant, count)
        await asyncio.wait_for(stuck.wait(), 5)
        _kill(one)
        async with worker(urls, count) as two:
            two.start()
            assert await ended(tenant, job_id) == ("done", {"at": 5}, "")
    assert steps == [1, 2, 3, 3, 4, 5]


def _kill(working: Jobs) -> None:
    """Ends a worker as SIGKILL does: nothing it has under way is told to the database any more."""

    class Gone:
        def __getattr__(self, name: str) -> Any:
            raise Unavailable("killed")

    working._database = Gone()  # type: ignore[assignment]
    for task in working._tasks:
        task.cancel()
    working._tasks = []


async def test_a_worker_that_stops_gives_its_job_back(urls: Urls, tenant: FreshTenant) -> None:
    stuck = asyncio.Event()

    async def wait(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        if not stuck.is_set():
            stuck.set()
            await asyncio.sleep(3600)
        return Step({}, ended=True)

    async with worker(urls, wait, lease=3600) as one:
        one.start()
        job_id = await added(tenant, wait)
        await asyncio.wait_for(stuck.wait(), 5)
    async with worker(urls, wait) as two:
        two.start()
        assert (await ended(tenant, job_id))[0] == "done"


async def test_a_worker_that_lost_its_job_keeps_nothing(urls: Urls, tenant: FreshTenant, database: Database) -> None:
    async def lose(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        await database.registry("update fhir.due set holder = 'thief' where job_id = $1 returning 1", job.job_id)
        return Step({"at": 1}, ended=True)

    async with worker(urls, lose) as one:
        job_id = await added(tenant, lose)
        claimed = await store.claim_job(one._database, one._worker, 60, one._steps)
        assert claimed
        assert claimed.job_id == job_id
        await one.do(claimed)
    assert await store.job_state(tenant.session, job_id) == ("due", {}, "")


async def test_what_passes_is_tried_again(urls: Urls, tenant: FreshTenant) -> None:
    errors = [Unavailable("away"), StaleDefinitions(), Unavailable("away")]

    async def fail(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        if errors:
            raise errors.pop()
        return Step({"at": 1}, ended=True)

    async with worker(urls, fail) as one:
        one.start()
        assert (await ended(tenant, await added(tenant, fail)))[0] == "done"


@pytest.mark.parametrize(
    ("error", "report"),
    [(Unproved("It went wrong."), "It went wrong."), (ZeroDivisionError("secret"), "an error in the server")],
)
async def test_xp_5_what_failed_says_why(
    urls: Urls, tenant: FreshTenant, error: Exception, report: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async def fail(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        raise error

    caplog.set_level(logging.ERROR)
    async with worker(urls, fail) as one:
        one.start()
        state, _, said = await ended(tenant, await added(tenant, fail))
    assert state == "failed"
    assert report in said
    assert "secret" not in said + caplog.text
    assert not await tenant.session.select("select 1 as one from due d where d.tenant_id = g.t")


async def test_as_4_a_long_job_of_one_kind_does_not_hold_up_another_kind(urls: Urls, tenant: FreshTenant) -> None:
    async def long(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        await asyncio.sleep(3600)
        return Step({}, ended=True)

    async def short(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        return Step({"at": 1}, ended=True)

    async with worker(urls, long, short) as one:
        one.start()
        await added(tenant, long)
        await asyncio.sleep(0.1)
        assert (await ended(tenant, await added(tenant, short)))[0] == "done"


async def test_as_4_jobs_of_a_kind_are_done_so_many_at_once(urls: Urls, tenant: FreshTenant) -> None:
    at_work, most = 0, 0

    async def slow(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        nonlocal at_work, most
        at_work += 1
        most = max(at_work, most)
        await asyncio.sleep(0.2)
        at_work -= 1
        return Step({"at": 1}, ended=True)

    async with worker(urls, slow, at_once=2) as one:
        jobs = [await added(tenant, slow) for _ in range(5)]
        one.start()
        for job_id in jobs:
            assert (await ended(tenant, job_id))[0] == "done"
    assert most == 2


async def test_as_2_a_job_that_is_removed_is_stopped_where_it_is(
    urls: Urls, tenant: FreshTenant, database: Database
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def wait(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()
        return Step({}, ended=True)

    async with worker(urls, wait) as one:
        one.start()
        job_id = await added(tenant, wait)
        await asyncio.wait_for(begun.wait(), 5)
        await database.registry("delete from fhir.due where job_id = $1 returning 1", job_id)
        await asyncio.wait_for(stopped.wait(), 5)
        begun.clear()
        await added(tenant, wait)  # the lane goes on
        await asyncio.wait_for(begun.wait(), 5)


async def test_a_job_that_is_removed_as_it_is_taken_is_passed_over(
    urls: Urls, tenant: FreshTenant, database: Database
) -> None:
    async def count(session: Session, of: Tenant, job: Job, base_url: str) -> Step:
        return Step({"at": 1}, ended=True)

    async with worker(urls, count) as one:
        gone, there = await added(tenant, count), await added(tenant, count)
        # What a claim finds when the row of the job is deleted after it has taken the due one.
        await tenant.session.call(
            "with g as materialized (select set_config('app.tenant', $1::int4::text, true)) select job_save("
            "$1::int4, $2, '', 'done', '{}', '', 0) from g",
            tenant.tenant_id, gone,
        )  # fmt: skip
        await database.registry(
            "insert into fhir.due (tenant_id, job_id, kind, at) values ($1, $2, 'count', now() - interval '1 hour') "
            "returning 1",
            tenant.tenant_id, gone,
        )  # fmt: skip
        claimed = await store.claim_job(one._database, one._worker, 60, ["count"])
    assert claimed
    assert claimed.job_id == there
