"""Bad input is answered with a 4xx that says where and why, nothing is stored, and there is never a 500 (ST-*, UR-3)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.app import application
from fhir_server.settings import read as read_settings
from resources.database import Database

from ..conftest import FreshTenant, Urls
from .conftest import client_of

NESTED = b'{"resourceType":"Patient","extension":' + b"[{" * 40 + b'"url":"x"' + b"}]" * 40 + b"}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "line 1"),
        (b'{"resourceType":"Patient",\n "birthDate": }', "line 2"),
        (b"[]", ""),
        (b'"Patient"', ""),
        (b"null", ""),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "line 1"),
        (b'{"resourceType":"Patient","language":"a\\u0000b"}', ""),
        (b'{"resourceType":"Patient","language":"a\\ud800b"}', ""),
        (b'{"resourceType":"Patient","language":"\xff"}', ""),
        (b'\xef\xbb\xbf{"resourceType":"Patient"}', ""),
        (b'{"resourceType":"Patient" /* no */}', ""),
        (b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":NaN}}', ""),
        (b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1e99999999}}', ""),
        (NESTED, ""),
        (b"[" * 100_000, ""),
        (b'{"a":' * 100_000, ""),
        (b'{"resourceType":"Patient","name":[]}', "Patient.name"),
        (b'{"resourceType":"Patient","maritalStatus":{}}', "Patient.maritalStatus"),
        (b'{"resourceType":"Patient","gender":null}', "Patient.gender"),
        (b'{"resourceType":"Patient","birthDate":"2020-02-31"}', "Patient.birthDate"),
        (b'{"resourceType":"Patient","gender":"unknowable"}', "Patient.gender"),
        (b'{"resourceType":["Patient"]}', ""),
        (b'{"resourceType":{"a":1}}', ""),
        (b'{"resourceType":"Patient","meta":5}', "Patient.meta"),
        (b'{"resourceType":"Patient","meta":{"tag":{}}}', "Patient.meta.tag"),
    ],
    ids=range(25),
)  # fmt: skip
async def test_ct_8_st_2_bad_bodies(http: httpx.AsyncClient, content: bytes, said: str) -> None:
    for method, path in (("POST", "/Patient"), ("PUT", "/Patient/a"), ("POST", "/Observation"), ("POST", "")):
        answer = await http.request(method, path, content=content)
        assert answer.status_code == 400, (method, path, answer.text)
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert all(issue["diagnostics"] for issue in answer.json()["issue"])
        if (method, path) == ("POST", "/Patient"):
            assert said in answer.text
    assert (await http.get("/_history")).json()["total"] == 0


async def test_a_single_resource_of_20_mb_is_413(http: httpx.AsyncClient) -> None:
    resource = b'{"resourceType":"Binary","contentType":"a/b","data":"' + b"AAAA" * 5_000_000 + b'"}'
    answer = await http.post("/Binary", content=resource)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/Patient/a", 400),
        ("POST", "/Patient/a", 405),
        ("PUT", "/Patient", 400),
        ("DELETE", "", 405),
        ("PUT", "", 405),
        ("PUT", "/metadata", 405),
        ("OPTIONS", "/Patient", 405),
        ("GET", "/Patient/a/b", 404),
        ("GET", "/Patient//a", 404),
        ("GET", "/$everything", 404),
        ("POST", "/Patient/a/$validate", 404),
        ("GET", "/Observation/a/Patient", 404),
        ("GET", "/%00", 404),
        ("GET", "/Patient/%00", 404),
        ("GET", "/Patient/%F0%9F%98%80", 404),
        ("GET", "/Patient?birthdate=x", 400),
        ("GET", "/Patient?nothing=1", 400),
        ("GET", "/Patient?name=%FF", 400),
        ("GET", "/Patient?name=%00", 400),
        ("GET", "/Patient?_page=x", 400),
        ("GET", "/Patient?_count=-1", 400),
    ],
)
async def test_ur_3_wrong_paths_methods_and_parameters(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ("allow" in answer.headers) is (status == 405)


WORDS = st.sampled_from(
    ["resourceType", "Patient", "Bundle", "transaction", "batch", "type", "entry", "request", "method", "url", "PUT", "GET",
     "resource", "id", "meta", "tag", "code", "reference", "fullUrl", "urn:uuid:1", "Patient/1", "Patient?name=1", "contained",
     "text", "div", "extension", "name", "link"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=20
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, TREES, st.sampled_from(["transaction", "batch"]))
async def test_any_json_is_answered_and_never_with_500(
    http: httpx.AsyncClient, tree: Any, other: Any, kind: str
) -> None:
    entries = [
        {"request": {"method": "PUT", "url": "Patient/1"}, "resource": tree},
        {"fullUrl": "urn:uuid:1", "request": {"method": "POST", "url": "Patient"}, "resource": other},
    ]
    bundles = [{"resourceType": "Bundle", "type": kind, "entry": some} for some in (entries, tree, [tree, other])]
    for path, body in (("/Patient", tree), *[("", bundle) for bundle in bundles]):
        answer = await http.post(path, json=body)
        assert answer.status_code < 500, answer.text
        for said in answer.json().get("entry", ()) if answer.json()["resourceType"] == "Bundle" else ():
            assert said["response"]["status"] < "5", said


@pytest.mark.parametrize("kind", ["read", "write", "transaction"])
async def test_st_5_a_lost_database_connection_is_503_and_the_next_request_works(
    urls: Urls, database: Database, tenant: FreshTenant, kind: str
) -> None:
    edge = application(read_settings({"database_url": urls.application, "connections": 1}, {}))
    entries = [
        {"request": {"method": "PUT", "url": "Patient/p"}, "resource": {"resourceType": "Patient", "id": "p"}},
        {"request": {"method": "GET", "url": "Patient/p"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    requests: dict[str, tuple[str, str, Any]] = {
        "read": ("GET", "/Patient?name=x", None),
        "write": ("PUT", "/Patient/p", entries[0]["resource"]),
        "transaction": ("POST", "", bundle),
    }
    method, path, body = requests[kind]
    async with edge.lifespan(), client_of(edge, tenant) as http:
        assert (await http.request(method, path, json=body)).status_code < 300
        assert edge.opened
        [row] = await edge.opened.session(tenant.tenant_id).select("select pg_backend_pid() as pid")
        await database.registry("select pg_terminate_backend($1)", row["pid"])
        answer = await http.request(method, path, json=body)
        assert answer.status_code in (200, 201, 503), answer.text
        assert answer.status_code != 503 or answer.headers["retry-after"]
        assert (await http.request(method, path, json=body)).status_code < 300
