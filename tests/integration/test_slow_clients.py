"""Five hundred idle, slow or half-sent connections delay nobody, and an unfinished body stores nothing."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

import httpx
import pytest

from resources import exact

from ..serving import serve

BODY = b'{"resourceType":"Basic","id":"%d","code":{"text":"half"}}'


def half_sent(n: int) -> bytes:
    """What one of the slow clients has sent so far: nothing, half a header, or half a body."""
    if n % 3 == 0:
        return b""
    if n % 3 == 1:
        return b"GET /fhir/default/Pat"
    body = BODY % n
    head = f"PUT /fhir/default/Basic/{n} HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1]


def test_half_sent_requests_delay_nobody(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as serving, httpx.Client() as client, contextlib.ExitStack() as slow:
        parts = urlsplit(serving.base)
        assert parts.hostname
        assert parts.port
        for n in range(500):
            connection = slow.enter_context(create_connection((parts.hostname, parts.port)))
            connection.sendall(half_sent(n))
        start = time.monotonic()
        for n in range(50):
            body = BODY % (1000 + n)
            headers = {"Content-Type": "application/fhir+json"}
            assert client.put(f"{serving.base}/Basic/{1000 + n}", content=body, headers=headers).status_code == 201
        assert time.monotonic() - start < 10
        slow.close()
        assert client.get(f"{serving.base}/Basic?_summary=count").json()["total"] == 50


def test_a_head_without_end_is_not_kept(tmp_path: Path) -> None:
    """Neither in pieces nor at once, neither in a URL, a header nor many, and not after a request that was answered."""
    with serve(tmp_path / "data") as serving:
        parts = urlsplit(serving.base)
        assert parts.hostname
        assert parts.port
        whole = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        for before, begin, more in (
            (b"", b"GET /", b"x"),
            (b"", b"GET / HTTP/1.1\r\nX: ", b"x"),
            (whole, b"GET / HTTP/1.1\r\n", b"X:y\r\n"),
        ):
            with create_connection((parts.hostname, parts.port), timeout=10) as connection:
                connection.sendall(before + begin)
                with contextlib.suppress(ConnectionError):
                    for _ in range(100):
                        connection.sendall(more * 40_000)
                    pytest.fail("four megabytes of a head were taken")
        with create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(b"GET /fhir/default/Patient?name=" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert f"Content-Length: {len(body)}".encode() in head
        assert exact.decode(body)["resourceType"] == "OperationOutcome"
