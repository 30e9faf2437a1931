"""https://hl7.org/fhirpath/N1/#quantity-equality"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.fhirpath import Outside, Quantity
from resources.fhirpath.quantities import comparable, compare
from terminology.grammars.ucum import to_canonical

from .asking import ask, written

UCUM = Outside(canonical=to_canonical)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("1 week = 7 days", [True]), ("1 week = 7 'd'", [True]), ("1 year = 12 months", [True]), ("1 year = 1 'a'", []),
        ("1 year ~ 1 'a'", [True]), ("1 year > 30 days", []), ("1 'g' = 1000 'mg'", []), ("1 'g' = 1 'g'", [True]),
        ("1 'g' < 2 'g'", [True]), ("1 'mg' = 1 's'", []), ("1 hour > 59 minutes", [True]), ("3 = 3 '1'", [True]),
    ],
)  # fmt: skip
def test_without_units_of_measure_only_like_units_are_compared(text: str, truth: list[Any]) -> None:
    assert ask(text) == truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("1 'g' = 1000 'mg'", [True]), ("1 'g' > 999 'mg'", [True]), ("1 'g' = 1 's'", []),
        ("1 'm' + 50 'cm' = 1.5 'm'", [True]),
        ("2 'm' * 2 'm' = 4 'm2'", [True]), ("contained.value > 80 'kg'", [True]), ("1 'g' ~ 1040 'mg'", [True]),
        ("1 'g' ~ 1600 'mg'", [False]),
    ],
)  # fmt: skip
def test_with_them_all_that_can_be_converted(text: str, truth: list[Any]) -> None:
    assert ask(text, outside=UCUM) == truth


def test_codes_of_other_systems_equal_only_their_like() -> None:
    money = {"resourceType": "Observation", "valueQuantity": {"value": 3, "code": "g", "system": "http://other"}}
    assert ask("value = 3 'g'", money) == []
    assert ask("value = value", money) == [True]


def test_written() -> None:
    assert written("(4 days) | 1.50 'mg'") == ["4 day", "1.50 'mg'"]


def test_values() -> None:
    assert compare(Quantity(Decimal(1), "a"), Quantity(Decimal(1), "b"), None) is None
    assert comparable(Quantity(Decimal(2), "h"), None) == (7200, "s")
