"""Units are products of base units with exact factors: laws, facts, and the whole official table where it is there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.grammars import ucum
from terminology.grammars.ucum import canonical, to_canonical

from ....suites import DATA

TABLE = DATA / "terminology/ucum/ucum-essence.xml"
NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
SAMPLES = [
    "m",
    "g",
    "kg",
    "mg",
    "L",
    "dL",
    "mmol",
    "s",
    "min",
    "h",
    "[lb_av]",
    "mm[Hg]",
    "[iU]",
    "10*3",
    "%",
    "7",
    "{cells}",
]
units = st.sampled_from(SAMPLES)


def known(code: str) -> tuple[Fraction, str]:
    found = canonical(code)
    assert found is not None, code
    return found


def same(a: tuple[Fraction | int, str], b: tuple[Fraction | int, str]) -> bool:
    """Whether so many of a are so many of b."""
    (x, one), (y, other) = known(a[1]), known(b[1])
    return (a[0] * x, one) == (b[0] * y, other)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, "g"), (1000, "mg")),
        ((Fraction("0.45359237"), "kg"), (1, "[lb_av]")),
        ((16, "[oz_av]"), (1, "[lb_av]")),
        ((Fraction("133.322"), "Pa"), (1, "mm[Hg]")),
        ((1, "cm[H2O]"), (Fraction("98.0665"), "Pa")),
        ((1, "mmol/L"), (1, "mol/m3")),
        ((1, "10*3/uL"), (1, "10*9/L")),
        ((1, "10^3/uL"), (1, "10*9/L")),
        ((1, "10*-3.L"), (1, "mL")),
        ((1, "mg/dL"), (10, "mg/L")),
        ((1, "L"), (1, "l")),
        ((1, "/min"), (60, "/h")),
        ((60, "{beats}/min"), (1, "Hz")),
        ((1, "k[iU]/L"), (1, "[IU]/mL")),
        ((1, "N"), (1, "kg.m/s2")),
        ((1, "N"), (1, "kg.m.s-2")),
        ((1, "10.uN.s/(cm5.m2)"), (10, "uN.s.cm-5.m-2")),
        ((100, "%"), (1, "1")),
        ((1, "dam"), (10, "m")),
        ((1, "2.5"), (10, "1")),  # a point multiplies
        ((1, "10*"), (10, "1")),
        ((1, "cd"), (1, "lm/sr")),
        ((1, "mg/(kg.d)"), (1, "mg/kg/d")),
        ((1, "(8.h){shift}"), (8, "h")),
        ((1, "a"), (Fraction("365.25"), "d")),
        ((1, "[in_i]"), (Fraction("2.54"), "cm")),
        ((1, "mL/min/{1.73_m2}"), (1, "mL/min")),
    ],
)
def test_qu2_units_that_are_the_same(a: tuple[Fraction | int, str], b: tuple[Fraction | int, str]) -> None:
    assert same(a, b)


def test_a_slash_divides_by_the_next_component_only() -> None:
    assert known("kg/m.s2") == known("(kg/m).s2")
    assert known("kg/m/s2") == known("kg.m-1.s-2") != known("kg/m.s2")


@pytest.mark.parametrize("other", ["1", "[arb'U]", "[EU]", "g"])
def test_an_arbitrary_unit_is_commensurable_with_itself_only(other: str) -> None:
    assert known("[iU]")[1] == known("[IU]")[1] != known(other)[1]


@pytest.mark.parametrize(
    "code",
    [
        "", " ", "mmHg", "Torr", "KG", "µg", "m²", "m٢", "lb", "kmin", "m^2", "2m", "m2.", ".m", "m//s", "m..s", "(m", "m)",
        "()", "m(s)", "{a}{b}", "m{a}{b}", "{a", "a}", "{{a}}", "m s", "0", "1/0", "m/0", "Cel/s", "2.Cel",
        "10*9999999999", "m99999999999", "Ym" + "9" * 30, "9" * 201, "(" * 100 + "m" + ")" * 100, "Ym999",
    ],
)  # fmt: skip
def test_what_is_no_ratio_unit(code: str) -> None:
    assert canonical(code) is None


@pytest.mark.parametrize(
    ("value", "code", "kelvin"),
    [
        ("37", "Cel", "310.15"),
        ("-273.15", "Cel", "0"),
        ("98.6", "[degF]", "310.15"),
        ("80", "[degRe]", "373.15"),
        ("37000", "mCel", "310.15"),
        ("37", "Cel{axillary}", "310.15"),
        ("310.15", "K", "310.15"),
    ],
)
def test_temperatures(value: str, code: str, kelvin: str) -> None:
    assert to_canonical(Fraction(value), code) == (Fraction(kelvin), "K")


def test_the_unit_of_a_root_keeps_the_order_of_values() -> None:
    found = [to_canonical(Fraction(value), "[m/s2/Hz^(1/2)]") for value in (-3, -1, 0, 1, 3)]
    assert found == [(Fraction(value), known("m2/s4/Hz")[1]) for value in (-9, -1, 0, 1, 9)]


@pytest.mark.parametrize("code", ["[pH]", "B[SPL]", "Np", "dB", "[p'diop]", "%[slope]", "bit_s", "[hp'_X]"])
def test_units_without_a_rational_formula_are_left_alone(code: str) -> None:
    assert canonical(code) is None
    assert to_canonical(Fraction(7), code) is None


@given(units, units)
def test_the_factor_is_multiplicative(a: str, b: str) -> None:
    product, unit = known(f"{a}.{b}")
    assert product == known(a)[0] * known(b)[0]
    assert (product, unit) == known(f"({b}).({a})")


@given(units, units)
def test_a_quotient_is_the_product_with_the_reciprocal(a: str, b: str) -> None:
    assert known(f"/{a}")[0] == 1 / known(a)[0]
    assert known(f"{a}/{b}") == known(f"({a}).(/{b})")
    assert known(f"{a}/{b}/({a}/{b})") == (Fraction(1), "1")


@given(st.sampled_from(["m", "kg", "dL", "mm[Hg]", "k[iU]"]), st.integers(1, 9))
def test_an_exponent_repeats(unit: str, power: int) -> None:
    assert known(f"{unit}{power}") == known(".".join([unit] * power))
    assert known(f"{unit}-{power}") == known(f"/{unit}{power}")


@given(units, units, st.fractions())
def test_the_canonical_unit_is_a_unit_and_its_own_canonical_unit(a: str, b: str, value: Fraction) -> None:
    factor, unit = known(f"{a}/{b}/{b}")
    assert canonical(unit) == (Fraction(1), unit)
    assert to_canonical(value, f"{a}/{b}/{b}") == (value * factor, unit)


@given(st.text("mgLs10*^/.(){}[]iU-+2k%'", max_size=12))
def test_any_text_is_a_unit_or_none(code: str) -> None:
    found = canonical(code)
    assert found is None or (found[0] > 0 and canonical(found[1]) == (Fraction(1), found[1]))


def test_no_symbol_can_be_read_in_two_ways() -> None:
    prefixes, symbols = ucum._table()
    readings = Counter(
        prefix + code for prefix in prefixes for code, symbol in symbols.items() if symbol.metric
    )  # a code as a whole comes before a prefix with another
    assert not {text for text, times in readings.items() if times > 1 and text not in symbols}


def test_nothing_is_read_before_the_first_unit_and_no_library_of_floats_ever() -> None:
    script = (
        "import sys; from terminology.grammars import ucum; assert not ucum._table.cache_info().currsize;"
        "assert ucum.canonical('mg'); assert not {'pint', 'lark', 'ucumvert'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_is_a_unit_also_if_no_factor_converts_it() -> None:
    assert all(ucum.is_unit(code) for code in ("kg", "[pH]", "dB[SPL]", "Np{tone}", "Cel", "{score}", "10*3/uL"))
    assert not any(ucum.is_unit(code) for code in ("", "[ph]", "[pH]/L", "[pH]2", "kg kg", "foo", "m" * 300))


@pytest.mark.parametrize(
    ("code", "text", "position"),
    [
        ("kgXX", "unknown", 0),
        ("2.kg.foo", "'foo' is unknown", 5),
        ("m//s", "before '/'", 2),
        ("m.", "at the end", 2),
        ("(m", "not closed", 2),
        ("m)", "closes", 1),
        ("m(s)", "operator", 1),
        ("m s", "' ' cannot stand here", 1),
        ("{a}{b}", "one annotation", 3),
        ("[pH]/L", "stands alone", 0),
        ("s.m999999", "exponent", 2),
        ("s.Ym99999", "too large", 2),
        ("m/0", "factor is 0", 2),
        ("", "at least one character", 0),
    ],
)
def test_tx124_the_fault_and_where_it_is(code: str, text: str, position: int) -> None:
    found = ucum.fault(code)
    assert found is not None
    assert text in found[0]
    assert found[1] == position


@given(st.text("mgLs10*^/.(){}[]iU-+2k%'", max_size=12))
def test_a_text_is_a_unit_or_has_a_fault_in_it(code: str) -> None:
    found = ucum.fault(code)
    assert (found is None) == ucum.is_unit(code)
    if found is None:
        assert "".join(token[0] for _, token in ucum.tokens(code)) == code
    else:
        assert found[0]
        assert 0 <= found[1] <= len(code)


def test_a_special_unit_and_what_it_is_of() -> None:
    assert ucum.special("dB[SPL]{ear}") == ("lgTimes2", Fraction(1, 10), ucum.special("B[SPL]")[2])  # type: ignore[index]
    assert ucum.special("kg") is None
    assert ucum.special("[pH]/L") is None


def test_what_can_be_compared_has_the_same_dimension() -> None:
    assert ucum.dimension("mg/dL") == ucum.dimension("kg/m3") == "g.m-3"
    assert ucum.dimension("Cel") == ucum.dimension("[degF]") == "K"
    assert ucum.dimension("[pH]") is None
    assert ucum.dimension("foo") is None


@pytest.mark.suite("terminology")
def test_tx124_every_unit_of_the_official_table_is_known() -> None:
    root = ElementTree.parse(TABLE).getroot()
    rows = {row.attrib["Code"]: row for row in root.iter(f"{NAMESPACE}unit")}
    assert (len(rows), len(list(root.iter(f"{NAMESPACE}base-unit"))), len(list(root.iter(f"{NAMESPACE}prefix")))) == (
        305,
        7,
        24,
    )
    special = {code for code, row in rows.items() if row.get("isSpecial") == "yes"}
    assert {code for code in rows if canonical(code) is None} == special
    assert len(special) == 21
    assert all(ucum.is_unit(code) for code in rows)
    for code, row in rows.items():
        [value] = row.iter(f"{NAMESPACE}value")
        if code not in special and row.get("isArbitrary") != "yes":
            assert same((1, code), (Fraction(value.attrib["value"]), value.attrib["Unit"])), code
    for prefix in root.iter(f"{NAMESPACE}prefix"):
        [value] = prefix.iter(f"{NAMESPACE}value")
        assert same((1, prefix.attrib["Code"] + "m"), (Fraction(value.attrib["value"]), "m"))
