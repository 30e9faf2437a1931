"""$meta, $meta-add and $meta-delete over HTTP. https://hl7.org/fhir/R4/resource-operation-meta.html"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

A = "http://example.org/a"
P = "http://example.org/StructureDefinition/p"


def tag(code: str, **more: Any) -> dict[str, Any]:
    return {"system": A, "code": code, **more}


def sent(**meta: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


def meta_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    [returned] = answer.json().get("parameter", [{"name": "return", "valueMeta": {}}])
    assert returned["name"] == "return"
    meta: dict[str, Any] = returned["valueMeta"]
    return meta


async def put(http: httpx.AsyncClient, resource_type: str = "Patient", logical_id: str = "1", **meta: Any) -> str:
    tree: dict[str, Any] = {"resourceType": resource_type, "id": logical_id}
    if resource_type == "Basic":
        tree["code"] = {"text": "x"}
    if meta:
        tree["meta"] = meta
    assert (await http.put(f"/{resource_type}/{logical_id}", json=tree)).status_code in (200, 201)
    return f"/{resource_type}/{logical_id}"


async def test_the_meta_of_a_resource_and_of_its_versions(http: httpx.AsyncClient) -> None:
    path = await put(http, tag=[tag("old")])
    await put(http, tag=[tag("new")], profile=[P])
    assert meta_of(await http.get(f"{path}/$meta")) == (await http.get(path)).json()["meta"]
    past = await http.get(f"{path}/_history/1/$meta")
    assert meta_of(past) == (await http.get(f"{path}/_history/1")).json()["meta"]
    assert meta_of(past)["tag"] == [tag("old")]


@pytest.mark.parametrize("place", ["2", "1/_history/9", "1/_history/x", "a%20b"])
async def test_the_meta_of_what_is_not_there(http: httpx.AsyncClient, place: str) -> None:
    await put(http)
    assert (await http.get(f"/Patient/{place}/$meta")).status_code == 404


async def test_the_meta_of_what_was_deleted(http: httpx.AsyncClient) -> None:
    path = await put(http)
    await http.delete(path)
    gone = await http.get(f"{path}/$meta")
    assert (gone.status_code, gone.headers["etag"]) == (410, 'W/"2"')
    assert (await http.post(f"{path}/$meta-add", json=sent(tag=[tag("x")]))).status_code == 410
    assert meta_of(await http.get(f"{path}/_history/1/$meta"))["versionId"] == "1"


async def test_labels_in_use_of_a_type_and_of_all(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    await put(http, tag=[tag("Big", display="Big one")], profile=[P])
    await put(http, logical_id="2", tag=[tag("big"), tag("gone")])
    await put(http, "Basic", security=[tag("R")])
    await put(other_http, tag=[tag("foreign")])
    await put(http, logical_id="2")
    assert meta_of(await http.get("/Patient/$meta")) == {"profile": [P], "tag": [tag("Big", display="Big one")]}
    assert meta_of(await http.post("/Basic/$meta")) == {"security": [tag("R")]}
    every = meta_of(await http.get("/$meta"))
    assert every == {"profile": [P], "security": [tag("R")], "tag": [tag("Big", display="Big one")]}
    assert meta_of(await http.get("/Observation/$meta")) == {}


async def test_labels_are_added_once(http: httpx.AsyncClient) -> None:
    path = await put(http, tag=[tag("x", display="first")])
    answer = meta_of(
        await http.post(f"{path}/$meta-add", json=sent(tag=[tag("x", display="other"), tag("y")], profile=[P]))
    )
    assert answer == (await http.get(path)).json()["meta"]
    assert (answer["versionId"], answer["tag"], answer["profile"]) == ("2", [tag("x", display="first"), tag("y")], [P])
    again = meta_of(await http.post(f"{path}/$meta-add", json=sent(tag=[tag("y")], profile=[P])))
    assert again == answer  # nothing new, so no new version
    found = (await http.get("/Patient", params={"_tag": f"{A}|y", "_profile": P})).json()
    assert found["total"] == 1


async def test_labels_are_taken_off(http: httpx.AsyncClient) -> None:
    path = await put(http, tag=[tag("x", version="1"), tag("y")], security=[tag("x")], profile=[P])
    answer = meta_of(await http.post(f"{path}/$meta-delete", json=sent(tag=[tag("x"), tag("z")], profile=[P])))
    assert answer == (await http.get(path)).json()["meta"]
    assert answer.keys() == {"versionId", "lastUpdated", "tag", "security"}
    assert (answer["versionId"], answer["tag"]) == ("2", [tag("y")])
    same = meta_of(await http.post(f"{path}/$meta-delete", json=sent(tag=[tag("z")])))
    assert same["versionId"] == "2"
    assert (await http.get("/Patient", params={"_tag": f"{A}|x"})).json()["total"] == 0


async def test_ct_7_the_rest_of_the_resource_keeps_its_digits(http: httpx.AsyncClient) -> None:
    body = (
        b'{"resourceType":"Observation","id":"1","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'
    )
    await http.put("/Observation/1", content=body)
    await http.post("/Observation/1/$meta-add", json=sent(tag=[tag("x")]))
    assert "1.00" in (await http.get("/Observation/1")).text


async def test_up_5_a_change_of_labels_heeds_if_match(http: httpx.AsyncClient) -> None:
    path = await put(http)
    for body in (sent(tag=[tag("x")]), sent(source="http://nothing.example/changes")):
        refused = await http.post(f"{path}/$meta-add", json=body, headers={"If-Match": 'W/"7"'})
        assert refused.status_code == 412
    assert (await http.get(path)).headers["etag"] == 'W/"1"'
    done = await http.post(f"{path}/$meta-add", json=sent(tag=[tag("x")]), headers={"If-Match": 'W/"1"'})
    assert meta_of(done)["versionId"] == "2"


async def test_cr_5_a_subsetted_tag_is_refused(http: httpx.AsyncClient) -> None:
    path = await put(http)
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    answer = await http.post(f"{path}/$meta-add", json=sent(tag=[{"system": system, "code": "SUBSETTED"}]))
    assert answer.status_code == 422


@pytest.mark.parametrize("operation", ["$meta-add", "$meta-delete"])
async def test_past_versions_are_never_changed(http: httpx.AsyncClient, operation: str) -> None:
    path = await put(http, tag=[tag("x")])
    answer = await http.post(f"{path}/_history/1/{operation}", json=sent(tag=[tag("x")]))
    assert answer.status_code == 400
    assert (await http.get(path)).headers["etag"] == 'W/"1"'
    assert (await http.post("/Patient/2/" + operation, json=sent(tag=[tag("x")]))).status_code == 404


async def test_prefer_does_not_change_what_is_returned(http: httpx.AsyncClient) -> None:
    path = await put(http)
    headers = {"Prefer": "return=minimal"}
    assert meta_of(await http.post(f"{path}/$meta-add", json=sent(tag=[tag("x")]), headers=headers))["tag"] == [
        tag("x")
    ]


def in_batch(path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    entry = {"request": {"method": "POST", "url": f"{path}/$meta-add"}, "resource": parameters}
    return {"resourceType": "Bundle", "type": "batch", "entry": [entry]}


@pytest.mark.parametrize("keyed", [False, True], ids=["alone", "inside of a transaction"])
@pytest.mark.parametrize("batch", [False, True], ids=["direct", "batch"])
async def test_many_at_once_lose_nothing(http: httpx.AsyncClient, keyed: bool, batch: bool) -> None:
    """A request with an Idempotency-Key is one transaction as a whole, in which a lost race is not the end."""
    path = await put(http)

    async def add(code: str) -> str:
        parameters, headers = sent(tag=[tag(code)]), {"Idempotency-Key": code} if keyed else {}
        if batch:
            answer = await http.post("", json=in_batch(path, parameters), headers=headers)
            return str(answer.json()["entry"][0]["response"]["status"])[:3]
        return str((await http.post(f"{path}/$meta-add", json=parameters, headers=headers)).status_code)

    codes = {f"t{n}" for n in range(24)}
    assert {*await asyncio.gather(*map(add, codes))} == {"200"}
    assert {one["code"] for one in (await http.get(path)).json()["meta"]["tag"]} == codes
