"""Values compared with numbers, dates and truth values. TX-70"""

from __future__ import annotations

from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.ecl.comparing import compares, times
from terminology.ecl.syntax import Number, Truth

COMPARE = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
SIGNS = st.sampled_from(sorted(COMPARE))
NUMBERS = st.decimals(-1000, 1000, places=2)
DAYS = st.sampled_from(("20190131", "20200131", "20200201", "20240131"))


@given(SIGNS, NUMBERS, NUMBERS)
def test_numbers(sign: str, value: Decimal, wanted: Decimal) -> None:
    fits = compares(sign, Number(str(wanted)), exact=True)
    assert fits(str(value)) == fits(f"#{value}") == COMPARE[sign](value, wanted)


@pytest.mark.parametrize("value", ["", "five", "NaN", "Infinity", "1,5"])
def test_no_number_meets_none(value: str) -> None:
    assert not any(compares(sign, Number("5"), exact=True)(value) for sign in COMPARE)


@given(SIGNS, DAYS | st.just(""), st.lists(DAYS | st.just(""), min_size=1, max_size=3).map(tuple))
def test_dates(sign: str, value: str, wanted: tuple[str, ...]) -> None:
    """6.9: dates that are not there are only equal, or not, to none."""
    if sign in ("=", "!="):
        expected = (value in wanted) == (sign == "=")
    else:
        expected = any(value and one and COMPARE[sign](value, one) for one in wanted)
    assert times(sign, wanted)(value) == expected
    assert not value or times(sign, wanted)(f"{value}T120000Z") == expected


def test_truth() -> None:
    for text, value in (("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False)):
        for wanted in (True, False):
            assert compares("=", Truth(wanted), exact=True)(text) == (value == wanted)
            assert compares("!=", Truth(wanted), exact=True)(text) == (value != wanted)
    assert not compares("!=", Truth(True), exact=True)("yes")
