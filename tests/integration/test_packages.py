"""Packages in a tenant: how they are sent, listed, and refused."""

from __future__ import annotations

import base64

import httpx
import pytest

from fhir_server.edge import LARGEST_RESOURCE

from ..packages import COLOURS, PAINT, PROFILE, TGZ, install, packed, said


async def test_a_package_is_sent_as_a_binary_too(http: httpx.AsyncClient) -> None:
    binary = {
        "resourceType": "Binary",
        "contentType": "application/gzip",
        "data": base64.b64encode(packed(COLOURS)).decode(),
    }
    sent = {"resourceType": "Parameters", "parameter": [{"name": "package", "resource": binary}]}
    assert said(await http.post("/$package-install", json=sent))["created"] == 1
    assert said(await http.post("/$package-install", json=binary))["outcome"] == "unchanged"


async def test_packages_are_listed_and_of_one_tenant(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    await install(http, packed(COLOURS, PROFILE, title="Colours"))
    [one] = said(await http.get("/$packages"))["package"]
    assert (one["name"], one["version"], one["title"]) == ("org.example.guide", "1.0.0", "Colours")
    assert [[part["name"] for part in content] for content in one["content"]] == [["type", "count"], ["type", "count"]]
    assert "package" not in said(await other_http.get("/$packages"))
    assert (await other_http.post("/$package-uninstall?name=org.example.guide")).status_code == 404
    assert (await other_http.get("/CodeSystem/colours")).status_code == 404


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"no archive", "application/gzip", 400),
        (packed(fhirVersions=["5.0.0"]), "application/gzip", 422),
        (packed(files={"package/x.json": b"{"}), "application/octet-stream", 400),
        (packed(), "text plain", 415),
        (b"", "application/gzip", 400),
        (b'{"resourceType":"Binary","contentType":"application/gzip"}', "application/fhir+json", 400),
    ],
)
async def test_what_is_no_package_is_refused(
    http: httpx.AsyncClient, content: bytes, content_type: str, status: int
) -> None:
    for operation in ("$package-install", "$package-preview"):
        answer = await http.post(f"/{operation}", content=content, headers={"content-type": content_type})
        assert answer.status_code == status, answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_stored_operation_is_not_claimed(http: httpx.AsyncClient) -> None:
    await install(http, packed(PAINT))
    statement = (await http.get("/metadata")).json()
    codes = {one["name"] for one in statement["rest"][0]["operation"]}
    assert {"packages", "package-install", "package-preview", "package-uninstall"} <= codes
    assert "paint" not in codes
    assert (await http.post("/$paint")).status_code == 404


async def test_a_package_may_be_as_large_as_a_bundle(http: httpx.AsyncClient) -> None:
    large = b"\x1f\x8b" + b"x" * LARGEST_RESOURCE
    assert (await http.post("/$package-preview", content=large, headers=TGZ)).status_code == 400
    other = {"content-type": "application/fhir+json"}
    assert (await http.post("/Patient/$meta-add", content=large, headers=other)).status_code == 413
    assert (await http.post("/Patient/x/$meta-add", content=packed(), headers=TGZ)).status_code == 415
