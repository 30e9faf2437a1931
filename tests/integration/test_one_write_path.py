"""One write path: every write answers and stores the same over HTTP, in a batch and in a transaction (BU-7, law 7)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import orjson
import pytest

from fhir_server.edge import Edge
from resources.database import Database, Owner

from ..conftest import FreshTenant, fresh_tenant
from .conftest import client_of

MRN = "http://hospital.example.org/mrn"
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "meta": {"tag": [{"system": "urn:t", "code": "x"}]},
    "identifier": [{"system": MRN, "value": "1"}],
    "name": [{"family": "Example", "given": ["A"]}],
    "birthDate": "1974-12-25",
    "gender": "female",
    "contact": [{"name": {"family": "Other"}}],
}
WEIGHT = {
    "resourceType": "Observation",
    "id": "w",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/a"},
    "effectiveDateTime": "2026-03-01T08:30:00+01:00",
    "valueQuantity": {"value": 1, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
WITHOUT_ID = {name: value for name, value in PATIENT.items() if name != "id"}
PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Patient.birthDate"},
                {"name": "value", "valueDate": "1980-01-01"},
            ],
        }
    ],
}
WHERE = f"identifier={MRN}|1"
JSON_PATCH = {
    "resourceType": "Binary",
    "contentType": "application/json-patch+json",
    "data": "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2dlbmRlciJ9XQ==",  # [{"op":"remove","path":"/gender"}]
}

# (what is there before, method, url, resource, preconditions)
CASES: dict[str, tuple[list[Any], str, str, Any, dict[str, str]]] = {
    "create": ([], "POST", "Patient", WITHOUT_ID, {}),
    "create of something with a reference, a date and a quantity": ([PATIENT], "POST", "Observation", WEIGHT, {}),
    "invalid create": ([], "POST", "Patient", {**PATIENT, "gender": "unknowable", "birthDate": "x"}, {}),
    "create of another type": ([], "POST", "Patient", WEIGHT, {}),
    "create of a part": ([], "POST", "Patient", {**PATIENT, "meta": {"tag": [{"code": "SUBSETTED"}]}}, {}),
    "conditional create, none": ([], "POST", "Patient", WITHOUT_ID, {"ifNoneExist": WHERE}),
    "conditional create, one": ([PATIENT], "POST", "Patient", {**PATIENT, "gender": "male"}, {"ifNoneExist": WHERE}),
    "conditional create, two": ([PATIENT, {**PATIENT, "id": "b"}], "POST", "Patient", PATIENT, {"ifNoneExist": WHERE}),
    "update as create": ([], "PUT", "Patient/a", PATIENT, {}),
    "update": ([PATIENT], "PUT", "Patient/a", {**PATIENT, "gender": "male", "name": [{"family": "Else"}]}, {}),
    "update without change": ([PATIENT], "PUT", "Patient/a", PATIENT, {}),
    "update of another id": ([PATIENT], "PUT", "Patient/a", {**PATIENT, "id": "b"}, {}),
    "update of a bad id": ([], "PUT", "Patient/a_b", {**PATIENT, "id": "a_b"}, {}),
    "update under If-Match": ([PATIENT], "PUT", "Patient/a", {**PATIENT, "active": True}, {"ifMatch": 'W/"1"'}),
    "update under an old If-Match": ([PATIENT], "PUT", "Patient/a", PATIENT, {"ifMatch": 'W/"7"'}),
    "update that may only create": ([PATIENT], "PUT", "Patient/a", PATIENT, {"ifNoneMatch": "*"}),
    "conditional update, none": ([], "PUT", f"Patient?{WHERE}", WITHOUT_ID, {}),
    "conditional update, one": ([PATIENT], "PUT", f"Patient?{WHERE}", {**WITHOUT_ID, "gender": "male"}, {}),
    "conditional update, taken": ([{**PATIENT, "identifier": [{"value": "9"}]}], "PUT", f"Patient?{WHERE}", PATIENT, {}),
    "FHIRPath Patch": ([PATIENT], "PATCH", "Patient/a", PATCH, {}),
    "JSON Patch": ([PATIENT], "PATCH", "Patient/a", JSON_PATCH, {}),
    "conditional patch": ([PATIENT], "PATCH", f"Patient?{WHERE}", PATCH, {}),
    "patch of what is not there": ([], "PATCH", "Patient/a", PATCH, {}),
    "patch under an old If-Match": ([PATIENT], "PATCH", "Patient/a", PATCH, {"ifMatch": 'W/"7"'}),
    "delete": ([PATIENT], "DELETE", "Patient/a", None, {}),
    "delete of what is not there": ([], "DELETE", "Patient/a", None, {}),
    "delete under an old If-Match": ([PATIENT], "DELETE", "Patient/a", None, {"ifMatch": 'W/"7"'}),
    "conditional delete": ([PATIENT], "DELETE", f"Patient?{WHERE}", None, {}),
    "conditional delete of two": ([PATIENT, {**PATIENT, "id": "b"}], "DELETE", f"Patient?{WHERE}", None, {}),
    "conditional delete without a condition": ([PATIENT], "DELETE", "Patient", None, {}),
    "a type that is none": ([], "POST", "Nothing", PATIENT, {}),
    "a method that is not possible": ([], "DELETE", "metadata", None, {}),
}  # fmt: skip
HEADERS = {"ifMatch": "if-match", "ifNoneMatch": "if-none-match", "ifNoneExist": "if-none-exist"}
# What differs from tenant to tenant, or follows from an id that the server gave.
_OWN = ("tenant_id", "rid", "xid", "epoch", "lu", "skey", "h", "ckey", "id", "keys", "container", "until", "v")
_ASSIGNED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def rows(tenant: FreshTenant, owner: Owner) -> dict[str, list[str]]:
    """All that is stored in the tenant, by table, without what cannot be the same."""
    tables = await owner.fetch(
        "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' "
        "where c.relnamespace = 'fhir'::regnamespace and c.relkind = 'r' and c.relname not in ('tenant', 'due')"
    )
    found = {}
    for name in sorted(table["name"] for table in tables):
        own = ",".join(_OWN)
        query = f"select (to_jsonb(x) - '{{{own}}}'::text[])::text as row from {name} x where x.tenant_id = g.t"
        found[name] = sorted(plain(row["row"]) for row in await tenant.session.select(query))
    return found


def plain(text: str) -> str:
    return _INSTANT.sub("instant", _ASSIGNED.sub("assigned", text))


async def ask(way: str, http: httpx.AsyncClient, case: tuple[list[Any], str, str, Any, dict[str, str]]) -> Any:
    """What the write came to: status, location, ETag, resource or outcome, in one form for all ways."""
    _, method, url, resource, asked = case
    if way == "http":
        headers = {HEADERS[name]: value for name, value in asked.items()}
        content = None if resource is None else orjson.dumps(resource)
        if resource is JSON_PATCH:
            content, headers["content-type"] = b'[{"op":"remove","path":"/gender"}]', "application/json-patch+json"
        answer = await http.request(method, f"/{url}", content=content, headers=headers)
        said = {"location": answer.headers.get("location"), "etag": answer.headers.get("etag")}
        return answer.status_code, said, answer.json() if answer.content else None
    entry: dict[str, Any] = {"request": {"method": method, "url": url, **asked}}
    if resource is not None:
        entry["resource"] = resource
    answer = await http.post("", json={"resourceType": "Bundle", "type": way, "entry": [entry]})
    body = answer.json()
    if body["resourceType"] == "OperationOutcome":
        return answer.status_code, {"location": None, "etag": None}, body
    [one] = body["entry"]
    said = {name: one["response"].get(name) for name in ("location", "etag")}
    status = int(one["response"]["status"][:3])
    return status, said if status != 410 else {}, one.get("resource", one["response"].get("outcome"))


def comparable(status: int, said: dict[str, Any], body: Any, base: str) -> str:
    """A failing transaction says where in the Bundle; apart from that all ways say the same."""
    text = orjson.dumps([status, said if status < 400 else {}, body], option=orjson.OPT_SORT_KEYS).decode()
    text = text.replace(base, "[base]")
    text = re.sub(r'"Bundle\.entry\[0\]\.resource\.', '"[type].', re.sub(r'"(Patient|Observation)\.', '"[type].', text))
    text = re.sub(r',?"expression":\["(?:Bundle\.entry\[0\](?:\.resource)?|Patient)"\]', "", text)
    return plain(re.sub(r"\{,", "{", text))


@pytest.mark.parametrize("case", CASES)
async def test_bu_7_all_ways_answer_and_store_the_same(edge: Edge, owner: Owner, database: Database, case: str) -> None:
    results = {}
    for way in ("http", "batch", "transaction"):
        tenant = await fresh_tenant(owner, database)
        async with client_of(edge, tenant) as http:
            for resource in CASES[case][0]:
                path = f"/{resource['resourceType']}/{resource['id']}"
                assert (await http.put(path, json=resource)).status_code == 201
            before = await rows(tenant, owner)
            status, said, body = await ask(way, http, CASES[case])
            after = await rows(tenant, owner)
            assert (after == before) or status < 400, "a refused write left something behind"
            results[way] = comparable(status, said, body, str(http.base_url).rstrip("/")), after
    assert results["batch"] == results["http"]
    assert results["transaction"] == results["http"]
