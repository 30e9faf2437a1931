"""The SQL of closure tables, and of resources that clients send along and need not send again.

https://hl7.org/fhir/R4/conceptmap-operation-closure.html,
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import zstandard

from resources import exact
from resources.database import Session
from resources.outcome import TooCostly

KEPT_SECONDS: Final = 3_600.0  # for which resources under a cache-id are kept at least
MOST_SENT: Final = 2_000  # of them under one cache-id …
HEAVIEST_SENT: Final = 64_000_000  # … and bytes of their text

_STEPS: Final = (
    "select c.step, c.added::text as added, c.groups::text as groups from closure c "
    "where c.tenant_id = g.t and c.name = $2 order by c.step"
)
_ADD: Final = "select closure_add($1::int4, $2, $3::int4, $4, $5) as added"
_SENT: Final = "select s.digest, s.body from sent s where s.tenant_id = g.t and s.cache_id = $2 limit $3"
_KEEP: Final = "select sent_keep($1::int4, $2, $3::bytea[], $4::bytea[], $5::float8)"


class Step(NamedTuple):
    """What one call has added to a closure table."""

    step: int  # the version of the table after it; 0: nothing but that it was begun
    added: list[dict[str, Any]]  # Codings
    groups: list[dict[str, Any]]  # of a ConceptMap: the relations that they brought


async def steps(session: Session, name: str) -> list[Step]:
    """A closure table from its beginning, step 0; empty if there is none such."""
    rows = await session.select(_STEPS, name)
    return [Step(row["step"], *(_list(row[one]) for one in ("added", "groups"))) for row in rows]


def _list(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = exact.trusted(b'{"a":' + text.encode() + b"}")["a"]
    return found


async def add_step(session: Session, name: str, step: Step) -> bool:
    """False if somebody else has added a step meanwhile."""
    added, groups = (exact.encode(one).decode() for one in (step.added, step.groups))
    [row] = await session.call(_ADD, session.tenant_id, name, step.step, added, groups)
    return bool(row["added"])


async def begin_anew(session: Session, name: str) -> None:
    await session.call(_ADD, session.tenant_id, name, 0, "[]", "[]")


async def sent(session: Session, cache_id: str, along: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources that were sent under a cache-id, now and before; the new ones are kept. Raises TooCostly."""
    rows = await session.select(_SENT, cache_id, MOST_SENT + 1)
    known = {bytes(row["digest"]): bytes(row["body"]) for row in rows}
    texts = {blake2b(text).digest(): text for text in map(exact.encode, along)}
    new = {digest: zstandard.compress(text) for digest, text in texts.items() if digest not in known}
    before = [zstandard.decompress(body) for digest, body in known.items() if digest not in texts]
    if len(known) + len(new) > MOST_SENT or sum(map(len, (*texts.values(), *before))) > HEAVIEST_SENT:
        raise TooCostly(f"More is kept under cache-id={cache_id} than may be; begin with another one.")
    if new:
        await session.call(_KEEP, session.tenant_id, cache_id, list(new), list(new.values()), KEPT_SECONDS)
    return [*along, *map(exact.trusted, before)]
