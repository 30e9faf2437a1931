"""The parent process: it holds the listening socket and the embedded database, and keeps the workers alive.

A worker is told its settings on its standard input and answers `ready` on its standard output. When its input ends, as
it does when the parent is gone, it answers the requests it has and exits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NoReturn

import orjson

from .settings import Settings

PORT_PATIENCE: Final = 2.0  # seconds; orphaned workers of a parent that was killed let the port go within one
BACKLOG: Final = 2048


class NotServing(Exception):
    """The server cannot start; the text says why."""


@contextlib.contextmanager
def ending_on_signals(code: int) -> Iterator[None]:
    """Turns the first SIGTERM, SIGINT or SIGHUP into SystemExit(code), so that all that was started is ended in order."""
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)

    def end(*_: object) -> NoReturn:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(code)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket that already takes connections; they wait for the first worker. Raises NotServing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise NotServing(f"{host} is not an address to listen on: {error.strerror}.") from None
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + PORT_PATIENCE
    while True:
        try:
            listening.bind(address)
            listening.listen(BACKLOG)
            return listening
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                listening.close()
                why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
                raise NotServing(f"port {port} on {host} {why}.") from None
        time.sleep(0.1)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    ready: bool = False


class Workers:
    """The worker processes. Leaving the context lets them finish their requests and ends them."""

    def __init__(self, count: int, listening: socket.socket, drain_seconds: float) -> None:
        self._listening = listening
        self._drain_seconds = drain_seconds
        self._settings = b""
        self._workers = [self._spawn() for _ in range(count)]

    def start(self, settings: Settings) -> None:
        """Tells the workers, which have been loading their modules since they exist, to serve; returns when all do.

        Raises NotServing if one ends instead; it has said why on standard error."""
        self._settings = orjson.dumps(dict(settings.values), default=str) + b"\n"
        for worker in self._workers:
            self._tell(worker)
        while not all(worker.ready for worker in self._workers):
            self._hear(1)
            if any(worker.process.poll() is not None for worker in self._workers):
                raise NotServing("A worker ended before it was ready.")

    def keep(self, also: Callable[[], None]) -> NoReturn:
        """Starts a worker for each that dies, and calls also() about twice a second, until it is interrupted."""
        while True:
            self._hear(0.5)
            for n, worker in enumerate(self._workers):
                if worker.process.poll() is not None and time.monotonic() > worker.started + 1:
                    _close(worker)
                    self._workers[n] = self._spawn()
                    self._tell(self._workers[n])
            also()

    def _spawn(self) -> _Worker:
        """A process with the modules of this one, but none of its files except the listening socket."""
        number = self._listening.fileno()
        code = f"import sys; sys.path[:] = {sys.path!r}; from fhir_server.cli import work; work({number})"
        return _Worker(
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[number],
                start_new_session=True,  # Ctrl-C is for the parent
            )
        )

    def _tell(self, worker: _Worker) -> None:
        with contextlib.suppress(BrokenPipeError):
            assert worker.process.stdin
            worker.process.stdin.write(self._settings)
            worker.process.stdin.flush()

    def _hear(self, seconds: float) -> None:
        """Waits until a worker says something or ends, for so long at most."""
        speaking = {w.process.stdout: w for w in self._workers if w.process.stdout and w.process.poll() is None}
        heard, _, _ = select.select(list(speaking), [], [], seconds)
        for stream in heard:
            said = os.read(stream.fileno(), 1000)
            speaking[stream].ready |= b"ready\n" in said
        if len(speaking) < len(self._workers):
            time.sleep(0.05)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for worker in self._workers:
            with contextlib.suppress(BrokenPipeError):
                assert worker.process.stdin
                worker.process.stdin.close()
        deadline = time.monotonic() + self._drain_seconds + 2
        for worker in self._workers:
            try:
                worker.process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            _close(worker)


def _close(worker: _Worker) -> None:
    for stream in (worker.process.stdin, worker.process.stdout):
        with contextlib.suppress(OSError):
            if stream:
                stream.close()
