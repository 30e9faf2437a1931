"""$lastn: which codes are one group, and which of a group are the last. https://hl7.org/fhir/R4/observation-operation-lastn.html"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.store import NO_DATE
from search.lastn import grouped, identities, last

Code = dict[str, Any]


def coded(*codes: str) -> Code:
    """A code of each letter, in one system."""
    return {"coding": [{"system": "http://x.org", "code": one} for one in codes]}


def groups(*codes: Code) -> list[list[int]]:
    return grouped([orjson.dumps(one).decode() for one in codes])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        # The table of the specification.
        ([coded("a"), coded("b"), coded("c")], [[0], [1], [2]]),
        ([coded("a"), coded("b"), coded("a", "c")], [[0, 2], [1]]),
        ([coded("a"), coded("b"), coded("a", "b")], [[0, 1, 2]]),
        ([{"text": "textM"}, {"text": "Text"}, {"text": "t e x t"}], [[0], [1], [2]]),
        # Beyond it.
        ([coded("a", "b"), coded("c", "d"), coded("e"), coded("b", "c")], [[0, 1, 3], [2]]),
        ([{"text": "x"}, {"text": "x"}, {**coded("a"), "text": "x"}, {**coded("a"), "text": "y"}], [[0, 1], [2, 3]]),
        (
            [coded("a"), {"coding": [{"code": "a"}]}, {"coding": [{"system": "http://y.org", "code": "a"}]}],
            [[0], [1], [2]],
        ),
        ([coded("a"), coded("A")], [[0], [1]]),
        ([{"coding": [{"display": "x"}], "text": "t"}, {"text": "t"}, {}, {}], [[0, 1], [2, 3]]),
        ([], []),
    ],
)
def test_lab_05_codes_are_equal_by_a_shared_coding_and_transitively(
    codes: list[Code], expected: list[list[int]]
) -> None:
    assert groups(*codes) == expected


CODES = st.lists(st.sampled_from("abcdefghij"), max_size=3).map(lambda codes: coded(*codes)) | st.sampled_from(
    "xyz"
).map(lambda text: {"text": text})


@given(st.lists(CODES, max_size=12))
def test_groups_are_the_connected_parts(codes: list[Code]) -> None:
    """Against the closure of "shares an identity", pair by pair."""
    known = [set(identities(one)) for one in codes]
    same = [{n} for n in range(len(codes))]
    for _ in codes:
        for n, m in combinations(range(len(codes)), 2):
            if known[n] & known[m] or same[n] & same[m]:
                same[n] = same[m] = same[n] | same[m]
    assert groups(*codes) == sorted([sorted(one) for one in {frozenset(one) for one in same}])


@pytest.mark.parametrize(
    ("dates", "each", "expected"),
    [
        ([5, 4, 3], 1, [0]),
        ([5, 4, 3], 2, [0, 1]),
        ([5, 5, 3], 1, [0, 1]),  # a tie: both
        ([5, 5, 3], 2, [0, 1]),
        ([6, 5, 5, 5, 4], 3, [0, 1, 2, 3]),
        ([5, NO_DATE, NO_DATE], 2, [0, 1]),  # no date is not the same date
        ([NO_DATE, NO_DATE], 1, [0]),
        ([5], 99, [0]),
    ],
)
def test_lab_05_the_last_of_a_group_and_what_shares_its_date(dates: list[int], each: int, expected: list[int]) -> None:
    places = [10 * n for n in range(len(dates))]
    assert list(last(dates, places, each)) == [10 * n for n in expected]
