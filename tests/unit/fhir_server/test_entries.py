"""A Bundle entry read as the request it stands for: BU-2, BU-3."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fhir_server.entries import Entry, entry_of, seen_from_bundle
from fhir_server.exchange import Request
from resources.definitions import load
from resources.outcome import BadRequest, FhirError, Invalid, Issue, MethodNotAllowed, NotFound

TENANT: Any = SimpleNamespace(definitions=load())
BASE = "http://a.example/fhir/default"
PATIENT = {"resourceType": "Patient"}


def read(method: str, url: str, prefer: str = "", resource: Any = None, full_url: str = "", **asked: str) -> Entry:
    outer = Request("POST", (), TENANT, BASE, headers={"prefer": prefer} if prefer else {})
    item: dict[str, Any] = {"request": {"method": method, "url": url, **asked}}
    item |= {"resource": resource} if resource is not None else {}
    item |= {"fullUrl": full_url} if full_url else {}
    return entry_of(outer, 4, item)


@pytest.mark.parametrize(
    ("method", "url", "interaction", "path", "query"),
    [
        ("GET", "Patient/1", "read", ("Patient", "1"), ""),
        ("HEAD", "/Patient/1/", "read", ("Patient", "1"), ""),
        ("GET", f"{BASE}/Patient/1?x=1", "read", ("Patient", "1"), "x=1"),
        ("GET", "Patient?name=a%20b&x=/y?z", "search-type", ("Patient",), "name=a%20b&x=/y?z"),
        ("GET", "Patient/%31/_history/2", "vread", ("Patient", "1", "_history", "2"), ""),
        ("GET", "Patient%2F1%3Fx", "read", ("Patient", "1?x"), ""),
        ("GET", "%2FPatient/1%2F", "read", ("Patient", "1"), ""),
        ("DELETE", "Patient/1", "delete", ("Patient", "1"), ""),
        ("GET", f"{BASE}/_history?_since=x", "history-system", ("_history",), "_since=x"),
    ],
)
def test_bu_2_urls(method: str, url: str, interaction: str, path: tuple[str, ...], query: str) -> None:
    entry = read(method, url)
    assert (entry.interaction, entry.request.path, entry.request.query) == (interaction, path, query)
    assert entry.head is (method == "HEAD")
    assert entry.request.base == BASE


def test_writes_have_an_identity_and_a_create_gets_its_id_here() -> None:
    def identity(method: str, url: str, **asked: str) -> tuple[str, str, str | None]:
        write = read(method, url, resource=PATIENT, **asked).write
        assert write
        return write.resource_type, write.logical_id, write.condition

    for method in ("PUT", "PATCH", "DELETE"):
        assert identity(method, "Patient/1") == ("Patient", "1", None)
        assert identity(method, "Patient?a=b") == ("Patient", "", "a=b")
    first, second = identity("POST", "Patient"), identity("POST", "Patient", ifNoneExist="a=b")
    assert (first[0], first[2], second[2]) == ("Patient", None, "a=b")
    assert first[1] != second[1]
    assert read("GET", "Patient/1").write is None


def test_a_full_url_is_compared_without_the_case_of_its_uuid() -> None:
    assert read("GET", "Patient/1", full_url="urn:uuid:AB").full_url == "urn:uuid:ab"
    assert read("GET", "Patient/1", full_url="http://X.org/Patient/A").full_url == "http://X.org/Patient/A"


def test_bu_3_elements_of_the_request_are_headers() -> None:
    entry = read(
        "PUT",
        "Patient/1",
        prefer="return=minimal",
        resource=PATIENT,
        ifMatch='W/"1"',
        ifNoneMatch="*",
        ifNoneExist="a=b",
        ifModifiedSince="2026-03-01T12:00:00.5+02:00",
    )
    assert entry.request.headers == {
        "prefer": "return=minimal",
        "if-match": 'W/"1"',
        "if-none-match": "*",
        "if-none-exist": "a=b",
        "if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT",
    }


@pytest.mark.parametrize(
    ("method", "url", "resource", "error"),
    [
        ("GET", "http://elsewhere.org/Patient/1", None, BadRequest),
        ("GET", f"{BASE}x/Patient/1", None, BadRequest),
        ("POST", "", {"resourceType": "Bundle"}, BadRequest),
        ("POST", "/", {"resourceType": "Bundle"}, BadRequest),
        ("GET", "Foo/1", None, NotFound),
        ("PATCH", "Patient/1/_history/1", None, MethodNotAllowed),
        ("GET", "_async/1", None, BadRequest),
        ("POST", "Patient", "text", Invalid),
        ("PUT", "Patient/1", [], Invalid),
    ],
)
def test_bu_2_what_is_no_request_is_refused(method: str, url: str, resource: Any, error: type[FhirError]) -> None:
    with pytest.raises(error):
        read(method, url, resource=resource)


@pytest.mark.parametrize("moment", ["2016-12-31T23:59:60Z", "0001-01-01T00:00:00+14:00"])
def test_bu_3_a_moment_no_clock_shows_is_refused(moment: str) -> None:
    with pytest.raises(BadRequest, match="ifModifiedSince"):
        read("GET", "Patient/1", ifModifiedSince=moment)


def test_tr_1_errors_are_placed_in_the_bundle() -> None:
    entry = read("PUT", "Patient/1", resource=PATIENT)
    issues = [Issue("error", "value", "x", ("Patient.name[1].family",)), Issue("error", "value", "y")]
    placed = seen_from_bundle(entry, Invalid(issues=issues))
    assert [one.expression for one in placed.issues] == [
        ("Bundle.entry[4].resource.name[1].family",),
        ("Bundle.entry[4].resource",),
    ]
    assert seen_from_bundle(entry, BadRequest("z")).issues[0].expression == ("Bundle.entry[4]",)
