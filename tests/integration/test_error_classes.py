"""Every class of the error tree, as a client sees it: status, code, expression and text (ST-1, ST-2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server.dispatch import Dispatcher
from fhir_server.edge import Edge
from resources import outcome
from resources.outcome import FhirError

from ..conftest import FreshTenant
from .conftest import client_of

PATIENT = {"resourceType": "Patient", "id": "a"}
TEN_MB = b'{"resourceType":"Patient","language":"' + b"x" * 10_000_000 + b'"}'
JSON_PATCH = {"content-type": "application/json-patch+json"}
TWO = [("PUT", f"/Patient/{name}", {"json": {"resourceType": "Patient", "id": name, "active": True}}) for name in "ab"]

# class → (what is done before, request, status, code, expression, part of the text)
CASES: dict[str, tuple[list[Any], Any, int, str, list[str] | None, str]] = {
    "BadRequest": ([], ("PUT", "/Patient/b", {"json": PATIENT}), 400, "value", ["Patient.id"], "'a'; the URL says 'b'"),
    "Malformed": ([], ("POST", "/Patient", {"content": b'{"a":}'}), 400, "structure", None, "line 1, column 6"),
    "Invalid": (
        [],
        ("POST", "/Patient", {"json": {**PATIENT, "gender": "x"}}),
        400,
        "code-invalid",
        ["Patient.gender"],
        "administrative-gender",
    ),
    "NotSupported": ([], ("GET", "/Patient?nosuch=1", {}), 400, "not-supported", None, "nosuch"),
    "TooCostly": (
        [],
        ("GET", "/List?item.item.item._id=1", {}),
        403,
        "too-costly",
        None,
        "item.item.item._id",
    ),
    "NotFound": ([], ("GET", "/Patient/a", {}), 404, "not-found", None, "Patient/a does not exist"),
    "MethodNotAllowed": ([], ("DELETE", "/metadata", {}), 405, "not-supported", None, "GET"),
    "NotAcceptable": (
        [],
        ("GET", "/Patient", {"headers": {"accept": "image/png"}}),
        406,
        "not-supported",
        None,
        "application/fhir+json",
    ),
    "Conflict": (
        TWO[:1],
        ("PUT", "/Patient?active=false", {"json": {**PATIENT, "active": False}}),
        409,
        "duplicate",
        None,
        "Patient/a exists already",
    ),
    "Gone": ([*TWO[:1], ("DELETE", "/Patient/a", {})], ("GET", "/Patient/a", {}), 410, "deleted", None, "was deleted"),
    "PreconditionFailed": (
        TWO[:1],
        ("DELETE", "/Patient/a", {"headers": {"if-match": 'W/"9"'}}),
        412,
        "conflict",
        None,
        "is at version 1, not at 9",
    ),
    "MultipleMatches": (
        TWO,
        ("DELETE", "/Patient?active=true", {}),
        412,
        "multiple-matches",
        None,
        "nothing was deleted",
    ),
    "TooLarge": ([], ("POST", "/Patient", {"content": TEN_MB}), 413, "too-long", None, "10000000 bytes"),
    "UnsupportedMediaType": (
        [],
        ("POST", "/Patient", {"content": b"x", "headers": {"content-type": "image/png"}}),
        415,
        "not-supported",
        None,
        "image/png",
    ),
    "Unprocessable": (
        TWO[:1],
        ("PATCH", "/Patient/a", {"content": b'[{"op":"test","path":"/active","value":false}]', "headers": JSON_PATCH}),
        422,
        "business-rule",
        ["Patient.active"],
        "/active",
    ),
}


def classes(one: type[FhirError] = FhirError) -> list[type[FhirError]]:
    return [one, *(inner for below in one.__subclasses__() for inner in classes(below))]


TREE = [one for one in classes() if one.__module__ == outcome.__name__ and one is not FhirError]
# Those that no request brings about yet, or only a broken database does: they are seen in the next test alone.
ELSEWHERE = {"Unauthorized", "Forbidden", "Throttled", "Fault", "Unavailable"}


def test_every_class_is_here() -> None:
    assert {one.__name__ for one in TREE} == CASES.keys() | ELSEWHERE


@pytest.mark.parametrize("name", CASES)
async def test_st_2_a_request_that_fails_so(http: httpx.AsyncClient, name: str) -> None:
    before, (method, path, given), status, code, expression, said = CASES[name]
    for done in before:
        assert (await http.request(done[0], done[1], **done[2])).status_code < 300
    answer = await http.request(method, path, **given)
    [issue] = answer.json()["issue"]
    assert (answer.status_code, issue["severity"], issue["code"]) == (status, "error", code), answer.text
    assert issue.get("expression") == expression
    assert said in issue["diagnostics"]
    assert getattr(outcome, name).status == status


@pytest.mark.parametrize("error", TREE, ids=lambda one: one.__name__)
async def test_st_1_every_class_over_http(edge: Edge, tenant: FreshTenant, error: type[FhirError]) -> None:
    async def failing(*_: Any) -> Any:
        raise error("It did not work.", expression=["Patient.name[0]"], headers={"Retry-After": "7"})

    broken = Edge(Dispatcher({"read": failing}), edge._opening, max_body=1000)
    broken.opened = edge.opened
    async with client_of(broken, tenant) as http:
        for accept in ("application/fhir+json", "application/fhir+xml"):
            answer = await http.get("/Patient/a", headers={"accept": accept})
            assert answer.status_code == error.status
            assert answer.headers["content-type"] == f"{accept};charset=utf-8"
            assert answer.headers["retry-after"] == "7"
            for text in (error.code, "It did not work.", "Patient.name[0]", "OperationOutcome"):
                assert text in answer.text
