"""What is measured of work that is done in rounds: CPU time, rate, and how long each item took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .processes import TICK

Side = tuple[Callable[[], Awaitable[None]], Callable[[], float]]


class Figures:
    """CPU µs and items per second of one side, a value for each round."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.rate: list[float] = []

    async def measure(self, work: Callable[[], Awaitable[None]], cpu: Callable[[], float], items: int) -> None:
        before, start = cpu(), time.perf_counter()
        await work()
        self.cpu.append(max(cpu() - before, 1 / TICK) / items * 1e6)  # less than a tick cannot be seen
        self.rate.append(items / (time.perf_counter() - start))


async def each(send: Callable[[Any], Awaitable[None]], what: Iterable[Any]) -> None:
    for one in what:
        await send(one)


async def timed(send: Callable[[Any], Awaitable[None]], what: Iterable[Any], took: list[float]) -> None:
    """The same, and how long each took, in ms."""
    for one in what:
        start = time.perf_counter()
        await send(one)
        took.append((time.perf_counter() - start) * 1e3)


async def alternate(
    rounds: int, items: int, http: Callable[[], Side], bare: Callable[[], Side]
) -> tuple[Figures, Figures, list[float]]:
    """Both sides in turn, and their ratios. http() and bare() prepare a round's work outside the time that counts."""
    of_http, of_bare = Figures(), Figures()
    for _ in range(rounds):
        for figures, prepare in ((of_http, http), (of_bare, bare)):
            work, cpu = prepare()
            await figures.measure(work, cpu, items)
    return of_http, of_bare, [b / h for h, b in zip(of_http.cpu, of_bare.cpu, strict=True)]


async def compare(name: str, rounds: int, items: int, http: Callable[[], Side], bare: Callable[[], Side]) -> str:
    """One line of the table."""
    of_http, of_bare, ratios = await alternate(rounds, items, http, bare)
    median = statistics.median
    return (
        f"| {name} | {median(of_http.cpu):.0f} | {median(of_bare.cpu):.0f} | **{median(ratios):.2f}** "
        f"({min(ratios):.2f}–{max(ratios):.2f}) | {median(of_http.rate):.0f} | {median(of_bare.rate):.0f} |"
    )
