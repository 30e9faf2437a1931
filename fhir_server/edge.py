"""The HTTP edge: bytes to Request, Response to bytes. The only importer of fastapi and starlette.

FHIR goes through a raw ASGI dispatcher in front of the FastAPI app, about twice as quick as a route of it; the app has
the rest. https://hl7.org/fhir/R4/http.html, https://asgi.readthedocs.io/en/stable/specs/www.html
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI
from fastapi import Request as HTTPRequest
from fastapi import Response as HTTPResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from resources import exact, fhir_xml
from resources.database import Session
from resources.definitions import load
from resources.outcome import (
    BadRequest,
    Fault,
    FhirError,
    Issue,
    MethodNotAllowed,
    NotAcceptable,
    TooLarge,
    Unavailable,
)
from resources.store import StaleDefinitions

from . import binary, headers, openapi
from .compression import UNPACKED_ASIDE, compress, decompress
from .dispatch import Dispatcher
from .exchange import Request, Response, failure, outcome_text
from .media import JSON, check_content_type, check_form, check_patch, is_fhir, is_xml, negotiate
from .metadata import release
from .operations import takes_content
from .router import ROUTES, find
from .tenancy import Tenants

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_RESOURCE: Final = 10_000_000  # bytes of a body that is not a Bundle of requests, whose limit is a setting
LARGEST_HEAD: Final = 65_536  # bytes of all headers; the parser takes no longer URL either
_LARGE: Final = 500_000  # bytes of an answer from which it is written and compressed beside the event loop
_LARGE_XML: Final = 100_000  # the same where it becomes XML, which takes 12 ms of these
_OURS: Final = ("/fhir/", "/openapi/", "/try/", "/pages/")  # what FastAPI does not see
_ATTEMPTS: Final = 4  # with definitions that others keep changing
_FORM: Final = "application/x-www-form-urlencoded"
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.\-_]{1,255}|\[[0-9A-Fa-f:.]{1,64}\])(?::[0-9]{1,5})?")


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

    def ask(self, given: Mapping[str, str], query: str) -> None:
        """What Accept, `_format` and `_pretty` ask for. Raises NotAcceptable (406), BadRequest (400)."""
        wanted = dict(parse_qsl(query)) if query else {}
        self.media_type = negotiate(given.get("accept", ""), wanted.get("_format", ""))
        self.pretty = _pretty(wanted.get("_pretty", "false"))

    def written(self, response: Response) -> tuple[bytes, str]:
        """The bytes of the answer and their content type."""
        if response.content_type:
            return response.content, response.content_type
        body = response.body.encode()
        if body and is_xml(self.media_type):
            body = fhir_xml.encode(load(), exact.trusted(body), pretty=self.pretty)
        elif self.pretty and body:
            body = msgspec.json.format(body, indent=2)
        return body, f"{self.media_type};charset=utf-8"


class Edge:
    """The ASGI application: FHIR below /fhir/{tenant}, the FastAPI app elsewhere."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        opening: Callable[[], AbstractAsyncContextManager[Opened]],
        *,
        max_body: int,
        base_url: str = "",
        cors_origins: Sequence[str] = (),
    ) -> None:
        """max_body: bytes of the largest Bundle of requests. base_url: what clients call the server, if not what their
        Host header says: "https://fhir.example.org". cors_origins: of the browser applications that may call; "*": any."""
        self._dispatcher = dispatcher
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
        if scope["type"] != "http" or not scope["path"].startswith(_OURS):
            await self._site(scope, receive, send)
        else:
            await self._fhir(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request below /fhir/, or for a page, answered whatever happens."""
        given: dict[str, str] = {}
        shown = _Shown()
        try:
            _read_headers(scope["headers"], given)
            if "if-none-exist" in given:  # a query string as people type it, and so in UTF-8
                with contextlib.suppress(UnicodeDecodeError):
                    given["if-none-exist"] = given["if-none-exist"].encode("latin-1").decode()
            query = scope["query_string"].decode("utf-8", "replace")
            if scope["path"].startswith("/fhir/"):
                response = await self._answer(scope, receive, given, query, shown)
            else:
                response = await self._page(scope, given)
            head, body = await _finished(scope["method"], shown, response, given)
        except _Disconnected:
            return
        except Exception as error:
            response = _failure(error)
            head, body = await _finished(scope["method"], shown, response, given)
        await send({"type": "http.response.start", "status": response.status, "headers": head})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(
        self, scope: Scope, receive: Receive, given: dict[str, str], query: str, shown: _Shown
    ) -> Response:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        _, _, name, *segments = scope["path"].split("/")
        if segments and not segments[-1]:
            segments.pop()  # a slash at the end means nothing
        path = tuple(segments)
        native = binary.wants_content(method, path, query, given)
        refused: NotAcceptable | None = None
        try:
            shown.ask(given, query)
        except NotAcceptable as error:
            if method != "POST" and not native:
                raise
            refused = None if native else error  # a form may say another format
        opened = self.opened
        if opened is None:
            raise Unavailable("The server is starting or stopping.", headers={"Retry-After": "1"})
        tenant = opened.tenants.get(name)
        interaction = find(method, path, tenant.definitions).interaction
        body = b""
        if method in ("POST", "PUT", "PATCH"):
            most = LARGEST_RESOURCE if path and not takes_content(path) else self._max_body
            judge = _judge(interaction, path, given)
            body = await _body(receive, given, most, judge)
            if judge is check_form:
                try:
                    query = "&".join(part for part in (query, body.decode()) if part)
                except UnicodeDecodeError:
                    raise BadRequest("The form is not UTF-8.", code="value") from None
                body = b""
                shown.ask(given, query)
                refused = None
        if refused:
            raise refused
        base = self._base_of(scope, given, name)
        answer, session = self._dispatcher.answer, opened.session(tenant.tenant_id)
        for _ in range(_ATTEMPTS):
            try:
                response = await answer(session, Request(method, path, tenant, base, query, given, body), interaction)
                break
            except StaleDefinitions:
                # Nothing was written. Settings or definitions have just changed: once more, with those of now.
                await opened.tenants.reload()
                tenant = opened.tenants.get(name)
        else:
            raise Unavailable("The settings of the tenant keep changing.", headers={"Retry-After": "1"})
        return binary.as_content(response) if native and response.status == 200 else response

    async def _page(self, scope: Scope, given: Mapping[str, str]) -> Response:
        """The OpenAPI document of a tenant, the page to try it, or a file of that page."""
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed("A page can only be read.", headers={"Allow": "GET, HEAD"})
        _, place, name = scope["path"].split("/", 2)
        if place == "pages":
            return openapi.page(name, given)
        if self.opened is None:
            raise Unavailable("The server is starting or stopping.", headers={"Retry-After": "1"})
        tenant = self.opened.tenants.get(name)
        if place == "try":
            return openapi.page("", given)
        return await openapi.document(tenant, self._base_of(scope, given, name), given)

    def _base_of(self, scope: Scope, given: Mapping[str, str], name: str) -> str:
        """The base URL of a tenant. Raises BadRequest (400)."""
        if self._base_url:
            return f"{self._base_url}/fhir/{name}"
        return _base(scope["scheme"], given.get("host", ""), name)


def _read_headers(sent: Sequence[headers.Header], given: dict[str, str]) -> None:
    """Puts the headers into `given`, those of one name as one list. Raises TooLarge (413), having read what came first."""
    room = LARGEST_HEAD
    for name, value in sent:
        room -= len(name) + len(value) + 2  # a million short ones are no less work than one long
        if room < 0:
            raise TooLarge(f"The headers are larger than {LARGEST_HEAD} bytes.")
        key, text = name.decode("latin-1"), value.decode("latin-1")
        given[key] = f"{given[key]}, {text}" if key in given else text


def _failure(error: Exception) -> Response:
    if isinstance(error, FhirError):
        return failure(error)
    # Where it happened, but not the message: it may quote a patient's values.
    log.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return failure(Fault("The request failed because of an error in the server."))


async def _finished(
    method: str, shown: _Shown, response: Response, given: Mapping[str, str]
) -> tuple[list[headers.Header], bytes]:
    """The headers and the bytes of the answer."""

    def finish() -> tuple[list[headers.Header], bytes]:
        body, content_type = shown.written(response)
        body, encoding = compress(given.get("accept-encoding", ""), content_type, body)
        return headers.head(method, given, response, content_type, encoding, len(body)), body

    size = len(response.body or response.content)
    large = size > _LARGE or (size > _LARGE_XML and is_xml(shown.media_type))
    return await asyncio.to_thread(finish) if large else finish()


def _judge(interaction: str, path: tuple[str, ...], given: Mapping[str, str]) -> Callable[[str], None]:
    """What judges the Content-Type of a body."""
    if interaction in ("create", "update"):
        return binary.check_content_type if path[0] == "Binary" else check_content_type
    if interaction == "patch":
        return check_patch
    if interaction == "operation":
        named = given.get("content-type", "").partition(";")[0].strip().lower()
        if named == _FORM:
            return check_form
        return binary.check_content_type if takes_content(path) and not is_fhir(named) else check_content_type
    return check_content_type if interaction in ("batch", "transaction") else check_form


async def _body(receive: Receive, given: Mapping[str, str], most: int, check: Callable[[str], None]) -> bytes:
    """The whole body. Raises TooLarge (413) as soon as it is known to be, and what check raises for its Content-Type.

    Where there is no body, there need not be a Content-Type."""
    content_type = given.get("content-type")
    if content_type is not None:
        check(content_type)
    too_large = TooLarge(f"The body is larger than {most} bytes.")
    stated = given.get("content-length", "")
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
    encoding = given.get("content-encoding", "")
    if not encoding or not body:
        return body
    unpack = partial(decompress, encoding, body, most)
    return await asyncio.to_thread(unpack) if len(body) > UNPACKED_ASIDE else unpack()


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


def _with_cors(app: ASGI, origins: Sequence[str]) -> ASGI:
    """The application for browsers: what a page from these origins may send, and which headers it may see."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=sorted({route.method for route in ROUTES} | {"HEAD"}),
        allow_headers=headers.SENT,
        expose_headers=headers.SEEN,
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
