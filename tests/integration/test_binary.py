"""Binary over HTTP: content as it is, and as a resource for those who name FHIR. https://hl7.org/fhir/R4/binary.html#rest"""

from __future__ import annotations

import base64

import httpx
import pytest

PDF = b"%PDF-1.7\x00\xff\xfe" + bytes(range(256))
FHIR = {"accept": "application/fhir+json"}


async def post(
    http: httpx.AsyncClient, content: bytes = PDF, content_type: str = "application/pdf", **headers: str
) -> str:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await http.post("/Binary", content=content, headers={"content-type": content_type, **more})
    assert answer.status_code == 201, answer.text
    place: str = answer.headers["location"].partition("/_history")[0]
    return place


async def test_ct_10_content_comes_back_as_it_was_sent(http: httpx.AsyncClient) -> None:
    place = await post(http)
    for accept in ("*/*", "application/pdf", "image/png", "text/html,*/*;q=0.8"):
        answer = await http.get(place, headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/pdf", PDF)
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.headers["last-modified"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "accept" in answer.headers["vary"].lower()
    assert (await http.get(f"{place}/_history/1", headers={"accept": "*/*"})).content == PDF


async def test_ct_10_who_names_fhir_gets_the_resource(http: httpx.AsyncClient) -> None:
    place = await post(http)
    tree = (await http.get(place, headers=FHIR)).json()
    assert (tree["resourceType"], tree["contentType"], base64.b64decode(tree["data"])) == (
        "Binary",
        "application/pdf",
        PDF,
    )
    assert (await http.get(f"{place}?_format=json", headers={"accept": "*/*"})).json() == tree
    xml = await http.get(f"{place}/_history/1", headers={"accept": "application/fhir+xml"})
    assert xml.content.count(b"<contentType")
    assert (await http.get(f"{place}?_elements=contentType", headers={"accept": "*/*"})).json()["contentType"]


async def test_hd_7_head_and_rd_4_conditional_reads_of_content(http: httpx.AsyncClient) -> None:
    place = await post(http)
    any_type = {"accept": "*/*"}
    got, head = await http.get(place, headers=any_type), await http.head(place, headers=any_type)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "last-modified"):
        assert head.headers[name] == got.headers[name]
    same = await http.get(place, headers={**any_type, "If-None-Match": 'W/"1"'})
    assert (same.status_code, same.content) == (304, b"")


async def test_ct_10_the_security_context_goes_both_ways(http: httpx.AsyncClient) -> None:
    place = await post(http, x_security_context="Patient/23")
    assert (await http.get(place, headers=FHIR)).json()["securityContext"] == {"reference": "Patient/23"}
    assert (await http.get(place, headers={"accept": "*/*"})).headers["x-security-context"] == "Patient/23"
    refused = await http.post(
        "/Binary", content=PDF, headers={"content-type": "application/pdf", "x-security-context": "nobody"}
    )
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (400, "value")


async def test_ct_10_content_is_put(http: httpx.AsyncClient) -> None:
    answer = await http.put("/Binary/b1", content=b"one", headers={"content-type": "text/plain; charset=utf-8"})
    assert answer.status_code == 201
    answer = await http.put("/Binary/b1", content=b"two", headers={"content-type": "text/plain; charset=utf-8"})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    same = await http.put("/Binary/b1", content=b"two", headers={"content-type": "text/plain; charset=utf-8"})
    assert same.headers["etag"] == 'W/"2"'
    stale = await http.put("/Binary/b1", content=b"x", headers={"content-type": "a/b", "If-Match": 'W/"1"'})
    assert stale.status_code == 412
    got = await http.get("/Binary/b1", headers={"accept": "*/*"})
    assert (got.content, got.headers["content-type"]) == (b"two", "text/plain; charset=utf-8")
    assert (await http.get("/Binary/b1/_history/1", headers={"accept": "*/*"})).content == b"one"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"resourceType":"Patient"}', "application/fhir+json"),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', "text/xml"),
        (b"[1, 2, 3]", "application/json"),
        (b"a=1&_format=xml", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n--x--", 'multipart/mixed; boundary="x"'),
    ],
)
async def test_ct_10_what_is_no_binary_is_content(http: httpx.AsyncClient, content: bytes, content_type: str) -> None:
    got = await http.get(await post(http, content, content_type), headers={"accept": "*/*"})
    assert (got.content, got.headers["content-type"]) == (content, content_type)


async def test_ct_10_a_binary_sent_as_fhir_stays_a_resource(http: httpx.AsyncClient) -> None:
    tree = {"resourceType": "Binary", "contentType": "image/png", "data": "AAEC"}
    answer = await http.post("/Binary", json=tree)
    assert answer.json()["data"] == "AAEC"
    got = await http.get(answer.headers["location"], headers={"accept": "*/*"})
    assert (got.content, got.headers["content-type"]) == (b"\x00\x01\x02", "image/png")
    empty = await http.post("/Binary", json={"resourceType": "Binary", "contentType": "image/png"})
    got = await http.get(empty.headers["location"], headers={"accept": "*/*"})
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, b"", "image/png")
    misspelt = await http.post("/Binary", json={"resourceType": "Binary", "contentTyp": "image/png"})
    assert misspelt.status_code == 400


async def test_active_content_does_nothing_here(http: httpx.AsyncClient) -> None:
    place = await post(http, b"<script>alert(1)</script>", "text/html")
    got = await http.get(place, headers={"accept": "text/html"})
    assert got.headers["content-disposition"] == "attachment"
    assert "sandbox" in got.headers["content-security-policy"]


async def test_bad_content_is_refused(http: httpx.AsyncClient) -> None:
    assert (await http.post("/Binary", content=b"", headers={"content-type": "a/b"})).status_code == 400
    assert (await http.post("/Binary", content=b"x", headers={"content-type": "nonsense"})).status_code == 415
    assert (
        await http.post("/Binary", content=b"{", headers={"content-type": "application/fhir+json"})
    ).status_code == 400
    large = await http.post("/Binary", content=bytes(10_000_001), headers={"content-type": "a/b"})
    assert large.status_code == 413


async def test_ct_10_a_patch_is_not_defined(http: httpx.AsyncClient) -> None:
    place = await post(http)
    body = b'[{"op":"replace","path":"/contentType","value":"a/b"}]'
    answer = await http.patch(place, content=body, headers={"content-type": "application/json-patch+json"})
    assert answer.status_code == 405
    assert "PUT" in answer.headers["allow"]


async def test_errors_of_a_native_read_are_outcomes(http: httpx.AsyncClient) -> None:
    place = await post(http)
    await http.delete(place)
    for path, status in (("/Binary/nothing", 404), (place, 410)):
        answer = await http.get(path, headers={"accept": "application/pdf"})
        assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


async def test_hd_3_minimal_and_a_large_content(http: httpx.AsyncClient) -> None:
    content = bytes(range(256)) * 30_000
    answer = await http.post("/Binary", content=content, headers={"content-type": "a/b", "Prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert (await http.get(answer.headers["location"], headers={"accept": "*/*"})).content == content


async def test_bu_in_a_bundle_a_binary_is_a_resource(http: httpx.AsyncClient) -> None:
    place = await post(http)
    entry = {"request": {"method": "GET", "url": place.removeprefix(str(http.base_url))}}
    for kind in ("batch", "transaction"):
        answer = await http.post("/", json={"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert answer.json()["entry"][0]["resource"]["contentType"] == "application/pdf"
    wrong = {"request": {"method": "POST", "url": "Binary"}, "resource": {"resourceType": "Patient"}}
    answer = await http.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": [wrong]})
    assert answer.status_code == 400


async def test_another_tenants_binary_is_not_there(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    await http.put("/Binary/b1", content=PDF, headers={"content-type": "application/pdf"})
    theirs = await other_http.get("/Binary/b1", headers={"accept": "*/*"})
    none = await other_http.get("/Binary/b2", headers={"accept": "*/*"})
    assert theirs.status_code == 404
    assert theirs.text == none.text.replace("b2", "b1")
