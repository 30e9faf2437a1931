"""What a differential says of an element narrows what the base says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.profiles.merging import as_profiled, joined, merged, narrowed_to, type_code, typed

URL = "http://example.org/profile"


def is_a(code: str, ancestors: set[str]) -> bool:
    return code == "Age" and "Quantity" in ancestors


def merge(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return merged(current, wanted, URL, is_a)


@given(st.integers(0, 3), st.integers(3, 9), st.integers(0, 3), st.one_of(st.integers(3, 9), st.just("*")))
def test_cardinality_only_narrows(least: int, most: int, wanted_least: int, wanted_most: int | str) -> None:
    made = merge({"min": least, "max": str(most)}, {"min": wanted_least, "max": str(wanted_most)})
    assert made["min"] == max(least, wanted_least)
    assert int(made["max"]) == min(most, most if wanted_most == "*" else int(wanted_most))


def test_a_cardinality_that_nothing_meets() -> None:
    with pytest.raises(ValueError, match="asks for 1 of at most 0"):
        merge({"min": 1, "max": "*"}, {"max": "0"})
    with pytest.raises(ValueError, match="no number"):
        merge({"min": 1, "max": "*"}, {"max": "many"})


@pytest.mark.parametrize(
    ("current", "wanted", "made"),
    [
        (["Quantity", "string"], ["string"], ["string"]),
        (["string"], ["string", "boolean"], ["string"]),
        (["Quantity"], ["Age"], ["Age"]),
    ],
)
def test_types_narrow(current: list[str], wanted: list[str], made: list[str]) -> None:
    found = merge({"type": [{"code": code} for code in current]}, {"type": [{"code": code} for code in wanted]})
    assert [one["code"] for one in found["type"]] == made


def test_a_type_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="has the type boolean, where its base has string"):
        merge({"type": [{"code": "string"}]}, {"type": [{"code": "boolean"}]})


def test_targets_and_profiles_stay_unless_they_are_said_again() -> None:
    base = {"type": [{"code": "Reference", "targetProfile": ["http://a", "http://b"]}]}
    assert merge(base, {"type": [{"code": "Reference"}]}) == base
    narrowed = {"type": [{"code": "Reference", "targetProfile": ["http://a"]}]}
    assert merge(base, narrowed) == narrowed


def test_the_type_of_an_id_is_not_taken_for_another() -> None:
    system = {
        "code": "http://hl7.org/fhirpath/System.String",
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type", "valueUrl": "uri"}
        ],
    }
    assert type_code(system) == "uri"
    assert merge({"type": [system]}, {"type": [{"code": "uri"}]}) == {"type": [system]}


@pytest.mark.parametrize(
    ("current", "wanted", "made"),
    [
        (("required", "a"), ("extensible", "b"), ("required", "a")),
        (("required", "a"), ("required", "b"), ("required", "b")),
        (("example", "a"), ("required", "b"), ("required", "b")),
        (("preferred", "a"), ("preferred", "b"), ("preferred", "b")),
    ],
)
def test_bindings_only_get_stronger(current: tuple[str, str], wanted: tuple[str, str], made: tuple[str, str]) -> None:
    def binding(one: tuple[str, str]) -> dict[str, Any]:
        return {"binding": {"strength": one[0], "valueSet": one[1]}}

    assert merge(binding(current), binding(wanted)) == binding(made)


def test_the_largest_value_set_of_a_binding_stays() -> None:
    largest = {"url": "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet", "valueCanonical": "m"}
    made = merge(
        {"binding": {"strength": "preferred", "valueSet": "a", "extension": [largest]}},
        {"binding": {"strength": "preferred", "valueSet": "b"}},
    )
    assert made == {"binding": {"strength": "preferred", "valueSet": "b", "extension": [largest]}}


def test_slicing_only_gets_stricter() -> None:
    url, code = {"type": "value", "path": "url"}, {"type": "value", "path": "code"}
    made = merge(
        {"slicing": {"discriminator": [url], "ordered": True, "rules": "closed"}},
        {"slicing": {"discriminator": [code, url], "ordered": False, "rules": "open"}},
    )
    assert made == {"slicing": {"discriminator": [url, code], "ordered": True, "rules": "closed"}}


def test_constraints_accumulate_and_say_where_they_are_from() -> None:
    one, other = {"key": "a", "expression": "true"}, {"key": "a", "expression": "false"}
    made = merge({"constraint": [one]}, {"constraint": [one, other, {"key": "b", "source": "http://x"}]})
    assert [(c["key"], c.get("source")) for c in made["constraint"]] == [("a", None), ("a", URL), ("b", "http://x")]
    assert joined([one], [one]) == [one]


def test_values_keep_their_digits_and_places_stay() -> None:
    made = merge({"path": "P.a", "id": "P.a", "base": {}}, {"path": "P.b", "id": "x", "fixedDecimal": Decimal("1.50")})
    assert made == {"path": "P.a", "id": "P.a", "base": {}, "fixedDecimal": Decimal("1.50")}
    assert str(made["fixedDecimal"]) == "1.50"


def test_mustsupport_and_lengths_only_get_stricter() -> None:
    made = merge({"mustSupport": True, "maxLength": 5}, {"mustSupport": False, "maxLength": 9})
    assert made == {"mustSupport": True, "maxLength": 5}


def test_an_extension_is_what_its_definition_says() -> None:
    root = {"min": 1, "max": "1", "isModifier": True, "constraint": [{"key": "x"}]}
    current = {"min": 0, "max": "*", "constraint": [{"key": "ele-1"}]}
    made = as_profiled(current, root, True)
    assert (made["min"], made["max"], made["isModifier"]) == (1, "1", True)
    assert [one["key"] for one in made["constraint"]] == ["ele-1", "x"]
    other = as_profiled(current, root, False)
    assert (other["min"], other["max"], "isModifier" in other) == (0, "*", False)
    assert len(other["constraint"]) == 2


def test_short_names_of_choices() -> None:
    choice = {"type": [{"code": "Quantity"}, {"code": "dateTime"}]}
    assert list(typed(choice, "value[x]")) == ["valueQuantity", "valueDateTime"]
    assert narrowed_to(choice, "value[x]", "valueDateTime") == {"type": [{"code": "dateTime"}]}
    assert narrowed_to(choice, "value[x]", "anything") == choice
