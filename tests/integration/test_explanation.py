"""`_explain`: the plan in words, and what was looked at."""

from __future__ import annotations

import httpx
import pytest

from fhir_server import store as registry
from resources.database import Owner

from ..conftest import FreshTenant


@pytest.fixture
async def explained(owner: Owner, tenant: FreshTenant, http: httpx.AsyncClient) -> httpx.AsyncClient:
    await registry.set_settings(owner, tenant.name, {"explain": True})
    for n in range(30):
        resource = {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "rare" if n == 7 else "dense"}]},
            "subject": {"reference": f"Patient/p{n % 3}"},
        }
        assert (await http.put(f"/Observation/o{n}", json=resource)).status_code == 201
    for n in range(3):
        patient = {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"Name{n}"}]}
        assert (await http.put(f"/Patient/p{n}", json=patient)).status_code == 201
    return http


async def lines(http: httpx.AsyncClient, path: str) -> list[str]:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    [outcome] = [e["resource"] for e in answer.json()["entry"] if e["search"]["mode"] == "outcome"]
    assert {issue["severity"] for issue in outcome["issue"]} == {"information"}
    return [issue["diagnostics"] for issue in outcome["issue"]]


async def test_the_rarest_condition_gives_the_candidates(explained: httpx.AsyncClient) -> None:
    found = await lines(explained, "/Observation?code=rare&status=final&_explain=true")
    assert "Candidates come from a code or reference (1 value); index entries: 1." in found
    assert any(line.startswith("Each candidate is checked for a code or reference") for line in found)
    assert "index entries and rows were looked at" in found[-1]
    assert int(found[-1].split()[0]) <= 6


async def test_a_chain_and_an_order_are_told(explained: httpx.AsyncClient) -> None:
    found = await lines(explained, "/Observation?subject:Patient.name=name1&_sort=status&_explain=true")
    assert any(
        line.startswith("Candidates come from a reference to a resource with the beginning of a text") for line in found
    )
    assert any(line.startswith("  Within: ") for line in found)
    assert "All matches are then sorted by token." in found


async def test_without_the_setting_it_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Observation?_explain=true")
    assert answer.status_code == 400
