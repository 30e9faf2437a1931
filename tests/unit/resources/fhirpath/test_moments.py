"""https://hl7.org/fhirpath/N1/#datetime-equality, https://hl7.org/fhirpath/N1/#datetime-arithmetic"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import moments
from resources.fhirpath.moments import Moment, add, compare, from_datetime, read, read_date_time, read_time

from .asking import written


@pytest.mark.parametrize(
    "text",
    [
        "2014",
        "2014-02",
        "2014-02-28",
        "2014-02-28T10:00Z",
        "2014-02-28T10:00:01.250-05:30",
        "2012-02-29",
        "2014-02-28T10",
    ],
)
def test_what_is_read_is_written_again(text: str) -> None:
    assert str(read(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "2014-13", "2014-00", "2014-02-29", "1900-02-29", "2014-02T10:00", "2014-1-1", "T10", "0000", "2014-01-01T24:00", "2014Z",
     "2014-01-01T10:60", "2014-01-01T10:00:61", "٢٠١٤", "2014-01-01T10:00:00." + "1" * 90],
)  # fmt: skip
def test_what_is_no_moment_is_not_read(text: str) -> None:
    assert read(text) is None


def test_long_texts_are_not_kept() -> None:
    before = moments._parsed.cache_info().currsize
    for read_it in (read, read_date_time, read_time):
        assert read_it("x" * 1_000) is None
    assert moments._parsed.cache_info().currsize == before


def test_times_and_date_times() -> None:
    assert str(read_time("10:30:00.5")) == "10:30:00.5"
    assert read_time("25:00") is None
    assert read_time("") is None
    assert read_date_time("2014") == Moment("DateTime", (2014,))


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2014", "2015", -1), ("2014", "2014", 0), ("2014", "2014-01", None), ("2013-12", "2014", -1),
        ("2014-01-01T10:00Z", "2014-01-01T11:00+01:00", 0), ("2014-01-01T00:30+01:00", "2013-12-31T23:29Z", 1),
        ("2014-01-01T10:00Z", "2014-01-01T10:00", None), ("2014-01-01T10:00Z", "2014-01-03T10:00", -1),
        ("2014-01-01T10:00:00", "2014-01-01T10:00:00.000", 0), ("2014-01-01", "2014-01-01T10:00Z", None),
    ],
)  # fmt: skip
def test_order_is_open_where_the_precision_is(left: str, right: str, order: int | None) -> None:
    one, other = read(left), read(right)
    assert one is not None
    assert other is not None
    assert compare(one, other) == order
    assert compare(other, one) == (None if order is None else -order)


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)), st.integers(-300, 300))
def test_days_are_added_as_python_adds_them(day: date, days: int) -> None:
    moved = add(Moment("Date", (day.year, day.month, day.day)), Decimal(days), "day")
    expected = day + timedelta(days=days)
    assert moved == Moment("Date", (expected.year, expected.month, expected.day))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), st.integers(-(10**6), 10**6))
def test_seconds_are_added_as_python_adds_them(instant: datetime, seconds: int) -> None:
    instant = instant.replace(microsecond=instant.microsecond // 1000 * 1000, tzinfo=UTC)
    moved = add(from_datetime(instant), Decimal(seconds), "second")
    assert moved == from_datetime(instant + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("@2014-01-31 + 1 month", "2014-02-28"), ("@2012-02-29 + 1 year", "2013-02-28"), ("@2014 + 24 months", "2016"),
        ("@2014 + 23 months", "2015"), ("@2014-03 + 45 days", "2014-04"), ("@2014-03-01 - 1 day", "2014-02-28"),
        ("@2014-01-01 + 25 hours", "2014-01-02"), ("@T23:30 + 45 minutes", "00:15"),
        ("@T10:00:00 + 0.5 seconds", "10:00:00.5"),
        ("@2014 - 13 months", "2013"), ("@2014-01-01T00:00:00Z - 1 second", "2013-12-31T23:59:59Z"),
    ],
)  # fmt: skip
def test_arithmetic(expression: str, result: str) -> None:
    assert written(expression) == [result]


@pytest.mark.parametrize(
    "expression",
    ["@9999-12-31 + 1 day", "@0001 - 1 year", "@2014 + 1000000 years", "@2014-01-01 + 1000000000000000000 days"],
)
def test_there_is_nothing_beyond_the_calendar(expression: str) -> None:
    assert written(expression) == []
