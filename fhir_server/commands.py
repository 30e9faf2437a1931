"""What the commands do, but for serve: migrate, tenant, load, package, terminology, reindex.

The database is the one at --owner-database-url or --database-url or, without either, the embedded one of --data-dir: a
command attaches to the database that `serve` runs, or runs it for its own time.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import orjson
import uvloop

from resources.database import Database, Owner, Unsafe
from resources.migrate import migrate, pending

from . import store
from .embedded import Embedded
from .floors import FLOORS
from .settings import Settings, read_tenant
from .supervisor import ending_on_signals

T = TypeVar("T")


class Failed(Exception):
    """A command could not do what it was asked; the text says why."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end. Raises Failed where the database is away or turns us down."""
    try:
        return uvloop.run(coroutine)
    except OSError as error:
        raise Failed(f"the database cannot be reached: {error}") from None
    except Exception as error:
        if getattr(error, "sqlstate", None):  # of PostgreSQL's own errors
            raise Failed(f"the database refuses: {error}") from None
        raise


def is_embedded(settings: Settings, needed: str) -> bool:
    """Whether the embedded database is meant. Raises Failed where another is named, but not by the setting needed."""
    if not (settings.database_url or settings.owner_database_url):
        return True
    if not settings.values[needed]:
        raise Failed(f"--{needed.replace('_', '-')} is missing; it goes with the other URL of the database.")
    return False


async def check_schema(url: str) -> None:
    """Raises Unsafe if the database is not fit to be served from, with what to do."""
    database = await Database.open(url, connections=1)
    try:
        if missing := await pending(database, FLOORS):
            raise Unsafe(f"the schema lacks {', '.join(missing)}; run `fhir-server migrate`.")
    finally:
        await database.close()


@contextlib.contextmanager
def _embedded(settings: Settings, purpose: str) -> Iterator[Embedded]:
    """The embedded database with its schema up to date."""
    attached = Embedded.attach(settings.data_dir, purpose=purpose, postgresql_bin=settings.postgresql_bin)
    with ending_on_signals(1), attached as embedded:
        run(migrate(embedded.owner_url, embedded.application_url, FLOORS))
        yield embedded


def _as_owner(settings: Settings, purpose: str, work: Callable[[Owner], Awaitable[T]]) -> T:
    async def connected(url: str) -> T:
        async with Owner.connect(url) as owner:
            return await work(owner)

    if is_embedded(settings, "owner_database_url"):
        with _embedded(settings, purpose) as embedded:
            return run(connected(embedded.owner_url))
    return run(connected(settings.owner_database_url))


def migrate_schema(_: argparse.Namespace, settings: Settings) -> int:
    if is_embedded(settings, "owner_database_url"):
        with _embedded(settings, "migrate"):
            print("The schema is up to date.")
        return 0
    application_url = settings.database_url or "postgresql://fhir_app@/"
    for name in run(migrate(settings.owner_database_url, application_url, FLOORS)):
        print(name)
    print("The schema is up to date.")
    if not settings.database_url:
        print(
            "The application role is fhir_app; if it was absent it was made without a password: give it one, or name it"
        )
        print("with its password in --database-url.")
    return 0


def create_tenant(given: argparse.Namespace, settings: Settings) -> int:
    if not re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", given.name):
        raise Failed(f"{given.name!r} cannot be a tenant: lower case letters, digits and inner hyphens, 63 at most.")
    if not _as_owner(settings, "tenant create", lambda owner: store.create_tenant(owner, given.name)):
        raise Failed(f"there is a tenant {given.name} already.")
    return 0


def list_tenants(_: argparse.Namespace, settings: Settings) -> int:
    for tenant in _as_owner(settings, "tenant list", store.tenants_seen_by_owner):
        own = [f"{name}={orjson.dumps(value).decode()}" for name, value in tenant.settings.items()]
        dropping = ["(being dropped)"] if tenant.state == "dropping" else []
        print(" ".join([tenant.name, *own, *dropping]))
    return 0


def set_tenant(given: argparse.Namespace, settings: Settings) -> int:
    values = read_tenant(given.pairs)
    if not _as_owner(settings, "tenant set", lambda owner: store.set_settings(owner, given.name, values)):
        raise Failed(f"there is no tenant {given.name}.")
    return 0


def drop_tenant(given: argparse.Namespace, settings: Settings) -> int:
    counts: dict[str, int] = {}

    def progress(table: str, rows: int) -> None:
        counts[table] = rows
        if sys.stderr.isatty():
            print(f"\r{table}: {rows} rows\033[K", end="", file=sys.stderr, flush=True)

    if not _as_owner(settings, "tenant drop", lambda owner: store.drop_tenant(owner, given.name, progress=progress)):
        raise Failed(f"there is no tenant {given.name}.")
    print(f"{given.name} is dropped: {sum(counts.values())} rows deleted.")
    return 0


def load_files(given: argparse.Namespace, settings: Settings) -> int:
    from . import load  # the whole application: the other commands do without

    if not is_embedded(settings, "database_url"):
        return run(load.run(settings, given.paths, given.tenant, sys.stdout))
    with _embedded(settings, "load") as embedded:
        settings = settings.replace(database_url=embedded.application_url)
        return run(load.run(settings, given.paths, given.tenant, sys.stdout))


def _with_application(settings: Settings, purpose: str, work: Callable[[Settings], Coroutine[Any, Any, int]]) -> int:
    """Runs a command that needs the whole application, on the database that is named or on the embedded one."""
    if not is_embedded(settings, "database_url"):
        return run(work(settings))
    with _embedded(settings, purpose) as embedded:
        return run(work(settings.replace(database_url=embedded.application_url)))


def install_package(given: argparse.Namespace, settings: Settings) -> int:
    from .packages import command  # the whole application, as above

    skip = given.skip_invalid
    return _with_application(
        settings,
        "package install",
        lambda known: command.run_install(known, given.file, given.tenant, sys.stdout, skip_invalid=skip),
    )


def preview_package(given: argparse.Namespace, settings: Settings) -> int:
    from .packages import command

    return _with_application(
        settings, "package preview", lambda known: command.run_preview(known, given.file, given.tenant, sys.stdout)
    )


def list_packages(given: argparse.Namespace, settings: Settings) -> int:
    from .packages import command

    return _with_application(settings, "package list", lambda known: command.run_list(known, given.tenant, sys.stdout))


def uninstall_package(given: argparse.Namespace, settings: Settings) -> int:
    from .packages import command

    return _with_application(
        settings,
        "package uninstall",
        lambda known: command.run_uninstall(known, given.package, given.tenant, sys.stdout),
    )


def revalidate(given: argparse.Namespace, settings: Settings) -> int:
    from . import revalidate  # the whole application, as above

    def judged(settings: Settings) -> int:
        return run(revalidate.run(settings, given.tenant, given.type, given.profile, sys.stdout, given.samples))

    if not is_embedded(settings, "database_url"):
        return judged(settings)
    with _embedded(settings, "revalidate") as embedded:
        return judged(settings.replace(database_url=embedded.application_url))


def reindex(given: argparse.Namespace, settings: Settings) -> int:
    from . import reindex  # the whole application, as above

    if not is_embedded(settings, "database_url"):
        return run(reindex.run(settings, given.tenant, given.type, sys.stdout))
    with _embedded(settings, "reindex") as embedded:
        settings = settings.replace(database_url=embedded.application_url)
        return run(reindex.run(settings, given.tenant, given.type, sys.stdout))


def terminology(given: argparse.Namespace, settings: Settings) -> int:
    from . import terminology_command  # its loaders: the other commands do without

    is_embedded(settings, "owner_database_url")  # said before anything is read
    work = terminology_command.prepared(given, settings, sys.stdout)
    return _as_owner(settings, f"terminology {given.verb}", work)
