"""Tokens: TK-1, TK-2, TK-9."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest
from search.conditions import Ids, Keys, Nothing
from search.parameters.token import condition

from ..parameter_of import index_of, parameter_of


def finds(resource_type: str, code: str, content: dict[str, Any], value: str) -> bool:
    """Whether condition(value) meets the postings of the content."""
    found = condition(parameter_of(resource_type, code), None, (value,), "")
    keys = index_of(resource_type, content).keys
    return isinstance(found, Keys) and any(key in keys for key in found.keys)


CODED = {
    "code": {"coding": [{"system": "http://loinc.org", "code": "1234-5"}, {"code": "Local"}, {"system": "http://x"}]}
}
BARE = {"status": "final"}
STATUS = "http://hl7.org/fhir/observation-status"
IDENTIFIED = {"identifier": [{"system": "urn:x", "value": "A|1"}, {"value": "B 2"}]}


@pytest.mark.parametrize(
    ("code", "content", "values", "others"),
    [
        (
            "code",
            CODED,
            ["1234-5", "http://loinc.org|1234-5", "http://loinc.org|", "|Local", "local", "LOCAL", "http://x|"],
            ["1234", "|1234-5", "http://loinc.org|Local", "http://x|1234-5", "http://y|"],
        ),
        (
            "status",
            BARE,
            ["final", f"{STATUS}|final", f"{STATUS}|"],
            ["FINAL", "|final", f"{STATUS}|amended", "http://x|final", "http://x|", "amended"],
        ),
        (
            "identifier",
            IDENTIFIED,
            [r"A\|1", r"urn:x|A\|1", r"urn:x|a\|1", "urn:x|", "|B 2", "b 2"],
            ["urn:x|B 2", r"|A\|1", "A", "urn:X|"],
        ),
    ],
)  # fmt: skip
def test_four_forms(code: str, content: dict[str, Any], values: list[str], others: list[str]) -> None:
    for value in values:
        assert finds("Observation", code, content, value), value
    for value in others:
        assert not finds("Observation", code, content, value), value


def test_booleans_ids_and_contact_points() -> None:
    assert finds("Patient", "active", {"active": True}, "true")
    assert not finds("Patient", "active", {"active": False}, "true")
    assert finds("Patient", "deceased", {}, "false")
    assert finds("Patient", "deceased", {"deceasedDateTime": "2020"}, "true")
    telecom = {"telecom": [{"system": "phone", "value": "+1 Ext"}, {"system": "email", "value": "A@x"}]}
    assert finds("Patient", "phone", telecom, "+1 ext")
    assert not finds("Patient", "phone", telecom, "a@x")
    assert finds("Patient", "email", telecom, "a@X")


@pytest.mark.parametrize(
    ("code", "value"), [("active", "x|true"), ("phone", "x|1"), ("identifier", "a|b|c"), ("_id", "x|1")]
)
def test_a_system_where_there_is_none(code: str, value: str) -> None:
    """TK-1: 400, with the parameter and the value."""
    with pytest.raises(BadRequest, match=code):
        condition(parameter_of("Patient", code), None, (value,), "")


def test_codes_and_concepts_in_one_parameter() -> None:
    """A parameter over both (code and Coding) is found by the system that the code's value set gives it."""
    parameter = parameter_of("CapabilityStatement", "mode")
    assert parameter.types == {"code"}
    mixed = [
        (resource_type, code)
        for resource_type in (
            "ValueSet",
            "CodeSystem",
            "Group",
            "Medication",
            "ActivityDefinition",
            "Measure",
            "StructureDefinition",
        )
        for code, one in ((c, parameter_of(resource_type, c)) for c in _tokens(resource_type))
        if one.types & {"code", "boolean"} and one.types & {"Coding", "CodeableConcept"}
    ]
    assert ("Group", "value") in mixed
    group = {
        "characteristic": [{"valueBoolean": True}, {"valueCodeableConcept": {"coding": [{"system": "s", "code": "C"}]}}]
    }
    for value in ("true", "c", "s|c", "s|"):
        assert finds("Group", "value", group, value), value


def _tokens(resource_type: str) -> list[str]:
    from ..parameter_of import INDEXER

    return [code for code, one in INDEXER.parameters(resource_type).items() if one.definition.type == "token"]


def test_presence() -> None:
    """MI-1: a text alone is a value; an extension alone is none."""
    parameter = parameter_of("Observation", "code")
    assert parameter.present in index_of("Observation", {"code": {"text": "x"}}).keys
    assert parameter.present not in index_of("Observation", {"_code": {}}).keys


def test_unknown_codes_of_a_known_system_match_nothing() -> None:
    assert condition(parameter_of("Observation", "status"), None, ("http://x|final",), "") == Nothing()


def test_ids_are_exact() -> None:
    parameter = parameter_of("Patient", "_id")
    found = condition(parameter, None, ("a", "B"), "")
    assert isinstance(found, Ids)
    assert found.ids == ((parameter.hash("Patient", "a"), "a"), (parameter.hash("Patient", "B"), "B"))
    assert not index_of("Patient", {}).keys.keys() & {parameter.present}
