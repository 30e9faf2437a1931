"""create: CR-1 to CR-6 and what is refused."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

PATIENT: dict[str, Any] = {"resourceType": "Patient", "birthDate": "2000-01-01"}


async def test_cr_1_the_server_gives_the_id_and_says_where_the_resource_is(http: httpx.AsyncClient) -> None:
    sent = {**PATIENT, "id": "mine", "meta": {"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"}}
    answer = await http.post("/Patient", json=sent)
    assert answer.status_code == 201
    stored = answer.json()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", stored["id"])
    assert answer.headers["location"] == f"{str(http.base_url).rstrip('/')}/Patient/{stored['id']}/_history/1"
    assert (answer.headers["etag"], stored["meta"]["versionId"]) == ('W/"1"', "1")
    assert stored["meta"]["lastUpdated"] > "2026"
    assert "last-modified" in answer.headers
    assert (await http.get("/Patient/mine")).status_code == 404
    read = await http.get(answer.headers["location"])
    assert read.json() == stored


async def test_cr_2_other_meta_and_all_content_are_kept(http: httpx.AsyncClient) -> None:
    meta = {"profile": ["http://x.org/p"], "tag": [{"system": "http://x.org", "code": "t"}], "source": "http://x.org/s"}
    sent = {**PATIENT, "meta": meta, "_birthDate": {"extension": [{"url": "http://x.org", "valueDecimal": 1}]}}
    stored = (await http.post("/Patient", json=sent)).json()
    del stored["id"], stored["meta"]["versionId"], stored["meta"]["lastUpdated"]
    assert stored == sent


async def test_ct_7_digits_order_and_padding_survive(http: httpx.AsyncClient) -> None:
    text = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.500},'
        b'"note":[{"text":"b"},{"text":"a"}],"contained":[{"resourceType":"Patient","id":"c","name":['
        b'{"given":["A",null],"_given":[null,{"extension":[{"url":"http://x.org","valueCode":"y"}]}]}]}],"subject":{"reference":"#c"}}'
    )
    answer = await http.post("/Observation", content=text)
    assert answer.status_code == 201, answer.text
    read = await http.get(answer.headers["location"])
    assert '"value": 1.500' in read.text
    assert [note["text"] for note in read.json()["note"]] == ["b", "a"]
    assert read.json()["contained"][0]["name"] == [
        {"given": ["A", None], "_given": [None, {"extension": [{"url": "http://x.org", "valueCode": "y"}]}]}
    ]


@pytest.mark.parametrize(
    ("prefer", "body"),
    [
        ("return=minimal", ""),
        ("return=representation", "Patient"),
        ("return=OperationOutcome", "OperationOutcome"),
        ("", "Patient"),
    ],
)
async def test_hd_3_the_body_is_what_was_preferred(http: httpx.AsyncClient, prefer: str, body: str) -> None:
    answer = await http.post("/Patient", json=PATIENT, headers={"Prefer": prefer} if prefer else {})
    assert answer.status_code == 201
    assert (answer.json()["resourceType"] if answer.content else "") == body
    assert answer.headers.get("preference-applied", "") == prefer
    assert {"etag", "location", "last-modified"} <= set(answer.headers)


@pytest.mark.parametrize(
    ("path", "content", "status", "said"),
    [
        ("/Patient", b'{"resourceType":"Observation"}', 400, "resourceType says 'Observation'"),
        ("/Patient", b'{"birthDate":"2000"}', 400, "resourceType is missing"),
        ("/Patient", b'{"resourceType":1}', 400, "resourceType is no string"),
        ("/Patient", b'{"resourceType":"' + b"x" * 5_000 + b'"}', 400, f"'{'x' * 100}'; the URL"),
        ("/Patient", b"", 400, "no body"),
        ("/Foo", b'{"resourceType":"Foo"}', 404, "'Foo' is not a resource type"),
        ("/patient", b'{"resourceType":"Patient"}', 404, "Patient was meant"),
        ("/Resource", b'{"resourceType":"Resource"}', 404, "not a resource type"),
        ("/Patient/1", b'{"resourceType":"Patient"}', 405, "POST is not possible"),
    ],
)
async def test_cr_3_the_type_must_fit(
    http: httpx.AsyncClient, path: str, content: bytes, status: int, said: str
) -> None:
    answer = await http.post(path, content=content)
    assert answer.status_code == status
    assert said in answer.json()["issue"][0]["diagnostics"]


async def test_cr_5_a_part_of_a_resource_is_not_stored(http: httpx.AsyncClient) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    cut = {**PATIENT, "meta": {"tag": [{"code": "x"}, {"system": system, "code": "SUBSETTED"}]}}
    for answer in (await http.post("/Patient", json=cut), await http.put("/Patient/a", json={**cut, "id": "a"})):
        assert answer.status_code == 422
        assert answer.json()["issue"][0]["expression"] == ["Patient.meta.tag[1]"]


async def test_cr_6_it_is_found_at_once(http: httpx.AsyncClient) -> None:
    logical_id = (await http.post("/Patient", json=PATIENT)).json()["id"]
    found = (await http.get("/Patient?birthdate=2000-01-01")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [logical_id]


async def test_tr_10_a_conditional_reference_outside_a_transaction_is_refused(http: httpx.AsyncClient) -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    answer = await http.post("/Observation", json={**observation, "subject": {"reference": "Patient?identifier=1"}})
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Observation.subject.reference"]


async def test_st_2_all_issues_at_once_each_where_it_is(http: httpx.AsyncClient) -> None:
    sent = {"resourceType": "Observation", "code": {"text": "x"}, "nothing": 1, "valueQuantity": {"value": "1"}}
    answer = await http.post("/Observation", json=sent)
    assert answer.status_code == 400
    at = {expression for issue in answer.json()["issue"] for expression in issue["expression"]}
    assert {"Observation.status", "Observation.nothing", "Observation.value.value"} <= at
    assert all(issue["diagnostics"] and issue["severity"] == "error" for issue in answer.json()["issue"])
