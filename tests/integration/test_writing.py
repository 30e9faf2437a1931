"""Writes that meet others: never twice however many ask (CO-2), and a tenant that wants to know what is replaced (UP-7)."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any

import httpx

from ..conftest import FreshTenant, Urls
from .test_conditions import SYSTEM, WHERE, count, patient, setting


async def test_co_2_sixty_four_creates_make_one(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(http.post("/Patient", json=patient(), headers={"if-none-exist": WHERE}) for _ in range(64))
    )
    assert sorted(one.status_code for one in answers) == [200] * 63 + [201]
    assert len({one.headers["location"] for one in answers}) == 1
    assert await count(http) == 1


async def test_co_2_sixty_four_updates_make_one(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(http.put(f"/Patient?{WHERE}", json=patient(multipleBirthInteger=n)) for n in range(64))
    )
    assert sorted(one.status_code for one in answers) == [200] * 63 + [201]
    assert await count(http) == 1
    [only] = (await http.get(f"/Patient?{WHERE}")).json()["entry"]
    assert only["resource"]["meta"]["versionId"] == "64"


async def test_co_2_all_kinds_at_once_make_one(http: httpx.AsyncClient) -> None:
    def entry(method: str, url: str, **asked: str) -> dict[str, Any]:
        return {"resource": patient(), "request": {"method": method, "url": url, **asked}}

    def bundle(kind: str, *entries: dict[str, Any]) -> Any:
        return http.post("", json={"resourceType": "Bundle", "type": kind, "entry": entries})

    kinds = [
        lambda: http.post("/Patient", json=patient(), headers={"if-none-exist": WHERE}),
        lambda: http.put(f"/Patient?{WHERE}", json=patient()),
        lambda: bundle("transaction", entry("POST", "Patient", ifNoneExist=WHERE)),
        lambda: bundle("batch", entry("PUT", f"Patient?{WHERE}")),
        lambda: http.post("/Patient", json=patient(), headers={"if-none-exist": f"identifier={SYSTEM}|0,{SYSTEM}|1"}),
    ]
    answers = await asyncio.gather(*(kinds[n % len(kinds)]() for n in range(60)))
    assert {one.status_code for one in answers} <= {200, 201}, [one.text for one in answers if one.status_code > 201]
    assert await count(http) == 1


async def test_co_2_patches_of_one_resource_are_all_done(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/a", json={"resourceType": "Patient", "id": "a", "name": [{"given": ["x"]}]})
    answers = await asyncio.gather(
        *(
            http.patch(
                "/Patient/a",
                json=[{"op": "add", "path": "/name/0/given/-", "value": str(n)}],
                headers={"content-type": "application/json-patch+json"},
            )
            for n in range(12)
        )
    )
    assert {one.status_code for one in answers} <= {200, 409}
    done = [one for one in answers if one.status_code == 200]
    assert len((await http.get("/Patient/a")).json()["name"][0]["given"]) == len(done) + 1
    assert len(done) >= 8


async def test_co_2_transactions_that_patch_one_resource_are_all_done(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/a", json={"resourceType": "Patient", "id": "a", "name": [{"given": ["x"]}]})

    def patching(n: int) -> Any:
        data = base64.b64encode(json.dumps([{"op": "add", "path": "/name/0/given/-", "value": str(n)}]).encode())
        patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data.decode()}
        entry = {"resource": patch, "request": {"method": "PATCH", "url": "Patient/a"}}
        return http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})

    answers = await asyncio.gather(*(patching(n) for n in range(64)))
    assert {one.status_code for one in answers} == {200}
    assert len((await http.get("/Patient/a")).json()["name"][0]["given"]) == 65


async def test_co_2_batches_under_an_idempotency_key_do_not_wait_for_each_other(http: httpx.AsyncClient) -> None:
    """Each is one transaction, and has its conditions in another order: there is no order in which two lock them."""

    def batch(n: int) -> Any:
        values = [f"v{k}" for k in range(12)]
        random.Random(n).shuffle(values)
        entries = [
            {
                "resource": patient(value),
                "request": {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={SYSTEM}|{value}"},
            }
            for value in values
        ]
        entries.append({**entries[0], "request": {"method": "POST", "url": "Patient", "ifNoneExist": "nothing=1"}})
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        return http.post("", json=bundle, headers={"idempotency-key": f"key-{n}"})

    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(batch(n) for n in range(24)))
    said = [[entry["response"]["status"][:3] for entry in one.json()["entry"]] for one in answers]
    assert all(one[-1] == "400" for one in said)
    assert sorted(status for one in said for status in one[:-1]) == ["200"] * (24 * 12 - 12) + ["201"] * 12


async def test_up_7_a_tenant_may_require_if_match(http: httpx.AsyncClient, tenant: FreshTenant, urls: Urls) -> None:
    await setting(urls, tenant, http, require_if_match=True)
    body = {"resourceType": "Patient", "id": "a"}
    assert (await http.put("/Patient/a", json=body)).status_code == 201
    patching = {"content-type": "application/merge-patch+json"}
    for answer in (
        await http.put("/Patient/a", json=body),
        await http.put("/Patient?_id=a", json=body),
        await http.patch("/Patient/a", json={"active": True}, headers=patching),
        await http.delete("/Patient/a"),
        await http.delete("/Patient?_id=a"),
    ):
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "required")
    given = {"if-match": 'W/"1"'}
    assert (await http.put("/Patient/a", json={**body, "active": True}, headers=given)).status_code == 200
    given = {"if-match": 'W/"2"'}
    assert (await http.patch("/Patient/a", json={"active": False}, headers={**patching, **given})).status_code == 200
    assert (await http.delete("/Patient/a", headers={"if-match": 'W/"3"'})).status_code == 204
