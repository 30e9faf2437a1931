"""`serve` as a process: one line when it is ready, what outlives what, and an orderly end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fhir_server.embedded.cluster import postmaster_of

from ..benchmarks.processes import children
from ..serving import Serving, postmaster, run, serve, stop

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="fhir-"))
    yield place / "data"
    shutil.rmtree(place)


@pytest.fixture
def serving(data_dir: Path) -> Iterator[Serving]:
    with serve(data_dir) as serving:
        yield serving


def put(serving: Serving, logical_id: str) -> int:
    patient = {"resourceType": "Patient", "id": logical_id, "birthDate": "1974-12-25"}
    return httpx.put(f"{serving.base}/Patient/{logical_id}", json=patient, headers=JSON).status_code


def get(serving: Serving, path: str) -> int:
    return httpx.get(f"{serving.base}/{path}").status_code


def workers(serving: Serving) -> set[int]:
    return set(children(serving.process.pid)) - {postmaster(serving.data_dir)}


def port_of(serving: Serving) -> int:
    return urlsplit(serving.base).port or 0


def soon(happens: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_prints_its_base_url_ends_with_zero_and_keeps_what_it_was_given(data_dir: Path) -> None:
    for status, number in ((201, signal.SIGTERM), (200, signal.SIGINT)):
        with serve(data_dir) as serving:
            assert serving.base == f"http://127.0.0.1:{port_of(serving)}/fhir/default"
            assert [get(serving, f"../../{name}") for name in ("livez", "readyz")] == [200, 200]
            assert put(serving, "kept") == status
            serving.process.send_signal(number)
            assert serving.process.communicate(timeout=30)[0] == ""
            assert serving.process.returncode == 0
        assert postmaster_of(data_dir / "postgres") is None


def test_a_port_in_use_is_one_line_and_the_database_is_stopped(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--data-dir", str(data_dir), "--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"fhir-server: port {port} on 127.0.0.1 is in use.\n"
    assert postmaster_of(data_dir / "postgres") is None


def test_a_second_serve_says_so_and_leaves_the_first_alone(serving: Serving) -> None:
    for port in ("0", str(port_of(serving))):
        ended = run("serve", "--data-dir", str(serving.data_dir), "--port", port)
        assert ended.returncode == 1
        assert len(ended.stderr.splitlines()) == 1
        assert f"fhir-server serve (process {serving.process.pid})" in ended.stderr
    assert put(serving, "p1") == 201


def test_a_request_that_has_begun_is_answered_after_sigterm(serving: Serving) -> None:
    body = b'{"resourceType": "Patient", "id": "late"}'
    head = f"PUT /fhir/default/Patient/late HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON['Content-Type']}\r\n"
    with socket.create_connection(("127.0.0.1", port_of(serving))) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        time.sleep(0.3)
        serving.process.terminate()
        time.sleep(0.5)
        connection.sendall(body[10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 201 Created")
    assert serving.process.wait(30) == 0


def test_a_request_that_never_ends_does_not_keep_it(data_dir: Path) -> None:
    with (
        serve(data_dir, "--drain-seconds", "1") as serving,
        socket.create_connection(("127.0.0.1", port_of(serving))) as connection,
    ):
        connection.sendall(b"PUT /fhir/default/Patient/half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        time.sleep(0.3)
        begun = time.monotonic()
        assert stop(serving) == 0
        assert time.monotonic() - begun < 8


def test_a_worker_that_dies_is_replaced(data_dir: Path) -> None:
    with serve(data_dir, "--workers", "2") as serving:
        before = workers(serving)
        killed, other = before
        os.kill(killed, signal.SIGKILL)
        soon(lambda: len(workers(serving)) == 2 and killed not in workers(serving))
        assert other in workers(serving)
        assert put(serving, "p2") == 201


def test_workers_end_with_their_parent_and_the_database_is_adopted(data_dir: Path) -> None:
    with serve(data_dir) as serving:
        orphans, database = workers(serving), postmaster(data_dir)
        assert put(serving, "p3") == 201
        serving.process.kill()
        soon(lambda: not any(Path(f"/proc/{orphan}").exists() for orphan in orphans))
        assert postmaster(data_dir) == database
    with serve(data_dir) as serving:
        assert postmaster(data_dir) == database
        assert get(serving, "Patient/p3") == 200
        assert stop(serving) == 0
    assert postmaster_of(data_dir / "postgres") is None


def test_a_database_that_dies_is_started_again(serving: Serving) -> None:
    """ST-5: while it is away the answer is 503."""
    killed = postmaster(serving.data_dir)
    assert put(serving, "p4") == 201
    os.kill(killed, signal.SIGKILL)

    def answers_again() -> bool:
        status = get(serving, "Patient/p4")
        assert status in (200, 503)
        return status == 200 and postmaster(serving.data_dir) != killed

    soon(answers_again)


def test_serving_everybody_must_be_meant(data_dir: Path) -> None:
    with serve(data_dir, "--host", "0.0.0.0", "--allow-unauthenticated") as serving:
        assert httpx.get(f"http://127.0.0.1:{port_of(serving)}/readyz").status_code == 200
