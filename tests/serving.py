"""The server as a process of its own, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "fhir_server.cli"]


@dataclass(frozen=True)
class Serving:
    process: subprocess.Popen[str]
    base: str  # "http://127.0.0.1:40123/fhir/default"
    data_dir: Path

    def of(self, tenant: str) -> str:
        """The base URL of another tenant."""
        return self.base.removesuffix("default") + tenant


def start(data_dir: Path, *options: str) -> Serving:
    """Starts `serve` on a free port and returns when it says that it is ready."""
    command = [*COMMAND, "serve", "--port", "0", "--data-dir", str(data_dir), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    for line in process.stdout:
        for word in line.split():
            if word.startswith("http://"):
                return Serving(process, word, data_dir)
    raise AssertionError(f"serve ended with {process.wait()} before it was ready")


def postmaster(data_dir: Path) -> int:
    """The process id of the embedded PostgreSQL."""
    return int((data_dir / "postgres/postmaster.pid").read_text().split()[0])


def stop(serving: Serving) -> int:
    """Ends it as an operator would; its exit code."""
    serving.process.send_signal(signal.SIGTERM)  # does nothing when it has ended
    assert serving.process.stdout
    try:
        return serving.process.wait(30)
    finally:
        serving.process.stdout.close()
        if serving.process.poll() is None:
            os.killpg(serving.process.pid, signal.SIGKILL)


@contextmanager
def serve(data_dir: Path, *options: str) -> Iterator[Serving]:
    serving = start(data_dir, *options)
    try:
        yield serving
    finally:
        stop(serving)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of fhir-server to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=600, check=False)
