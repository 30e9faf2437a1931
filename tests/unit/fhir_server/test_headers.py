"""The headers of an answer (HD-*)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_server.exchange import Response
from fhir_server.headers import SEEN, SENT, head

MOMENT = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)


def said(response: Response, method: str = "GET", length: int = 5, encoding: str = "", **given: str) -> dict[str, str]:
    headers = {name.replace("_", "-"): value for name, value in given.items()}
    found = head(method, headers, response, "application/fhir+json;charset=utf-8", encoding, length)
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)
    return {name.decode(): value.decode() for name, value in found}


def test_hd_1_hd_2_a_version() -> None:
    out = said(Response(201, "{}", 3, MOMENT, "http://a/Patient/1/_history/3"), "POST")
    assert out["etag"] == 'W/"3"'
    assert out["last-modified"] == "Sun, 01 Mar 2026 10:00:00 GMT"
    assert out["location"] == "http://a/Patient/1/_history/3"
    assert out["content-length"] == "5"


def test_hd_6_what_may_be_kept() -> None:
    assert said(Response(200, "{}", 3))["cache-control"] == "private, no-cache"
    assert said(Response(200, "{}", headers={"ETag": 'W/"x"'}))["cache-control"] == "private, no-cache"
    for response, method in (
        (Response(200, "{}"), "GET"),
        (Response(410, "{}", 3), "GET"),
        (Response(200, "{}", 3), "PUT"),
    ):
        assert said(response, method)["cache-control"] == "no-store"
    assert said(Response(200, "{}"))["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("response", "length", "typed"), [(Response(204), 0, False), (Response(200, "{}"), 2, True)])
def test_content_is_named_where_there_is_some(response: Response, length: int, typed: bool) -> None:
    out = said(response, length=length)
    assert ("content-type" in out, "content-length" in out) == (typed, typed)
    native = said(Response(200, content_type="text/plain"), length=0)
    assert (native["content-type"] != "", native["content-length"]) == (True, "0")
    assert "content-encoding" not in out
    assert said(response, encoding="br")["content-encoding"] == "br"


def test_ct_11_caches_know_what_the_answer_depends_on() -> None:
    assert said(Response(200, "{}"))["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("given", ["", "x" * 201, "a\x00b", "caf\xe9"])
def test_hd_5_an_id_that_is_none_is_replaced(given: str) -> None:
    out = dict(_ids(given))
    assert out[b"x-request-id"].decode() != given
    assert (b"x-correlation-id" in out) is bool(given)


def _ids(given: str) -> Any:
    found = head("GET", {"x-request-id": given}, Response(204), "", "", 0)
    return [(name, value) for name, value in found if name in (b"x-request-id", b"x-correlation-id")]


def test_hd_5_the_clients_id_is_kept() -> None:
    assert _ids("mine-1") == [(b"x-request-id", b"mine-1")]


def test_hd_6_browsers_may_send_and_see_what_interactions_use() -> None:
    assert {"If-None-Exist", "If-Match", "Idempotency-Key", "Prefer", "X-Security-Context"} <= set(SENT)
    assert {"ETag", "Location", "Content-Location", "X-Progress", "Retry-After", "Last-Modified"} <= set(SEEN)
