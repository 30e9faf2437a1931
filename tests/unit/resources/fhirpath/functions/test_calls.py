"""Functions of one value: nothing gives nothing, several items are an error."""

from __future__ import annotations

import pytest

from resources.fhirpath import Unevaluable
from resources.fhirpath.functions import FUNCTIONS
from resources.fhirpath.functions.calls import Function

from ..asking import ask


@pytest.mark.parametrize(
    "text", ["upper()", "abs()", "toString()", "length()", "replace('a', 'b')", "power(2)", "precision()"]
)
def test_nothing_gives_nothing(text: str) -> None:
    assert ask("{}." + text) == []


@pytest.mark.parametrize(
    "text", ["'a'.replace({}, 'b')", "2.power({})", "'a'.split({})", "name[1].given[1].upper()", "gender.toString()"]
)
def test_an_argument_without_value_gives_nothing(text: str) -> None:
    assert ask(text) == []


@pytest.mark.parametrize(
    "text", ["('a' | 'b').upper()", "(1 | 2).abs()", "(1 | 2).toString()", "'a'.startsWith('a' | 'b')"]
)
def test_several_items_are_an_error(text: str) -> None:
    with pytest.raises(Unevaluable):
        ask(text)


def test_every_function_says_what_it_takes() -> None:
    assert all(type(one) is Function and one.least <= one.most for one in FUNCTIONS.values())
    assert len(FUNCTIONS) > 90
