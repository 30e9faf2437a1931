"""The enumeration of shapes goes through the compiler's own tables."""

from __future__ import annotations

import pytest

from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Strings, Updated, Uris
from search.shapes import shapes

CONDITIONS: list[Condition] = [
    Keys(((1, 2),)),
    Missing((1, 2)),
    Exact(1, 2, (("v", 3),)),
    Uris(1, 2, ("u",)),
    Strings(1, 2, (("a", "b"),)),
    Dates(1, 2, ((1, 2, 3, 4),)),
    Updated(1, ((1, 2),)),
    Ids(1, ((1, "i"),)),
]


@pytest.mark.parametrize("missing", CONDITIONS, ids=lambda one: type(one).__name__)
def test_a_kind_without_an_example_is_noticed(missing: Condition) -> None:
    some = [one for one in CONDITIONS if one is not missing]
    with pytest.raises(ValueError, match=type(missing).__name__):
        list(shapes(1, some, lambda _: (None, False), (0, 0)))


def test_every_driver_and_every_pair_is_there() -> None:
    found = list(
        shapes(
            1, CONDITIONS, lambda some: (0, False) if some and type(some[0]) is not Missing else (None, False), (0, 0)
        )
    )
    names = [shape.name for shape in found]
    assert len(set(names)) == len(names)
    for kind in ("Keys", "Exact", "Uris", "Strings", "Dates", "Updated"):
        assert any(f"by {kind}" in name for name in names)
        assert f"density {kind}(1)" in names
    pairs = {name.split(" by ")[0] for name in names if " & " in name}
    assert len(pairs) == len(CONDITIONS) * (len(CONDITIONS) - 1) / 2
    for ending in (
        "newest first, page 1",
        "newest first, page n",
        "oldest first, page 1",
        "oldest first, page n",
        "total",
        "ids",
    ):
        assert any(name.endswith(ending) for name in names)
