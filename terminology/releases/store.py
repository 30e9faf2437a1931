"""The SQL of releases. Workers read those that are active; only the owner writes, under the setting of whose they are.

The owner is bound by row level security as everybody is: each of its transactions sets the tenant first, 0 for what all
tenants share.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from resources import exact
from resources.database import Owner, Row, Session, framed
from resources.outcome import NotFound

from ..records import About
from . import chunks

SHARED: Final = 0  # the tenant of what all tenants share

_COLUMNS: Final = """
r.tenant_id, r.release_id, r.kind, r.url, r.version, r.state, r.is_default, r.loader, r.about::text as about,
r.tree is not null and (r.kind = 'value-set' or r.format = 0 or r.about->>'content' = 'supplement') as has_tree,
r.source, r.files, r.content, r.records, r.concepts, r.licence, r.acknowledged_by, r.acknowledged, r.format, r.checksum,
r.size, r.loaded"""
_ACTIVE: Final = f"select {_COLUMNS} from release r where r.tenant_id = g.t and r.state = 'active'"
_TREE: Final = "select r.tree::text as tree from release r where r.tenant_id = g.t and r.release_id = $2"
_PIECES: Final = """
select f.body from release_file f
where f.tenant_id = g.t and f.release_id = $2 and f.chunk >= $3 and f.chunk < $4 order by f.chunk"""

# The number is taken before the tenant is looked for: whoever drops it waits for this. What a crash of the database takes
# away of a load is read once more, so that only the end of it waits for the disk.
_AS_TENANT: Final = """
select set_config('app.tenant', $1::text, true), set_config('synchronous_commit', $2, true), pg_current_xact_id()::text"""
_SERVED: Final = "select 1 from fhir.tenant x where x.tenant_id = $1 and x.state = 'active'"
_TENANT: Final = "select x.tenant_id from fhir.tenant x where x.name = $1 and x.state = 'active'"
_LOCK: Final = "select pg_try_advisory_lock(hashtextextended($1, 0)) as mine"
_UNLOCK: Final = "select pg_advisory_unlock(hashtextextended($1, 0))"
_RELEASES: Final = f"select {_COLUMNS} from fhir.release r where r.tenant_id = g.t order by r.release_id"
_FIND: Final = f"""
select {_COLUMNS} from fhir.release r
where r.tenant_id = g.t and r.kind = $2 and r.url = $3 and r.version = $4 and r.state = $5"""
_BEGIN: Final = f"""
insert into fhir.release as r
  (tenant_id, kind, url, version, loader, about, tree, source, files, licence, acknowledged_by, acknowledged)
values ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9, $10, $11, $12) returning {_COLUMNS}"""
_ABOUT: Final = """
select r.about::text as about, r.tree::text as tree from fhir.release r where r.tenant_id = g.t and r.release_id = $2"""
_PARTS: Final = """
select p.part, p.name, p.digest, p.records, p.concepts, p.chunks from fhir.release_part p
where p.tenant_id = g.t and p.release_id = $2 order by p.part"""
_ADD_PART: Final = """
insert into fhir.release_part (tenant_id, release_id, part, name, digest, records, concepts, chunks)
values ($1, $2, $3, $4, $5, $6, $7, $8)"""
_ADD_CHUNK: Final = """
insert into fhir.release_chunk (tenant_id, release_id, part, chunk, body) values ($1, $2, $3, $4, $5)"""
_CHUNK: Final = """
select c.body from fhir.release_chunk c
where c.tenant_id = g.t and c.release_id = $2 and c.part = $3 and c.chunk = $4"""
_COMPLETE: Final = """
update fhir.release set content = $3, records = $4, concepts = $5 where tenant_id = $1 and release_id = $2
returning 1"""
_CLEAR_FILE: Final = "delete from fhir.release_file where tenant_id = $1 and release_id = $2"
_ADD_PIECES: Final = """
insert into fhir.release_file (tenant_id, release_id, chunk, body)
select $1, $2, $3 + n - 1, body from unnest($4::bytea[]) with ordinality x(body, n)"""
_FILED: Final = """
update fhir.release set format = $3, checksum = $4, size = $5 where tenant_id = $1 and release_id = $2 returning 1"""
_RETIRE: Final = """
update fhir.release r set state = 'retired', is_default = false
from fhir.release n
where n.tenant_id = $1 and n.release_id = any($2::int8[]) and r.tenant_id = $1 and r.state = 'active'
  and (r.kind, r.url, r.version) = (n.kind, n.url, n.version) and r.release_id <> n.release_id"""
_DEFAULTS: Final = """
select n.release_id from fhir.release n join fhir.release r
  on r.tenant_id = $1 and r.state = 'active' and r.is_default and (r.kind, r.url, r.version) = (n.kind, n.url, n.version)
where n.tenant_id = $1 and n.release_id = any($2::int8[])"""
_ACTIVATE: Final = """
update fhir.release set state = 'active', loaded = clock_timestamp(), is_default = release_id = any($3::int8[])
where tenant_id = $1 and release_id = any($2::int8[]) and state = 'loading' returning release_id"""
_DROP: Final = """
update fhir.release set state = 'retired', is_default = false
where tenant_id = $1 and release_id = $2 returning 1"""
_UNCHOOSE: Final = """
update fhir.release set is_default = false where tenant_id = $1 and kind = $2 and url = $3 and is_default"""
_CHOOSE: Final = "update fhir.release set is_default = true where tenant_id = $1 and release_id = $2 returning 1"
_CHANGED: Final = "select pg_notify('fhir_release', $1::text)"
_OF_RELEASE: Final = """
with gone as (delete from fhir.{table} where tenant_id = $1 and release_id = $2 returning 1) select count(*) from gone"""


class Release(Struct, frozen=True):
    """A row of the table of releases."""

    tenant_id: int  # 0: shared
    release_id: int
    kind: str  # code-system | concept-map | value-set
    url: str
    version: str
    state: str  # loading | active | retired: replaced or dropped, and being deleted
    is_default: bool  # was chosen as the version that counts where none is asked for
    loader: str
    about: About
    has_tree: bool  # is a resource that is asked for itself: what else has an index does without
    source: bytes
    files: tuple[str, ...]
    content: bytes | None  # None: not all was read yet
    records: int
    concepts: int
    licence: str
    acknowledged_by: str
    acknowledged: datetime | None
    format: int  # of the index file; 0 for none
    checksum: bytes | None
    size: int
    loaded: datetime | None

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.version}" if self.version else self.url


class StoredPart(Struct, frozen=True):
    """A part of a release that was read whole."""

    part: int
    name: str
    digest: bytes
    records: int
    concepts: int
    chunks: int


def _release(row: Row) -> Release:
    values = {name: row[name] for name in Release.__struct_fields__}
    return Release(**{**values, "files": tuple(row["files"]), "about": chunks.read_about(row["about"])})


# What workers read.


async def active(session: Session) -> list[Release]:
    """The active releases of the session's tenant itself."""
    return [_release(row) for row in await session.select(_ACTIVE)]


async def tree(session: Session, release_id: int) -> Mapping[str, Any] | None:
    """The resource that a release is; None if the release is gone."""
    rows = await session.select(_TREE, release_id)
    return exact.trusted(rows[0]["tree"].encode()) if rows and rows[0]["tree"] else None


async def file_pieces(session: Session, release_id: int, first: int, end: int) -> list[bytes]:
    """Pieces of its index file; fewer than there should be if the release is gone."""
    return [row["body"] for row in await session.select(_PIECES, release_id, first, end)]


# What the owner does.


@contextlib.asynccontextmanager
async def acting(owner: Owner, tenant_id: int, *, lasting: bool = False) -> AsyncIterator[None]:
    """A transaction in which the owner writes for a tenant; lasting: what it did, and all before it, survives a crash as
    soon as it ends. Raises NotFound if the tenant is being dropped."""
    async with owner.transaction():
        await owner.fetch(_AS_TENANT, str(tenant_id), "on" if lasting else "off")
        if tenant_id != SHARED and not await owner.fetch(_SERVED, tenant_id):
            raise NotFound("There is no such tenant.")
        yield


async def _seen(owner: Owner, tenant_id: int, query: str, *args: Any) -> Sequence[Row]:
    """What the owner reads of a tenant."""
    return await owner.fetch(framed(query), str(tenant_id), *args)


async def tenant_id_of(owner: Owner, name: str) -> int:
    """The number of a tenant. Raises NotFound."""
    rows = await owner.fetch(_TENANT, name)
    if not rows:
        raise NotFound(f"there is no tenant {name}.")
    return int(rows[0]["tenant_id"])


async def lock(owner: Owner, tenant_id: int, loader: str) -> bool:
    """Takes the right to change what a loader has brought, until the connection ends; False if somebody else has it."""
    [row] = await owner.fetch(_LOCK, f"fhir.release {tenant_id} {loader}")
    return bool(row["mine"])


async def unlock(owner: Owner, tenant_id: int, loader: str) -> None:
    await owner.fetch(_UNLOCK, f"fhir.release {tenant_id} {loader}")


async def releases(owner: Owner, tenant_id: int) -> list[Release]:
    """All of a tenant, in whatever state."""
    return [_release(row) for row in await _seen(owner, tenant_id, _RELEASES)]


async def find(owner: Owner, tenant_id: int, kind: str, url: str, version: str, state: str) -> Release | None:
    rows = await _seen(owner, tenant_id, _FIND, kind, url, version, state)
    return _release(rows[0]) if rows else None


async def described(owner: Owner, release: Release) -> tuple[About, Mapping[str, Any] | None]:
    """What is said of a release, and the resource if it came as one."""
    [row] = await _seen(owner, release.tenant_id, _ABOUT, release.release_id)
    return chunks.read_about(row["about"]), exact.trusted(row["tree"].encode()) if row["tree"] else None


async def begin(
    owner: Owner,
    tenant_id: int,
    kind: str,
    about: About,
    tree: Mapping[str, Any] | None,
    *,
    loader: str,
    source: bytes,
    files: Sequence[str],
    licence: str,
    acknowledged_by: str,
    acknowledged: datetime | None,
) -> Release:
    """Makes a release that is loading: nobody sees it."""
    arguments = (
        tenant_id,
        kind,
        about.url,
        about.version,
        loader,
        chunks.about_text(about),
        exact.stored(tree).decode() if tree is not None else None,
        source,
        list(files),
        licence,
        acknowledged_by,
        acknowledged,
    )
    async with acting(owner, tenant_id):
        [row] = await owner.fetch(_BEGIN, *arguments)
    return _release(row)


async def parts(owner: Owner, release: Release) -> list[StoredPart]:
    """Those that are there whole."""
    rows = await _seen(owner, release.tenant_id, _PARTS, release.release_id)
    return [StoredPart(**{name: row[name] for name in StoredPart.__struct_fields__}) for row in rows]


async def add_chunk(owner: Owner, release: Release, part: int, chunk: int, body: bytes) -> None:
    """Within `acting`: a chunk of a part, of which nothing is there until `add_part` and the end of the transaction."""
    await owner.fetch(_ADD_CHUNK, release.tenant_id, release.release_id, part, chunk, body)


async def add_part(owner: Owner, release: Release, part: StoredPart) -> None:
    """Within `acting`: the part is there whole."""
    values = [getattr(part, name) for name in StoredPart.__struct_fields__]
    await owner.fetch(_ADD_PART, release.tenant_id, release.release_id, *values)


async def chunk(owner: Owner, release: Release, part: int, number: int) -> bytes:
    """A chunk of records."""
    [row] = await _seen(owner, release.tenant_id, _CHUNK, release.release_id, part, number)
    return bytes(row["body"])


async def complete(owner: Owner, release: Release, content: bytes, records: int, concepts: int) -> None:
    """All parts are there."""
    async with acting(owner, release.tenant_id):
        [_] = await owner.fetch(_COMPLETE, release.tenant_id, release.release_id, content, records, concepts)


async def clear_file(owner: Owner, release: Release) -> None:
    """Within `acting`: removes the pieces of the index file."""
    await owner.fetch(_CLEAR_FILE, release.tenant_id, release.release_id)


async def add_pieces(owner: Owner, release: Release, first: int, bodies: Sequence[bytes]) -> None:
    """Within `acting`: pieces of the index file, from a number on."""
    await owner.fetch(_ADD_PIECES, release.tenant_id, release.release_id, first, list(bodies))


async def filed(owner: Owner, release: Release, format: int, checksum: bytes, size: int) -> None:
    """Within `acting`: the index file is there whole. Who serves an older one of the release hears of it."""
    [_] = await owner.fetch(_FILED, release.tenant_id, release.release_id, format, checksum, size)
    if release.state == "active":
        await owner.fetch(_CHANGED, str(release.tenant_id))


async def activate(owner: Owner, tenant_id: int, release_ids: Sequence[int]) -> None:
    """Makes releases those that count, in place of what is there under the same URL and version: all at once."""
    async with acting(owner, tenant_id, lasting=True):
        chosen = [row["release_id"] for row in await owner.fetch(_DEFAULTS, tenant_id, list(release_ids))]
        await owner.fetch(_RETIRE, tenant_id, list(release_ids))
        done = await owner.fetch(_ACTIVATE, tenant_id, list(release_ids), chosen)
        if len(done) != len(release_ids):
            raise RuntimeError("a release was not there to be activated")
        await owner.fetch(_CHANGED, str(tenant_id))


async def retire(owner: Owner, release: Release) -> None:
    """Takes a release out of use; `delete` then deletes it."""
    async with acting(owner, release.tenant_id, lasting=True):
        [_] = await owner.fetch(_DROP, release.tenant_id, release.release_id)
        await owner.fetch(_CHANGED, str(release.tenant_id))


async def delete(owner: Owner, release: Release) -> None:
    """Deletes a release that is not active."""
    async with acting(owner, release.tenant_id):
        for table in ("release_file", "release_chunk", "release_part", "release"):
            await owner.fetch(_OF_RELEASE.format(table=table), release.tenant_id, release.release_id)


async def choose(owner: Owner, tenant_id: int, kind: str, url: str, release: Release | None) -> None:
    """Makes a version the one that counts where none is asked for; None: the newest is."""
    async with acting(owner, tenant_id, lasting=True):
        await owner.fetch(_UNCHOOSE, tenant_id, kind, url)
        if release:
            [_] = await owner.fetch(_CHOOSE, tenant_id, release.release_id)
        await owner.fetch(_CHANGED, str(tenant_id))
