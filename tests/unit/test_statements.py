"""The enumeration of shapes goes through the compiler's own tables."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from search.candidates import CAP
from search.conditions import (
    Amounts,
    And,
    Condition,
    Dates,
    Endings,
    Fragments,
    Ids,
    Inside,
    Keys,
    Near,
    Not,
    Numbers,
    Or,
    Refers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from search.densities import Way
from search.orders import WALKS, Key

from ..statements import shapes

KEYS = Keys(((1, 2),))
CONDITIONS: list[Condition] = [
    KEYS,
    Not(Keys(((3, 2),))),
    Inside(((1, 1),)),
    Uris(((1, 2, "u"),)),
    UriRanges(((1, 2, "u", "v"),)),
    Strings(((1, 2, "a", "b"),)),
    Fragments(((1, 2, "a"),)),
    Endings(((1, 2, "a"),)),
    Dates(((1, 2, 1, 2, 3, 4),)),
    Numbers(((1, 2, 0, "a", "b", "", "~", None, None, None, None, None, None, None),)),
    Amounts(((1, 2, 0, 5, "a", "b", "", "~", None),)),
    Near(((1, 2, 1.0, 2.0, 3.0),)),
    Updated(((1, 1, 2),)),
    Ids(((1, 1, "i"),)),
    Refers((-1,), (((2,), KEYS),)),
    Or((KEYS, Strings(((1, 2, "c", "d"),)))),
]
SORTED = [
    (Key(kind, ((1, 2, -3),), False), tuple(range(len(walk.value)))) for kind, walk in WALKS.items()
]  # any values: nothing is run


def choose(some: Sequence[Condition]) -> Way:
    if some and isinstance(some[0], (Not, Endings, Fragments, Near, Refers, Or, And)):
        return Way(None, (), False, CAP)
    return Way(0 if some else None, (), False, CAP)


@pytest.mark.parametrize("missing", CONDITIONS[1:], ids=lambda one: type(one).__name__)
def test_a_kind_without_an_example_is_noticed(missing: Condition) -> None:
    some = [one for one in CONDITIONS if one is not missing]
    with pytest.raises(ValueError, match=type(missing).__name__):
        list(shapes((1,), some, choose, (0, 0), SORTED, ()))


@pytest.mark.parametrize("missing", SORTED, ids=lambda one: one[0].kind)
def test_a_sort_key_without_an_example_is_noticed(missing: tuple[Key, tuple[int, ...]]) -> None:
    some = [one for one in SORTED if one is not missing]
    with pytest.raises(ValueError, match=missing[0].kind):
        list(shapes((1,), CONDITIONS, choose, (0, 0), some, ()))


def test_every_driver_every_pair_and_every_order_is_there() -> None:
    found = list(shapes((1,), CONDITIONS, choose, (0, 0), SORTED, [KEYS]))
    names = [shape.name for shape in found]
    assert len(set(names)) == len(names)
    for kind in ("Keys", "Inside", "Uris", "UriRanges", "Strings", "Dates", "Numbers", "Amounts", "Updated"):
        assert any(f"by {kind}" in name for name in names)
        assert f"density {kind}(1)" in names
    pairs = {name.split(" by ")[0] for name in names if " & " in name}
    assert len(pairs) == len(CONDITIONS) * (len(CONDITIONS) - 1) / 2
    for kind in WALKS:
        assert f"all by order, sorted by {kind} descending, page n backward" in names
        assert f"Keys(1) by order, sorted by {kind}, page n" in names
    for order in ("newest", "oldest"):
        for which in ("page 1", "page n", "page n backward"):
            assert any(name.endswith(f"{order} first, {which}") for name in names)
