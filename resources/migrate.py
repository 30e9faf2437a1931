"""Migrations: the schema of every floor brought up to date by the owner, while the previous release keeps working.

Migrations only add. A file runs as one transaction; one that begins with `-- no transaction` (indexes built
concurrently) runs statement by statement and must be repeatable. The application role is made here if it is absent, and
its grants are stated anew each time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .database import Busy, Database, Owner, Unsafe


@dataclass(frozen=True, slots=True)
class Migration:
    floor: str
    number: int
    name: str
    script: str


def _statements() -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)\n", Path(__file__).with_name("migrate.sql").read_text(), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


_SQL: Final = _statements()


def migrations(floors: Sequence[Path]) -> list[Migration]:
    """All migrations of these floors (package folders, lowest first) in the order they run."""
    return [
        Migration(folder.name, int(path.name.split("_")[0]), path.stem, path.read_text())
        for folder in floors
        for path in sorted((folder / "migrations").glob("[0-9]*.sql"))
    ]


async def pending(database: Database, floors: Sequence[Path]) -> list[str]:
    """Names of the migrations this release knows and the database lacks; empty when it may serve."""
    done = {(row["floor"], row["number"]) for row in await database.registry(_SQL["applied"])}
    return [f"{m.floor}/{m.name}" for m in migrations(floors) if (m.floor, m.number) not in done]


def _role(url: str) -> tuple[str, str]:
    """Name and password of the role in the URL of a database: before its host, or among its parameters."""
    parts = urlsplit(url)
    given = {"user": "", "password": "", **dict(parse_qsl(parts.query))}
    return unquote(parts.username or "") or given["user"], unquote(parts.password or "") or given["password"]


async def migrate(owner_url: str, application_url: str, floors: Sequence[Path]) -> list[str]:
    """Brings the database up to date as its owner and returns the names of the migrations that ran.

    application_url: the application role's; its user is made with its password if it does not exist. Two at once wait
    for each other. A lock that traffic holds too long is tried again; after a minute the error is raised. Raises Unsafe
    if the application role's URL names no role."""
    name, password = _role(application_url)
    if not name:
        raise Unsafe("the URL of the database names no application role: postgresql://role:password@host/database")
    role = '"' + name.replace('"', '""') + '"'
    async with Owner.connect(owner_url) as owner:
        # Tried again and again: one that waits inside its statement would be waited for by a concurrent index build.
        while not (await owner.fetch(_SQL["lock"]))[0]["mine"]:
            await asyncio.sleep(0.1)
        await owner.run(_SQL["start"])
        done = {(row["floor"], row["number"]) for row in await owner.fetch(_SQL["applied"])}
        ran = []
        for migration in migrations(floors):
            if (migration.floor, migration.number) not in done:
                await _patiently(partial(_run, owner, migration))
                ran.append(f"{migration.floor}/{migration.name}")
        await _patiently(partial(owner.run, _SQL["restored"]))
        [exists] = await owner.fetch(_SQL["role_exists"], name)
        if not exists["exists"]:
            quoted = "'" + password.replace("'", "''") + "'"
            await owner.run(_SQL["create_role"].format(application=role, password=quoted))
        [database] = await owner.fetch(_SQL["database"])
        await _patiently(partial(owner.run, _SQL["privileges"].format(application=role, database=database["name"])))
        for folder in floors:
            if (grants := folder / "grants.sql").exists():
                await _patiently(partial(owner.run, grants.read_text().format(application=role)))
    return ran


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """Does work that waits briefly for locks; tries it again, so that no request queues behind it for long."""
    for attempt in range(12):
        try:
            return await work()
        except Busy:
            if attempt == 11:
                raise
            await asyncio.sleep(1)


async def _run(owner: Owner, migration: Migration) -> None:
    """Runs one migration."""
    if migration.script.startswith("-- no transaction"):
        for statement in filter(str.strip, migration.script.split(";\n")):
            await owner.run(statement)
        await owner.fetch(_SQL["record"], migration.floor, migration.number, migration.name)
    else:
        async with owner.transaction():
            await owner.run(migration.script)
            await owner.fetch(_SQL["record"], migration.floor, migration.number, migration.name)
