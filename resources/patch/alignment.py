"""Which items of a list became which of another, and the steps that make the one list out of the other.

Equal items are kept; as many of them as possible stay where they are and the others move (the longest increasing
subsequence stays). Between those that stay, items that look alike are taken for the same item, changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from .. import exact
from .limits import Clock
from .lists import Pair

_MOST_CELLS: Final = 2_500  # of a table that compares every item of one gap with every item of the other
_MOST_LOOKED_AT: Final = 5_000_000  # items passed over while moved ones are put in their places


class Steps(NamedTuple):
    """In this order: items changed in place, items deleted, items put in their place."""

    changed: list[tuple[int, int]]  # index before, index after
    deleted: list[int]  # indexes before, the last one first
    placed: list[
        tuple[int | None, int, int]
    ]  # from where (None: it is new), to where, index after; as the list is then


def align(before: Sequence[Pair], after: Sequence[Pair]) -> Steps:
    """The steps that make `after` out of `before`. Raises TooCostly (403)"""
    keys = [exact.canonical(pair) for pair in before], [exact.canonical(pair) for pair in after]
    same = _equal(*keys)  # index after → index before
    staying = _longest_increasing(same)
    if (len(same) - len(staying)) * len(before) > _MOST_LOOKED_AT:
        same = {new: same[new] for new in same if new in staying}  # so many are not moved but made anew
    changed = _alike(before, after, same, staying)
    origin = {**same, **{new: old for old, new in changed}}
    kept = set(origin.values())
    deleted = [old for old in reversed(range(len(before))) if old not in kept]
    still = staying | {new for _, new in changed}
    return Steps(changed, deleted, list(_placed(len(before), len(after), origin, still)))


def _equal(before: Sequence[bytes], after: Sequence[bytes]) -> dict[int, int]:
    """Index after → index before of equal items, the first of several with the first."""
    where: dict[bytes, list[int]] = defaultdict(list)
    for old in reversed(range(len(before))):
        where[before[old]].append(old)
    return {new: where[key].pop() for new, key in enumerate(after) if where.get(key)}


def _longest_increasing(same: dict[int, int]) -> set[int]:
    """The indexes after of as many items as possible whose order is the same before and after. O(n log n)"""
    ends: list[int] = []  # the least index before with which a subsequence of that length can end
    at: list[int] = []  # the index after of that end
    previous: dict[int, int | None] = {}
    for new, old in same.items():
        length = bisect_left(ends, old)
        previous[new] = at[length - 1] if length else None
        ends[length:] = [old] if length == len(ends) else [old, *ends[length + 1 :]]
        at[length:] = [new] if length == len(at) else [new, *at[length + 1 :]]
    staying: set[int] = set()
    one = at[-1] if at else None
    while one is not None:
        staying.add(one)
        one = previous[one]
    return staying


def _alike(
    before: Sequence[Pair], after: Sequence[Pair], same: dict[int, int], staying: set[int]
) -> list[tuple[int, int]]:
    """Items without an equal that are taken for one another, in order, each pair between the same staying items."""
    taken = set(same.values())
    borders = [(-1, -1), *sorted((same[new], new) for new in staying), (len(before), len(after))]
    found: list[tuple[int, int]] = []
    for (old_start, new_start), (old_end, new_end) in pairwise(borders):
        old = [n for n in range(old_start + 1, old_end) if n not in taken]
        new = [n for n in range(new_start + 1, new_end) if n not in same]
        found += _paired(before, after, old, new)
    return found


def _paired(before: Sequence[Pair], after: Sequence[Pair], old: list[int], new: list[int]) -> Iterator[tuple[int, int]]:
    """The pairs, in order, that are most alike in all; of large gaps simply one after the other."""
    if len(old) * len(new) > _MOST_CELLS or len(old) == len(new) == 1:
        yield from zip(old, new, strict=False)
        return
    # best[i][j]: of the items from i on and from j on
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    ones, others = [_members(before[i]) for i in old], [_members(after[j]) for j in new]
    likeness = [[_likeness(one, other) for other in others] for one in ones]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            best[i][j] = max(likeness[i][j] + best[i + 1][j + 1], best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(old) and j < len(new):
        if best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            yield old[i], new[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _members(pair: Pair) -> dict[str, bytes]:
    """The members of an item as they are written; none of a primitive."""
    value = pair.value
    return {name: exact.canonical(below) for name, below in value.items()} if type(value) is dict else {}


def _likeness(one: dict[str, bytes], other: dict[str, bytes]) -> int:
    """1, and more the more members of the two are equal."""
    return 1 + 10 * sum(one[name] == other[name] for name in one.keys() & other.keys())


def _placed(before: int, after: int, origin: dict[int, int], still: set[int]) -> Iterator[tuple[int | None, int, int]]:
    """The moves and insertions, from the first item to the last, each as the list is when its turn has come."""
    kept = set(origin.values())
    now = {old: n for n, old in enumerate(old for old in range(before) if old in kept)}
    items = sorted(now, key=now.__getitem__)  # indexes before, as they stand now; new ones as -1
    position = 0  # where the next item has to be: after the one before it
    clock = Clock("The comparison")
    for new in range(after):
        clock.check()
        old = origin.get(new)
        if new in still:
            position = _find(items, old, position) + 1
        elif old is None:
            items.insert(position, -1)
            yield None, position, new
            position += 1
        else:
            source = items.index(old)
            del items[source]
            position -= source < position
            items.insert(position, old)
            yield source, position, new
            position += 1


def _find(items: list[int], old: int | None, start: int) -> int:
    assert old is not None
    return items.index(old, start)
