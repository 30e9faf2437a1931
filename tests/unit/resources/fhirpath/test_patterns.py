"""Regular expressions that nobody can make run forever. https://hl7.org/fhirpath/N1/#matchesregex-string-boolean"""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import Unevaluable
from resources.fhirpath.patterns import LONGEST_PATTERN, pattern
from resources.outcome import TooCostly

from .asking import ask


def free(steps: int) -> None:
    """No budget."""


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+$",
        "(.*)*x",
        "a*a*a*a*a*a*b",
        "(a{1,30}){1,30}b",
        "((a*)*)*c",
        "(?:x?){40}x{40}",
        ".*.*.*=.*",
    ],
)
def test_hostile_patterns_end_soon(expression: str) -> None:
    begun = time.monotonic()
    for text in ("a" * 5_000, "x" * 39, "a" * 28):
        with contextlib.suppress(Unevaluable, TooCostly):
            ask("%text.matches(%pattern)", text=text, pattern=expression)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "expression",
    [
        "(a)\\1",
        "(?i)(a+)+b",
        "(?i:(a+))+b",
        "(?=(a+)+b)a",
        "(",
        "[",
        "a{5,2}",
        "\\p{L}",
        "a" * (LONGEST_PATTERN + 1),
        "((a+)+){400}" * 3,
    ],
)
def test_what_cannot_be_used_is_refused(expression: str) -> None:
    with pytest.raises(Unevaluable, match=r"regular expression|too complex"):
        pattern(expression).occurs_in("aaaa", free)


@pytest.mark.parametrize(
    "expression", ["(){4000000000}", "a{50000}b", "(?:aa){9000}b", "((((){99}){99}){99})+", "(?=a{9999}b)"]
)
def test_what_repeats_a_fixed_number_of_times_costs_as_often(expression: str) -> None:
    begun = time.thread_time()
    with pytest.raises((Unevaluable, TooCostly)):
        ask("%text.matches(%pattern)", text="a" * 99_999, pattern=expression)
    assert time.thread_time() - begun < 2


@pytest.mark.parametrize(("expression", "new"), [("a", "$1"), ("(a)", "$10"), ("(?=(.{900}))", "$1$1$1$1")])
def test_what_cannot_be_put_in_place_is_refused(expression: str, new: str) -> None:
    with pytest.raises(Unevaluable, match="replaceMatches"):
        ask("%text.replaceMatches(%pattern, %new)", text="a" * 5_000, pattern=expression, new=new)


PIECES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "1", "[a-c]", "$", "^", "\\."])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{1,3}", "{2}", "{2,}"]))
    return repeated | st.builds("(?:{}|{})".format, inner, inner) | st.builds("{}{}".format, inner, inner)


@given(st.recursive(PIECES, _grown, max_leaves=6), st.text(alphabet="ab1. ", max_size=8))
def test_both_ways_of_matching_agree(expression: str, text: str) -> None:
    found = pattern(expression)
    linear = found._linear()
    assert linear.occurs_in(text, False, free) is (re.search(expression, text, re.DOTALL) is not None)
    assert linear.occurs_in(text, True, free) is (re.fullmatch(expression, text, re.DOTALL) is not None)
    assert found.occurs_in(text, free) is (re.search(expression, text, re.DOTALL) is not None)


def test_groups_are_put_into_the_replacement() -> None:
    assert ask("'11/30/1972'.replaceMatches('(\\\\d+)/(\\\\d+)/(\\\\d+)', '$2-$1-$3')") == ["30-11-1972"]
    assert ask("'a'.replaceMatches('a', 'b\\\\\\\\n')") == ["b\\\\n"]


def test_the_work_is_counted() -> None:
    with pytest.raises(TooCostly):
        ask(
            "%text.toChars().where(%text.matches($this & '.*x'))",
            text="ab" * 5_000,
        )
