"""The user of the system that the embedded PostgreSQL runs as: never root.

https://www.postgresql.org/docs/current/postgres-user.html
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OWN: Final = "fhir-server"  # the system user made for it where the server runs as root


class Unusable(Exception):
    """The embedded database cannot run; the text says why and what can be done, in one or a few plain lines."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user by number; the name is empty where the system has none for it."""

    uid: int
    gid: int
    name: str

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def start_options(self) -> dict[str, Any]:
        """What subprocess needs to start a program as this user."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": self._groups()}

    def take(self, path: Path | int) -> None:
        """Makes this user the owner of a file or folder of ours; a link is not followed."""
        if isinstance(path, int):
            os.fchown(path, self.uid, self.gid)
        else:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_enter(self, folder: Path) -> bool:
        """Whether this user may pass through a folder and all above it."""
        return self.is_ours or all(self._may_pass(path.stat()) for path in (folder, *folder.parents))

    def _may_pass(self, about: os.stat_result) -> bool:
        shift = 6 if about.st_uid == self.uid else 3 if about.st_gid in {self.gid, *self._groups()} else 0
        return bool(about.st_mode >> shift & 1)

    def _groups(self) -> list[int]:
        return os.getgrouplist(self.name, self.gid) if self.name else []


def account_for(data_dir: Path) -> Account:
    """Ourselves; for root the owner of the data folder or, where that is root too, an own system user.

    The owner of an existing cluster comes first: numbers of users differ between the machines a folder is moved to.
    Raises Unusable if the system user can neither be found nor made."""
    if os.geteuid():
        return _named(os.geteuid(), os.getegid())
    for folder in (data_dir / "postgres", data_dir):
        if folder.exists() and (about := folder.stat()).st_uid:
            return _named(about.st_uid, about.st_gid)
    return _own_account()


def _named(uid: int, gid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid, gid, "")
    return Account(uid, entry.pw_gid, entry.pw_name)


def _own_account(system: Path = Path("/etc")) -> Account:
    """The system user, made on first use with what the system has for it."""
    useradd = ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell")
    for maker in (useradd, ("adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s")):  # the second is BusyBox's
        if account := _find_own():
            return account
        if shutil.which(maker[0]):
            subprocess.run([*maker, "/bin/false", OWN], capture_output=True)
    with contextlib.suppress(OSError):
        if _find_own() is None:
            _write_own(system)
    if account := _find_own():
        return account
    raise Unusable(
        f"PostgreSQL does not run as root, and no system user could be made for it: make one named {OWN}, "
        "give the data folder to an ordinary user, or run the server as one."
    )


def _find_own() -> Account | None:
    try:
        entry = pwd.getpwnam(OWN)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, OWN)


def _write_own(system: Path) -> None:
    """Adds the user and its group to the files themselves: small images have no program for it."""
    files = {name: (system / name).read_text() for name in ("group", "passwd")}
    taken = {line.split(":")[2] for text in files.values() for line in text.splitlines() if line.count(":") > 2}
    number = next(str(n) for n in range(999, 99, -1) if str(n) not in taken)
    entries = {"group": f"{OWN}:x:{number}:\n", "passwd": f"{OWN}:x:{number}:{number}::/nonexistent:/bin/false\n"}
    for name, text in files.items():
        with (system / name).open("a") as file:
            file.write(("\n" if text and not text.endswith("\n") else "") + entries[name])
