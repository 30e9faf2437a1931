"""The composition root: the one place where the parts are put together.

application(settings)   the ASGI application
opened(settings)        the same parts without HTTP, for commands
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from resources import definitions, migrate
from resources.database import Database, Unsafe
from resources.hashing import Hash
from resources.outcome import Unavailable
from resources.store import Store
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from search import indexer, own
from search.run import Search
from search.store import own_parameters
from terminology.answering import Terminologies
from terminology.grammars import ucum
from terminology.membership.questions import Terminology
from terminology.owned import Owned
from terminology.releases.catalogue import Catalogue
from terminology.releases.pinned import pinned
from terminology.sources import Official

from . import asynchronous
from .bundle import process
from .dispatch import Dispatcher
from .edge import Edge, Opened
from .entries import READS, Interaction
from .floors import FLOORS
from .jobs import JOBS, Jobs
from .settings import SETTINGS, Settings
from .store import Registered
from .tenancy import Tenant, Tenants
from .validation.policy import policy_of
from .validation.shelf import Shelf
from .writing import create, delete, patch, update

# Every interaction that ROUTES knows, and what does it.
INTERACTIONS: Final[Mapping[str, Interaction]] = {
    **READS,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "batch": process,
    "transaction": process,
    "async-status": asynchronous.status,
    "async-cancel": asynchronous.cancel,
}
_DISPATCHER: Final = Dispatcher(INTERACTIONS)


def application(settings: Settings) -> Edge:
    """The ASGI application; its lifespan opens the database. Raises Unsafe there when it must not serve."""
    opening = partial(opened, settings, jobs=True)
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    return Edge(_DISPATCHER, opening, max_body=settings.max_body, base_url=settings.base_url, cors_origins=origins)


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, jobs: bool = False, fair: bool = True) -> AsyncIterator[Opened]:
    """The database and the tenants, ready for requests; jobs: and for jobs, which are then done in the background.

    fair: leaving half of the time to requests. Raises Unsafe when the database is not fit to serve."""
    database = await Database.open(settings.database_url, connections=settings.connections)
    defined = definitions.load()
    catalogue = Catalogue(database, settings.terminology_dir or settings.data_dir / "terminology")
    terminologies = Terminologies(Official(defined), Owned(), catalogue, lambda: database.is_listening)
    tenants = Tenants(database, _tenant_of(database, terminologies))
    steps = {**JOBS, asynchronous.KIND: asynchronous.step(_DISPATCHER.act)}
    working = Jobs(database, tenants, settings.base_url, steps=steps, fair=fair)
    try:
        if pending := await migrate.pending(database, FLOORS):
            raise Unsafe(f"the schema lacks {', '.join(pending)}; run `fhir-server migrate`")
        await tenants.start()
        await catalogue.start(tenants.ids())
        database.listen("fhir_terminology", terminologies.heard)
        if jobs:
            working.start()

        async def ready() -> bool:
            try:
                return not await migrate.pending(database, FLOORS)
            except Unavailable:
                return False

        yield Opened(tenants, database.session, ready)
    finally:
        await working.stop()
        await catalogue.stop()
        await database.close()
        await tenants.stop()


def _tenant_of(database: Database, terminologies: Terminologies) -> Callable[[Registered], Awaitable[Tenant]]:
    """What makes a tenant of its row in the registry. Tenants without definitions of their own share one set."""
    defined = definitions.load()
    hash_ = Hash(database.hash_key)
    validator = Validator(defined)
    rules = Rules(defined, ucum.to_canonical)
    terminology = Terminology(terminologies)  # one for all: what it remembers is of a tenant each
    shelf = Shelf(defined, terminology)
    indexers: dict[frozenset[str], indexer.Indexer] = {}  # by the types whose words are indexed
    indexing = indexer.Indexer(defined, hash_)
    store = Store(hash_, defined, (indexer.FLOOR, own.FLOOR))
    defaults = {setting.name: setting.default for setting in SETTINGS if setting.tenant}

    async def tenant_of(row: Registered) -> Tenant:
        settings = {**defaults, **row.settings}
        versions = pinned(settings["terminology_versions"])
        words = frozenset(filter(None, settings["search_words"].split(",")))
        definitions, indexes = defined, indexers.setdefault(words, indexing.extended(defined, words))
        # A tenant whose definitions have never changed has none of its own.
        registered = await own_parameters(database.session(row.tenant_id)) if row.definitions_number > 1 else []
        if parameters := [one.parameter for one in registered if one.state != "dropping"]:
            definitions = own.in_force(defined, parameters)
            indexes = indexes.extended(definitions)
        return Tenant(
            row.tenant_id,
            row.name,
            row.definitions_number,
            settings,
            definitions,
            validator,
            rules,
            policy_of(settings),
            shelf,
            indexes,
            hash_,
            store,
            Search(indexes, terminology, versions),
            terminologies,
            versions,
        )

    return tenant_of
