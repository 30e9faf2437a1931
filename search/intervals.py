"""Intervals of the primary date: where in the order of dates the matches of a search can lie.

Resources lie in the order in which their dates begin. A condition on the end of a date bounds its beginning only as far
as it is known how wide the date can be; so dates are told apart by width, and those of more than a day have a posting
by their class of width. In µs since 1970, both ends included; a list of intervals is sorted and disjoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .conditions import Box

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1
DAY: Final = 86_400_000_000

Interval = tuple[int, int]
ALL: Final[list[Interval]] = [(EARLIEST, LATEST)]

# Greatest width of each class: 0 a day, 1 two days, 2 four … 15 ninety years, 16 any; 17 any, without an end.
WIDTHS: Final = (*(DAY << n for n in range(16)), LATEST, LATEST)


def width_class(first: int, after: int) -> int:
    """The class of a date from first to before after."""
    if after == LATEST:
        return len(WIDTHS) - 1
    return next(n for n, width in enumerate(WIDTHS) if after - first <= width or width == LATEST)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for low, high in sorted(one for one in intervals if one[0] <= one[1]):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


def intersection(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    right = list(right)
    return union((max(a, c), min(b, d)) for a, b in left for c, d in right)


def difference(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    found = list(left)
    for low, high in right:
        found = intersection(found, [(EARLIEST, low - 1), (high + 1, LATEST)])
    return found


def beginnings(boxes: Iterable[Box], width: int) -> list[Interval]:
    """Where a date that lies in one of the boxes, and is no wider than that (LATEST: of any width), can begin."""
    return union((a if width == LATEST or c == EARLIEST else max(a, c - width), min(b, d)) for a, b, c, d in boxes)
