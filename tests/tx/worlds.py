"""A Scope without a database: what was sent along, and what comes with the server."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from resources.definitions import load
from terminology.scope import Scope, Source, Tree
from terminology.sources import Built, Official, Sent, scope


@cache
def official() -> Official:
    return Official(load())


def scope_of(sent: Iterable[Tree] = (), sources: Iterable[Source] = ()) -> Scope:
    return scope(tuple(sources), official(), Sent(sent, Built()))
