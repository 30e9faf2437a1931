"""Operations over HTTP: where they are, by which methods, and in which forms their parameters come."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TAG = {"system": "http://example.org/tags", "code": "x"}
META: dict[str, Any] = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [TAG]}}]}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def issue(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["issue"][0]
    return found


@pytest.fixture
async def patient(http: httpx.AsyncClient) -> str:
    await http.put("/Patient/1", json={"resourceType": "Patient", "id": "1"})
    return "/Patient/1"


@pytest.mark.parametrize(
    "path",
    [
        "/$nonsense",
        "/Patient/$nonsense",
        "/Patient/1/$nonsense",
        "/Patient/1/_history/1/$nonsense",
        "/Basic/1/$everything",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_ur_3_an_unknown_operation_is_404_and_names_the_known(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == 404
    assert issue(answer)["code"] == "not-supported"
    assert "$meta" in issue(answer)["diagnostics"]


async def test_what_changes_something_is_not_asked_for_by_get(http: httpx.AsyncClient, patient: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await http.request(method, f"{patient}/$meta-add")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = await http.put(f"{patient}/$meta-add", json=META)
    assert answer.status_code == 405


async def test_parameters_come_in_a_query_a_form_or_a_resource(http: httpx.AsyncClient, patient: str) -> None:
    """All of $meta's are none; what it does not have is refused in each form, at its place."""
    assert (await http.get(f"{patient}/$meta?_format=json&_pretty=true")).status_code == 200
    assert (await http.post(f"{patient}/$meta")).status_code == 200
    assert (await http.post(f"{patient}/$meta", content=b"_format=json", headers=FORM)).status_code == 200
    assert (await http.post(f"{patient}/$meta", json={"resourceType": "Parameters"})).status_code == 200
    for answer in (
        await http.get(f"{patient}/$meta?x=1"),
        await http.post(f"{patient}/$meta", content=b"x=1", headers=FORM),
        await http.post(
            f"{patient}/$meta", json={"resourceType": "Parameters", "parameter": [{"name": "x", "valueCode": "1"}]}
        ),
    ):
        assert (answer.status_code, issue(answer)["code"]) == (400, "not-supported")
        assert "'x'" in issue(answer)["diagnostics"]
    assert issue(answer)["expression"] == ["Parameters.parameter[0]"]


@pytest.mark.parametrize(
    ("body", "expression"),
    [
        ({"resourceType": "Parameters"}, None),
        ({"resourceType": "Patient"}, "Parameters"),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueString": "x"}]},
            "Parameters.parameter[0].value",
        ),
        ({"resourceType": "Parameters", "parameter": META["parameter"] * 2}, None),
        ({"resourceType": "Parameters", "parameter": {}}, "Parameters.parameter"),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"kode": "x"}]}}]},
            "Parameters.parameter[0].value.tag[0].kode",
        ),
    ],
)
async def test_st_2_bad_parameters_are_refused_at_their_place(
    http: httpx.AsyncClient, patient: str, body: dict[str, Any], expression: str | None
) -> None:
    answer = await http.post(f"{patient}/$meta-add", json=body)
    assert answer.status_code == 400
    assert issue(answer).get("expression") == ([expression] if expression else None)
    assert (await http.get(patient)).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/fhir+json", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 400),
        (b"a,b", "text/csv", 415),
        (b"&".join(b"x%d=1" % n for n in range(10_001)), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_bad_bodies_are_refused(
    http: httpx.AsyncClient, patient: str, content: bytes, content_type: str, status: int
) -> None:
    answer = await http.post(f"{patient}/$meta", content=content, headers={"content-type": content_type})
    assert answer.status_code == status


async def test_parameters_are_taken_in_xml(http: httpx.AsyncClient, patient: str) -> None:
    body = (
        b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="meta"/><valueMeta><tag>'
        b'<system value="http://example.org/tags"/><code value="x"/></tag></valueMeta></parameter></Parameters>'
    )
    headers = {"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}
    answer = await http.post(f"{patient}/$meta-add", content=body, headers=headers)
    assert answer.status_code == 200
    assert b'<code value="x"/>' in answer.content
    assert (await http.get(patient)).json()["meta"]["tag"] == [TAG]


def bundle(kind: str, *requests: tuple[str, str], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    entries = [{"request": {"method": method, "url": url}} for method, url in requests]
    if resource:
        entries[-1]["resource"] = resource
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_bu_an_operation_is_an_entry_of_a_bundle(http: httpx.AsyncClient, patient: str, kind: str) -> None:
    answer = await http.post("/", json=bundle(kind, ("GET", "Patient/1/$meta"), ("GET", "Patient/1")))
    assert answer.status_code == 200
    labels, read = (entry["resource"] for entry in answer.json()["entry"])
    assert labels["parameter"][0]["valueMeta"] == read["meta"]


async def test_bu_a_change_by_an_operation_is_no_part_of_a_transaction(http: httpx.AsyncClient, patient: str) -> None:
    asked = ("POST", "Patient/1/$meta-add")
    answer = await http.post("/", json=bundle("transaction", asked, resource=META))
    assert answer.status_code == 400
    assert (await http.get(patient)).headers["etag"] == 'W/"1"'
    answer = await http.post("/", json=bundle("batch", asked, resource=META))
    assert answer.json()["entry"][0]["response"]["status"].startswith("200")
    assert (await http.get(patient)).json()["meta"]["tag"] == [TAG]


async def test_what_an_operation_does_not_define_is_left_to_open_ones(http: httpx.AsyncClient, patient: str) -> None:
    """$everything and $lastn take more than their definitions say, in a query, a form or a resource alike."""
    as_of = "2999-01-01T00:00:00Z"
    answer = await http.get(
        f"{patient}/$everything", params={"_asOf": as_of, "_type": "Patient,Basic", "_format": "json"}
    )
    assert (answer.status_code, answer.json()["total"]) == (200, 1)
    entries = [{"name": "_asOf", "valueInstant": as_of}, {"name": "_type", "valueCode": "Patient"}]
    answer = await http.post(f"{patient}/$everything", json={"resourceType": "Parameters", "parameter": entries})
    assert (answer.status_code, answer.json()["total"]) == (200, 1)
    answer = await http.post("/Observation/$lastn", content=b"patient=1&max=2&code:missing=false", headers=FORM)
    assert (answer.status_code, answer.json()["total"]) == (200, 0)
    for query in ("nonsense=1", "_count=x"):
        assert (await http.get(f"{patient}/$everything?{query}")).status_code == 400


async def test_our_own_operations_are_defined_where_their_url_says(http: httpx.AsyncClient) -> None:
    statement = (await http.get("/metadata")).json()
    rest = statement["rest"][0]
    named = [one for of in (rest, *rest["resource"]) for one in of.get("operation", ())]
    own = {one["definition"] for one in named if one["definition"].startswith(str(http.base_url).rstrip("/"))}
    assert {"meta", "meta-add", "meta-delete"} <= {one["name"] for one in named}
    assert own
    for url in own:
        answer = await http.get(url)
        assert (answer.status_code, answer.json()["url"]) == (200, url)
    answer = await http.get("/_operation/nonsense")
    assert answer.status_code == 404
