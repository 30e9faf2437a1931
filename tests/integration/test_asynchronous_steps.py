"""The work on a request that was put aside: its effect and its answer are one, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest

from fhir_server import asynchronous, kept, store
from fhir_server.exchange import Request, Response
from resources.database import Database, Owner, Session
from resources.outcome import NotFound, Unavailable
from resources.store import StaleDefinitions

from ..conftest import FreshTenant, Urls
from .test_jobs import worker

# The kind of job is `answer`, which no worker but those of these tests knows.


def asked(method: str = "POST", place: str = "") -> Request:
    path = ("_async", place.rpartition("/")[2]) if place else ("Patient",)
    tenant: Any = None
    return Request(method, path, tenant, "http://a.example/fhir/x", body=b"{}")


async def begun(session: Session, method: str = "POST") -> str:
    return (await asynchronous.begin(session, asked(method), kind="answer")).headers["Content-Location"]


async def status(session: Session, place: str) -> Response:
    return await asynchronous.status(session, asked("GET", place))


async def settled(session: Session, place: str) -> Response:
    async with asyncio.timeout(15):
        while (answer := await status(session, place)).status == 202:
            await asyncio.sleep(0.02)
    return answer


async def effect(session: Session) -> None:
    """Something that is stored."""
    await store.add_job(session, "effect", {})


async def effects(tenant: FreshTenant) -> int:
    rows = await tenant.session.select("select 1 as one from job j where j.tenant_id = g.t and j.kind = 'effect'")
    return len(rows)


@contextlib.asynccontextmanager
async def working(urls: Urls, act: Callable[[Session, Request], Awaitable[Response]]) -> AsyncIterator[None]:
    async with worker(urls, asynchronous.step(act)) as one:
        one.start()
        yield


async def done(session: Session, request: Request) -> Response:
    await effect(session)
    return Response(200, "{}")


async def test_as_2_how_far_it_is(urls: Urls, tenant: FreshTenant) -> None:
    go_on = asyncio.Event()

    async def slow(session: Session, request: Request) -> Response:
        assert request.tenant.name == tenant.name
        assert (session.actor, session.in_transaction) == ("a", request.method != "GET")
        await go_on.wait()
        return await done(session, request)

    session = tenant.session.acting_for("a")
    for method in ("POST", "GET"):
        go_on.clear()
        place = await begun(session, method)
        waiting = await status(session, place)
        assert (waiting.status, waiting.headers["X-Progress"].partition(",")[0]) == (202, "waiting")
        async with working(urls, slow):
            async with asyncio.timeout(5):
                while (await status(session, place)).headers["X-Progress"].startswith("waiting"):
                    await asyncio.sleep(0.02)
            go_on.set()
            assert (await settled(session, place)).status == 200
    with pytest.raises(NotFound):  # AS-4: of another actor
        await status(tenant.session.acting_for("b"), place)
    assert await effects(tenant) == 2


async def test_as_2_what_is_cancelled_under_way_has_no_effect(urls: Urls, tenant: FreshTenant) -> None:
    under_way, stopped = asyncio.Event(), asyncio.Event()

    async def slow(session: Session, request: Request) -> Response:
        await effect(session)
        under_way.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()
        return Response(200)

    async with working(urls, slow):
        place = await begun(tenant.session)
        await asyncio.wait_for(under_way.wait(), 5)
        assert (await asynchronous.cancel(tenant.session, asked("DELETE", place))).status == 202
        with pytest.raises(NotFound):
            await status(tenant.session, place)
        await asyncio.wait_for(stopped.wait(), 5)
    assert await effects(tenant) == 0


async def test_as_2_what_is_cancelled_at_the_last_moment_has_no_effect(urls: Urls, tenant: FreshTenant) -> None:
    over = asyncio.Event()

    async def cancelled(session: Session, request: Request) -> Response:
        await effect(session)
        place = "/" + places[0]
        assert (await asynchronous.cancel(tenant.session, asked("DELETE", place))).status == 202
        over.set()
        return Response(200, "{}")

    places = [await begun(tenant.session)]
    async with working(urls, cancelled):
        await asyncio.wait_for(over.wait(), 5)
        await asyncio.sleep(0.3)
    assert await effects(tenant) == 0
    assert not await tenant.session.select("select 1 as one from due d where d.tenant_id = g.t")


async def test_as_4_of_two_workers_that_do_it_one_has_an_effect(
    urls: Urls, tenant: FreshTenant, database: Database
) -> None:
    """As when a worker is held up for longer than its lease."""
    both = asyncio.Barrier(2)

    async def slow(session: Session, request: Request) -> Response:
        await effect(session)
        await both.wait()
        return Response(200, "{}")

    place = await begun(tenant.session)
    step = asynchronous.step(slow)
    async with worker(urls, step) as one, worker(urls, step) as two:
        claimed = [await store.claim_job(w._database, w._worker, -1, ["answer"]) for w in (one, two)]
        assert claimed[0] == claimed[1]
        await asyncio.gather(*(w.do(job) for w, job in zip((one, two), claimed, strict=True) if job))
    assert (await status(tenant.session, place)).status == 200
    assert await effects(tenant) == 1


async def test_as_4_what_was_answered_is_not_done_again(urls: Urls, tenant: FreshTenant, database: Database) -> None:
    """As after a kill between the end of the work and that of the job."""
    place = await begun(tenant.session)
    async with working(urls, done):
        await settled(tenant.session, place)
        await asyncio.sleep(0.2)
        await database.registry("update fhir.due set at = now(), holder = '' where tenant_id = $1", tenant.tenant_id)
        async with asyncio.timeout(5):
            while await _due_soon(database, tenant):
                await asyncio.sleep(0.02)
    assert (await status(tenant.session, place)).status == 200
    assert await effects(tenant) == 1


async def _due_soon(database: Database, tenant: FreshTenant) -> bool:
    soon = "select 1 from fhir.due where tenant_id = $1 and kind = 'answer' and at < now() + interval '23 hours'"
    return bool(await database.registry(soon, tenant.tenant_id))


async def test_as_4_the_answer_expires_and_goes(
    urls: Urls, tenant: FreshTenant, database: Database, owner: Owner
) -> None:
    place = await begun(tenant.session)
    async with working(urls, done):
        first = await settled(tenant.session, place)
        await asyncio.sleep(0.2)
    assert not await _due_soon(database, tenant), "it goes when its time is over, and not before"
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        await owner.fetch("update fhir.exchange set expires = now() where tenant_id = $1", tenant.tenant_id)
    with pytest.raises(NotFound):
        await status(tenant.session, place)
    await database.registry("update fhir.due set at = now() where tenant_id = $1", tenant.tenant_id)
    async with working(urls, done):
        async with asyncio.timeout(5):
            while await tenant.session.select(
                "select 1 as one from job j where j.tenant_id = g.t and j.kind = 'answer'"
            ):
                await asyncio.sleep(0.02)
    assert not await tenant.session.select("select 1 as one from exchange e where e.tenant_id = g.t")
    assert first.status == 200
    assert await effects(tenant) == 1


@pytest.mark.parametrize("error", [Unavailable("away"), StaleDefinitions()], ids=["503", "stale"])
async def test_as_4_what_passes_is_tried_again(urls: Urls, tenant: FreshTenant, error: Exception) -> None:
    errors = [error, error]

    async def fail(session: Session, request: Request) -> Response:
        await effect(session)
        if errors:
            raise errors.pop()
        return Response(200, "{}")

    async with working(urls, fail):
        assert (await settled(tenant.session, await begun(tenant.session))).status == 200
    assert await effects(tenant) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("slow", code="timeout"), (403, "too-costly")), (ZeroDivisionError("secret"), (500, "exception"))],
    ids=["time over", "our fault"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_as_2_what_does_not_pass_ends_it(
    urls: Urls, tenant: FreshTenant, error: Exception, code: tuple[int, str], method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async def fail(session: Session, request: Request) -> Response:
        raise error

    caplog.set_level(logging.ERROR)
    async with working(urls, fail):
        answer = await settled(tenant.session, await begun(tenant.session, method))
    assert (answer.status, orjson.loads(answer.body)["issue"][0]["code"]) == code
    assert "secret" not in caplog.text + answer.body


async def test_as_2_an_answer_of_4xx_is_rolled_back(urls: Urls, tenant: FreshTenant) -> None:
    async def refuse(session: Session, request: Request) -> Response:
        await effect(session)
        return Response(412, '{"resourceType":"OperationOutcome"}')

    async with working(urls, refuse):
        assert (await settled(tenant.session, await begun(tenant.session))).status == 412
    assert await effects(tenant) == 0


async def test_as_4_what_kills_every_worker_is_given_up(urls: Urls, tenant: FreshTenant) -> None:
    place = await begun(tenant.session)
    [row] = await tenant.session.select("select e.job_id from exchange e where e.tenant_id = g.t")
    for _ in range(10):  # each of them was killed
        assert await kept.take(tenant.session, row["job_id"])

    async with working(urls, done):
        assert (await settled(tenant.session, place)).status == 500
    assert await effects(tenant) == 0


async def test_as_4_the_effect_and_the_answer_are_one(
    urls: Urls, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the worker is killed after it has written the answer and before the transaction is committed."""
    lost: list[int] = []

    async def answer(session: Session, job_id: int, response: bytes) -> bool:
        answered = await kept_answer(session, job_id, response)
        if not lost:
            lost.append(job_id)
            raise Unavailable("The connection was lost.")
        return answered

    kept_answer = kept.answer
    monkeypatch.setattr(kept, "answer", answer)
    async with working(urls, done):
        assert (await settled(tenant.session, await begun(tenant.session))).status == 200
    assert lost
    assert await effects(tenant) == 1
