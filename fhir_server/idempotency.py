"""Idempotency-Key: a POST that is sent again is answered again, and done once.

The key is claimed, the request is done and its answer is kept in one transaction, so that there is never an effect without
its answer, also when the server is killed. What fails leaves nothing, so that it can be mended and sent again.
https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final

import msgspec

from resources.database import Session
from resources.outcome import BadRequest, Conflict, Unprocessable

from . import kept
from .exchange import Request, Response
from .races import Refusal, whole

REPLAYED: Final = "Idempotency-Replayed"  # the header of an answer that was given before
WAIT: Final = 10.0  # seconds that a repetition waits for the first request to be answered
_LOOK: Final = (0.01, 0.5)  # seconds between looks whether it is: the first time, and at most

# A string of RFC 8941, as the draft has it, or the same without quotes; a comma would be two of them.
_KEY: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"|([!#-+\--~]+)')
_ESCAPED: Final = re.compile(r"\\(.)")
_LONGEST: Final = 255
# The headers that say what is to be done; how the answer should look, the first request has said.
_PART_OF_THE_REQUEST: Final = (
    "content-type", "if-match", "if-modified-since", "if-none-exist", "if-none-match", "x-security-context",
)  # fmt: skip


async def once(session: Session, request: Request, act: Callable[[Session], Awaitable[Response]]) -> Response:
    """The answer that act gives, or gave to the same request within 24 h, whatever became of the connection then.

    act does the request inside the transaction of the session it is given. Raises what act raises; BadRequest (400) for
    no key, Unprocessable (422) for a key of another request, Conflict (409) when the first one is not done in time.
    Besides the trips of act four: begin, claim, keep, commit; a repetition takes three."""
    if not _is_meant(request):
        return await act(session)
    key, fingerprint = key_of(request.headers["idempotency-key"]), _fingerprint(request)
    lock = request.tenant.hash.of("idempotency", str(session.tenant_id), session.actor, key)

    async def attempt(inner: Session) -> Response | None:
        claim = await kept.claim(inner, key, lock)
        if claim.response is not None:
            if claim.fingerprint != fingerprint:
                raise Unprocessable("This Idempotency-Key was used for another request; take a new one.")
            return _again(claim.response)
        if not claim.mine:
            return None
        response = await act(inner)
        if response.status >= 400:
            raise Refusal(response)
        await kept.keep(inner, key, fingerprint, msgspec.msgpack.encode(response))
        return response

    until, pause = time.monotonic() + WAIT, _LOOK[0]
    while True:
        try:
            response = await whole(session, attempt)
        except Refusal as refusal:
            return refusal.response
        if response is not None:
            return response
        if time.monotonic() > until:
            message = "The first request with this Idempotency-Key is still being answered; send it again later."
            raise Conflict(message, headers={"Retry-After": "5"})
        await asyncio.sleep(random.uniform(pause / 2, pause))  # without a connection
        pause = min(pause * 2, _LOOK[1])


def _is_meant(request: Request) -> bool:
    """Other methods are idempotent by themselves, and a search by POST is a read."""
    return request.method == "POST" and "idempotency-key" in request.headers and request.path[-1:] != ("_search",)


def key_of(header: str) -> str:
    """The key that the header names. Raises BadRequest (400)."""
    found = _KEY.fullmatch(header.strip())
    key = "" if found is None else found[2] or _ESCAPED.sub(r"\1", found[1])
    if not 0 < len(key) <= _LONGEST:
        message = f"Idempotency-Key is one text of 1 to {_LONGEST} printable ASCII characters, best in quotes."
        raise BadRequest(message, code="value")
    return key


def _fingerprint(request: Request) -> bytes:
    """What tells a request from another one."""
    hashed = blake2b(digest_size=32)
    said = (request.headers.get(name, "") for name in _PART_OF_THE_REQUEST)
    for part in (request.method, "/".join(request.path), request.query, *said):
        hashed.update(len(part).to_bytes(8, "big") + part.encode())
    hashed.update(request.body)
    return hashed.digest()


def _again(response: bytes) -> Response:
    first = msgspec.msgpack.decode(response, type=Response)
    return msgspec.structs.replace(first, headers={**first.headers, REPLAYED: "true"})
