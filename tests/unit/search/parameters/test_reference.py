"""References: RF-1 … RF-6."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest
from search.conditions import Hierarchy, Keys, Or
from search.parameter import LATER
from search.parameters.reference import condition

from ..parameter_of import BASE, R4, index_of, parameter_of


def finds(
    code: str, reference: Any, value: str, modifier: str | None = None, resource_type: str = "Observation"
) -> bool:
    found = condition(parameter_of(resource_type, code), modifier, (value,), BASE)
    keys = index_of(resource_type, {"subject": reference}).keys
    return isinstance(found, Keys) and any(key in keys for key in found.rows)


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
        ("#1", [], ["1", "Patient/1", "#1"]),
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
    assert any(key in keys for key in condition_.rows) is found


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


def test_rf6_a_contained_resource_is_pointed_to_inside_its_container() -> None:
    parameter = parameter_of("Observation", "subject")
    keys = index_of("Observation", {"subject": {"reference": "#m1"}}).keys
    assert (parameter.hash("#", "Observation", "x", "m1"), parameter.pointing) in keys
    itself = index_of("Observation", {"subject": {"reference": "#"}}).keys
    assert (parameter.hash("Observation", "x"), parameter.pointing) in itself


@pytest.mark.parametrize(
    ("value", "found"), [("a1", True), ("s|A1", True), ("s|", True), ("|A1", False), ("t|A1", False), ("t|", False)]
)
def test_rf3_identifier(value: str, found: bool) -> None:
    assert finds("subject", {"identifier": {"system": "s", "value": "A1"}}, value, "identifier") is found
    assert not finds("subject", {"reference": "Patient/a1"}, value, "identifier")


def test_rf3_identifier_without_a_system() -> None:
    assert finds("subject", {"identifier": {"value": "1"}}, "|1", "identifier")
    with pytest.raises(BadRequest, match="subject:identifier"):
        finds("subject", {}, "a|b|c", "identifier")
    with pytest.raises(BadRequest, match="questionnaire:identifier"):
        condition(parameter_of("QuestionnaireResponse", "questionnaire"), "identifier", ("x",), BASE)


@pytest.mark.parametrize("value", ["1", "Location/1", f"{BASE}/Location/1"])
def test_rf4_hierarchies(value: str) -> None:
    parameter, parent = parameter_of("Encounter", "location"), parameter_of("Location", "partof")
    found = condition(parameter, "below", (value,), BASE)
    assert found == Or((Or((Hierarchy("below", "Location", "1", parent.pointing, (parameter.pointing,)),)),))


@pytest.mark.parametrize(
    ("resource_type", "code", "value"),
    [
        ("Observation", "subject", "Patient/1"),
        ("Observation", "subject", "http://else/Location/1"),
        ("Observation", "patient", "1"),
        ("QuestionnaireResponse", "questionnaire", "http://x/q|1"),
    ],
)
def test_rf4_what_has_no_hierarchy(resource_type: str, code: str, value: str) -> None:
    with pytest.raises(BadRequest, match=f"{code}:above"):
        condition(parameter_of(resource_type, code), "above", (value,), BASE)


@pytest.mark.parametrize(
    ("canonical", "found"),
    [("|1", True), ("|1.0", True), ("|1.1.7", True), ("|10", False), ("|2.1", False), ("", False)],
)
def test_rf5_versions_below(canonical: str, found: bool) -> None:
    parameter = parameter_of("QuestionnaireResponse", "questionnaire")
    keys = index_of("QuestionnaireResponse", {"questionnaire": "http://x/q" + canonical}).keys
    [below] = condition(parameter, "below", ("http://x/q|1",), BASE).conditions  # type: ignore[union-attr]
    assert any(key in keys for key in below.rows) is found
    [any_version] = condition(parameter, "below", ("http://x/q",), BASE).conditions  # type: ignore[union-attr]
    assert any(key in keys for key in any_version.rows)


def test_compartments() -> None:
    """CM-1: by the parameters that the definition lists, and by references to resources here only."""
    rows = index_of("Observation", {"subject": {"reference": "Patient/1"}, "focus": [{"reference": "Patient/2"}]})
    hash_ = parameter_of("Observation", "subject").hash
    assert list(rows.compartments) == [hash_("Patient", "1")]
    elsewhere = index_of("Observation", {"subject": {"reference": "http://else/Patient/1"}})
    assert not elsewhere.compartments


def test_what_cannot_be_sorted_by_says_so() -> None:
    parameter = parameter_of("Observation", "subject")
    unordered = parameter.key(""), LATER
    assert unordered in index_of("Observation", {"subject": {"identifier": {"value": "1"}}}).keys
    both = {"subject": {"reference": "Patient/1", "identifier": {"value": "1"}}}
    assert unordered not in index_of("Observation", both).keys
