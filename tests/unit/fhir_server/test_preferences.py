"""Prefer (HD-3) and the preconditions (RD-4, UP-5, UP-8)."""

from datetime import UTC, datetime

import pytest

from fhir_server.preferences import if_match, if_none_match_any, preferences, unchanged
from resources.outcome import BadRequest

WRITTEN = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefer", "returns", "handling"),
    [
        ("", "", ""),
        ("return=minimal", "minimal", ""),
        ("return=representation", "representation", ""),
        ("return=OperationOutcome", "OperationOutcome", ""),
        ('return="minimal"', "minimal", ""),
        ("Return=Minimal", "minimal", ""),
        ("handling=lenient, return=minimal", "minimal", "lenient"),
        ("handling=strict; return=minimal", "minimal", "strict"),
        ("return=nothing, wait=10, respond-async", "", ""),
        ("return=minimal, return=representation", "minimal", ""),
    ],
)
def test_hd_3_preferences_combine_and_unknown_ones_are_ignored(prefer: str, returns: str, handling: str) -> None:
    read = preferences({"prefer": prefer} if prefer else {})
    assert (read.returns, read.handling) == (returns, handling)


def test_hd_4_preference_applied_names_what_was_stated() -> None:
    read = preferences({"prefer": "return=minimal, handling=strict"})
    assert read.applied("return") == {"Preference-Applied": "return=minimal"}
    assert read.applied("return", "handling") == {"Preference-Applied": "return=minimal, handling=strict"}
    assert preferences({}).applied("return") == {}


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('W/"3"', (3,)),
        ('"3"', (3,)),
        ("3", (3,)),
        ('W/"3", W/"5"', (3, 5)),
        ('W/"3" ,"5",7', (3, 5, 7)),
        ('W/"abc"', (0,)),
        ('W/"03"', (0,)),
        ("*", ()),
        (" * ", ()),
        ('"*"', (0,)),
        ('""', (0,)),
        (', "3",, W/"5" ,', (3, 5)),
        ("*,", ()),
    ],
)
def test_up_5_if_match_is_a_list_of_weak_tags(header: str, versions: object) -> None:
    assert if_match({"if-match": header}) == versions


def test_up_5_no_if_match_is_no_precondition() -> None:
    assert if_match({}) is None


@pytest.mark.parametrize("header", ["", ",", " , ,", "W/3", "abc", '"3', '*, "3"', 'W/"3" W/"4"', "3.0"])
def test_up_5_what_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(BadRequest, match="If-Match"):
        if_match({"if-match": header})


def test_up_8_if_none_match_on_a_write_can_only_be_a_star() -> None:
    assert if_none_match_any({"if-none-match": "*"})
    assert not if_none_match_any({})
    for tag in ('W/"1"', '"*"'):
        with pytest.raises(BadRequest, match="If-None-Match"):
            if_none_match_any({"if-none-match": tag})


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({}, False),
        ({"if-none-match": 'W/"3"'}, True),
        ({"if-none-match": '"3"'}, True),
        ({"if-none-match": 'W/"2", W/"3"'}, True),
        ({"if-none-match": ',W/"3",'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": 'W/"2"'}, False),
        ({"if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT"}, True),
        ({"if-modified-since": "Sun, 01 Mar 2026 09:59:59 GMT"}, False),
        ({"if-modified-since": "Sun, 01 Mar 2026 10:00:01 GMT"}, True),
        ({"if-modified-since": "yesterday"}, False),
        ({"if-none-match": 'W/"2"', "if-modified-since": "Sun, 01 Mar 2026 10:00:00 GMT"}, False),
        ({"if-none-match": 'W/"3"', "if-modified-since": "Sun, 01 Mar 2020 10:00:00 GMT"}, True),
    ],
)
def test_rd_4_conditional_read(headers: dict[str, str], same: bool) -> None:
    assert unchanged(headers, "3", WRITTEN) is same
