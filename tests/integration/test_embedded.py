"""The embedded database: who runs it, who may use it, and what is left when somebody is killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from fhir_server.embedded import Embedded, InUse, Unusable
from fhir_server.embedded.cluster import postmaster_of

# Runs the database of a folder, says so, and waits to be killed.
PARENT = """
import sys; sys.path[:] = {path!r}
from pathlib import Path; from fhir_server.embedded import Embedded
Embedded(Path({folder!r})).start(); print("started", flush=True); sys.stdin.read()
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder with a cluster that nobody runs."""
    place = Path(tempfile.mkdtemp(prefix="fhir-"))
    embedded = Embedded(place / "data")
    embedded.start()
    embedded.stop()
    yield place / "data"
    shutil.rmtree(place)


@pytest.fixture
def running(folder: Path) -> Iterator[Embedded]:
    embedded = Embedded(folder)
    embedded.start()
    yield embedded
    embedded.stop()


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def socket_folder(embedded: Embedded) -> Path:
    return Path(embedded.owner_url.partition("host=")[2].partition("&")[0])


def mode(path: Path) -> int:
    """Permissions; 0 where there is nothing."""
    return path.stat().st_mode & 0o777 if path.exists() else 0


def parent_of(folder: Path) -> subprocess.Popen[bytes]:
    """Another process that runs the database of a folder."""
    code = PARENT.format(path=[str(Path.cwd()), *sys.path], folder=str(folder))
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout
    assert parent.stdin
    assert parent.stdout.readline() == b"started\n"
    return parent


def kill_postmaster(folder: Path) -> None:
    postmaster = postmaster_of(folder / "postgres")
    assert postmaster
    os.kill(postmaster.pid, signal.SIGKILL)
    while postmaster_of(folder / "postgres"):
        time.sleep(0.01)


async def test_neither_role_can_pass_row_level_security(running: Embedded) -> None:
    powers = (
        "select rolsuper or rolbypassrls or rolcreatedb or rolreplication from pg_roles where rolname = current_user"
    )
    assert await ask(running.owner_url, powers) is False
    assert await ask(running.application_url, powers) is False
    assert (
        await ask(running.application_url, "select rolcreaterole or rolinherit from pg_roles where rolname = user")
        is False
    )
    assert await ask(running.owner_url, "select rolcreaterole from pg_roles where rolname = current_user") is True


async def test_the_application_role_makes_nothing_and_sees_one_database(running: Embedded) -> None:
    rights = [
        "has_database_privilege('fhir', 'temporary')",
        "has_database_privilege('fhir', 'create')",
        "has_database_privilege('postgres', 'connect')",
        "has_database_privilege('template1', 'connect')",
        "has_schema_privilege('public', 'create')",
    ]
    for right in rights:
        assert await ask(running.application_url, f"select {right}") is False, right


async def test_it_is_durable_checked_and_alike_everywhere(running: Embedded) -> None:
    settings = {
        "synchronous_commit": "on",
        "fsync": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "jit": "off",
        "lc_collate": None,
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "TimeZone": "UTC",
    }
    for name, value in settings.items():
        assert await ask(running.owner_url, f"select current_setting('{name}', true)") == value, name
    assert await ask(running.owner_url, "select datcollate from pg_database where datname = 'fhir'") == "C.UTF-8"


async def test_a_wrong_password_is_turned_down(running: Embedded) -> None:
    place = running.application_url.partition("@")[2]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(f"postgresql://fhir_app:guess@{place}", "select 1")


def test_nobody_else_can_read_its_files(running: Embedded, folder: Path) -> None:
    for name in ("lock", "passwords", "postgres.log"):
        assert mode(folder / name) == 0o600
    sockets = socket_folder(running)
    for private in (folder, folder / "postgres", sockets):
        assert mode(private) == 0o700


async def test_what_was_written_is_there_after_a_stop(folder: Path) -> None:
    for query in ("create table kept as select 7 as n; select 1", "select n from kept"):
        embedded = Embedded(folder)
        embedded.start()
        connection = await asyncpg.connect(embedded.owner_url)
        await connection.execute(query)
        await connection.close()
        embedded.stop()
        assert postmaster_of(folder / "postgres") is None


async def test_a_second_start_says_who_has_it_and_disturbs_nothing(running: Embedded, folder: Path) -> None:
    with pytest.raises(InUse, match=rf"{folder}: fhir-server serve \(process {os.getpid()}\)"):
        Embedded(folder).start(patience=30)
    assert await ask(running.application_url, "select 1") == 1


async def test_a_living_postmaster_is_adopted_when_its_parent_was_killed(folder: Path) -> None:
    parent = parent_of(folder)
    before = postmaster_of(folder / "postgres")
    with parent:
        parent.kill()
    embedded = Embedded(folder)
    embedded.start()
    assert postmaster_of(folder / "postgres") == before
    assert await ask(embedded.application_url, "select 1") == 1
    embedded.stop()
    assert postmaster_of(folder / "postgres") is None


async def test_a_killed_postmaster_is_started_again_at_the_same_place(running: Embedded, folder: Path) -> None:
    url = running.application_url
    kill_postmaster(folder)
    running.revive()
    assert running.application_url == url
    assert await ask(url, "select 1") == 1


async def test_the_number_of_a_crashed_postmaster_may_be_another_process_now(folder: Path) -> None:
    pid_file = folder / "postgres/postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{folder}/postgres\n1\n5432\n/nowhere\n\n1 1\nready   \n")
    if os.geteuid() == 0:
        shutil.chown(pid_file, (folder / "postgres").stat().st_uid)
    embedded = Embedded(folder)
    embedded.start()
    assert await ask(embedded.application_url, "select 1") == 1
    embedded.stop()


async def test_a_command_uses_the_database_that_is_running(running: Embedded, folder: Path) -> None:
    with Embedded.attach(folder) as attached:
        assert attached.owner_url == running.owner_url
    assert await ask(running.owner_url, "select 1") == 1


async def test_a_command_runs_the_database_for_its_own_time_and_that_of_others(folder: Path) -> None:
    first = Embedded.attach(folder)
    first.__enter__()
    with Embedded.attach(folder) as second:
        leaving = threading.Thread(target=first.__exit__, args=(None, None, None))
        leaving.start()
        await asyncio.sleep(0.2)
        assert await ask(second.application_url, "select 1") == 1
        with Embedded.attach(folder) as third:
            assert await ask(third.application_url, "select 1") == 1
    leaving.join()
    assert postmaster_of(folder / "postgres") is None


def test_serve_waits_for_a_command_but_not_for_ever(folder: Path) -> None:
    with Embedded.attach(folder, purpose="load"), pytest.raises(InUse, match="fhir-server load"):
        Embedded(folder).start(patience=0.1)


def test_another_major_version_is_named_and_left_alone(folder: Path) -> None:
    version = folder / "postgres/PG_VERSION"
    made_by = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(Unusable, match=r"made by PostgreSQL 14.*are of PostgreSQL 1[5-9]"):
            Embedded(folder).start()
    finally:
        version.write_text(made_by)


def test_a_failed_start_shows_the_log_and_gives_the_lock_back(folder: Path) -> None:
    automatic = folder / "postgres/postgresql.auto.conf"
    before = automatic.read_text()
    automatic.write_text("no_such_setting = 1\n")
    try:
        with pytest.raises(Unusable, match="no_such_setting"):
            Embedded(folder).start()
    finally:
        automatic.write_text(before)
    with Embedded.attach(folder):
        pass


async def test_a_half_made_cluster_is_made_anew_and_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """The first start was killed in the middle. The folders above the data folder keep their modes."""
    folder = tmp_path / ("long" * 25) / "data"
    (folder / "postgres.new").mkdir(parents=True)
    (folder / "postgres.new/PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    folder.parent.chmod(0o700)
    modes = [mode(path) for path in folder.parents]
    embedded = Embedded(folder)
    embedded.start()
    try:
        sockets = socket_folder(embedded)
        assert sockets.parent == Path("/tmp")
        assert mode(sockets) == 0o700
        assert await ask(embedded.application_url, "select 1") == 1
        assert [mode(path) for path in folder.parents] == modes
    finally:
        embedded.stop()
    assert mode(sockets) == 0


def test_a_data_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match="file/data cannot be used: Not a directory"):
        Embedded(tmp_path / "file/data").start()
