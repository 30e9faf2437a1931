"""migrate, tenant and load: beside a server that runs, without one, and on a database elsewhere."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from fhir_server.embedded import Embedded
from fhir_server.embedded.cluster import postmaster_of

from ..serving import COMMAND, Serving, run, serve

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    place = Path(tempfile.mkdtemp(prefix="fhir-"))
    with serve(place / "data") as serving:
        yield serving
    shutil.rmtree(place)


def within_a_second(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 1
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_tenant_is_made_changed_and_dropped_while_the_server_runs(serving: Serving) -> None:
    """Each is in force on the worker within a second."""
    place, other = ("--data-dir", str(serving.data_dir)), serving.of("branch-two")
    patient = json.dumps({"resourceType": "Patient", "id": "p1"})

    def status(method: str, path: str) -> int:
        return httpx.request(method, f"{other}/{path}", content=patient, headers=JSON).status_code

    assert status("POST", "Patient") == 404
    assert run("tenant", "create", "branch-two", *place).returncode == 0
    within_a_second(lambda: status("POST", "Patient") == 201)
    assert run("tenant", "set", "branch-two", "update_create=false", *place).returncode == 0
    assert run("tenant", "list", *place).stdout == "default\nbranch-two update_create=false\n"
    within_a_second(lambda: status("PUT", "Patient/p1") == 405)
    dropped = run("tenant", "drop", "branch-two", *place)
    assert dropped.returncode == 0
    assert dropped.stdout.startswith("branch-two is dropped: ")
    within_a_second(lambda: status("POST", "Patient") == 404)
    assert run("tenant", "list", *place).stdout == "default\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "default"), "there is a tenant default already."),
        (("set", "absent", "max_count=5"), "there is no tenant absent."),
        (("drop", "absent"), "there is no tenant absent."),
    ],
)
def test_what_is_there_already_or_not_at_all_is_said(
    serving: Serving, arguments: tuple[str, ...], message: str
) -> None:
    ended = run("tenant", *arguments, "--data-dir", str(serving.data_dir))
    assert (ended.returncode, ended.stderr) == (1, f"fhir-server: {message}\n")


def test_load_stores_what_is_right_and_reports_what_is_not(serving: Serving, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "good.ndjson.gz", "wt") as file:
        file.writelines(json.dumps({"resourceType": "Patient", "id": f"loaded-{n}"}) + "\n" for n in range(3))
    assert run("load", str(tmp_path), "--data-dir", str(serving.data_dir)).returncode == 0
    assert httpx.get(f"{serving.base}/Patient/loaded-2").status_code == 200
    (tmp_path / "bad.json").write_text('{"resourceType": "Patient", "id": "bad", "colour": "red"}')
    ended = run("load", str(tmp_path), "--data-dir", str(serving.data_dir))
    assert ended.returncode == 1
    assert "bad.json" in ended.stdout
    assert httpx.get(f"{serving.base}/Patient/bad").status_code == 404
    ended = run("load", str(tmp_path), "--tenant", "absent", "--data-dir", str(serving.data_dir))
    assert (ended.returncode, ended.stderr) == (1, "fhir-server: There is no tenant 'absent'.\n")


def test_commands_make_and_stop_the_database_where_none_runs(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    assert run("tenant", "create", "early", *place).returncode == 0
    assert postmaster_of(tmp_path / "data/postgres") is None
    assert run("migrate", *place).stdout == "The schema is up to date.\n"
    assert run("tenant", "list", *place).stdout == "default\nearly\n"


def test_a_database_elsewhere_is_migrated_by_its_owner_and_served_by_the_application_role(tmp_path: Path) -> None:
    elsewhere = Embedded(tmp_path / "elsewhere")
    elsewhere.start()
    owner, application = elsewhere.owner_url, elsewhere.application_url
    try:
        refused = run("serve", "--port", "0", "--database-url", application)
        assert refused.returncode == 1
        assert "run `fhir-server migrate`" in refused.stderr
        migrated = run("migrate", "--owner-database-url", owner, "--database-url", application)
        assert migrated.returncode == 0
        assert migrated.stdout.startswith("resources/0001_initial\n")
        assert run("migrate", "--owner-database-url", owner).returncode == 0
        with serve(tmp_path / "unused", "--database-url", application) as serving:
            assert httpx.get(f"{serving.base}/metadata").status_code == 200
            assert run("tenant", "list", "--owner-database-url", owner).stdout == "default\n"
        assert not (tmp_path / "unused").exists()
        as_owner = run("serve", "--port", "0", "--database-url", owner)
        assert as_owner.returncode == 1
        assert "the role owns" in as_owner.stderr
        wrong = application.replace(application.split(":")[2].split("@")[0], "guess")
        turned_down = run("serve", "--port", "0", "--database-url", wrong)
        assert turned_down.returncode == 1
        assert 'password authentication failed for user "fhir_app"' in turned_down.stderr
        assert len(turned_down.stderr.splitlines()) == 1
    finally:
        elsewhere.stop()


def test_a_command_that_is_ended_stops_the_database_it_runs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.json")
    process = subprocess.Popen(
        [*COMMAND, "load", str(tmp_path / "endless.json"), "--data-dir", str(tmp_path / "data")], stdout=subprocess.PIPE
    )
    with process, open(tmp_path / "endless.json", "wb"):
        assert postmaster_of(tmp_path / "data/postgres")
        process.terminate()
    assert process.returncode == 1
    assert postmaster_of(tmp_path / "data/postgres") is None
