"""Batches: every entry on its own (BA-1, BA-2)."""

from __future__ import annotations

import httpx

from .test_bundle import BOTH, PATIENT, answers, entry, linking, parameter, post


async def test_ba_1_each_entry_of_a_batch_is_answered_on_its_own(http: httpx.AsyncClient) -> None:
    good, bad = {**PATIENT, "id": "good"}, {**PATIENT, "id": "bad", "birthDate": "never"}
    said = await answers(
        http,
        "batch",
        entry("PUT", "Patient/bad", bad),
        entry("PUT", "Patient/good", good),
        entry("GET", "Patient/good"),
        entry("GET", "Patient/nobody"),
        entry("PATCH", "Patient/good/_history/1"),
        entry("GET", "Foo/1"),
        entry("PUT", "Patient/third", {**PATIENT, "id": "third"}, ifMatch='W/"1"'),
        entry("POST", "Patient"),
        entry("POST", "/", {"resourceType": "Bundle", "type": "batch"}),
        entry("POST", "Patient", "text"),  # type: ignore[arg-type]
    )
    statuses = ["400", "201", "200", "404", "405", "404", "412", "400", "400", "400"]
    assert [one["response"]["status"][:3] for one in said] == statuses
    assert said[0]["response"]["outcome"]["issue"][0]["expression"] == ["Patient.birthDate"]
    assert (await http.get("/_history")).json()["total"] == 1


async def test_ba_1_two_writes_of_one_resource_are_both_done(http: httpx.AsyncClient) -> None:
    said = await answers(
        http,
        "batch",
        entry("PUT", "Patient/p", {**PATIENT, "id": "p"}),
        entry("PUT", "Patient/p", {**PATIENT, "id": "p", "active": True}),
        entry("DELETE", "Patient/p"),
    )
    assert [one["response"]["status"][:3] for one in said] == ["201", "200", "204"]


@BOTH
async def test_ba_1_tr_1_of_two_parameters_with_one_code_one_is_refused(http: httpx.AsyncClient, kind: str) -> None:
    answer = await post(
        http,
        kind,
        entry("PUT", "SearchParameter/a", parameter("a", "suffix")),
        entry("PUT", "SearchParameter/b", parameter("b", "suffix")),
        entry("PUT", "Patient/p", {**PATIENT, "id": "p"}),
    )
    if kind == "transaction":
        assert answer.status_code == 422
        [at] = answer.json()["issue"][0]["expression"]
        assert at in ("Bundle.entry[0].resource.code", "Bundle.entry[1].resource.code")
        assert (await http.get("/_history")).json()["total"] == 0
    else:
        statuses = [one["response"]["status"][:3] for one in answer.json()["entry"]]
        assert (statuses[0], statuses[2]) == ("201", "201")
        assert statuses[1] >= "400"


async def test_ba_2_a_patch_that_links_to_another_entry_is_refused(http: httpx.AsyncClient) -> None:
    url = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    await http.put("/Patient/p", json={**PATIENT, "id": "p"})
    said = await answers(
        http, "batch", entry("POST", "Patient", PATIENT, url), entry("PATCH", "Patient/p", linking(url))
    )
    assert [one["response"]["status"][:3] for one in said] == ["201", "400"]
    assert "link" not in (await http.get("/Patient/p")).json()


async def test_ba_2_links_between_entries_of_a_batch_are_refused(http: httpx.AsyncClient) -> None:
    url = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    patient, linked, conditional = await answers(
        http,
        "batch",
        entry("POST", "Patient", PATIENT, url),
        entry("POST", "Observation", {**observation, "subject": {"reference": url}}),
        entry("POST", "Observation", {**observation, "subject": {"reference": "Patient?identifier=1"}}),
    )
    assert patient["response"]["status"] == "201 Created"
    for said in (linked, conditional):
        assert said["response"]["status"] == "400 Bad Request"
        assert said["response"]["outcome"]["issue"][0]["expression"] == ["Observation.subject.reference"]
