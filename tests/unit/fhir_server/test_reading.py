"""What of a read needs no database: ids, and the instant of `_asOf`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.reading import as_of, instant_of, is_logical_id, is_version_id
from resources.outcome import BadRequest


@pytest.mark.parametrize(
    ("text", "good"),
    [("a", True), ("A-b.9", True), ("x" * 64, True), ("x" * 65, False), ("", False), ("a_b", False), ("é", False)],
)
def test_ur_4_logical_ids(text: str, good: bool) -> None:
    assert bool(is_logical_id(text)) is good


def test_vr_2_version_ids_count_from_one() -> None:
    assert [bool(is_version_id(text)) for text in ("1", "999999999", "0", "01", "1.0", "x", "9999999999", "٣")] == [
        True,
        True,
        *[False] * 6,
    ]


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),
    st.integers(-14 * 60 + 1, 14 * 60 - 1),
    st.booleans(),
)
def test_an_instant_is_the_same_in_every_zone(moment: datetime, minutes: int, space: bool) -> None:
    """Also where the plus of its zone has become a space."""
    instant = moment.replace(tzinfo=UTC)
    text = instant.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    kept, read = instant_of("_asOf", text.replace("+", " ") if space else text)
    assert (kept, read, read.tzinfo) == (text, instant, UTC)


@given(st.text(max_size=40).filter(lambda text: "T" not in text))
def test_what_is_no_instant_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRequest, match=r"^_since="):
        instant_of("_since", text)


def test_as_of_only_where_it_is_asked_for() -> None:
    assert as_of("") is as_of("name=_summary%20x") is None
    assert as_of("_summary=true&_asOf=2026-03-01T10:00:00Z") == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert as_of("%5FasOf=2026-03-01T10:00:00-01:00") == datetime(2026, 3, 1, 11, tzinfo=UTC)
    for wrong in ("_asOf=", "_asOf", "_asOf=2026-03-01T10:00:00Z&_asOf=2026-03-01T10:00:00Z", "_asOf=2026-03-01"):
        with pytest.raises(BadRequest):
            as_of(wrong)
