"""Element definitions nest by their ids, and by path, slice name and order where ids are missing."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from resources.outcome import Unprocessable
from resources.profiles.nesting import MOST_ELEMENTS, MOST_LEVELS, Part, nest

Elements = list[dict[str, Any]]

SLICED: Elements = [
    {"id": "Observation", "path": "Observation"},
    {"id": "Observation.component", "path": "Observation.component"},
    {"id": "Observation.component.code", "path": "Observation.component.code"},
    {"id": "Observation.component:a", "path": "Observation.component", "sliceName": "a"},
    {"id": "Observation.component:a.code", "path": "Observation.component.code"},
    {"id": "Observation.component:a.value[x]", "path": "Observation.component.value[x]"},
    {
        "id": "Observation.component:a.value[x]:valueQuantity",
        "path": "Observation.component.value[x]",
        "sliceName": "valueQuantity",
    },
    {"id": "Observation.component:a.value[x]:valueQuantity.unit", "path": "Observation.component.value[x].unit"},
    {"id": "Observation.component:a/b", "path": "Observation.component", "sliceName": "a/b"},
    {"id": "Observation.component:a/b.code", "path": "Observation.component.code"},
    {"id": "Observation.component:c", "path": "Observation.component", "sliceName": "c"},
    {"id": "Observation.note", "path": "Observation.note"},
]


def outline(part: Part) -> dict[str, Any]:
    """Index of the element, and what is below it."""
    below = {name: outline(one) for name, one in part.children.items()}
    return {"": part.index, **below, **{f":{name}": outline(one) for name, one in part.slices.items()}}


WANTED = {
    "": 0,
    "component": {
        "": 1,
        "code": {"": 2},
        ":a": {
            "": 3,
            "code": {"": 4},
            "value[x]": {"": 5, ":valueQuantity": {"": 6, "unit": {"": 7}}},
            ":a/b": {"": 8, "code": {"": 9}},
        },
        ":c": {"": 10},
    },
    "note": {"": 11},
}


def test_by_ids() -> None:
    assert outline(nest(SLICED, "snapshot")) == WANTED


@pytest.mark.parametrize("name", [None, "e1", "Observation.other", 7])
def test_by_order_where_an_id_says_nothing(name: object) -> None:
    elements = [{**one, "id": name} for one in SLICED]
    assert outline(nest(elements, "snapshot")) == WANTED


def test_ids_need_no_order() -> None:
    assert outline(nest([SLICED[0], *SLICED[:0:-1]], "differential")) != WANTED  # other indexes
    found = {one.slice_name for one in nest([SLICED[0], *SLICED[:0:-1]], "differential").parts()}
    assert found == {None, "a", "a/b", "c", "valueQuantity"}


def test_what_is_above_needs_not_be_there() -> None:
    elements = [{"id": "Patient.contact:one.name.family", "path": "Patient.contact.name.family"}]
    contact = nest(elements, "differential").children["contact"]
    assert contact.element is None
    assert contact.slices["one"].children["name"].children["family"].index == 0


def test_a_short_path_goes_with_a_long_id() -> None:
    elements = [
        {"path": "Observation", "id": "Observation"},
        {
            "path": "Observation.valueQuantity.unit",
            "id": "Observation.value[x]:valueQuantity.unit",
        },
    ]
    assert "unit" in nest(elements, "snapshot").children["value[x]"].children


def test_a_lone_slice_of_nothing_is_the_element() -> None:
    elements = [{"path": "P"}, {"path": "P.sex", "sliceName": "Sex"}]
    sex = nest(elements, "snapshot").children["sex"]
    assert (sex.index, sex.slice_name) == (1, "Sex")


@pytest.mark.parametrize(
    ("elements", "index"),
    [
        ([{"path": "Patient"}, {"path": "Group.name"}], 1),
        ([{"path": "Patient"}, {"path": "Patient.name"}, {"path": "Patient.name"}], 2),
        ([{"id": "Patient", "path": "Patient"}, *([{"id": "Patient.name:a", "path": "Patient.name"}] * 2)], 2),
        ([{"path": "Patient"}, {"id": "Patient.name"}], 1),
        ([{"path": "Patient"}, {"path": "Patient..name"}], 1),
        ([{"path": "Patient"}, {"path": ["Patient"]}], 1),
        ([{"path": "Patient"}, "Patient.name"], 1),
        ([{"path": "P"}, {"path": "P" + ".a" * MOST_LEVELS}], 1),
        ([{"path": "P"}, *({"path": "P.a", "sliceName": "/".join("a" * n)} for n in range(1, 99))], MOST_LEVELS),
    ],
)
def test_nonsense_is_refused_by_its_element(elements: list[Any], index: int) -> None:
    with pytest.raises(Unprocessable) as refused:
        nest(elements, "snapshot")
    assert refused.value.issues[0].expression == (f"StructureDefinition.snapshot.element[{index}]",)


@pytest.mark.parametrize("elements", [[], "Patient", [{"path": f"P.a{n}"} for n in range(MOST_ELEMENTS + 1)]])
def test_lists_that_are_none(elements: Any) -> None:
    with pytest.raises(Unprocessable) as refused:
        nest(elements, "differential")
    assert refused.value.issues[0].expression == ("StructureDefinition.differential",)


@pytest.mark.parametrize(
    "element",
    [
        {"path": "P.a", "sliceName": "/" * 2_000_000},
        {"path": "P" + ".a" * 2_000_000},
        {"path": "P.a", "id": "P." + "." * 2_000_000},
    ],
)
def test_long_names_take_no_time(element: dict[str, Any]) -> None:
    start = time.perf_counter()
    with contextlib.suppress(Unprocessable):
        nest([{"path": "P"}, element], "snapshot")
    assert time.perf_counter() - start < 5
