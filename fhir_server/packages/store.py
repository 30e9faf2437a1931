"""The SQL of packages: which are installed, and which resources each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import orjson
from msgspec import Struct

from resources import exact
from resources.database import Refused, Session
from resources.outcome import NotFound

_INSTALLED: Final = """
select p.name, p.version, p.installed, p.digest, p.manifest::text as manifest, p.contents::text as contents
from package p where p.tenant_id = g.t order by p.name, p.version"""
_WRITE: Final = "select package_write($1::int4, $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[]) as number"
# Resources of a type with one of these values in an element of type uri or canonical, newest first; some and all of them.
_NAMING: Final = """
select r.rid, r.id, r.ver, r.resource::text as body from (
  select distinct u.s, u.rid from unnest($4::text[]) v(v) cross join lateral (
    select x.s, x.rid from uri x where x.tenant_id = g.t and x.rtype = $2 and x.param = $3 and x.v = v.v
    order by x.s desc, x.rid desc limit $5) u
  order by u.s desc, u.rid desc limit $5) w
cross join lateral (select r.id, r.ver, r.rid, r.resource from resource r
  where r.tenant_id = g.t and r.rid = w.rid and not r.deleted limit 1) r"""
_OF_TYPE: Final = """
select r.rid, r.id, r.ver, r.resource::text as body from resource r
where r.tenant_id = g.t and r.rtype = $2 and r.deleted = false order by r.s desc, r.rid desc limit $3"""
_HOW_MANY: Final = """
select count(distinct x.rid) as number from unnest($4::text[]) v(v) cross join lateral (
  select u.rid from uri u where u.tenant_id = g.t and u.rtype = $2 and u.param = $3 and u.v = v.v offset 0) x"""

QUERIES: Final = {"installed": _INSTALLED, "naming": _NAMING, "of_type": _OF_TYPE, "how_many": _HOW_MANY}


class Content(Struct, frozen=True, array_like=True):
    """A resource that a package has in its tenant."""

    resource_type: str
    logical_id: str
    version_id: int  # that of the installation; a higher one was made by others
    canonical: str  # of the package's definition: URL|version
    brought: bool  # by a package: false if it was there before

    @property
    def reference(self) -> str:
        return f"{self.resource_type}/{self.logical_id}"


class Installed(Struct, frozen=True):
    """A package that is installed."""

    name: str
    version: str
    digest: bytes
    manifest: str  # JSON text
    contents: tuple[Content, ...]
    installed: datetime | None = None  # None as long as it is not stored

    @property
    def label(self) -> str:
        return f"{self.name}#{self.version}"


class Stored(Struct, frozen=True):
    """A resource that is stored, as text."""

    rid: int
    logical_id: str
    version_id: int
    body: str


async def installed(session: Session) -> list[Installed]:
    """All packages of the tenant, by name and version."""
    return [
        Installed(
            row["name"],
            row["version"],
            row["digest"],
            row["manifest"],
            msgspec.json.decode(row["contents"], type=tuple[Content, ...]),
            row["installed"],
        )
        for row in await session.select(_INSTALLED)
    ]


async def write(session: Session, kept: Iterable[Installed], forgotten: Iterable[Installed] = ()) -> int:
    """Keeps packages and forgets others; all workers learn that the definitions have changed: returns their new number.

    Raises NotFound (404)."""
    rows = [(one, msgspec.json.encode(one.contents).decode()) for one in kept]
    rows_of_all: Sequence[tuple[Installed, str | None]] = [*rows, *((one, None) for one in forgotten)]
    try:
        [row] = await session.call(
            _WRITE,
            session.tenant_id,
            [one.name for one, _ in rows_of_all],
            [one.version for one, _ in rows_of_all],
            [one.digest for one, _ in rows_of_all],
            [one.manifest for one, _ in rows_of_all],
            [contents for _, contents in rows_of_all],
        )
        return int(row["number"])
    except Refused as refused:
        if refused.state == "FH404":
            raise NotFound("There is no such tenant.") from None
        raise


async def naming(
    session: Session, type_number: int, parameter_number: int, values: Sequence[str], most: int
) -> tuple[list[Stored], int]:
    """Resources that have one of these URIs by that search parameter, the newest, and how many there are."""
    rows = await session.select(_NAMING, type_number, parameter_number, list(values), most)
    number = len(rows)
    if number >= most:
        [counted] = await session.select(_HOW_MANY, type_number, parameter_number, list(values))
        number = counted["number"]
    return [Stored(row["rid"], row["id"], row["ver"], row["body"]) for row in rows], number


async def of_type(session: Session, type_number: int, most: int) -> list[Stored]:
    """The newest resources of a type."""
    rows = await session.select(_OF_TYPE, type_number, most)
    return [Stored(row["rid"], row["id"], row["ver"], row["body"]) for row in rows]


def manifest_text(manifest: object) -> str:
    """package.json as it is kept."""
    return exact.stored(manifest).decode()


def title(one: Installed) -> str:
    """What the package calls itself."""
    found = orjson.loads(one.manifest).get("title")
    return found if isinstance(found, str) else ""
