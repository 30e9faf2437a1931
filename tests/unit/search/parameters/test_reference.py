"""References: RF-1, RF-2, RF-6."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest
from search.conditions import Keys
from search.parameters.reference import condition

from ..parameter_of import BASE, R4, index_of, parameter_of


def finds(
    code: str, reference: Any, value: str, modifier: str | None = None, resource_type: str = "Observation"
) -> bool:
    found = condition(parameter_of(resource_type, code), modifier, (value,), BASE)
    keys = index_of(resource_type, {"subject": reference}).keys
    return isinstance(found, Keys) and any(key in keys for key in found.keys)


@pytest.mark.parametrize(
    ("reference", "values", "others"),
    [
        (
            "Patient/1",
            ["1", "Patient/1", f"{BASE}/Patient/1"],
            ["Patient/2", "Group/1", "http://else/Patient/1", "Patient/1/_history/1", "patient/1", "Patient"],
        ),
        (f"{BASE}/Patient/1", ["1", "Patient/1", f"{BASE}/Patient/1"], ["http://else/Patient/1"]),
        ("http://else/Patient/1", ["http://else/Patient/1"], ["1", "Patient/1", f"{BASE}/Patient/1"]),
        ("Patient/1/_history/2", ["Patient/1", "1", "Patient/1/_history/2"], ["Patient/1/_history/3", "2"]),
        ("#1", ["#1"], ["1", "Patient/1"]),
        ("urn:uuid:1", ["urn:uuid:1"], ["1"]),
    ],
)
def test_a_reference_is_found_for_what_it_is(reference: str, values: list[str], others: list[str]) -> None:
    for value in values:
        assert finds("subject", {"reference": reference}, value), value
    for value in others:
        assert not finds("subject", {"reference": reference}, value), value


def test_the_modifier_is_the_type() -> None:
    assert finds("subject", {"reference": "Patient/1"}, "1", "Patient")
    assert finds("subject", {"reference": "Patient/1"}, "Patient/1", "Patient")
    assert not finds("subject", {"reference": "Patient/1"}, "1", "Group")
    for modifier, value in [("Patient", "Group/1"), ("Observation", "1")]:
        with pytest.raises(BadRequest, match=f"subject:{modifier}"):
            finds("subject", {"reference": "Patient/1"}, value, modifier)


def test_patient_finds_references_to_patients_only() -> None:
    assert finds("patient", {"reference": "Patient/1"}, "1")
    assert not finds("patient", {"reference": "Group/1"}, "1")
    assert not finds("patient", {"reference": "Group/1"}, "Group/1")


def test_a_reference_by_identifier_is_present_and_resolves_to_nothing() -> None:
    """RF-6; its identifier has postings of its own, for `:identifier`."""
    logical = {"type": "Patient", "identifier": {"system": "s", "value": "1"}}
    parameter = parameter_of("Observation", "subject")
    keys = index_of("Observation", {"subject": logical}).keys
    assert parameter.present in keys
    assert not any(q == parameter.pointing for _, q in keys)
    assert (parameter.hash("Observation", "subject:identifier", "1"), parameter.system("s")) in keys
    assert not finds("subject", logical, "1")
    assert parameter.present not in index_of("Observation", {"subject": {"display": "x"}}).keys


@pytest.mark.parametrize(
    ("canonical", "value", "found"),
    [
        ("http://x/q|1", "http://x/q|1", True),
        ("http://x/q|1", "http://x/q", True),
        ("http://x/q|1", "http://x/q|2", False),
        ("http://x/q", "http://x/q|1", False),
        ("Questionnaire/1", "Questionnaire/1", True),
    ],
)
def test_canonicals(canonical: str, value: str, found: bool) -> None:
    parameter = parameter_of("QuestionnaireResponse", "questionnaire")
    keys = index_of("QuestionnaireResponse", {"questionnaire": canonical}).keys
    condition_ = condition(parameter, None, (value,), BASE)
    assert isinstance(condition_, Keys)
    assert any(key in keys for key in condition_.keys) is found


def test_a_resource_in_a_bundle() -> None:
    """Bundle.composition and Bundle.message select a whole resource."""
    bundle = {"entry": [{"resource": {"resourceType": "Composition", "id": "1"}}]}
    composition, message = parameter_of("Bundle", "composition"), parameter_of("Bundle", "message")
    keys = index_of("Bundle", bundle).keys
    assert (composition.hash("Composition", "1"), composition.pointing) in keys
    assert message.present not in keys


def test_parameters_to_anything_have_all_types() -> None:
    without = [p for p in R4.search_parameters if p.type == "reference" and not p.targets]
    assert all(parameter_of(p.bases[0], p.code).resource_types == R4.resource_types for p in without)
    assert without
    assert "Patient" in parameter_of("Observation", "subject").resource_types
