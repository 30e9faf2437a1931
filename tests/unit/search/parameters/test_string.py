"""Strings: SR-1 … SR-4."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.conditions import Exact, Nothing, Strings
from search.parameters.string import LONGEST, after, condition, normalise

from ..parameter_of import index_of, parameter_of

NAME, TITLE = parameter_of("Patient", "name"), parameter_of("Library", "title")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Größe", "grosse"), ("GROSSE", "grosse"), ("İstanbul", "istanbul"), ("Ångström", "angstrom"), ("O'Brien", "obrien"),
        ("O’Brien", "obrien"), ("Smith-Jones", "smith jones"), ("  a \t b\n", "a b"), ("Dr. med.", "dr med"), ("%", ""),
        ("ﬁn", "fin"), ("a+b", "a b"), ("ä+b", "a b"),
        ("Ⅳ", "iv"), ("محمد", "محمد"), ("مُحَمَّد", "محمد"), ("山田", "山田"), ("हिन्दी", "हिनदी"), ("ά", "α"), ("a,b;c", "a b c"),
    ],
)  # fmt: skip
def test_normalise(text: str, expected: str) -> None:
    """SR-1, SR-4: case, accents, punctuation and white space do not matter."""
    assert normalise(text) == expected


@given(st.text(max_size=30))
def test_normalising_is_final_and_blind_to_composition(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    for form in ("NFC", "NFD"):
        assert normalise(unicodedata.normalize(form, text)) == once


@given(st.text(min_size=1, max_size=20))
def test_normalising_is_blind_to_case(text: str) -> None:
    assert normalise(text.casefold()) == normalise(text)


@given(st.text(max_size=5), st.text(max_size=5))
def test_a_prefix_is_a_range(prefix: str, rest: str) -> None:
    low, high = prefix.encode("utf-8", "surrogatepass"), after(prefix).encode("utf-8", "surrogatepass")
    text = (prefix + rest).encode("utf-8", "surrogatepass")
    assert low <= text < high or not prefix


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_nothing_else_is_in_the_range(prefix: str, text: str) -> None:
    inside = prefix.encode("utf-8", "surrogatepass") <= text.encode("utf-8", "surrogatepass") < after(prefix).encode()
    assert inside is text.startswith(prefix)


def finds(parameter: Any, content: dict[str, Any], value: str, modifier: str | None = None) -> bool:
    """Whether condition(value) meets the rows of the content."""
    rows = index_of(parameter.resource_type, content).str
    of_parameter = [(v, x) for number, v, x in rows if number == parameter.number]
    match condition(parameter, modifier, (value,), ""):
        case Strings(ranges=ranges):
            return any(low <= v < high for v, _ in of_parameter for low, high in ranges)
        case Exact(values=values):
            return any(row in values for row in of_parameter)
    return False


HUMAN = {
    "name": [
        {"text": "Dr. Juan Q. Xavier", "family": "Carreno Quinones", "given": ["Juan", "Quentin"], "prefix": ["Dr."]}
    ]
}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("quin", True), ("Carreño", True), ("carreno quin", True), ("juan carreno", True), ("JUAN QUENTIN CARRENO", True),
        ("xav", True), ("dr juan", True), ("uan", False), ("quinones carreno", False), ("%", False),
    ],
)  # fmt: skip
def test_names_are_found_by_every_word(value: str, found: bool) -> None:
    """SR-3."""
    assert finds(NAME, HUMAN, value) is found


def test_parts_of_a_family_name() -> None:
    assert finds(parameter_of("Patient", "family"), HUMAN, "quinones")
    assert not finds(parameter_of("Patient", "family"), HUMAN, "juan")


def test_use_and_period_are_not_found() -> None:
    assert not finds(NAME, {"name": [{"use": "official", "family": "x", "period": {"start": "2020"}}]}, "official")
    assert not finds(parameter_of("Patient", "address"), {"address": [{"use": "home", "city": "x"}]}, "home")


def test_other_texts_are_found_by_their_beginning_only() -> None:
    assert finds(TITLE, {"title": "Two words"}, "two w")
    assert not finds(TITLE, {"title": "Two words"}, "words")


def test_exact() -> None:
    """SR-2: the whole value of a part, case and accents included."""
    assert finds(NAME, HUMAN, "Juan", "exact")
    assert finds(NAME, HUMAN, "Carreno Quinones", "exact")
    assert not finds(NAME, HUMAN, "juan", "exact")
    assert not finds(NAME, HUMAN, "Quinones", "exact")
    assert not finds(NAME, HUMAN, "Juan Carreno Quinones", "exact")


def test_long_values() -> None:
    """SR-4: found by a beginning that fits, and by their whole length; two that differ at the end are told apart."""
    long, other = "x" * 1_000, "x" * 999 + "y"
    assert finds(TITLE, {"title": long}, "x" * LONGEST)
    assert finds(TITLE, {"title": long}, long)
    assert not finds(TITLE, {"title": long}, other)
    assert finds(TITLE, {"title": long}, long, "exact")
    assert not finds(TITLE, {"title": long}, other, "exact")
    rows = index_of("Library", {"title": "\U00020000" * 3_000}).str
    assert max(len(v.encode()) for _, v, _ in rows) < 2_400


def test_nothing_left_matches_nothing() -> None:
    assert condition(NAME, None, ("%", "..."), "") == Nothing()


def test_an_escaped_comma_is_part_of_the_value() -> None:
    assert finds(TITLE, {"title": "a, b"}, r"a\, b")
