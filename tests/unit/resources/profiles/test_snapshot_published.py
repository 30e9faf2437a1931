"""Snapshots that are taken away and generated again are those that HL7's own tools published.

A difference is (id of the element, field); each class of them is explained here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from resources.profiles.definition import Rule
from resources.profiles.reading import read
from resources.profiles.snapshot import Unresolved, with_snapshot

from .published import Tree, made, of_packages, of_r4, rules, structure

NARROWER = "the differential widens what its base asks; here the base's rule stays"
TYPED = "a type in a path (valueQuantity): the tools of 2019 read it as the only type, later ones as an open slice"
FIELDS = (
    "minimum", "maximum", "types", "fixed", "pattern", "lowest", "highest", "max_length", "slicing",
    "is_modifier", "must_support", "slice_name",
)  # fmt: skip


def bound(rule: Rule) -> tuple[str, str] | None:
    """Without the most that may be bound: r4.zip has no extensions of bindings."""
    return (rule.binding.strength, rule.binding.value_set) if rule.binding else None


def compared(published: Tree, known: Callable[[str], Any]) -> set[tuple[str, str]]:
    """(id, field) of all that differs when the snapshot is taken away and generated again."""
    bare = {name: value for name, value in published.items() if name != "snapshot"}
    generated = made(bare, known)
    wanted = {rule.id: rule for rule in rules(read(published).root)}
    differing = {(name, "only published") for name in wanted.keys() - generated.keys()}
    differing |= {(name, "only generated") for name in generated.keys() - wanted.keys()}
    for name in wanted.keys() & generated.keys():
        one, other = wanted[name], generated[name]
        differing |= {(name, field) for field in FIELDS if getattr(one, field) != getattr(other, field)}
        if bound(one) != bound(other):
            differing.add((name, "binding"))
        if {c.key for c in one.constraints} != {c.key for c in other.constraints}:
            differing.add((name, "constraints"))
    if not differing:
        assert list(generated) == [rule.id for rule in rules(read(published).root)]
    return differing


DIFFERENCES: dict[str, dict[tuple[str, str], str]] = {
    "us-core-medicationdispense": {
        ("MedicationDispense.quantity", "types"): NARROWER,  # any Quantity where R4 has SimpleQuantity
        ("MedicationDispense.dosageInstruction.doseAndRate.dose[x]", "types"): NARROWER,
    },
    "us-core-medicationrequest": {("MedicationRequest.dosageInstruction.doseAndRate.dose[x]", "types"): NARROWER},
    "us-core-vital-signs": {("Observation.component.value[x]", "binding"): NARROWER},  # required becomes extensible
    "Condition-uv-ips": {
        ("Condition.category", "binding"): NARROWER,  # extensible becomes preferred
        ("Condition.clinicalStatus", "is_modifier"): "a profile of its type has taken the flag away",
        ("Condition.verificationStatus", "is_modifier"): "as above",
    },
    "AllergyIntolerance-uv-ips": {
        ("AllergyIntolerance.clinicalStatus", "is_modifier"): "as above",
        ("AllergyIntolerance.verificationStatus", "is_modifier"): "as above",
    },
    "Observation-results-laboratory-uv-ips": {
        ("Observation.value[x]", "slicing"): "the differential closes the slicing, the published snapshot does not"
    },
    "Observation-results-pathology-uv-ips": {("Observation.value[x]", "slicing"): "as above"},
    **{
        name: {("Observation.value[x]", "types"): TYPED, ("Observation.value[x]", "slicing"): TYPED}
        for name in (
            "bodyweight", "bodyheight", "resprate", "heartrate", "bodytemp", "headcircum", "oxygensat", "bp",
            "cholesterol", "triglyceride", "hdlcholesterol", "ldlcholesterol",
        )
    },
    "bmi": {("Observation.value[x]", "minimum"): "one of its slices is required, so it is"},
    "devicemetricobservation": {("Observation.effective[x]", "minimum"): "as above"},
    "clinicaldocument": {("Composition.extension:versionNumber", "maximum"): "the extension's definition allows one"},
    "elementdefinition-de": {
        (f"ElementDefinition.extension:{name}.{below}", "only published"): "the differential says nothing of it"
        for name in ("Question", "AllowedUnits")
        for below in ("id", "extension", "url", "value[x]")
    },
}  # fmt: skip


def differences(trees: dict[str, Tree], known: Callable[[str], Any]) -> dict[str, set[tuple[str, str]]]:
    found = {tree["id"]: compared(tree, known) for tree in trees.values()}
    return {name: differing for name, differing in found.items() if differing}


@pytest.mark.suite("packages")
def test_the_snapshots_of_packages_are_those_published() -> None:
    trees = dict(of_packages())
    without_base = trees.pop("http://hl7.org/fhir/us/core/StructureDefinition/us-core-questionnaireresponse")
    with pytest.raises(Unresolved, match="sdc-questionnaireresponse"):
        compared(without_base, structure)
    assert len(trees) == 94
    found = differences(trees, structure)
    assert found == {name: set(DIFFERENCES[name]) for name in found}
    assert len(found) == 7


def test_the_snapshots_of_r4s_own_profiles_are_those_published() -> None:
    trees = {url: tree for url, tree in of_r4().items() if tree.get("derivation") == "constraint"}
    assert len(trees) == 439
    found = differences(trees, of_r4().get)
    assert found == {name: set(DIFFERENCES[name]) for name in found}
    assert len(found) == 16


def test_ids_are_not_needed() -> None:
    for tree in of_r4().values():
        if tree.get("derivation") == "constraint":
            bare = {name: value for name, value in tree.items() if name != "snapshot"}
            elements = [{k: v for k, v in one.items() if k != "id"} for one in tree["differential"]["element"]]
            nameless = {**bare, "differential": {"element": elements}}
            assert with_snapshot(nameless, of_r4().get)["snapshot"] == with_snapshot(bare, of_r4().get)["snapshot"]
