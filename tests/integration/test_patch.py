"""patch: PA-1 to PA-8, over HTTP, in batch and transaction, and conditional."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources import exact, fhir_xml
from resources.database import Owner
from resources.definitions import load
from resources.outcome import FhirError
from resources.patch import diff
from resources.validation.validator import Validator

from ..conftest import FreshTenant
from ..unit.resources.patch.made import operation, patch
from ..unit.resources.patch.test_fhirpath_patch import cases
from .test_bundle import entry, post

Json = dict[str, Any]
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p",
    "active": False,
    "name": [{"family": "Weber"}],
    "extension": [{"url": "http://example.org/x", "valueDecimal": 7}],
}
ACTIVE = patch(operation("replace", "Patient.active", value={"valueBoolean": True}))
SAME_CHANGE: list[tuple[str, Any]] = [  # the same change, said in each way
    (JSON_PATCH, [{"op": "replace", "path": "/active", "value": True}]),
    (MERGE_PATCH, {"active": True}),
    (FHIR_JSON, ACTIVE),
    ("application/json", ACTIVE),
    (FHIR_XML, fhir_xml.encode(load(), ACTIVE)),
]
ids = [media_type for media_type, _ in SAME_CHANGE]


async def send(http: httpx.AsyncClient, content_type: str, body: Any, path: str = "/Patient/p", **headers: str) -> Any:
    content = body if isinstance(body, bytes | str) else exact.encode(body)
    sent = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await http.patch(path, content=content, headers=sent)


async def stored(http: httpx.AsyncClient, path: str = "/Patient/p") -> Json:
    return exact.decode((await http.get(path)).content)


def plain(tree: Json) -> Json:
    return {name: value for name, value in tree.items() if name != "meta"}


@pytest.fixture
async def patient(http: httpx.AsyncClient) -> None:
    assert (await http.put("/Patient/p", json=PATIENT)).status_code == 201


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("content_type", "body"), SAME_CHANGE, ids=ids)
async def test_pa_1_pa_2_every_kind_makes_a_new_version(http: httpx.AsyncClient, content_type: str, body: Any) -> None:
    answer = await send(http, content_type, body)
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert plain(answer.json()) == {**PATIENT, "active": True}
    assert plain(await stored(http)) == {**PATIENT, "active": True}
    assert plain(await stored(http, "/Patient/p/_history/1")) == PATIENT
    assert (await http.get("/Patient?active=true")).json()["total"] == 1
    [newest, _] = (await http.get("/Patient/p/_history")).json()["entry"]
    assert newest["resource"]["meta"]["versionId"] == "2"


@pytest.mark.usefixtures("patient")
async def test_pa_5_numbers_keep_their_digits(http: httpx.AsyncClient) -> None:
    body = b'[{"op":"replace","path":"/extension/0/valueDecimal","value":1.500}]'
    assert b'"valueDecimal":1.500' in (await send(http, JSON_PATCH, body)).content.replace(b": ", b":")
    value = operation("replace", "Patient.extension[0].value", value={"valueDecimal": exact.decode(b'{"a":0.10}')["a"]})
    assert b'"valueDecimal":0.10' in (await send(http, FHIR_JSON, patch(value))).content.replace(b": ", b":")
    body = b'{"extension":[{"url":"http://example.org/x","valueDecimal":2.00}]}'
    assert b'"valueDecimal":2.00' in (await send(http, MERGE_PATCH, body)).content.replace(b": ", b":")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("content_type", "body"), SAME_CHANGE[:3], ids=ids[:3])
async def test_pa_2_if_match(http: httpx.AsyncClient, content_type: str, body: Any) -> None:
    assert (await send(http, content_type, body, if_match='W/"7"')).status_code == 412
    assert plain(await stored(http)) == PATIENT
    assert (await send(http, content_type, body, if_match='W/"1"')).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_pa_2_prefer(http: httpx.AsyncClient) -> None:
    content_type, body = SAME_CHANGE[0]
    minimal = await send(http, content_type, body, prefer="return=minimal")
    assert (minimal.status_code, minimal.content, minimal.headers["etag"]) == (200, b"", 'W/"2"')
    same = await send(http, content_type, body, prefer="return=OperationOutcome")
    assert same.json()["resourceType"] == "OperationOutcome"
    assert same.headers["etag"] == 'W/"2"'  # nothing was changed, so there is no new version
    whole = await send(http, MERGE_PATCH, {"active": None}, prefer="return=representation")
    assert (whole.json()["meta"]["versionId"], "active" in whole.json()) == ("3", False)


async def test_pa_3_unknown_and_deleted(http: httpx.AsyncClient) -> None:
    content_type, body = SAME_CHANGE[0]
    assert (await send(http, content_type, body)).status_code == 404
    await http.put("/Patient/p", json=PATIENT)
    await http.delete("/Patient/p")
    gone = await send(http, content_type, body)
    assert (gone.status_code, gone.json()["issue"][0]["code"]) == (410, "deleted")
    assert (await send(http, content_type, body, "/Foo/p")).status_code == 404


WRONG: list[tuple[str, Any, int, list[str] | None]] = [  # content type, body, status, expression
    (JSON_PATCH, "[", 400, None),
    (JSON_PATCH, "", 400, None),
    (JSON_PATCH, {"op": "remove", "path": "/active"}, 400, None),
    (JSON_PATCH, [{"op": "spam", "path": "/active"}], 400, None),
    (JSON_PATCH, [{"op": "remove", "path": "/birthDate"}], 400, ["Patient.birthDate"]),
    (JSON_PATCH, [{"op": "remove", "path": "/name/1"}], 400, ["Patient.name[1]"]),
    (JSON_PATCH, [{"op": "test", "path": "/active", "value": True}], 422, ["Patient.active"]),
    (JSON_PATCH, [{"op": "replace", "path": "/id", "value": "q"}], 400, ["Patient.id"]),
    (JSON_PATCH, [{"op": "replace", "path": "/resourceType", "value": "Group"}], 400, ["Patient.resourceType"]),
    (JSON_PATCH, [{"op": "replace", "path": "/meta/versionId", "value": "9"}], 400, ["Patient.meta.versionId"]),
    (JSON_PATCH, [{"op": "remove", "path": "/meta/lastUpdated"}], 400, ["Patient.meta.lastUpdated"]),
    (JSON_PATCH, [{"op": "replace", "path": "", "value": []}], 400, None),
    (JSON_PATCH, [{"op": "add", "path": "/foo", "value": 1}], 400, ["Patient.foo"]),
    (JSON_PATCH, [{"op": "replace", "path": "/active", "value": "yes"}], 400, ["Patient.active"]),
    (JSON_PATCH, [{"op": "test", "path": "/id", "value": "p"}] * 10_001, 413, None),
    (MERGE_PATCH, "[]", 400, None),
    (MERGE_PATCH, {"id": "q"}, 400, ["Patient.id"]),
    (MERGE_PATCH, {"meta": None}, 400, ["Patient.meta.versionId"]),
    (MERGE_PATCH, {"birthDate": "never"}, 400, ["Patient.birthDate"]),
    (FHIR_JSON, {"resourceType": "Patient", "id": "p"}, 400, ["Parameters"]),
    (FHIR_JSON, patch(operation("replace", "Patient.id", value={"valueId": "q"})), 400, ["Patient.id"]),
    (FHIR_JSON, patch(operation("delete", "Patient.meta")), 400, ["Patient.meta.versionId"]),
    (
        FHIR_JSON,
        patch(operation("replace", "Patient.gender", value={"valueCode": "male"})),
        400,
        ["Parameters.parameter[0]"],
    ),
    (
        FHIR_JSON,
        patch(operation("replace", "Patient.active", value={"valueCode": "male"})),
        400,
        ["Parameters.parameter[0]"],
    ),
    (FHIR_JSON, patch(operation("add", "Patient", name="gender", value={"valueCode": "x"})), 400, ["Patient.gender"]),
    (FHIR_XML, "<Parameters", 400, None),
    ("application/xml-patch+xml", "<diff/>", 415, None),
    ("text/plain", "x", 415, None),
]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("content_type", "body", "status", "at"), WRONG, ids=lambda value: str(value)[:80])
async def test_pa_3_pa_4_refused_and_nothing_written(
    http: httpx.AsyncClient, content_type: str, body: Any, status: int, at: list[str] | None
) -> None:
    answer = await send(http, content_type, body)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.json()["issue"][0]["diagnostics"]
    if at is not None:
        assert answer.json()["issue"][0]["expression"] == at
    assert (await http.get("/Patient/p")).headers["etag"] == 'W/"1"'


async def test_pa_8_narratives(http: httpx.AsyncClient) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">Weber</div>'
    for status, expected in (("generated", 200), ("additional", 422)):
        await http.put("/Patient/p", json={**PATIENT, "text": {"status": status, "div": div}})
        answer = await send(http, *SAME_CHANGE[0])
        assert answer.status_code == expected
        assert "text" not in answer.json()
    both = [*SAME_CHANGE[0][1], {"op": "replace", "path": "/text/div", "value": div.replace("Weber", "Weber, active")}]
    answer = await send(http, JSON_PATCH, both)
    assert (answer.status_code, answer.json()["text"]["status"]) == (200, "additional")


def binary(content_type: str, body: Any) -> Json:
    content = body if isinstance(body, bytes) else exact.encode(body)
    return {"resourceType": "Binary", "contentType": content_type, "data": base64.b64encode(content).decode()}


IN_ENTRIES = [
    *((content_type, binary(content_type, body)) for content_type, body in SAME_CHANGE[:2] + SAME_CHANGE[4:]),
    ("Parameters", ACTIVE),
]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(("name", "resource"), IN_ENTRIES, ids=[name for name, _ in IN_ENTRIES])
async def test_pa_1_entries_of_bundles(http: httpx.AsyncClient, kind: str, name: str, resource: Json) -> None:
    other = entry("PUT", "Patient/q", {"resourceType": "Patient", "id": "q"})
    answer = await post(http, kind, other, entry("PATCH", "Patient/p", resource))
    assert answer.status_code == 200
    assert [one["response"]["status"][:3] for one in answer.json()["entry"]] == ["201", "200"]
    assert plain(await stored(http)) == {**PATIENT, "active": True}


@pytest.mark.usefixtures("patient")
async def test_pa_4_a_failing_entry(http: httpx.AsyncClient) -> None:
    failing = binary(JSON_PATCH, [{"op": "test", "path": "/active", "value": True}])
    other = entry("PUT", "Patient/q", {"resourceType": "Patient", "id": "q"})
    whole = await post(http, "transaction", other, entry("PATCH", "Patient/p", failing))
    assert whole.status_code == 422
    assert (await http.get("/Patient/q")).status_code == 404
    each = await post(http, "batch", other, entry("PATCH", "Patient/p", failing))
    assert [one["response"]["status"][:3] for one in each.json()["entry"]] == ["201", "422"]
    stale = await post(http, "batch", entry("PATCH", "Patient/p", ACTIVE, ifMatch='W/"7"'))
    assert stale.json()["entry"][0]["response"]["status"].startswith("412")
    assert (await http.get("/Patient/p")).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(("content_type", "body"), SAME_CHANGE, ids=ids)
async def test_pa_2_conditional(http: httpx.AsyncClient, content_type: str, body: Any) -> None:
    path = "/Patient?identifier=http://x.org|1"
    assert (await send(http, content_type, body, path)).status_code == 404
    known = {**PATIENT, "identifier": [{"system": "http://x.org", "value": "1"}]}
    await http.put("/Patient/p", json=known)
    answer = await send(http, content_type, body, path)
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert plain(await stored(http)) == {**known, "active": True}
    await http.put("/Patient/q", json={**known, "id": "q"})
    assert (await send(http, content_type, body, path)).status_code == 412


@pytest.mark.usefixtures("patient")
async def test_pa_2_many_at_once_are_all_done(http: httpx.AsyncClient) -> None:
    """Without If-Match each is applied to what the one before it made: no name is lost."""

    def one(n: int) -> Any:
        return send(http, JSON_PATCH, [{"op": "add", "path": "/name/-", "value": {"family": str(n)}}])

    statuses = [answer.status_code for answer in await asyncio.gather(*map(one, range(6)))]
    assert set(statuses) <= {200, 409}
    families = [name["family"] for name in (await stored(http))["name"]]
    assert sorted(families) == sorted(["Weber", *(str(n) for n, status in enumerate(statuses) if status == 200)])
    assert statuses.count(200) >= 1


async def test_up_7_if_match_may_be_required(
    http: httpx.AsyncClient, owner: Owner, tenant: FreshTenant, edge: Edge
) -> None:
    await http.put("/Patient/p", json=PATIENT)
    await registry.set_settings(owner, tenant.name, {"require_if_match": True})
    assert edge.opened
    await edge.opened.tenants.reload()
    assert (await send(http, *SAME_CHANGE[0])).status_code == 400
    assert (await send(http, *SAME_CHANGE[0], if_match='W/"1"')).status_code == 200


@pytest.mark.suite("patch")
async def test_pa_6_the_official_cases_over_http(http: httpx.AsyncClient) -> None:
    validator, done = Validator(load()), 0
    for number, (name, mode, trees) in enumerate(cases()):
        logical_id = f"case-{number}"
        before, after = ({**trees[which], "id": logical_id} for which in ("input", "output"))
        try:
            validator.check("Patient", before)
        except FhirError:
            continue
        path = f"/Patient/{logical_id}"
        assert (await http.put(path, content=exact.encode(before))).status_code == 201
        answer = await send(http, FHIR_JSON, trees["diff"], path)
        assert answer.status_code == 200, (name, answer.text)
        assert plain(await stored(http, path)) == after, name
        if mode == "both" and trees["diff"].get("parameter"):
            found = await http.get(f"{path}/$diff")
            parameters = [one for one in found.json()["parameter"] if one["name"] == "operation"]
            assert parameters == json.loads(exact.encode(trees["diff"]))["parameter"], name
            # Back again, in XML, by the difference the other way round.
            back = fhir_xml.encode(load(), diff(load(), after, before))
            assert (await send(http, FHIR_XML, back, path)).status_code == 200
            assert plain(await stored(http, path)) == before, name
        done += 1
    assert done == 17
