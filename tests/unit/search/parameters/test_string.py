"""Strings: SR-1 … SR-4, SR-2's :contains."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.conditions import Nothing
from search.escapes import escape
from search.parameters.string import FRAGMENT, LONGEST, after, condition, normalise, pieces

from ..parameter_of import index_of, meets, parameter_of

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
    """Whether the condition of the value meets the rows of the content."""
    return meets(condition(parameter, modifier, (value,), ""), index_of(parameter.resource_type, content))


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
    assert max(len(v.encode()) for _, v in rows) < 2_400


def test_nothing_left_matches_nothing() -> None:
    assert condition(NAME, None, ("%", "..."), "") == Nothing()


def test_an_escaped_comma_is_part_of_the_value() -> None:
    assert finds(TITLE, {"title": "a, b"}, r"a\, b")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("uinon", True), ("UAN Q", True), ("rreño", True), ("an", True), ("z", False), ("juan xavier", False),
        ("juan carreno", True), ("n q", True), ("%", False), ("quinones", True), ("q", True),
    ],
)  # fmt: skip
def test_sr2_contains_finds_anywhere(value: str, found: bool) -> None:
    assert finds(NAME, HUMAN, value, "contains") is found


@given(st.text(alphabet="abä ß", max_size=8), st.text(alphabet="abä ß", min_size=1, max_size=3))
def test_sr2_contains_is_a_substring_of_what_is_normalised(text: str, value: str) -> None:
    wanted = normalise(value)
    assert finds(TITLE, {"title": text}, value, "contains") is (bool(wanted) and wanted in normalise(text))


@given(st.integers(LONGEST - 2, 3 * LONGEST), st.data())
def test_sr2_contains_reads_long_texts_to_their_end(length: int, data: st.DataObject) -> None:
    """Every fragment of a long text lies within one of its rows."""
    text = "".join(chr(0x4E00 + n) for n in range(length))
    start = data.draw(st.integers(0, length - 1))
    fragment = text[start : start + data.draw(st.integers(1, FRAGMENT))]
    assert any(fragment in piece for piece in (text[:LONGEST], *pieces(text)))
    assert all(len(piece) <= LONGEST for piece in pieces(text))


def test_sr2_a_piece_of_a_long_text_is_no_beginning_and_its_hash_no_text() -> None:
    long = "".join(f"w{n} " for n in range(400))
    rows = index_of("Library", {"title": long})
    [piece, *_] = [v for number, v in rows.str if number == -TITLE.number]
    assert not meets(condition(TITLE, None, (piece[:50],), ""), rows)
    assert meets(condition(TITLE, "contains", (piece[:50],), ""), rows)
    assert not any(finds(TITLE, {"title": "x" * 1_000}, letter, "contains") for letter in "0123456789abcdef")


def test_sr2_a_fragment_has_a_limit() -> None:
    with pytest.raises(BadRequest, match="title:contains"):
        condition(TITLE, "contains", ("x" * (FRAGMENT + 1),), "")
    assert finds(TITLE, {"title": "y" + "x" * FRAGMENT}, "x" * FRAGMENT, "contains")


@given(st.text(min_size=1, max_size=20))
def test_sr2_exact_finds_any_text_as_it_was_sent(text: str) -> None:
    assert finds(TITLE, {"title": text}, escape(text), "exact")
    assert not finds(TITLE, {"title": text}, escape(text + "x"), "exact")


def test_a_text_that_is_present_has_a_row_to_sort_by() -> None:
    for content in ({"title": "..."}, {"title": "x" * 1_000}, {"title": "a"}):
        rows = index_of("Library", content)
        assert TITLE.present in rows.keys
        assert any(number == TITLE.number for number, _ in rows.str)


def test_so2_only_whole_values_are_under_the_number_that_is_sorted_by() -> None:
    """What begins at a later word, or goes across the parts of a name, is under the number below zero."""
    name = [{"family": "Carreno Quinones", "given": ["Peter", "James"]}]
    number = parameter_of("Patient", "name").number
    found = index_of("Patient", {"name": name}).str
    assert {text for param, text in found if param == number} == {"carreno quinones", "peter", "james"}
    assert {text for param, text in found if param == -number} >= {"quinones", "peter james carreno quinones"}
