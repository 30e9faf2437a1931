from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from resources.fhirpath import Node
from resources.outcome import TooCostly
from resources.profiles import run as runs
from resources.profiles.compiler import check_of
from resources.profiles.definition import Profile
from resources.profiles.run import Run
from tests.unit.resources.profiles.made import Tree, element, found, issues, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import DEFINITIONS, Known, at, run_of, said

OTHER = "http://example.org/StructureDefinition/other"


def patient(**content: Any) -> Tree:
    return {"resourceType": "Patient", **content}


def test_a_check_is_compiled_once_and_goes_with_its_profile() -> None:
    profile = profile_of("Patient", element("Patient.name", min=1))
    assert check_of(DEFINITIONS, profile) is check_of(DEFINITIONS, profile)
    gone = weakref.ref(profile)
    del profile
    gc.collect()
    assert gone() is None


def test_a_profile_that_asks_nothing_new_finds_nothing() -> None:
    profile = profile_of("Patient", element("Patient.link.other", min=1), element("Patient.name", min=0))
    run = run_of(patient(link=[{"type": "seealso"}], name=[{}]))
    check_of(DEFINITIONS, profile)(run.root, run)
    assert run.issues == []
    assert run.steps == 0  # it does not even look


def test_children_of_children_and_of_data_types() -> None:
    profile = profile_of(
        "Patient",
        element("Patient.contact"),
        element("Patient.contact.name"),
        element("Patient.contact.name.family", min=1),
    )
    contacts = [{"name": {"family": "a"}}, {"name": {"text": "b"}}, {"gender": "other"}]
    assert found(profile, patient(contact=contacts)) == [("error", "required", "Patient.contact[1].name.family")]


def test_extensions_of_primitives() -> None:
    profile = profile_of(
        "Patient",
        element("Patient.birthDate"),
        element("Patient.birthDate.extension", slicing=slicing(("value", "url"))),
        element("Patient.birthDate.extension:time", min=1, max="1", type=types("Extension", profile=[OTHER])),
    )
    of_time = profile_of(
        "Extension", element("Extension.url", fixedUri=OTHER), element("Extension.value[x]", min=1), url=OTHER
    )
    world = Known(profiles=[of_time])
    right = {"url": OTHER, "valueDateTime": "2020-01-01"}
    assert found(profile, patient(birthDate="2020", _birthDate={"extension": [right]}), world) == []
    assert found(profile, patient(), world) == []
    assert found(profile, patient(birthDate="2020"), world) == [("error", "required", "Patient.birthDate.extension")]
    wrong = patient(birthDate="2020", _birthDate={"extension": [{"url": OTHER}]})
    assert found(profile, wrong, world) == [("error", "required", "Patient.birthDate.extension[0].value")]


def test_lists_of_primitives() -> None:
    profile = profile_of("Patient", element("Patient.name"), element("Patient.name.given", min=2, maxLength=3))
    named = patient(name=[{"given": ["Anna", "Bo"]}, {"given": ["Bo"]}])
    assert found(profile, named) == [
        ("error", "value", "Patient.name[0].given[0]"),
        ("error", "required", "Patient.name[1].given"),
    ]


@pytest.mark.parametrize("url", ["", "http://hl7.org/fhir/StructureDefinition/Questionnaire"])
def test_what_is_referred_to_is_as_r4_defines_it(url: str) -> None:
    """contentReference: "always reference the non-constrained definition"."""
    profile = profile_of(
        "Questionnaire",
        element("Questionnaire.item"),
        element("Questionnaire.item.text", min=1),
        element("Questionnaire.item.item", max="2", contentReference=f"{url}#Questionnaire.item"),
    )
    without = {"linkId": "x", "item": [{"linkId": "y", "item": [{"linkId": "z"}] * 3}] * 3}
    place = "Questionnaire.item[0]"
    assert found(profile, {"resourceType": "Questionnaire", "item": [without]}) == [
        ("error", "required", f"{place}.text"),
        ("error", "structure", f"{place}.item"),
    ]


def test_what_a_profile_says_below_a_reference_to_content_holds() -> None:
    profile = profile_of(
        "Observation",
        element("Observation.component"),
        element("Observation.component.referenceRange", contentReference="#Observation.referenceRange"),
        element("Observation.component.referenceRange.text", min=1),
    )
    tree = {"resourceType": "Observation", "component": [{"referenceRange": [{"low": {"value": 1}}]}]}
    assert found(profile, tree) == [("error", "required", "Observation.component[0].referenceRange[0].text")]


def test_a_profile_of_a_logical_model_is_judged_by_its_rules_alone() -> None:
    profile = profile_of("Made", element("Made.part", min=1))
    assert found(profile, patient()) == [("error", "required", "Patient.part")]


# bindings and references: what they find is tested where they are


def test_bindings() -> None:
    sets = {"urn:set": [("urn:x", "a")]}
    bound = element("Patient.maritalStatus", binding={"strength": "required", "valueSet": "urn:set"})
    profile = profile_of("Patient", bound)
    right, wrong = ({"coding": [{"system": "urn:x", "code": code}]} for code in "ab")
    assert found(profile, patient(maritalStatus=right), Known(sets)) == []
    assert found(profile, patient(maritalStatus=wrong), Known(sets)) == [
        ("error", "code-invalid", "Patient.maritalStatus")
    ]
    assert found(profile, patient(maritalStatus=wrong)) == [("warning", "not-found", "Patient.maritalStatus")]


def test_references() -> None:
    practitioner = ["http://hl7.org/fhir/StructureDefinition/Practitioner"]
    profile = profile_of(
        "Patient", element("Patient.generalPractitioner", type=types("Reference", targets=practitioner))
    )
    assert found(profile, patient(generalPractitioner=[{"reference": "Practitioner/1"}])) == []
    judged = found(profile, patient(generalPractitioner=[{"reference": "Organization/1"}]))
    assert judged == [("error", "value", "Patient.generalPractitioner[0].reference")]


# hostile profiles


def test_a_profile_that_multiplies_with_the_depth_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every item is judged to tell its slice and as a part of it, and so is, each time, every item in it."""
    monkeypatch.setattr(runs, "MOST_STEPS", 20_000)
    places = ["Questionnaire" + ".item:a" * depth for depth in range(15)]
    sliced = [
        one
        for place in places
        for one in (
            element(f"{place}.item", slicing=slicing()),
            element(f"{place}.item:a"),
            element(f"{place}.item:a.text", min=1),
        )
    ]
    deep: Tree = {"linkId": "x", "text": "t"}
    for _ in range(15):
        deep = {"linkId": "x", "text": "t", "item": [deep]}
    with pytest.raises(TooCostly):
        issues(profile_of("Questionnaire", *sliced), {"resourceType": "Questionnaire", "item": [deep]})


def test_thousands_of_slices_of_thousands_of_elements_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_STEPS", 200_000)
    sliced = slicing(("pattern", "$this"))
    slices = [
        element(f"Patient.name:s{number}", patternHumanName={"family": f"f{number}"}, max="1") for number in range(2000)
    ]
    profile = profile_of("Patient", element("Patient.name", slicing=sliced), *slices)
    with pytest.raises(TooCostly):
        issues(profile, patient(name=[{"family": "x"}] * 2000))


@pytest.mark.parametrize("kind", ["value", "type"])
def test_slices_that_are_told_by_a_profile_of_thousands_of_elements_end(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_STEPS", 20_000)
    wide = profile_of(
        "HumanName",
        *(element(f"HumanName.part{number}") for number in range(5000)),
        element("HumanName.period", type=types("Period")),
        element("HumanName.period.start", patternDateTime="2020"),
        url=OTHER,
    )
    slices = [
        element(f"Patient.name:s{number}", max="1", type=types("HumanName", profile=[OTHER])) for number in range(99)
    ]
    by = (kind, "period.start" if kind == "value" else "period")
    profile = profile_of("Patient", element("Patient.name", slicing=slicing(by)), *slices)
    with pytest.raises(TooCostly):
        issues(profile, patient(name=[{"family": "x"}]), Known(profiles=[wide]))


def test_a_profile_that_asks_for_itself_ends() -> None:
    extension = profile_of(
        "Extension",
        element("Extension.extension", slicing=slicing(("value", "url"))),
        element("Extension.extension:own", max="1", type=types("Extension", profile=[OTHER])),
        element("Extension.url", fixedUri=OTHER),
        url=OTHER,
    )
    profile = profile_of("Patient", element("Patient.extension", type=types("Extension", profile=[OTHER])))
    deep: Tree = {"url": OTHER}
    for _ in range(30):
        deep = {"url": OTHER, "extension": [deep]}
    world = Known(profiles=[extension])
    assert found(profile, patient(extension=[deep]), world) == []
    deep["extension"] *= 2
    assert found(profile, patient(extension=[deep]), world) == [
        ("error", "structure", "Patient.extension[0].extension")
    ]


def test_a_profile_may_be_judged_while_it_is_judged() -> None:
    """By a constraint, by a slice, by a type: the same profile object has one check."""
    profile: Profile = profile_of(
        "Bundle",
        element("Bundle.entry"),
        element("Bundle.entry.resource", type=types("Bundle", profile=[OTHER])),
        url=OTHER,
    )
    inner = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Basic"}}]}
    tree = {"resourceType": "Bundle", "entry": [{"resource": inner}]}
    place = "Bundle.entry[0].resource.entry[0].resource"
    assert found(profile, tree, Known(profiles=[profile])) == [("error", "structure", place)]


def test_references_within_references_end() -> None:
    """Each resource refers to the next one from as deep as it can be nested."""
    extension = profile_of(
        "Extension",
        element("Extension.extension", type=types("Extension", profile=[OTHER])),
        element("Extension.value[x]", type=types("Reference", targets=[OTHER + "2"])),
        url=OTHER,
    )
    basic = profile_of("Basic", element("Basic.extension", type=types("Extension", profile=[OTHER])), url=OTHER + "2")

    def resource(number: int) -> Tree:
        held: Tree = {"url": OTHER, "valueReference": {"reference": f"Basic/{number + 1}"}}
        for _ in range(28):
            held = {"url": OTHER, "extension": [held]}
        return {"resourceType": "Basic", "extension": [held]}

    world = Known(profiles=[extension, basic], resources={f"Basic/{number}": resource(number) for number in range(20)})
    with pytest.raises(TooCostly, match="deeper"):
        issues(basic, resource(0), world)


def test_a_profile_is_judged_once_at_one_place() -> None:
    """A slice and a definition may both ask for it."""
    profile = profile_of("Patient", element("Patient.extension", type=types("Extension", profile=[OTHER])))
    run = run_of(patient(extension=[{"url": OTHER}, {"url": OTHER}]), Known(profiles=[profile]))
    times: list[str] = []

    def check(node: Node, run: Run) -> None:
        times.append(node.path)
        run.add(node, "error", "value", "is wrong")

    for _ in range(2):
        for path in ("Patient.extension[0]", "Patient.extension[1]"):
            run.judge(profile, check, at(run, path))
    assert times == ["Patient.extension[0]", "Patient.extension[1]"]
    assert said(run) == [("error", "value", path) for path in times]
