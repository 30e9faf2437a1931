"""Separators and their escapes: SE-15."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.escapes import escape, is_well_formed, prefixed, split, unescape

TEXT = st.text(alphabet="ab\\,$| ä", max_size=12)


@given(st.lists(TEXT, min_size=1), st.sampled_from(",$|"))
def test_what_was_escaped_and_joined_is_split_and_read_again(texts: list[str], separator: str) -> None:
    joined = separator.join(map(escape, texts))
    assert is_well_formed(joined)
    assert [unescape(part) for part in split(joined, separator)] == texts


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [("a", True), (r"a\,b", True), (r"\\", True), (r"\$\|", True), ("\\", False), (r"a\b", False), (r"\\\x", False)],
)
def test_a_backslash_stands_only_before_a_separator(text: str, well_formed: bool) -> None:
    assert is_well_formed(text) is well_formed


def test_a_prefix_stands_before_the_value() -> None:
    assert prefixed("ge2020") == ("ge", "2020")
    assert prefixed(" 2020-01-01T00:00:00 01:00") == ("", "2020-01-01T00:00:00+01:00")
    assert prefixed("xx5") == ("", "xx5")
    assert prefixed("") == ("", "")
