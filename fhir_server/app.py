"""The composition root: the one place where the parts are put together.

application(settings)   the ASGI application
opened(settings)        the same parts without HTTP, for commands
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Final

from resources import definitions, migrate
from resources.database import Database, Unsafe
from resources.hashing import Hash
from resources.outcome import Unavailable
from resources.store import Store
from resources.validation import Validator
from search import indexer
from search.run import Search

from .bundle import process
from .edge import Edge, Opened
from .entries import READS, Interaction
from .floors import FLOORS
from .interactions import create, delete, update
from .settings import SETTINGS, Settings
from .store import Registered
from .tenancy import Tenant, Tenants

# Every interaction that ROUTES knows, and what does it.
INTERACTIONS: Final[Mapping[str, Interaction]] = {
    **READS,
    "create": create,
    "update": update,
    "delete": delete,
    "batch": process,
    "transaction": process,
}


def application(settings: Settings) -> Edge:
    """The ASGI application; its lifespan opens the database. Raises Unsafe there when it must not serve."""
    opening = partial(opened, settings)
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    return Edge(INTERACTIONS, opening, max_body=settings.max_body, base_url=settings.base_url, cors_origins=origins)


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """The database and the tenants, ready for requests. Raises Unsafe when the database is not fit to serve."""
    database = await Database.open(settings.database_url, connections=settings.connections)
    tenants = Tenants(database, _tenant_of(database))
    try:
        if pending := await migrate.pending(database, FLOORS):
            raise Unsafe(f"the schema lacks {', '.join(pending)}; run `fhir-server migrate`")
        await tenants.start()

        async def ready() -> bool:
            try:
                return not await migrate.pending(database, FLOORS)
            except Unavailable:
                return False

        yield Opened(tenants, database.session, ready)
    finally:
        await database.close()
        await tenants.stop()


def _tenant_of(database: Database) -> Callable[[Registered], Tenant]:
    """What makes a tenant of its row in the registry. Until a tenant has definitions of its own, all share one set."""
    defined = definitions.load()
    hash_ = Hash(database.hash_key)
    validator = Validator(defined)
    indexing = indexer.Indexer(defined, hash_)
    store = Store(hash_, defined, (indexer.FLOOR,))
    defaults = {setting.name: setting.default for setting in SETTINGS if setting.tenant}

    def tenant_of(row: Registered) -> Tenant:
        settings = {**defaults, **row.settings}
        return Tenant(
            row.tenant_id,
            row.name,
            row.definitions_number,
            settings,
            defined,
            validator,
            indexing,
            hash_,
            store,
            Search(indexing),
        )

    return tenant_of
