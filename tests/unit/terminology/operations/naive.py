"""An oracle: membership by sets of codes, as the specification words it, and definitions drawn at random.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from hypothesis import strategies as st

from .asked import Tree, code_system
from .judged import SETS, SHAPES, all_of, these, value_set

CODES = [f"c{n}" for n in range(12)]
OPERATORS = ("is-a", "descendent-of", "is-not-a", "=", "in", "not-in", "generalizes")


@st.composite
def hierarchies(draw: st.DrawFn) -> dict[str, list[str]]:
    """Parents by code: any directed graph without cycles."""
    return {
        code: draw(st.lists(st.sampled_from(CODES[:n]), max_size=2, unique=True)) if n else []
        for n, code in enumerate(CODES)
    }


def tree_of(parents: dict[str, list[str]]) -> Tree:
    concepts = [
        {
            "code": code,
            "property": [
                *({"code": "parent", "valueCode": one} for one in above),
                {"code": "shade", "valueCode": f"s{n % 3}"},
            ],
        }
        for n, (code, above) in enumerate(parents.items())
    ]
    properties = [
        {"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"},
        {"code": "shade", "type": "code"},
    ]
    return code_system(SHAPES, *concepts, hierarchyMeaning="is-a", property=properties)


conditions = st.one_of(
    st.builds(
        lambda op, value: {"property": "concept", "op": op, "value": value},
        st.sampled_from(OPERATORS),
        st.sampled_from(CODES),
    ),
    st.builds(lambda value: {"property": "shade", "op": "=", "value": value}, st.sampled_from(["s0", "s1", "s2"])),
)


def parts(names: list[str]) -> st.SearchStrategy[Tree]:
    """Includes, and excludes, that may import the value sets with these names."""
    imports = (
        st.lists(st.sampled_from([f"{SETS}{one}" for one in names]), min_size=1, max_size=2) if names else st.nothing()
    )
    listed = st.lists(st.sampled_from(CODES), min_size=1, max_size=5).map(lambda codes: these(*codes))
    filtered = st.lists(conditions, min_size=1, max_size=2).map(lambda some: {"system": SHAPES, "filter": some})
    of_system = st.one_of(listed, filtered, st.just(all_of()))
    return st.one_of(
        of_system,
        imports.map(lambda urls: {"valueSet": urls}),
        st.builds(lambda part, urls: {**part, "valueSet": urls}, of_system, imports),
    )


@st.composite
def definitions(draw: st.DrawFn) -> list[Tree]:
    """Value sets each of which imports only those before it."""
    found: list[Tree] = []
    for n in range(draw(st.integers(1, 4))):
        some = parts([str(one) for one in range(n)])
        found.append(
            value_set(str(n), *draw(st.lists(some, min_size=1, max_size=3)), exclude=draw(st.lists(some, max_size=2)))
        )
    return found


class Naive:
    """Everything as sets of codes."""

    def __init__(self, parents: dict[str, list[str]], trees: list[Tree]) -> None:
        self.above = {code: self._above(code, parents) for code in parents}
        self.trees = {tree["url"]: tree for tree in trees}

    def _above(self, code: str, parents: dict[str, list[str]]) -> set[str]:
        return {code}.union(*(self._above(one, parents) for one in parents[code]))

    def value_set(self, url: str) -> set[str]:
        compose = self.trees[url]["compose"]
        included = set().union(*(self.part(one) for one in compose["include"]))
        return included.difference(*(self.part(one) for one in compose["exclude"]))

    def part(self, part: Tree) -> set[str]:
        found = set(CODES)
        if "concept" in part:
            found &= {one["code"] for one in part["concept"]}
        for one in part.get("filter", ()):
            found &= {code for n, code in enumerate(CODES) if self.meets(n, code, **one)}
        for url in part.get("valueSet", ()):
            found &= self.value_set(url)
        return found

    def meets(self, n: int, code: str, property: str, op: str, value: str) -> bool:
        if property == "shade":
            return value == f"s{n % 3}"
        return {
            "is-a": value in self.above[code],
            "descendent-of": value in self.above[code] and value != code,
            "is-not-a": value not in self.above[code],
            "=": value == code,
            "in": value == code,
            "not-in": value != code,
            "generalizes": code in self.above[value],
        }[op]
