from __future__ import annotations

from typing import Any

import pytest

from tests.unit.resources.profiles.made import URL, Tree, element, found, issues, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import Known

PLACE = "Patient.identifier"


def sliced(
    *slices: tuple[str, Tree],
    rules: str = "open",
    ordered: bool = False,
    by: tuple[tuple[str, str], ...] = (("value", "system"),),
) -> Any:
    """Identifiers sliced by their system, which is the name of the slice."""
    elements = []
    for name, content in slices:
        elements.append(element(f"{PLACE}:{name}", **content))
        if name != "@default":
            elements.append(element(f"{PLACE}:{name}.system", fixedUri=name))
    return profile_of("Patient", element(PLACE, slicing=slicing(*by, rules=rules, ordered=ordered)), *elements)


def of(*systems: str) -> Tree:
    return {"resourceType": "Patient", "identifier": [{"system": system, "value": "1"} for system in systems]}


def test_how_many_there_may_be_of_a_slice() -> None:
    profile = sliced(("a", {"min": 1, "max": "2"}), ("b", {"max": "0"}))
    assert found(profile, of("a")) == found(profile, of("a", "x", "a")) == []
    assert found(profile, of("a", "a", "a")) == [("error", "structure", PLACE)]
    assert found(profile, of("a", "b")) == [("error", "structure", PLACE)]
    assert found(profile, of("x")) == [("error", "required", PLACE)]
    assert found(profile, {"resourceType": "Patient"}) == [("error", "required", PLACE)]


def test_the_slice_is_named() -> None:
    (issue,) = issues(sliced(("race", {"max": "1"})), of("race", "race"))
    assert issue.diagnostics == "Patient.identifier has 2 of slice race; Made allows at most 1."
    assert issue.rule == f"{URL}#{PLACE}:race"
    missing, *hints = issues(sliced(("race", {"min": 1})), of("x", "y"))
    assert missing.diagnostics == "Patient.identifier has none of slice race; Made asks for at least 1."
    assert [hint.severity for hint in hints] == ["information", "information"]
    assert hints[1].diagnostics == 'Patient.identifier[1] is not of slice race, where system is "race".'


@pytest.mark.parametrize("rules", ["open", "openAtEnd", "closed"])
def test_what_is_of_no_slice(rules: str) -> None:
    profile = sliced(("a", {}), ("b", {}), rules=rules)
    assert found(profile, of("a", "b", "a")) == []
    misplaced = [("error", "structure", f"{PLACE}[1]")]
    assert found(profile, of("a", "x")) == (misplaced if rules == "closed" else [])
    after = [("error", "structure", f"{PLACE}[2]")]
    assert found(profile, of("a", "x", "b")) == {"open": [], "openAtEnd": after, "closed": misplaced}[rules]


def test_a_closed_slicing_names_its_slices() -> None:
    (issue,) = issues(sliced(("a", {}), ("b", {}), rules="closed"), of("x"))
    assert "is of none of the slices a, b, and Made allows no others" in issue.diagnostics
    many = sliced(*((f"s{number}", {}) for number in range(50)), rules="closed")
    (issue,) = issues(many, of("x"))
    assert "s19…" in issue.diagnostics


def test_order() -> None:
    profile = sliced(("a", {}), ("b", {}), ("c", {}), ordered=True)
    assert found(profile, of("a", "x", "a", "c")) == []
    assert found(profile, of("b", "c", "a")) == [("error", "structure", f"{PLACE}[2]")]
    assert found(sliced(("a", {}), ("b", {}), ordered=True, rules="closed"), of("b", "a", "x")) == [
        ("error", "structure", f"{PLACE}[1]"),
        ("error", "structure", f"{PLACE}[2]"),
    ]


def test_the_default_slice_has_what_is_of_no_other() -> None:
    profile = profile_of(
        "Patient",
        element(PLACE, slicing=slicing(("value", "system"), rules="closed")),
        element(f"{PLACE}:a"),
        element(f"{PLACE}:a.system", fixedUri="a"),
        element(f"{PLACE}:@default", max="1"),
        element(f"{PLACE}:@default.use", min=1),
    )
    assert found(profile, of("a", "a")) == []
    assert found(profile, of("a", "x")) == [("error", "required", f"{PLACE}[1].use")]
    judged = found(profile, of("x", "y"))
    assert ("error", "structure", PLACE) in judged
    assert len(judged) == 3


def test_rules_of_a_slice_hold_for_its_elements_alone() -> None:
    profile = profile_of(
        "Patient",
        element(PLACE, slicing=slicing(("value", "system"))),
        element(f"{PLACE}.value", min=1),
        element(f"{PLACE}:a"),
        element(f"{PLACE}:a.system", min=1, fixedUri="a"),
        element(f"{PLACE}:a.value", min=1, maxLength=2),
        element(f"{PLACE}:a.use", min=1),
    )
    identifiers = [{"system": "a", "value": "123"}, {"system": "b", "value": "123"}, {"system": "a", "use": "old"}]
    judged = found(profile, {"resourceType": "Patient", "identifier": identifiers})
    assert judged == [
        ("error", "required", f"{PLACE}[2].value"),  # once, though rule and slice both ask for it
        ("error", "value", f"{PLACE}[0].value"),
        ("error", "required", f"{PLACE}[0].use"),
    ]


def test_an_element_of_two_slices_is_wrong() -> None:
    profile = profile_of(
        "Patient",
        element("Patient.name", slicing=slicing(("pattern", "$this"))),
        element("Patient.name:a", patternHumanName={"use": "official"}),
        element("Patient.name:b", patternHumanName={"family": "b"}),
    )
    names = [{"use": "official", "family": "b"}, {"use": "official"}, {"family": "b"}]
    assert found(profile, {"resourceType": "Patient", "name": names}) == [("error", "structure", "Patient.name[0]")]
    assert "of the slices a and b" in issues(profile, {"resourceType": "Patient", "name": names})[0].diagnostics


def test_a_slice_may_be_told_more_than_once() -> None:
    """The same code of two systems."""
    profile = profile_of(
        "Observation",
        element("Observation.category", slicing=slicing(("value", "coding.code"))),
        element("Observation.category:lab", min=1, max="1"),
        element("Observation.category:lab.coding"),
        element("Observation.category:lab.coding.code", fixedCode="lab"),
    )
    twice = {"coding": [{"system": "urn:a", "code": "lab"}, {"system": "urn:b", "code": "lab"}]}
    assert found(profile, {"resourceType": "Observation", "category": [twice]}) == []
    assert found(profile, {"resourceType": "Observation", "category": [twice, twice]}) == [
        ("error", "structure", "Observation.category")
    ]


def test_without_discriminator_conformance_tells() -> None:
    profile = profile_of(
        "Patient",
        element("Patient.name", slicing=slicing(rules="closed")),
        element("Patient.name:official", min=1, max="1"),
        element("Patient.name:official.use", min=1, fixedCode="official"),
        element("Patient.name:family", max="*"),
        element("Patient.name:family.family", min=1),
    )
    tree: Tree = {"resourceType": "Patient", "name": [{"use": "official"}, {"family": "a"}]}
    assert found(profile, tree) == []
    tree["name"].append({"text": "x"})
    assert found(profile, tree) == [("error", "structure", "Patient.name[2]")]
    assert found(profile, {**tree, "name": tree["name"][1:2]}) == [("error", "required", "Patient.name")]


def test_slices_of_slices() -> None:
    profile = profile_of(
        "Patient",
        element(PLACE, slicing=slicing(("value", "system"))),
        element(f"{PLACE}:a", max="3", slicing=slicing(("value", "use"), rules="closed")),
        element(f"{PLACE}:a.system", fixedUri="a"),
        element(f"{PLACE}:a/new", min=1, max="1"),
        element(f"{PLACE}:a/new.use", fixedCode="usual"),
        element(f"{PLACE}:a/new.value", min=1),
        element(f"{PLACE}:a/old", max="1"),
        element(f"{PLACE}:a/old.use", fixedCode="old"),
    )

    def judged(*uses: str) -> list[tuple[str, str, str]]:
        identifiers = [{"system": "a", "use": use} for use in uses]
        return found(profile, {"resourceType": "Patient", "identifier": [*identifiers, {"system": "b"}]})

    assert judged() == []
    assert judged("usual") == [("error", "required", f"{PLACE}[0].value")]
    assert judged("old") == [("error", "required", PLACE)]
    assert judged("old", "temp", "old") == [
        ("error", "structure", f"{PLACE}[1]"),
        ("error", "required", PLACE),
        ("error", "structure", PLACE),
    ]


# what is implied


def test_extensions_are_sliced_by_url() -> None:
    """Even where a snapshot does not say so."""
    own = "http://example.org/StructureDefinition/own"
    of_own = profile_of(
        "Extension", element("Extension.url", fixedUri=own), element("Extension.value[x]", min=1), url=own
    )
    for said in ({}, {"slicing": {"rules": "open"}}, {"slicing": slicing(("value", "url"))}):
        profile = profile_of(
            "Patient",
            element("Patient.extension", **said),
            element("Patient.extension:own", max="1", type=types("Extension", profile=[own])),
        )
        extensions = [{"url": own, "valueString": "a"}, {"url": "urn:other"}, {"url": own}]
        assert found(profile, {"resourceType": "Patient", "extension": extensions}, Known(profiles=[of_own])) == [
            ("error", "structure", "Patient.extension"),
            ("error", "required", "Patient.extension[2].value"),
        ]


def test_choices_are_sliced_by_type() -> None:
    profile = profile_of(
        "Observation",
        element("Observation.value[x]"),
        element("Observation.value[x]:valueQuantity", type=types("Quantity")),
        element("Observation.value[x]:valueQuantity.code", min=1),
    )
    assert found(profile, {"resourceType": "Observation", "valueQuantity": {"value": 1}}) == [
        ("error", "required", "Observation.value.code")
    ]
    assert found(profile, {"resourceType": "Observation", "valueString": "a"}) == []


def test_what_may_be_of_a_slice_counts_for_it() -> None:
    bound = {"strength": "required", "valueSet": "urn:set"}
    profile = profile_of(
        "Observation",
        element("Observation.category", slicing=slicing(("pattern", "$this"), rules="closed")),
        element("Observation.category:it", min=1, binding=bound),
    )
    coded = {"coding": [{"system": "urn:x", "code": "a"}]}
    tree = {"resourceType": "Observation", "category": [coded]}
    (issue,) = issues(profile, tree)
    assert (issue.severity, issue.code) == ("warning", "not-supported")
    assert "may be of slice it of Made" in issue.diagnostics
    assert found(profile, tree, Known({"urn:set": [("urn:x", "a")]})) == []
    assert found(profile, tree, Known({"urn:set": []})) == [
        ("error", "structure", "Observation.category[0]"),
        ("error", "required", "Observation.category"),
    ]
