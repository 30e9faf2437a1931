"""Words of designations → the concepts that have them, numbered by rank: the order of a bitmap is that of relevance. TX-145"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pyroaring import BitMap

from .container import Buffer, texts
from .rows import packed, sets
from .words import words

ALIKE: Final = 8  # words that begin alike from which on their union is built in advance
_PIECES: Final = 200_000  # texts between spaces of which the words are remembered


def sections(ranked: Iterable[Iterable[str]]) -> dict[str, Buffer]:
    """ranked: the texts of each concept, the most relevant concept first."""
    having: dict[str, array[int]] = {}
    folded: dict[str, list[str]] = {}  # words of what stands between spaces, which repeats itself
    for rank, some in enumerate(ranked):
        found: set[str] = set()
        for piece in {piece for text in some for piece in text.split()}:
            if (those := folded.get(piece)) is None:
                those = folded[piece] = words(piece)
            found.update(those)
        if len(folded) > _PIECES:
            folded.clear()
        for word in found:
            if (ranks := having.get(word)) is None:
                ranks = having[word] = array("I")
            ranks.append(rank)
    vocabulary = sorted(having, key=str.encode)
    bitmaps = [BitMap(having.pop(word)) for word in vocabulary]
    unions = {prefix: packed(BitMap.union(*bitmaps[some.start : some.stop])) for prefix, some in _alike(vocabulary)}
    prefixes = sorted(unions, key=str.encode)
    return (
        texts("words", vocabulary)
        | sets("words.ranks", map(packed, bitmaps))
        | texts("prefixes", prefixes)
        | sets("prefixes.ranks", (unions[prefix] for prefix in prefixes))
    )


def _alike(vocabulary: Sequence[str]) -> Iterator[tuple[str, range]]:
    """Each prefix that many of the sorted words have, with their places."""
    ahead = [(0, range(len(vocabulary)))]  # letters that are alike, and which words
    while ahead:
        length, some = ahead.pop()
        first = some.start
        for at in range(some.start, some.stop + 1):
            if at == some.stop or vocabulary[at][: length + 1] != vocabulary[first][: length + 1]:
                if at - first >= ALIKE:
                    if len(vocabulary[first]) > length:
                        yield vocabulary[first][: length + 1], range(first, at)
                    ahead.append((length + 1, range(first, at)))
                first = at
