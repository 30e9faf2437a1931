"""Who gets a connection when there are fewer than wanted, and what becomes of one that broke or was left in the middle."""

from __future__ import annotations

import asyncio

import pytest

from resources.connections import Connections


class Line:
    """A connection whose statements take as many turns of the loop as they say."""

    def __init__(self) -> None:
        self.closed = False
        self.busy = False

    async def fetch(self, statement: str) -> str:
        assert not self.busy, "lent to two at once"
        assert not self.closed
        self.busy = True
        for _ in range(int(statement)):
            await asyncio.sleep(0)
        self.busy = False
        return statement

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - as asyncpg has it
        self.closed = True


class Lines:
    def __init__(self, refused: int = 0) -> None:
        self.made: list[Line] = []
        self.refused = refused

    async def connect(self) -> Line:
        await asyncio.sleep(0)
        if self.refused:
            self.refused -= 1
            raise ConnectionRefusedError
        self.made.append(Line())
        return self.made[-1]


async def test_many_statements_share_few_connections() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 3)
    answers = await asyncio.gather(*(connections.fetch(str(n % 7)) for n in range(200)))
    assert answers == [str(n % 7) for n in range(200)]
    assert len(lines.made) == 3


async def test_one_after_another_uses_one_connection() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 3)
    for _ in range(10):
        await connections.fetch("1")
    assert len(lines.made) == 1


async def test_nobody_is_served_before_those_who_wait() -> None:
    """Not even one who asks again at once, when the connection is back but the one who was called is not yet there."""
    lines = Lines()
    connections = Connections(lines.connect, 1)
    served: list[str] = []

    async def ask(name: str, times: int) -> None:
        for _ in range(times):
            await connections.fetch("1")
            served.append(name)

    await asyncio.gather(ask("again and again", 20), ask("once", 1), ask("once too", 1))
    assert served[:4] == ["again and again", "once", "once too", "again and again"]


async def test_a_cancelled_statement_costs_its_connection_and_no_more() -> None:
    """The answer may still be on the way: nobody may get it for his own."""
    lines = Lines()
    connections = Connections(lines.connect, 1)
    lost, waiting = (asyncio.create_task(connections.fetch("50")) for _ in range(2))
    for _ in range(10):
        await asyncio.sleep(0)
    lost.cancel()
    assert await waiting == "50"
    assert lost.cancelled()
    assert [line.closed for line in lines.made] == [True, False]


async def test_whoever_leaves_the_line_takes_no_turn_with_him() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 1)
    first = asyncio.create_task(connections.fetch("20"))
    await asyncio.sleep(0)
    leaving = [asyncio.create_task(connections.fetch("1")) for _ in range(5)]
    last = asyncio.create_task(connections.fetch("1"))
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    assert await asyncio.wait_for(first, 1) == "20"
    assert await asyncio.wait_for(last, 1) == "1"


async def test_a_connection_whose_taker_left_while_it_opened_is_for_the_next() -> None:
    for refused in (0, 1):
        lines = Lines(refused)
        connections = Connections(lines.connect, 1)
        leaving = asyncio.create_task(connections.fetch("1"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await asyncio.wait_for(connections.fetch("1"), 1) == "1"
        assert [line.closed for line in lines.made] == [False]


async def test_turns_survive_random_cancellations() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 2)
    for seed in range(30):
        tasks = [asyncio.create_task(connections.fetch(str((n * seed) % 5))) for n in range(20)]
        for n, task in enumerate(tasks):
            await asyncio.sleep(0)
            if (n + seed) % 3 == 0:
                task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1)
    assert await asyncio.wait_for(asyncio.gather(*(connections.fetch("1") for _ in range(9))), 1) == ["1"] * 9


async def test_a_refused_connection_fails_one_and_lets_the_next_try() -> None:
    lines = Lines(refused=1)
    connections = Connections(lines.connect, 1)
    answers = await asyncio.gather(*(connections.fetch("1") for _ in range(3)), return_exceptions=True)
    assert sorted(map(str, answers)) == ["", "1", "1"]


async def test_a_broken_connection_is_replaced() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 1)
    await connections.fetch("1")
    lines.made[0].terminate()
    assert await connections.fetch("1") == "1"
    assert len(lines.made) == 2


async def test_closing_closes_what_is_open_and_what_comes_back() -> None:
    lines = Lines()
    connections = Connections(lines.connect, 3)
    await asyncio.gather(connections.fetch("3"), connections.fetch("3"))
    lent = await connections.take()
    opening = asyncio.create_task(connections.take())
    waiting = [asyncio.create_task(connections.fetch("1")) for _ in range(3)]
    await asyncio.sleep(0)
    await connections.close()
    connections.give(lent)
    connections.give(await opening)
    assert [type(answer) for answer in await asyncio.gather(*waiting, return_exceptions=True)].count(str) <= 1
    assert all(line.closed for line in lines.made)
    with pytest.raises(ConnectionError):
        await connections.fetch("1")
