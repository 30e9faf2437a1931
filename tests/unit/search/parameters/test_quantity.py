"""Quantities: QU-1 … QU-5, and their prefixes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.parameters.decimals import HIGHEST, LOWEST, after, text

from ..parameter_of import condition_of, finds, index_of, meets, parameter_of

UCUM = "http://unitsofmeasure.org"
MG = {"system": UCUM, "code": "mg", "unit": "milligram"}


def found(quantity: dict[str, Any], value: str) -> bool:
    return finds("Observation", {"valueQuantity": quantity}, f"value-quantity={value}")


def rows_of(resource_type: str, code: str, content: dict[str, Any]) -> list[tuple[Any, ...]]:
    number = parameter_of(resource_type, code).number
    return [row[1:] for row in index_of(resource_type, content).qty if row[0] == number]


@pytest.mark.parametrize(
    ("value", "finds_it"),
    [
        ("5.4", True), ("5", True), ("5.40", True), ("5.41", False), ("eq5.4", True), ("ne5.4", False),
        (f"5.4|{UCUM}|mg", True), (f"5.4|{UCUM}|g", False), ("5.4||mg", True), ("5.4||milligram", True),
        ("5.4||MG", False), (f"5.4|{UCUM}|", True), ("5.4|http://x|", False), ("5.4|http://x|mg", False),
        (f"0.0054|{UCUM}|g", True), (f"5400|{UCUM}|ug", True), (f"gt0.005|{UCUM}|g", True), (f"0.0054|{UCUM}|m", False),
        ("5.4||", True), ("lt5.5", True), ("lt5.4", False), ("ge5.4", True), ("ap5", True), ("ap6.1", False),
    ],
)  # fmt: skip
def test_qu1_qu2_forms_and_units(value: str, finds_it: bool) -> None:
    assert found({"value": Decimal("5.4")} | MG, value) is finds_it


def test_qu2_pounds_and_kilograms() -> None:
    assert found({"value": 150, "system": UCUM, "code": "[lb_av]"}, f"68.0388555|{UCUM}|kg")
    assert found({"value": 68, "system": UCUM, "code": "kg"}, f"150|{UCUM}|[lb_av]")
    assert not found({"value": 69, "system": UCUM, "code": "kg"}, f"150|{UCUM}|[lb_av]")


def test_qu2_special_units() -> None:
    assert found({"value": 37, "system": UCUM, "code": "Cel"}, f"98.6|{UCUM}|[degF]")
    assert found({"value": 37, "system": UCUM, "code": "Cel"}, f"gt310|{UCUM}|K")
    assert found({"value": 7, "system": UCUM, "code": "[pH]"}, f"7|{UCUM}|[pH]")
    assert found({"value": 7, "system": UCUM, "code": "no unit"}, f"7|{UCUM}|no unit")


@given(st.integers(-(10**6), 10**6), st.sampled_from(["mg", "g", "kg", "[lb_av]", "[oz_av]"]))
def test_qu2_what_is_found_in_its_unit_is_found_in_any(amount: int, code: str) -> None:
    """The range of the search value is that of its own unit."""
    quantity = {"value": Decimal(amount).scaleb(-2), "system": UCUM, "code": code}
    assert found(quantity, f"{Decimal(amount).scaleb(-2)}|{UCUM}|{code}")
    assert not found(quantity, f"{Decimal(amount + 1).scaleb(-2)}|{UCUM}|{code}")


def test_qu3_other_systems_are_compared_as_they_are() -> None:
    local = {"value": 2, "system": "http://x", "code": "tab", "unit": "Tablet"}
    assert found(local, "2|http://x|tab")
    assert not found(local, "2|http://x|TAB")
    assert not found(local, "2|http://X|tab")
    assert not found({"value": 2, "unit": "tab"}, "2|http://x|tab")
    assert found({"value": 2, "unit": "tab"}, "2||tab")


@pytest.mark.parametrize(
    ("comparator", "values", "others"),
    [
        ("<", ["lt5", "lt4", "le5", "gt4", "eb5", "ap5", "ne5"], ["gt5", "sa4", "5", "ge5"]),
        ("<=", ["lt5", "le5", "gt4"], ["gt5", "eb5", "5"]),
        (">", ["gt5", "gt6", "sa5", "ge5", "lt6"], ["lt5", "eb6", "5", "le5"]),
        (">=", ["gt5", "lt6", "gt4"], ["lt5", "sa5", "5"]),
    ],
)
def test_qu4_a_comparator_makes_an_open_range(comparator: str, values: list[str], others: list[str]) -> None:
    quantity = {"value": 5, "comparator": comparator} | MG
    for value in values:
        assert found(quantity, value), value
        assert found(quantity, f"{value}|{UCUM}|mg"), value
    for value in others:
        assert not found(quantity, value), value
        assert not found(quantity, f"{value}|{UCUM}|mg"), value


def test_qu4_open_ends() -> None:
    below = rows_of("Observation", "value-quantity", {"valueQuantity": {"value": 5, "comparator": "<"}})
    assert [row[2:4] for row in below] == [(LOWEST, text(5))]
    above = rows_of("Observation", "value-quantity", {"valueQuantity": {"value": 5, "comparator": ">"}})
    assert [row[2:4] for row in above] == [(after(text(5)), HIGHEST)]


def test_qu5_other_kinds_of_quantity() -> None:
    limits = {"valueSampledData": {"origin": {"value": 0} | MG, "lowerLimit": Decimal("-1.5"), "upperLimit": 2}}
    sampled = index_of("Observation", limits)
    for value, inside in [
        ("gt1", True),
        ("gt2", False),
        ("lt-1", True),
        ("lt-1.5", False),
        (f"gt0.001|{UCUM}|g", True),
    ]:
        assert meets(condition_of("Observation", f"value-quantity={value}"), sampled) is inside, value
    ages = {"onsetRange": {"low": {"value": 10} | MG, "high": {}}}
    assert finds("Condition", ages, "onset-age=gt1000")
    assert not finds("Condition", ages, "onset-age=lt10")
    total = {"totalNet": {"value": 12, "currency": "EUR"}}
    for value, is_it in [("12", True), ("12||EUR", True), ("12|urn:iso:std:iso:4217|EUR", True), ("12||USD", False)]:
        assert finds("Invoice", total, f"totalnet={value}") is is_it


def test_a_quantity_without_value_is_not_there() -> None:
    rows = index_of("Observation", {"valueQuantity": {"unit": "mg"}})
    assert not rows.qty
    assert parameter_of("Observation", "value-quantity").present not in rows.keys


@pytest.mark.parametrize(
    "value", ["", "mg", "5|mg", "5|a|b|c", "5,4x", "1e999", "gt", "--5", "5 4", "٣", "NaN", "Infinity"]
)
def test_what_is_no_quantity(value: str) -> None:
    with pytest.raises(BadRequest, match="value-quantity="):
        condition_of("Observation", f"value-quantity={value}")


def test_equal_values_are_measured_once() -> None:
    """Several parameters read the same quantity; each has a row of the same numbers."""
    rows = index_of("Observation", {"valueQuantity": {"value": Decimal("1.10")} | MG})
    assert {row[3:] for row in rows.qty} == {next(iter(rows.qty))[3:]}
    assert len({row[0] for row in rows.qty}) == 2
    assert Fraction(Decimal("1.10")) == Fraction(11, 10)
