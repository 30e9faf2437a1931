"""The SQL of what is kept of requests: answers for repetitions (Idempotency-Key), and requests that are answered later
(Prefer: respond-async) with what they came to.

Both belong to a tenant and to who asked; to anybody else they do not exist.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from resources.database import Refused, Session
from resources.outcome import NotFound, Throttled

FOR: Final = 24 * 3600.0  # seconds that an answer is kept
MOST: Final = 1000  # requests of a tenant that wait to be answered later …
LARGEST: Final = 1_000_000_000  # … and bytes of them

_CLAIM: Final = "select c.mine, c.fingerprint, c.response from answer_claim($1::int4, $2, $3, $4::int8, $5) c"
_KEEP: Final = "select answer_keep($1::int4, $2, $3, $4, $5, $6)"
_ADD: Final = "select exchange_add($1::int4, $2, $3, $4, $5, $6::int4, $7::int8)"
_TAKE: Final = "select e.token, e.actor, e.tries, e.request, e.remaining from exchange_take($1::int4, $2::int8) e"
_ANSWER: Final = "select exchange_answer($1::int4, $2::int8, $3, $4) as answered"
_REMOVE: Final = "select exchange_remove($1::int4, $2, $3) as removed"
LOOK: Final = """
select e.tries, e.response, e.expires, extract(epoch from clock_timestamp() - e.created)::float8 as age,
  j.progress->>'done' as done, j.progress->>'total' as total
from exchange e left join job j on j.tenant_id = g.t and j.job_id = e.job_id
where e.tenant_id = g.t and e.token = $2 and e.actor = $3 and (e.expires is null or e.expires > clock_timestamp())"""


class Claim(Struct, frozen=True):
    """What is known under a key."""

    mine: bool  # this transaction, and no other that runs, may answer the request
    fingerprint: bytes | None  # of the request whose answer is kept, if one is
    response: bytes | None


class Taken(Struct, frozen=True):
    """A request that a worker begins to answer."""

    token: str
    actor: str
    tries: int  # with this one
    request: bytes  # empty once it is answered
    remaining: float | None  # seconds until its answer expires; None while it has none


class Looked(Struct, frozen=True):
    """How far a request is."""

    tries: int  # 0: it waits
    response: bytes | None
    expires: datetime | None  # UTC; of the response
    age: float  # seconds since it was sent
    done: int | None  # of a job of many steps, so many resources …
    total: int | None  # … of so many


async def claim(session: Session, key: str, lock: int) -> Claim:
    """The answer kept under a key, and whether it may be made now; inside a transaction, until whose end it is claimed.

    lock: a number that follows from tenant, actor and key. Waits for nobody."""
    [row] = await session.call(_CLAIM, session.tenant_id, session.actor, key, lock, FOR)
    return Claim(row["mine"], row["fingerprint"], row["response"])


async def keep(session: Session, key: str, fingerprint: bytes, response: bytes) -> None:
    """Keeps the answer to what was claimed; the last call of its transaction. Raises NotFound if the tenant is gone."""
    try:
        await session.call(_KEEP, session.tenant_id, session.actor, key, fingerprint, response, FOR)
    except Refused as refused:
        raise _meaning(refused) from None


async def add(session: Session, kind: str, token: str, request: bytes) -> None:
    """Puts a request aside, to be answered by a job of this kind as soon as a worker has time.

    Raises Throttled (429), NotFound."""
    try:
        await session.call(_ADD, session.tenant_id, kind, token, session.actor, request, MOST, LARGEST)
    except Refused as refused:
        raise _meaning(refused) from None


async def look(session: Session, token: str) -> Looked | None:
    """How far a request of this actor's is; None if there is none, or it has expired."""
    rows = await session.select(LOOK, token, session.actor)
    if not rows:
        return None
    [row] = rows
    done, total = (int(row[name]) if row[name] else None for name in ("done", "total"))
    return Looked(row["tries"], row["response"], row["expires"], row["age"], done, total)


async def remove(session: Session, token: str) -> bool:
    """Removes a request of this actor's, whatever has become of it; False if there is none."""
    [row] = await session.call(_REMOVE, session.tenant_id, token, session.actor)
    return bool(row["removed"])


async def take(session: Session, job_id: int) -> Taken | None:
    """What a job is to answer; None if that was cancelled."""
    rows = await session.call(_TAKE, session.tenant_id, job_id)
    return Taken(*(rows[0][name] for name in Taken.__struct_fields__)) if rows else None


async def answer(session: Session, job_id: int, response: bytes) -> bool:
    """Keeps what a request came to; False if it was cancelled, or another worker was quicker."""
    [row] = await session.call(_ANSWER, session.tenant_id, job_id, response, FOR)
    return bool(row["answered"])


def _meaning(refused: Refused) -> Exception:
    if refused.state == "FH404":
        return NotFound("There is no such tenant.")
    if refused.state == "FH429":
        message = "Too many requests of this tenant wait to be answered; send this one later, or without respond-async."
        return Throttled(message, headers={"Retry-After": "30"})
    return refused
