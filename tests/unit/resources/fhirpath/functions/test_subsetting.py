"""https://hl7.org/fhirpath/N1/#subsetting, https://hl7.org/fhirpath/N1/#combining"""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import Unevaluable

from ..asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(1|2|3).first()", [1]), ("(1|2|3).last()", [3]), ("(1|2|3).tail()", [2, 3]), ("(1|2|3).skip(2)", [3]),
        ("(1|2|3).skip(-1)", [1, 2, 3]),
        ("(1|2|3).take(2)", [1, 2]), ("(1|2|3).take(0)", []), ("(1|2).take({})", []), ("(1).single()", [1]),
        ("{}.single()", []),
        ("{}.first()", []), ("(1|2|3).intersect(3|2)", [2, 3]), ("(1|2|3).exclude(2)", [1, 3]),
        ("(1|2).union(2|3)", [1, 2, 3]),
        ("(1|2).combine(2)", [1, 2, 2]), ("name.given.intersect(%resource.name.given.first())", ["Peter"]),
    ],
)  # fmt: skip
def test_subsetting(text: str, values: list[Any]) -> None:
    assert ask(text) == values


def test_single_means_one() -> None:
    with pytest.raises(Unevaluable, match="single"):
        ask("(1|2).single()")
