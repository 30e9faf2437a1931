"""The oracle's ranges against the words of the specification, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.naive.ranges import PREFIXES, date_matches, date_range, number_matches
from tests.naive.values import Refused, Value

NOW = Fraction(1_577_836_800)  # 2020-01-01


def holding(value: Value, text: str) -> str:
    return " ".join(prefix for prefix in PREFIXES if prefix != "ap" and date_matches(value, prefix + text, NOW))


def period(start: str | None, end: str | None) -> Value:
    return Value("Period", {name: at for name, at in (("start", start), ("end", end)) if at})


@pytest.mark.parametrize(
    ("stored", "search", "prefixes"),
    [
        # the examples of https://hl7.org/fhir/R4/search.html#prefix and #date
        (Value("dateTime", "2013-01-14T00:00:00Z"), "2013-01-14", "eq ge le"),
        (Value("dateTime", "2013-01-14T10:00:00Z"), "2013-01-14", "eq ge le"),
        (Value("dateTime", "2013-01-15T00:00:00Z"), "2013-01-14", "ne gt ge sa"),
        (Value("dateTime", "2013-01-13T12:00:00Z"), "2013-01-14", "ne lt le eb"),
        (period("2013-01-21T00:00:00Z", "2013-01-31T12:00:00Z"), "2013-01-14", "ne gt ge sa"),
        (period("2013-01-21T00:00:00Z", None), "2013-01-14", "ne gt ge sa"),
        (period("2013-01-14", "2013-01-14"), "2013-01-14", "eq ge le"),
        # PF-1: containment, not overlap
        (Value("date", "1990"), "1990-05-03", "ne gt lt ge le"),
        (period("2020-01-01", "2020-12-31"), "2020-05", "ne gt lt ge le"),
        (period("2020-05-02", None), "2020-05", "ne gt ge"),
        (period(None, "2020-05-02"), "2020-05", "ne lt le"),
        (period(None, None), "2020", ""),
        # PF-2: begins inside and ends beyond; begins before and ends inside
        (period("2020-05-10", "2020-06-10"), "2020-05", "ne gt ge"),
        (period("2020-04-10", "2020-05-10"), "2020-05", "ne lt le"),
        # DT-2: an instant has no width
        (Value("instant", "2020-05-01T00:00:00Z"), "2020-05", "eq ge le"),
        (Value("instant", "2020-05-01T00:00:00Z"), "2020-05-01T00:00:00.000Z", "eq ge le"),
        (Value("instant", "2020-06-01T00:00:00Z"), "2020-05", "ne gt ge sa"),
        (Value("instant", "2020-04-30T23:59:59.999Z"), "2020-05", "ne lt le eb"),
        # DT-3: end: 2012-02 reaches to the end of February
        (period("2012-01-31", "2012-02"), "2012-02-29", "ne lt le"),
        (period("2012-02-29T23:59:59Z", "2012-02"), "2012-02-29", "eq ge le"),
        # DT-4: offsets are compared as instants, dates are not shifted
        (Value("dateTime", "2020-03-01T01:00:00+02:00"), "2020-02-29", "eq ge le"),
        (Value("dateTime", "2020-02-29T23:30:00-05:00"), "2020-03-01T04:30:00Z", "eq ge le"),
        (Value("dateTime", "2020-03-01T01:00:00"), "2020-03-01T01:00Z", "eq ge le"),
        # DT-5
        (Value("Age", {"value": 3}), "2020", ""),
        (Value("string", "2020"), "2020", ""),
        (Value("boolean", True), "2020", ""),
    ],
)
def test_pf1_pf2_dt2_to_dt5(stored: Value, search: str, prefixes: str) -> None:
    assert holding(stored, search) == prefixes


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"event": ["2020-01-05", "2020-01-02"]}, ("2020-01-02", "2020-01-05")),
        ({"repeat": {"boundsPeriod": {"start": "2020-02"}}}, ("2020-02", None)),
        ({"repeat": {"boundsPeriod": {"start": "2020-02", "end": "2020-03"}}, "event": ["2020-07"]}, ("2020-02", "2020-07")),
        ({"repeat": {"boundsDuration": {"value": 3}}, "event": ["2020-07"]}, ("2020-07", None)),
    ],
)  # fmt: skip
def test_dt3_timing_reaches_from_its_first_to_its_last_limit(timing: Any, expected: Any) -> None:
    for text in ("2020-01", "2020-01-02", "2020-02", "2020-03", "2020-07", "2021"):
        assert holding(Value("Timing", timing), text) == holding(period(*expected), text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970", 365 * 86400), ("1972", 366 * 86400), ("1970-02", 28 * 86400), ("1970-01-01", 86400),
     ("1970-01-01T00:00Z", 60), ("1970-01-01T00:00:00Z", 1), ("1970-01-01T00:00:00.5Z", Fraction(1, 10)),
     ("1970-01-01T00:00:00.500Z", Fraction(1, 1000))],
)  # fmt: skip
def test_dt2_the_width_is_the_precision(text: str, seconds: Any) -> None:
    (first, _), (after, _) = date_range(text)
    assert after - first == seconds


@pytest.mark.parametrize(
    "text", ["2023-13", "2023-02-30", "2023-01-01T10", "T10:00", "23 May 2009", "2023-1-1", "2023-01-01T24:00", ""]
)
def test_dt1_refuses(text: str) -> None:
    with pytest.raises(Refused):
        date_range(text)


def test_ap_of_a_date_is_a_tenth_of_the_distance_to_now() -> None:
    wanted = "ap2010-01-01"  # ten years before now: a year to both sides
    for text, found in {"2009-01-05": True, "2008-12-30": False, "2010-12-28": True, "2011-01-03": False}.items():
        assert date_matches(Value("date", text), wanted, NOW) is found
    assert date_matches(period("2005", "2009-02"), wanted, NOW)


def numbers(value: Value, text: str) -> str:
    return " ".join(prefix for prefix in PREFIXES if number_matches(value, prefix + text))


@pytest.mark.parametrize(
    ("number", "search", "prefixes"),
    [
        # NU-1: half a unit of the last digit; https://hl7.org/fhir/R4/search.html#number
        ("99.5", "100", "eq lt le eb ap"),
        ("99.49", "100", "ne lt le eb ap"),
        ("100.5", "100", "ne gt ge sa ap"),
        ("100.49", "100", "eq gt ge sa ap"),
        ("100", "100", "eq ge le ap"),
        ("99.995", "100.00", "eq lt le eb ap"),
        ("100.005", "100.00", "ne gt ge sa ap"),
        ("0.0054", "5.40e-3", "eq ge le ap"),
        ("0.005405", "5.40e-3", "ne gt ge sa ap"),
        ("0.005395", "5.40e-3", "eq lt le eb ap"),
        # NU-2, ours: half a digit of 1e2 is 50
        ("50", "1e2", "eq lt le eb ap"),
        ("149", "1e2", "eq gt ge sa ap"),
        ("150", "1e2", "ne gt ge sa ap"),
        # NU-4: signs and zeros
        ("-0.4", "-0", "eq lt le eb ap"),
        ("7", "+007", "eq ge le ap"),
        ("-10.3", "-10", "eq lt le eb ap"),
        # ap: 10 %, after the precision
        ("110.49", "100", "ne gt ge sa ap"),
        ("110.5", "100", "ne gt ge sa"),
        ("89.5", "100", "ne lt le eb ap"),
        ("89.49", "100", "ne lt le eb"),
    ],
)
def test_nu1_nu2_nu4_pf4(number: str, search: str, prefixes: str) -> None:
    assert numbers(Value("decimal", Decimal(number)), search) == prefixes


@pytest.mark.parametrize(
    ("number", "search", "prefixes"),
    [
        (100, "100", "eq ge le ap"),
        (100, "100.00", "eq ge le ap"),
        (100, "100.2", "ne lt le eb ap"),
        (101, "100.9", "ne gt ge sa ap"),
        (140, "1e2", "eq gt ge sa ap"),
    ],
)
def test_nu3_integers_are_exact(number: int, search: str, prefixes: str) -> None:
    assert numbers(Value("integer", number), search) == prefixes


def test_a_range_is_a_number_with_two_ends() -> None:
    stored = Value("Range", {"low": {"value": Decimal("1.5")}, "high": {"value": 3}})
    assert numbers(stored, "2") == "ne gt lt ge le ap"
    assert numbers(Value("Range", {"low": {"value": 3}}), "2") == "ne gt ge sa"
    assert numbers(Value("Range", {}), "2") == ""


@pytest.mark.parametrize("text", ["abc", "", "1,5", "1e", "--1", "1 2", "0x1"])
def test_nu4_refuses(text: str) -> None:
    with pytest.raises(Refused):
        number_matches(Value("decimal", 1), text)
