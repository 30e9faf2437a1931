"""https://build.fhir.org/ig/HL7/FHIRPath/#boundary-functions; more in the official tests."""

from __future__ import annotations

import pytest

from resources.fhirpath import Unevaluable

from ..asking import ask, written


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1.lowBoundary()", "0.50000000"), ("1.5.highBoundary(1)", "1.6"), ("@2014.lowBoundary()", "2014-01-01"),
        ("@2012-02.highBoundary()", "2012-02-29"),
        ("@2014T.highBoundary()", "2014-12-31T23:59:59.999-12:00"), ("@T10.lowBoundary()", "10:00:00.000"),
        ("@T10:30:05.highBoundary()", "10:30:05.999"),
        ("@2014-01-01T10:30:05.5Z.lowBoundary()", "2014-01-01T10:30:05.500Z"), ("@2014.lowBoundary(5)", None),
        ("1.lowBoundary(29)", None),
        ("{}.lowBoundary()", None), ("1.lowBoundary({})", None), ("1.precision()", "0"),
        ("@T10:30:05.precision()", "6"), ("'a'.precision()", None),
        ("1 'g'.comparable(1 's')", "false"), ("1 day.comparable(1 'h')", "true"), ("1.comparable(2)", "false"),
        ("@2014.highBoundary(17)", None),
    ],
)  # fmt: skip
def test_boundaries(text: str, result: str | None) -> None:
    assert written(text) == ([] if result is None else [result])


def test_a_string_has_none() -> None:
    with pytest.raises(Unevaluable, match="lowBoundary"):
        ask("'a'.lowBoundary()")
