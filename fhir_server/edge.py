"""The HTTP edge: bytes to Request, Response to bytes. The only importer of fastapi and starlette.

FHIR goes through a raw ASGI dispatcher in front of the FastAPI app, about twice as quick as a route of it; the app has
the rest. https://hl7.org/fhir/R4/http.html, https://asgi.readthedocs.io/en/stable/specs/www.html
"""

from __future__ import annotations

import contextlib
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from random import getrandbits
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI
from fastapi import Request as HTTPRequest
from fastapi import Response as HTTPResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from resources.database import Session
from resources.outcome import (
    BadRequest,
    Fault,
    FhirError,
    Issue,
    NotAcceptable,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from resources.store import StaleDefinitions

from .entries import Interaction
from .exchange import JSON, Request, Response, failure, http_date, outcome_text
from .media import check_content_type, check_form, negotiate
from .metadata import release
from .router import ROUTES, find
from .tenancy import Tenants

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_RESOURCE: Final = 10_000_000  # bytes of a body that is not a Bundle of requests, whose limit is a setting
_WITH_RESOURCE: Final = frozenset({"create", "update", "batch", "transaction"})
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.\-_]{1,255}|\[[0-9A-Fa-f:.]{1,64}\])(?::[0-9]{1,5})?")
_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
# A 304 is possible only where the client has an ETag to ask with; nothing goes into a cache that others share.
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
_NO_STORE: Final = (b"cache-control", b"no-store")
# Besides those that browsers always send and show.
_SENT: Final = (
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Prefer",
    "X-Request-Id",
)
_SEEN: Final = (
    "Content-Location", "ETag", "Last-Modified", "Location", "Preference-Applied", "Retry-After", "X-Correlation-Id",
    "X-Request-Id",
)  # fmt: skip


class Opened(msgspec.Struct, frozen=True):
    """What the edge serves from while the application runs."""

    tenants: Tenants
    session: Callable[[int], Session]  # of a tenant, by its tenant_id
    ready: Callable[[], Awaitable[bool]]  # whether requests can be answered now


class _Disconnected(Exception):
    """The client went away before its request was complete."""


class _Shown:
    """How the answer is written, as far as it is known."""

    def __init__(self) -> None:
        self.media_type, self.pretty = JSON, False

    def ask(self, headers: Mapping[str, str], query: str) -> None:
        """What Accept, `_format` and `_pretty` ask for. Raises NotAcceptable (406), BadRequest (400)."""
        wanted = dict(parse_qsl(query)) if query else {}
        self.media_type = negotiate(headers.get("accept", ""), wanted.get("_format", ""))
        self.pretty = _pretty(wanted.get("_pretty", "false"))


class Edge:
    """The ASGI application: FHIR below /fhir/{tenant}, the FastAPI app elsewhere."""

    def __init__(
        self,
        interactions: Mapping[str, Interaction],
        opening: Callable[[], AbstractAsyncContextManager[Opened]],
        *,
        max_body: int,
        base_url: str = "",
        cors_origins: Sequence[str] = (),
    ) -> None:
        """max_body: bytes of the largest Bundle of requests. base_url: what clients call the server, if not what their
        Host header says: "https://fhir.example.org". cors_origins: of the browser applications that may call; "*": any."""
        self._interactions = interactions
        self._opening = opening
        self._max_body = max_body
        self._base_url = base_url.rstrip("/")
        self.opened: Opened | None = None
        self._site = _site(self)
        self._fhir: ASGI = _with_cors(self._exchange, cors_origins) if cors_origins else self._exchange

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """The time in which requests are answered; before and after it the answer is 503."""
        async with self._opening() as self.opened:
            try:
                yield
            finally:
                self.opened = None

    async def ready(self) -> bool:
        return self.opened is not None and await self.opened.ready()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/fhir/"):
            await self._site(scope, receive, send)
        else:
            await self._fhir(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request below /fhir/, answered whatever happens."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        shown = _Shown()
        try:
            query = scope["query_string"].decode("utf-8", "replace")
            response = await self._answer(scope, receive, headers, query, shown)
        except FhirError as error:
            response = failure(error)
        except _Disconnected:
            return
        except Exception as error:
            # Where it happened, but not the message: it may quote a patient's values.
            log.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            response = failure(Fault("The request failed because of an error in the server."))
        body = response.body.encode()
        if shown.pretty and body:
            body = msgspec.json.format(body, indent=2)
        head = _head(scope["method"], headers, response, shown.media_type, len(body))
        await send({"type": "http.response.start", "status": response.status, "headers": head})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(
        self, scope: Scope, receive: Receive, headers: dict[str, str], query: str, shown: _Shown
    ) -> Response:
        refused: NotAcceptable | None = None
        try:
            shown.ask(headers, query)
        except NotAcceptable as error:
            if scope["method"] != "POST":
                raise
            refused = error  # a form may say another format
        opened = self.opened
        if opened is None:
            raise Unavailable("The server is starting or stopping.", headers={"Retry-After": "1"})
        _, _, name, *segments = scope["path"].split("/")
        if segments and not segments[-1]:
            segments.pop()  # a slash at the end means nothing
        tenant, path = opened.tenants.get(name), tuple(segments)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        interaction = find(method, path, tenant.definitions).interaction
        body = b""
        if interaction in _WITH_RESOURCE:
            body = await _body(receive, headers, LARGEST_RESOURCE if path else self._max_body, check_content_type)
        elif method == "POST":
            form = await _body(receive, headers, LARGEST_RESOURCE, check_form)
            try:
                query = "&".join(part for part in (query, form.decode()) if part)
            except UnicodeDecodeError:
                raise BadRequest("The form is not UTF-8.", code="value") from None
            shown.ask(headers, query)
            refused = None
        if refused:
            raise refused
        base = (
            f"{self._base_url}/fhir/{name}" if self._base_url else _base(scope["scheme"], headers.get("host", ""), name)
        )
        act, session = self._interactions[interaction], opened.session(tenant.tenant_id)
        try:
            return await act(session, Request(method, path, tenant, base, query, headers, body))
        except StaleDefinitions:
            # Nothing was written. Settings or definitions have just changed: once more, with those of now.
            await opened.tenants.reload()
            tenant = opened.tenants.get(name)
        try:
            return await act(session, Request(method, path, tenant, base, query, headers, body))
        except StaleDefinitions:
            raise Unavailable("The settings of the tenant are changing.", headers={"Retry-After": "1"}) from None


async def _body(receive: Receive, headers: Mapping[str, str], most: int, check: Callable[[str], None]) -> bytes:
    """The whole body. Raises TooLarge (413) as soon as it is known to be, and what check raises for its Content-Type.

    Where there is no body, there need not be a Content-Type."""
    content_type = headers.get("content-type")
    if content_type is not None:
        check(content_type)
    if headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("A body is sent without Content-Encoding.")
    too_large = TooLarge(f"The body is larger than {most} bytes.")
    stated = headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > most:
        raise too_large
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                raise too_large
        body = b"".join(chunks)
    if message["type"] == "http.disconnect":
        raise _Disconnected
    if len(body) > most:
        raise too_large
    if body and content_type is None:
        check("")
    return body


@lru_cache(maxsize=1024)
def _base(scheme: str, host: str, tenant: str) -> str:
    """The base URL as the client called it. Raises BadRequest (400) for a Host that cannot be part of a URL."""
    if not _HOST.fullmatch(host):
        raise BadRequest("The Host header is missing or not a host.", code="value")
    return f"{scheme}://{host}/fhir/{tenant}"


def _pretty(value: str) -> bool:
    if value not in ("true", "false"):
        raise BadRequest(f"_pretty={value[:100]} is neither true nor false.", code="value")
    return value == "true"


def _head(
    method: str, headers: Mapping[str, str], response: Response, media_type: str, length: int
) -> list[tuple[bytes, bytes]]:
    """The response headers. https://hl7.org/fhir/R4/http.html#general"""
    head = [_NOSNIFF]
    if length:
        head.append((b"content-type", f"{media_type};charset=utf-8".encode()))
    if response.status not in (204, 304):
        head.append((b"content-length", str(length).encode()))
    if response.version_id:
        head.append((b"etag", response.etag.encode()))
    if response.last_updated:
        head.append((b"last-modified", http_date(response.last_updated).encode()))
    if response.location:
        head.append((b"location", response.location.encode()))
    for name, value in response.headers.items():
        head.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    has_etag = response.version_id or "ETag" in response.headers
    head.append(_REVALIDATE if has_etag and method in ("GET", "HEAD") and response.status < 400 else _NO_STORE)
    given = headers.get("x-request-id", "")
    if 0 < len(given) <= 200 and given.isascii() and given.isprintable():
        head.append((b"x-request-id", given.encode()))
    else:
        head.append((b"x-request-id", b"%016x" % getrandbits(64)))
        if given:
            head.append((b"x-correlation-id", given.encode("latin-1")))
    return head


def _with_cors(app: ASGI, origins: Sequence[str]) -> ASGI:
    """The application for browsers: what a page from these origins may send, and which headers it may see."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=sorted({route.method for route in ROUTES} | {"HEAD"}),
        allow_headers=_SENT,
        expose_headers=_SEEN,
    )


def _site(edge: Edge) -> FastAPI:
    """What is not FHIR: health and OpenAPI. Errors are OperationOutcomes here too."""
    site = FastAPI(title="FHIR R4 server", version=release(), lifespan=edge.lifespan, docs_url=None, redoc_url=None)

    @site.get("/livez")
    async def livez() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @site.get("/readyz")
    async def readyz() -> HTTPResponse:
        """Whether requests can be answered: the database is there and its schema is of this release."""
        ready = await edge.ready()
        text = '{"status":"ok"}' if ready else '{"status":"unavailable"}'
        return HTTPResponse(text, 200 if ready else 503, media_type="application/json")

    for route in site.routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            route.methods = {*(route.methods or ()), "HEAD"}

    @site.exception_handler(HTTPException)
    async def outcome(request: HTTPRequest, error: Exception) -> HTTPResponse:
        assert isinstance(error, HTTPException)
        issue = Issue("error", "not-supported", f"{error.detail}; FHIR is below /fhir/{{tenant}}.")
        return HTTPResponse(outcome_text(issue), error.status_code, error.headers, f"{JSON};charset=utf-8")

    return site
