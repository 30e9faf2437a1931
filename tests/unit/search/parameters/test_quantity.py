"""Quantities as given: QU-4, QU-5."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

import pytest

from ..parameter_of import index_of, parameter_of

UCUM = "http://unitsofmeasure.org"
MG = {"system": UCUM, "code": "mg", "unit": "milligram"}


def rows_of(resource_type: str, code: str, content: dict[str, Any]) -> list[tuple[Any, ...]]:
    number = parameter_of(resource_type, code).number
    return [row[1:] for row in index_of(resource_type, content).qty if row[0] == number]


def unit(*names: str | None) -> tuple[int, ...]:
    return tuple(map(parameter_of("Observation", "value-quantity").system, names))


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [
        ({"value": Decimal("6.30")}, 6.3, 6.3),
        ({"value": 5, "comparator": "<"}, -inf, 5.0),
        ({"value": 5, "comparator": "<="}, -inf, 5.0),
        ({"value": 5, "comparator": ">"}, 5.0, inf),
        ({"value": Decimal("1E400")}, inf, inf),
        ({"value": -(10**400)}, -inf, -inf),
    ],
)
def test_a_comparator_makes_an_open_range(quantity: dict[str, Any], low: float, high: float) -> None:
    rows = rows_of("Observation", "value-quantity", {"valueQuantity": quantity | MG})
    assert rows == [(low, high, *unit(UCUM, "mg", "milligram"))]


def test_other_kinds_of_quantity() -> None:
    limits = {"origin": {"value": 0} | MG, "lowerLimit": Decimal("-1.5"), "upperLimit": 2}
    assert rows_of("Observation", "value-quantity", {"valueSampledData": limits}) == [
        (-1.5, 2.0, *unit(UCUM, "mg", "milligram"))
    ]
    ages = {"low": {"value": 10} | MG, "high": {}}
    assert rows_of("Condition", "onset-age", {"onsetRange": ages}) == [(10.0, inf, *unit(UCUM, "mg", "milligram"))]
    total = {"totalNet": {"value": 12, "currency": "EUR"}}
    assert rows_of("Invoice", "totalnet", total) == [(12.0, 12.0, *unit("urn:iso:std:iso:4217", "EUR", None))]


def test_a_quantity_without_value_is_not_there() -> None:
    rows = index_of("Observation", {"valueQuantity": {"unit": "mg"}})
    assert not rows.qty
    assert parameter_of("Observation", "value-quantity").present not in rows.keys
