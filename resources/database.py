"""The database session: one actor, one tenant, one statement a call. The only importer of asyncpg.

Nothing here speaks SQL for somebody without a tenant, but for the registry of tenants and the instance row, which hold
nothing of a patient. A statement sets its tenant itself, transaction-local, in the same round trip as its work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

import asyncpg

from .connections import Connections
from .outcome import BadRequest, Fault, Unavailable

log = logging.getLogger(__name__)

Row = Mapping[str, Any]  # a record of asyncpg: by name or by position

# What asyncpg raises of itself when a connection breaks, the second of them when it breaks between two steps.
_OF_THE_CONNECTION: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_FAILURES: Final = (asyncpg.PostgresError, *_OF_THE_CONNECTION, OSError, TimeoutError)

# Asked after 30 s of silence, given up after three questions; TCP_USER_TIMEOUT (ms) is for what was sent unanswered.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
# The same for the server, which else would keep the locks of a process whose host is gone.
_SERVER_KEEPALIVE: Final = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}

# The frame of every SELECT: the tenant is set first, and the query compares each table's tenant_id with g.t. A tenant
# given as a plain argument would be judged by the planner before the setting is made, and find nothing.
_FRAME: Final = (
    "with g as materialized (select set_config('app.tenant', $1::text, true)::int4 as t) "
    "select x.* from g cross join lateral ({query} offset 0) x"
)

# Faults of the role or the schema that make row level security void. No row may come back. What a role is a member of
# it may become, also one that does not inherit.
_SELF_CHECK: Final = """
select 'the role is a superuser or bypasses row level security, or may become ' || rolname || ', which does' as fault
from pg_roles where (rolsuper or rolbypassrls) and pg_has_role(oid, 'member')
union all
select 'the role owns ' || c.relname || ', or may become ' || pg_get_userbyid(c.relowner) || ', which does'
from pg_class c where c.relnamespace = 'fhir'::regnamespace and pg_has_role(c.relowner, 'member')
union all
select 'the role may create objects in schema fhir' where has_schema_privilege('fhir', 'create')
union all
select 'the role may change or remove versions'
where has_table_privilege('fhir.resource_version', 'update') or has_table_privilege('fhir.resource_version', 'delete')
union all
select 'table ' || c.relname || ' has no forced row level security with a policy for its tenant' from pg_class c
where c.relnamespace = 'fhir'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all ('{tenant,due}')
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
  and not (c.relrowsecurity and c.relforcerowsecurity and exists (
        select from pg_policy p where p.polrelid = c.oid and p.polpermissive
          and pg_get_expr(p.polqual, p.polrelid) like '%app.tenant%'
          and pg_get_expr(p.polwithcheck, p.polrelid) like '%app.tenant%'))
union all
-- One permissive policy is enough to let a row through, whatever the others say.
select 'policy ' || p.polname || ' on ' || c.relname || ' is not for the tenant alone' from pg_policy p
join pg_class c on c.oid = p.polrelid
where c.relnamespace = 'fhir'::regnamespace and p.polpermissive
  and (pg_get_expr(p.polqual, p.polrelid) not like '%app.tenant%'
       or pg_get_expr(p.polwithcheck, p.polrelid) not like '%app.tenant%')
union all
-- Truncation asks no policy.
select 'the role may truncate ' || c.relname from pg_class c
where c.relnamespace = 'fhir'::regnamespace and c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'truncate')
  and c.relowner <> (select oid from pg_roles where rolname = current_user)
"""


def framed(query: str) -> str:
    """The statement that sets the tenant ($1) and runs the query, which calls the tenant g.t and counts from $2."""
    return _kept(query) if len(query) <= 8192 else _FRAME.format(query=query)


# At most 8 MB: of searches there are as many as clients can think of.
@lru_cache(maxsize=512)
def _kept(query: str) -> str:
    return _FRAME.format(query=query)


class Refused(Exception):
    """A write function said no: its SQLSTATE and detail. Turned into an outcome by the store."""

    def __init__(self, state: str, detail: str) -> None:
        super().__init__(state, detail)
        self.state, self.detail = state, detail


class Unsafe(Exception):
    """The database is not fit to serve: what must be mended, one line a fault."""


class Busy(Exception):
    """A lock was held by others for longer than a migration may wait."""


async def _connect(url: str, **options: Any) -> Any:
    """A connection that notices when its peer has vanished without a word: within a minute, also while it only waits.

    Nobody would write to the connection that listens; a statement's time is measured by the server, which is away."""
    connection = await asyncpg.connect(url, **options)
    opened: socket.socket = connection._transport.get_extra_info("socket")
    if opened.family in (socket.AF_INET, socket.AF_INET6):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):  # not every system has each of them
                opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return connection


def _translate(error: Exception) -> Exception:
    """What a failed statement means to the caller; never carries SQL or a value."""
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("FH") or state in ("40001", "40P01"):
        return Refused(state, getattr(error, "detail", None) or "")
    if state == "57014":
        return Unavailable("The request took longer than it may.", code="timeout", headers={"Retry-After": "5"})
    # 08 connection, 53 resources, 57P shut down or starting, 55P03 lock not available, or no server there at all.
    if state.startswith(("08", "53", "57P", "55P")) or isinstance(
        error, (OSError, asyncpg.PostgresConnectionError, *_OF_THE_CONNECTION, TimeoutError)
    ):
        return Unavailable("The database cannot be reached at the moment.", headers={"Retry-After": "2"})
    # Also what asyncpg itself refuses: an argument that does not fit its type, of which the server never hears.
    if state.startswith(("22", "54")):
        return BadRequest("A value in the request is beyond what the database can store.", code="value")
    return Fault("The request failed.")


class Session:
    """What one actor does in one tenant. Each call is one statement, one round trip and its own transaction."""

    __slots__ = ("_connections", "actor", "tenant_id")

    def __init__(self, connections: Any, tenant_id: int, actor: str) -> None:
        self._connections = connections  # Connections, or the one connection of a transaction
        self.tenant_id = tenant_id
        self.actor = actor

    @property
    def in_transaction(self) -> bool:
        return not isinstance(self._connections, Connections)

    def acting_for(self, actor: str) -> Session:
        """The same tenant, on behalf of somebody else: of who asked for what a job does."""
        return Session(self._connections, self.tenant_id, actor)

    async def select(self, query: str, *args: Any) -> Sequence[Row]:
        """Rows of a query that compares every tenant_id with g.t and whose arguments begin at $2.

        Raises Unavailable (503) when the database is away or the time is over, Fault (500) otherwise."""
        return await self.call(framed(query), str(self.tenant_id), *args)

    async def call(self, statement: str, *args: Any) -> Sequence[Row]:
        """Rows of a statement that sets its tenant itself: a write function whose first argument is the tenant.

        Raises Refused with the function's own SQLSTATE, besides the errors of select."""
        try:
            rows: Sequence[Row] = await self._connections.fetch(statement, *args)
            return rows
        except _FAILURES as error:
            meant = _translate(error)
            if isinstance(meant, (Fault, BadRequest)):
                # Neither the message nor the detail: they may quote a patient's values.
                log.error("statement failed: %s %s", type(error).__name__, getattr(error, "sqlstate", ""))
            raise meant from None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session whose calls are one transaction; inside a transaction, a savepoint. An exception rolls back.

        Raises what select raises, also when the transaction cannot begin or end."""
        try:
            if self.in_transaction:
                async with self._connections.transaction():
                    yield self
                return
            connection = await self._connections.take()
            try:
                async with connection.transaction():
                    yield Session(connection, self.tenant_id, self.actor)
            except asyncio.CancelledError:
                connection.terminate()  # the answer to its statement may still be on the way
                raise
            finally:
                self._connections.give(connection)
        except _FAILURES as error:
            raise _translate(error) from None


class Database:
    """The connections of one process to the application role's database."""

    def __init__(self, pool: Connections, url: str, hash_key: bytes) -> None:
        self._pool = pool
        self._url = url
        self.hash_key = hash_key
        self._heard: dict[str, list[Callable[[str], None]]] = {}  # by channel
        self._listening: asyncio.Task[None] | None = None
        self._is_heard = False

    @classmethod
    async def open(cls, url: str, *, connections: int = 4, statement_timeout: int = 30_000) -> Database:
        """Connects as the application role and refuses to serve where row level security would be void.

        statement_timeout in milliseconds. Raises Unsafe with what must be mended, OSError when nobody answers."""
        connect = partial(
            _connect,
            url,
            # The defaults drop statements after five minutes and keep none of more than 15 kB. Each that is kept takes
            # memory of the database as long as the connection lives, so that the longest are not.
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=100_000,
            server_settings={
                "search_path": "fhir",
                "plan_cache_mode": "force_generic_plan",  # every shape is fenced: there is one good plan
                # A plan made while a table was small is kept when it has grown: it must not be one that reads it all.
                "enable_seqscan": "off",
                "statement_timeout": str(statement_timeout),
                "application_name": "fhir-server",
                "jit": "off",
                **_SERVER_KEEPALIVE,
            },
        )
        pool = Connections(connect, connections)
        try:
            faults = [row["fault"] for row in await pool.fetch(_SELF_CHECK)]
            if faults:
                raise Unsafe("\n".join(faults))
            [row] = await pool.fetch("select hash_key from fhir.instance")
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            await pool.close()
            raise Unsafe("the database has no schema of this server; run `fhir-server migrate`") from None
        except BaseException:
            await pool.close()
            raise
        return cls(pool, url, row["hash_key"])

    def session(self, tenant_id: int, actor: str = "") -> Session:
        return Session(self._pool, tenant_id, actor)

    async def registry(self, statement: str, *args: Any) -> Sequence[Row]:
        """Rows of a table without row policies: the registry of tenants, the list of migrations."""
        try:
            rows: Sequence[Row] = await self._pool.fetch(statement, *args)
        except _FAILURES as error:
            raise _translate(error) from None
        return rows

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Calls heard(payload) on every notification, and heard("") after each (re)connection, since any may have been
        missed. A channel may have several listeners."""
        self._heard.setdefault(channel, []).append(heard)
        if self._listening:
            self._listening.cancel()  # to be begun with all channels
        self._listening = asyncio.create_task(self._listen())

    @property
    def is_listening(self) -> bool:
        """Whether notifications are heard at the moment."""
        return self._is_heard

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(*_FAILURES):
                await self._listen_once()
            await asyncio.sleep(0.2)

    async def _listen_once(self) -> None:
        """Listens until the connection is lost."""
        settings = {"application_name": "fhir-server listen", **_SERVER_KEEPALIVE}
        connection = await _connect(self._url, server_settings=settings)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            for channel, listeners in self._heard.items():
                for heard in listeners:
                    await connection.add_listener(channel, lambda *said, heard=heard: heard(said[-1]))
            for listeners in self._heard.values():
                for heard in listeners:
                    heard("")
            self._is_heard = True
            await lost.wait()
        finally:
            self._is_heard = False
            connection.terminate()

    async def close(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self._pool.close()


class Owner:
    """A connection of the owner role, for migrations and the registry of tenants: never on the way of a request."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Owner]:
        settings = {"search_path": "fhir", "lock_timeout": "5s", **_SERVER_KEEPALIVE}
        connection = await _connect(url, server_settings=settings)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def fetch(self, statement: str, *args: Any) -> Sequence[Row]:
        rows: Sequence[Row] = await self._connection.fetch(statement, *args)
        return rows

    async def run(self, script: str) -> None:
        """Several statements without arguments; outside transaction() as one implicit transaction.

        Raises Busy when a lock was not to be had in time."""
        try:
            await self._connection.execute(script)
        except asyncpg.LockNotAvailableError as error:
            raise Busy(str(error)) from None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield
