"""Decimals as sortable text: order, and the table of prefixes on exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.parameters.decimals import HIGHEST, LOWEST, after, read, rounded, scaled, searched, text

numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3),
    st.builds(
        lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
        st.integers(0, 1),
        st.integers(0, 10**20),
        st.integers(-390, 370),
    ),
)
near = st.integers(-50, 50).map(lambda n: Decimal(n) / 10)


@given(numbers, numbers)
@example(Decimal("0.0"), 0)
@example(Decimal("-0.0"), 0)
@example(Decimal("5.10"), Decimal("5.1"))
@example(Decimal("1e19"), Decimal("1e20"))
@example(Decimal("-1e-19"), Decimal("-1e-20"))
@example(100, Decimal("1e2"))
def test_texts_stand_as_numbers_do(left: int | Decimal, right: int | Decimal) -> None:
    one, other = text(left), text(right)
    assert (one < other) is (left < right)
    assert (one == other) is (left == right)
    assert LOWEST < one < after(one) < HIGHEST
    if left < right:
        assert after(one) < other


@given(numbers)
def test_texts_are_ascii_and_short(number: int | Decimal) -> None:
    """In the order of bytes, as collate "C" has it, they stand as in that of code points."""
    assert text(number).isascii()
    assert len(text(number)) <= len(str(number)) + 7


Stored = tuple[Fraction | None, bool, Fraction | None, bool]  # low, is it inside, high, is it inside


def stored_text(low: Decimal | None, closed: bool, high: Decimal | None, to: bool) -> tuple[str, str]:
    lo = LOWEST if low is None else text(low) if closed else after(text(low))
    return lo, HIGHEST if high is None else after(text(high)) if to else text(high)


def naive(prefix: str, value: Decimal, low: Decimal | None, closed: bool, high: Decimal | None, to: bool) -> bool:
    """The table of rest-and-search on ends that are (number, 0) just before the number, (number, 1) just after it."""
    beyond = (Fraction(10**9), 0)
    t = (-beyond[0], 0) if low is None else (Fraction(low), 0 if closed else 1)
    end = beyond if high is None else (Fraction(high), 1 if to else 0)
    number = Fraction(value)
    if prefix in ("", "eq", "ne", "ap"):
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        half = Fraction(10) ** exponent / 2
        s, after_ = (number - half, 0), (number + half, 0)
    else:
        s, after_ = (number, 0), (number, 1)
    contained = s <= t and end <= after_
    match prefix:
        case "ne":
            return not contained
        case "gt":
            return end > after_
        case "lt":
            return t < s
        case "ge":
            return end > after_ or contained
        case "le":
            return t < s or contained
        case "sa":
            return t >= after_
        case "eb":
            return end <= s
        case "ap":
            tenth = abs(number) / 10
            return t < (after_[0] + tenth, 0) and end > (s[0] - tenth, 0)
    return contained


@given(
    st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
    st.one_of(near, near.map(lambda one: one.quantize(Decimal(1))), st.sampled_from([Decimal("1e1"), Decimal("-2e0")])),
    st.one_of(st.none(), near),
    st.booleans(),
    st.one_of(st.none(), near),
    st.booleans(),
)
def test_boxes_are_the_table_of_prefixes(
    prefix: str, value: Decimal, low: Decimal | None, closed: bool, high: Decimal | None, to: bool
) -> None:
    """PF-1 … PF-4 for points, closed, half-open and open ranges."""
    if low is not None and high is not None and (low > high or (low == high and not (closed and to))):
        low, high, closed, to = high, high, True, True
    lo, hi = stored_text(low, closed, high, to)
    inside = any(a <= lo < b and c < hi <= d for a, b, c, d in searched(prefix, value))
    assert inside is naive(prefix, value, low, closed, high, to)


@given(st.fractions(max_denominator=10**12), st.fractions(max_denominator=10**12))
def test_rounding_keeps_the_order(left: Fraction, right: Fraction) -> None:
    if left <= right:
        assert rounded(left) <= rounded(right)


@given(near, st.integers(1, 10**40), st.integers(1, 10**40))
def test_scaling_is_rounding_the_fraction(number: Decimal, numerator: int, denominator: int) -> None:
    exact = rounded(Fraction(number) * Fraction(numerator, denominator))
    assert scaled(number, Decimal(numerator), Decimal(denominator)) == exact


@pytest.mark.parametrize(
    ("value", "prefix", "number"),
    [("5", "", "5"), ("gt-5.0", "gt", "-5.0"), (" 5 ", "", "5"), ("1e 5", "", "1e+5"), ("ap.5", "ap", ".5")],
)
def test_reading(value: str, prefix: str, number: str) -> None:
    assert read(value) == (prefix, Decimal(number))
    assert read(value)[1].as_tuple() == Decimal(number).as_tuple()


@pytest.mark.parametrize(
    "value", ["", "gt", "5.", "1e401", "1e-401", "9" * 500, "1e99999999999", "0x1", "1_0", "gt gt5"]
)
def test_se11_what_is_no_number(value: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        read(value)
