"""References from resources of many types to one target: each search finds those of its own type."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

SUBJECT = {"subject": {"reference": "Patient/1"}}
IDENTIFIER = {"identifier": [{"system": "http://x.org", "value": "1"}]}
CONTENT: dict[str, dict[str, Any]] = {
    "Condition": {},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}},
    "Observation": {"status": "final", "code": {"text": "x"}},
    "Procedure": {"status": "completed"},
}


@pytest.mark.parametrize(
    "condition",
    ["subject=Patient/1", "subject=1", "patient=1", "subject:Patient=1", "subject=1&identifier=http://x.org|1", ""],
)
async def test_a_search_finds_its_own_type_only(http: httpx.AsyncClient, condition: str) -> None:
    """RF-1: the target's key is the same for every type that points to it."""
    for resource_type, content in CONTENT.items():
        body = {"resourceType": resource_type, "id": resource_type, **SUBJECT, **IDENTIFIER, **content}
        assert (await http.put(f"/{resource_type}/{resource_type}", json=body)).status_code == 201
    for resource_type in CONTENT:
        found = (await http.get(f"/{resource_type}?{condition}&_total=accurate")).json()
        assert [entry["resource"]["resourceType"] for entry in found["entry"]] == [resource_type]
        assert found["total"] == 1


async def test_a_conditional_reference_finds_its_own_type_only(http: httpx.AsyncClient) -> None:
    """TR-10."""
    for resource_type in ("Encounter", "Observation"):
        body = {"resourceType": resource_type, "id": "1", **SUBJECT, **CONTENT[resource_type]}
        await http.put(f"/{resource_type}/1", json=body)
    condition = {
        "resourceType": "Condition",
        **SUBJECT,
        "encounter": {"reference": "Encounter?subject=Patient/1"},
    }
    entry = {"resource": condition, "request": {"method": "POST", "url": "Condition"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert (await http.post("", json=bundle)).status_code == 200
    [stored] = (await http.get("/Condition?encounter=Encounter/1")).json()["entry"]
    assert stored["resource"]["encounter"]["reference"] == "Encounter/1"
