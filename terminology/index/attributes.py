"""Attributes, that is properties of which the value is a concept: from what has them to what they say, and back."""

from __future__ import annotations

from typing import Final

from pyroaring import BitMap

from .container import Container
from .rows import Rows, Sets

_MANY: Final = 4  # from a fourth of all on, all are looked at in their order


class Attributes:
    """One direction. Heads are the concepts asked with, tails those that are found; both by attribute."""

    __slots__ = ("_have", "_of", "_rows")

    def __init__(self, container: Container, name: str) -> None:
        """name: sources, from targets to their sources; or targets."""
        self._of, self._have = container.array(f"{name}.of", "I"), Sets(container, f"{name}.have")
        self._rows = Rows(container, name)

    def heads(self, attribute: int) -> BitMap:
        """All that can be asked with."""
        return self._have[attribute]

    def __call__(self, attribute: int, some: BitMap) -> BitMap:
        """Those on the other side of any of these."""
        heads = self._have[attribute]
        offset = self._of[attribute]
        hits = heads & some
        if len(hits) == len(heads):
            places = BitMap(range(len(heads)))
        elif len(hits) * _MANY > len(heads):
            places = BitMap([place for place, head in enumerate(heads) if head in hits])
        else:
            places = BitMap([heads.rank(head) - 1 for head in hits])
        return self._rows.union(places, offset)
