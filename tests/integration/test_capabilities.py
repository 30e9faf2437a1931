"""What the CapabilityStatement says is probed: done if it is there, refused if it is not (CA-2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources.database import Owner
from resources.definitions import load

from ..conftest import FreshTenant

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
    assert {name: patient[name] for name in probed} == probed


@pytest.mark.parametrize("most", [1, 3])
async def test_ca_2_co_4_conditional_delete(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, owner: Owner, most: int
) -> None:
    """single: one match is deleted, of several none; multiple: several are, up to what the tenant allows."""
    await http.get("/metadata")  # the tenant is known then
    await registry.set_settings(owner, tenant.name, {"conditional_delete_max": most})
    assert edge.opened
    await edge.opened.tenants.reload()
    patient = next(one for one in (await rest(http))["resource"] if one["type"] == "Patient")
    done = {}
    for number in (1, 2, 3, 4):
        for n in range(number):
            named = {"resourceType": "Patient", "id": f"p{number}-{n}", "name": [{"family": f"f{number}"}]}
            assert (await http.put(f"/Patient/{named['id']}", json=named)).status_code == 201
        done[number] = (await http.delete(f"/Patient?family=f{number}")).status_code
    assert patient["conditionalDelete"] == (
        "multiple" if done[2] < 300 else "single" if done[1] < 300 else "not-supported"
    )
    assert {number for number, status in done.items() if status < 300} == set(range(1, most + 1))
    assert {status for number, status in done.items() if number > most} == {412}


async def test_ca_2_ct_3_formats(http: httpx.AsyncClient) -> None:
    stated = (await http.get("/metadata")).json()["format"]
    assert len(stated) > 1
    for format_ in {
        *stated,
        "json",
        "xml",
        "ttl",
        "text/turtle",
        "application/fhir+turtle",
        "html",
        "text/html",
        "yaml",
    }:
        asked, accepted = (
            await http.get("/Patient", params={"_format": format_}),
            await http.get("/Patient", headers={"Accept": format_ if "/" in format_ else "*/*;q=0.1"}),
        )
        assert (asked.status_code == 200) is (format_ in stated), format_
        if "/" in format_:
            assert (accepted.status_code == 200) is (format_ in stated), format_
            assert format_ not in stated or accepted.headers["content-type"].startswith(format_)


# A change of the same kind in each format, and formats that are not there.
PATCHES = {
    "application/json-patch+json": b'[{"op":"add","path":"/active","value":true}]',
    "application/merge-patch+json": b'{"active":true}',
    "application/fhir+json": b"""{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
        {"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"active"},
        {"name":"value","valueBoolean":true}]}]}""",
    "application/fhir+xml": b"""<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
        <part><name value="type"/><valueCode value="add"/></part><part><name value="path"/><valueString value="Patient"/></part>
        <part><name value="name"/><valueString value="active"/></part><part><name value="value"/><valueBoolean value="true"/></part>
        </parameter></Parameters>""",
    "application/xml-patch+xml": b'<diff><add sel="Patient"><active value="true"/></add></diff>',
    "text/plain": b"active",
}


@pytest.mark.parametrize("media_type", PATCHES)
async def test_ca_2_pa_1_patch_formats(http: httpx.AsyncClient, media_type: str) -> None:
    stated = (await http.get("/metadata")).json()["patchFormat"]
    assert set(stated) <= set(PATCHES)
    assert (await http.put("/Patient/p", json=PATIENT)).status_code == 201
    answer = await http.patch("/Patient/p", content=PATCHES[media_type], headers={"Content-Type": media_type})
    if media_type in stated:
        assert (answer.status_code, answer.json()["active"]) == (200, True), answer.text
    else:
        assert answer.status_code == 415


async def test_ca_2_operations(http: httpx.AsyncClient) -> None:
    """Each operation of R4 and each that is stated: there where it is stated, and its definition with it; nowhere else."""
    said = await rest(http)
    named = {one["type"]: one.get("operation", []) for one in said["resource"]}
    places = {"Patient": "/Patient", "Observation": "/Observation", "Encounter": "/Encounter", "ValueSet": "/ValueSet"}
    stated = {name: {one["name"] for one in named[name]} for name in places} | {
        "": {one["name"] for one in said.get("operation", ())}
    }
    assert any(stated.values())
    known = {tree["code"] for tree in DEFINITIONS.operations} | {code for codes in stated.values() for code in codes}
    for name, path in {**places, "": ""}.items():
        for code in sorted(known):
            levels = [path] if not path else [path, f"{path}/x"]
            # Without its parameters an operation may answer as it likes, but not that it is not known.
            answers = [await http.post(f"{level}/${code}") for level in levels]
            unknown = [one.status_code == 404 and one.json()["issue"][0]["code"] == "not-supported" for one in answers]
            assert (not all(unknown)) is (code in stated[name]), (name, code)
    for operation in [one for of_type in named.values() for one in of_type] + said.get("operation", []):
        if operation["definition"].startswith(str(http.base_url)):
            definition = (await http.get(operation["definition"])).json()
            assert (definition["url"], definition["code"]) == (operation["definition"], operation["name"])
        else:
            assert any(tree["url"] == operation["definition"] for tree in DEFINITIONS.operations)


async def test_ca_2_the_openapi_document_says_the_same(http: httpx.AsyncClient, tenant: FreshTenant) -> None:
    """The two documents are made of the same tables: parameters and operations of each type agree."""
    said = {one["type"]: one for one in (await rest(http))["resource"]}
    document = (await http.get(str(http.base_url.join("/")) + f"openapi/{tenant.name}")).json()
    parameters = document["components"]["parameters"]
    for name in ("Patient", "Observation", "List"):
        query = [one["$ref"].rpartition("/")[2] for one in document["paths"][f"/{name}"]["get"]["parameters"]]
        assert {one["name"] for one in said[name]["searchParam"]} <= {parameters[one]["name"] for one in query}
        asked = {path.rpartition("$")[2] for path in document["paths"] if path.startswith(f"/{name}/") and "$" in path}
        assert asked == {one["name"] for one in said[name].get("operation", ())}


VALUE = {
    "_since": "2020-01-01T00:00:00Z",
    "_at": "2020",
    "_sort": "-_lastUpdated",
    "_list": "l",
    "_count": "1",
    "mode": "full",
}
VALUE |= {
    "_summary": "true",
    "_elements": "meta",
    "_asOf": "2100-01-01T00:00:00Z",
    "_format": "json",
    "_pretty": "true",
}
HISTORY = ("/Patient/p/_history", "/Patient/_history", "/_history")


@pytest.mark.parametrize("path", [*HISTORY, "/Patient/p", "/Patient/p/_history/1", "/metadata"])
async def test_ca_2_what_else_a_query_may_say_is_done(http: httpx.AsyncClient, tenant: FreshTenant, path: str) -> None:
    listed = {"resourceType": "List", "id": "l", "status": "current", "mode": "working"}
    for resource in (PATIENT, listed):
        assert (await http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)).status_code == 201
    document = (await http.get(str(http.base_url.join("/")) + f"openapi/{tenant.name}")).json()
    template = path.replace("/p/", "/{id}/").replace("/1", "/{vid}")
    item = document["paths"]["/Patient/{id}" if path == "/Patient/p" else template]
    named = [one["$ref"].rpartition("/")[2] for one in item["get"]["parameters"] + item["parameters"]]
    query = {name for name in named if document["components"]["parameters"][name]["in"] == "query"}
    assert query
    for name in query:
        answer = await http.get(path, params={name: VALUE[name]})
        assert answer.status_code == 200, (name, answer.text)
        if name not in ("_format", "_pretty", "mode", "_list", "_at", "_sort", "_since", "_count"):
            continue
        wrong = await http.get(path, params={name: "?"})
        assert wrong.status_code in (400, 404, 406), (name, wrong.status_code)
    if path in HISTORY:
        assert (await http.get(path, params={"_unheard": "1"})).status_code == 400


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
