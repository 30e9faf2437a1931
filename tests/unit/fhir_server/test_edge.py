"""The edge: headers, media types, limits and errors, with stand-ins for the interactions behind it."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fhir_server.dispatch import Dispatcher
from fhir_server.edge import LARGEST_HEAD, LARGEST_RESOURCE, Edge, Opened
from fhir_server.exchange import Request, Response
from resources.definitions import load
from resources.outcome import Gone, NotFound
from resources.store import StaleDefinitions

TEXT = '{"resourceType":"Patient","id":"1","multipleBirthInteger":1.00}'
WRITTEN = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)
FHIR = {"content-type": "application/fhir+json"}


class Behind:
    """What stands behind the edge: answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: Response | list[Exception] = Response(200, TEXT, 3, WRITTEN)
        self.reloaded = 0
        self.is_ready = True

    async def __call__(self, session: Any, request: Request) -> Response:
        self.asked.append(request)
        if isinstance(self.answer, list):
            raise self.answer.pop(0)
        return self.answer

    def get(self, name: str) -> Any:
        if name != "default":
            raise NotFound(f"There is no tenant {name!r}.")
        return SimpleNamespace(tenant_id=1, definitions=load())

    async def reload(self) -> None:
        self.reloaded += 1
        self.answer = Response(200, TEXT, 3, WRITTEN)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async def ready() -> bool:
            return self.is_ready

        yield Opened(self, lambda tenant_id: None, ready)  # type: ignore[arg-type, return-value]


class Interactions(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return self["*"]


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
async def http(behind: Behind) -> AsyncIterator[httpx.AsyncClient]:
    edge = Edge(Dispatcher(Interactions({"*": behind})), behind.opened, max_body=2 * LARGEST_RESOURCE)
    transport = httpx.ASGITransport(edge)
    async with (
        edge.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://a.example:81/fhir/default") as client,
    ):
        yield client


def issue(answer: httpx.Response) -> Any:
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == "application/fhir+json;charset=utf-8"
    return body["issue"][0]


async def test_hd_1_hd_6_ct_6_headers_of_a_read(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/1")
    assert (answer.status_code, answer.text) == (200, TEXT)
    assert answer.headers["etag"] == 'W/"3"'
    assert answer.headers["last-modified"] == "Sun, 01 Mar 2026 10:00:00 GMT"
    assert answer.headers["content-type"] == "application/fhir+json;charset=utf-8"
    assert answer.headers["content-length"] == str(len(TEXT))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_hd_6_what_no_304_can_answer_is_not_stored(http: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = Response(201, TEXT, 1, WRITTEN, "http://a.example:81/fhir/default/Patient/1/_history/1")
    answer = await http.post("/Patient", content=TEXT, headers=FHIR)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == "http://a.example:81/fhir/default/Patient/1/_history/1"


async def test_hd_5_request_ids(http: httpx.AsyncClient) -> None:
    first, second = [(await http.get("/Patient/1")).headers["x-request-id"] for _ in range(2)]
    assert first != second
    kept = await http.get("/Patient/1", headers={"X-Request-Id": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"
    assert "x-correlation-id" not in kept.headers
    replaced = await http.get("/Patient/1", headers={"X-Request-Id": "x" * 201})
    assert replaced.headers["x-request-id"] != replaced.headers["x-correlation-id"] == "x" * 201


@pytest.mark.parametrize("url", ["http://a.example:81/livez", "http://a.example:81/readyz"])
async def test_hd_7_monitors_may_ask_by_head(http: httpx.AsyncClient, url: str) -> None:
    head, get = await http.head(url), await http.get(url)
    assert (head.status_code, head.headers["content-length"]) == (200, get.headers["content-length"])


async def test_hd_7_head_is_get_without_the_body(http: httpx.AsyncClient, behind: Behind) -> None:
    head, get = await http.head("/Patient/1"), await http.get("/Patient/1")
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert behind.asked[0].method == "GET"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_content_says_nothing_of_it(
    http: httpx.AsyncClient, behind: Behind, status: int
) -> None:
    behind.answer = Response(status, "", 3)
    answer = await http.get("/Patient/1")
    assert answer.headers["etag"] == 'W/"3"'
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/Patient/1", ("Patient", "1")),
        ("/Patient/1/", ("Patient", "1")),
        ("/Patient%2F1", ("Patient", "1")),
        ("/Patient/%31", ("Patient", "1")),
    ],
)
async def test_ur_1_ur_2_paths(http: httpx.AsyncClient, behind: Behind, path: str, below: tuple[str, ...]) -> None:
    assert (await http.get(path)).status_code == 200
    assert behind.asked[0].path == below
    assert behind.asked[0].base == "http://a.example:81/fhir/default"


@pytest.mark.parametrize("base", ["", "/"])
async def test_ur_2_the_base_with_and_without_a_slash(http: httpx.AsyncClient, behind: Behind, base: str) -> None:
    url = f"http://a.example:81/fhir/default{base}"
    assert (await http.post(url, content="{}", headers=FHIR)).status_code == 200
    assert behind.asked[0].path == ()


async def test_ur_3_unknown_tenant_and_paths_outside_are_outcomes(http: httpx.AsyncClient) -> None:
    for path in ("/fhir/nobody/Patient/1", "/fhir", "/fhir/", "/nowhere", "/"):
        answer = await http.get(f"http://a.example:81{path}")
        assert answer.status_code == 404, path
        issue(answer)
    for method in ("POST", "OPTIONS"):
        for path in ("/livez", "/readyz"):
            answer = await http.request(method, f"http://a.example:81{path}")
            assert answer.status_code == 405
            assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}
            issue(answer)


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"accept": "application/fhir+turtle"}, "", 406),
        ({}, "?_format=ttl", 406),
        ({"accept": "application/fhir+xml"}, "", 200),
        ({}, "?_format=xml", 200),
        ({"accept": "application/fhir+xml"}, "?_format=json", 200),
        ({}, "?_format=application/fhir+json", 200),
        ({}, "?_pretty=yes", 400),
    ],
)
async def test_ct_2_ct_3_ct_6_formats(
    http: httpx.AsyncClient, headers: dict[str, str], query: str, status: int
) -> None:
    answer = await http.get(f"/Patient/1{query}", headers=headers)
    assert answer.status_code == status
    if status >= 400:
        issue(answer)


async def test_ct_2_a_generic_type_is_answered_with_itself(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/1", headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/json;charset=utf-8"


async def test_ct_6_ct_7_pretty_keeps_the_digits(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/1?_pretty=true")
    assert '\n  "multipleBirthInteger": 1.00\n' in answer.text
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, {"content-type": "application/fhir+turtle"}, {}])
async def test_ct_1_another_content_type_is_415(
    http: httpx.AsyncClient, behind: Behind, headers: dict[str, str]
) -> None:
    answer = await http.post("/Patient", content=b"<Patient/>", headers=headers)
    assert answer.status_code == 415
    assert issue(answer)["code"] == "not-supported"
    assert not behind.asked


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_cr_3_no_body_needs_no_content_type(http: httpx.AsyncClient, behind: Behind, method: str) -> None:
    """What is missing is the resource, which its interaction says."""
    answer = await http.request(method, "/Patient" if method == "POST" else "/Patient/1")
    assert answer.status_code == 200
    assert behind.asked[0].body == b""
    refused = await http.request(method, "/Patient/1" if method == "PUT" else "/Patient", headers={"content-type": ""})
    assert refused.status_code == 415


async def test_se_1_a_search_by_post_may_have_no_body(http: httpx.AsyncClient, behind: Behind) -> None:
    assert (await http.post("/Patient/_search?a=1")).status_code == 200
    assert behind.asked[0].query == "a=1"
    assert (await http.post("/Patient/_search", content="a=1")).status_code == 415


async def test_ct_11_packed_bodies_are_unpacked_and_answers_packed(http: httpx.AsyncClient, behind: Behind) -> None:
    packed = gzip.compress(TEXT.encode())
    answer = await http.post("/Patient", content=packed, headers={**FHIR, "content-encoding": "gzip"})
    assert (answer.status_code, behind.asked[0].body) == (200, TEXT.encode())
    answer = await http.post("/Patient", content=packed, headers={**FHIR, "content-encoding": "lzma"})
    assert answer.status_code == 415
    bomb = gzip.compress(b" " * (LARGEST_RESOURCE + 1))
    answer = await http.post("/Patient", content=bomb, headers={**FHIR, "content-encoding": "gzip"})
    assert answer.status_code == 413
    behind.answer = Response(200, TEXT.replace("1.00", "1.00" + "0" * 3000), 3, WRITTEN)
    for encoding in ("gzip", "br", "zstd"):
        answer = await http.get("/Patient/1", headers={"accept-encoding": encoding})
        assert answer.headers["content-encoding"] == encoding
        assert int(answer.headers["content-length"]) < 1000
        assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize(("path", "most"), [("/Patient", LARGEST_RESOURCE), ("", 2 * LARGEST_RESOURCE)])
async def test_bu_5_a_body_past_the_limit_is_413(
    http: httpx.AsyncClient, behind: Behind, stated: bool, path: str, most: int
) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 1_000_000):
            yield b" " * min(1_000_000, size - start)

    for size, status in ((most, 200), (most + 1, 413)):
        content = b" " * size if stated else chunks(size)
        answer = await http.post(f"http://a.example:81/fhir/default{path}", content=content, headers=FHIR)
        assert answer.status_code == status
    assert issue(answer)["code"] == "too-long"
    assert [len(request.body) for request in behind.asked] == [most]


async def test_se_1_the_form_of_a_search_joins_the_query(http: httpx.AsyncClient, behind: Behind) -> None:
    await http.post("/Patient/_search?a=1", data={"name": "é &"})
    assert behind.asked[0].query == "a=1&name=%C3%A9+%26"
    assert (await http.post("/Patient/_search", content="{}", headers=FHIR)).status_code == 415


async def test_repeated_headers_are_one_list(http: httpx.AsyncClient, behind: Behind) -> None:
    await http.get("/Patient/1", headers=[("Prefer", "return=minimal"), ("Prefer", "handling=lenient")])
    assert behind.asked[0].headers["prefer"] == "return=minimal, handling=lenient"


async def test_headers_past_the_limit_are_refused_at_once(http: httpx.AsyncClient, behind: Behind) -> None:
    """Thousands of one name would be joined again and again, and all the work on a long one holds up the others."""
    accept = {"accept": "application/fhir+json"}
    assert (await http.get("/Patient/1", headers={**accept, "prefer": "x," * 30_000})).status_code == 200
    for many in ([("prefer", "x,y" * (LARGEST_HEAD // 3))], [("x", "")] * LARGEST_HEAD):
        answer = await http.get("/Patient/1", headers=[("X-Request-Id", "mine"), *many])
        assert answer.status_code == 413
        assert issue(answer)["code"] == "too-long"
    assert len(behind.asked) == 1


async def test_a_header_that_cannot_be_sent_is_a_fault_with_an_outcome(http: httpx.AsyncClient, behind: Behind) -> None:
    behind.answer = Response(200, TEXT, headers={"X-Any": "\u2026"})
    answer = await http.get("/Patient/1")
    assert answer.status_code == 500
    assert issue(answer)["code"] == "exception"


@pytest.mark.parametrize("host", ['a"b', "a b", "", "a/b", "a:x", "a" * 256])
async def test_a_host_that_cannot_stand_in_a_url_is_400(http: httpx.AsyncClient, behind: Behind, host: str) -> None:
    assert (await http.get("/Patient/1", headers={"host": host})).status_code == 400
    assert not behind.asked


async def test_an_error_carries_its_headers_and_outcome(http: httpx.AsyncClient, behind: Behind) -> None:
    gone = Gone("Patient/1 was deleted.", headers={"X-Else": "kept"})
    gone.version_id, gone.last_updated = 2, WRITTEN
    behind.answer = [gone]
    answer = await http.get("/Patient/1")
    assert (answer.status_code, answer.headers["etag"]) == (410, 'W/"2"')
    assert (answer.headers["last-modified"], answer.headers["x-else"]) == ("Sun, 01 Mar 2026 10:00:00 GMT", "kept")
    assert issue(answer) == {"severity": "error", "code": "deleted", "diagnostics": "Patient/1 was deleted."}


async def test_a_bug_is_500_and_says_nothing(
    http: httpx.AsyncClient, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    behind.answer = [RuntimeError("select secret from patient")]
    answer = await http.get("/Patient/1")
    assert answer.status_code == 500
    assert issue(answer)["code"] == "exception"
    assert "secret" not in answer.text + caplog.text
    assert "RuntimeError at" in caplog.text


async def test_old_definitions_are_read_anew_and_the_request_is_done_again(
    http: httpx.AsyncClient, behind: Behind
) -> None:
    behind.answer = [StaleDefinitions()]
    assert (await http.get("/Patient/1")).status_code == 200
    assert (behind.reloaded, len(behind.asked)) == (1, 2)


async def test_outside_of_its_lifespan_the_edge_is_unavailable(behind: Behind) -> None:
    edge = Edge(Dispatcher(Interactions({"*": behind})), behind.opened, max_body=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://a.example") as client:
        answer = await client.get("/fhir/default/Patient/1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        async with edge.lifespan():
            assert (await client.get("/readyz")).status_code == 200
            behind.is_ready = False
            assert (await client.get("/readyz")).status_code == 503


async def test_a_client_that_goes_away_is_not_answered(behind: Behind) -> None:
    edge = Edge(Dispatcher(Interactions({"*": behind})), behind.opened, max_body=1)
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"a.example"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/fhir/default/Patient"}
    async with edge.lifespan():
        await edge({**scope, "query_string": b"", "headers": headers}, receive, send)
    assert sent == []
    assert behind.asked == []


async def test_hd_6_browsers_of_named_origins_may_call_and_see_the_headers(behind: Behind) -> None:
    edge = Edge(
        Dispatcher(Interactions({"*": behind})), behind.opened, max_body=1, cors_origins=["https://app.example"]
    )
    transport = httpx.ASGITransport(edge)
    asks = {"access-control-request-method": "PUT", "access-control-request-headers": "if-match,content-type"}
    async with (
        edge.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://a.example/fhir/default") as http,
    ):
        answer = await http.get("/Patient/1", headers={"origin": "https://app.example"})
        assert (answer.status_code, answer.text) == (200, TEXT)
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        seen = answer.headers["access-control-expose-headers"]
        for name in ("ETag", "Location", "Content-Location", "Last-Modified", "X-Request-Id", "Retry-After"):
            assert name in seen
        asked = await http.options("/Patient/1", headers={"origin": "https://app.example", **asks})
        assert asked.status_code == 200
        assert "PUT" in asked.headers["access-control-allow-methods"]
        other = await http.get("/Patient/1", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
        refused = await http.options("/Patient/1", headers={"origin": "https://other.example", **asks})
        assert refused.status_code == 400


async def test_hd_6_without_origins_browsers_are_told_nothing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/1", headers={"origin": "https://app.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
