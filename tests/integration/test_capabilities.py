"""What the CapabilityStatement says is probed: done if it is there, refused if it is not (CA-2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from resources.definitions import load
from search.parameters import is_searchable

PATIENT = {"resourceType": "Patient", "id": "p"}
DEFINITIONS = load()
VALUES = {
    "date": "2020",
    "number": "1",
    "quantity": "1",
    "string": "a",
    "token": "a",
    "reference": "Patient/1",
    "uri": "http://x",
}


async def rest(http: httpx.AsyncClient) -> Any:
    answer = await http.get("/metadata")
    assert answer.status_code == 200
    return answer.json()["rest"][0]


async def probe(http: httpx.AsyncClient, code: str) -> httpx.Response:
    """The interaction of that name, asked for in earnest."""
    bundle = {"resourceType": "Bundle", "type": code}
    patch = {"headers": {"content-type": "application/json-patch+json"}, "json": []}
    requests: dict[str, tuple[str, str, dict[str, Any]]] = {
        "read": ("GET", "/Patient/p", {}),
        "vread": ("GET", "/Patient/p/_history/1", {}),
        "update": ("PUT", "/Patient/p", {"json": PATIENT}),
        "patch": ("PATCH", "/Patient/p", patch),
        "delete": ("DELETE", "/Patient/q", {}),
        "create": ("POST", "/Patient", {"json": PATIENT}),
        "history-instance": ("GET", "/Patient/p/_history", {}),
        "history-type": ("GET", "/Patient/_history", {}),
        "history-system": ("GET", "/_history", {}),
        "search-type": ("GET", "/Patient", {}),
        "search-system": ("GET", "", {}),
        "transaction": ("POST", "", {"json": bundle}),
        "batch": ("POST", "", {"json": bundle}),
    }
    method, path, given = requests[code]
    return await http.request(method, path, **given)


TYPE_LEVEL = ("read", "vread", "update", "patch", "delete", "create", "history-instance", "history-type", "search-type")
SYSTEM_LEVEL = ("transaction", "batch", "search-system", "history-system")


@pytest.mark.parametrize("code", [*TYPE_LEVEL, *SYSTEM_LEVEL])
async def test_ca_2_interactions(http: httpx.AsyncClient, code: str) -> None:
    said = await rest(http)
    [patient] = [one for one in said["resource"] if one["type"] == "Patient"]
    stated = {one["code"] for one in said["interaction"] + patient["interaction"]}
    assert (await http.put("/Patient/p", json=PATIENT)).status_code == 201
    answer = await probe(http, code)
    assert (answer.status_code < 300) is (code in stated), answer.text
    assert answer.status_code < 300 or answer.status_code == 405


async def test_ca_2_what_is_said_of_every_type(http: httpx.AsyncClient) -> None:
    patient = next(one for one in (await rest(http))["resource"] if one["type"] == "Patient")
    created = await http.put("/Patient/p", json=PATIENT)
    again = await http.put("/Patient/p", json={**PATIENT, "active": True}, headers={"If-Match": 'W/"7"'})
    probed = {
        "updateCreate": created.status_code == 201,
        "versioning": "versioned-update" if again.status_code == 412 else "versioned",
        "readHistory": (await http.get("/Patient/p/_history/1")).status_code == 200,
        "conditionalCreate": (await http.post("/Patient", json=PATIENT, headers={"If-None-Exist": "_id=x"})).status_code
        < 300,
        "conditionalUpdate": (await http.put("/Patient?_id=p", json=PATIENT)).status_code < 300,
    }
    by_tag = (await http.get("/Patient/p", headers={"If-None-Match": 'W/"1"'})).status_code == 304
    by_date = (
        await http.get("/Patient/p", headers={"If-Modified-Since": created.headers["last-modified"]})
    ).status_code == 304
    assert by_tag
    assert by_date
    probed["conditionalRead"] = "full-support"
    deleted = (await http.delete("/Patient?_id=p")).status_code < 300
    probed["conditionalDelete"] = "single" if deleted else "not-supported"
    assert {name: patient[name] for name in probed} == probed


async def test_ca_2_formats(http: httpx.AsyncClient) -> None:
    stated = (await http.get("/metadata")).json()["format"]
    for format_ in ("json", "xml", "ttl", "application/fhir+json", "application/fhir+xml"):
        status = (await http.get("/Patient", params={"_format": format_})).status_code
        assert (status == 200) is (format_ in stated), format_


@pytest.mark.parametrize("resource_type", ["Patient", "Observation", "ValueSet", "RiskAssessment", "Encounter"])
async def test_ca_2_search_parameters(http: httpx.AsyncClient, resource_type: str) -> None:
    """Every parameter of these types: answered if it is stated, refused by name if it is not."""
    stated = {
        parameter["name"]: parameter["type"]
        for one in (await rest(http))["resource"]
        if one["type"] == resource_type
        for parameter in one["searchParam"]
    }
    for code, definition in DEFINITIONS.parameters_of(resource_type).items():
        answer = await http.get(f"/{resource_type}", params={code: VALUES.get(definition.type, "1")})
        assert (answer.status_code == 200) is (code in stated), (code, answer.text)
        if code not in stated:
            assert code in answer.json()["issue"][0]["diagnostics"]
    assert len(stated) == sum(map(is_searchable, DEFINITIONS.parameters_of(resource_type).values())) > 5


async def test_ca_1_conditional(http: httpx.AsyncClient) -> None:
    first = await http.get("/metadata")
    assert first.headers["cache-control"] == "private, no-cache"
    same = await http.get("/metadata", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])


async def test_ca_2_the_statement_is_a_valid_resource(http: httpx.AsyncClient) -> None:
    statement = (await http.get("/metadata")).json()
    answer = await http.post("/CapabilityStatement", json=statement)
    assert answer.status_code == 201, answer.text
