"""The oracle's quantities against the words of the specification."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.naive.quantities import UCUM, quantity_matches
from tests.naive.values import Refused, Value


def quantity(value: str, code: str | None = None, comparator: str | None = None, **more: Any) -> Value:
    unit = {"system": UCUM, "code": code} if code else {}
    return Value(
        "Quantity", {"value": Decimal(value), **unit, **({"comparator": comparator} if comparator else {}), **more}
    )


OTHER = Value("Quantity", {"value": Decimal("5.4"), "system": "urn:s", "code": "x"})


@pytest.mark.parametrize(
    ("stored", "search", "found"),
    [
        # QU-1: the forms of https://hl7.org/fhir/R4/search.html#quantity
        (quantity("5.4", "mg"), "5.4|http://unitsofmeasure.org|mg", True),
        (quantity("5.4", "mg"), "5.4||mg", True),
        (quantity("5.4", "mg"), "5.4", True),
        (quantity("5.44", "mg"), "5.4|http://unitsofmeasure.org|mg", True),
        (quantity("5.45", "mg"), "5.4|http://unitsofmeasure.org|mg", False),
        (quantity("5.4", None, unit="mg"), "5.4||mg", True),
        (quantity("5.4", None, unit="mg"), "5.4|http://unitsofmeasure.org|mg", False),
        (quantity("5.4", "mg"), f"5.4|{UCUM}|", True),
        (quantity("5.4", "mg"), "5.4|urn:other|", False),
        (quantity("5.4"), "le5.4", True),
        # QU-2
        (quantity("0.0054", "g"), "5.4|http://unitsofmeasure.org|mg", True),
        (quantity("0.00545", "g"), "5.4|http://unitsofmeasure.org|mg", False),
        (quantity("1000", "mg"), f"1|{UCUM}|g", True),
        (quantity("70", "kg"), f"gt154|{UCUM}|[lb_av]", True),
        (quantity("70", "kg"), f"gt155|{UCUM}|[lb_av]", False),
        (quantity("60", "min"), f"1|{UCUM}|h", True),
        (quantity("1", "m"), f"1|{UCUM}|s", False),
        (quantity("5", "unknown"), f"5|{UCUM}|unknown", True),
        # QU-3
        (quantity("5.4", "g"), "5400||mg", False),
        (OTHER, "5.4|urn:s|x", True),
        (OTHER, "5.4|urn:s|X", False),
        (OTHER, "5.4|urn:S|x", False),
        # QU-4
        (quantity("5", None, "<"), "lt5", True),
        (quantity("5", None, "<"), "5", False),
        (quantity("5", None, "<"), "gt4", True),
        (quantity("5", None, "<"), "ge5", False),
        (quantity("5", None, "<"), "eb5", True),
        (quantity("5", None, "<="), "eb5", False),
        (quantity("5", None, "<="), "gt5", False),
        (quantity("5", None, ">"), "sa5", True),
        (quantity("5", None, ">="), "sa5", False),
        (quantity("5", None, ">="), "lt5", False),
        (quantity("5", None, ">="), "gt1000000", True),
        (quantity("5", None, "<"), "ne5", True),
        # QU-5
        (Value("Range", {"low": {"value": 1}, "high": {"value": 2}}), "sa0.9", True),
        (Value("Range", {"low": {"value": 1}}), "gt99", True),
        (Value("Range", {"high": {"value": 2}}), "le1", True),
        (Value("Range", {"high": {"value": 2}}), "ge1", True),
        (Value("Range", {"high": {"value": 2}}), "ge2", False),
        (Value("Money", {"value": 3, "currency": "EUR"}), "3|urn:iso:std:iso:4217|EUR", True),
        (Value("Money", {"value": 3, "currency": "EUR"}), "3|urn:iso:std:iso:4217|USD", False),
        (Value("SampledData", {"lowerLimit": 1, "upperLimit": 3, "origin": {"value": 2}}), "gt2", True),
        (Value("SampledData", {"lowerLimit": 1, "upperLimit": 3, "origin": {"value": 2}}), "gt3", False),
        (Value("Quantity", {"unit": "mg"}), "ne5", False),
        (Value("string", "5"), "5", False),
    ],
)
def test_qu1_to_qu5(stored: Value, search: str, found: bool) -> None:
    assert quantity_matches(stored, search) is found


@pytest.mark.parametrize("text", ["5|mg", "5|a|b|c", "|a|b", "gt|a|b", r"5\x"])
def test_qu1_refuses(text: str) -> None:
    with pytest.raises(Refused):
        quantity_matches(quantity("5"), text)
