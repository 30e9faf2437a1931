"""Words that begin so → concepts, the most relevant first."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Final

from pyroaring import BitMap

from ..system import Ranked
from .container import Container
from .kept import Kept
from .rows import Keys, Sets
from .words import words

FEW: Final = 2_000  # concepts that are looked at one by one rather than as a set


class Search:
    """The words of an index. Bitmaps in here are of ranks, not of ordinals."""

    __slots__ = ("_kept", "_prefixes", "_prefixes_ranks", "_ranked", "_ranks", "_words", "_words_ranks")

    def __init__(self, container: Container, kept: Kept) -> None:
        self._words, self._words_ranks = Keys(container.texts("words")), Sets(container, "words.ranks")
        self._prefixes, self._prefixes_ranks = Keys(container.texts("prefixes")), Sets(container, "prefixes.ranks")
        self._ranked, self._ranks = container.array("ranked", "I"), container.array("ranks", "I")
        self._kept = kept

    def __call__(self, text: str, within: BitMap | None, most: int, offset: int) -> Ranked:
        """As `System.search`. A text without words says nothing, and all are found."""
        count = len(self._ranked)
        prefixes = sorted({*words(text)}, key=len, reverse=True)
        if not prefixes:
            return self._page(BitMap(range(count)) if within is None else self._by_rank(within), most, offset)
        found = self._beginning(prefixes[0])
        for prefix in prefixes[1:]:
            if not found:
                break
            found = found & self._beginning(prefix)
        if within is None or len(within) == count:
            return self._page(found, most, offset)
        if len(found) <= FEW:
            some = [ordinal for ordinal in map(self._ranked.__getitem__, found) if ordinal in within]
            return Ranked(len(some), some[offset : offset + most])
        return self._page(found & self._by_rank(within), most, offset)

    def _page(self, found: BitMap, most: int, offset: int) -> Ranked:
        some = islice(found, most) if not offset else found[offset : offset + most]
        return Ranked(len(found), [self._ranked[rank] for rank in some])

    def _by_rank(self, within: BitMap) -> BitMap:
        """A set of ordinals as one of ranks; kept where it is large."""
        if len(within) <= FEW:
            return BitMap([self._ranks[ordinal] for ordinal in within])
        ranks = self._ranks.__getitem__
        return self._kept.get(within.serialize(), lambda: BitMap(array("I", map(ranks, within))))

    def _beginning(self, prefix: str) -> BitMap:
        """Those with a word that begins so."""
        return self._kept.get(("word", prefix), lambda: self._read(prefix))

    def _read(self, prefix: str) -> BitMap:
        at = self._prefixes.find(prefix)
        if at is not None:
            return self._prefixes_ranks[at]
        some = [self._words_ranks[word] for word in self._words.beginning(prefix)]
        return BitMap.union(*some) if some else BitMap()
