"""Required bindings: codes that the definitions list, MIME types by their form, all else by asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from resources import definitions
from resources.validation.bindings import MIME_TYPES, allowed_codes, ask_nobody, is_mime_type, membership

DEFINITIONS = definitions.load()
CLINICAL = "http://hl7.org/fhir/ValueSet/condition-clinical"
SYSTEM = "http://terminology.hl7.org/CodeSystem/condition-clinical"
UNITS = "http://hl7.org/fhir/ValueSet/ucum-units"


def test_codes_of_all_systems_are_allowed_where_there_is_no_system() -> None:
    assert allowed_codes(DEFINITIONS, "http://hl7.org/fhir/ValueSet/administrative-gender") == {
        "male",
        "female",
        "other",
        "unknown",
    }
    several = "http://hl7.org/fhir/ValueSet/all-types"
    assert {"Patient", "HumanName"} < (allowed_codes(DEFINITIONS, several) or set())
    assert allowed_codes(DEFINITIONS, MIME_TYPES) is None


def test_only_four_bindings_cannot_be_listed_nor_judged_by_form() -> None:
    """Where they stand, a warning says so: nothing is passed over in silence."""
    elements = [element for s in DEFINITIONS.structures.values() for element in s.elements.values() if element.binding]
    unlisted = {
        e.path for e in elements if allowed_codes(DEFINITIONS, e.binding or "") is None and e.binding != MIME_TYPES
    }
    assert unlisted == {
        "EffectEvidenceSynthesis.effectEstimate.unitOfMeasure",
        "MolecularSequence.structureVariant.variantType",
        "ResearchElementDefinition.characteristic.unitOfMeasure",
        "RiskEvidenceSynthesis.riskEstimate.unitOfMeasure",
    }


def test_a_coding_needs_its_system() -> None:
    ask = membership(DEFINITIONS, CLINICAL, ask_nobody)
    assert ask([{"system": SYSTEM, "code": "active"}]) == "yes"
    assert ask([{"code": "active"}]) == "no"
    assert ask([{"system": SYSTEM, "code": "Active"}]) == "no"
    assert ask([{"system": SYSTEM}]) == "no"
    assert ask([{"code": "x"}, {"system": SYSTEM, "code": "active"}]) == "yes"
    assert ask([]) == "no"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [(["no", "unknown"], "unknown"), (["unknown", "yes"], "yes"), (["no", "no"], "no"), ([], "no")],
)
def test_the_best_answer_counts(answers: list[str], expected: str) -> None:
    def binding(value_set: str, coding: Mapping[str, Any]) -> str:
        assert value_set == UNITS
        return str(coding["code"])

    assert membership(DEFINITIONS, UNITS, binding)([{"code": answer} for answer in answers]) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("text/plain", True),
        ("application/fhir+json", True),
        ("application/fhir+json; fhirVersion=4.0", True),
        ("image/*", True),
        ("application/vnd.ms-excel", True),
        ("json", True),
        ("xml", True),
        ("ttl", True),
        ("text", False),
        ("text/", False),
        ("/plain", False),
        ("text/plain charset=utf-8", False),
        ("text plain", False),
        ("text/plain\n", False),
    ],
)
def test_mime_types_are_judged_by_their_form(code: str, expected: bool) -> None:
    assert bool(is_mime_type(code)) == expected
