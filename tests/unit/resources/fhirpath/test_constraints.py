"""Every invariant of R4 compiles, and is evaluated on official examples without an error.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from resources import exact
from resources.fhirpath import Node, compile, root
from resources.fhirpath.nodes import add_children
from tests.examples import examples

from .asking import DEFINITIONS

# Rules that R4's own examples break: names that are no names for code, narratives that are missing, and mistakes.
BROKEN = {
    "adf-0", "bdl-7", "cid-0", "cpb-0", "dom-6", "ees-0", "esc-0", "evd-0", "evi-0", "evv-0", "ig-0", "lib-0", "mea-0",
    "nsd-0", "pdf-0", "que-0", "red-0", "rsd-0", "rvs-0", "sdf-0", "sdf-4", "spd-0", "tst-0", "txt-1", "txt-2", "vsd-0",
    "que-7",  # asks for a System.Boolean, which no element is
}  # fmt: skip
# Rules that give nothing of data that is right (a resource without a name, a Reference with only an identifier): a
# validator has to take for kept what is not false.
OPEN = {"bdl-8", "ras-2", "ref-1", "adf-0", "cid-0", "lib-0", "pdf-0", "que-0"}


def all_constraints() -> set[tuple[str, str]]:
    return {
        (constraint.key, constraint.expression)
        for structure in DEFINITIONS.structures.values()
        for element in structure.elements.values()
        for constraint in element.constraints
    }


def nodes() -> Iterator[Node]:
    """The elements of every tenth example, small ones."""
    small = (text for name, text in examples() if len(text) < 100_000)
    for number, text in enumerate(small):
        if number % 10 == 0:
            found = [root(DEFINITIONS, exact.decode(text))]
            for node in found:
                add_children(node, found)
            yield from found


def rules(node: Node) -> dict[str, str]:
    """The invariants of an element: of its type, and of its place."""
    known = DEFINITIONS.structures.get(node.shape.path.partition(".")[0])
    found = (
        {} if known is None or node.shape.path not in known.elements else known.elements[node.shape.path].constraints
    )
    keys = {one.key: one.expression for one in found}
    if node.parent is not None and node.field is not None:
        within = DEFINITIONS.structures[node.parent.shape.path.partition(".")[0]]
        path = f"{node.parent.shape.path}.{node.field.name}"
        element = within.elements.get(path) or within.elements.get(path + "[x]")
        keys |= {one.key: one.expression for one in (element.constraints if element else ())}
    return keys


def test_all_compile() -> None:
    constraints = all_constraints()
    assert len(constraints) == 242  # of 240 keys
    for _, expression in constraints:
        assert compile(expression).text == expression


def test_they_are_evaluated_on_examples_without_error() -> None:
    answers: Counter[tuple[str, bool | None]] = Counter()
    for node in nodes():
        for key, expression in rules(node).items():
            answers[key, compile(expression).truth(DEFINITIONS, node)] += 1
    assert {key for key, truth in answers if truth is False} <= BROKEN
    assert {key for key, truth in answers if truth is None} <= OPEN
    assert len({key for key, _ in answers}) > 60
    assert answers["ele-1", True] > 1_000


@pytest.mark.parametrize(
    ("key", "type_name", "tree"),
    [
        ("obs-6", "Observation", {"valueString": "a", "dataAbsentReason": {"text": "b"}}),
        ("obs-7", "Observation", {
            "valueString": "a", "code": {"coding": [{"code": "x"}]}, "component": [{"code": {"coding": [{"code": "x"}]}}],
        }),
        ("dom-2", "Patient", {"contained": [{"resourceType": "Patient", "id": "a", "contained": [{"resourceType": "Patient"}]}]}),
        ("dom-3", "Patient", {"contained": [{"resourceType": "Patient", "id": "a"}]}),
        ("dom-4", "Patient", {"contained": [{"resourceType": "Patient", "meta": {"versionId": "1"}}]}),
        ("per-1", "Period", {"start": "2020", "end": "2019-12-31"}),
        ("rng-2", "Range", {"low": {"value": 3, "code": "g"}, "high": {"value": 2, "code": "g"}}),
        ("ext-1", "Extension", {"url": "u"}),
        ("ele-1", "Coding", {"id": "a"}),
        ("qty-3", "Quantity", {"code": "g"}),
        ("tim-9", "Timing.repeat", {"offset": 3}),
    ],
)  # fmt: skip
def test_a_constraint_is_false_of_what_breaks_it(key: str, type_name: str, tree: dict[str, object]) -> None:
    name = type_name.partition(".")[0]
    structure = DEFINITIONS.structures[name]
    constraint = next(one for one in structure.elements[type_name].constraints if one.key == key)
    node = root(DEFINITIONS, {"resourceType": name, **tree} if structure.kind == "resource" else tree, name)
    if type_name != name:
        node.shape = node.shape._model.shape("Element", type_name)  # type: ignore[union-attr]
    assert compile(constraint.expression).truth(DEFINITIONS, node) is False
