"""Work that is one transaction as a whole, and is done again as a whole when it has lost a race.

Inside a transaction a lost race cannot be won by repeating the statement that lost it: what it waited for stands, and its
locks are kept. https://www.postgresql.org/docs/15/transaction-iso.html
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from resources.database import Refused, Session
from resources.outcome import Conflict

from .exchange import Response

T = TypeVar("T")

_ATTEMPTS: Final = 5


class Settled(Conflict):
    """A conflict with what stands, not with others who write at the same time: 409 without another attempt."""


class Refusal(Exception):
    """An answer whose work is to be rolled back: 4xx, 5xx."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


async def whole(session: Session, work: Callable[[Session], Awaitable[T]]) -> T:
    """What work comes to in a transaction of its own. Raises what it raises; Conflict (409) after it has lost five races."""
    for attempt in range(_ATTEMPTS):
        try:
            async with session.transaction() as inner:
                return await work(inner)
        except Conflict as conflict:
            if attempt == _ATTEMPTS - 1 or isinstance(conflict, Settled):
                raise
        except Refused as refused:
            if refused.state not in ("40001", "40P01"):
                raise
        await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
    raise Conflict("Others were writing the same resources at the same time; send the request again.")
