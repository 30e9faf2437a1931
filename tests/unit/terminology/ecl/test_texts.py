"""Texts that are looked for, as 5.5 and 6.8 of the guide have it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.ecl.syntax import SearchTerm, Terms
from terminology.ecl.texts import matching, sure_words
from terminology.index.words import words


def matches(wanted: str, text: str, kind: str = "", *, exact: bool = False) -> bool:
    return matching(Terms((SearchTerm(wanted, kind),)), exact=exact)(text)


@pytest.mark.parametrize("text", ["resume", "Resume", "RESUME", "résumé", "rèsumè", "Résumé", "a re-résumé"])
def test_plain_letters_find_all(text: str) -> None:
    assert matches("resume", text)
    assert matches("RESUME", text)


def test_accents_find_themselves() -> None:
    assert matches("résumé", "RÉSUMÉ")
    assert not matches("résumé", "resume")
    assert not matches("rèsumé", "résumé")
    assert matches("re\u0301sume\u0301", "résumé")


def test_words_begin() -> None:
    assert matches("heart att", "Attack of the (heart)")
    assert not matches("eart", "heart")
    assert matches("(dis", "x (disorder)")
    assert matches(r"a\"b \\", 'x a"b \\')


def test_patterns() -> None:
    assert matches("cardi*opathy", "cardiac channelopathy", "wild")
    assert not matches("cardi*opathy", "atrial cardiopathy", "wild")
    assert not matches("cardi*opathy", "Cardiomyopathy (disorder)", "wild")
    assert matches("*itis", "Gastritis", "wild")
    assert matches(r"a\**", "a*b", "wild")
    assert not matches(r"a\**", "ab", "wild")
    assert matches("Cafe*", "café au lait", "wild")
    assert not matches("café", "cafe", "wild")
    assert not matches("ab*ba", "aba", "wild")


def test_exact() -> None:
    assert matches("A b", "A b", exact=True)
    assert not matches("A b", "a b", exact=True)
    assert matches("a", "A b", "match", exact=True)


PATTERNS = st.lists(st.sampled_from(["a", "b", "ab", " ", "*", "-", "ä"]), min_size=1, max_size=7).map("".join)
TEXTS = st.lists(st.sampled_from(["a", "b", " ", "-", "ä", "A"]), max_size=9).map("".join)


@given(PATTERNS.filter(lambda pattern: "ä" not in pattern), TEXTS)
def test_patterns_as_regular_expressions(pattern: str, text: str) -> None:
    expression = "".join(".*" if one == "*" else re.escape(one) for one in pattern)
    plain = text.lower().replace("ä", "a")
    assert matches(pattern, text, "wild") == bool(re.fullmatch(expression, plain, re.DOTALL))


@given(PATTERNS, TEXTS, st.sampled_from(["wild", "match"]))
def test_sure_words_are_there(pattern: str, text: str, kind: str) -> None:
    """What the index of words is asked for is in every text that matches."""
    if matches(pattern, text, kind) and pattern.strip():
        there = words(text)
        assert all(
            any(word.startswith(sure) for word in there) for sure in words(sure_words(SearchTerm(pattern, kind)))
        )
