"""A search within a set is the same whichever side is looked at one by one. TX-27"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.index import search
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.records import About, Concept

CONCEPTS = [Concept(f"{at:03}", f"{'alpha' if at % 2 else 'beta'} {'gamma' * (at % 5)} w{at}") for at in range(200)]
SYSTEM = Indexed(build(About("x"), CONCEPTS))


@given(st.sampled_from(("", "a", "alp", "w1 be", "g", "nothing")), st.sets(st.integers(0, 199)), st.integers(0, 9))
def test_tx27_within(text: str, some: set[int], offset: int) -> None:
    among = BitMap(some)
    everything = SYSTEM.search(text, most=1000)
    expected = [at for at in everything.ordinals if at in some]
    for few in (0, 50, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "FEW", few)
            for _ in range(2):
                found = SYSTEM.search(text, among, most=5, offset=offset)
                assert (found.total, found.ordinals) == (len(expected), expected[offset : offset + 5])


def test_tx27_nothing_to_look_for_finds_all() -> None:
    assert SYSTEM.search(" - ", most=3).total == 200
    assert SYSTEM.search("alpha w7").ordinals[:2] == [75, 70 + 1]  # short displays first
