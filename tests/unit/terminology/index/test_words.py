"""Words as they are looked for: case, accents and punctuation do not count. TX-27"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.index.words import words
from tests.editions import naive_words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Acute beta-blocker (x1), N.O.S.", ["acute", "beta", "blocker", "x1", "n", "o", "s"]),
        ("Crohn's  disease\t2", ["crohn", "s", "disease", "2"]),
        ("Ménière’s Übelkeit, STRASSE/Straße", ["meniere", "s", "ubelkeit", "strasse", "strasse"]),
        ("Sjögren–Ødegård, Łódź, cœur, ﬁbre", ["sjogren", "odegard", "lodz", "coeur", "fibre"]),
        ("Me\u0301nie\u0300re", ["meniere"]),  # accents apart
        ("soft\u00adhyphen, H₂O, ½", ["softhyphen", "h2o", "1", "2"]),
        ("ΚΑΡΔΙΆΣ καρδιας", ["καρδιασ", "καρδιασ"]),
        ("Гипертония Й", ["гипертония", "и"]),
        ("高血压 (I10)", ["高", "血", "压", "i10"]),
        ("हृदय रोग", ["हृदय", "रोग"]),
        ("—…!", []),
        ("", []),
    ],
)
def test_tx27_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text("abzÄÖÜäöüéñ -,.'19ABZ"))
def test_latin_words_are_those_of_another_way(text: str) -> None:
    assert set(words(text)) == naive_words(text)


@given(st.text(), st.text())
def test_words_of_two_texts_are_those_of_both(one: str, other: str) -> None:
    assert words(f"{one} {other}") == words(one) + words(other)


@given(st.text())
def test_a_word_is_its_own_word(text: str) -> None:
    for word in words(text):
        assert words(word) == [word] or len(words(word)) == 1
