"""Code systems: hierarchies however they are written down, and filters that are understood or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.codesystem import Filter, Unanswerable, read

Tree = dict[str, Any]


def matches(pattern: str, texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text for text in texts if re.fullmatch(pattern, text))


def system(*concepts: Tree, **more: Any) -> Tree:
    return {
        "resourceType": "CodeSystem",
        "url": "http://test/animals",
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
        "concept": list(concepts),
        **more,
    }


def concept(code: str, *inside: Tree, **properties: str) -> Tree:
    found: Tree = {"code": code, "display": f"a {code}"}
    if inside:
        found["concept"] = list(inside)
    if properties:
        found["property"] = [{"code": name, "valueCode": value} for name, value in properties.items()]
    return found


NESTED = system(
    concept("animal", concept("cat", concept("lynx")), concept("dog", legs="4")), concept("plant", status="retired")
)
BY_PARENT = system(
    concept("lynx", parent="cat"), concept("cat", parent="animal"), concept("dog", parent="animal"), concept("animal"),
    concept("plant"),
)  # fmt: skip
BY_CHILD = system(
    concept("animal", child="cat") | {"property": [{"code": "child", "valueCode": one} for one in ("cat", "dog")]},
    concept("cat", child="lynx"), concept("dog"), concept("lynx"), concept("plant"),
)  # fmt: skip
BY_NAME = system(
    concept("lynx", kindOf="cat"), concept("cat", kindOf="animal"), concept("dog", kindOf="animal"), concept("animal"),
    concept("plant"),
    property=[{"code": "kindOf", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}],
)  # fmt: skip


@pytest.mark.parametrize("tree", [NESTED, BY_PARENT, BY_CHILD, BY_NAME])
def test_tk7_subsumption_is_reflexive_and_transitive(tree: Tree) -> None:
    known = read(tree)
    assert known.below("animal") == {"animal", "cat", "lynx", "dog"}
    assert known.below("lynx") == {"lynx"}
    assert known.above("lynx") == {"lynx", "cat", "animal"}
    assert known.above("plant") == {"plant"}


def test_a_concept_may_have_several_parents() -> None:
    known = read(system(concept("a", concept("c")), concept("b", concept("c"))))
    assert known.above("c") == {"a", "b", "c"}
    assert known.below("b") == {"b", "c"}


def test_a_cycle_ends() -> None:
    known = read(system(concept("a", parent="c"), concept("b", parent="a"), concept("c", parent="b")))
    assert known.below("a") == known.above("a") == {"a", "b", "c"}


def test_a_parent_that_is_not_there_is_none() -> None:
    assert read(system(concept("a", parent="gone"))).above("a") == {"a"}


@pytest.mark.parametrize("meaning", ["part-of", "grouped-by", "classified-with"])
def test_tx34_nesting_that_is_no_subsumption_says_nothing(meaning: str) -> None:
    assert read({**NESTED, "hierarchyMeaning": meaning}).below("animal") == {"animal"}
    assert read({**NESTED, "hierarchyMeaning": "is-a"}).below("cat") == {"cat", "lynx"}


def test_tk2_case_counts_only_where_the_code_system_says_so() -> None:
    assert read(NESTED).find("CAT") is None
    for other in ({"caseSensitive": False}, {"caseSensitive": None}):
        assert read({**NESTED, **other}).find("CAT") == "cat"


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        (Filter("concept", "is-a", "cat"), "cat lynx"),
        (Filter("code", "descendent-of", "animal"), "cat lynx dog"),
        (Filter("concept", "is-not-a", "cat"), "animal dog plant"),
        (Filter("concept", "generalizes", "lynx"), "animal cat lynx"),
        (Filter("concept", "in", "cat, plant,unheard"), "cat plant"),
        (Filter("concept", "not-in", "cat,plant"), "animal lynx dog"),
        (Filter("code", "=", "dog"), "dog"),
        (Filter("legs", "=", "4"), "dog"),
        (Filter("legs", "exists", "true"), "dog"),
        (Filter("legs", "exists", "false"), "animal cat lynx plant"),
        (Filter("legs", "in", "3,4"), "dog"),
        (Filter("parent", "=", "cat"), "lynx"),
        (Filter("child", "=", "cat"), "animal"),
        (Filter("parent", "exists", "false"), "animal plant"),
        (Filter("display", "=", "a cat"), "cat"),
        (Filter("code", "regex", "[a-z]{3}"), "cat dog"),
        (Filter("code", "regex", "a"), ""),
        (Filter("display", "regex", "a .*n.*"), "animal lynx plant"),
    ],
)
def test_tx60_filters(wanted: Filter, codes: str) -> None:
    assert read(NESTED).filtered(wanted, matches) == set(codes.split())


@pytest.mark.parametrize(
    "wanted",
    [
        Filter("concept", "is-a", "unheard"),
        Filter("legs", "is-a", "dog"),
        Filter("wings", "=", "2"),
        Filter("wings", "exists", "true"),
        Filter("wings", "regex", ".*"),
        Filter("legs", "exists", "perhaps"),
        Filter("concept", "child-of", "cat"),
        Filter("concept", "", "cat"),
    ],
)
def test_tx23_a_filter_that_is_not_understood_is_refused(wanted: Filter) -> None:
    with pytest.raises(Unanswerable, match="http://test/animals"):
        read(NESTED).filtered(wanted, matches)


def test_a_filter_that_the_code_system_defines_may_be_hierarchical() -> None:
    tree = {**NESTED, "filter": [{"code": "kind", "operator": ["is-a"], "value": "a code"}]}
    assert read(tree).filtered(Filter("kind", "is-a", "cat"), matches) == {"cat", "lynx"}


def test_filters_without_case() -> None:
    known = read({**NESTED, "caseSensitive": False})
    assert known.filtered(Filter("concept", "is-a", "CAT"), matches) == {"cat", "lynx"}
    assert known.filtered(Filter("concept", "in", "Cat,DOG"), matches) == {"cat", "dog"}


def test_what_is_inactive() -> None:
    tree = system(
        concept("a", status="retired"), concept("b", status="active"), concept("c", inactive="true"), concept("d"),
        {"code": "e", "property": [{"code": "inactive", "valueBoolean": True}]},
    )  # fmt: skip
    assert read(tree).inactive == {"a", "c", "e"}


def test_a_property_may_be_a_coding_or_a_number() -> None:
    tree = system({"code": "a", "property": [
        {"code": "of", "valueCoding": {"system": "http://x", "code": "y"}}, {"code": "size", "valueInteger": 3},
    ]})  # fmt: skip
    assert read(tree).filtered(Filter("of", "=", "y"), matches) == {"a"}
    assert read(tree).filtered(Filter("size", "in", "2,3"), matches) == {"a"}


codes = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(codes, codes), max_size=20))
def test_below_and_above_are_each_other_turned_round(edges: list[tuple[str, str]]) -> None:
    known = read(system(*(concept(code) for code in "abcdefgh"), *(concept(code, parent=up) for code, up in edges)))
    for one in "abcdefgh":
        assert known.below(one) == {other for other in "abcdefgh" if one in known.above(other)}
        assert one in known.below(one)
        for other in known.below(one):
            assert known.below(other) <= known.below(one)


def test_what_is_abstract() -> None:
    """https://hl7.org/fhir/R4/codesystem-concept-properties.html: notSelectable, by its code or by its URI."""
    uri = "http://hl7.org/fhir/concept-properties#notSelectable"
    found = read(
        {
            "content": "complete",
            "property": [{"code": "grouper", "uri": uri}, {"code": "other"}],
            "concept": [
                {"code": "a", "property": [{"code": "notSelectable", "valueBoolean": True}]},
                {"code": "b", "property": [{"code": "grouper", "valueBoolean": True}]},
                {"code": "c", "property": [{"code": "notSelectable", "valueBoolean": False}]},
                {"code": "d", "property": [{"code": "other", "valueBoolean": True}]},
            ],
        }
    )
    assert found.abstract == {"a", "b"}


@pytest.mark.parametrize("content", ["complete", "fragment", "not-present"])
def test_subsumption_is_denied_only_where_all_concepts_are_here(content: str) -> None:
    nested = [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}, {"code": "d"}]}]
    found = read({"content": content, "concept": nested if content != "not-present" else []})
    denied = False if content == "complete" else None
    known = True if content != "not-present" else None
    asked = [("a", "c"), ("b", "b"), ("x", "x"), ("A", "a"), ("c", "a"), ("b", "d"), ("a", "x")]
    expected = [known, True, True, known, denied, denied, None]
    assert [found.subsumes(*pair) for pair in asked] == expected
