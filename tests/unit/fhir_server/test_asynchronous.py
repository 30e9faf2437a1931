"""What of an asynchronous request needs no database: what is put aside of it, and how its answer is wrapped."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from fhir_server.asynchronous import _answered, _headers
from fhir_server.exchange import Request, Response

TENANT: Any = SimpleNamespace()
BASE = "http://a.example/fhir/default"


@pytest.mark.parametrize(
    ("prefer", "kept"),
    [
        ("respond-async", None),
        ("respond-async, return=minimal", "return=minimal"),
        ("handling=strict,Respond-Async , wait=10", "handling=strict"),
        ("respond-async; foo=bar, return=OperationOutcome", "return=OperationOutcome"),
    ],
)
def test_as_1_preferences_that_were_honoured_are_not_kept(prefer: str, kept: str | None) -> None:
    request = Request("POST", ("Patient",), TENANT, BASE, headers={"prefer": prefer})
    assert _headers(request).get("prefer") == kept


def test_as_1_headers_that_say_what_is_to_be_done_are_kept_and_no_others() -> None:
    given = {"if-match": 'W/"1"', "content-type": "text/json", "accept": "image/png", "authorization": "Bearer secret"}
    kept = _headers(Request("PUT", ("Patient", "1"), TENANT, BASE, headers=given))
    assert kept == {"if-match": 'W/"1"', "content-type": "text/json", "accept": "application/fhir+json"}


def entry(method: str, response: Response, prefer: str = "") -> Any:
    answered = _answered(Request(method, ("Patient",), TENANT, BASE, headers={"prefer": prefer}), response)
    bundle = orjson.loads(answered.body)
    assert (answered.status, bundle["resourceType"], bundle["type"]) == (200, "Bundle", "batch-response")
    [one] = bundle["entry"]
    return one


def test_as_3_the_answer_is_one_entry_with_the_resource() -> None:
    made = entry("POST", Response(201, '{"resourceType":"Patient"}', 1, location=f"{BASE}/Patient/1/_history/1"))
    assert made["resource"] == {"resourceType": "Patient"}
    assert made["response"]["status"] == "201 Created"
    assert made["response"]["etag"] == 'W/"1"'
    assert made["response"]["location"] == f"{BASE}/Patient/1/_history/1"


def test_as_3_an_outcome_that_was_preferred_is_the_outcome() -> None:
    outcome = '{"resourceType":"OperationOutcome"}'
    made = entry("POST", Response(201, outcome, 1), "return=OperationOutcome")
    assert "resource" not in made
    assert made["response"]["outcome"] == {"resourceType": "OperationOutcome"}


def test_as_3_what_is_no_resource_is_wrapped_in_a_binary() -> None:
    made = entry("GET", Response(200, content=b"\x00\xff", content_type="image/png"))
    assert made["resource"] == {"resourceType": "Binary", "contentType": "image/png", "data": "AP8="}
