"""SO-1 … SO-5 over HTTP: orders of contained resources and of several types, codes alike but for case, and the cost."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from resources.database import Owner

from ..conftest import FreshTenant


async def put(http: httpx.AsyncClient, *resources: dict[str, Any]) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert {entry["response"]["status"][:3] for entry in answer.json()["entry"]} == {"201"}, answer.text


async def pages(http: httpx.AsyncClient, path: str) -> list[list[str]]:
    """Ids page by page: of a contained match the container's and its own."""
    found = []
    while path:
        answer = await http.get(path)
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        entries = [entry for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]
        found.append([entry["fullUrl"].partition("/fhir/")[2].split("/", 1)[1] for entry in entries])
        path = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    return found


async def test_codes_that_differ_in_case_only_are_each_on_one_page(http: httpx.AsyncClient) -> None:
    documents = [
        {
            "resourceType": "DocumentReference",
            "id": f"d{n}",
            "status": "current",
            "content": [{"attachment": {"contentType": "TEXT/plain" if n % 2 else "text/plain"}}],
        }
        for n in range(6)
    ]
    await put(http, *documents)
    for sort in ("contenttype", "-contenttype"):
        for criterion in ("", "status=current&"):
            found = await pages(http, f"/DocumentReference?{criterion}_sort={sort}&_count=2")
            assert sorted(one for page in found for one in page) == [f"DocumentReference/d{n}" for n in range(6)]


async def test_contained_resources_are_sorted_too(http: httpx.AsyncClient) -> None:
    def request(n: int) -> dict[str, Any]:
        medication = {"resourceType": "Medication", "id": f"m{n}", "code": {"coding": [{"code": f"c{n % 3}"}]}}
        return {
            "resourceType": "MedicationRequest",
            "id": f"r{n}",
            "status": "active",
            "intent": "order",
            "subject": {"display": "somebody"},
            "contained": [medication],
            "medicationReference": {"reference": f"#m{n}"},
        }

    await put(http, *(request(n) for n in range(7)))
    shape = "_contained=true&_containedType=contained"
    for sort, codes in (("code", "0001122"), ("-code", "2211000")):
        for criterion in ("", "code=c0,c1,c2&"):
            found = await pages(http, f"/Medication?{shape}&{criterion}_sort={sort}&_count=2")
            ids = [one for page in found for one in page]
            assert len(ids) == len(set(ids)) == 7
            assert "".join(str(int(one.partition("#m")[2]) % 3) for one in ids) == codes
    for sort in ("_id", "_lastUpdated", "code,-_id"):
        answer = await http.get(f"/Medication?{shape}&_sort={sort}")
        assert answer.status_code == 400
        assert "contained" in answer.json()["issue"][0]["diagnostics"]


async def test_types_that_keep_a_date_differently_are_not_sorted_by_it_together(http: httpx.AsyncClient) -> None:
    answer = await http.get("/?_type=MedicationRequest,Observation&_sort=date")
    assert answer.status_code == 400
    assert "_sort=date" in answer.json()["issue"][0]["diagnostics"]
    assert (await http.get("/?_type=Condition,Observation&_sort=_lastUpdated")).status_code == 200


@pytest.mark.parametrize(
    "sort", ["death-date", "-death-date", "family", "general-practitioner", "death-date,-_id", "-death-date,gender"]
)
async def test_a_page_of_resources_without_a_value_does_not_read_all_of_them(
    http: httpx.AsyncClient, owner: Owner, tenant: FreshTenant, sort: str
) -> None:
    await registry.set_settings(owner, tenant.name, {"explain": True})
    await put(http, *({"resourceType": "Patient", "id": f"p{n}", "gender": "male"} for n in range(300)))
    answer = await http.get(f"/Patient?_sort={sort}&_count=10&_explain=true")
    [outcome] = [e["resource"] for e in answer.json()["entry"] if e["search"]["mode"] == "outcome"]
    looked_at = int(outcome["issue"][-1]["diagnostics"].split()[0])
    assert looked_at < 120, outcome["issue"]


async def test_chains_to_every_type_are_one_probe_each(http: httpx.AsyncClient) -> None:
    """Provenance.target may be of any of 146 types."""
    await put(http, {"resourceType": "Patient", "id": "p", "meta": {"tag": [{"code": "t1"}]}})
    agent = [{"who": {"display": "x"}}]
    provenance = {"resourceType": "Provenance", "id": "v", "target": [{"reference": "Patient/p"}], "agent": agent}
    await put(http, {**provenance, "recorded": "2024-01-01T00:00:00Z"})
    criteria = "&".join(f"target._tag=t{n},t1" for n in range(2, 16))
    answer = await http.get(f"/Provenance?{criteria}")
    assert answer.status_code == 200, answer.text
    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == ["v"]
