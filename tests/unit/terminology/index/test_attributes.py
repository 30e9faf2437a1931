"""Attributes both ways, whether few or most of the targets are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.records import About, Concept, Property

LINKS = [(at, at * at % 37, name) for at in range(100) for name in ("site", "cause") if at % 3 or name == "site"]
SYSTEM = Indexed(
    build(
        About("x"),
        [
            *(Concept(str(at)) for at in range(100)),
            *(Property(str(source), name, str(target), "concept") for source, target, name in LINKS),
        ],
    )
)


@given(st.sampled_from(("site", "cause", "none")), st.sets(st.integers(0, 99)))
def test_both_ways(name: str, some: set[int]) -> None:
    asked = BitMap(some)
    assert {*SYSTEM.sources(name, asked)} == {
        source for source, target, which in LINKS if which == name and target in some
    }
    assert {*SYSTEM.targets(name, asked)} == {
        target for source, target, which in LINKS if which == name and source in some
    }
    assert SYSTEM.sources(name, SYSTEM.all) == SYSTEM.with_property(name)
    assert {*SYSTEM.targets(name)} == {target for _, target, which in LINKS if which == name}
