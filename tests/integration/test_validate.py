"""$validate: what is judged, in which modes, and what is said of it. https://hl7.org/fhir/R4/resource-operation-validate.html"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server import store
from fhir_server.edge import Edge
from resources.database import Owner

from ..conftest import FreshTenant

XML = {"content-type": "application/fhir+xml"}
PATIENT = {"resourceType": "Patient", "gender": "female"}
PERSON = "http://fhir.example/StructureDefinition/person"
PROFILE: dict[str, Any] = {
    "resourceType": "StructureDefinition",
    "url": PERSON,
    "name": "Person",
    "status": "active",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "derivation": "constraint",
    "differential": {"element": [{"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]},
}


async def asked(http: httpx.AsyncClient, place: str, body: Any = None, status: int = 200, **more: Any) -> list[Any]:
    """The issues of an answer."""
    content = {} if body is None else {"content": body} if isinstance(body, str | bytes) else {"json": body}
    answer = await http.post(place, **content, **more)
    outcome = answer.json()
    assert (answer.status_code, outcome["resourceType"]) == (status, "OperationOutcome"), answer.text
    issues: list[Any] = outcome["issue"]
    return issues


async def set_(edge: Edge, owner: Owner, tenant: FreshTenant, settings: dict[str, Any]) -> None:
    assert await store.set_settings(owner, tenant.name, settings)
    assert edge.opened
    await edge.opened.tenants.reload()


def wrapped(**parameters: Any) -> dict[str, Any]:
    """Parameters with a resource, and others by name."""
    entries = [
        {
            "name": name,
            "resource" if isinstance(value, dict) else "valueUri" if name == "profile" else "valueCode": value,
        }
        for name, value in parameters.items()
    ]
    return {"resourceType": "Parameters", "parameter": entries}


def errors(issues: list[Any]) -> list[tuple[str, str]]:
    return [(i["code"], i.get("expression", [""])[0]) for i in issues if i["severity"] in ("error", "fatal")]


async def test_vl_1_of_a_valid_resource_one_issue_says_so(http: httpx.AsyncClient) -> None:
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient.</div>'}
    for body in ({**PATIENT, "text": text}, wrapped(resource={**PATIENT, "text": text})):
        [issue] = await asked(http, "/Patient/$validate", body)
        assert (issue["severity"], issue["code"]) == ("information", "informational")
        assert issue["diagnostics"] == "No issues were found."


async def test_vl_1_of_one_with_warnings_only_it_is_said_too(http: httpx.AsyncClient) -> None:
    *warnings, last = await asked(http, "/Patient/$validate", PATIENT)  # without a narrative: dom-6
    assert {issue["severity"] for issue in warnings} == {"warning"}
    assert (last["severity"], last["code"], last["diagnostics"]) == (
        "information",
        "informational",
        "No errors were found.",
    )


async def test_vl_2_everything_that_is_wrong_is_named_with_its_place(http: httpx.AsyncClient) -> None:
    body = '{\n  "resourceType": "Patient",\n  "gender": "femal",\n  "name": [{"given": ["Ann"], "famly": "Ash"}]\n}'
    issues = await asked(http, "/Patient/$validate", body)
    assert errors(issues) == [("code-invalid", "Patient.gender"), ("structure", "Patient.name[0].famly")]
    assert [issue["location"] for issue in issues] == [["line 3, column 13"], ["line 4, column 40"]]


async def test_vl_2_inside_parameters_the_place_is_that_of_the_text_and_the_expression_that_of_the_resource(
    http: httpx.AsyncClient,
) -> None:
    body = (
        '{"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "create"},\n'
        '{"name": "resource", "resource": {"resourceType": "Patient",\n "gender": "femal"}}]}'
    )
    [issue] = await asked(http, "/Patient/$validate", body)
    assert (issue["expression"], issue["location"]) == (["Patient.gender"], ["line 3, column 12"])


async def test_vl_2_xml_has_places_too(http: httpx.AsyncClient) -> None:
    body = '<Patient xmlns="http://hl7.org/fhir">\n <gender value="femal"/>\n</Patient>'
    [issue] = await asked(http, "/Patient/$validate", body, headers=XML)
    assert (issue["expression"], issue["location"]) == (["Patient.gender"], ["line 2, column 2"])
    parameters = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/><resource>'
        f"{body}</resource></parameter></Parameters>"
    )
    [issue] = await asked(http, "/Patient/$validate", parameters, headers=XML)
    assert (issue["expression"], issue["location"]) == (["Patient.gender"], ["line 2, column 2"])


async def test_vl_2_an_invariant_is_named(http: httpx.AsyncClient) -> None:
    body = {**PATIENT, "contact": [{"gender": "male"}]}
    issues = await asked(http, "/Patient/$validate", body)
    [broken] = [issue for issue in issues if issue["severity"] == "error"]
    assert broken["code"] == "invariant"
    assert broken["expression"] == ["Patient.contact[0]"]
    assert broken["details"]["coding"][0]["code"] == "pat-1"


async def test_vl_2_a_bundle_is_judged_in_full(http: httpx.AsyncClient) -> None:
    entries = [
        {"fullUrl": "urn:uuid:0195c1a0-0000-7000-8000-000000000001", "resource": PATIENT},
        {"fullUrl": "urn:uuid:0195c1a0-0000-7000-8000-000000000002",
         "resource": {**PATIENT, "contact": [{"gender": "male"}]}},
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert errors(await asked(http, "/Bundle/$validate", bundle)) == [
        ("invariant", "Bundle.entry[1].resource.contact[0]")
    ]
    entries[0]["resource"] = {**PATIENT, "gender": "femal"}
    assert errors(await asked(http, "/Bundle/$validate", bundle)) == [
        ("code-invalid", "Bundle.entry[0].resource.gender")
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("no JSON", "line 1"),
        ('{"resourceType": "Patient",\n "gender": "male", "gender": "male"}', "line 2, column 20"),
        ('{"resourceType": "Patient", "name": "\\u0000"}', "NUL"),
        ("[]", "JSON object"),
    ],
)
async def test_vl_3_what_is_no_resource_at_all_is_judged_so(http: httpx.AsyncClient, body: str, said: str) -> None:
    [issue] = await asked(http, "/Patient/$validate", body)
    assert issue["severity"] == "fatal"
    assert said in issue["diagnostics"] + issue["location"][0]


async def test_vl_3_xml_that_is_no_resource_is_judged_so(http: httpx.AsyncClient) -> None:
    body = '<Patient xmlns="http://hl7.org/fhir">\n<gendr value="male"/></Patient>'
    [issue] = await asked(http, "/Patient/$validate", body, headers=XML)
    assert (issue["severity"], issue["location"]) == ("fatal", ["line 2, column 1"])


@pytest.mark.parametrize(
    "tree",
    [{}, {"resourceType": "Patien"}, {"resourceType": 5}, {"resourceType": None}, {"resourceType": "Observation"}],
)
async def test_vl_3_what_says_another_type_is_judged_so(http: httpx.AsyncClient, tree: dict[str, Any]) -> None:
    for body in (tree, wrapped(resource=tree)):
        issues = await asked(http, "/Patient/$validate", body)
        assert len(errors(issues)) == 1, issues


@pytest.mark.parametrize(
    ("place", "body", "said"),
    [
        ("/Patient/$validate", None, "no resource"),
        ("/Patient/$validate", wrapped(mode="create"), "no resource"),
        ("/Patient/$validate", wrapped(mode="patch", resource=PATIENT), "create, update, delete, profile"),
        ("/Patient/$validate?mode=no", PATIENT, "create, update, delete, profile"),
        ("/Patient/$validate", wrapped(mode="delete"), "Patient/[id]/$validate"),
        ("/Patient/$validate", wrapped(mode="profile", profile=PERSON), "Patient/[id]/$validate"),
        ("/Patient/1/$validate", wrapped(mode="profile"), "profile"),
        ("/Patient/1/$validate", wrapped(mode="profile", profile=PERSON, resource=PATIENT), "stored"),
        ("/Patient/$validate", wrapped(resourc=PATIENT), "resourc"),
        ("/Patient/$validate", {"resourceType": "Parameters", "parameter": [{"name": "resource"}]}, "resource"),
        ("/Patient/$validate", {"resourceType": "Parameters", "parameter": "resource"}, "array"),
        ("/Patient/$validate?profile=not a uri", PATIENT, "profile"),
    ],
)
async def test_vl_4_what_cannot_be_judged_is_refused(http: httpx.AsyncClient, place: str, body: Any, said: str) -> None:
    [issue] = await asked(http, place, body, 400)
    assert said in issue["diagnostics"]


async def test_vl_4_both_of_two_resources_cannot_be_meant(http: httpx.AsyncClient) -> None:
    body = wrapped(resource=PATIENT)
    body["parameter"] *= 2
    await asked(http, "/Patient/$validate", body, 400)


async def test_vl_5_a_create_is_judged_as_it_would_be(http: httpx.AsyncClient) -> None:
    assert errors(await asked(http, "/Patient/$validate", wrapped(mode="create", resource=PATIENT))) == []
    assert (
        errors(await asked(http, "/Patient/$validate", wrapped(mode="create", resource={**PATIENT, "id": "x"}))) == []
    )
    part = {**PATIENT, "meta": {"tag": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    ]}}  # fmt: skip
    for body, place in ((part, "?mode=create"), (wrapped(mode="create", resource=part), "")):
        refused = await asked(http, f"/Patient/$validate{place}", body)
        assert errors(refused) == [("business-rule", "Patient.meta.tag[0]")]
        assert refused[-1]["location"][0].startswith("line 1")
    assert errors(await asked(http, "/Patient/$validate", part)) == []
    assert (await http.get("/Patient?_summary=count")).json()["total"] == 0


async def test_vl_5_an_update_is_judged_as_it_would_be(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, owner: Owner
) -> None:
    there = {**PATIENT, "id": "a"}
    for place in ("/Patient/a/$validate", "/Patient/$validate"):
        assert errors(await asked(http, place, wrapped(mode="update", resource=there))) == []
        assert errors(await asked(http, place, wrapped(mode="update", resource=PATIENT))) == [
            ("required", "Patient.id")
        ]
    other = wrapped(mode="update", resource={**PATIENT, "id": "b"})
    [*_, issue] = await asked(http, "/Patient/a/$validate", other)
    assert (issue["code"], issue["expression"]) == ("value", ["Patient.id"])
    assert issue["location"]
    assert (await http.get("/Patient/a")).status_code == 404
    await set_(edge, owner, tenant, {"update_create": False})
    refused = await asked(http, "/Patient/a/$validate", wrapped(mode="update", resource=there))
    assert errors(refused) == [("not-supported", "")]


async def test_vl_5_if_match_counts(http: httpx.AsyncClient) -> None:
    there = {**PATIENT, "id": "a"}
    await http.put("/Patient/a", json=there)
    for body in (wrapped(mode="update", resource={**there, "gender": "male"}), wrapped(mode="delete")):
        for tag, refused in (('W/"1"', []), ("*", []), ('W/"2"', [("conflict", "")])):
            assert errors(await asked(http, "/Patient/a/$validate", body, headers={"if-match": tag})) == refused
    new = wrapped(mode="update", resource={**there, "gender": "male"})
    assert errors(await asked(http, "/Patient/a/$validate", new, headers={"if-none-match": "*"})) == [("duplicate", "")]
    body = wrapped(mode="update", resource={**there, "id": "b"})
    assert errors(await asked(http, "/Patient/b/$validate", body, headers={"if-match": "*"})) == [("conflict", "")]


async def test_vl_5_a_delete_is_judged_as_it_would_be(http: httpx.AsyncClient) -> None:
    await asked(http, "/Patient/a/$validate", wrapped(mode="delete"), 404)
    await http.put("/Patient/a", json={**PATIENT, "id": "a"})
    for body in (wrapped(mode="delete"), wrapped(mode="delete", resource={"resourceType": "Patient", "nonsense": 1})):
        [issue] = await asked(http, "/Patient/a/$validate", body)
        assert issue["severity"] == "information"
    answer = await http.get("/Patient/a/$validate?mode=delete")
    assert answer.json()["issue"][0]["severity"] == "information"
    assert (await http.get("/Patient/a")).status_code == 200
    await http.delete("/Patient/a")
    await asked(http, "/Patient/a/$validate", wrapped(mode="delete"), 410)


async def test_vl_6_what_is_stored_is_judged_where_nothing_is_sent(http: httpx.AsyncClient) -> None:
    assert (await http.get("/Patient/a/$validate")).status_code == 404
    await http.put("/Patient/a", json={**PATIENT, "id": "a", "contact": [{"gender": "male"}]})
    for answer in (await http.get("/Patient/a/$validate"), await http.post("/Patient/a/$validate")):
        assert answer.status_code == 200
        assert errors(answer.json()["issue"]) == [("invariant", "Patient.contact[0]")]
        assert "location" not in answer.json()["issue"][0]
    # What is sent is judged, and not what is stored.
    assert errors(await asked(http, "/Patient/a/$validate", PATIENT)) == []


async def test_vl_7_by_a_profile(http: httpx.AsyncClient) -> None:
    assert (await http.post("/StructureDefinition", json=PROFILE)).status_code == 201
    await http.put("/Patient/a", json={**PATIENT, "id": "a"})
    required = [("required", "Patient.birthDate")]
    judged = {
        "of what is sent": await asked(http, "/Patient/$validate", wrapped(profile=PERSON, resource=PATIENT)),
        "in the query": await asked(http, f"/Patient/$validate?profile={PERSON}", PATIENT),
        "claimed": await asked(http, "/Patient/$validate", {**PATIENT, "meta": {"profile": [PERSON]}}),
        "stored": await asked(http, "/Patient/a/$validate", wrapped(mode="profile", profile=PERSON)),
    }
    for what, issues in judged.items():
        assert [error for error in errors(issues) if error[1]] == required, what
        [broken] = [issue for issue in issues if issue["severity"] == "error"]
        assert broken["details"]["coding"] == [{"system": PERSON, "code": "Patient.birthDate"}]
    good = {**PATIENT, "birthDate": "2000"}
    assert errors(await asked(http, "/Patient/$validate", wrapped(profile=PERSON, resource=good))) == []


async def test_vl_7_by_what_the_tenant_requires(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, owner: Owner
) -> None:
    assert (await http.post("/StructureDefinition", json=PROFILE)).status_code == 201
    assert errors(await asked(http, "/Patient/$validate", PATIENT)) == []
    await set_(edge, owner, tenant, {"required_profiles": f"Patient={PERSON}"})
    assert errors(await asked(http, "/Patient/$validate", PATIENT)) == [("required", "Patient.birthDate")]


async def test_vl_7_a_profile_that_is_not_known(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    assert (await other_http.post("/StructureDefinition", json=PROFILE)).status_code == 201
    issues = await asked(http, "/Patient/$validate", wrapped(profile=PERSON, resource=PATIENT))
    assert errors(issues) == [("not-found", "Patient")]
    issues = await asked(http, "/Patient/$validate", {**PATIENT, "meta": {"profile": [PERSON]}})
    assert errors(issues) == []
    assert ("warning", "not-found") in [(issue["severity"], issue["code"]) for issue in issues]


async def test_vl_8_parameters_are_judged_too(http: httpx.AsyncClient) -> None:
    own = {"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b"}]}
    assert errors(await asked(http, "/Parameters/$validate", own)) == []
    own["parameter"][0]["valueCode"] = "c"  # type: ignore[index]
    for body, column in ((own, 0), (wrapped(resource=own), 60)):
        issues = await asked(http, "/Parameters/$validate", body)
        assert {expression for _, expression in errors(issues)} == {"Parameters.parameter[0].value"}
        assert int(issues[0]["location"][0].split()[-1]) > column


async def test_vl_8_in_a_bundle(http: httpx.AsyncClient) -> None:
    entry = {"request": {"method": "POST", "url": "Patient/$validate"}, "resource": {**PATIENT, "gender": "femal"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    answer = (await http.post("/", json=bundle)).json()
    [entry] = answer["entry"]
    assert entry["response"]["status"].startswith("200")
    assert errors(entry["resource"]["issue"]) == [("code-invalid", "Patient.gender")]


async def test_vl_9_nothing_is_ever_stored(http: httpx.AsyncClient) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "POST", "url": "Patient"}, "resource": PATIENT}]}  # fmt: skip
    for mode in ("", "create"):
        await asked(http, f"/Bundle/$validate{'?mode=' + mode if mode else ''}", bundle)
    await asked(http, "/Patient/$validate", wrapped(mode="update", resource={**PATIENT, "id": "a"}))
    assert (await http.get("/_history?_summary=count")).json()["total"] == 0


async def test_vl_9_it_is_declared(http: httpx.AsyncClient) -> None:
    rest = (await http.get("/metadata")).json()["rest"][0]
    of_patient = next(one for one in rest["resource"] if one["type"] == "Patient")
    [declared] = [one for one in of_patient["operation"] if one["name"] == "validate"]
    assert declared["definition"] == "http://hl7.org/fhir/OperationDefinition/Resource-validate"
