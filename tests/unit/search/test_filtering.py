"""Operators of `_filter` on index rows: FI-2 … FI-4."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.outcome import BadRequest
from search.conditions import Updated
from search.criteria import read
from search.filter import OPERATORS
from search.names import Names

from .parameter_of import BASE, R4, condition_for, index_of, meets


def finds(resource_type: str, content: dict[str, Any], expression: str) -> bool:
    criterion = read("_filter", expression)
    Names(R4).check((resource_type,), criterion)
    condition = condition_for(resource_type, criterion)
    return meets(condition, index_of(resource_type, content))


PATIENT = {
    "name": [{"family": "Carreño Quinones", "given": ["Peter", "James"]}],
    "gender": "male",
    "birthDate": "1974-12",
    "active": True,
    "identifier": [{"system": "urn:a", "value": "Xy1"}],
    "managingOrganization": {"reference": "Organization/1"},
}
OF_PATIENT = {
    'family eq "carreno quiñones"': True,
    "family eq quinones": False,  # a part is not the whole value
    "family eq carreno": False,
    'family ne "Carreno Quinones"': False,
    "family ne Quinones": True,
    "given ne Peter": True,  # there is another one
    "family co RENO": True,
    'family co "o q"': True,
    "family sw CARR": True,
    "family sw quin": False,
    "family ew nones": True,
    "family ew ES": True,
    "family ew carreno": False,
    'name ew "james carreno quinones"': False,  # across the parts there is no value
    "family ge carreno": True,
    "family gt a": True,
    'family gt "carreno quinones"': False,
    'family ge "carreno quinones"': True,
    'family le "carreno quinones"': True,
    'family lt "carreno quinones"': False,
    "family lt d": True,
    'family eq "%"': False,
    "gender eq MALE": True,
    "gender eq http://hl7.org/fhir/administrative-gender|Male": True,
    "gender eq female": False,
    "gender ne female": True,
    "gender ne male": False,
    "active eq TRUE": True,
    "identifier eq urn:a|xY1": True,
    "identifier eq urn:b|Xy1": False,
    "language ne de": False,  # there is none
    "gender pr true": True,
    "gender pr false": False,
    "language pr false": True,
    "birthdate eq 1974-12": True,
    "birthdate eq 1974-12-25": False,
    "birthdate co 1974-12-25": True,
    "birthdate co 1974": False,
    "birthdate po 1974-12-25": True,
    "birthdate po 1974": True,
    "birthdate po 1975": False,
    "birthdate ge 1974-12": True,
    "birthdate sa 1974-11": True,
    "birthdate eb 1974-12-31": False,
    "birthdate ne 1974": False,
    "organization re Organization/1": True,
    f"organization re {BASE}/Organization/1": True,
    "organization re Organization/2": False,
    "gender eq male and birthdate gt 2000 or family sw carr": True,
    "gender eq male or birthdate gt 2000 and family sw nobody": False,
    "not (gender eq male)": False,
    "not (gender eq female) and not (birthdate gt 2000)": True,
}


@pytest.mark.parametrize("expression", OF_PATIENT)
def test_fi3_operators(expression: str) -> None:
    assert finds("Patient", PATIENT, expression) is OF_PATIENT[expression]


OBSERVATION = {
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "valueQuantity": {"value": Decimal("5.4"), "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "instantiatesCanonical": "http://x/A",
}
OF_OBSERVATION = {
    "code eq loinc|2823-3": True,
    "code eq snomed|2823-3": False,
    "code eq http://loinc.org|2823-3": True,
    "value-quantity gt 5.3|ucum|mmol/L": True,
    "value-quantity gt 5400|ucum|umol/L": False,
    "value-quantity eq 5400.0|ucum|umol/L": True,
    "code-value-quantity eq loinc|2823-3$gt5|ucum|mmol/L": True,
    "code-value-quantity[code eq loinc|2823-3].value-quantity gt 5|ucum|mmol/L": True,
    "code-value-quantity[code eq loinc|2823-3].value-quantity lt 5|ucum|mmol/L": False,
}


@pytest.mark.parametrize("expression", OF_OBSERVATION)
def test_fi4_short_names_of_systems(expression: str) -> None:
    assert finds("Observation", OBSERVATION, expression) is OF_OBSERVATION[expression]


def test_numbers_and_uris() -> None:
    risk = {"prediction": [{"probabilityRange": {"low": {"value": 10}, "high": {"value": 20}}}]}
    found = {
        text: finds("RiskAssessment", risk, f"probability {text}") for text in ("co 15", "co 20", "co 21", "gt 19")
    }
    assert found == {"co 15": True, "co 20": True, "co 21": False, "gt 19": True}
    uri = {"url": "http://x/A"}
    texts = {
        "eq http://x/A": True,
        "eq http://x/a": False,
        "sw http://x": True,
        "ne http://x/B": True,
        "ne http://x/A": False,
    }
    assert {text: finds("ValueSet", uri, f"url {text}") for text in texts} == texts


def test_relations_to_value_sets_and_codes() -> None:
    """FI-3: ss, the value subsumes a concept of the resource, is `:below`; sb is `:above`."""
    relations = {"ss": "below", "sb": "above", "in": "in", "ni": "not-in"}
    for operator, modifier in relations.items():
        value = "http://x/vs|1" if modifier.endswith("in") else "loinc|1-2"
        spelled = value.replace("loinc", "http://loinc.org")
        condition = condition_for("Observation", read("_filter", f"code {operator} {value}"))
        plain = condition_for("Observation", read(f"code:{modifier}", spelled))
        assert condition == plain


def test_no_range_has_a_character_that_the_database_cannot_store() -> None:
    for resource_type, code in (("Patient", "family"), ("ValueSet", "url")):
        kind = "string" if code == "family" else "uri"
        for operator in sorted(OPERATORS[kind] - {"pr"}):
            condition = condition_for(resource_type, read("_filter", f"{code} {operator} abc"))
            assert "\\x00" not in repr(condition)


def test_the_time_of_the_last_update() -> None:
    def updated(text: str) -> object:
        return condition_for("Patient", read("_filter", f"_lastUpdated {text}"))

    number, day = R4.type_number("Patient"), 86_400_000_000
    assert updated("po 1970-01-02") == Updated(((number, day, 2 * day - 1),))
    assert updated("co 1970-01-02") == Updated(())  # an instant contains no day


WRONG = {
    "birthdate eq ge2000": "at character 1: ge2000: this is no date",
    "gender eq male and birthdate eq 13": "at character 20: .*13",
    "birthdate po 2000-13": "at character 1: .*2000-13",
    "gender eq a|b|c": r"at character 1: .*a\|b\|c",
    r"gender eq a\b": "at character 1: .*backslash",
    "general-practitioner eq Organization/1": "eq is not defined for general-practitioner.*re",
    "gender pr x": "at character 1: gender pr x",
    "nonsense eq 1": "at character 1: .*nonsense",
    "gender eq male and organization.nonsense eq 1": "at character 33: .*nonsense",
}


@pytest.mark.parametrize("expression", WRONG)
def test_fi4_errors_have_a_position(expression: str) -> None:
    with pytest.raises(BadRequest, match=WRONG[expression]):
        finds("Patient", PATIENT, expression)


def test_fi2_other_pairs_of_operator_and_type_are_refused() -> None:
    parameters = {"string": "family", "date": "birthdate", "token": "gender", "reference": "organization"}
    operators = frozenset().union(*OPERATORS.values())
    for kind, code in parameters.items():
        for operator in sorted(operators - OPERATORS[kind]):
            with pytest.raises(BadRequest, match=f"{operator} is not defined for {code}"):
                finds("Patient", PATIENT, f"{code} {operator} 1")
