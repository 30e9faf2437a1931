"""What the checks need the whole resource for: references to what is contained, and resources inside resources."""

from __future__ import annotations

from typing import Any

import pytest

from resources import definitions
from resources.outcome import Issue
from resources.validation.bindings import ask_nobody
from resources.validation.checks import Checks

CHECKS = Checks(definitions.load(), ask_nobody)

DRUG = {"resourceType": "Medication", "id": "m"}
ORDER = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/1"},
}


def issues(tree: Any) -> list[tuple[str, str]]:
    found: list[Issue] = []
    CHECKS.resource(tree, "R", found)
    return [(issue.code, issue.expression[0]) for issue in found]


def order(*contained: Any, reference: str = "#m") -> dict[str, Any]:
    return {**ORDER, "contained": list(contained), "medicationReference": {"reference": reference}}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (order(DRUG), []),
        (order(DRUG, reference="#x"), [("invariant", "R.medication.reference"), ("invariant", "R.contained[0]")]),
        (order(DRUG, reference="Medication/1"), [("invariant", "R.contained[0]")]),  # dom-3
        ({**order(DRUG, reference="Medication/1"), "note": [{"text": "#m"}]}, [("invariant", "R.contained[0]")]),
        (order({**DRUG, "id": "x"}, DRUG), [("invariant", "R.contained[0]")]),
        (order({"resourceType": "Medication"}, reference="Medication/1"), [("invariant", "R.contained[0]")]),
        (order({**DRUG, "contained": [DRUG]}), [("invariant", "R.contained[0].contained")]),  # dom-2
        (order({**DRUG, "meta": {"versionId": "1"}}), [("invariant", "R.contained[0].meta.versionId")]),  # dom-4
        (
            order({**DRUG, "meta": {"lastUpdated": "2020-01-01T10:00:00Z"}}),
            [("invariant", "R.contained[0].meta.lastUpdated")],
        ),
        (order({**DRUG, "meta": {"security": [{"code": "R"}]}}), [("invariant", "R.contained[0].meta.security")]),  # dom-5
        (order({**DRUG, "meta": {"profile": ["http://x"]}}), []),
        (order({**DRUG, "meta": []}), [("structure", "R.contained[0].meta")]),
        (order({**DRUG, "code": 1}), [("structure", "R.contained[0].code")]),
        (order("m"), [("structure", "R.contained[0]"), ("invariant", "R.medication.reference")]),
        ({**order(DRUG), "contained": DRUG}, [("structure", "R.contained"), ("invariant", "R.medication.reference")]),
        (order(DRUG, {"resourceType": "Organization", "id": "o"}), [("invariant", "R.contained[1]")]),
        (order({**DRUG, "manufacturer": {"reference": "#o"}}, {"resourceType": "Organization", "id": "o"}), []),
        (order(DRUG, {"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "subject": {"reference": "#"}}), []),
        (order(DRUG, {"resourceType": "Organization", "id": "o", "partOf": {"reference": "#"}}), [
            ("value", "R.contained[1].partOf.reference"),  # the container is no Organization
        ]),
    ],
)  # fmt: skip
def test_contained(tree: Any, expected: list[tuple[str, str]]) -> None:
    assert issues(tree) == expected


def test_every_entry_is_a_world_of_its_own() -> None:
    entries = [{"resource": order(DRUG)}, {"resource": {**ORDER, "medicationReference": {"reference": "#m"}}}]
    tree = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert issues(tree) == [("invariant", "R.entry[1].resource.medication.reference")]


@pytest.mark.parametrize("tree", [None, [], "x", 1, True])
def test_what_is_no_resource(tree: Any) -> None:
    assert issues(tree) == [("structure", "R")]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ({}, [("required", "R.parameter[0].resource")]),
        ({"resourceType": "Resource"}, [("value", "R.parameter[0].resource")]),
        ({"resourceType": "DomainResource"}, [("value", "R.parameter[0].resource")]),
        ({"resourceType": "HumanName"}, [("value", "R.parameter[0].resource")]),
        ({"resourceType": {"a": 1}}, [("value", "R.parameter[0].resource")]),
        ({"resourceType": "Patient"}, []),
    ],
)
def test_a_resource_inside_says_its_type(inside: Any, expected: list[tuple[str, str]]) -> None:
    assert issues({"resourceType": "Parameters", "parameter": [{"name": "a", "resource": inside}]}) == expected


def test_what_is_broken_already_is_judged_no_further() -> None:
    """No invariant meets a value of a wrong type, and nobody reads the same fault twice."""
    tree = {"resourceType": "Patient", "address": [{"period": {"start": 2021, "end": "2020"}}]}
    assert issues(tree) == [("structure", "R.address[0].period.start")]


def test_a_reference_by_type_must_agree() -> None:
    def found(**reference: str) -> list[tuple[str, str]]:
        return issues({"resourceType": "Basic", "code": {"text": "x"}, "subject": reference})

    assert found(reference="Patient/1", type="Patient") == []
    assert found(reference="Patient/1", type="http://hl7.org/fhir/StructureDefinition/Patient") == []
    assert found(reference="Patient/1", type="Group") == [("value", "R.subject.type")]
    assert found(reference="urn:uuid:1", type="Group") == []
    assert found(display="x", type="http://example.org/Dog") == []
