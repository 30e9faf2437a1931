"""https://hl7.org/fhirpath/N1/#equality, https://hl7.org/fhirpath/N1/#comparison"""

from __future__ import annotations

from typing import Any

import pytest

from .asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 = 1.0", [True]), ("1 = true", [False]), ("'a' = 1", [False]), ("(1 | 2) = (2 | 1)", [False]),
        ("{} = 1", []),
        ("(1 | 2) ~ (2 | 1)", [True]), ("'A b' ~ 'a  B'", [True]), ("1.01 ~ 1.0", [True]),
        ("0.00000000012345678901234567890123456789 ~ 0.00000000012345678901234567890123456788", [False]),
        ("name[0] = name[0]", [True]),
        ("name[0] = name[1]", [False]), ("name ~ name", [True]), ("name[1].given[1] = 'x'", []), ("gender != 'x'", []),
        ("gender = gender", [True]), ("birthDate = '1974-12-25'", [True]), ("birthDate = 'x'", [False]),
        ("birthDate < '1975'", [True]),
        ("name = 'a'", [False]), ("name.given = 'a'", [False]), ("name.given != 'a'", [True]),
        ("name[0] = 'a'", [False]),
        ("contained.value = contained.value", [True]), ("@T10:00 = @2014", [False]), ("active = true", [True]),
        ("1 ~ {}", [False]), ("{} ~ {}", [True]), ("'a' !~ 'b'", [True]), ("@2014 ~ @2014-01", [False]),
        ("true ~ true", [True]),
    ],
)  # fmt: skip
def test_equality_and_equivalence(text: str, values: list[Any]) -> None:
    assert ask(text) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 < 1.5", [True]), ("'a' < 'b'", [True]), ("@2014 <= @2014", [True]), ("@2014 < @2014-01", []),
        ("{} < 1", []),
        ("multipleBirth >= 2", [True]), ("@T10:00 > @T09:59", [True]), ("gender < 'a'", []), ("2 > 1 '1'", [True]),
    ],
)  # fmt: skip
def test_order(text: str, values: list[Any]) -> None:
    assert ask(text) == values


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("(1 | 1.0 | true | 'a' | 'a')", 3), ("(@2014 | @2014-01 | @2014)", 2), ("(name | name)", 2),
        ("(1 'g' | 1 'g' | 7 days | 1 week)", 2),
        ("(@2014-01-01T10:00Z | @2014-01-01T11:00+01:00)", 1),
    ],
)  # fmt: skip
def test_what_is_equal_is_one(text: str, count: int) -> None:
    assert ask(f"{text}.count()") == [count]
