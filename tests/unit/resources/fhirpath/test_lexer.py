"""https://hl7.org/fhirpath/N1/#lexical-elements"""

from __future__ import annotations

import pytest

from resources.fhirpath.lexer import LONGEST, tokens
from resources.outcome import BadRequest


def test_kinds_and_positions() -> None:
    found = tokens("name.`given`[0] = 'a\\'\\u0062' /* x */ and %`vs-a` > @2014-01T // end")
    assert [(one.kind, one.text) for one in found] == [
        ("name", "name"), ("symbol", "."), ("quoted", "given"), ("symbol", "["), ("number", "0"), ("symbol", "]"),
        ("symbol", "="), ("string", "a'b"), ("name", "and"), ("variable", "vs-a"), ("symbol", ">"),
        ("moment", "2014-01T"), ("end", ""),
    ]  # fmt: skip
    assert [one.position for one in found[:4]] == [0, 4, 5, 12]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a # b", 3),
        ("'open", 1),
        ("a = '\\q'", 5),
        ("a ! b", 3),
        ("'\\ud83d'", 1),
        ("`\\ude00`", 1),
        ("'\\u0000'", 1),
        ("$", 1),
        ("a ü", 3),
    ],
)
def test_what_is_no_token_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(BadRequest, match=f"position {position} ") as refused:
        tokens(text)
    assert refused.value.issues[0].code == "value"


def test_two_escapes_may_be_one_character() -> None:
    assert tokens("'\\ud83d\\ude00'")[0].text == "😀"


def test_long_texts_are_refused() -> None:
    tokens("a" * LONGEST)
    with pytest.raises(BadRequest, match="characters"):
        tokens("a" * (LONGEST + 1))
