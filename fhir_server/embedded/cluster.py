"""One PostgreSQL cluster: made, started or adopted, stopped.

https://www.postgresql.org/docs/current/runtime.html
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .account import Unusable
from .binaries import Binaries

STARTING_SECONDS: Final = 300  # after a crash the write-ahead log is replayed first
STOPPING_SECONDS: Final = 60
PORT: Final = "5432"  # only part of the name of the socket
LONGEST_SOCKET_FOLDER: Final = 80  # a socket's whole path has room for 107 bytes, on some systems 103

# Written once into postgresql.conf, where whoever knows better may change it.
CONFIGURATION: Final = """
# fhir-server
shared_buffers = {shared_buffers}MB
random_page_cost = 1.1
jit = off
wal_compression = {compression}
default_toast_compression = {compression}
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
# No value of a patient in the log.
log_error_verbosity = terse
log_min_error_statement = panic
log_checkpoints = off
"""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A living postmaster, as its postmaster.pid tells of it."""

    pid: int
    state: str  # starting | ready | stopping
    socket_folder: Path


def postmaster_of(folder: Path) -> Postmaster | None:
    """The postmaster of a cluster; None if none lives."""
    lines = _pid_file(folder)
    if not lines or not _runs_in(int(lines[0]), folder):
        return None
    socket_folder, state = (lines[4], lines[7].strip()) if len(lines) > 7 else ("", "starting")
    return Postmaster(int(lines[0]), state, Path(socket_folder))


def _pid_file(folder: Path) -> list[str]:
    """Lines of postmaster.pid: number, folder, start, port, socket folder, address, memory key, state."""
    try:
        return (folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _runs_in(pid: int, folder: Path) -> bool:
    """Whether the process lives and has the folder as its working folder, as every postmaster does.

    The number alone may belong to another process after a crash."""
    try:
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/cwd").samefile(folder)
        os.kill(pid, 0)
    except OSError:
        return False
    return True


class Cluster:
    """The cluster in a folder, run with these binaries."""

    def __init__(self, folder: Path, binaries: Binaries, connections: int) -> None:
        self._folder = folder
        self._binaries = binaries
        self._connections = connections
        self._log = folder.with_suffix(".log")
        self._socket_folder: Path | None = None  # kept, so that a restart is found at the same place
        self._process: subprocess.Popen[str] | None = None  # None: not started by us

    def make(self, passwords: Path) -> None:
        """Makes the cluster and its roles. passwords: a file of superuser's, owner's and application's, a line each.

        All is done in another folder first, so that a half-made cluster is never taken for a whole one."""
        if not self._binaries.account.name:
            raise Unusable(
                f"User {self._binaries.account.uid} has no name in /etc/passwd, and PostgreSQL's initdb needs one: "
                "add an entry for it, or use --database-url."
            )
        fresh = self._folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._binaries.account.take(fresh)
        place = ("-D", self._place(fresh))
        self._binaries.run(
            *("initdb", *place, "-U", "fhir_superuser", "--auth=scram-sha-256", f"--pwfile=../{passwords.name}"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"),
            folder=fresh,
        )
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        compression = "lz4" if self._knows_lz4(fresh) else "pglz"
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(shared_buffers=max(32, min(512, memory // 4)), compression=compression))
        _, owner, application = passwords.read_text().split()
        script = Path(__file__).with_suffix(".sql").read_text().format(owner=owner, application=application)
        # Without a server: nobody can connect before the roles are as they should be, and no password is an argument.
        self._binaries.run(
            *("postgres", "--single", "-j", *place, "-c", "exit_on_error=on", "template1"), folder=fresh, text=script
        )
        fresh.rename(self._folder)

    def start(self) -> Path:
        """Starts the postmaster, or adopts the living one; returns the folder of its socket when it is ready.

        Raises Unusable if the cluster was made by another major version, or with the log of a failed start."""
        made_by, ours = (self._folder / "PG_VERSION").read_text().strip(), self._binaries
        if made_by != str(ours.major):
            raise Unusable(
                f"The database in {self._folder} was made by PostgreSQL {made_by}, "
                f"and the programs in {ours.folder} are of PostgreSQL {ours.major}.\n"
                f"Name the folder of programs of {made_by} with --postgresql-bin, "
                "or dump the database with them and restore it into a new data folder."
            )
        if postmaster_of(self._folder) is None and self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        if self._process and not self.is_alive():
            self._process.wait()  # it died, or there would be a postmaster
        self._process = None
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline:
            postmaster = postmaster_of(self._folder)
            if postmaster and postmaster.state == "ready":
                self._socket_folder = postmaster.socket_folder
                return self._socket_folder
            if postmaster is None and not self._is_running():
                self._complain()
                self._process = self._spawn()
            time.sleep(0.01)
        raise Unusable(f"The embedded PostgreSQL was not ready within {STARTING_SECONDS} s; see {self._log}.")

    def stop(self) -> None:
        """Stops the postmaster, if there is one, and closes all connections; what was acknowledged is on disk."""
        postmaster = postmaster_of(self._folder)
        if postmaster:
            os.kill(postmaster.pid, signal.SIGINT)
        elif self._process and self._is_running():
            self._process.send_signal(signal.SIGINT)  # so young that its file is not written yet
        deadline = time.monotonic() + STOPPING_SECONDS
        while self._is_running() or self.is_alive():
            if time.monotonic() > deadline:
                raise Unusable(f"The embedded PostgreSQL of {self._folder} is still stopping.")
            time.sleep(0.01)
        if self._socket_folder and self._socket_folder.parent != self._folder.parent:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def is_alive(self) -> bool:
        return postmaster_of(self._folder) is not None

    def _is_running(self) -> bool:
        """Whether the process that we started has not ended."""
        return self._process is not None and self._process.poll() is None

    def _spawn(self) -> subprocess.Popen[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder_for_socket()),
            "unix_socket_permissions": "0700",
            "port": PORT,
            "max_connections": str(self._connections),
        }
        log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            return self._binaries.spawn(
                *("postgres", "-D", self._place(self._folder)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
                folder=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the parent, which stops the database last
                # A number left by a crash may be another process now. Told that it is a forebear's, PostgreSQL takes
                # the file for stale, and still looks for backends that outlived their postmaster.
                forebear=next(iter(_pid_file(self._folder)), ""),
            )
        finally:
            os.close(log)

    def _complain(self) -> None:
        """Raises Unusable with the log if the postmaster we started ended and trying again will not help."""
        if self._process is not None:
            said = self._log.read_text()[-2000:].strip()
            if "pre-existing shared memory block" not in said:
                raise Unusable(f"The embedded PostgreSQL did not start:\n{said}")
            time.sleep(0.2)  # backends end by themselves soon after their postmaster was killed

    def _place(self, folder: Path) -> str:
        """The path of a folder for a program that works in it: its own, if the program's user can reach it."""
        return str(folder) if self._binaries.account.may_enter(folder) else "/proc/self/cwd"

    def _folder_for_socket(self) -> Path:
        if self._socket_folder is None:
            account, near = self._binaries.account, self._folder.with_name("socket")
            if len(os.fsencode(near)) > LONGEST_SOCKET_FOLDER or not account.may_enter(near.parent):
                near = Path(tempfile.mkdtemp(prefix="fhir-server-", dir="/tmp"))
            near.mkdir(mode=0o700, exist_ok=True)
            account.take(near)
            self._socket_folder = near
        return self._socket_folder

    def _knows_lz4(self, folder: Path) -> bool:
        asked = ("-C", "default_toast_compression", "-c", "default_toast_compression=lz4", "-D", self._place(folder))
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return self._binaries.spawn("postgres", *asked, folder=folder, **quiet).wait() == 0
