"""The open connections of one process: lent to one statement or one transaction at a time.

Only transaction-local state is ever set, so a connection that comes back needs no reset and no task of its own; asyncpg's
pool, which provides for more, took 40 % of the CPU time of a read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any


class Connections:
    """At most `most` connections; whoever finds none waits in line. connect() opens one."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._opened = 0
        self._closed = False
        self._idle: list[Any] = []  # the last one back is the first one out: its caches are warm
        self._opening: set[asyncio.Future[Any]] = set()
        self._waiting: deque[asyncio.Future[Any]] = deque()  # for a connection, or None: the place to open one

    async def fetch(self, statement: str, *args: Any) -> Any:
        """The rows of one statement."""
        connection = await self.take()
        try:
            return await connection.fetch(statement, *args)
        except asyncio.CancelledError:
            connection.terminate()  # the answer to its statement may still be on the way
            raise
        finally:
            self.give(connection)

    async def take(self) -> Any:
        """Raises ConnectionError after close(), and what connect() raises."""
        enter_line = self._waiting.append
        while True:
            if self._closed:
                raise ConnectionError("closed")
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._opened -= 1
            if self._opened < self._most:
                return await self._open()
            turn = asyncio.get_running_loop().create_future()
            enter_line(turn)
            enter_line = self._waiting.appendleft  # whoever was called and found none keeps the first place
            try:
                connection = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # called at the moment of leaving: the next one takes the turn
                    if (connection := turn.result()) is None:
                        self._call_next()
                    else:
                        self.give(connection)
                raise
            if connection is None:
                continue
            if not connection.is_closed():
                return connection
            self._opened -= 1

    async def _open(self) -> Any:
        self._opened += 1
        opening = asyncio.ensure_future(self._connect())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._opened_for_nobody)
            raise
        except BaseException:
            self._opened -= 1
            self._call_next()
            raise

    def _opened_for_nobody(self, opening: asyncio.Future[Any]) -> None:
        """Whoever wanted the connection has left; it is for the next."""
        if opening.cancelled() or opening.exception():
            self._opened -= 1
            self._call_next()
        else:
            self.give(opening.result())

    def give(self, connection: Any) -> None:
        """Into the hands of the next in line: one that lay idle until he comes would be taken by who has not waited."""
        if self._closed:
            connection.terminate()
        if connection.is_closed():
            self._opened -= 1
            self._call_next()
        elif not self._call_next(connection):
            self._idle.append(connection)

    def _call_next(self, connection: Any | None = None) -> bool:
        """Whether there was somebody to call."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    async def close(self) -> None:
        """Closes all, those that are lent when they come back."""
        self._closed = True
        idle, self._idle = self._idle, []
        self._opened -= len(idle)
        await asyncio.gather(*(connection.close(timeout=5) for connection in idle), return_exceptions=True)
        if self._opening:
            await asyncio.wait(self._opening)
            await asyncio.sleep(0)  # they are given back
        while self._waiting:
            self._call_next()
