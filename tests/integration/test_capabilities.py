"""What the CapabilityStatement says is probed: done if it is there, refused if it is not (CA-2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from resources.definitions import load

PATIENT = {"resourceType": "Patient", "id": "p"}
DEFINITIONS = load()
# Values of every form; of each stated parameter at least one is understood, of another none.
VALUES = (
    "a", "1", "2020", "http://a.example/b", "Patient/1", "a|b|c", "1|1|1|km", "a$a", "a$1", "a$2020", "a$1$1", "Patient/1$a",
    "a$Patient/1", "true",
)  # fmt: skip
MODIFIERS = (
    "missing",
    "exact",
    "contains",
    "text",
    "not",
    "in",
    "not-in",
    "above",
    "below",
    "of-type",
    "identifier",
    "near",
)
COMPARATORS = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")


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


async def understood(http: httpx.AsyncClient, resource_type: str, name: str, prefix: str = "") -> bool:
    """Whether a search by that parameter is done, with one of the values."""
    refused = ""
    for value in VALUES:
        answer = await http.get(f"/{resource_type}", params={name: prefix + value, "_count": "1"})
        if answer.status_code == 200:
            return True
        assert answer.status_code == 400, answer.text
        refused = answer.json()["issue"][0]["diagnostics"]
    assert name.partition(":")[0] in refused
    return False


def documented(parameter: dict[str, str]) -> tuple[set[str], set[str]]:
    """The modifiers and comparators that are said to work."""
    parts = dict(part.split(": ", 1) for part in parameter.get("documentation", "").split("; ") if part)
    modifiers = {one.removeprefix(":") for one in parts.get("Modifiers", "").split()}
    return modifiers, set(parts.get("Comparators", "").split())


@pytest.mark.parametrize("resource_type", ["Patient", "Observation", "ValueSet", "RiskAssessment", "Location"])
async def test_ca_2_search_parameters(http: httpx.AsyncClient, resource_type: str) -> None:
    """Every parameter of these types: answered if it is stated, refused by name if it is not; the same of modifiers."""
    include = [{"system": "http://a.example/s", "concept": [{"code": "a"}]}]
    value_set = {"resourceType": "ValueSet", "id": "b", "url": "http://a.example/b", "status": "active"}
    assert (await http.put("/ValueSet/b", json={**value_set, "compose": {"include": include}})).status_code == 201
    [said] = [one for one in (await rest(http))["resource"] if one["type"] == resource_type]
    stated = {parameter["name"]: parameter for parameter in said["searchParam"]}
    for code in DEFINITIONS.parameters_of(resource_type):
        if code == "_query":
            continue  # a control
        assert await understood(http, resource_type, code) is (code in stated), code
        modifiers, comparators = documented(stated.get(code, {}))
        for modifier in MODIFIERS:
            assert await understood(http, resource_type, f"{code}:{modifier}") is (modifier in modifiers), (
                code,
                modifier,
            )
        if comparators:
            assert comparators == set(COMPARATORS)
            for prefix in comparators:
                assert await understood(http, resource_type, code, prefix), (code, prefix)
            assert not await understood(http, resource_type, code, "xx")
    assert len(stated) > 15


async def test_ca_2_in_1_includes(http: httpx.AsyncClient) -> None:
    said = {one["type"]: one for one in (await rest(http))["resource"]}
    for name in ("Observation", "ValueSet"):
        for key, parameter in (("searchInclude", "_include"), ("searchRevInclude", "_revinclude")):
            assert said[name][key][0] == "*"
            for value in said[name][key]:
                answer = await http.get(f"/{name}", params={parameter: value, "_count": "1"})
                assert answer.status_code == 200, answer.text
    for code, definition in DEFINITIONS.parameters_of("Observation").items():
        stated = f"Observation:{code}" in said["Observation"]["searchInclude"]
        answer = await http.get("/Observation", params={"_include": f"Observation:{code}"})
        assert (answer.status_code == 200) is stated is (definition.type == "reference"), code


async def test_ca_2_what_is_searched_over_all_types(http: httpx.AsyncClient) -> None:
    said = await rest(http)
    stated = {parameter["name"] for parameter in said["searchParam"]}
    values = {"_list": "a", "_filter": "_id eq a", "_type": "Patient", "_sort": "_lastUpdated", "_total": "none"}
    values |= {"_include": "*", "_revinclude": "*", "_contained": "true", "_containedType": "contained"}
    values |= {"_summary": "true", "_elements": "meta", "_count": "1"}
    for name in {*DEFINITIONS.parameters_of("Patient"), *values}:
        if name not in ("_query", "_has"):
            wanted = [values[name]] if name in values else VALUES
            answers = [await http.get("", params={name: value}) for value in wanted]
            assert any(answer.status_code == 200 for answer in answers) is (name in stated), name
    answer = await http.get("/Patient", params={"_has:Observation:subject:code": "a"})
    assert (answer.status_code == 200) is ("_has" in stated)
    assert len(said["compartment"]) == 5
    for url in said["compartment"]:
        name = url.rpartition("/")[2]
        assert (await http.get(f"/{name[0].upper()}{name[1:]}/x/*")).status_code == 200


async def test_ca_1_conditional(http: httpx.AsyncClient) -> None:
    first = await http.get("/metadata")
    assert first.headers["cache-control"] == "private, no-cache"
    same = await http.get("/metadata", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])


async def test_ca_2_the_statement_is_a_valid_resource(http: httpx.AsyncClient) -> None:
    statement = (await http.get("/metadata")).json()
    answer = await http.post("/CapabilityStatement", json=statement)
    assert answer.status_code == 201, answer.text
