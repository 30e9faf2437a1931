"""Conditions are values: equal where they ask for the same, so that their counts can be remembered."""

from __future__ import annotations

from search.conditions import Codes, Condition, Dates, Keys, Not, Nothing, Or, Strings, Uris

ALL: list[Condition] = [
    Keys(((1, 2),)),
    Not(Keys(((1, 2),))),
    Uris(((1, 2, "u"),)),
    Strings(((1, 2, "a", "b"),)),
    Dates(((1, 2, 1, 2, 3, 4),)),
    Dates(((1, 2, 1, 2, 3, 4),), primary=5),
    Or((Keys(((1, 2),)), Nothing())),
    Nothing(),
]


def test_conditions_are_told_apart() -> None:
    assert len(set(ALL)) == len(ALL)
    assert {Keys(((1, 2),)), *ALL} == set(ALL)


def test_codes_are_equal_whatever_makes_their_keys() -> None:
    one = Codes("in", "http://x", "code:in", "Observation", "code", lambda system, code: ())
    other = Codes("in", "http://x", "code:in", "Observation", "code", lambda system, code: ((1, 1),))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Codes("below", "http://x", "code:in", "Observation", "code", one.keys)
