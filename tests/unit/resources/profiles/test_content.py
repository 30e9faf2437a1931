"""Each kind of rule about the content of one element: a valid instance is accepted, a violation found at its place."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from resources.fhirpath import Outside
from resources.outcome import TooCostly
from resources.profiles import run as runs
from tests.unit.resources.profiles.made import URL, Tree, element, found, issues, profile_of, types
from tests.unit.resources.profiles.stand_in import Known

UCUM = "http://unitsofmeasure.org"
OTHER = "http://example.org/StructureDefinition/other"


def observation(**content: Any) -> Tree:
    return {"resourceType": "Observation", **content}


def canonical(value: Fraction, code: str) -> tuple[Fraction, str] | None:
    return {"mg": (value / 1000, "g"), "g": (value, "g")}.get(code)


OUTSIDE = Outside(canonical=canonical)
CODE = {"coding": [{"system": "urn:x", "code": "a"}]}
ACCEPTED_AND_NOT = [
    # element, rule, valid, invalid, place and code of the issue
    ("status", {"fixedCode": "final"}, {"status": "final"}, {"status": "amended"}, "status", "value"),
    ("status", {"fixedCode": "final"}, {}, {"_status": {"extension": []}}, "status", "value"),
    (
        "status",
        {"patternCode": "final"},
        {"status": "final", "_status": {"id": "x"}},
        {"status": "x"},
        "status",
        "value",
    ),
    (
        "code",
        {"patternCodeableConcept": CODE},
        {"code": {**CODE, "text": "t"}},
        {"code": {"text": "t"}},
        "code",
        "value",
    ),
    ("code", {"fixedCodeableConcept": CODE}, {"code": CODE}, {"code": {**CODE, "text": "t"}}, "code", "value"),
    (
        "value[x]",
        {"type": types("Quantity")},
        {"valueQuantity": {"value": 1}},
        {"valueString": "1"},
        "value",
        "structure",
    ),
    (
        "value[x]",
        {"minValueQuantity": {"value": 1, "code": "g", "system": UCUM}},
        {"valueQuantity": {"value": 1000, "system": UCUM, "code": "mg"}},
        {"valueQuantity": {"value": 999, "system": UCUM, "code": "mg"}},
        "value",
        "value",
    ),
    ("value[x]", {"maxValueInteger": 3}, {"valueInteger": 3}, {"valueInteger": 4}, "value", "value"),
    ("value[x]", {"minValueInteger": 3}, {"valueInteger": 3}, {"valueInteger": 2}, "value", "value"),
    (
        "effective[x]",
        {"minValueDateTime": "2020"},
        {"effectiveDateTime": "2020-05"},
        {"effectiveDateTime": "2019-12"},
        "effective",
        "value",
    ),
    ("value[x]", {"maxLength": 2}, {"valueString": "ab"}, {"valueString": "abc"}, "value", "value"),
    ("note", {"max": "0"}, {}, {"note": [{"text": "n"}]}, "note", "structure"),
    ("note", {"min": 1}, {"note": [{"text": "n"}]}, {}, "note", "required"),
    ("note", {"max": "1"}, {"note": [{"text": "n"}]}, {"note": [{"text": "n"}] * 2}, "note", "structure"),
    ("note", {"min": 2}, {"note": [{"text": "n"}] * 2}, {"note": [{"text": "n"}]}, "note", "required"),
    ("value[x]", {"min": 1}, {"valueString": "a"}, {}, "value", "required"),
    ("value[x]", {"max": "0"}, {}, {"valueString": "a"}, "value", "structure"),
    ("issued", {"min": 1}, {"_issued": {"id": "a"}}, {}, "issued", "required"),
]


@pytest.mark.parametrize(("name", "rule", "valid", "invalid", "place", "code"), ACCEPTED_AND_NOT)
def test_rules(name: str, rule: Tree, valid: Tree, invalid: Tree, place: str, code: str) -> None:
    profile = profile_of("Observation", element(f"Observation.{name}", **rule))
    assert found(profile, observation(**valid), outside=OUTSIDE) == []
    assert found(profile, observation(**invalid), outside=OUTSIDE) == [("error", code, f"Observation.{place}")]
    assert issues(profile, observation(**invalid), outside=OUTSIDE)[0].rule == f"{URL}#Observation.{name}"


def test_what_cannot_be_compared_is_a_warning_and_an_imprecise_date_is_none() -> None:
    quantity = profile_of(
        "Observation", element("Observation.value[x]", maxValueQuantity={"value": 1, "code": "g", "system": UCUM})
    )
    metres = observation(valueQuantity={"value": 1, "code": "m", "system": UCUM})
    assert found(quantity, metres, outside=OUTSIDE) == [("warning", "value", "Observation.value")]
    dated = profile_of("Observation", element("Observation.effective[x]", maxValueDateTime="2020-06"))
    assert found(dated, observation(effectiveDateTime="2020")) == []


def test_a_wrong_type_is_judged_no_further() -> None:
    profile = profile_of(
        "Observation",
        element("Observation.value[x]", type=types("Quantity")),
        element("Observation.value[x].unit", min=1),
    )
    assert found(profile, observation(valueString="a")) == [("error", "structure", "Observation.value")]
    assert found(profile, observation(valueQuantity={"value": 1})) == [("error", "required", "Observation.value.unit")]


def test_a_type_is_no_other_that_is_derived_from_it() -> None:
    extension = profile_of("Extension", element("Extension.value[x]", type=types("string")), url=OTHER)
    profile = profile_of("Patient", element("Patient.extension", type=types("Extension", profile=[OTHER])))
    extensions = [{"url": OTHER, "valueString": "a"}, {"url": OTHER, "valueCode": "a"}]
    assert found(profile, {"resourceType": "Patient", "extension": extensions}, Known(profiles=[extension])) == [
        ("error", "structure", "Patient.extension[1].value")
    ]


def test_a_resource_of_a_type() -> None:
    profile = profile_of(
        "Bundle", element("Bundle.entry"), element("Bundle.entry.resource", type=types("Patient", "Group"))
    )
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": name}} for name in ("Patient", "Basic")],
    }
    assert found(profile, bundle) == [("error", "structure", "Bundle.entry[1].resource")]


# constraints


def constrained(expression: str, **more: Any) -> Any:
    rule = {"key": "own-1", "severity": "error", "human": "Holds.", "expression": expression, **more}
    return profile_of("Observation", element("Observation.note", constraint=[rule]))


NOTED = observation(note=[{"text": "n"}, {"text": "n", "time": "2020"}])


def test_a_constraint_is_refused_only_where_it_is_false() -> None:
    broken = found(constrained("time.exists()"), NOTED)
    assert broken == [("error", "invariant", "Observation.note[0]")]
    assert found(constrained("time > @2000"), NOTED) == []  # of the first it says nothing
    (issue,) = issues(constrained("time.exists()", severity="warning"), NOTED)
    assert (issue.severity, issue.rule) == ("warning", f"{URL}#own-1")
    assert issue.diagnostics == "Observation.note[0] breaks own-1: Holds."


def test_the_source_of_a_constraint_is_named() -> None:
    (issue,) = issues(constrained("time.exists()", source=OTHER), NOTED)
    assert issue.rule == f"{OTHER}#own-1"


def test_what_cannot_be_evaluated_is_one_warning_that_names_it() -> None:
    rule = {"key": "own-1", "severity": "error", "human": "H", "expression": "note.text.length() > 1"}
    profile = profile_of("Observation", element("Observation", constraint=[rule]))
    (issue,) = issues(profile, NOTED)
    assert (issue.severity, issue.code, issue.rule) == ("warning", "processing", f"{URL}#own-1")
    assert issue.diagnostics.startswith("Observation was not checked by own-1: length()")
    assert found(profile, observation(note=[{"text": "long"}])) == []


def test_an_unreadable_constraint_is_a_warning() -> None:
    judged = issues(constrained("time.(("), NOTED)
    assert [(one.severity, one.code, one.expression[0]) for one in judged] == [
        ("warning", "processing", "Observation.note[0]"),
        ("warning", "processing", "Observation.note[1]"),
    ]
    assert "was not checked by own-1" in judged[0].diagnostics


def test_constraints_of_the_base_are_not_judged_again() -> None:
    own = {
        "key": "ele-1",
        "severity": "error",
        "human": "h",
        "source": "http://hl7.org/fhir/StructureDefinition/Element",
    }
    profile = profile_of("Observation", element("Observation.note", constraint=[{**own, "expression": "false"}]))
    assert found(profile, NOTED) == []
    other = {**own, "source": OTHER, "expression": "hasValue() or (children().count() > id.count())"}
    assert found(profile_of("Observation", element("Observation.note", constraint=[other])), NOTED) == []
    other["expression"] = "false"
    assert len(found(profile_of("Observation", element("Observation.note", constraint=[other])), NOTED)) == 2


def test_many_costly_constraints_have_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    costly = {"severity": "error", "human": "h", "expression": "descendants().descendants().count() >= 0"}
    rules = [{"key": f"own-{number}", **costly} for number in range(200)]
    profile = profile_of("Observation", element("Observation", constraint=rules))
    monkeypatch.setattr(runs, "MOST_STEPS", 20_000)
    with pytest.raises(TooCostly):
        issues(profile, observation(note=[{"text": "n"}] * 200))


# profiles of types


def with_profiles(*urls: str) -> Any:
    return profile_of("Observation", element("Observation.note", type=types("Annotation", profile=list(urls))))


TIMED = profile_of("Annotation", element("Annotation.time", min=1), url=OTHER)
SIGNED = profile_of("Annotation", element("Annotation.author[x]", min=1), url=OTHER + "2")


def test_a_value_conforms_to_the_profile_of_its_type() -> None:
    world = Known(profiles=[TIMED])
    assert found(with_profiles(OTHER), NOTED, world) == [("error", "required", "Observation.note[0].time")]
    assert found(with_profiles(OTHER + "|1.0"), NOTED, world) == [("error", "required", "Observation.note[0].time")]


def test_one_of_several_profiles_is_enough() -> None:
    world = Known(profiles=[TIMED, SIGNED])
    notes = observation(note=[{"time": "2020"}, {"authorString": "a"}, {"text": "t"}])
    assert found(with_profiles(OTHER, OTHER + "2"), notes, world) == [("error", "structure", "Observation.note[2]")]


def test_a_profile_that_is_not_known_is_a_warning() -> None:
    assert found(with_profiles(OTHER), NOTED) == [("warning", "not-found", f"Observation.note[{n}]") for n in (0, 1)]
    world = Known(profiles=[TIMED])
    assert found(with_profiles(OTHER, OTHER + "2"), NOTED, world) == [("warning", "not-found", "Observation.note[0]")]


def test_a_profile_of_another_type_is_not_met() -> None:
    world = Known(profiles=[profile_of("Patient", url=OTHER)])
    assert found(with_profiles(OTHER), observation(note=[{"text": "n"}]), world) == [
        ("error", "structure", "Observation.note[0]")
    ]
