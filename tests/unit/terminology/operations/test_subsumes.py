"""$subsumes: four outcomes, and an error wherever the hierarchy does not tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest, Invalid, NotFound, NotSupported, Unprocessable
from terminology import resources
from terminology.operations.subsumes import relation, subsumes

from .asked import asked, code_system, scope, values

URL = "http://shapes.test/cs"
TREE = [
    {"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}, {"code": "d"}]},
    {"code": "e", "property": [{"code": "parent", "valueCode": "d"}]},
]
SHAPES = code_system(URL, *TREE, hierarchyMeaning="is-a")
A_B = {"system": URL, "codeA": "b", "codeB": "d"}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("a", "a", "equivalent"),
        ("a", "c", "subsumes"),
        ("c", "a", "subsumed-by"),
        ("b", "d", "not-subsumed"),
        ("a", "e", "subsumes"),
        ("e", "b", "not-subsumed"),
    ],
)
def test_tx03_outcomes(a: str, b: str, expected: str) -> None:
    codings = {"codingA": {"system": URL, "code": a}, "codingB": {"system": URL, "code": b}}
    for parameters in (
        asked(system=URL, codeA=a, codeB=b),
        asked(**codings),
        asked(system=URL, codeA=a, codingB=codings["codingB"]),
    ):
        assert values(subsumes(scope(SHAPES), parameters), "outcome") == [expected]
    assert values(subsumes(scope(), asked(codeSystem=SHAPES, codeA=a, codeB=b)), "outcome") == [expected]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_tx03_as_walking_up_the_hierarchy(parents: list[int]) -> None:
    """Concept n is below one of those before it, or a root."""
    above = {n: n - 1 - parent for n, parent in enumerate(parents) if parent < n}
    concepts = [
        {"code": str(n), "property": [{"code": "parent", "valueCode": str(above[n])}] if n in above else []}
        for n in range(len(parents))
    ]
    system = resources.code_system(code_system(URL, *concepts))

    def climbs(low: int, high: int) -> bool:
        while low in above:
            low = above[low]
            if low == high:
                return True
        return False

    for a in range(len(parents)):
        for b in range(len(parents)):
            expected = "equivalent" if a == b else "subsumes" if climbs(b, a) else "subsumed-by" if climbs(a, b) else ""
            one, other = system.find(str(a)), system.find(str(b))
            assert one is not None
            assert other is not None
            assert relation(system, one, other) == (expected or "not-subsumed")


@pytest.mark.parametrize(
    ("named", "error", "text"),
    [
        ({**A_B, "codeB": "z"}, NotFound, "Unknown code 'z'"),
        ({**A_B, "system": "http://no.test"}, NotFound, "not known"),
        ({"codeA": "a", "codeB": "b"}, Invalid, "codeA needs the system"),
        ({"system": URL, "codeA": "a"}, BadRequest, "codeB, codingB"),
        ({**A_B, "codingA": {"system": URL, "code": "a"}}, BadRequest, "codeA and codingA"),
        ({**A_B, "version": "3"}, NotFound, "not known"),
        (
            {"codingA": {"system": URL, "code": "a"}, "codingB": {"system": "http://o.test", "code": "a"}},
            NotSupported,
            "different code systems",
        ),
        (
            {"system": "http://o.test", "codingA": {"system": URL, "code": "a"}, "codingB": {"system": URL, "code": "a"}},
            NotSupported,
            "to be asked is http://o.test",
        ),
    ],
)  # fmt: skip
def test_tx03_what_cannot_be_asked(named: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        subsumes(scope(SHAPES), asked(**named))


@pytest.mark.parametrize("meaning", ["grouped-by", "part-of", "classified-with"])
def test_tx03_a_hierarchy_of_another_meaning_does_not_tell(meaning: str) -> None:
    here = scope(code_system(URL, *TREE, hierarchyMeaning=meaning))
    assert values(subsumes(here, asked(system=URL, codeA="a", codeB="a")), "outcome") == ["equivalent"]
    with pytest.raises(Unprocessable, match=meaning):
        subsumes(here, asked(**A_B))


def test_tx03_a_fragment_tells_only_what_it_has() -> None:
    here = scope(code_system(URL, *TREE, content="fragment"))
    assert values(subsumes(here, asked(system=URL, codeA="a", codeB="c")), "outcome") == ["subsumes"]
    with pytest.raises(Unprocessable, match="fragment"):
        subsumes(here, asked(**A_B))


def test_units_have_no_hierarchy() -> None:
    ucum = "http://unitsofmeasure.org"
    assert values(subsumes(scope(), asked(system=ucum, codeA="g", codeB="mg")), "outcome") == ["not-subsumed"]
    assert values(subsumes(scope(), asked(system=ucum, codeA="g", codeB="g")), "outcome") == ["equivalent"]
