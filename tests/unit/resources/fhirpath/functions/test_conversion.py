"""https://hl7.org/fhirpath/N1/#conversion"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import Outside, Unevaluable
from terminology.grammars.ucum import to_canonical

from ..asking import ask, written


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("'yes'.toBoolean()", "true"), ("0.0.toBoolean()", "false"), ("2.toBoolean()", None),
        ("'-12'.toInteger()", "-12"), ("true.toInteger()", "1"),
        ("'1.0'.toInteger()", None), ("'2147483648'.toInteger()", None), ("1.5.toInteger()", None),
        ("'1.50'.toDecimal()", "1.50"),
        ("true.toDecimal()", "1.0"), ("1.toDecimal()", "1"), ("'1e3'.toDecimal()", None),
        ("1.50.toString()", "1.50"), ("true.toString()", "true"),
        ("name.first().toString()", None), ("'2014-01-02T10:00Z'.toDate()", "2014-01-02"), ("'x'.toDate()", None),
        ("@2014.toDateTime()", "2014"),
        ("'10:30'.toTime()", "10:30"), ("'2014'.toTime()", None), ("'4 days'.toQuantity()", "4 day"),
        ("'4 \\'mg\\''.toQuantity()", "4 'mg'"),
        ("'4 blah'.toQuantity()", None), ("1.toQuantity()", "1 '1'"), ("true.toQuantity()", "1.0 '1'"),
        ("'1 week'.toQuantity('day')", "7 day"),
        ("'1 week'.toQuantity('mg')", None), ("birthDate.toString()", "1974-12-25"),
        ("contained.value.toString()", "185.0 '[lb_av]'"),
        ("'x'.convertsToInteger()", "false"), ("'1'.convertsToInteger()", "true"),
        ("'1 g'.convertsToQuantity('mg')", "false"),
        ("@T10:00.convertsToTime()", "true"), ("@2014.convertsToTime()", "false"), ("{}.convertsToDate()", None),
        ("'2014'.convertsToDateTime()", "true"),
        ("iif(true, 'a')", "a"), ("iif(false, 'a')", None), ("iif({}, 'a', 'b')", "b"),
        ("name[0].iif(use = 'official', family, 'x')", "Chalmers"),
    ],
)  # fmt: skip
def test_conversion(text: str, result: str | None) -> None:
    assert written(text) == ([] if result is None else [result])


def test_units_of_measure_are_converted_by_who_knows_them() -> None:
    assert written("'1.5 \\'g\\''.toQuantity('mg')", outside=Outside(canonical=to_canonical)) == ["1500 'mg'"]


def test_one_item_is_converted() -> None:
    for text in ("(1 | 2).toString()", "(1 | 2).convertsToString()", "(1 | 2).iif(true, 1)"):
        with pytest.raises(Unevaluable):
            ask(text)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9)
    | st.integers(-(2**31), 2**31 - 1)
)
def test_numbers_survive_being_written(number: object) -> None:
    convert = "toInteger" if type(number) is int else "toDecimal"
    assert ask(f"%number.toString().{convert}() = %number", number=number) == [True]
