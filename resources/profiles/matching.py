"""How it is told whether an element belongs to a slice: verdicts of three kinds, and what combines them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..fhirpath import Node
from .run import Run

Match = Callable[[Node, Run], "bool | None"]  # None: it cannot be told from what is known here


class Matcher(NamedTuple):
    """How one discriminator tells whether an element belongs to one slice."""

    match: Match
    text: str  # what the slice's elements are like: "code fits the pattern {…}"
    key: tuple[tuple[str, ...], str] | None = None  # names of a plain path and the only text that there may be
    sure: Match | None = None  # of an element that matches: whether nothing that is not known here could change that
    why: Callable[[Node, Run], str] | None = None  # of one that does not, but is of the type: what is wrong with it


def every(verdicts: Iterable[bool | None]) -> bool | None:
    known: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        known = known if verdict else None
    return known


def some(verdicts: Iterable[bool | None]) -> bool | None:
    known: bool | None = False
    for verdict in verdicts:
        if verdict:
            return True
        known = known if verdict is False else None
    return known


def titled(path: str) -> str:
    """A discriminator's path in the words of an issue."""
    return "the element" if path == "$this" else path
