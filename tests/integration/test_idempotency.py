"""Idempotency-Key: what is sent again is answered again, and done once, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest

from fhir_server import idempotency, store
from fhir_server.entries import READS
from fhir_server.exchange import Request, Response
from fhir_server.idempotency import REPLAYED, once
from resources.database import Database, Owner, Session
from resources.hashing import Hash
from resources.outcome import BadRequest, Conflict, Unprocessable

from ..benchmarks.processes import children
from ..conftest import FreshTenant
from ..serving import postmaster, serve

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "http://example.org/ids", "value": "1"}]}
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


def bundle(bundle_type: str, *entries: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    made = [{"request": {"method": m, "url": u}, "resource": r} for m, u, r in entries]
    return {"resourceType": "Bundle", "type": bundle_type, "entry": made}


async def count(http: httpx.AsyncClient, resource_type: str = "Patient") -> int:
    return int((await http.get(f"/{resource_type}?_total=accurate&_count=0")).json()["total"])


@pytest.mark.parametrize(
    ("path", "body", "headers", "made"),
    [
        ("/Patient", PATIENT, {}, 1),
        ("/Patient", PATIENT, {"If-None-Exist": "identifier=1"}, 1),
        ("", bundle("transaction", ("POST", "Patient", PATIENT), ("POST", "Patient", PATIENT)), {}, 2),
        ("", bundle("batch", ("POST", "Patient", PATIENT), ("POST", "Patient", PATIENT)), {}, 2),
    ],
    ids=["create", "conditional create", "transaction", "batch"],
)
async def test_co_2_of_64_at_once_one_is_done_and_all_have_its_answer(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str], made: int
) -> None:
    answers = await asyncio.gather(*(http.post(path, json=body, headers={**KEY, **headers}) for _ in range(64)))
    assert {answer.status_code for answer in answers} == {200 if path == "" else 201}
    assert len({answer.text for answer in answers}) == 1
    assert (
        len({(a.headers.get("Location"), a.headers.get("ETag"), a.headers.get("Last-Modified")) for a in answers}) == 1
    )
    assert sum(REPLAYED in answer.headers for answer in answers) == 63
    assert await count(http) == made


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/Patient", {**PATIENT, "active": True}, {}),
        ("/Person", {"resourceType": "Person"}, {}),
        ("/Patient?a=b", PATIENT, {}),
        ("/Patient", PATIENT, {"If-None-Exist": "identifier=1"}),
    ],
)
async def test_another_request_with_the_same_key_is_refused(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    first = await http.post("/Patient", json=PATIENT, headers=KEY)
    other = await http.post(path, json=body, headers={**KEY, **headers})
    assert (other.status_code, other.json()["issue"][0]["code"]) == (422, "business-rule")
    assert (await count(http), await count(http, "Person")) == (1, 0)
    again = await http.post("/Patient", json=PATIENT, headers={**KEY, "Accept": "*/*", "Prefer": "return=minimal"})
    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])


async def test_what_failed_leaves_nothing_and_can_be_mended(http: httpx.AsyncClient) -> None:
    for _ in range(2):
        refused = await http.post("/Patient", json={**PATIENT, "active": "yes"}, headers=KEY)
        assert refused.status_code == 400
        assert REPLAYED not in refused.headers
    mended = await http.post("/Patient", json=PATIENT, headers=KEY)
    assert (mended.status_code, REPLAYED in mended.headers) == (201, False)


async def test_bu_4_an_entry_of_a_batch_that_fails_is_part_of_the_answer(http: httpx.AsyncClient) -> None:
    """In one transaction, too, a refusal in the database is the entry's own."""
    await http.put("/Patient/a", json={**PATIENT, "id": "a"})
    body = bundle("batch", ("POST", "Patient", PATIENT), ("PUT", "Patient/a", {**PATIENT, "id": "a", "active": True}),
                  ("POST", "Patient", {**PATIENT, "active": "yes"}), ("POST", "Patient", PATIENT))  # fmt: skip
    body["entry"][1]["request"]["ifMatch"] = 'W/"7"'
    for replayed in (False, True):
        answer = await http.post("", json=body, headers=KEY)
        assert [e["response"]["status"][:3] for e in answer.json()["entry"]] == ["201", "412", "400", "201"]
        assert (REPLAYED in answer.headers) is replayed
    assert await count(http) == 3


async def test_bu_4_an_entry_that_the_database_refuses_is_no_end_of_the_transaction(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: Session, request: Request) -> Response:
        await session.select("select 1 / 0 as none")
        raise AssertionError

    monkeypatch.setitem(READS, "vread", fail)
    body = bundle("batch", ("POST", "Patient", PATIENT))
    body["entry"] += [
        {"request": {"method": "GET", "url": u}} for u in ("Patient/1/_history/1", "Patient?identifier=1")
    ]
    answer = await http.post("", json=body, headers=KEY)
    entries = answer.json()["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == ["201", "400", "200"]
    assert entries[2]["resource"]["total"] == 1


async def test_ur_6_the_key_of_another_tenant_is_unknown(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    first = await http.post("/Patient", json=PATIENT, headers=KEY)
    other = await other_http.post("/Patient", json={**PATIENT, "active": True}, headers=KEY)
    assert (first.status_code, other.status_code, REPLAYED in other.headers) == (201, 201, False)


async def test_methods_that_are_idempotent_do_without(http: httpx.AsyncClient) -> None:
    put = {**PATIENT, "id": "a"}
    for n, body in enumerate((put, {**put, "active": True}), 1):
        answer = await http.put("/Patient/a", json=body, headers=KEY)
        assert answer.headers["ETag"] == f'W/"{n}"'
    for headers in (KEY, {"Idempotency-Key": ""}):
        assert (await http.get("/Patient/a", headers=headers)).status_code == 200
    form = {**KEY, "content-type": "application/x-www-form-urlencoded"}
    assert [(await http.post("/Patient/_search", content=f"_id={i}", headers=form)).json()["total"] for i in "ab"] == [
        1,
        0,
    ]
    assert (await http.delete("/Patient/a", headers=KEY)).status_code == 204
    assert (await http.post("/Patient", json=PATIENT, headers={"Idempotency-Key": "a b"})).status_code == 400


# Below without HTTP: what stands around the request, whatever it is.


def asked(key: str = "k", body: bytes = b"{}") -> Request:
    tenant: Any = SimpleNamespace(hash=Hash(b"key"))
    return Request("POST", ("Patient",), tenant, "http://a.example", headers={"idempotency-key": key}, body=body)


class Act:
    """Something that is done, and how often."""

    def __init__(self, session: Session) -> None:
        self.done, self._outside = 0, session

    async def __call__(self, session: Session) -> Response:
        assert session.in_transaction
        assert session.actor == self._outside.actor
        self.done += 1
        return Response(201, f'{{"n":{self.done}}}', 1, headers={"X": "y"})


async def aged(owner: Owner, tenant: FreshTenant, hours: int) -> int:
    """Makes all answers of the tenant so much older, and returns how many there are."""
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        rows = await owner.fetch(
            "update fhir.answer set at = at - make_interval(hours => $2) where tenant_id = $1 returning 1",
            tenant.tenant_id, hours,
        )  # fmt: skip
    return len(rows)


async def test_an_answer_is_given_again_for_a_day(tenant: FreshTenant, owner: Owner) -> None:
    act = Act(tenant.session)
    first = await once(tenant.session, asked(), act)
    assert await aged(owner, tenant, 23) == 1
    again = await once(tenant.session, asked(), act)
    assert (again.status, again.body, again.headers) == (201, first.body, {"X": "y", REPLAYED: "true"})
    assert await aged(owner, tenant, 2) == 1
    other = await once(tenant.session, asked(body=b"[]"), act)
    assert (act.done, other.body, dict(other.headers)) == (2, '{"n":2}', {"X": "y"})
    assert await aged(owner, tenant, 0) == 1, "it took the place of the old one"


async def test_old_answers_go_as_new_ones_come(tenant: FreshTenant, owner: Owner) -> None:
    act = Act(tenant.session)
    for n in range(25):
        await once(tenant.session, asked(f"old{n}"), act)
    assert await aged(owner, tenant, 25) == 25
    left = []
    for n in range(3):
        await once(tenant.session, asked(f"new{n}"), act)
        left.append(await aged(owner, tenant, 0))
    assert left == [16, 7, 3]


async def test_as_4_the_key_of_another_actor_is_unknown(tenant: FreshTenant) -> None:
    for actor in ("a", "b"):
        session = tenant.session.acting_for(actor)
        assert (await once(session, asked(), Act(session))).headers == {"X": "y"}
        assert REPLAYED in (await once(session, asked(), Act(session))).headers


async def test_an_answer_of_4xx_is_not_kept_and_its_work_rolled_back(tenant: FreshTenant) -> None:
    async def refuse(session: Session) -> Response:
        await store.add_job(session, "nobody does it", {})
        return Response(404, "{}")

    assert (await once(tenant.session, asked(), refuse)).status == 404
    assert not await tenant.session.select("select 1 as one from due d where d.tenant_id = g.t")
    assert (await once(tenant.session, asked(), Act(tenant.session))).status == 201


async def test_a_repetition_waits_for_the_first_without_a_connection(
    tenant: FreshTenant, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, others are served: there are four connections. After a while the answer is 409."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(session: Session) -> Response:
        begun.set()
        await go_on.wait()
        return Response(200, "{}")

    first = asyncio.create_task(once(tenant.session, asked(), slow))
    await begun.wait()
    waiting = [asyncio.create_task(once(tenant.session, asked(), slow)) for _ in range(20)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        async with tenant.session.transaction() as one, tenant.session.transaction() as two:
            for session in (one, two):
                await session.select("select 1 as one")
    monkeypatch.setattr(idempotency, "WAIT", 0.1)
    with pytest.raises(Conflict) as busy:
        await once(tenant.session, asked(), slow)
    assert int(busy.value.headers["Retry-After"]) > 0
    with pytest.raises(Conflict):
        await once(tenant.session, asked(body=b"[]"), slow)
    go_on.set()
    assert REPLAYED not in (await first).headers
    for repetition in waiting:
        assert REPLAYED in (await repetition).headers
    with pytest.raises(Unprocessable):
        await once(tenant.session, asked(body=b"[]"), slow)


async def test_a_repetition_does_it_when_the_first_fails(tenant: FreshTenant) -> None:
    begun, fail = asyncio.Event(), asyncio.Event()

    async def failing(session: Session) -> Response:
        begun.set()
        await fail.wait()
        raise BadRequest("no")

    first = asyncio.create_task(once(tenant.session, asked(), failing))
    await begun.wait()
    second = asyncio.create_task(once(tenant.session, asked(), Act(tenant.session)))
    await asyncio.sleep(0.05)
    fail.set()
    with pytest.raises(BadRequest):
        await first
    assert (await second).headers == {"X": "y"}


async def test_tr_11_who_is_interrupted_before_the_end_has_done_nothing(tenant: FreshTenant) -> None:
    begun = asyncio.Event()

    async def killed(session: Session) -> Response:
        await store.add_job(session, "nobody does it", {})
        begun.set()
        await asyncio.sleep(3600)
        raise AssertionError

    first = asyncio.create_task(once(tenant.session, asked(), killed))
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    assert (await once(tenant.session, asked(), Act(tenant.session))).headers == {"X": "y"}
    assert not await tenant.session.select("select 1 as one from due d where d.tenant_id = g.t")


async def test_nothing_of_a_request_is_logged(tenant: FreshTenant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await once(tenant.session, asked("key-4711", b"body-4711"), Act(tenant.session))
    with pytest.raises(Unprocessable) as refused:
        await once(tenant.session, asked("key-4711", b"other-4711"), Act(tenant.session))
    assert "4711" not in caplog.text + str(refused.value)


async def test_xp_3_after_kill_9_what_is_sent_again_is_done_once(tmp_path: Path) -> None:
    """Every request is sent until it is answered, while workers are killed: each has made one resource."""
    with serve(tmp_path / "data", "--workers", "2") as serving:
        over = asyncio.Event()

        async def write(writer: int) -> list[str]:
            made: list[str] = []
            async with httpx.AsyncClient(timeout=5) as client:
                while not over.is_set():
                    name = f"{writer}-{len(made)}"
                    resource = {"resourceType": "Basic", "code": {"text": name}}
                    if len(made) % 2:
                        url, body = serving.base, bundle("transaction", ("POST", "Basic", resource))
                    else:
                        url, body = f"{serving.base}/Basic", resource
                    while True:
                        with contextlib.suppress(httpx.TransportError):
                            headers = {"Content-Type": "application/json", "Idempotency-Key": name}
                            answer = await client.post(url, content=orjson.dumps(body), headers=headers)
                            if answer.status_code in (200, 201):
                                break
                            assert answer.status_code in (409, 503), answer.text
                        await asyncio.sleep(0.02)
                    made.append(name)
            return made

        writers = [asyncio.create_task(write(n)) for n in range(6)]
        for _ in range(3):
            await asyncio.sleep(1)
            worker = next(pid for pid in children(serving.process.pid) if pid != postmaster(serving.data_dir))
            os.kill(worker, signal.SIGKILL)
        await asyncio.sleep(1)
        over.set()
        made = sorted(name for names in await asyncio.gather(*writers) for name in names)
        stored = []
        async with httpx.AsyncClient(timeout=30) as client:
            page: str | None = f"{serving.base}/Basic?_count=1000"
            while page:
                found = (await client.get(page)).json()
                stored += [entry["resource"]["code"]["text"] for entry in found.get("entry", ())]
                page = next((link["url"] for link in found["link"] if link["relation"] == "next"), None)
    assert len(made) > 20
    assert sorted(stored) == made
