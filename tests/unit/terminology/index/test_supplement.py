"""Supplements put onto a code system: what they say is added, what it says stays."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from terminology.index.building import build
from terminology.index.supplement import supplemented
from terminology.index.system import Indexed
from terminology.records import About, Concept, Member, Parent, Property, PropertyDefinition, Term
from terminology.system import System

from .releases import looked_for, releases, some_codes, texts

EXTENSION = {"url": "http://example.org/weight", "valueInteger": 3}
BASE = Indexed(
    build(
        About("http://example.org/cs", "1", properties=(PropertyDefinition("colour", "code"),)),
        [
            Concept("a", "Alpha", "First", extension=({"url": "http://example.org/own"},)),
            Concept("b", "Beta", inactive=True, status="retired"),
            Concept("c"),
            Parent("b", "a"),
            Term("a", "First letter", "en"),
            Property("a", "colour", "red", "code"),
            Property("b", "see", "a", "concept"),
            Member("vowels", "a"),
        ],
    )
)
SUPPLEMENT: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "content": "supplement",
    "supplements": "http://example.org/cs",
    "property": [{"code": "taste", "type": "string"}, {"code": "colour", "type": "string"}],
    "concept": [
        {
            "code": "a",
            "display": "Not Alpha",
            "extension": [EXTENSION],
            "designation": [{"language": "de", "value": "Erster Buchstabe", "use": {"code": "syn"}}],
            "property": [{"code": "taste", "valueString": "sweet"}, {"code": "colour", "valueCode": "blue"}],
            "concept": [{"code": "c", "display": "Gamma", "property": [{"code": "colour", "valueCode": "red"}]}],
        },
        {"code": "unheard", "display": "Of"},
    ],
}
BOTH = supplemented(BASE, [SUPPLEMENT])


def test_nothing_is_put_on_without_supplements() -> None:
    assert supplemented(BASE, []) is BASE


def test_designations_properties_and_extensions_are_added() -> None:
    assert [one.value for one in BOTH.designations(0)] == ["First letter", "Erster Buchstabe"]
    assert BOTH.designations(0)[1].use == ("", "syn", "")
    assert [(one.name, one.value) for one in BOTH.properties(0)] == [
        ("colour", "red"),
        ("taste", "sweet"),
        ("colour", "blue"),
    ]
    assert [*BOTH.extension(0)] == [{"url": "http://example.org/own"}, EXTENSION]
    assert [one.code for one in BOTH.about.properties] == ["colour", "taste"]
    assert BOTH.about.properties[0].type == "code"
    assert {*BOTH.property_names()} == {"colour", "taste", "see"}
    assert BOTH.with_property("taste") == BOTH.having("taste", "sweet") == BitMap([0])
    assert BOTH.having("colour", "red") == BitMap([0, 2])
    assert dict(BOTH.values("colour")) == {"red": BitMap([0, 2]), "blue": BitMap([0])}


def test_a_display_is_added_only_where_there_is_none() -> None:
    assert [BOTH.display(at) for at in range(3)] == ["Alpha", "Beta", "Gamma"]
    assert BASE.display(2) == ""


def test_everything_else_is_the_code_systems() -> None:
    assert (len(BOTH), BOTH.infinite, BOTH.find("unheard"), BOTH.find("c"), BOTH.code(2)) == (3, False, None, 2, "c")
    assert (BOTH.definition(0), BOTH.status(1), BOTH.is_inactive(1), BOTH.is_abstract(1)) == (
        "First",
        "retired",
        True,
        False,
    )
    assert (BOTH.parents(2), BOTH.children(0), BOTH.subsumes(0, 1), BOTH.subsumes(0, 2)) == ([], [1], True, False)
    assert (BOTH.all, BOTH.inactive, BOTH.abstract) == (BASE.all, BASE.inactive, BASE.abstract)
    assert (BOTH.leaves, BOTH.roots) == (BASE.leaves, BASE.roots)
    assert (BOTH.ancestors(1), BOTH.descendants(0)) == (BitMap([0]), BitMap([1]))
    assert (BOTH.ancestors_of(BASE.all), BOTH.descendants_of(BASE.all)) == (BitMap([0]), BitMap([1]))
    assert (BOTH.sources("see", BitMap([0])), BOTH.targets("see")) == (BitMap([1]), BitMap([0]))
    assert ([*BOTH.sets()], BOTH.members("vowels")) == (["vowels"], BitMap([0]))
    assert [*BOTH.member_rows("vowels", 0)] == [(0, {})]


def test_tx27_words_of_supplements_are_found_together_with_those_of_the_code_system() -> None:
    assert BOTH.search("buch").ordinals == [0]
    assert BOTH.search("buch alph").ordinals == [0]
    assert BOTH.search("buch lette", within=BitMap([1, 2])).total == 0
    assert BOTH.search("gam").ordinals == [2]
    assert BOTH.search("not").total == 0
    assert BOTH.search("").total == 3
    assert BOTH.search("b").ordinals == [0, 1]  # Buchstabe, Beta; the second is not active


@given(
    releases(),
    st.dictionaries(st.sampled_from(["c1", "c2", "c3", "c4"]), st.lists(texts, max_size=2)),
    looked_for,
    some_codes,
)
def test_tx27_a_supplement_finds_what_the_same_terms_in_the_release_would_find(
    records: list[Any], said: dict[str, list[str]], text: str, some: set[str]
) -> None:
    tree = {"concept": [{"code": code, "designation": [{"value": one} for one in all_]} for code, all_ in said.items()]}
    # A concept without any text is found by its code until it has one; each has a display here.
    records = [Concept(one.code, one.display or "x") if isinstance(one, Concept) else one for one in records]
    base = Indexed(build(About("x"), records))
    put_on: System = supplemented(base, [tree])
    whole = Indexed(build(About("x"), [*records, *(Term(code, one) for code, all_ in said.items() for one in all_)]))
    among = BitMap([at for code in some if (at := base.find(code)) is not None])
    for within in (None, among):
        assert put_on.search(text, within, most=3, offset=1) == whole.search(text, within, most=3, offset=1)
