"""Words of narratives and of whole resources: TX-1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.conditions import And, Condition, Keys, Not, Or
from search.parameters.words import WORDS, condition, words

from ..parameter_of import R4, finds, index_of, parameter_of

DOCUMENT = {
    "text": {
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Bone&#160;<b>fracture</b>, left  tibia &amp; fibula.</p></div>'
    },
    "conclusion": "No other Läsion",
    "language": "山" * 300,
    "attachment": [{"data": ("QUJD" * 19 + "\n") * 9, "title": "Scan"}, {"data": "QUJD" * 100 + " abc"}],
}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("fracture", True), ("FRACTURE", True), ("fract", False), ("bone fracture", True), ("bone AND fracture", True),
        ("bone skull", False), ("bone OR skull", True), ("skull OR bone", True), ("NOT skull", True), ("NOT bone", False),
        ("bone NOT skull", True), ("bone AND NOT left", False), ('"bone fracture"', True), ('"fracture bone"', False),
        ('"left tibia"', True), ('"left fibula"', False), ("(skull OR bone) AND tibia", True), ("skull OR (bone hip)", False),
        ("skull bone OR tibia", True), ("skull AND (bone OR tibia)", False), ("fibula.", True), ("p", False), ("amp", False),
        ("", None), ("AND", None), ("bone AND", None), ("(bone", None), ("bone)", None), ('"bone', None), ("()", None),
        ("OR bone", None), ("NOT", None), ("(" * 40 + "a" + ")" * 40, None), ("NOT " * 40 + "a", None), ("a " * 65, None),
        ("%", False), ("Läsion", False), ("xmlns", False),
    ],
)  # fmt: skip
def test_tx1_text(value: str, found: bool | None) -> None:
    if found is None:
        with pytest.raises(BadRequest, match=r"_text="):
            finds("Composition", DOCUMENT, f"_text={value}")
    else:
        assert finds("Composition", DOCUMENT, f"_text={value}") is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("lasion", True),
        ("fracture", True),
        ("scan", True),
        ('"no other"', True),
        ("qujd" * 16, False),
        ("abc", False),
        ("山" * 64, True),
    ],
)
def test_tx1_content_is_the_whole_resource(value: str, found: bool) -> None:
    assert finds("Composition", DOCUMENT, f"_content={value}") is found


def test_tx1_types_without_words_say_so() -> None:
    for code in ("_text", "_content"):
        with pytest.raises(BadRequest, match=f"{code}: words of Patient are not indexed"):
            finds("Patient", {}, f"{code}=x")
    assert parameter_of("Patient", "_content").present not in index_of("Patient", {"name": [{"text": "x"}]}).keys
    assert set(R4.resource_types) >= WORDS


terms = st.recursive(
    st.sampled_from("abc"),
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(inner, st.just("AND"), inner),
        st.tuples(inner, st.just("OR"), inner),
    ),
    max_leaves=8,
)


def written(term: Any) -> str:
    if isinstance(term, str):
        return term
    return "(" + " ".join(one if one in ("AND", "OR", "NOT") else written(one) for one in term) + ")"


def meant(term: Any, present: set[str]) -> bool:
    match term:
        case str():
            return term in present
        case ("NOT", inner):
            return not meant(inner, present)
        case (left, "AND", right):
            return meant(left, present) and meant(right, present)
        case (left, "OR", right):
            return meant(left, present) or meant(right, present)
    raise AssertionError(term)


def holds(found: Condition, present: set[str]) -> bool:
    parameter = parameter_of("Composition", "_text")
    match found:
        case And(conditions=parts):
            return all(holds(one, present) for one in parts)
        case Or(conditions=parts):
            return any(holds(one, present) for one in parts)
        case Not(condition=inner):
            return not holds(inner, present)
        case Keys(rows=rows):
            return any(rows == ((parameter.key(one), rows[0][1]),) for one in present)
    raise AssertionError(found)


@given(terms, st.sets(st.sampled_from("abc")))
def test_tx1_the_grammar_means_what_it_says(term: Any, present: set[str]) -> None:
    found = condition(parameter_of("Composition", "_text"), None, (written(term),), "")
    assert holds(found, present) is meant(term, present)


def test_words() -> None:
    assert words("Größe: 5cm, O'Brien") == ["grosse", "5cm", "obrien"]
    assert len(words("x" * 100)[0]) == 64
