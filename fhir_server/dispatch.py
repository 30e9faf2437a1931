"""From a request to its answer: the interaction that ROUTES names, and what may stand around any of them.

An Idempotency-Key makes a POST happen once however often it is sent; `Prefer: respond-async` makes of any request a job.
The edge asks here for a request of HTTP, and a job for one that was put aside.
"""

from __future__ import annotations

from collections.abc import Mapping

from resources.database import Session

from . import asynchronous, idempotency
from .entries import Interaction
from .exchange import Request, Response
from .operations import answers_later
from .preferences import preferences
from .router import find

# What is done of such a request itself is quick, and its answer is about another one.
_AT_ONCE = frozenset({"async-status", "async-cancel", "capabilities"})


class Dispatcher:
    """Answers requests; interactions: every one that ROUTES knows, and what does it."""

    def __init__(self, interactions: Mapping[str, Interaction]) -> None:
        self._interactions = interactions

    async def answer(self, session: Session, request: Request, interaction: str) -> Response:
        """The answer to a request of HTTP, or that it will be answered later.

        Raises what the interaction raises, and StaleDefinitions as long as nothing was written."""
        act = self._interactions[interaction]
        at_once = interaction in _AT_ONCE or answers_later(request.path)
        if not at_once and preferences(request.headers).respond_async:
            act = asynchronous.begin
        if "idempotency-key" in request.headers:
            return await idempotency.once(session, request, lambda inner: act(inner, request))
        return await act(session, request)

    async def act(self, session: Session, request: Request) -> Response:
        """The answer to a request that was put aside, which it was once."""
        interaction = find(request.method, request.path, request.tenant.definitions).interaction
        return await self._interactions[interaction](session, request)
