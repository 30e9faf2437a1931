"""Bundles posted to the base: what both kinds share (BU-1 to BU-7)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

PATIENT: dict[str, Any] = {"resourceType": "Patient", "birthDate": "2000-01-01"}
BOTH = pytest.mark.parametrize("kind", ["batch", "transaction"])


def entry(
    method: str, url: str, resource: dict[str, Any] | None = None, full_url: str = "", **asked: str
) -> dict[str, Any]:
    out: dict[str, Any] = {"request": {"method": method, "url": url, **asked}}
    if resource is not None:
        out["resource"] = resource
    if full_url:
        out["fullUrl"] = full_url
    return out


async def post(http: httpx.AsyncClient, kind: str, *entries: Any, **headers: str) -> httpx.Response:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    if entries:
        bundle["entry"] = list(entries)
    return await http.post("", json=bundle, headers=headers)


async def answers(http: httpx.AsyncClient, kind: str, *entries: Any, **headers: str) -> list[dict[str, Any]]:
    answer = await post(http, kind, *entries, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == f"{kind}-response"
    return answer.json().get("entry", [])


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"resourceType": "Patient"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "collection"}, "Bundle.type"),
        ({"resourceType": "Bundle"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"resource": PATIENT}]}, "Bundle.entry[0].request"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET"}}]}, "Bundle.entry[0].request.url"),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "COPY", "url": "Patient"}}]},
            "Bundle.entry[0].request.method",
        ),
        ({"resourceType": "Bundle", "type": "batch", "nothing": 1}, "Bundle.nothing"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [1]}, "Bundle.entry[0]"),
        ({"resourceType": "Bundle", "type": "batch", "entry": []}, "Bundle.entry"),
    ],
)  # fmt: skip
async def test_bu_1_only_a_batch_or_transaction_is_done(http: httpx.AsyncClient, body: dict[str, Any], at: str) -> None:
    answer = await http.post("", json=body)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [at]


@BOTH
@pytest.mark.parametrize("name", ["method", "url"])
async def test_bu_2_a_request_that_has_extensions_only_is_refused(
    http: httpx.AsyncClient, kind: str, name: str
) -> None:
    asked: dict[str, Any] = {"method": "GET", "url": "metadata"}
    del asked[name]
    asked[f"_{name}"] = {"extension": [{"url": "http://x.org", "valueString": "x"}]}
    answer = await post(http, kind, {"request": asked})
    outcome = answer.json() if kind == "transaction" else answer.json()["entry"][0]["response"]["outcome"]
    assert answer.status_code == (400 if kind == "transaction" else 200)
    assert outcome["issue"][0]["code"] == "required"
    assert kind == "batch" or outcome["issue"][0]["expression"] == [f"Bundle.entry[0].request.{name}"]


async def test_bu_1_a_bundle_posted_to_its_type_is_stored_as_it_is(http: httpx.AsyncClient) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", PATIENT)]}
    answer = await http.post("/Bundle", json=bundle)
    assert answer.status_code == 201
    assert answer.json()["entry"] == bundle["entry"]
    assert (await http.get("/Patient/_history")).json()["total"] == 0


async def test_bu_1_references_inside_a_stored_bundle_are_its_own(http: httpx.AsyncClient) -> None:
    """Conditions and links to its entries alike: a document is not this server's to resolve."""
    url = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    inner = [
        {"fullUrl": url, "resource": PATIENT},
        {"resource": {**observation, "subject": {"reference": url}}},
        {"resource": {**observation, "subject": {"reference": "Patient?identifier=1"}}},
    ]
    stored = {"resourceType": "Bundle", "type": "collection", "entry": inner}
    answer = await http.post("/Bundle", json=stored)
    assert (answer.status_code, answer.json()["entry"]) == (201, inner)
    for kind in ("batch", "transaction"):
        patient, kept = await answers(
            http, kind, entry("POST", "Patient", PATIENT, url), entry("POST", "Bundle", stored)
        )
        assert patient["response"]["status"] == "201 Created"
        assert (await http.get(f"/Bundle/{kept['resource']['id']}")).json()["entry"] == inner


@BOTH
async def test_bu_2_urls_of_entries(http: httpx.AsyncClient, kind: str) -> None:
    base = str(http.base_url).rstrip("/")
    await http.put("/Patient/p", json={**PATIENT, "id": "p"})
    urls = ["Patient/p", "/Patient/p", f"{base}/Patient/p", "Patient/%70", "Patient/p/", "Patient/p/_history/1"]
    said = await answers(http, kind, *[entry("GET", url) for url in urls])
    assert [one["resource"]["id"] for one in said] == ["p"] * len(urls)
    found = await answers(http, kind, entry("GET", "Patient?birthdate=2000-01-01"), entry("GET", f"{base}/metadata"))
    assert found[0]["resource"]["total"] == 1
    assert found[1]["resource"]["resourceType"] == "CapabilityStatement"


async def test_bu_2_the_url_of_another_server_is_refused(http: httpx.AsyncClient) -> None:
    [said] = await answers(http, "batch", entry("GET", "http://elsewhere.org/fhir/Patient/p"))
    assert said["response"]["status"] == "400 Bad Request"


@BOTH
async def test_bu_3_preconditions_act_as_the_headers_do(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.put("/Patient/p", json={**PATIENT, "id": "p"})
    changed = {**PATIENT, "id": "p", "active": True}
    said = await answers(
        http,
        kind,
        entry("GET", "Patient/p", ifNoneMatch='W/"2"'),
        entry("GET", "Patient/p", ifModifiedSince="2999-01-01T00:00:00Z"),
        entry("PUT", "Patient/p", changed, ifMatch='W/"1"'),
    )
    assert [one["response"]["status"][:3] for one in said] == ["304", "304", "200"]
    assert answer.headers["etag"] == 'W/"1"'
    for item, status in (
        (entry("PUT", "Patient/p", changed, ifMatch='W/"1"'), 412),
        (entry("PUT", "Patient/p", changed, ifNoneMatch="*"), 412),
        (entry("DELETE", "Patient/p", ifMatch='W/"1"'), 412),
        (entry("POST", "Patient", PATIENT, ifNoneExist="birthdate=never"), 400),
    ):
        answer = await post(http, kind, item)
        got = answer.status_code if kind == "transaction" else int(answer.json()["entry"][0]["response"]["status"][:3])
        assert got == status, item


@BOTH
async def test_bu_3_prefer_holds_for_all_entries(http: httpx.AsyncClient, kind: str) -> None:
    entries = [entry("POST", "Patient", PATIENT), entry("PUT", "Patient/p", {**PATIENT, "id": "p"})]
    for said in await answers(http, kind, *entries, Prefer="return=minimal"):
        assert "resource" not in said
    for said in await answers(http, kind, *entries, Prefer="return=OperationOutcome"):
        assert said["response"]["outcome"]["resourceType"] == "OperationOutcome"
        assert "resource" not in said
    for said in await answers(http, kind, *entries):
        assert said["resource"]["resourceType"] == "Patient"


@BOTH
async def test_bu_4_one_answer_per_entry_in_the_order_of_the_request(http: httpx.AsyncClient, kind: str) -> None:
    await http.put("/Patient/old", json={**PATIENT, "id": "old"})
    base = str(http.base_url).rstrip("/")
    read, head, put, post_, delete = await answers(
        http,
        kind,
        entry("GET", "Patient/p"),
        entry("HEAD", "Patient/p"),
        entry("PUT", "Patient/p", {**PATIENT, "id": "p"}),
        entry("POST", "Patient", PATIENT),
        entry("DELETE", "Patient/old"),
    )
    assert (read["response"]["status"], read["resource"]["id"]) == ("200 OK", "p")
    assert (head["response"]["status"], head["response"]["etag"], "resource" in head) == ("200 OK", 'W/"1"', False)
    assert put["response"]["location"] == f"{base}/Patient/p/_history/1"
    assert (put["response"]["status"], put["response"]["etag"]) == ("201 Created", 'W/"1"')
    assert put["response"]["lastModified"] == put["resource"]["meta"]["lastUpdated"]
    assert post_["response"]["location"] == f"{base}/Patient/{post_['resource']['id']}/_history/1"
    assert delete["response"]["status"] == "204 No Content"
    assert delete["response"]["etag"] == 'W/"2"'


@BOTH
async def test_bu_5_an_empty_bundle_has_an_empty_answer(http: httpx.AsyncClient, kind: str) -> None:
    assert await answers(http, kind) == []


@BOTH
async def test_bu_5_a_full_url_is_there_once(http: httpx.AsyncClient, kind: str) -> None:
    url = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    answer = await post(http, kind, *[entry("POST", "Patient", PATIENT, u) for u in (url, "urn:uuid:x", url.upper())])
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[0].fullUrl", "Bundle.entry[2].fullUrl"]


@BOTH
async def test_bu_7_a_bundle_of_one_create_is_the_create(http: httpx.AsyncClient, kind: str) -> None:
    single = (await http.post("/Patient", json=PATIENT)).json()
    [said] = await answers(http, kind, entry("POST", "Patient", PATIENT))
    for stored in (single, said["resource"]):
        del stored["id"], stored["meta"]["lastUpdated"]
    assert single == said["resource"]


async def test_rd_2_the_410_of_an_entry_has_the_etag_of_the_deletion(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json={**PATIENT, "id": "p"})
    await http.delete("/Patient/p")
    deletion = (await http.get("/Patient/p/_history")).json()["entry"][0]["response"]
    [gone] = await answers(http, "batch", entry("GET", "Patient%2Fp"))
    assert (gone["response"]["status"], gone["response"]["etag"]) == ("410 Gone", 'W/"2"')
    assert gone["response"]["lastModified"] == deletion["lastModified"]
    back = entry("PUT", "Patient/p", {**PATIENT, "id": "p"}, ifMatch=gone["response"]["etag"])
    assert [one["response"]["status"] for one in await answers(http, "batch", back)] == ["201 Created"]


@BOTH
async def test_a_large_bundle_lets_other_requests_have_their_turn(http: httpx.AsyncClient, kind: str) -> None:
    async def turns(entries: int) -> int:
        """How often something else could be done while a Bundle was refused."""
        refused = asyncio.create_task(
            post(http, kind, *[entry("POST", "Patient", {"resourceType": "Patient", "x": 1})] * entries)
        )
        count = 0
        while not refused.done():
            await asyncio.sleep(0)
            count += 1
        return count

    await turns(1)
    assert await turns(1_000) - await turns(1) >= 15


def parameter(logical_id: str, code: str) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter", "id": logical_id, "url": f"http://example.org/{logical_id}", "name": "x",
        "status": "active", "description": "x", "code": code, "base": ["Patient"], "type": "string",
        "expression": "Patient.name.suffix",
    }  # fmt: skip


def linking(reference: str) -> dict[str, Any]:
    """A FHIRPath Patch that links a patient to another one."""
    link = [
        {"name": "other", "valueReference": {"reference": reference}},
        {"name": "type", "valueCode": "seealso"},
    ]
    part = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Patient"},
        {"name": "name", "valueString": "link"},
        {"name": "value", "part": link},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
