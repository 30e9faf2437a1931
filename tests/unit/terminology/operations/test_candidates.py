"""Which maps are asked, and the order and cover of candidates, against going through all concepts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology import resources
from terminology.operations.asking import Asked
from terminology.operations.candidates import covering, least_common, tables
from terminology.records import Row

from .asked import code_system, scope

A, B = "http://a.test", "http://b.test"


@given(st.lists(st.integers(0, 12), min_size=2, max_size=12), st.data())
def test_tx163_the_nearest_concept_above_all(parents: list[int], data: st.DataObject) -> None:
    above = {n: n - 1 - parent for n, parent in enumerate(parents) if parent < n}
    concepts = [
        {"code": str(n), "property": [{"code": "parent", "valueCode": str(above[n])}] if n in above else []}
        for n in range(len(parents))
    ]
    system = resources.code_system(code_system(A, *concepts))

    def line(n: int) -> list[int]:
        return [n, *(line(above[n]) if n in above else [])]

    some = data.draw(st.lists(st.sampled_from(range(len(parents))), min_size=1, max_size=4))
    shared = [one for one in line(some[0]) if all(one in line(other) for other in some)]
    found = least_common(system, [ordinal for n in some if (ordinal := system.find(str(n))) is not None])
    assert (None if found is None else system.code(found)) == (str(shared[0]) if shared else None)


def test_nothing_covers_what_is_not_all_known_or_of_several_systems() -> None:
    here = scope(code_system(A, {"code": "top", "concept": [{"code": "p"}, {"code": "q"}]}))
    p, q = Row(A, "p", B, "t"), Row(A, "q", B, "t")
    assert "covered by top" in covering(here, [p, q])
    assert covering(here, [p, p]) == ""
    assert covering(here, [p, Row(A, "unknown", B, "t")]) == ""
    assert covering(here, [p, Row(B, "q", B, "t")]) == ""
    assert covering(here, [Row(B, "p", B, "t"), Row(B, "q", B, "t")]) == ""
    assert covering(here, [p, q] * 200) == ""


def test_only_maps_between_the_systems_are_opened() -> None:
    tree = {
        "resourceType": "ConceptMap",
        "url": "http://m.test",
        "group": [{"source": A, "target": f"{B}|1", "element": []}],
    }
    asked = [Asked(A, "1")]
    assert len(list(tables(scope(tree), asked, B, False))) == 1
    assert len(list(tables(scope(tree), asked, "", False))) == 1
    assert list(tables(scope(tree), asked, "http://c.test", False)) == []
    assert list(tables(scope(tree), asked, "", True)) == []
    assert len(list(tables(scope(tree), [Asked(B, "1")], A, True))) == 1
