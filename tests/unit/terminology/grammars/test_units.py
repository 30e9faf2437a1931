"""Values in other units: exact where the formula is rational, there and back, and in order whatever the unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.grammars import ucum, units
from terminology.grammars.units import (
    NotConvertible,
    analysis,
    canonical,
    compare,
    convert,
    printed,
    properties,
    rounded,
)

from ....suites import DATA

TABLE = DATA / "terminology/ucum/ucum-essence.xml"
values = st.fractions(-1000, 1000, max_denominator=1000)
MASSES = ["kg", "mg", "[lb_av]", "[oz_av]", "u", "t"]
TEMPERATURES = ["Cel", "[degF]", "[degRe]", "K", "mCel", "[degR]"]
LEVELS = ["dB", "Np", "B", "bit_s", "1", "%", "[hp'_X]", "[hp'_Q]"]
same_kind = st.sampled_from([MASSES, TEMPERATURES]).flatmap(lambda some: st.tuples(*[st.sampled_from(some)] * 3))


@pytest.mark.parametrize(
    ("value", "unit", "other", "expected"),
    [
        ("1", "[lb_av]", "kg", "0.45359237"),
        ("5.5", "mmol/L", "umol/mL", "5.5"),
        ("37", "Cel", "[degF]", "98.6"),
        ("98.6", "[degF]", "Cel", "37"),
        ("0", "K", "Cel", "-273.15"),
        ("2", "[m/s2/Hz^(1/2)]", "m2/s4/Hz", "4"),
        ("90", "{beats}/min", "Hz", "1.5"),
    ],
)
def test_tx124_rational_formulas_are_exact(value: str, unit: str, other: str, expected: str) -> None:
    assert convert(Decimal(value), unit, other) == (Fraction(expected), True)


@pytest.mark.parametrize(
    ("value", "unit", "other", "expected"),
    [
        ("7", "[pH]", "mol/L", "1E-7"),
        ("20", "dB", "1", "100"),
        ("100", "1", "B", "2"),
        ("1", "Np", "1", "2.718281828459045235360287471352662"),
        ("94", "dB[SPL]", "Pa", "1.0023744672545445700031083738"),
        ("20", "dB[V]", "V", "10"),
        ("3", "bit_s", "1", "8"),
        ("2", "[hp'_C]", "1", "0.0001"),
        ("100", "%[slope]", "deg", "45"),
        ("1", "[p'diop]", "rad", "0.0099996666866652382063401162092795"),
        ("45", "deg", "[p'diop]", "100"),
    ],
)
def test_tx124_logarithms_and_angles(value: str, unit: str, other: str, expected: str) -> None:
    found = convert(Decimal(value), unit, other)
    assert not found.exact
    assert abs(found.value - Fraction(expected)) <= abs(Fraction(expected)) / 10**26


@given(values, same_kind)
def test_there_and_back_is_the_same_value(value: Fraction, some: tuple[str, str, str]) -> None:
    one, other, third = some
    there = convert(value, one, other)
    assert there.exact
    assert convert(there.value, other, one) == (value, True)
    assert convert(there.value, other, third) == convert(value, one, third)


@given(st.fractions(Fraction(1, 100), 100, max_denominator=100), st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_there_and_back_on_other_scales_is_nearly_the_same(value: Fraction, one: str, other: str) -> None:
    there = convert(value, one, other)
    back = convert(there.value, other, one).value
    assert abs(back - value) <= Fraction(1, 10**30)


quantities = st.sampled_from([MASSES, TEMPERATURES]).flatmap(
    lambda some: st.lists(st.tuples(values, st.sampled_from(some)), min_size=3, max_size=3)
)


@given(quantities)
def test_the_order_is_one_of_quantities(some: list[tuple[Fraction, str]]) -> None:
    a, b, c = some
    assert compare(*a, *b) == -compare(*b, *a)
    assert compare(*a, *a) == 0
    if compare(*a, *b) <= 0 and compare(*b, *c) <= 0:
        assert compare(*a, *c) <= 0


@given(values, values, st.sampled_from(MASSES), st.sampled_from(MASSES))
def test_the_order_is_that_of_the_values_in_one_unit(x: Fraction, y: Fraction, one: str, other: str) -> None:
    z = convert(y, other, one).value
    assert compare(x, one, y, other) == (x > z) - (x < z)


def test_order_across_scales() -> None:
    assert compare(Decimal("7.4"), "[pH]", 40, "nmol/L") == -1  # 39.8
    assert compare(0, "Cel", 32, "[degF]") == 0
    assert compare(30, "dB", 999, "1") == 1


@pytest.mark.parametrize(
    ("value", "unit", "other", "text"),
    [
        (1, "kg", "m", "different kinds: g and m"),
        (1, "[iU]", "g", "different kinds"),
        (1, "kgXX", "g", "'kgXX' is no unit of UCUM. The unit 'kgXX' is unknown at character 1"),
        (1, "g", "m//s", "at character 3"),
        (-1, "1", "dB", "no such value on the scale of lg"),
        (0, "mol/L", "[pH]", "no such value on the scale of pH"),
        (10**9, "Np", "1", "no such value on the scale of ln"),
        (10**9, "B", "1", "no such value"),
        (90, "deg", "%[slope]", "no such value"),
    ],
)
def test_what_cannot_be_converted(value: Any, unit: str, other: str, text: str) -> None:
    with pytest.raises(NotConvertible, match=text):
        convert(value, unit, other)


def test_base_units() -> None:
    assert canonical(10, "mg/dL") == ((Fraction(100), True), "g.m-3")
    assert canonical(Decimal("36.6"), "Cel") == ((Fraction("309.75"), True), "K")
    (value, exact), unit = canonical(7, "[pH]")
    assert (unit, exact) == ("m-3", False)
    assert abs(value / Fraction("6.02214076e19") - 1) < Fraction(1, 10**30)
    with pytest.raises(NotConvertible):
        compare(1, "g", 1, "m")


@given(st.fractions(max_denominator=10**6), st.integers(1, 40))
def test_a_decimal_is_as_near_as_its_digits(value: Fraction, digits: int) -> None:
    found = rounded(value, digits)
    assert len(found.as_tuple().digits) <= digits
    assert abs(Fraction(found) - value) <= abs(value) / 2 / 10 ** (digits - 1)


def test_decimals_are_written_plainly() -> None:
    assert [str(rounded(Fraction(text))) for text in ("100", "1/4", "0", "-2500")] == ["100", "0.25", "0", "-2500"]
    assert str(convert(1, "g", "mg").decimal) == "1000"
    assert str(rounded(Fraction(1, 3), 5)) == "0.33333"


@pytest.mark.parametrize(
    ("code", "words", "print"),
    [
        ("mg/dL", "(milligram) / (deciliter)", "mg/dL"),
        ("mg/dL{fasting}", "(milligram) / (deciliter) * 1", "mg/dL{fasting}"),
        ("10*3/uL", "(the number ten for arbitrary powers ^ 3) / (microliter)", "10³/μL"),
        ("kg.m-2", "(kilogram) * (meter ^ -2)", "kg·m⁻²"),
        ("Cel", "(degree Celsius)", "°C"),
        ("{score}", "1", "{score}"),
        ("/(8.h)", " / (8 * (hour))", "/(8·h)"),
        ("mm[Hg]", "(millimeter of mercury column)", "mm Hg"),
        ("nonsense", "", ""),
    ],
)
def test_units_in_words_and_in_print(code: str, words: str, print: str) -> None:
    assert (analysis(code), printed(code)) == (words, print)


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("kg", {"mass"}),
        ("kg{wet}", {"mass"}),
        ("mm[Hg]", {"pressure"}),
        ("Cel", {"temperature"}),
        ("mmol", {"amount of substance"}),
        ("m/s2", {"acceleration", "acceleration of gravity"}),
        ("10*3", {"number"}),
        ("1", set()),
        ("mol/mol", set()),
        ("nonsense", set()),
    ],
)
def test_tx61_the_kind_of_quantity(code: str, kinds: set[str]) -> None:
    found = properties(code)
    assert found & kinds == found if code == "m/s2" else found == kinds
    assert bool(found) == bool(kinds)


def test_kinds_are_those_of_the_table() -> None:
    assert units.is_property("mass concentration")
    assert not units.is_property("beauty")
    assert units.version() == "2.2"


@pytest.mark.suite("terminology")
def test_tx124_every_unit_has_words_a_print_and_a_kind_and_every_special_one_goes_there_and_back() -> None:
    root = ElementTree.parse(TABLE).getroot()
    rows = {row.attrib["Code"]: row for row in root.iter(f"{ucum.NAMESPACE}unit")}
    for code, row in rows.items():
        assert analysis(code) == f"({row.findtext(f'{ucum.NAMESPACE}name', '').strip()})"
        assert printed(code)
        assert properties(code) == {row.findtext(f"{ucum.NAMESPACE}property", "").strip()}
        if row.get("isSpecial") == "yes":
            base = ucum.special(code)
            assert base is not None
            there = convert(Fraction(3, 2), code, base[2].text)
            assert abs(convert(there.value, base[2].text, code).value - Fraction(3, 2)) < Fraction(1, 10**28)
