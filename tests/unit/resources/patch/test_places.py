"""Paths of a patch select elements of the tree itself; a plain path selects what evaluating it would."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.definitions import load
from resources.fhirpath import compile
from resources.outcome import BadRequest
from resources.patch.limits import copied
from resources.patch.lists import Pair
from resources.patch.places import collection, depth, find, members, put, remove

EXTENSION = {"url": "http://example.org/x", "valueDecimal": Decimal("1.0")}
TREE: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "_status": {"extension": [EXTENSION]},
    "contained": [
        {"resourceType": "Patient", "id": "p", "name": [{"given": ["A", None], "_given": [None, {"id": "g"}]}]}
    ],
    "subject": {"reference": "#p"},
    "text": {"status": "generated", "div": "<div/>"},
    "valueQuantity": {"value": Decimal("1.0")},
    "component": [{"valueString": "a", "referenceRange": [{"text": "x"}, {"text": "y"}]}, {"valueString": "b"}],
}

FOUND = [  # path, paths of what it selects
    ("Observation", ["Observation"]),
    ("Observation.status", ["Observation.status"]),
    ("status", ["Observation.status"]),
    ("Observation.status[0]", ["Observation.status"]),
    ("Observation.status[1]", []),
    ("Observation.issued", []),
    ("Observation.value", ["Observation.value"]),
    ("Observation.value.value", ["Observation.value.value"]),
    ("Observation.text.div", ["Observation.text.`div`"]),
    ("Observation.text.`div`", ["Observation.text.`div`"]),
    ("Observation.component", ["Observation.component[0]", "Observation.component[1]"]),
    ("Observation.component[1].value", ["Observation.component[1].value"]),
    ("Observation.component[2].value", []),
    ("Observation.component[-1]", []),
    ("Resource.text.status", ["Observation.text.status"]),
    ("Observation.component.value[1]", ["Observation.component[1].value"]),
    ("Observation.component.referenceRange", [f"Observation.component[0].referenceRange[{n}]" for n in (0, 1)]),
    ("Observation.status.extension[0].value", ["Observation.status.extension[0].value"]),
    ("Observation.contained[0].name[0].given[1]", ["Observation.contained[0].name[0].given[1]"]),
    ("Observation.contained[0].name[0].given[1].id", ["Observation.contained[0].name[0].given[1].id"]),
    ("Observation.component.where(value = 'b')", ["Observation.component[1]"]),
    ("Observation.status.extension('http://example.org/x')", ["Observation.status.extension[0]"]),
    ("Observation.value.ofType(Quantity).value", ["Observation.value.value"]),
    ("Observation.subject.resolve().name", ["Observation.contained[0].name[0]"]),
    ("Observation.component.first().referenceRange.last()", ["Observation.component[0].referenceRange[1]"]),
]


@pytest.mark.parametrize(("path", "expected"), FOUND, ids=str)
def test_pa_6_find(path: str, expected: list[str]) -> None:
    found = find(load(), TREE, path)
    assert [node.path for node in found] == expected
    for node in found:  # they are those of the tree, not copies
        if node.owner is not None and node.name in node.owner:
            held = node.owner[node.name]
            assert (held if node.index is None else held[node.index]) is node.value


def test_pa_6_resolve_leads_only_into_contained() -> None:
    assert find(load(), {**TREE, "subject": {"reference": "Patient/p"}}, "Observation.subject.resolve()") == []


@pytest.mark.parametrize(
    "path",
    [
        "Observation.foo", "Observation.component[0].foo", "Observation.valueQuantity", "foo", "Observation.value.foo",
        "Observation..status", "Observation.status.", "(", "1 + 1", "'x'", "%resource.status + 'x'",
        "Observation.status.length()", "Patient.text", "Observation.focus.foo", "Observation.value.period.foo[0]",
    ],
)  # fmt: skip
def test_pa_3_paths_that_select_no_element(path: str) -> None:
    with pytest.raises(BadRequest):
        find(load(), TREE, path)


names = st.sampled_from(
    ["component", "value", "referenceRange", "status", "extension", "contained", "name", "given", "text"]
)
steps = st.lists(st.tuples(names, st.none() | st.integers(0, 2)), min_size=1, max_size=4)


def test_long_paths_are_refused() -> None:
    with pytest.raises(BadRequest, match="characters"):
        find(load(), TREE, "Observation" + ".component" * 1_000)


@given(steps)
def test_a_plain_path_is_walked_as_it_would_be_evaluated(steps: list[tuple[str, int | None]]) -> None:
    path = "Observation" + "".join(f".{name}" + (f"[{n}]" if n is not None else "") for name, n in steps)
    expected = [node.path for node in compile(path).nodes(load(), TREE)]
    try:
        assert [node.path for node in find(load(), TREE, path)] == expected
    except BadRequest:
        assert expected == []


@pytest.mark.parametrize(
    ("path", "holder", "name"),
    [
        ("Observation.component", "Observation", "component"),
        ("Observation.component[0].referenceRange", "Observation.component[0]", "referenceRange"),
        ("Observation.component.referenceRange", "Observation.component[0]", "referenceRange"),
        ("Observation.component[1].referenceRange", "Observation.component[1]", "referenceRange"),
        ("Observation.component.where(value = 'b').referenceRange", "Observation.component[1]", "referenceRange"),
        ("Observation.note", "Observation", "note"),
        ("Observation.contained[0].name[0].given", "Observation.contained[0].name[0]", "given"),
    ],
)
def test_pa_6_collection(path: str, holder: str, name: str) -> None:
    found, field = collection(load(), TREE, path)
    assert (found.path, field.json) == (holder, name)


@pytest.mark.parametrize(
    "path",
    [
        "Observation", "Observation.status", "Observation.component[0]", "Observation.value", "Observation.issued",
        "Observation.component[5].referenceRange", "Observation.component | Observation.contained",
        "Observation.component.where(value = 'b')", "Observation.component.interpretation", "Observation.effective",
    ],
)  # fmt: skip
def test_pa_6_no_collection(path: str) -> None:
    with pytest.raises(BadRequest):
        collection(load(), TREE, path)


def test_what_is_emptied_goes_too() -> None:
    tree = copied(TREE)
    [node] = find(load(), tree, "Observation.contained[0].name[0].given[0]")
    remove(node)
    [name] = tree["contained"][0]["name"]
    assert name == {"_given": [{"id": "g"}]}
    [node] = find(load(), tree, "Observation.contained[0].name[0].given[0]")
    remove(node)
    assert tree["contained"] == [{"resourceType": "Patient", "id": "p"}]
    [node] = find(load(), tree, "Observation.status.extension[0]")
    remove(node)
    assert "_status" not in tree
    assert tree["status"] == "final"
    [node] = find(load(), tree, "Observation.value.value")
    remove(node)
    assert "valueQuantity" not in tree


def test_members_of_a_primitive_are_made_beside_it() -> None:
    tree = copied(TREE)
    [node] = find(load(), tree, "Observation.contained[0].name[0].given[0]")
    members(node)["id"] = "new"
    assert tree["contained"][0]["name"][0] == {"given": ["A", None], "_given": [{"id": "new"}, {"id": "g"}]}
    assert depth(node) == 7
    put(node, Pair("B", None))
    assert tree["contained"][0]["name"][0] == {"given": ["B", None], "_given": [None, {"id": "g"}]}


def test_an_index_in_a_long_list_is_found_at_once() -> None:
    tree = {"resourceType": "Observation", "component": [{"valueString": "x"} for _ in range(50_000)]}
    start = time.perf_counter()
    for n in range(2_000):
        assert len(find(load(), tree, f"Observation.component[{n}].value")) == 1
    assert time.perf_counter() - start < 2
