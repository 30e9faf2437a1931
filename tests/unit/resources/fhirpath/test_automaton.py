"""An automaton looks at each character once; that it agrees with Python's engine is in test_patterns.py."""

from __future__ import annotations

from re import _parser  # type: ignore[attr-defined]

import pytest

from resources.fhirpath.automaton import Automaton, Unsuited


def test_the_work_grows_with_the_text_and_not_faster() -> None:
    work: list[int] = []
    automaton = Automaton(_parser.parse("(?:a+)+b"))
    assert not automaton.occurs_in("a" * 1_000, False, work.append)
    few = sum(work)
    assert not automaton.occurs_in("a" * 10_000, False, work.append)
    assert sum(work) <= few * 10


@pytest.mark.parametrize("expression", ["\\bа", "(a)\\1", "(?=a)", "(?>a)", "a{1000,2000}" * 4])
def test_what_it_cannot_do_it_says(expression: str) -> None:
    with pytest.raises(Unsuited):
        Automaton(_parser.parse(expression))


def test_anchors() -> None:
    automaton = Automaton(_parser.parse("^ab$"))
    assert automaton.occurs_in("ab", False, lambda steps: None)
    assert not automaton.occurs_in("xab", False, lambda steps: None)
    assert not automaton.occurs_in("abx", False, lambda steps: None)
