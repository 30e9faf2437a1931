"""Five hundred idle, slow or half-sent connections delay nobody, and an unfinished body stores nothing."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

import httpx

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
