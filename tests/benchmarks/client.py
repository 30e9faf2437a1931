"""A small HTTP/1.1 client on one kept connection: the load generator, whose own time is not counted."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def connect(cls, base: str) -> Client:
        parts = urlsplit(base)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**26)
        return cls(reader, writer, parts.netloc)

    async def send(
        self, method: str, path: str, body: bytes = b"", prefer: str = "return=minimal"
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nPrefer: {prefer}\r\n"
        if body:
            head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in answer.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return int(answer[9:12]), await self._reader.readexactly(length) if length else b""

    def close(self) -> None:
        self._writer.close()
