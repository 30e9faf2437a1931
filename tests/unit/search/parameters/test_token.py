"""Tokens: TK-1 … TK-9."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import BadRequest
from search.conditions import Codes, Ids, Keys, Not, Nothing, Or, Texts
from search.parameter import ANY, EARLIER, LATER, NONE, TEXT
from search.parameters.string import after
from search.parameters.token import condition

from ..parameter_of import condition_of, index_of, meets, parameter_of


def finds(resource_type: str, code: str, content: dict[str, Any], value: str) -> bool:
    """Whether condition(value) meets the postings of the content."""
    found = condition(parameter_of(resource_type, code), None, (value,), "")
    keys = index_of(resource_type, content).keys
    return isinstance(found, Keys) and any(key in keys for key in found.rows)


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
    number = parameter.type_number
    assert found.rows == tuple((number, parameter.hash("Patient", one), one) for one in ("a", "B"))
    assert not index_of("Patient", {}).keys.keys() & {parameter.present}


def test_tk3_not_is_the_rest() -> None:
    for content in (CODED, {"code": {"text": "x"}}, {}):
        rows = index_of("Observation", content)
        for value in ("1234-5", "|Local", "other"):
            positive = condition_of("Observation", f"code={value}")
            assert condition_of("Observation", f"code:not={value}") == Not(positive)
            assert meets(Not(positive), rows) is not meets(positive, rows)
    ids = condition_of("Patient", "_id:not=a")
    assert isinstance(ids, Not)
    assert isinstance(ids.condition, Ids)


def test_tk4_texts_are_in_the_dictionary() -> None:
    """A condition on texts is pending: a range of the dictionary's normalised texts."""
    parameter = parameter_of("Observation", "code")
    rows = index_of("Observation", {"code": {"text": "Blood  Sugar!", "coding": [{"display": "Glucose", "code": "g"}]}})
    texts = {code: h for (number, q, h), (_, code) in rows.codes.items() if (number, q) == (parameter.number, TEXT)}
    assert texts == {"blood sugar": parameter.key("blood sugar"), "glucose": parameter.key("glucose")}
    assert all((h, TEXT) in rows.keys for h in texts.values())
    found = condition_of("Observation", "code:text=Blood")
    assert found == Texts(((parameter.type_number, parameter.number, "blood", after("blood")),))
    kind = {"identifier": [{"value": "1", "type": {"text": "Medical Record"}}]}
    assert ("", "medical record") in index_of("Patient", kind).codes.values()
    with pytest.raises(BadRequest, match="gender:text"):
        condition_of("Patient", "gender:text=male")


@pytest.mark.parametrize(
    ("criterion", "relation", "value"),
    [
        ("code:in=http://x/vs|1", "in", "http://x/vs|1"),
        ("code:below=http://loinc.org|1", "below", "http://loinc.org|1"),
        ("code:above=1", "above", "1"),
        ("status:in=ValueSet/1", "in", "ValueSet/1"),
    ],
)
def test_tk5_tk7_relations_are_pending(criterion: str, relation: str, value: str) -> None:
    found = condition_of("Observation", criterion)
    assert isinstance(found, Or)
    [codes] = found.conditions
    assert isinstance(codes, Codes)
    assert (codes.relation, codes.value, codes.name) == (relation, value, criterion.partition("=")[0])
    assert (codes.resource_type, codes.code) == ("Observation", criterion.partition(":")[0])


def test_tk5_the_postings_of_a_code() -> None:
    [codes] = condition_of("Observation", "code:in=x").conditions  # type: ignore[union-attr]
    rows = index_of("Observation", CODED)
    assert all(key in rows.keys for key in codes.keys("http://loinc.org", "1234-5") + codes.keys("", "LOCAL"))
    assert not any(key in rows.keys for key in codes.keys("", "1234-5") + codes.keys("http://x", "1234-5"))
    [plain] = condition_of("Observation", "status:in=x").conditions  # type: ignore[union-attr]
    status = index_of("Observation", BARE).keys
    assert [key in status for key in plain.keys(STATUS, "final")] == [True]
    assert plain.keys("http://x", "final") == ()


def test_tk6_not_in_is_the_rest() -> None:
    found = condition_of("Observation", "code:not-in=http://x")
    assert isinstance(found, Not)
    assert isinstance(found.condition, Or)
    [codes] = found.condition.conditions
    assert (codes.relation, codes.name) == ("in", "code:not-in")  # type: ignore[union-attr]


@pytest.mark.parametrize("criterion", ["identifier:in=x", "phone:below=x", "_id:in=x"])
def test_tk5_what_is_no_code(criterion: str) -> None:
    with pytest.raises(BadRequest, match=criterion.partition("=")[0]):
        condition_of("Patient", criterion)


@pytest.mark.parametrize("modifier", ["of-type", "ofType"])
@pytest.mark.parametrize(
    ("value", "found"),
    [("t|MR|a1", True), ("t|MR|A1", True), ("t|MR|b2", False), ("t|SS|B2", True), ("u|MR|A1", False)],
)
def test_tk8_of_type(modifier: str, value: str, found: bool) -> None:
    """Type and value of the same identifier."""
    content = {
        "identifier": [
            {"system": "s", "value": "A1", "type": {"coding": [{"system": "t", "code": "MR"}]}},
            {"system": "s", "value": "B2", "type": {"coding": [{"system": "t", "code": "SS"}]}},
        ]
    }
    assert meets(condition_of("Patient", f"identifier:{modifier}={value}"), index_of("Patient", content)) is found


@pytest.mark.parametrize(
    "criterion",
    ["identifier:of-type=t|MR", "identifier:of-type=|MR|1", "identifier:of-type=a|b|c|d", "gender:of-type=a|b|c"],
)
def test_tk8_all_three_parts(criterion: str) -> None:
    with pytest.raises(BadRequest, match=criterion.partition("=")[0]):
        condition_of("Patient", criterion)


def test_the_dictionary_of_codes() -> None:
    parameter = parameter_of("Observation", "code")
    rows = index_of("Observation", {"code": {"coding": [{"system": "s", "code": "Ab"}, {"code": "c"}]}})
    ab, c = parameter.key("ab"), parameter.key("c")
    assert {key[1:]: known for key, known in rows.codes.items() if key[0] == parameter.number} == {
        (ANY, ab): ("", "ab"), (parameter.system("s"), ab): ("s", "ab"), (ANY, c): ("", "c"), (NONE, c): ("", "c"),
    }  # fmt: skip


def test_the_first_and_the_last_of_several_codes() -> None:
    parameter = parameter_of("Observation", "code")
    keys = index_of("Observation", {"code": {"coding": [{"code": one} for one in ("M", "z", "a")]}}).keys
    a, m, z = map(parameter.key, "amz")
    assert {(h, q) for h, q in keys if q in (LATER, EARLIER) and h in (a, m, z)} == {
        (m, LATER), (z, LATER), (m, EARLIER), (a, EARLIER),
    }  # fmt: skip
    assert not any(
        q in (LATER, EARLIER) for _, q in index_of("Observation", {"code": {"coding": [{"code": "a"}]}}).keys
    )


@pytest.mark.parametrize(
    ("resource_type", "code", "content", "unordered"),
    [
        ("Observation", "code", {"code": {"text": "x"}}, True),
        ("Observation", "code", {"code": {"text": "x", "coding": [{"code": "y"}]}}, False),
        ("Observation", "category", {"category": [{"text": "x"}, {"coding": [{"code": "y"}]}]}, False),
        ("Patient", "identifier", {"identifier": [{"system": "s"}]}, True),
        ("Patient", "identifier", {"identifier": [{"system": "s"}, {"value": "1"}]}, False),
        ("MessageDefinition", "event", {"eventUri": "urn:x"}, True),
    ],
)
def test_a_value_that_sorting_has_no_place_for(
    resource_type: str, code: str, content: dict[str, Any], unordered: bool
) -> None:
    parameter = parameter_of(resource_type, code)
    keys = index_of(resource_type, content).keys
    assert parameter.present in keys
    assert ((parameter.key(""), LATER) in keys) is unordered


def test_identifiers_are_sorted_by_their_values() -> None:
    parameter = parameter_of("Patient", "identifier")
    rows = index_of("Patient", {"identifier": [{"system": "s", "value": "B2" * 1_000}]})
    assert [v for number, v in rows.str if number == parameter.number] == [("b2" * 1_000)[:500]]
    assert not any(number == parameter.number for number, _, _ in rows.codes)


def test_nothing_is_no_value() -> None:
    """A value of nothing does not find everything that is there."""
    assert not meets(condition_of("Observation", "code="), index_of("Observation", CODED))
    assert not meets(condition_of("Observation", "code=|"), index_of("Observation", CODED))


@pytest.mark.parametrize(
    ("code", "content", "present"),
    [
        ("code", {"code": {"extension": [{"url": "x", "valueCode": "unknown"}]}}, False),
        ("code", {"code": {"coding": [{"extension": [{"url": "x", "valueCode": "unknown"}]}]}}, False),
        ("code", {"code": {"coding": [{"version": "1"}]}}, False),
        ("code", {"code": {"coding": [{"display": "x"}]}}, True),
        ("identifier", {"identifier": [{"use": "official"}]}, False),
        ("identifier", {"identifier": [{"type": {"text": "x"}}]}, True),
        ("category", {"category": [{"coding": [{"system": "s"}]}]}, True),
    ],
)
def test_mi1_what_no_search_could_match_is_missing(code: str, content: dict[str, Any], present: bool) -> None:
    parameter = parameter_of("Observation", code)
    keys = index_of("Observation", content).keys
    assert (parameter.present in keys) is present
    assert ((parameter.key(""), LATER) in keys) is present
