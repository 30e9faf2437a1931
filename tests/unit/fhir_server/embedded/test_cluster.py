"""What is known of a postmaster from the file it leaves, which may be of one that is long dead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.embedded.cluster import CONFIGURATION, Postmaster, postmaster_of


@pytest.fixture
def living(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works in the folder of the cluster, as a postmaster does."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=tmp_path)
    yield process
    process.communicate()


def leave(folder: Path, pid: int, *more: str) -> None:
    (folder / "postmaster.pid").write_text("\n".join([str(pid), str(folder), *more]) + "\n")


def test_no_file_is_no_postmaster(tmp_path: Path) -> None:
    assert postmaster_of(tmp_path) is None
    (tmp_path / "postmaster.pid").touch()
    assert postmaster_of(tmp_path) is None


@pytest.mark.parametrize("state", ["starting", "ready   ", "stopping"])
def test_a_living_one_tells_its_state_and_its_socket(
    tmp_path: Path, living: subprocess.Popen[bytes], state: str
) -> None:
    leave(tmp_path, living.pid, "1795258662", "5432", "/run/a socket", "", " 10027998        11", state)
    assert postmaster_of(tmp_path) == Postmaster(living.pid, state.strip(), Path("/run/a socket"))


def test_one_that_has_not_written_everything_yet_is_starting(tmp_path: Path, living: subprocess.Popen[bytes]) -> None:
    leave(tmp_path, living.pid, "1795258662")
    assert postmaster_of(tmp_path) == Postmaster(living.pid, "starting", Path())


def test_a_living_process_elsewhere_is_not_the_postmaster(tmp_path: Path) -> None:
    leave(tmp_path, os.getpid(), "1", "5432", "/run", "", "1 1", "ready   ")
    assert postmaster_of(tmp_path) is None


def test_a_dead_one_is_none(tmp_path: Path, living: subprocess.Popen[bytes]) -> None:
    leave(tmp_path, living.pid, "1", "5432", "/run", "", "1 1", "ready   ")
    living.communicate()
    assert postmaster_of(tmp_path) is None


def test_nothing_that_was_acknowledged_may_be_lost() -> None:
    assert not {"synchronous_commit", "fsync", "full_page_writes"} & set(CONFIGURATION.split())
