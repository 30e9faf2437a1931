"""https://hl7.org/fhirpath/N1/#math"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from resources.fhirpath import Quantity

from ..asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(-5.50).abs()", [Decimal("5.50")]), ("(-5).abs()", [5]),
        ("(-5 'mg').abs()", [Quantity(Decimal(5), "mg")]), ("1.1.ceiling()", [2]),
        ("(-1.1).floor()", [-2]), ("1.exp().round(4)", [Decimal("2.7183")]), ("0.exp()", [Decimal(1)]),
        ("0.ln()", []), ("16.log(2)", [Decimal(4)]),
        ("10.log(1)", []), ("(-1).log(2)", []), ("2.power(10)", [1024]), ("2.power(-1)", [Decimal("0.5")]),
        ("2.power(31)", []), ("2.power(1000000)", []),
        ("(-1).power(0.5)", []), ("10.0.power(9999)", []), ("3.14159.round(2)", [Decimal("3.14")]),
        ("2.5.round()", [Decimal(3)]), ("2.round(2)", [2]),
        ("81.sqrt()", [Decimal(9)]), ("(-1).sqrt()", []), ("(-1.9).truncate()", [-1]),
        ("99999999999.5.floor()", []), ("0.power(0)", [1]),
    ],
)  # fmt: skip
def test_maths(text: str, values: list[Any]) -> None:
    assert ask(text) == values
