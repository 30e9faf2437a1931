"""Bundles put together from stored text: HI-2, SE-4, SE-5, BU-4."""

from datetime import UTC, datetime

import orjson

from fhir_server.answers import bundle, history_entry, match_entry, response_entry
from fhir_server.exchange import Response
from resources.store import Version

BASE = "http://a.example/fhir/default"
WRITTEN = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)
BODY = '{"resourceType":"Patient","id":"1","x":1.00}'


def version(version_id: int, method: str, body: str | None = BODY, outcome: str = "") -> Version:
    return Version("Patient", "1", version_id, WRITTEN, method, body, outcome)


def test_se_4_without_entries_there_is_no_entry_element() -> None:
    assert orjson.loads(bundle("searchset", [], total=0)) == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_a_bundle_has_total_links_and_entries_in_order() -> None:
    text = bundle("history", ['{"a":1}', '{"b":2}'], total=2, links=[("self", f'{BASE}?x="')])
    read = orjson.loads(text)
    assert read["link"] == [{"relation": "self", "url": f'{BASE}?x="'}]
    assert read["entry"] == [{"a": 1}, {"b": 2}]
    assert list(read) == ["resourceType", "type", "total", "link", "entry"]


def test_se_5_a_match_has_full_url_and_mode_and_the_text_as_stored() -> None:
    text = match_entry(BASE, version(1, "POST"))
    assert BODY in text
    read = orjson.loads(text)
    assert (read["fullUrl"], read["search"]) == (f"{BASE}/Patient/1", {"mode": "match"})


def test_se_5_cn_1_an_include_and_a_contained_match() -> None:
    read = orjson.loads(match_entry(BASE, version(1, "POST"), '{"a":1}', "include"))
    assert read == {"fullUrl": f"{BASE}/Patient/1", "resource": {"a": 1}, "search": {"mode": "include"}}
    inside = orjson.loads(match_entry(BASE, version(1, "POST"), '{"b":1}', inner="m"))
    assert (inside["fullUrl"], inside["resource"]) == (f"{BASE}/Patient/1#m", {"b": 1})


def test_hi_2_entries_of_a_history() -> None:
    created = orjson.loads(history_entry(BASE, version(1, "POST", outcome="created")))
    assert created["fullUrl"] == f"{BASE}/Patient/1"
    assert created["request"] == {"method": "POST", "url": "Patient"}
    assert created["response"] == {
        "status": "201 Created",
        "etag": 'W/"1"',
        "lastModified": "2026-03-01T10:00:00.123Z",
    }
    updated = orjson.loads(history_entry(BASE, version(2, "PUT", outcome="updated")))
    assert updated["request"] == {"method": "PUT", "url": "Patient/1"}
    assert updated["response"]["status"] == "200 OK"
    assert updated["resource"]["id"] == "1"
    brought_back = version(3, "PUT", outcome="created")
    assert orjson.loads(history_entry(BASE, brought_back))["response"]["status"] == "201 Created"
    deleted = orjson.loads(history_entry(BASE, version(3, "DELETE", None)))
    assert deleted["request"] == {"method": "DELETE", "url": "Patient/1"}
    assert deleted["response"]["status"] == "204 No Content"
    assert "resource" not in deleted


def test_bu_4_entries_of_an_answer() -> None:
    place = f"{BASE}/Patient/1/_history/1"
    assert orjson.loads(response_entry(Response(201, BODY, 1, WRITTEN, place))) == {
        "resource": {"resourceType": "Patient", "id": "1", "x": 1.0},
        "response": {
            "status": "201 Created",
            "location": place,
            "etag": 'W/"1"',
            "lastModified": "2026-03-01T10:00:00.123Z",
        },
    }
    assert orjson.loads(response_entry(Response(204, "", 3))) == {
        "response": {"status": "204 No Content", "etag": 'W/"3"'}
    }
    assert orjson.loads(response_entry(Response(410, headers={"ETag": 'W/"4"'}))) == {
        "response": {"status": "410 Gone", "etag": 'W/"4"'}
    }
    outcome = '{"resourceType":"OperationOutcome"}'
    assert orjson.loads(response_entry(Response(404, outcome), outcome=True)) == {
        "response": {"status": "404 Not Found", "outcome": {"resourceType": "OperationOutcome"}}
    }
