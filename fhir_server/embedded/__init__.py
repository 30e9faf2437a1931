"""The embedded PostgreSQL: run by the one process that holds the lock of its data folder.

In the data folder:

    lock          whoever holds it runs the database; the kernel gives it back when the holder dies
    attached      held, shared, by commands that use the database another process runs
    passwords     0600: of fhir_superuser, who only makes the cluster, fhir_owner and fhir_app; a line each
    postgres      the cluster
    postgres.log  what PostgreSQL said since its last start; postgres.log.1 of the run before
    socket        0700: the unix socket, the only way in; below /tmp where this path would be too long or closed
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from .account import Account, Unusable, account_for
from .binaries import choose
from .cluster import PORT, STARTING_SECONDS, Cluster, postmaster_of

__all__ = ["Embedded", "InUse", "Unusable"]


class InUse(Unusable):
    """Another process runs the database of this data folder."""


class Embedded:
    """The database of one data folder. Its URLs are valid from start() to stop()."""

    def __init__(self, data_dir: Path, *, postgresql_bin: Path | None = None, connections: int = 40) -> None:
        self.data_dir = data_dir.absolute()
        self._postgresql_bin = postgresql_bin
        self._connections = connections  # the most that can be open at once
        self._lock: int | None = None
        self._cluster: Cluster | None = None
        self._socket_folder = Path()

    @property
    def owner_url(self) -> str:
        """Of the role that owns the schema: for migrations and the registry of tenants."""
        return self._url("fhir_owner", 1)

    @property
    def application_url(self) -> str:
        """Of the role that serves: it owns nothing and is bound by row level security."""
        return self._url("fhir_app", 2)

    def start(self, purpose: str = "serve", patience: float = 0) -> None:
        """Runs the database of the folder: makes it if there is none, adopts one that outlived its parent.

        patience: seconds to wait for a command that runs it for its own time.
        Raises InUse when another process runs it, Unusable when it cannot run."""
        try:
            account = self._make_folder()
            self._lock = self._hold(account, purpose, patience)
        except OSError as error:
            raise Unusable(f"The data folder {self.data_dir} cannot be used: {error.strerror}.") from None
        try:
            self._cluster = Cluster(
                self.data_dir / "postgres", choose(self._postgresql_bin, account), self._connections
            )
            if not (self.data_dir / "postgres").exists():
                self._cluster.make(self._make_passwords(account))
            self._socket_folder = self._cluster.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the database; what was acknowledged is on disk."""
        try:
            if self._cluster:
                self._cluster.stop()
        finally:
            self._release()

    def revive(self) -> None:
        """Starts the database again, at the same URLs, if it died."""
        if self._cluster and not self._cluster.is_alive():
            self._socket_folder = self._cluster.start()

    @classmethod
    @contextlib.contextmanager
    def attach(
        cls, data_dir: Path, *, purpose: str = "command", postgresql_bin: Path | None = None
    ) -> Iterator[Embedded]:
        """The running database of a folder or, where none runs, one that runs for as long as this lasts."""
        embedded = cls(data_dir, postgresql_bin=postgresql_bin)
        deadline = time.monotonic() + STARTING_SECONDS
        with contextlib.suppress(InUse):
            embedded.start(purpose)
        attached = os.open(embedded.data_dir / "attached", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            while embedded._lock is None and not embedded._join(attached):
                if time.monotonic() > deadline:
                    raise Unusable(f"Another process keeps starting or stopping the database of {embedded.data_dir}.")
                time.sleep(0.05)
                with contextlib.suppress(InUse):
                    embedded.start(purpose)
            try:
                yield embedded
            finally:
                if embedded._lock is not None:
                    fcntl.flock(attached, fcntl.LOCK_EX)  # others may still be using it
                    embedded.stop()
        finally:
            os.close(attached)

    def _join(self, attached: int) -> bool:
        """Whether another process has the database ready; as long as we hold `attached`, a command does not stop it."""
        fcntl.flock(attached, fcntl.LOCK_SH)
        postmaster = postmaster_of(self.data_dir / "postgres")
        if postmaster and postmaster.state == "ready":
            self._socket_folder = postmaster.socket_folder
            return True
        fcntl.flock(attached, fcntl.LOCK_UN)
        return False

    def _make_folder(self) -> Account:
        """The user the database runs as; the data folder is made, 0700 and its own. No mode of another's is changed."""
        account = account_for(self.data_dir)
        if self.data_dir.exists():
            unused_of_root = self.data_dir.stat().st_uid == 0 and not any(self.data_dir.iterdir())
        else:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            unused_of_root = True
        if unused_of_root and not account.is_ours:
            account.take(self.data_dir)
        return account

    def _hold(self, account: Account, purpose: str, patience: float) -> int:
        """The lock of the data folder. Its text says who has it."""
        lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        deadline = time.monotonic() + patience
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            holder = os.pread(lock, 100, 0).decode()
            if "serve" in holder.split() or time.monotonic() > deadline:
                os.close(lock)
                raise InUse(f"Another process runs the database of {self.data_dir}: {holder}")
            time.sleep(0.05)
        account.take(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"fhir-server {purpose} (process {os.getpid()})".encode(), 0)
        return lock

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make_passwords(self, account: Account) -> Path:
        """A file with three fresh passwords, for a cluster that is about to be made."""
        path = self.data_dir / "passwords"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            account.take(file.fileno())
            file.writelines(secrets.token_urlsafe(24) + "\n" for _ in range(3))
            file.flush()
            os.fsync(file.fileno())
        return path

    def _url(self, role: str, line: int) -> str:
        try:
            password = (self.data_dir / "passwords").read_text().split()[line]
        except OSError as error:
            raise Unusable(f"{self.data_dir / 'passwords'} cannot be read: {error.strerror}.") from None
        return f"postgresql://{role}:{password}@/fhir?host={quote(str(self._socket_folder), safe='/')}&port={PORT}"
