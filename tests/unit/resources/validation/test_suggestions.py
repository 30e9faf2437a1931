"""The nearest name or code, and what is said of those that are allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.validation.suggestions import MOST_COMPARED, meant, nearest, of_code, of_codings

GENDERS = {"male", "female", "other", "unknown"}
STATES = {"in-progress", "entered-in-error", "not-done", "completed"}


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("Male", GENDERS, "male"),
        ("FEMALE", GENDERS, "female"),
        ("femlae", GENDERS, "female"),
        ("femal", GENDERS, "female"),
        ("femmale", GENDERS, "female"),
        ("fenale", GENDERS, "female"),
        ("abcd", {"xbcd", "abcx", "abcde"}, "abcde"),  # all are one step away: the first in the alphabet
        ("nmae", {"name", "text"}, "name"),
        ("Nmae", {"name", "text"}, "name"),
        ("Mael", GENDERS, "male"),
        ("inProgress", STATES, "in-progress"),
        ("in_progress", STATES, "in-progress"),
        ("entered in error", STATES, "entered-in-error"),
        ("enterd_in_eror", STATES, "entered-in-error"),
        ("AB", {"Ab", "ab"}, "Ab"),
        ("ab", {"a-b", "AB"}, "AB"),  # case before punctuation
        ("foo", GENDERS, None),
        ("m", GENDERS, None),
        ("x", {"y"}, None),
        ("--", {"..", "="}, None),
        ("", {"a"}, None),
        ("", {""}, None),
        ("a" * 81, {"a" * 80}, None),
        ("a" * 80, {"a" * 79}, "a" * 79),
        ("abc", (), None),
        ("abcdefghijklmnop", {"abcdefghijkl"}, None),  # four are too many, however long it is
    ],
)
def test_nearest(word: str, candidates: set[str], expected: str | None) -> None:
    assert nearest(word, candidates) == expected


@given(st.text(alphabet="abcd", min_size=3, max_size=12), st.data())
def test_one_slip_is_always_forgiven(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 2))
    slip = data.draw(st.sampled_from(["left out", "twice", "swapped", "other"]))
    first, second, rest = word[at], word[at + 1], word[at + 2 :]
    made = {"left out": second, "twice": first + first + second, "swapped": second + first, "other": "z" + second}[slip]
    assert (len(word) == 3 and slip == "left out") or nearest(word[:at] + made + rest, [word]) == word


@given(st.text(max_size=12), st.lists(st.text(max_size=12)))
def test_the_answer_is_a_candidate_whatever_their_order(word: str, candidates: list[str]) -> None:
    found = nearest(word, candidates)
    assert found is None or found in candidates
    assert nearest(word, reversed(candidates)) == found


def test_a_huge_list_costs_no_more_than_a_large_one() -> None:
    assert nearest("zzzz", (f"a{n:07}" for n in range(MOST_COMPARED + 5))) is None
    assert nearest("zzzz", [*(f"a{n:07}" for n in range(MOST_COMPARED)), "zzzx"]) is None


def test_sentences() -> None:
    assert meant("nmae", ["name"]) == "; did you mean name?"
    assert meant("foo", ["name"]) == ""
    assert of_code("Male", GENDERS) == "; did you mean male? Allowed: female, male, other, unknown"
    assert of_code("x", GENDERS) == ". Allowed: female, male, other, unknown"
    assert of_code("c-7x", {f"c-{n}" for n in range(20)}).startswith("; did you mean c-7? Allowed: c-0, c-1, c-10,")
    assert of_code("c-7x", {f"c-{n}" for n in range(21)}) == "; did you mean c-7?"
    assert of_code("x", {f"c-{n}" for n in range(21)}) == ""
    assert of_code("x", ()) == ""


def test_codings() -> None:
    systems = {"http://b": {"active", "inactive"}, "http://a": {"gone"}}
    allowed = " Allowed: gone of http://a; active, inactive of http://b"
    assert of_codings([{"system": "http://b", "code": "Active"}], systems) == f"; did you mean active?{allowed}"
    assert of_codings([{"system": "http://x", "code": "gnoe"}], systems) == f"; did you mean gone?{allowed}"
    wrong = of_codings([{"system": "http://x", "code": "gone"}], systems)
    assert wrong == f"; the code 'gone' is in it under the system http://a, not under 'http://x'.{allowed}"
    without = of_codings([{"display": "x"}, {"code": "gone"}], systems)
    assert without == f"; the code 'gone' is in it under the system http://a, and none is given.{allowed}"
    assert of_codings([], systems) == f".{allowed}"
    assert of_codings([{"code": "x"}], {"http://a": {f"c-{n}" for n in range(21)}}) == ""
    assert of_codings([{"code": "x"}], {}) == ""
    long = of_codings([{"system": "x" * 1000, "code": "gone"}], systems)
    assert "x" * 80 not in long
