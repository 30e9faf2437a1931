"""Prefer: respond-async: answered later, exactly once, to who asked; https://hl7.org/fhir/R4/async.html"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from ..benchmarks.processes import children
from ..serving import postmaster, serve

ASYNC = {"Prefer": "respond-async"}
PATIENT = {"resourceType": "Patient", "active": True}
ENTRIES = [{"request": {"method": "POST", "url": "Patient"}, "resource": PATIENT} for _ in range(3)]
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": ENTRIES}
EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


async def accepted(http: httpx.AsyncClient, method: str, path: str, **said: Any) -> str:
    """The URL at which the answer will be."""
    headers = {**ASYNC, **said.pop("headers", {})}
    answer = await http.request(method, path, headers=headers, **said)
    assert answer.status_code == 202, answer.text
    assert answer.json()["issue"][0]["severity"] == "information"
    assert answer.headers["Preference-Applied"] == "respond-async"
    place = answer.headers["Content-Location"]
    assert place.startswith(f"{http.base_url}_async/")
    return place


async def answered(http: httpx.AsyncClient, place: str) -> httpx.Response:
    async with asyncio.timeout(20):
        while (answer := await http.get(place)).status_code == 202:
            assert 0 < len(answer.headers["X-Progress"]) < 100
            assert int(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(0.02)
    assert parsedate_to_datetime(answer.headers["Expires"]) > parsedate_to_datetime(answer.headers.get("Date") or EPOCH)
    return answer


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Patient", PATIENT, "201 Created"),
        ("PUT", "/Patient/b", {**PATIENT, "id": "b"}, "201 Created"),
        ("DELETE", "/Patient/a", None, "204 No Content"),
        ("GET", "/Patient/a", None, "200 OK"),
        ("GET", "/Patient/a/_history", None, "200 OK"),
        ("GET", "/Patient?active=true", None, "200 OK"),
        ("POST", "", BUNDLE, "200 OK"),
        ("POST", "", {**BUNDLE, "type": "batch"}, "200 OK"),
    ],
)
async def test_as_3_the_answer_is_what_it_would_have_been_at_once(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: str
) -> None:
    await http.put("/Patient/a", json={**PATIENT, "id": "a"})
    answer = await answered(http, await accepted(http, method, path, json=body))
    assert answer.status_code == 200
    made = answer.json()
    assert (made["resourceType"], made["type"]) == ("Bundle", "batch-response")
    [entry] = made["entry"]
    assert entry["response"]["status"] == status
    if method == "GET":
        assert entry["resource"] == (await http.get(path)).json()
    elif method == "DELETE":
        assert (await http.get("/Patient/a")).status_code == 410
    elif path:
        assert (await http.get(entry["response"]["location"])).json() == entry["resource"]
    else:
        places = [one["response"]["location"] for one in entry["resource"]["entry"]]
        assert [(await http.get(place)).status_code for place in places] == [200] * 3


@pytest.mark.parametrize(
    ("method", "path", "said", "status"),
    [
        ("GET", "/Nothing/1", {}, 404),
        ("DELETE", "/metadata", {}, 405),
        ("POST", "/Patient", {"content": "x", "headers": {"Content-Type": "image/png"}}, 415),
        ("GET", "/Patient/1", {"headers": {"Accept": "image/png"}}, 406),
    ],
)
async def test_as_1_what_is_wrong_at_once_is_said_at_once(
    http: httpx.AsyncClient, method: str, path: str, said: dict[str, Any], status: int
) -> None:
    headers = {**ASYNC, **said.pop("headers", {})}
    answer = await http.request(method, path, headers=headers, **said)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Patient", {**PATIENT, "active": "yes"}, 400),
        ("GET", "/Patient/none", None, 404),
        ("GET", "/Patient?birthdate=x", None, 400),
        ("POST", "", {**BUNDLE, "entry": [*ENTRIES, {"request": {"method": "GET", "url": "Patient/none"}}]}, 404),
    ],
)
async def test_as_2_what_failed_is_answered_with_its_status(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    answer = await answered(http, await accepted(http, method, path, json=body))
    at_once = await http.request(method, path, json=body)
    assert answer.status_code == at_once.status_code == status
    assert answer.json() == at_once.json()
    assert (await http.get("/Patient?_summary=count")).json()["total"] == 0


async def test_as_2_delete_removes_the_answer(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    place = await accepted(http, "POST", "/Patient", json=PATIENT)
    await answered(http, place)
    token = place.rpartition("/")[2]
    unknown = await http.get(f"/_async/{'0' * len(token)}")
    for no_token in ("%00", "x", token.upper(), token + "0"):
        answer = await http.get(f"/_async/{no_token}")
        assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content)
    assert unknown.status_code == 404
    for method in ("GET", "DELETE"):  # UR-6
        stranger = await other_http.request(method, f"/_async/{token}")
        assert (stranger.status_code, stranger.content) == (404, unknown.content)
    seen, headed = await http.get(place), await http.head(place)
    assert (headed.status_code, headed.headers["Expires"], headed.content) == (200, seen.headers["Expires"], b"")
    removed = await http.delete(place)
    assert (removed.status_code, removed.json()["resourceType"]) == (202, "OperationOutcome")
    for method in ("GET", "DELETE"):
        gone = await http.request(method, place)
        assert (gone.status_code, gone.content) == (404, unknown.content)
    assert (await http.get("/Patient?_summary=count")).json()["total"] == 1


async def test_as_1_the_wish_is_ignored_where_it_makes_no_sense(http: httpx.AsyncClient) -> None:
    place = await accepted(http, "POST", "/Patient", json=PATIENT)
    assert (await answered(http, place)).status_code == 200
    assert (await http.get(place, headers=ASYNC)).status_code == 200
    assert (await http.get("/metadata", headers=ASYNC)).status_code == 200


async def test_as_1_a_key_makes_one_job_of_many_requests(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    places = await asyncio.gather(
        *(accepted(http, "POST", "/Patient", json=PATIENT, headers=headers) for _ in range(10))
    )
    assert len(set(places)) == 1
    assert (await answered(http, places[0])).status_code == 200
    assert (await http.get("/Patient?_summary=count")).json()["total"] == 1


async def test_up_6_requests_that_race_in_the_background_all_succeed(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/a", json={**PATIENT, "id": "a", "identifier": [{"value": "0"}]})
    patches = [orjson.dumps([{"op": "add", "path": "/identifier/-", "value": {"value": str(n)}}]) for n in range(1, 41)]
    headers = {"Content-Type": "application/json-patch+json"}
    places = await asyncio.gather(
        *(accepted(http, "PATCH", "/Patient/a", content=patch, headers=headers) for patch in patches)
    )
    assert {(await answered(http, place)).status_code for place in places} == {200}
    found = (await http.get("/Patient/a")).json()
    assert found["meta"]["versionId"] == "41"
    assert sorted(int(one["value"]) for one in found["identifier"]) == list(range(41))


async def test_as_4_after_kill_9_each_is_done_once(tmp_path: Path) -> None:
    """Workers are killed while requests are answered in the background: each is answered, and each has made what it should."""
    with serve(tmp_path / "data", "--workers", "2") as serving:
        async with httpx.AsyncClient(
            base_url=serving.base, timeout=30, headers={"Content-Type": "application/json"}
        ) as http:
            places = []
            for name in range(30):
                basic = {"resourceType": "Basic", "code": {"text": str(name)}}
                made = [{"request": {"method": "POST", "url": "Basic"}, "resource": basic} for _ in range(40)]
                body = orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": made})
                answer = await http.post("", content=body, headers=ASYNC)
                assert answer.status_code == 202
                places.append(answer.headers["Content-Location"])
            for _ in range(2):
                worker_id = next(pid for pid in children(serving.process.pid) if pid != postmaster(serving.data_dir))
                os.kill(worker_id, signal.SIGKILL)
                await asyncio.sleep(0.7)
            waiting = set(places)
            async with asyncio.timeout(90):
                while waiting:
                    for place in sorted(waiting):
                        with contextlib.suppress(httpx.TransportError):
                            answer = await http.get(place)
                            assert answer.status_code in (200, 202, 503), answer.text
                            if answer.status_code == 200:
                                assert answer.json()["entry"][0]["response"]["status"] == "200 OK"
                                waiting.discard(place)
                    await asyncio.sleep(0.1)
            total = (await http.get("/Basic?_summary=count")).json()["total"]
    assert total == 30 * 40
