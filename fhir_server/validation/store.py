"""The SQL of re-validation: what is stored of a type, walked by id.

An id stays with its resource whatever is written meanwhile, and so the walk comes by each once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resources.database import Session

_LARGE: Final = 4_000_000  # bytes, compressed, of the resources of one page; one alone may be larger

_LAST: Final = """
select r.id from resource r where r.tenant_id = g.t and r.rtype = $2 and not r.deleted order by r.id desc limit 1"""
_PAGE: Final = """
select z.id, z.ver, z.resource::text as body from (
  select y.* from (
    select x.*, sum(pg_column_size(x.resource)) over (order by x.id) as size, row_number() over (order by x.id) as n
    from (
      select r.id, r.ver, r.resource from resource r
      where r.tenant_id = g.t and r.rtype = $2 and not r.deleted and r.id > $3 and r.id <= $4
      order by r.id limit $5) x) y
  where y.n = 1 or y.size <= $6) z
order by z.n"""

QUERIES: Final = {"last": _LAST, "page": _PAGE}


@dataclass(frozen=True, slots=True)
class Stored:
    """A current version."""

    logical_id: str
    version_id: int
    body: str


async def last(session: Session, type_number: int) -> str | None:
    """The last id of a type; None if there is no resource of it."""
    rows = await session.select(QUERIES["last"], type_number)
    return rows[0]["id"] if rows else None


async def page(session: Session, type_number: int, after: str, until: str, most: int) -> list[Stored]:
    """The next resources of a type, by id, up to one that is the last."""
    rows = await session.select(QUERIES["page"], type_number, after, until, most, _LARGE)
    return [Stored(row["id"], row["ver"], row["body"]) for row in rows]
