"""delete: DE-1, DE-2, DE-3."""

from __future__ import annotations

import httpx

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "2000-01-01"}


async def test_de_1_deleted_once_and_then_there_is_nothing_to_do(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)
    first = await http.delete("/Patient/p")
    assert (first.status_code, first.content, first.headers["etag"]) == (204, b"", 'W/"2"')
    again = await http.delete("/Patient/p")
    assert (again.status_code, again.headers["etag"]) == (204, 'W/"2"')
    assert (await http.delete("/Patient/never")).status_code == 204
    history = (await http.get("/Patient/p/_history")).json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT"]
    assert (await http.get("/Patient/never")).status_code == 404


async def test_de_1_with_an_outcome_if_asked_for(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)
    for said in ("was deleted", "did not exist"):
        answer = await http.delete("/Patient/p", headers={"Prefer": "return=OperationOutcome"})
        assert answer.status_code == 200
        assert said in answer.json()["issue"][0]["diagnostics"]


async def test_de_2_afterwards_it_is_gone_but_for_its_versions(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)
    await http.delete("/Patient/p")
    assert (await http.get("/Patient/p")).status_code == 410
    assert (await http.get("/Patient?_id=p")).json()["total"] == 0
    assert (await http.get("/Patient?birthdate=2000")).json()["total"] == 0
    assert (await http.get("/Patient")).json()["total"] == 0
    assert (await http.get("/Patient/p/_history/1")).status_code == 200


async def test_de_3_if_match(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=PATIENT)
    for tag in ('W/"2"', '"x"'):
        assert (await http.delete("/Patient/p", headers={"If-Match": tag})).status_code == 412
    assert (await http.get("/Patient/p")).status_code == 200
    assert (await http.delete("/Patient/p", headers={"If-Match": 'W/"1"'})).status_code == 204
    assert (await http.delete("/Patient/p", headers={"If-Match": "*"})).status_code == 412
    assert (await http.delete("/Patient/never", headers={"If-Match": "*"})).status_code == 412


async def test_ur_4_what_is_no_id_is_404(http: httpx.AsyncClient) -> None:
    assert (await http.delete("/Patient/a_b")).status_code == 404
