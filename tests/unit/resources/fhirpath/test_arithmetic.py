"""https://hl7.org/fhirpath/N1/#math"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .asking import ask, written

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 + 2", [3]), ("1.5 + 2", [Decimal("3.5")]), ("7 div 2", [3]), ("-7 div 2", [-3]), ("-7 mod 2", [-1]),
        ("5 / 2", [Decimal("2.5")]),
        ("1 / 0", []), ("1 div 0", []), ("1 mod 0", []), ("2147483647 + 1", []), ("65536 * 65536", []),
        ("1 + {}", []), ("'a' + 'b'", ["ab"]),
        ("'a' + {}", []), ("'a' & {}", ["a"]), ("{} & {}", [""]), ("-(2.50)", [Decimal("-2.50")]),
        ("+multipleBirth", [2]), ("1 + gender", []),
        ("2.2 mod 1.8", [Decimal("0.4")]), ("-{}", []),
    ],
)  # fmt: skip
def test_operators(text: str, values: list[Any]) -> None:
    assert ask(text) == values


@given(DECIMALS, DECIMALS)
def test_sums_and_products_are_exact(a: Decimal, b: Decimal) -> None:
    assert ask("%a + %b - %b", a=a, b=b) == [a]
    (product,) = ask("%a * %b", a=a, b=b)
    assert Fraction(product) == Fraction(a) * Fraction(b)


def test_quantities() -> None:
    assert written("2 'g' + 3 'g'") == ["5 'g'"]
    assert written("2 'm' * 3 's'") == ["6 '(m).(s)'"]
    assert written("6 'm' / 3 'm'") == ["2 '1'"]
    assert written("6 'm' / 2") == ["3 'm'"]
    assert written("1 'g' - 1 's'") == []
    assert written("-(2 'g')") == ["-2 'g'"]
    assert written("1 week + 1 day") == ["691200 's'"]
