"""What is kept is bounded, and is what was made."""

from __future__ import annotations

from pyroaring import BitMap

from terminology.index.kept import Kept, weight


def test_a_bitmap_is_made_once() -> None:
    kept = Kept()
    made: list[int] = []

    def make() -> BitMap:
        made.append(1)
        return BitMap([7])

    assert kept.get("one", make) is kept.get("one", make)
    assert made == [1]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    size = weight(BitMap([1]))
    kept = Kept(3 * size)
    for key in ("a", "b", "c", "a", "d"):
        kept.get(key, lambda: BitMap([1]))
    assert len(kept) == 3
    again = {key: kept.get(key, lambda: BitMap([2])) for key in ("a", "c", "d", "b")}
    assert [key for key, found in again.items() if found == BitMap([2])] == ["b"]


def test_a_bitmap_beyond_all_bounds_is_the_only_one() -> None:
    kept = Kept(2000)
    kept.get("small", lambda: BitMap([1]))
    assert len(kept.get("large", lambda: BitMap(range(0, 100_000, 3)))) == 33_334
    assert len(kept) == 1
    assert weight(BitMap(range(0, 100_000, 3))) > 8000
