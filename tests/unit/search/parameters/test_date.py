"""Dates as ranges: PF-1 … PF-5, DT-1 … DT-5, against a naive reading of the specification."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.conditions import Dates, Updated
from search.parameter import Parameter
from search.parameters.date import FIRST, LAST, bounds, boxes, condition, stored

from ....naive import ranges
from ....naive.values import Value
from ..parameter_of import index_of, parameter_of

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
years = st.integers(2019, 2021)
zones = st.sampled_from(["Z", "+05:30", "-11:00", "+14:00"])


@st.composite
def texts(draw: st.DrawFn, instants: bool = False) -> str:
    """Dates of every precision, close to each other."""
    precision = draw(st.integers(4 if instants else 0, 5))
    parts = [f"{draw(years)}", f"-{draw(st.integers(1, 3)):02}", f"-{draw(st.sampled_from([1, 2, 28])):02}"]
    text = "".join(parts[: precision + 1])
    if precision >= 3:
        text += f"T{draw(st.sampled_from([0, 10, 23])):02}:{draw(st.sampled_from([0, 59])):02}"
        text += f":{draw(st.sampled_from([0, 59])):02}" if precision >= 4 else ""
        text += f".{draw(st.sampled_from(['0', '5', '000', '1234', '123456']))}" if precision >= 5 else ""
        text += draw(zones)
    return text


def exactly(text: str) -> ranges.Range:
    first, after = bounds(text)
    return (Fraction(first, 1_000_000), 0), (Fraction(after, 1_000_000), 0)


@given(texts())
def test_the_range_of_a_date(text: str) -> None:
    """DT-2: as wide as it is precise."""
    assert exactly(text) == ranges.date_range(text)
    assert stored(text) == bounds(text)


periods = st.one_of(
    texts().map(lambda text: {"start": text}),
    texts().map(lambda text: {"end": text}),
    st.tuples(texts(), texts()).map(lambda pair: {"start": pair[0], "end": pair[1]}),
)


@given(texts(), periods | texts(), st.sampled_from(PREFIXES))
def test_prefixes_of_dates_and_periods(search: str, value: Any, prefix: str) -> None:
    """PF-5: closed, half-open and open ranges, each bound of another precision."""
    [expected] = ranges.dates(Value("Period" if isinstance(value, dict) else "dateTime", value))
    if expected[0] >= expected[1]:
        return  # a Period that ends before it begins is refused by validation
    rows = index_of("Observation", {"effectivePeriod" if isinstance(value, dict) else "effectiveDateTime": value})
    [(_, lo, hi)] = [row for row in rows.dat if row[0] == parameter_of("Observation", "date").row_number]
    assert is_met(prefix, search, lo, hi) is ranges.meets(prefix, ranges.date_range(search), expected)


@given(texts(), texts(instants=True), st.sampled_from(PREFIXES))
def test_prefixes_of_instants(search: str, value: str, prefix: str) -> None:
    """DT-2: an instant has no width; sa and eb never hold for one inside the search value, its first moment included."""
    rows = index_of("Observation", {"issued": value, "effectiveInstant": value})
    [(_, lo, hi)] = rows.dat
    [expected] = ranges.dates(Value("instant", value))
    assert is_met(prefix, search, lo, hi) is ranges.meets(prefix, ranges.date_range(search), expected)
    if is_met("eq", search, lo, hi):
        assert not is_met("sa", search, lo, hi)
        assert not is_met("eb", search, lo, hi)


def is_met(prefix: str, search: str, lo: int, hi: int) -> bool:
    first, after = bounds(search)
    return any(a <= lo <= b and c <= hi <= d for a, b, c, d in boxes(prefix, first, after, now=0))


@given(texts(), texts())
def test_ge_is_gt_or_eq_and_le_is_lt_or_eq(search: str, value: str) -> None:
    """As their names say; ne is the complement of eq where there is one value."""
    lo, hi = bounds(value)
    met = {prefix: is_met(prefix, search, lo, hi) for prefix in PREFIXES}
    assert met["ge"] == (met["gt"] or met["eq"])
    assert met["le"] == (met["lt"] or met["eq"])
    assert met["ne"] is not met["eq"]


def test_an_open_period_is_never_eq() -> None:
    """PF-1; PF-2 read literally: begins inside and ends beyond is gt and ge, not le."""
    day, after = bounds("2024-05-01")
    assert not is_met("eq", "2024-05-01", day, LAST)
    assert not is_met("eq", "2024-05-01", FIRST, after)
    assert [p for p in PREFIXES if is_met(p, "2024-05-01", day + 1, after + 1)] == ["ne", "gt", "ge"]
    assert [p for p in PREFIXES if is_met(p, "2024-05-01", day - 1, after - 1)] == ["ne", "lt", "le"]
    assert not is_met("eq", "1990-05-03", *bounds("1990"))


def test_ap_widens_by_a_tenth_of_the_distance_to_now() -> None:
    first, after = bounds("2024-01-01")
    [(_, latest_start, earliest_end, _)] = boxes("ap", first, after, now=(first + after) // 2 + 100)
    assert (latest_start, earliest_end) == (after + 10 - 1, first - 10 + 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "20", "2020-13", "2020-00", "2020-02-30", "2021-02-29", "2020-1-1", "2020-01-01T10", "2020-01-01T10Z", "T10:00",
        "2020T10:00", "2020-01-01T24:00", "2020-01-01T10:60", "2020-01-01T10:00:61Z", "2020-01-01T10:00+15:00",
        "2020-01-01T10:00+01:60", "23 May 2009", "0000", "٢٠٢٠", "2020-01-01  x", "2020-01-01T10:00:00.Z", "xx2020",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    """DT-1, SE-11: the error names parameter and value."""
    with pytest.raises(BadRequest, match=re.escape(f"date={text}:")):
        _condition(parameter_of("Observation", "date"), text)


def _condition(parameter: Parameter, *values: str) -> Any:
    return condition(parameter, None, values, "")


def test_a_space_counts_as_plus() -> None:
    """DT-1: a plus sign that was not encoded."""
    parameter = parameter_of("Observation", "date")
    assert _condition(parameter, "2020-01-01T10:00:00 02:00") == _condition(parameter, "2020-01-01T10:00:00+02:00")


def test_the_ends_of_the_calendar() -> None:
    assert bounds("9999") == (bounds("9999-01")[0], bounds("9999-12-31")[1])
    assert bounds("9999-12")[1] == bounds("9999-12-31")[1]
    assert bounds("0001")[0] == bounds("0001-01-01")[0]
    leap = "2016-12-31T23:59:60Z"
    assert stored(leap) == bounds(leap) == bounds("2017-01-01T00:00:00Z")
    as_long_as_an_offset = "2020-01-01T00:00:00.1234Z"
    assert stored(as_long_as_an_offset) == bounds(as_long_as_an_offset)
    assert bounds("2020-01-01T00:00:00.1234567Z") == bounds("2020-01-01T00:00:00.123456Z")


def test_timing() -> None:
    """DT-3: the outer limits of event and bounds; what a Duration or Range bounds lies open."""

    def range_of(timing: Any) -> list[tuple[int, int]]:
        return [(lo, hi) for _, lo, hi in index_of("Observation", {"effectiveTiming": timing}).dat]

    assert range_of({"event": ["2020-02", "2020-01-05"]}) == [(bounds("2020-01-05")[0], bounds("2020-02")[1])]
    assert range_of({"repeat": {"boundsPeriod": {"start": "2020"}}}) == [(bounds("2020")[0], LAST)]
    assert range_of({"event": ["2020"], "repeat": {"boundsDuration": {"value": 1}}}) == [(bounds("2020")[0], LAST)]
    assert range_of({"repeat": {"boundsRange": {}}}) == [(FIRST, LAST)]
    assert range_of({"repeat": {"frequency": 1}}) == []


def test_only_dates_are_indexed_of_a_choice() -> None:
    """DT-5."""
    assert not index_of("Patient", {"deceasedBoolean": True}).dat
    assert not index_of("Condition", {"onsetString": "2020"}).dat
    assert not index_of("Observation", {"effectivePeriod": {"extension": []}}).dat


def test_the_primary_date_is_the_sort_key() -> None:
    rows = index_of("Observation", {"effectiveDateTime": "2020-05", "valueDateTime": "1999"})
    assert rows.sort_key == bounds("2020-05")[0]
    numbers = {row[0] for row in rows.dat}
    assert numbers == {parameter_of("Observation", "date").row_number, parameter_of("Observation", "value-date").number}
    assert parameter_of("Observation", "date").row_number < 0


def test_conditions() -> None:
    day = bounds("2020-01-01")
    date = parameter_of("Observation", "date")
    found = _condition(date, "2020-01-01")
    assert isinstance(found, Dates)
    assert found.rows == ((date.type_number, date.row_number, day[0], day[1] - 1, FIRST, day[1]),)
    assert found.primary is not None
    assert _condition(parameter_of("Observation", "value-date"), "2020-01-01").primary is None
    updated = _condition(parameter_of("Observation", "_lastUpdated"), "2020-01-01", "gt2020-01-01")
    assert updated == Updated(((date.type_number, day[0], day[1] - 1), (date.type_number, day[1], LAST - 1)))
