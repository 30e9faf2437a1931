"""Concepts and what they are below → depth-first numbers, ancestors and descendants. Pure.

https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Final

from pyroaring import BitMap

from resources.outcome import TooCostly

from .container import Buffer
from .rows import packed, rows, sets

_LOW: Final = 0xFFFFFFFF
DEPTH: Final = 200  # ancestors that a concept may have on the average; large releases have under twenty
PAIRS: Final = 2_000_000  # pairs of ancestor and descendant that any code system may have


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """By number of the walk, depth first: each concept before what is below it, but for what has several parents."""

    ordinals: array[int]  # of each concept in the order of the release
    children: Sequence[Sequence[int]]  # in the order of the release
    parents: Sequence[Sequence[int]]  # in the order in which they were said
    finished: array[int]  # concepts in the order in which the walk left them: all children before a parent
    broken: Sequence[tuple[int, int]]  # child and parent that the walk found to close a circle, left out


def hierarchy(count: int, edges: Iterable[tuple[int, int]]) -> Hierarchy:
    """edges: child and parent as places in the order of the release, which decides about the order of children.

    A concept below itself and an edge that closes a circle on the walk are left out."""
    pairs = dict.fromkeys(child << 32 | parent for child, parent in edges)  # as numbers, which cost little
    broken = [pair for pair in pairs if pair >> 32 == pair & _LOW]
    for pair in broken:
        del pairs[pair]
    below = _Lists(count, sorted((pair & _LOW) << 32 | pair >> 32 for pair in pairs))
    roots = bytearray(b"\1" * count)
    for pair in pairs:
        roots[pair >> 32] = 0
    ordinals, finished, circles = _walk(below, compress(range(count), roots))
    for pair in circles:
        del pairs[pair]
    broken += circles
    order = array("I", bytes(4 * count))
    for at, ordinal in enumerate(ordinals):
        order[ordinal] = at
    of = ordinals.__getitem__
    # Of both the first number is an ordinal, so that the rows are in their order; the other side keeps its own.
    children = sorted(of(pair & _LOW) << 32 | pair >> 32 for pair in pairs)
    parents = sorted((of(pair >> 32) << 64 | said << 32 | of(pair & _LOW) for said, pair in enumerate(pairs)))
    return Hierarchy(
        ordinals,
        _Lists(count, (pair & ~_LOW | of(pair & _LOW) for pair in children)),
        _Lists(count, (pair >> 64 << 32 | pair & _LOW for pair in parents)),
        array("I", map(of, finished)),
        [(of(pair >> 32), of(pair & _LOW)) for pair in broken],
    )


class _Lists(Sequence[Sequence[int]]):
    """Numbers by number, from pairs that are sorted by the one and keep the order of the others."""

    __slots__ = ("flat", "starts")

    def __init__(self, count: int, pairs: Iterable[int]) -> None:
        """pairs: the number of a list and one in it as one number."""
        self.starts, self.flat = array("I", bytes(4 * (count + 1))), array("I")
        for pair in pairs:
            self.starts[(pair >> 32) + 1] += 1
            self.flat.append(pair & _LOW)
        for at in range(count):
            self.starts[at + 1] += self.starts[at]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, number: int) -> array[int]:  # type: ignore[override]
        return self.flat[self.starts[number] : self.starts[number + 1]]


def _walk(below: _Lists, roots: Iterable[int]) -> tuple[array[int], array[int], list[int]]:
    """Numbers of the concepts as the walk meets them, the order in which it leaves them, and the edges (child and parent as
    one number) that lead it back to where it is. What no root leads to is in circles; the walk enters them at the first
    concept of the release."""
    count, flat = len(below), below.flat
    ordinals, finished, circles = array("I", bytes(4 * count)), array("I"), []
    state = bytearray(count)  # 0 not met, 1 the walk is below it, 2 left
    ahead, ends = below.starts[:], below.starts  # the child of each that comes next
    met = 0
    for root in chain(roots, range(count)):
        if state[root]:
            continue
        state[root], ordinals[root] = 1, met
        met += 1
        way = [root]
        while way:
            at = way[-1]
            place = ahead[at]
            if place == ends[at + 1]:
                state[at] = 2
                finished.append(at)
                way.pop()
                continue
            ahead[at] += 1
            child = flat[place]
            if not state[child]:
                state[child], ordinals[child] = 1, met
                met += 1
                way.append(child)
            elif state[child] == 1:
                circles.append(child << 32 | at)
    return ordinals, finished, circles


def sections(walked: Hierarchy, is_a: bool) -> dict[str, Buffer]:
    """The sections of an index. is_a: whether who is below is subsumed; else there are no ancestors and descendants."""
    count = len(walked.ordinals)
    leaves = BitMap([at for at in range(count) if not walked.children[at]])
    roots = BitMap([at for at in range(count) if not walked.parents[at]])
    found: dict[str, Buffer] = {"leaves": packed(leaves), "roots": packed(roots)}
    found |= rows("children", walked.children) | rows("parents", walked.parents)
    if is_a:
        found |= rows("ancestors", _ancestors(walked)) | sets("descendants", _descendants(walked))
    return found


def _ancestors(walked: Hierarchy) -> Sequence[Sequence[int]]:
    """Of each concept those above it, sorted."""
    found: list[array[int]] = [array("I")] * len(walked.ordinals)
    left = PAIRS + DEPTH * len(found)
    for at in reversed(walked.finished):
        parents = walked.parents[at]
        if len(parents) == 1:
            found[at] = found[parents[0]][:]
            insort(found[at], parents[0])
        elif parents:
            found[at] = array("I", sorted(set(parents).union(*(found[parent] for parent in parents))))
        left -= len(found[at])
        if left < 0:
            raise TooCostly(f"The hierarchy is too deep: a concept has more than {DEPTH} ancestors on the average.")
    return found


def _descendants(walked: Hierarchy) -> Iterator[bytes]:
    """Of each concept those below it, packed."""
    found: dict[int, BitMap] = {}
    for at in walked.finished:
        children = walked.children[at]
        if children:
            inner = [found[child] for child in children if child in found]
            found[at] = BitMap(children) if not inner else BitMap(children).union(*inner)
            found[at].run_optimize()
    return (packed(found.pop(at)) if at in found else b"" for at in range(len(walked.ordinals)))
