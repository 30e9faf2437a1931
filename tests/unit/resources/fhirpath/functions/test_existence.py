"""https://hl7.org/fhirpath/N1/#existence"""

from __future__ import annotations

import pytest

from ..asking import ask


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name.exists()", True), ("{}.exists()", False), ("name.exists(use = 'usual')", True),
        ("name.exists(use = 'x')", False),
        ("{}.empty()", True), ("gender.exists()", True), ("true.not()", False), ("1.not()", False),
        ("name.all(given.exists())", True),
        ("name.all(family.exists())", False), ("{}.all(false)", True), ("(true | false).allTrue()", False),
        ("{}.allTrue()", True),
        ("(true | false).anyTrue()", True), ("{}.anyTrue()", False), ("(true | false).allFalse()", False),
        ("{}.allFalse()", True),
        ("(true | false).anyFalse()", True), ("{}.anyFalse()", False), ("(1 | 2).subsetOf(1 | 2 | 3)", True),
        ("{}.subsetOf(1)", True),
        ("(1 | 2).supersetOf(1)", True), ("(1).supersetOf(1 | 2)", False), ("name.count()", 2), ("{}.count()", 0),
        ("name.given.distinct().count()", 4), ("('a').combine('a').isDistinct()", False), ("name.isDistinct()", True),
        ("name.where($index = 0).exists($index = 0)", True), ("name.all($index < 2)", True),
    ],
)  # fmt: skip
def test_existence(text: str, value: object) -> None:
    assert ask(text) == [value]


def test_nothing_is_neither_true_nor_false() -> None:
    assert ask("{}.not()") == []
