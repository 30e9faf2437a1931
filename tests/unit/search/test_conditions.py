"""Conditions are values: equal where they ask for the same, so that their counts can be remembered."""

from __future__ import annotations

from search.conditions import Condition, Dates, Exact, Ids, Keys, Missing, Nothing, Strings, Updated, Uris

ALL: list[Condition] = [
    Keys(((1, 2),)),
    Missing((1, 2)),
    Exact(1, 2, (("v", 3),)),
    Uris(1, 2, ("u",)),
    Strings(1, 2, (("a", "b"),)),
    Dates(1, 2, ((1, 2, 3, 4),)),
    Dates(1, 2, ((1, 2, 3, 4),), primary=5),
    Updated(1, ((1, 2),)),
    Ids(1, ((1, "i"),)),
    Nothing(),
]


def test_conditions_are_told_apart() -> None:
    assert len(set(ALL)) == len(ALL)
    assert {Keys(((1, 2),)), *ALL} == set(ALL)
