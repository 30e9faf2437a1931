"""Prefer: respond-async: a request is put aside and answered by a job; the client asks for the answer when it likes.

The answer is kept in the transaction that does the request: done exactly once, also when the server is killed on the way,
and not at all when it was cancelled before. https://hl7.org/fhir/R4/async.html, https://hl7.org/fhir/R5/async-bundle.html
"""

from __future__ import annotations

import base64
import logging
import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
import orjson
from msgspec import Struct

from resources.database import Session
from resources.outcome import Fault, FhirError, Issue, NotFound, TooCostly, Unavailable
from resources.store import StaleDefinitions
from search.reindexing import Step

from . import kept
from .answers import bundle, response_entry
from .exchange import Request, Response, failure, http_date, outcome_text
from .media import JSON
from .preferences import preferences
from .races import Refusal, whole
from .store import Job
from .tenancy import Tenant

log = logging.getLogger(__name__)

KIND: Final = "request"  # of the jobs that answer
_is_token: Final = re.compile(r"[0-9a-f]{32}").fullmatch
_TRIES: Final = 10  # times that a request is begun which no worker has lived to answer
_SOONEST, _LATEST = 1, 30  # seconds, of Retry-After
# The headers that say what is to be done. How the answer looks, who fetches it says; a Binary must come as a resource.
_KEPT_HEADERS: Final = (
    "content-type", "if-match", "if-modified-since", "if-none-exist", "if-none-match", "x-security-context",
)  # fmt: skip
_ABOUT_TIME: Final = frozenset({"respond-async", "wait"})  # preferences that have been honoured

Act = Callable[[Session, Request], Awaitable[Response]]


class Asked(Struct, frozen=True):
    """A request as it is put aside."""

    method: str
    path: tuple[str, ...]
    base: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class _Cancelled(Exception):
    """Nobody wants the answer any more, or somebody else has given it: nothing is to be done."""


async def begin(session: Session, request: Request, kind: str = KIND, work: bytes | None = None) -> Response:
    """202: the request will be answered at Content-Location. It must be one that ROUTES knows.

    work: what jobs of another kind are to do for it.
    Raises Throttled (429) if too many of the tenant wait. https://hl7.org/fhir/R4/async.html"""
    token = secrets.token_hex(16)
    asked = Asked(request.method, request.path, request.base, request.query, _headers(request), request.body)
    await kept.add(session, kind, token, msgspec.msgpack.encode(asked) if work is None else work)
    said = Issue(
        "information", "informational", "The request was accepted; Content-Location names where its answer is."
    )
    headers = {"Content-Location": f"{request.base}/_async/{token}", "Preference-Applied": "respond-async"}
    return Response(202, outcome_text(said), headers=headers)


def _headers(request: Request) -> dict[str, str]:
    kept_headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    preferred = [
        one
        for part in request.headers.get("prefer", "").split(",")
        if (one := part.strip()) and one.partition("=")[0].partition(";")[0].strip().lower() not in _ABOUT_TIME
    ]
    return {**kept_headers, "accept": JSON, **({"prefer": ", ".join(preferred)} if preferred else {})}


async def status(session: Session, request: Request) -> Response:
    """How far a request is: 202 until it is answered, then 200 with its answer in a Bundle, or 4xx, 5xx if it failed.

    Raises NotFound (404): never asked by this actor, cancelled, or expired. https://hl7.org/fhir/R4/async.html"""
    token = request.path[-1]
    found = await kept.look(session, token) if _is_token(token) else None
    if found is None:
        raise _unknown()
    if found.response is None or found.expires is None:
        state = "being answered" if found.tries else "waiting"
        if found.total is not None:
            state = f"{found.done:,} of {found.total:,} resources done"
        age = int(found.age)
        headers = {
            "X-Progress": f"{state}, accepted {age} s ago",
            "Retry-After": str(min(max(age // 4, _SOONEST), _LATEST)),
        }
        return Response(202, headers=headers)
    answer = msgspec.msgpack.decode(found.response, type=Response)
    return msgspec.structs.replace(answer, headers={**answer.headers, "Expires": http_date(found.expires)})


async def cancel(session: Session, request: Request) -> Response:
    """202: the request and its answer are removed; what is under way is stopped before it has an effect.

    Raises NotFound (404) as status does. https://hl7.org/fhir/R4/async.html"""
    token = request.path[-1]
    if not (_is_token(token) and await kept.remove(session, token)):
        raise _unknown()
    return Response(202, outcome_text(Issue("information", "informational", "The request was removed.")))


def _unknown() -> NotFound:
    return NotFound("There is no such asynchronous request; its answer is kept for 24 hours.")


def step(act: Act) -> Callable[[Session, Tenant, Job, str], Awaitable[Step]]:
    """The work of the jobs of this kind. act answers a request as it would have been answered at once."""

    async def answer(session: Session, tenant: Tenant, job: Job, base_url: str) -> Step:
        taken = await kept.take(session, job.job_id)
        if taken is None:
            return Step({}, ended=True)
        acting = session.acting_for(taken.actor)
        if taken.remaining is None:
            try:
                await _answer(acting, tenant, job.job_id, taken, act)
            except _Cancelled:
                return Step({}, ended=True)
            return Step({}, pause=kept.FOR)
        if taken.remaining > 0:  # whoever answered it was killed before he could say so
            return Step({}, pause=taken.remaining)
        await kept.remove(acting, taken.token)
        return Step({}, ended=True)

    return answer


async def _answer(session: Session, tenant: Tenant, job_id: int, taken: kept.Taken, act: Act) -> None:
    """Raises _Cancelled, StaleDefinitions and Unavailable (to be tried again)."""
    try:
        if taken.tries > _TRIES:
            raise Fault(f"The request was begun {_TRIES} times, and never was there an answer.")
        asked = msgspec.msgpack.decode(taken.request, type=Asked)
        request = Request(asked.method, asked.path, tenant, asked.base, asked.query, asked.headers, asked.body)

        async def attempt(inner: Session) -> None:
            response = await act(inner, request)
            if response.status >= 400:
                raise Refusal(response)
            await _keep(inner, job_id, _answered(request, response))

        # A read needs no transaction, and may use several connections.
        reads = request.method == "GET" or request.path[-1:] == ("_search",)
        await (attempt(session) if reads else whole(session, attempt))
    except (_Cancelled, StaleDefinitions):
        raise
    except Refusal as refusal:
        await _keep(session, job_id, refusal.response)
    except FhirError as error:
        if isinstance(error, Unavailable):
            if not any(issue.code == "timeout" for issue in error.issues):
                raise
            error = TooCostly("A part of the request took longer than it may; send less of it, or narrow it.")
        await _keep(session, job_id, failure(error))
    except Exception as error:
        # Where it happened, but not the message: it may quote a patient's values.
        log.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        await _keep(session, job_id, failure(Fault("The request failed because of an error in the server.")))


async def _keep(session: Session, job_id: int, response: Response) -> None:
    if not await kept.answer(session, job_id, msgspec.msgpack.encode(response)):
        raise _Cancelled


def _answered(request: Request, response: Response) -> Response:
    """The answer to who asks for it: a Bundle whose one entry is what the request came to."""
    if response.content:
        binary: dict[str, Any] = {
            "resourceType": "Binary",
            "contentType": response.content_type,
            "data": base64.b64encode(response.content).decode(),
        }
        response = msgspec.structs.replace(response, body=orjson.dumps(binary).decode())
    outcome = request.method != "GET" and preferences(request.headers).wants_outcome
    return Response(200, bundle("batch-response", [response_entry(response, outcome=outcome)]))
