"""A StructureDefinition with a snapshot becomes a tree of rules."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import FhirError, Unprocessable
from resources.profiles.definition import (
    Binding,
    Context,
    Discriminator,
    Invariant,
    Profile,
    Rule,
    Slicing,
    Type,
    Value,
)
from resources.profiles.nesting import MOST_ELEMENTS
from resources.profiles.reading import read

from .published import of_packages, of_r4, rules

URL = "http://example.org/StructureDefinition/made"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def definition(*elements: dict[str, Any], **other: Any) -> dict[str, Any]:
    root = {"id": "Observation", "path": "Observation", "min": 0, "max": "*"}
    return {
        "resourceType": "StructureDefinition",
        "url": URL,
        "name": "Made",
        "kind": "resource",
        "type": "Observation",
        "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation",
        "snapshot": {"element": [root, *elements]},
        **other,
    }


def element(path: str, **other: Any) -> dict[str, Any]:
    return {"path": f"Observation.{path}", "min": 0, "max": "1", **other}


def only(*elements: dict[str, Any]) -> Rule:
    """The rule of the first element."""
    return read(definition(*elements)).root.children[0]


def test_what_a_profile_says_of_itself() -> None:
    profile = read(
        definition(
            version="1.2",
            context=[{"type": "element", "expression": "Patient"}],
            contextInvariant=["true"],
        )
    )
    assert (profile.url, profile.version, profile.name, profile.type) == (URL, "1.2", "Made", "Observation")
    assert (profile.kind, profile.derivation) == ("resource", "constraint")
    assert profile.base == "http://hl7.org/fhir/StructureDefinition/Observation"
    assert profile.contexts == (Context("element", "Patient"),)
    assert profile.context_invariants == ("true",)
    root = profile.root
    assert (root.id, root.path, root.name, root.minimum, root.maximum) == (
        "Observation",
        "Observation",
        "Observation",
        0,
        None,
    )


def test_children_slices_and_reslices_hang_where_they_belong() -> None:
    by_code = {"discriminator": [{"type": "value", "path": "code"}], "rules": "closed", "ordered": True}
    component = only(
        element("component", max="*", slicing=by_code),
        element("component.code", min=1),
        element("component", sliceName="a", max="3"),
        element("component.value[x]"),
        element("component.value[x]", sliceName="valueQuantity"),
        element("component", sliceName="a/b"),
        element("component", sliceName="c", max="0"),
    )
    assert component.slicing == Slicing((Discriminator("value", "code"),), "closed", True)
    assert [one.id for one in component.children] == ["Observation.component.code"]
    assert [(one.slice_name, one.maximum) for one in component.slices] == [("a", 3), ("c", 0)]
    a = component.slices[0]
    assert [one.id for one in a.slices] == ["Observation.component:a/b"]
    (value,) = a.children
    assert (value.name, value.choice, value.path) == ("value", True, "Observation.component.value[x]")
    assert [one.id for one in value.slices] == ["Observation.component:a.value[x]:valueQuantity"]
    assert value.slices[0].choice


def test_a_slice_by_type_may_be_written_short() -> None:
    types = [{"code": "Quantity"}, {"code": "string"}]
    value = only(
        element("value[x]", type=types),
        element("valueQuantity", type=types[:1]),
        element("valueQuantity.unit", min=1),
    )
    assert (value.id, len(value.types)) == ("Observation.value[x]", 2)
    assert [(one.id, one.path) for one in value.slices] == [
        ("Observation.value[x]:valueQuantity", "Observation.value[x]")
    ]
    assert [one.id for one in value.slices[0].children] == ["Observation.value[x]:valueQuantity.unit"]


def test_a_short_name_may_be_all_that_is_left_of_a_choice() -> None:
    base = {"path": "Observation.value[x]", "min": 0, "max": "1"}
    value = only(element("valueQuantity", type=[{"code": "Quantity"}], base=base))
    assert (value.id, value.name, value.choice, value.slices) == ("Observation.value[x]", "value", True, ())


def test_two_short_names_are_slices_of_a_choice_that_is_not_there() -> None:
    base = {"path": "Observation.value[x]", "min": 0, "max": "1"}
    value = only(element("valueQuantity", base=base), element("valueString", base=base))
    assert (value.id, value.types, value.maximum) == ("Observation.value[x]", (), None)
    assert [one.slice_name for one in value.slices] == ["valueQuantity", "valueString"]


def test_types() -> None:
    rule = only(
        element(
            "subject",
            type=[
                {
                    "code": "Reference",
                    "profile": ["http://p"],
                    "targetProfile": ["http://t|1", "http://u"],
                    "aggregation": ["contained"],
                }
            ],
        )
    )
    assert rule.types == (Type("Reference", ("http://p",), ("http://t|1", "http://u"), ("contained",)),)


@pytest.mark.parametrize(
    ("base", "extension", "code"),
    [
        ("Extension.url", [{"url": FHIR_TYPE, "valueUrl": "uri"}], "uri"),
        ("Extension.url", [{"url": FHIR_TYPE, "valueUri": "uri"}], "uri"),
        ("Element.id", [], "string"),
        ("Resource.id", [{"url": FHIR_TYPE, "valueUrl": "string"}], "id"),
    ],
)
def test_the_types_of_fhirpath_become_those_of_fhir(base: str, extension: list[Any], code: str) -> None:
    system = {"code": "http://hl7.org/fhirpath/System.String", "extension": extension}
    assert only(element("id", type=[system], base={"path": base, "min": 0, "max": "1"})).types == (Type(code),)


def test_values_are_exact_and_have_their_type() -> None:
    rule = only(
        element(
            "value[x]",
            fixedPositiveInt=1,
            patternCodeableConcept={"text": "x"},
            minValueDecimal=Decimal("0.10"),
            maxValueDateTime="2020",
            maxLength=7,
            fixed="nothing",
        )
    )
    assert rule.fixed == Value("positiveInt", 1)
    assert rule.pattern == Value("CodeableConcept", {"text": "x"})
    assert rule.lowest == Value("decimal", Decimal("0.10"))
    assert str(rule.lowest.value) == "0.10"
    assert rule.highest == Value("dateTime", "2020")
    assert rule.max_length == 7


def test_bindings_and_flags() -> None:
    rule = only(
        element(
            "referenceRange",
            binding={"strength": "required", "valueSet": "http://v|1"},
            isModifier=True,
            mustSupport=True,
        )
    )
    assert rule.binding == Binding("required", "http://v|1")
    assert (rule.is_modifier, rule.must_support) == (True, True)


def test_constraints_say_who_asks() -> None:
    rule = only(
        element(
            "code",
            constraint=[
                {"key": "a", "severity": "warning", "human": "A.", "expression": "true", "source": "http://s"},
                {"key": "b", "human": "B.", "xpath": "x"},
            ],
        )
    )
    assert rule.constraints == (
        Invariant("a", "warning", "A.", "true", "http://s"),
        Invariant("b", "error", "B.", "", URL),
    )


def test_what_repeats_is_kept_once() -> None:
    constraint = {"key": "ele-1", "severity": "error", "human": "x", "expression": "hasValue()"}
    one, other = read(
        definition(element("code", constraint=[constraint]), element("note", constraint=[dict(constraint)]))
    ).root.children
    assert one.constraints[0] is other.constraints[0]


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"snapshot": None}, "StructureDefinition.snapshot"),
        ({"snapshot": {}}, "StructureDefinition.snapshot"),
        ({"snapshot": []}, "StructureDefinition.snapshot"),
        ({"snapshot": {"element": []}}, "StructureDefinition.snapshot"),
        ({"snapshot": {"element": 3}}, "StructureDefinition.snapshot"),
        ({"url": None}, "StructureDefinition.snapshot"),
        ({"kind": 3}, "StructureDefinition.snapshot"),
        ({"context": [None]}, "StructureDefinition.snapshot"),
        ({"type": "Patient"}, "StructureDefinition.snapshot.element[0]"),
    ],
)
def test_what_makes_no_sense_is_refused(tree: dict[str, Any], place: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read({**definition(), **tree})
    assert refused.value.issues[0].expression == (place,)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"min": "1"},
        {"max": "many"},
        {"max": "1" * 5000},
        {"max": 1},
        {"type": "string"},
        {"type": [None]},
        {"type": [{"code": 3}]},
        {"type": [{}]},
        {"binding": {}},
        {"constraint": [{"human": "no key"}]},
        {"slicing": {"discriminator": [{"type": "value"}]}},
        {"contentReference": ["#a"]},
        {"isModifier": "true"},
    ],
)
def test_an_element_that_makes_no_sense_is_named(nonsense: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as refused:
        read(definition(element("code"), {**element("note"), **nonsense}))
    assert refused.value.issues[0].expression == ("StructureDefinition.snapshot.element[2]",)


def test_a_million_elements_are_refused_at_once() -> None:
    many = [element(f"a{number}") for number in range(1_000_000)]
    start = time.perf_counter()
    with pytest.raises(FhirError):
        read(definition(*many))
    assert time.perf_counter() - start < 5


def test_as_many_elements_as_are_taken_take_bounded_time() -> None:
    slices = [element("component", sliceName=f"s{number}") for number in range(MOST_ELEMENTS // 2)]
    children = [
        element(f"component.a{number}", type=[{"code": f"T{number}"}]) for number in range(MOST_ELEMENTS // 2 - 2)
    ]
    start = time.perf_counter()
    assert len(read(definition(element("component"), *slices, *children)).root.children) == 1
    assert time.perf_counter() - start < 20


def all_in_place(tree: dict[str, Any]) -> Profile:
    """Every element of the snapshot has its rule, and the ids made of their places are those published."""
    profile = read(tree)
    found = list(rules(profile.root))
    assert sorted(rule.id for rule in found) == sorted(one["id"] for one in tree["snapshot"]["element"])
    assert {rule.path for rule in found} == {one["path"] for one in tree["snapshot"]["element"]}
    return profile


def without_ids(tree: dict[str, Any]) -> dict[str, Any]:
    elements = [{name: one[name] for name in one if name != "id"} for one in tree["snapshot"]["element"]]
    return {**tree, "snapshot": {"element": elements}}


def test_all_of_r4() -> None:
    trees = of_r4()
    assert len(trees) == 649
    for tree in trees.values():
        assert all_in_place(tree).root == read(without_ids(tree)).root


@pytest.mark.suite("packages")
def test_all_of_the_packages() -> None:
    trees = of_packages()
    assert len(trees) == 95
    for tree in trees.values():
        assert all_in_place(tree).root == read(without_ids(tree)).root
