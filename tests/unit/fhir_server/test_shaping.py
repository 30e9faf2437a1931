"""_summary and _elements: what is left of a resource is valid, tagged, and what was asked for (SU-1 to SU-4)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from fhir_server.shaping import SUBSETTED, Shape, asked, cut, shape_of
from resources import exact
from resources.definitions import load
from resources.outcome import BadRequest
from resources.validation.validator import Validator

from ...examples import examples

DEFINITIONS = load()
VALIDATOR = Validator(DEFINITIONS)
FIRST = ("resourceType", "id", "meta")
SUMMARY, TEXT, DATA = (shape_of(DEFINITIONS, (), summary, ()) for summary in ("true", "text", "data"))


def shaped(shape: Shape, tree: dict[str, Any]) -> Any:
    return exact.decode(cut(DEFINITIONS, shape, exact.encode(tree).decode()).encode())


def elements(*names: str, of: tuple[str, ...] = ("Patient",)) -> Shape:
    return shape_of(DEFINITIONS, of, None, names)


@cache
def official() -> tuple[dict[str, Any], ...]:
    """Official examples that are valid, at most six of a type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, text in examples():
        tree = exact.decode(text)
        of_type = found.setdefault(tree["resourceType"], [])
        if len(of_type) < 6 and not any(i.severity == "error" for i in VALIDATOR.issues(tree["resourceType"], tree)):
            of_type.append(tree)
    return tuple(tree for of_type in found.values() for tree in of_type)


def below(path: str, tree: dict[str, Any]) -> Iterator[tuple[Any, str, Any]]:
    """(Element, JSON name, value) of all elements at every depth; what is no part of a summary is not gone into."""
    structure = DEFINITIONS.structures[path.partition(".")[0]]
    for element in structure.children.get(path, ()):
        for kind in element.types:
            for name in (element.json_name(kind), "_" + element.json_name(kind)):
                values = tree.get(name, ())
                for value in values if isinstance(values, list) else [values] if name in tree else []:
                    yield element, name, value
                    if isinstance(value, dict) and not name.startswith("_") and "contained" not in name:
                        inline = kind.code in ("BackboneElement", "Element")
                        inside = element.path if inline else value.get("resourceType", kind.code)
                        if inside != "Extension":
                            yield from below(inside, value)


@pytest.mark.parametrize("name", ["true", "text", "data", "elements"])
def test_su_3_what_is_left_is_valid_tagged_and_part_of_the_whole(name: str) -> None:
    cuts = 0
    for tree in official():
        resource_type = tree["resourceType"]
        shape = {"true": SUMMARY, "text": TEXT, "data": DATA, "elements": elements("id", of=())}[name]
        left = shaped(shape, tree)
        assert not [i for i in VALIDATOR.issues(resource_type, left) if i.severity == "error"], (tree.get("id"), left)
        tags = [tag["code"] for tag in left.get("meta", {}).get("tag", ())]
        assert (SUBSETTED["code"] in tags) is (left != tree)
        assert left["id"] == tree["id"]
        assert [key for key in tree if key in left and key not in FIRST] == [key for key in left if key not in FIRST]
        cuts += left != tree
    assert cuts > 200


def test_su_1_true_keeps_what_is_marked_at_every_depth_and_nothing_else() -> None:
    seen = 0
    for tree in official():
        left, structure = shaped(SUMMARY, tree), DEFINITIONS.structures[tree["resourceType"]]
        for element, name, value in below(tree["resourceType"], left):
            inside_tag = value == SUBSETTED or name == "contained"
            allowed = element.summary or element.minimum or element.modifier or inside_tag
            assert allowed or element.path.startswith(("Extension", "Narrative")), (tree["id"], element.path)
            seen += 1
        for element, name, _ in below(tree["resourceType"], tree):
            at_root = element.path.count(".") == 1 and element.path.startswith(tree["resourceType"])
            if element.summary and at_root and element.path not in structure.children:  # which may be empty without
                assert name in left or name.startswith("_"), (tree["id"], element.path)
    assert seen > 5_000


def test_su_1_text_keeps_text_id_meta_and_what_is_mandatory() -> None:
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "meta": {"profile": ["http://a.example/p"]},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        "status": "final",
        "code": {"text": "x"},
        "valueQuantity": {"value": Decimal("1.00")},
    }
    left = shaped(TEXT, observation)
    assert sorted(left) == ["code", "id", "meta", "resourceType", "status", "text"]
    assert left["meta"] == {"profile": ["http://a.example/p"], "tag": [SUBSETTED]}
    assert sorted(shaped(DATA, observation)) == ["code", "id", "meta", "resourceType", "status", "valueQuantity"]


def test_ct_7_numbers_keep_their_digits() -> None:
    text = '{"resourceType":"Observation","id":"o","note":[{"text":"n"}],"valueQuantity":{"value":1.00}}'
    assert '"value":1.00' in cut(DEFINITIONS, SUMMARY, text)
    assert cut(DEFINITIONS, Shape(), text) is text


def test_su_3_a_full_resource_is_left_as_it_is() -> None:
    text = '{ "resourceType": "Patient", "id": "p", "active": true }'
    for shape in (SUMMARY, DATA, elements("active", "name")):
        assert cut(DEFINITIONS, shape, text) == text


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("name",), {"name", "active", "modifierExtension"}),
        (("name", "birthDate"), {"name", "birthDate", "_birthDate", "active", "modifierExtension"}),
        (("multipleBirth",), {"multipleBirthInteger", "active", "modifierExtension"}),
        (("multipleBirth[x]",), {"multipleBirthInteger", "active", "modifierExtension"}),
        (("multipleBirthBoolean",), {"multipleBirthInteger", "active", "modifierExtension"}),
        (("Patient.name", "Observation.code"), {"name", "active", "modifierExtension"}),
        (("resourceType", "name"), {"name", "active", "modifierExtension"}),
        (("managingOrganization",), {"managingOrganization", "contained", "active", "modifierExtension"}),
    ],
)
def test_su_2_elements_are_those_named_and_those_that_must_not_be_missed(
    names: tuple[str, ...], left: set[str]
) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "contained": [{"resourceType": "Organization", "id": "o", "name": "N"}],
        "modifierExtension": [{"url": "http://a.example/m", "valueBoolean": True}],
        "active": True,
        "name": [{"family": "F"}],
        "birthDate": "2000-01-01",
        "_birthDate": {"extension": [{"url": "http://a.example/e", "valueBoolean": True}]},
        "multipleBirthInteger": 2,
        "managingOrganization": {"reference": "#o"},
    }
    assert set(shaped(elements(*names), patient)) == left | {"resourceType", "id", "meta"}


def test_su_2_a_type_that_no_element_names_is_whole() -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "name": [{"family": "F"}]}
    assert shaped(elements("Observation.code", of=()), patient) == patient
    assert elements("name").of_includes().whole
    assert not SUMMARY.of_includes().whole


def test_su_1_extensions_go_unless_they_are_all_there_is_of_what_must_be() -> None:
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "_status": absent,
        "code": absent,
        "_issued": absent,
        "subject": absent,
        "focus": [absent, {"display": "f", **absent}],
        "note": [{"text": "n"}],
    }
    assert shaped(SUMMARY, observation) == {
        "resourceType": "Observation",
        "id": "o",
        "meta": {"tag": [SUBSETTED]},
        "_status": absent,
        "code": absent,
        "focus": [{"display": "f"}],
    }
    names = {"resourceType": "Patient", "id": "p", "name": [{"given": [None, "B"], "_given": [absent, None]}]}
    assert shaped(SUMMARY, names)["name"] == [{"given": ["B"]}]


def test_su_1_resources_inside_a_bundle_are_cut_and_tagged_too() -> None:
    inside = {"resourceType": "Patient", "id": "p", "gender": "male", "contact": [{"gender": "male"}]}
    bundle = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": inside}]}
    left = shaped(SUMMARY, bundle)
    assert left["entry"][0]["resource"] == {
        "resourceType": "Patient",
        "id": "p",
        "meta": {"tag": [SUBSETTED]},
        "gender": "male",
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("nothing",), "_elements=nothing: Patient has no such element"),
        (("",), "_elements="),
        (("name.family",), "_elements=name.family"),
        (("Observation.name",), "Observation has no such element"),
    ],
)
def test_su_2_an_unknown_name_is_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        elements(*names)


def test_su_2_over_several_types_a_name_is_known_to_one_of_them() -> None:
    assert elements("birthDate", "code", of=("Patient", "Observation"))
    assert elements("birthDate", of=())
    with pytest.raises(BadRequest, match="birthDate: any of the resource types"):
        elements("birthDate", of=("Observation", "Encounter"))


def test_su_4_what_a_read_asks_for() -> None:
    def read(query: str) -> Shape:
        return asked(DEFINITIONS, ("Patient",), query)

    assert read("").whole
    assert read("_summary=false&_format=json&whatever=1").whole
    assert read("_summary=true") == SUMMARY
    assert read("_elements=name&_elements=gender") == read("%5Felements=name,gender") == elements("name", "gender")
    for query in (
        "_summary=count",
        "_summary=maybe",
        "_summary=",
        "_summary=true&_summary=text",
        "_elements=",
        "_elements=x",
    ):
        with pytest.raises(BadRequest, match=r"_summary|_elements"):
            read(query)
    with pytest.raises(BadRequest, match="cannot both"):
        read("_summary=true&_elements=name")
