"""Which user the database runs as, and what that user can reach."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from fhir_server.embedded import account
from fhir_server.embedded.account import Account, account_for

NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root does not run the database itself")


@as_user
def test_an_ordinary_user_runs_it_itself(tmp_path: Path) -> None:
    ours = account_for(tmp_path)
    assert ours.is_ours
    assert ours.start_options() == {}


@as_root
def test_for_root_the_owner_of_the_data_folder_runs_it(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY.pw_uid, NOBODY.pw_gid)
    owner = account_for(tmp_path)
    assert owner == Account(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")
    assert owner.start_options() == {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": [NOBODY.pw_gid]}


@as_root
def test_for_root_the_owner_of_a_cluster_comes_before_that_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    os.chown(tmp_path / "postgres", 54321, 54321)
    assert account_for(tmp_path) == Account(54321, 54321, "")


@as_root
def test_root_itself_never_runs_it(tmp_path: Path) -> None:
    for data_dir in (tmp_path, tmp_path / "absent"):
        own = account_for(data_dir)
        assert own.name == "fhir-server"
        assert own.uid != 0
        assert own == account_for(data_dir)


def test_without_a_program_for_it_the_user_is_written_down(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("root:x:0:0::/root:/bin/sh\ntaken:x:999:999::/:/bin/sh")
    (tmp_path / "group").write_text("root:x:0:\nalso-taken:x:998:\n")
    account._write_own(tmp_path)
    assert (tmp_path / "passwd").read_text().splitlines()[1:] == [
        "taken:x:999:999::/:/bin/sh",
        "fhir-server:x:997:997::/nonexistent:/bin/false",
    ]
    assert (tmp_path / "group").read_text().splitlines()[-1] == "fhir-server:x:997:"


@pytest.mark.parametrize(
    ("mode", "enters"), [(0o700, False), (0o750, False), (0o755, True), (0o701, True), (0o744, False)]
)
def test_every_folder_on_the_way_must_let_it_pass(tmp_path: Path, mode: int, enters: bool) -> None:
    way = tmp_path / "outer" / "inner"
    way.mkdir(parents=True)
    (tmp_path / "outer").chmod(mode)
    stranger = Account(54321, 54321, "")
    above = stranger.may_enter(tmp_path)
    assert stranger.may_enter(way) == (above and enters)
    assert stranger._may_pass((tmp_path / "outer").stat()) == enters
    assert Account(os.geteuid(), os.getegid(), "").may_enter(way)
