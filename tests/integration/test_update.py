"""update: UP-1 to UP-6, UP-8, UP-9."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources.database import Owner
from resources.store import Change

from ..conftest import FreshTenant

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "birthDate": "2000-01-01"}


def changed(**content: Any) -> dict[str, Any]:
    return {**PATIENT, **content}


async def test_up_1_created_then_updated(http: httpx.AsyncClient) -> None:
    first = await http.put("/Patient/p", json=PATIENT)
    assert (first.status_code, first.headers["etag"]) == (201, 'W/"1"')
    second = await http.put("/Patient/p", json=changed(active=True))
    assert (second.status_code, second.headers["etag"]) == (200, 'W/"2"')
    for answer in (first, second):
        assert "last-modified" in answer.headers
        assert answer.headers["location"].endswith(f"/Patient/p/_history/{answer.json()['meta']['versionId']}")
    assert second.json()["meta"]["lastUpdated"] > first.json()["meta"]["lastUpdated"]


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("/Patient/p", {"resourceType": "Patient"}, "Patient.id"),
        ("/Patient/p", {"resourceType": "Patient", "id": "q"}, "Patient.id"),
        ("/Patient/p", {"resourceType": "Observation", "id": "p"}, "Patient"),
        ("/Patient/p", {"id": "p"}, "Patient"),
        ("/Patient/a_b", {"resourceType": "Patient", "id": "a_b"}, None),
        ("/Patient/" + "x" * 65, {"resourceType": "Patient", "id": "x" * 65}, None),
    ],
)
async def test_up_2_ur_4_id_and_type_must_be_those_of_the_url(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], at: str | None
) -> None:
    answer = await http.put(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["issue"][0].get("expression") == ([at] if at else None)
    assert (await http.get("/_history")).json()["total"] == 0


@pytest.mark.parametrize(("logical_id", "said"), [(5, "is no string"), ("x" * 5_000, f"is '{'x' * 100}';")])
async def test_up_2_a_wrong_id_is_said_in_short(http: httpx.AsyncClient, logical_id: Any, said: str) -> None:
    answer = await http.put("/Patient/p", json={"resourceType": "Patient", "id": logical_id})
    assert answer.status_code == 400
    assert said in answer.json()["issue"][0]["diagnostics"]


async def test_up_3_a_tenant_may_keep_ids_to_itself(
    http: httpx.AsyncClient, tenant: FreshTenant, owner: Owner, edge: Edge
) -> None:
    await http.put("/Patient/p", json=PATIENT)
    await http.put("/Patient/gone", json=changed(id="gone"))
    await http.delete("/Patient/gone")
    await registry.set_settings(owner, tenant.name, {"update_create": False})
    refused = await http.put("/Patient/q", json=changed(id="q"))
    assert refused.status_code == 405
    assert "PUT" not in refused.headers["allow"]
    assert (await http.get("/Patient/q")).status_code == 404
    assert (await http.put("/Patient/p", json=changed(active=True))).status_code == 200
    assert (await http.put("/Patient/gone", json=changed(id="gone"))).status_code == 201


async def test_up_4_versions_go_on_from_the_deletion(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)
    await http.delete("/Patient/p")
    back = await http.put("/Patient/p", json=PATIENT)
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')


async def test_up_5_if_match_names_the_current_version(http: httpx.AsyncClient) -> None:
    absent = await http.put("/Patient/p", json=PATIENT, headers={"If-Match": 'W/"1"'})
    assert absent.status_code == 412
    assert (await http.put("/Patient/p", json=PATIENT, headers={"If-Match": "*"})).status_code == 412
    await http.put("/Patient/p", json=PATIENT)
    for tag in ('W/"2"', '"x"', 'W/"2", W/"3"'):
        answer = await http.put("/Patient/p", json=changed(active=False), headers={"If-Match": tag})
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (412, "conflict"), tag
    assert (await http.get("/Patient/p")).headers["etag"] == 'W/"1"'
    for version, tag in enumerate(('W/"1"', '"2"', 'W/"9", W/"3"', "4", "*"), 2):
        answer = await http.put("/Patient/p", json=changed(multipleBirthInteger=version), headers={"If-Match": tag})
        assert (answer.status_code, answer.headers["etag"]) == (200, f'W/"{version}"'), tag
    assert (await http.put("/Patient/p", json=PATIENT, headers={"If-Match": "nonsense"})).status_code == 400


async def test_up_5_any_version_is_one_at_the_time_of_the_write(
    http: httpx.AsyncClient, tenant: FreshTenant, edge: Edge
) -> None:
    """If-Match: * does not bring back what a delete at the same time takes away."""
    await http.put("/Patient/p", json=PATIENT)
    assert edge.opened
    store = edge.opened.tenants.get(tenant.name).store
    for method in ("PUT", "DELETE"):
        async with tenant.session.transaction() as other:
            await store.apply(other, 1, [Change("delete", "Patient", "p")])
            waiting = asyncio.create_task(
                http.request(method, "/Patient/p", json=changed(active=True), headers={"If-Match": "*"})
            )
            await asyncio.sleep(0.2)
        answer = await waiting
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (412, "conflict")
        assert (await http.get("/Patient/p")).status_code == 410
        await http.put("/Patient/p", json=PATIENT)


async def test_up_6_of_two_with_the_same_if_match_one_wins(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)

    async def put(number: int) -> int:
        body = changed(multipleBirthInteger=number)
        return (await http.put("/Patient/p", json=body, headers={"If-Match": 'W/"1"'})).status_code

    assert sorted(await asyncio.gather(*map(put, range(8)))) == [200] + [412] * 7


async def test_up_6_without_if_match_all_of_them_are_versions(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*[http.put("/Patient/p", json=changed(multipleBirthInteger=n)) for n in range(1, 9)])
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert sorted(answer.headers["etag"] for answer in answers) == [f'W/"{n}"' for n in range(1, 9)]


async def test_up_8_if_none_match_any_creates_only(http: httpx.AsyncClient) -> None:
    first = await http.put("/Patient/p", json=PATIENT, headers={"If-None-Match": "*"})
    assert first.status_code == 201
    again = await http.put("/Patient/p", json=changed(active=True), headers={"If-None-Match": "*"})
    assert (again.status_code, again.json()["issue"][0]["code"]) == (412, "duplicate")
    await http.delete("/Patient/p")
    assert (await http.put("/Patient/p", json=PATIENT, headers={"If-None-Match": "*"})).status_code == 201
    assert (await http.put("/Patient/p", json=PATIENT, headers={"If-None-Match": 'W/"1"'})).status_code == 400


async def test_up_9_identical_content_makes_no_version(http: httpx.AsyncClient) -> None:
    first = await http.put("/Patient/p", json=PATIENT)
    sent = changed(meta={"versionId": "5", "lastUpdated": "2001-01-01T00:00:00Z"})
    again = await http.put("/Patient/p", json=sent, headers={"Prefer": "return=OperationOutcome"})
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')
    assert again.json()["issue"][0]["severity"] == "information"
    assert "already" in again.json()["issue"][0]["diagnostics"]
    assert (await http.put("/Patient/p", json=first.json())).text == first.text
    assert (await http.get("/Patient/p/_history")).json()["total"] == 1
