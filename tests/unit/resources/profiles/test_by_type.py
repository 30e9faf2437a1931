"""Slices told by type and profile: the elements of each slice are counted by an upper bound of none."""

from __future__ import annotations

from typing import Any

from tests.unit.resources.profiles.made import Tree, element, found, issues, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import Known

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
OTHER = "http://example.org/StructureDefinition/other"
OTHERS = profile_of("Patient", element("Patient.gender", fixedCode="other"), url=OTHER)
TOLD = [("error", "structure", "Observation.performer")]
OPEN = [("warning", "not-supported", "Observation.performer[0]")]


def performed(reference: str, **more: Any) -> Tree:
    return {"resourceType": "Observation", "performer": [{"reference": reference}], **more}


def by(kind: str, *targets: str) -> Any:
    return profile_of(
        "Observation",
        element("Observation.performer", slicing=slicing((kind, "resolve()"))),
        element("Observation.performer:it", max="0", type=types("Reference", targets=list(targets))),
    )


def test_the_type_of_a_choice() -> None:
    profile = profile_of(
        "Observation",
        element("Observation.value[x]", slicing=slicing(("type", "$this"))),
        element("Observation.value[x]:valueQuantity", type=types("Quantity")),
        element("Observation.value[x]:valueQuantity.unit", min=1),
    )
    assert found(profile, {"resourceType": "Observation", "valueString": "a"}) == []
    assert found(profile, {"resourceType": "Observation", "valueQuantity": {"value": 1}}) == [
        ("error", "required", "Observation.value.unit")
    ]


def test_a_type_is_not_told_by_what_it_is_derived_from() -> None:
    profile = profile_of(
        "Extension",
        element("Extension.value[x]", slicing=slicing(("type", "$this"))),
        element("Extension.value[x]:valueString", type=types("string"), maxLength=1),
        element("Extension.value[x]:valueCode", type=types("code"), maxLength=2),
        url=OTHER,
    )
    patient = profile_of("Patient", element("Patient.extension", type=types("Extension", profile=[OTHER])))
    for value, broken in (({"valueString": "ab"}, True), ({"valueCode": "ab"}, False), ({"valueCode": "abc"}, True)):
        judged = found(
            patient, {"resourceType": "Patient", "extension": [{"url": "u", **value}]}, Known(profiles=[profile])
        )
        assert judged == ([("error", "value", "Patient.extension[0].value")] if broken else [])


def test_the_type_below_an_element() -> None:
    profile = profile_of(
        "Observation",
        element("Observation.component", slicing=slicing(("type", "value"), rules="closed")),
        element("Observation.component:it"),
        element("Observation.component:it.value[x]", type=types("Quantity", "Range")),
    )
    components = [{"valueQuantity": {"value": 1}}, {"valueRange": {}}, {"valueString": "a"}]
    assert found(profile, {"resourceType": "Observation", "component": components}) == [
        ("error", "structure", "Observation.component[2]")
    ]


def test_the_type_of_a_resource_in_a_bundle() -> None:
    profile = profile_of(
        "Bundle",
        element("Bundle.entry", slicing=slicing(("type", "resource"))),
        element("Bundle.entry:it", max="1"),
        element("Bundle.entry:it.resource", type=types("Patient")),
    )
    entries = [{"resource": {"resourceType": name}} for name in ("Patient", "Group", "Patient")]
    assert found(profile, {"resourceType": "Bundle", "entry": entries[:2]}) == []
    assert found(profile, {"resourceType": "Bundle", "entry": entries}) == [("error", "structure", "Bundle.entry")]


def test_the_type_of_a_target_by_what_the_reference_says() -> None:
    profile = by("type", CANONICAL + "Patient")
    assert found(profile, performed("Patient/1")) == TOLD
    assert found(profile, performed("http://example.org/fhir/Patient/1")) == TOLD
    assert [one for one in found(profile, performed("Practitioner/1")) if one[1] == "structure"] == []
    assert found(profile, performed("urn:uuid:0")) == OPEN
    contained = [{"resourceType": "Patient", "id": "p"}]
    assert found(profile, performed("#p", contained=contained)) == TOLD


def test_the_type_of_a_target_by_its_profile() -> None:
    profile = by("type", OTHER)
    contained = [{"resourceType": "Patient", "id": "p", "gender": "other"}]
    assert found(profile, performed("#p", contained=contained), Known(profiles=[OTHERS])) == TOLD
    assert OPEN[0] in found(profile, performed("#p", contained=contained))


def test_the_profile_of_a_target() -> None:
    profile, world = by("profile", OTHER), Known(profiles=[OTHERS])
    for gender, expected in (("other", TOLD), ("male", [])):
        contained = [{"resourceType": "Patient", "id": "p", "gender": gender}]
        judged = found(profile, performed("#p", contained=contained), world)
        assert [one for one in judged if one[2] == "Observation.performer"] == expected
    assert found(profile, performed("Patient/1"), world) == OPEN  # not known here
    assert [one for one in found(profile, performed("Group/1"), world) if one[1] != "value"] == []


def test_a_type_of_r4_as_the_profile_of_a_target() -> None:
    profile = by("profile", CANONICAL + "Patient")
    assert found(profile, performed("Patient/1")) == TOLD


def test_the_profile_of_a_resource_in_a_bundle() -> None:
    profile = profile_of(
        "Bundle",
        element("Bundle.entry", slicing=slicing(("profile", "resource"))),
        element("Bundle.entry:it", max="1"),
        element("Bundle.entry:it.resource", type=types("Patient", profile=[OTHER])),
    )
    genders = [{"resource": {"resourceType": "Patient", "gender": gender}} for gender in ("other", "male", "other")]
    world = Known(profiles=[OTHERS])
    assert found(profile, {"resourceType": "Bundle", "entry": genders[:2]}, world) == []
    assert found(profile, {"resourceType": "Bundle", "entry": genders}, world) == [
        ("error", "structure", "Bundle.entry")
    ]


def test_what_keeps_a_resource_from_its_slice_is_said() -> None:
    """The one of the slice's type is named, however many others come before it."""
    profile = profile_of(
        "Bundle",
        element("Bundle.entry", slicing=slicing(("profile", "resource"))),
        element("Bundle.entry:it", min=1),
        element("Bundle.entry:it.resource", type=types("Patient", profile=[OTHER])),
    )
    entries = [
        *[{"resource": {"resourceType": "Device"}}] * 5,
        {"resource": {"resourceType": "Patient", "gender": "male"}},
    ]
    missing, *hints = issues(profile, {"resourceType": "Bundle", "entry": entries}, Known(profiles=[OTHERS]))
    assert (missing.severity, missing.expression) == ("error", ("Bundle.entry",))
    assert [(hint.severity, hint.diagnostics) for hint in hints] == [
        (
            "information",
            "Bundle.entry[5] is not of slice it: Bundle.entry[5].resource.gender is 'male'; Made fixes it to exactly"
            ' "other".',
        )
    ]


def test_two_profiles_that_only_seem_to_be_met_leave_it_open() -> None:
    """What is bound to a value set that is not known here may or may not conform."""
    bound = {"strength": "required", "valueSet": "urn:set"}
    one, two = (
        profile_of("Patient", element("Patient.maritalStatus", binding=bound), url=url) for url in ("urn:1", "urn:2")
    )
    profile = profile_of(
        "Bundle",
        element("Bundle.entry", slicing=slicing(("profile", "resource"))),
        element("Bundle.entry:one"),
        element("Bundle.entry:one.resource", min=1, type=types("Patient", profile=["urn:1"])),
        element("Bundle.entry:two"),
        element("Bundle.entry:two.resource", min=1, type=types("Patient", profile=["urn:2"])),
    )
    coded = {"coding": [{"system": "urn:x", "code": "a"}]}
    tree = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "maritalStatus": coded}}]}
    known = Known({"urn:set": [("urn:x", "a")]}, [one, two])
    assert found(profile, tree, known) == [("error", "structure", "Bundle.entry[0]")]
    assert found(profile, tree, Known(profiles=[one, two])) == [("warning", "not-supported", "Bundle.entry[0]")]
