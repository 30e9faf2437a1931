"""Slices told by value, pattern and exists: the elements of each slice are counted by an upper bound of none."""

from __future__ import annotations

from typing import Any

import pytest

from resources.profiles.by_value import by_existence, by_url, by_value
from resources.profiles.by_value import test_of as told_by
from resources.profiles.paths import Step
from tests.unit.resources.profiles.made import Tree, element, found, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import Known

OTHER = "http://example.org/StructureDefinition/other"
SETS = {"urn:set": [("urn:x", "a"), ("urn:y", "b")]}


def sliced(kind: str, path: str, *rules: Tree, at: str = "Observation.component", **more: Any) -> Any:
    """A profile with one slice `it`, of which there may be none, and these rules below it."""
    return profile_of(
        at.partition(".")[0],
        element(at, slicing=slicing((kind, path))),
        element(f"{at}:it", max="0", **more),
        *({**element(f"{at}:it{rule['id']}"), **rule, "id": f"{at}:it{rule['id']}"} for rule in rules),
    )


def below(path: str, **content: Any) -> Tree:
    return {"id": path, **content}


def with_(*components: Tree) -> Tree:
    return {"resourceType": "Observation", "component": list(components)}


A, B = ({"coding": [{"system": "urn:x", "code": code}]} for code in "ab")
CODE_A = [below(".code"), below(".code.coding"), below(".code.coding.code", fixedCode="a")]
BOUND = {"strength": "required", "valueSet": "urn:set"}
OF_E = types("Extension", profile=["urn:e"])
KILOGRAMS = [below(".value[x]", type=types("Quantity")), below(".value[x].code", fixedCode="kg")]
INTEGER = below(".value[x]:valueInteger", type=types("integer"), fixedInteger=1)
EXTENDED = [below(".extension"), below(".extension:e", type=OF_E), below(".extension:e.value[x]", fixedCode="a")]
E_A, F_A = ({"extension": [{"url": url, "valueCode": "a"}]} for url in ("urn:e", "urn:f"))
CASES: list[tuple[str, str, list[Tree], Tree, Tree]] = [
    # discriminator, rules below the slice, an element of the slice, one that is of no slice
    ("value", "code.coding.code", CODE_A, {"code": A}, {"code": B}),
    ("value", "code.coding.code", CODE_A, {"code": {"coding": [{"code": "c"}, {"code": "a"}]}}, {}),
    ("value", "code", [below(".code", patternCodeableConcept=A)], {"code": {**A, "text": "t"}}, {"code": B}),
    ("pattern", "code", [below(".code", patternCodeableConcept=A)], {"code": {**A, "text": "t"}}, {}),
    ("value", "code", [below(".code", fixedCodeableConcept=A)], {"code": A}, {"code": {**A, "text": "t"}}),
    ("value", "code", [below(".code"), below(".code.coding", patternCoding={"code": "a"})], {"code": A}, {"code": B}),
    ("value", "code", [below(".code", binding=BOUND)], {"code": A}, {"code": B}),
    ("value", "value", [below(".value[x]", fixedInteger=1)], {"valueInteger": 1}, {"valueInteger": 2}),
    ("value", "value", [below(".value[x]"), INTEGER], {"valueInteger": 1}, {"valueString": "1"}),
    (
        "value",
        "value.ofType(Quantity).code",
        KILOGRAMS,
        {"valueQuantity": {"code": "kg"}},
        {"valueQuantity": {"code": "g"}},
    ),
    ("value", "extension('urn:e').value", EXTENDED, E_A, F_A),
    ("value", "interpretation", [below(".interpretation", max="0")], {"code": A}, {"interpretation": [A]}),
    ("exists", "interpretation", [below(".interpretation", min=1)], {"interpretation": [A]}, {}),
    ("exists", "interpretation", [below(".interpretation", max="0")], {}, {"interpretation": [A]}),
    ("exists", "extension('urn:e')", [below(".extension"), below(".extension:e", min=1, type=OF_E)], E_A, F_A),
]


@pytest.mark.parametrize(("kind", "path", "rules", "of_it", "other"), CASES)
def test_elements_of_a_slice_are_told(kind: str, path: str, rules: list[Tree], of_it: Tree, other: Tree) -> None:
    profile = sliced(kind, path, *rules)
    known = [one for one in found(profile, with_(of_it), Known(SETS)) if one[1] == "structure"]
    assert known == [("error", "structure", "Observation.component")]
    assert [one for one in found(profile, with_(other), Known(SETS)) if one[1] == "structure"] == []


def test_the_value_itself() -> None:
    profile = sliced("pattern", "$this", at="Observation.category", patternCodeableConcept=A)
    tree = {"resourceType": "Observation", "category": [B, {**A, "text": "t"}]}
    assert found(profile, tree) == [("error", "structure", "Observation.category")]
    assert found(profile, {**tree, "category": [B]}) == []


def test_a_value_set_that_is_not_known_leaves_it_open() -> None:
    bound = {"strength": "required", "valueSet": "urn:set"}
    profile = sliced("pattern", "$this", at="Observation.category", binding=bound)
    tree = {"resourceType": "Observation", "category": [A]}
    assert found(profile, tree) == [("warning", "not-supported", "Observation.category[0]")]
    assert found(profile, tree, Known(SETS)) == [("error", "structure", "Observation.category")]
    assert found(profile, {**tree, "category": [{"text": "t"}]}) == []  # it has no code at all


def test_a_binding_that_all_elements_have_tells_nothing() -> None:
    """R4 binds ContactPoint.use, so a slice that repeats this says nothing of it."""
    use = below(
        ".use", binding={"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/contact-point-use|4.0.1"}
    )
    profile = sliced("value", "use", use, below(".rank", fixedPositiveInt=1), at="Patient.telecom")
    patient = {"resourceType": "Patient", "telecom": [{"rank": 2}]}
    assert found(profile, patient) == []  # it does not conform, which is all that is left to tell by
    assert found(profile, {**patient, "telecom": [{"rank": 1}]}) == [("error", "structure", "Patient.telecom")]


def test_what_the_profile_of_a_type_says() -> None:
    coded = profile_of("CodeableConcept", element("CodeableConcept.text", fixedString="own"), url=OTHER)
    profile = sliced("value", "code.text", below(".code", type=types("CodeableConcept", profile=[OTHER])))
    world = Known(profiles=[coded])
    assert found(profile, with_({"code": {"text": "own"}}), world) == [("error", "structure", "Observation.component")]
    assert found(profile, with_({"code": {"text": "other"}}), world) == []
    assert found(profile, with_({"code": {"text": "own"}})) == [
        ("warning", "not-supported", "Observation.component[0]")
    ]


def test_what_the_profile_of_a_type_says_of_the_value_itself() -> None:
    coded = profile_of("CodeableConcept", element("CodeableConcept", patternCodeableConcept=A), url=OTHER)
    told = types("CodeableConcept", profile=[OTHER])
    profile = sliced("pattern", "$this", at="Observation.category", type=told)
    tree = {"resourceType": "Observation", "category": [A]}
    assert found(profile, tree, Known(profiles=[coded])) == [("error", "structure", "Observation.category")]
    assert found(profile, {**tree, "category": [B]}, Known(profiles=[coded])) == []


def test_what_the_profile_of_a_type_says_is_there() -> None:
    coded = profile_of("CodeableConcept", element("CodeableConcept.text", min=1), url=OTHER)
    profile = sliced("exists", "code.text", below(".code", type=types("CodeableConcept", profile=[OTHER])))
    world = Known(profiles=[coded])
    assert found(profile, with_({"code": {"text": "own"}}), world) == [("error", "structure", "Observation.component")]
    assert found(profile, with_({"code": A}), world) == []


def test_what_the_target_of_a_reference_says() -> None:
    patient = profile_of("Patient", element("Patient.gender", fixedCode="other"), url=OTHER)
    profile = sliced("value", "resolve().gender", at="Observation.performer", type=types("Reference", targets=[OTHER]))
    tree = {"resourceType": "Observation", "performer": [{"reference": "Patient/1"}]}
    for gender, expected in (("other", [("error", "structure", "Observation.performer")]), ("male", [])):
        world = Known(profiles=[patient], resources={"Patient/1": {"resourceType": "Patient", "gender": gender}})
        assert [one for one in found(profile, tree, world) if one[1] == "structure"] == expected
    assert found(profile, tree, Known(profiles=[patient])) == [("warning", "not-supported", "Observation.performer[0]")]


def test_rules_that_say_nothing_have_no_test() -> None:
    rule = profile_of("Observation", element("Observation.note")).root
    steps = (Step("name", "note"),)
    assert told_by(rule, frozenset()) is None
    assert by_value([rule], steps, "note", None, frozenset()) is None
    assert by_existence([rule], steps, "note") is None
    assert by_url(rule, steps) is None
