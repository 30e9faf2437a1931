"""Nodes know their value, type and place. https://hl7.org/fhir/R4/fhirpath.html#types"""

from __future__ import annotations

from typing import Any

import pytest

from resources.definitions import load
from resources.fhirpath import Node, compile, root
from resources.fhirpath.nodes import add_children, model

from .asking import DEFINITIONS, PATIENT


def node(text: str, tree: dict[str, Any] = PATIENT) -> Node:
    (found,) = compile(text).nodes(DEFINITIONS, tree)
    return found


@pytest.mark.parametrize(
    ("text", "path", "type_name", "key"),
    [
        ("Patient", "Patient", "Patient", None),
        ("name[0].given[1]", "Patient.name[0].given[1]", "string", 1),
        ("birthDate", "Patient.birthDate", "date", "birthDate"),
        ("birthDate.extension.value", "Patient.birthDate.extension[0].value", "dateTime", "valueDateTime"),
        ("birthDate.id", "Patient.birthDate.id", "string", "id"),
        ("birthDate.extension.url", "Patient.birthDate.extension[0].url", "uri", "url"),
        ("multipleBirth", "Patient.multipleBirth", "integer", "multipleBirthInteger"),
        ("contained", "Patient.contained[0]", "Observation", 0),
        ("contained.value", "Patient.contained[0].value", "Quantity", "valueQuantity"),
        ("contained.value.value", "Patient.contained[0].value.value", "decimal", "value"),
        ("contained.component", "Patient.contained[0].component[0]", "BackboneElement", 0),
        ("contained.component.referenceRange.text", "Patient.contained[0].component[0].referenceRange[0].text", "string", "text"),
        ("id", "Patient.id", "id", "id"),
    ],
)  # fmt: skip
def test_type_and_place(text: str, path: str, type_name: str, key: str | int | None) -> None:
    found = node(text)
    assert (found.path, found.type_name) == (path, type_name)
    assert (found.name if found.index is None else found.index) == key
    if found.owner is not None and found.name is not None:
        held = found.owner[found.name]
        assert (held if found.index is None else held[found.index]) is found.value


def test_a_list_names_its_owner_and_index() -> None:
    found = node("name[0].given[1]")
    assert found.owner is PATIENT["name"][0]
    assert (found.name, found.index) == ("given", 1)
    assert found.parent is not None
    assert found.parent.value is found.owner


def test_a_primitive_may_have_only_extensions() -> None:
    found = node("name[1].given[1]")
    assert (found.value, found.index, found.element) == (None, 1, PATIENT["name"][1]["_given"][1])
    gender = node("gender")
    assert (gender.value, gender.type_name, gender.element) == (None, "code", PATIENT["_gender"])
    lone = node("name.given", {"resourceType": "Patient", "name": [{"_given": [{"extension": [{"url": "u"}]}]}]})
    assert (lone.value, lone.index, lone.name) == (None, 0, "given")


def test_system_values_have_no_place() -> None:
    found = node("1 + 1")
    assert (found.value, found.type_name, found.owner, found.name) == (2, "System.Integer", None, None)
    assert node("@2014").type_name == "System.Date"


def test_content_references_and_bundles() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"link": [{"relation": "self", "url": "u"}]},
            {"resource": {"resourceType": "Questionnaire", "item": [{"linkId": "1", "item": [{"linkId": "2"}]}]}},
            {"resource": {"resourceType": "Nothing", "id": "x"}},
            {"resource": "x"},
        ],
    }
    assert node("entry.link.url", bundle).path == "Bundle.entry[0].link[0].url"
    inner = node("entry.resource.item.item.linkId", bundle)
    assert inner.path == "Bundle.entry[1].resource.item[0].item[0].linkId"
    assert inner.resource().type_name == "Questionnaire"
    assert inner.root_resource().type_name == "Questionnaire"


def test_the_resource_of_a_contained_one() -> None:
    found = node("contained.code")
    assert found.resource().type_name == "Observation"
    assert found.root_resource().value is PATIENT


def test_children_come_once_and_in_order() -> None:
    found: list[Node] = []
    add_children(root(DEFINITIONS, PATIENT), found)
    assert [one.name for one in found] == [
        "id", "active", "name", "name", "birthDate", "gender", "multipleBirthInteger", "generalPractitioner",
        "generalPractitioner", "contained",
    ]  # fmt: skip


def test_trees_that_nobody_validated_do_no_harm() -> None:
    odd = {
        "resourceType": "Patient",
        "name": ["x", 3, None],
        "birthDate": {"a": 1},
        "contained": {"id": 3},
        "gender": ["a"],
    }
    for text in ("name.given", "descendants()", "birthDate > today()", "contained.id", "gender = 'a'"):
        try:
            compile(text).nodes(DEFINITIONS, odd)
        except Exception as fault:
            assert type(fault).__name__ == "Unevaluable"  # noqa: PT017


def test_shapes_are_made_once_for_all_tenants() -> None:
    assert model(load()) is model(load().with_parameters([]))
    shape = model(load()).shape("Patient")
    assert shape.lineage == {"Patient", "DomainResource", "Resource"}
    assert [field.json for field in shape.by_name["deceased"]] == ["deceasedBoolean", "deceasedDateTime"]
    assert shape.by_name["name"][0].many
