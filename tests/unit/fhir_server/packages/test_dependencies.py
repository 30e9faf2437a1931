"""Dependencies, resolved by name and version among what is installed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.packages.dependencies import Missing, fits, missing


@pytest.mark.parametrize(
    ("version", "wanted", "met"),
    [
        ("5.0.0", "5.0.0", True),
        ("5.0.1", "5.0.0", False),
        ("5.0.1", "5.0.x", True),
        ("5.0.1-ballot", "5.0.x", True),
        ("5.1.0", "5.0.x", False),
        ("5.1.0", "5.x", True),
        ("5.1.0", "5.x.x", True),
        ("15.1.0", "5.x", False),
        ("5.1", "5.1.x", False),
        ("5.1.0", "*", True),
        ("5.1.0", "latest", True),
        ("5.1.0", "current", False),
        ("current", "current", True),
        ("5.1.0", "5.1", False),
    ],
)
def test_versions(version: str, wanted: str, met: bool) -> None:
    assert fits(version, wanted) is met


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3), st.integers(0, 2))
def test_a_wildcard_is_met_by_its_own_version(numbers: list[int], place: int) -> None:
    version = ".".join(map(str, numbers))
    wanted = ".".join("x" if n == place else str(number) for n, number in enumerate(numbers))
    assert fits(version, version)
    assert fits(version, wanted)


def test_r4_itself_is_always_there() -> None:
    assert missing({"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.core": "4.0.x"}, []) == []
    assert [one.name for one in missing({"hl7.fhir.r5.core": "5.0.0"}, [])] == ["hl7.fhir.r5.core"]


def test_what_is_missing_is_named_with_what_is_there_instead() -> None:
    installed = [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")]
    [lacking] = missing({"a": "3.0.x", "b": "1.0.0"}, installed)
    assert lacking == Missing("a", "3.0.x", ("1.0.0", "2.0.0"))
    assert lacking.text == "a#3.0.x is not installed; installed is 1.0.0, 2.0.0"
    assert Missing("a", "1").text == "a#1 is not installed"
