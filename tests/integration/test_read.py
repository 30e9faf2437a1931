"""read, vread and what a client sees of other tenants: RD-1 to RD-4, VR-1, VR-2, UR-4, UR-6."""

from __future__ import annotations

import httpx
import pytest

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "2000-01-01"}


@pytest.fixture(autouse=True)
async def patient(http: httpx.AsyncClient) -> None:
    assert (await http.put("/Patient/p", json=PATIENT)).status_code == 201


async def test_rd_1_headers_agree_with_meta(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/p")
    assert answer.status_code == 200
    meta = answer.json()["meta"]
    assert answer.headers["etag"] == f'W/"{meta["versionId"]}"' == 'W/"1"'
    assert answer.json()["id"] == "p"
    assert answer.headers["last-modified"].endswith(f"{meta['lastUpdated'][11:19]} GMT")


async def test_rd_2_never_existed_is_404_and_deleted_is_410_with_the_etag_of_the_deletion(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/Patient/other")).status_code == 404
    assert (await http.get("/Observation/p")).status_code == 404
    await http.delete("/Patient/p")
    gone = await http.get("/Patient/p")
    assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"2"')
    assert "last-modified" in gone.headers
    back = await http.put("/Patient/p", json=PATIENT, headers={"If-Match": gone.headers["etag"]})
    assert (back.status_code, back.headers["etag"]) == (201, 'W/"3"')


async def test_rd_4_conditional_read(http: httpx.AsyncClient) -> None:
    first = await http.get("/Patient/p")
    for headers in (
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": 'W/"9", "1"'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": first.headers["last-modified"]},
        {"If-None-Match": 'W/"1"', "If-Modified-Since": "Sun, 01 Mar 2020 10:00:00 GMT"},
    ):
        answer = await http.get("/Patient/p", headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", 'W/"1"'), headers
    for headers in (
        {"If-None-Match": 'W/"2"'},
        {"If-Modified-Since": "Sun, 01 Mar 2020 10:00:00 GMT"},
        {"If-None-Match": 'W/"2"', "If-Modified-Since": first.headers["last-modified"]},
    ):
        assert (await http.get("/Patient/p", headers=headers)).status_code == 200, headers
    await http.delete("/Patient/p")
    assert (await http.get("/Patient/p", headers={"If-None-Match": "*"})).status_code == 410


async def test_rd_3_su_4_a_part_of_a_resource(http: httpx.AsyncClient) -> None:
    patient = {**PATIENT, "id": "q", "active": True, "contact": [{"gender": "male"}], "birthDate": "2000-01-01"}
    await http.put("/Patient/q", json=patient)
    for path in ("/Patient/q", "/Patient/q/_history/1"):
        for query, left in (
            ("_summary=true", {"active", "birthDate"}),
            ("_summary=text", set()),
            ("_elements=birthDate", {"active", "birthDate"}),
        ):
            answer = await http.get(f"{path}?{query}")
            tree = answer.json()
            assert set(tree) - {"resourceType", "id", "meta"} == left, query
            assert (tree["meta"]["versionId"], tree["meta"]["tag"][0]["code"]) == ("1", "SUBSETTED")
            assert answer.headers["etag"] == 'W/"1"'
        for query in ("_summary=data", "_summary=false"):
            assert (await http.get(f"{path}?{query}")).json() == (await http.get(path)).json()
        for query in ("_summary=count", "_summary=maybe", "_elements=nothing", "_elements="):
            assert (await http.get(f"{path}?{query}")).status_code == 400
    part = await http.get("/Patient/q?_summary=true")
    assert (await http.put("/Patient/q", json=part.json())).status_code == 422


async def test_ur_5_other_parameters_mean_nothing(http: httpx.AsyncClient) -> None:
    assert (await http.get("/Patient/p?name=x&_format=json")).status_code == 200


async def test_vr_1_every_version_is_read_also_after_the_deletion(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json={**PATIENT, "active": True})
    await http.delete("/Patient/p")
    for version_id, active in (("1", None), ("2", True)):
        answer = await http.get(f"/Patient/p/_history/{version_id}")
        assert answer.status_code == 200
        assert (answer.json()["meta"]["versionId"], answer.json().get("active")) == (version_id, active)
        assert answer.headers["etag"] == f'W/"{version_id}"'


async def test_vr_2_unknown_versions_are_404_and_the_deletion_is_410(http: httpx.AsyncClient) -> None:
    await http.delete("/Patient/p")
    assert (await http.get("/Patient/p/_history/2")).status_code == 410
    for version_id in ("3", "0", "01", "x", "99999999999", "-1", "1.0"):
        assert (await http.get(f"/Patient/p/_history/{version_id}")).status_code == 404, version_id
    assert (await http.get("/Patient/q/_history/1")).status_code == 404


@pytest.mark.parametrize("logical_id", ["a_b", "x" * 65, "é", "a b"])
async def test_ur_4_what_is_no_id_is_404(http: httpx.AsyncClient, logical_id: str) -> None:
    assert (await http.get(f"/Patient/{logical_id}")).status_code == 404
    assert (await http.get(f"/Patient/{logical_id}/_history")).status_code == 404


async def test_ur_6_another_tenants_resource_is_as_one_that_never_was(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    hidden = await other_http.get("/Patient/p")
    absent = await other_http.get("/Patient/q")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content.replace(b"Patient/q", b"Patient/p")
    assert (await other_http.get("/Patient/p/_history/1")).status_code == 404
    assert (await other_http.get("/Patient/p/_history")).status_code == 404
    assert (await other_http.put("/Patient/p", json=PATIENT)).headers["etag"] == 'W/"1"'
    assert (await other_http.delete("/Patient/p")).status_code == 204
    assert (await http.get("/Patient/p")).status_code == 200
