"""Conditional interactions: each cell of their table over HTTP and as entries, and never twice however many ask (CO-*)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server.store import set_settings
from resources.database import Owner

from ..conftest import FreshTenant, Urls

SYSTEM = "http://hospital.example.org/mrn"
WHERE = f"identifier={SYSTEM}|1"


def patient(value: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": value}], **more}


async def put(http: httpx.AsyncClient, logical_id: str, value: str = "1", **more: Any) -> None:
    answer = await http.put(f"/Patient/{logical_id}", json={**patient(value, **more), "id": logical_id})
    assert answer.status_code in (200, 201), answer.text


async def count(http: httpx.AsyncClient, query: str = WHERE) -> int:
    total: int = (await http.get(f"/Patient?{query}&_summary=count")).json()["total"]
    return total


async def setting(urls: Urls, tenant: FreshTenant, http: httpx.AsyncClient, **settings: Any) -> None:
    """Changes settings of the tenant, and waits until the worker has heard."""
    await http.get("/metadata")
    async with Owner.connect(urls.owner) as owner:
        assert await set_settings(owner, tenant.name, settings)
    edge: Any = http._transport.app  # type: ignore[attr-defined]
    await edge.opened.tenants.reload()


class Asked:
    """The same conditional interaction over HTTP, in a batch and in a transaction."""

    def __init__(self, http: httpx.AsyncClient, way: str) -> None:
        self._http, self._way = http, way

    async def __call__(
        self, method: str, url: str, resource: Any = None, none_exist: str = "", prefer: str = "", match: str = ""
    ) -> tuple[int, dict[str, Any], Any]:
        """Status, response (location, etag), resource or outcome."""
        headers = {"prefer": prefer} if prefer else {}
        if self._way == "http":
            if none_exist:
                headers["if-none-exist"] = none_exist
            if match:
                headers["if-match"] = match
            answer = await self._http.request(method, f"/{url}", json=resource, headers=headers)
            said = {
                k: v
                for k, v in (("location", answer.headers.get("location")), ("etag", answer.headers.get("etag")))
                if v
            }
            return answer.status_code, said, answer.json() if answer.content else None
        entry: dict[str, Any] = {"request": {"method": method, "url": url}}
        if none_exist:
            entry["request"]["ifNoneExist"] = none_exist
        if match:
            entry["request"]["ifMatch"] = match
        if resource is not None:
            entry["resource"] = resource
        bundle = {"resourceType": "Bundle", "type": self._way, "entry": [entry]}
        answer = await self._http.post("", json=bundle, headers=headers)
        if answer.status_code != 200:
            return answer.status_code, {}, answer.json()
        [one] = answer.json()["entry"]
        said = one["response"]
        body = one.get("resource", said.get("outcome"))
        return int(said["status"][:3]), {k: said[k] for k in ("location", "etag") if k in said}, body


@pytest.fixture(params=["http", "batch", "transaction"])
def ask(request: pytest.FixtureRequest, http: httpx.AsyncClient) -> Asked:
    return Asked(http, request.param)


# create


async def test_co_1_create_with_none(http: httpx.AsyncClient, ask: Asked) -> None:
    status, said, body = await ask("POST", "Patient", patient(active=True), none_exist=WHERE)
    assert (status, said["etag"], body["active"]) == (201, 'W/"1"', True)
    assert said["location"].endswith(f"/Patient/{body['id']}/_history/1")
    assert await count(http) == 1


async def test_co_1_create_with_one(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "a", gender="male")
    await put(http, "a", gender="female")
    status, said, body = await ask("POST", "Patient", patient(active=True), none_exist=WHERE)
    assert (status, said["etag"]) == (200, 'W/"2"')
    assert said["location"].endswith("/Patient/a/_history/2")
    assert (body["id"], body["gender"], "active" in body) == ("a", "female", False)
    status, _, body = await ask("POST", "Patient", patient(), none_exist=WHERE, prefer="return=minimal")
    assert (status, body) == (200, None)
    status, _, body = await ask("POST", "Patient", patient(), none_exist=WHERE, prefer="return=OperationOutcome")
    assert (status, body["resourceType"]) == (200, "OperationOutcome")
    assert "left as it is" in body["issue"][0]["diagnostics"]


async def test_a_condition_in_the_url_of_a_create_is_one(http: httpx.AsyncClient, ask: Asked) -> None:
    url = f"Patient?{WHERE}&_format=json"
    assert [(await ask("POST", url, patient()))[0] for _ in range(2)] == [201, 200]
    assert await count(http) == 1
    assert (await ask("POST", f"{url}&nosuch=1", patient()))[0] == 400
    assert (await ask("POST", "Patient?nosuch=1&_format=json&_count=x", patient("2")))[0] == 201  # UR-5


async def test_co_1_create_with_several(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "a")
    await put(http, "b")
    status, _, body = await ask("POST", "Patient", patient(), none_exist=WHERE)
    assert (status, body["issue"][0]["code"]) == (412, "multiple-matches")
    assert await count(http) == 2


# update


async def test_co_1_update_with_none(http: httpx.AsyncClient, ask: Asked) -> None:
    status, _, body = await ask("PUT", f"Patient?{WHERE}", patient())
    assert status == 201
    assert (await http.get(f"/Patient/{body['id']}")).status_code == 200
    status, _, body = await ask("PUT", f"Patient?identifier={SYSTEM}|2", {**patient("2"), "id": "mine"})
    assert (status, body["id"]) == (201, "mine")


async def test_co_3_update_with_none_whose_id_is_taken(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "taken", "9")
    status, _, body = await ask("PUT", f"Patient?{WHERE}", {**patient(), "id": "taken"})
    assert status == 409, body
    assert (await http.get("/Patient/taken")).json()["identifier"][0]["value"] == "9"


async def test_co_1_update_with_one(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "a")
    status, said, body = await ask("PUT", f"Patient?{WHERE}", patient(active=True))
    assert (status, said["etag"], body["id"], body["active"]) == (200, 'W/"2"', "a", True)
    status, said, body = await ask("PUT", f"Patient?{WHERE}", {**patient(active=False), "id": "a"})
    assert (status, said["etag"]) == (200, 'W/"3"')
    status, _, body = await ask("PUT", f"Patient?{WHERE}", {**patient(), "id": "b"})
    assert (status, body["issue"][0]["code"]) == (400, "value")
    assert "Patient.id" in body["issue"][0]["expression"][0] or "resource.id" in body["issue"][0]["expression"][0]


async def test_co_1_update_with_several(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "a")
    await put(http, "b")
    status, _, body = await ask("PUT", f"Patient?{WHERE}", patient(active=True))
    assert (status, body["issue"][0]["code"]) == (412, "multiple-matches")


async def test_co_1_if_match_is_judged_against_what_is_found(http: httpx.AsyncClient, ask: Asked) -> None:
    await put(http, "a", gender="male")
    await put(http, "a", gender="female")
    assert (await ask("PUT", f"Patient?{WHERE}", patient(), match='W/"1"'))[0] == 412
    assert (await ask("DELETE", f"Patient?{WHERE}", match='W/"1"'))[0] == 412
    assert (await ask("PUT", f"Patient?{WHERE}", patient(), match='W/"2"'))[0] == 200
    assert (await ask("DELETE", f"Patient?{WHERE}", match='W/"3"'))[0] == 204


async def test_up_5_if_match_where_nothing_is_found_is_412(http: httpx.AsyncClient, ask: Asked) -> None:
    for resource in (patient(), {**patient(), "id": "mine"}):
        for match in ('W/"1"', "*"):
            assert (await ask("PUT", f"Patient?{WHERE}", resource, match=match))[0] == 412
    assert await count(http) == 0


# patch


def merge(**changes: Any) -> dict[str, Any]:
    """A FHIRPath Patch that adds these elements."""
    operations = [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": "Patient"},
                {"name": "name", "valueString": name},
                {"name": "value", "valueBoolean": value},
            ],
        }
        for name, value in changes.items()
    ]
    return {"resourceType": "Parameters", "parameter": operations}


async def test_co_1_patch(http: httpx.AsyncClient, ask: Asked) -> None:
    status, _, body = await ask("PATCH", f"Patient?{WHERE}", merge(active=True))
    assert (status, body["issue"][0]["code"]) == (404, "not-found")
    await put(http, "a")
    status, said, body = await ask("PATCH", f"Patient?{WHERE}", merge(active=True))
    assert (status, said["etag"], body["active"]) == (200, 'W/"2"', True)
    await put(http, "b")
    status, _, body = await ask("PATCH", f"Patient?{WHERE}", merge(active=True))
    assert (status, body["issue"][0]["code"]) == (412, "multiple-matches")


# delete


async def test_co_1_delete(http: httpx.AsyncClient, ask: Asked) -> None:
    assert (await ask("DELETE", f"Patient?{WHERE}"))[0] == 204
    await put(http, "a")
    assert (await ask("DELETE", f"Patient?{WHERE}"))[0] == 204
    assert (await http.get("/Patient/a")).status_code == 410
    await put(http, "b")
    await put(http, "c")
    status, _, body = await ask("DELETE", f"Patient?{WHERE}")
    assert (status, body["issue"][0]["code"]) == (412, "multiple-matches")
    assert await count(http) == 2


async def test_co_4_several_are_deleted_where_the_tenant_allows(
    http: httpx.AsyncClient, ask: Asked, tenant: FreshTenant, urls: Urls
) -> None:
    await setting(urls, tenant, http, conditional_delete_max=3)
    for name in "abc":
        await put(http, name)
    status, _, body = await ask("DELETE", f"Patient?{WHERE}")
    assert status == 200
    assert "3 resources were deleted" in body["issue"][0]["diagnostics"]
    assert await count(http) == 0
    for name in "abcd":
        await put(http, name)
    status, _, body = await ask("DELETE", f"Patient?{WHERE}")
    assert (status, body["issue"][0]["code"]) == (412, "multiple-matches")
    assert await count(http) == 4
    said = (await http.get("/metadata")).json()["rest"][0]["resource"][0]
    assert said["conditionalDelete"] == "multiple"


# criteria


@pytest.mark.parametrize(
    "where", ["", "_count=1", "nosuch=1", f"{WHERE}&_sort=birthdate", "birthdate=maybe", "_include=Patient:link"]
)
async def test_what_is_no_condition_is_refused(http: httpx.AsyncClient, ask: Asked, where: str) -> None:
    await put(http, "a")
    handling = "handling=lenient"  # makes no difference here
    for method, resource in (("PUT", patient()), ("DELETE", None), ("PATCH", merge(active=True))):
        status, _, body = await ask(method, f"Patient?{where}" if where else "Patient", resource, prefer=handling)
        assert status == 400, (method, body)
        assert body["issue"][0]["severity"] == "error"
    if where:
        assert (await ask("POST", "Patient", patient(), none_exist=where, prefer=handling))[0] == 400
    assert await count(http) == 1


async def test_a_condition_may_be_a_chain_and_what_was_deleted_never_meets_it(
    http: httpx.AsyncClient, ask: Asked
) -> None:
    await http.put("/Organization/o", json={"resourceType": "Organization", "id": "o", "name": "North"})
    await put(http, "a", managingOrganization={"reference": "Organization/o"})
    chained = "organization.name=north"
    assert (await ask("POST", "Patient", patient("2"), none_exist=chained))[0] == 200
    await http.delete("/Patient/a")
    assert (await ask("POST", "Patient", patient("2"), none_exist=chained))[0] == 201


async def test_co_5_another_tenant_has_nothing_to_do_with_it(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, ask: Asked
) -> None:
    await put(other_http, "a")
    assert (await ask("POST", "Patient", patient(), none_exist=WHERE))[0] == 201
    assert (await ask("DELETE", f"Patient?{WHERE}"))[0] == 204
    assert await count(other_http) == 1


# in transactions


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


async def test_tr_6_links_lead_to_what_a_condition_finds(http: httpx.AsyncClient) -> None:
    await put(http, "a")
    sent = bundle(
        {
            "fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
            "resource": patient(),
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": WHERE},
        },
        {
            "fullUrl": "urn:uuid:71ebe359-bfdc-4613-8bf2-c5e300945f0b",
            "resource": patient("new"),
            "request": {"method": "PUT", "url": f"Patient?identifier={SYSTEM}|new"},
        },
        {
            "resource": {
                "resourceType": "Patient",
                "link": [
                    {"type": "seealso", "other": {"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}},
                    {"type": "seealso", "other": {"reference": "urn:uuid:71ebe359-bfdc-4613-8bf2-c5e300945f0b"}},
                ],
            },
            "request": {"method": "POST", "url": "Patient"},
        },
    )
    answer = await http.post("", json=sent)
    assert answer.status_code == 200, answer.text
    found, made, linking = answer.json()["entry"]
    assert (found["response"]["status"], made["response"]["status"]) == ("200 OK", "201 Created")
    links = [one["other"]["reference"] for one in linking["resource"]["link"]]
    assert links == ["Patient/a", f"Patient/{made['resource']['id']}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("PUT", f"Patient?{WHERE}", {}), ("PUT", "Patient/a", {})),
        (("PUT", f"Patient?{WHERE}", {}), ("PUT", f"Patient?{WHERE}&_id=a", {})),
        (("DELETE", f"Patient?{WHERE}", {}), ("PATCH", "Patient/a", {})),
        (("POST", "Patient", {"ifNoneExist": f"identifier={SYSTEM}|new"}),) * 2,
        (
            ("POST", "Patient", {"ifNoneExist": f"identifier={SYSTEM}|new"}),
            ("PUT", f"Patient?identifier={SYSTEM}|new,{SYSTEM}|newer", {}),
        ),
        (("POST", "Patient", {}), ("POST", "Patient", {"ifNoneExist": f"identifier={SYSTEM}|new"})),
    ],
)
async def test_tr_3_one_identity_twice_names_both(http: httpx.AsyncClient, first: Any, second: Any) -> None:
    await put(http, "a")
    entries = []
    for method, url, asked in (first, second):
        resource = {**patient("new"), "id": "a"} if url == "Patient/a" else patient("new")
        entry: dict[str, Any] = {"request": {"method": method, "url": url, **asked}}
        if method != "DELETE":
            entry["resource"] = merge(active=True) if method == "PATCH" else resource
        entries.append(entry)
    answer = await http.post("", json=bundle({"request": {"method": "GET", "url": "Patient"}}, *entries))
    [issue] = answer.json()["issue"]
    assert (answer.status_code, issue["code"]) == (400, "duplicate"), answer.text
    assert issue["expression"] == ["Bundle.entry[1]", "Bundle.entry[2]"]
    assert (await count(http), await count(http, f"identifier={SYSTEM}|new")) == (1, 0)


async def test_tr_2_a_condition_does_not_find_what_the_bundle_deletes(http: httpx.AsyncClient) -> None:
    await put(http, "a")
    answer = await http.post(
        "",
        json=bundle(
            {"resource": patient(), "request": {"method": "POST", "url": "Patient", "ifNoneExist": WHERE}},
            {"request": {"method": "DELETE", "url": "Patient/a"}},
        ),
    )
    assert [one["response"]["status"] for one in answer.json()["entry"]] == ["201 Created", "204 No Content"]
    assert await count(http) == 1
