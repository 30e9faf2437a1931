"""Value sets: the algebra of sets of codes, and definitions evaluated over what they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology import codesystem
from terminology.codesystem import CodeSystem, Filter, Unanswerable
from terminology.valueset import Codes, Part, ValueSet, codes_of, implicit, read, to_match

Tree = dict[str, Any]
ANIMALS, COLOURS = "http://test/animals", "http://test/colours"


class World:
    """What the definitions below refer to."""

    def __init__(self, value_sets: dict[str, ValueSet], systems: list[CodeSystem]) -> None:
        self._value_sets = value_sets
        self._systems = {one.url: one for one in systems}

    def code_system(self, canonical: str) -> CodeSystem | None:
        return self._systems.get(canonical)

    def value_set(self, canonical: str) -> ValueSet | None:
        return self._value_sets.get(canonical)

    def matches(self, pattern: str, texts: Iterable[str]) -> frozenset[str]:
        return frozenset(text for text in texts if re.fullmatch(pattern, text))


def code_system(content: str = "complete") -> CodeSystem:
    nested = [
        {"code": "animal", "concept": [{"code": "cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}]},
        {"code": "dodo", "property": [{"code": "status", "valueCode": "retired"}]},
    ]
    return codesystem.read({"url": ANIMALS, "content": content, "caseSensitive": True, "concept": nested})


def evaluated(content: str = "complete", /, **composes: Tree) -> dict[str, set[str]]:
    """System → codes of the value set `main`, "all but" before what is not in it."""
    value_sets = {name: read({"url": name, "compose": compose}) for name, compose in composes.items()}
    parts = codes_of("main", World(value_sets, [code_system(content)])).parts
    return {system: {*part.codes, *(["all but"] if part.but else [])} for system, part in parts.items()}


def include(*codes: str, system: str = ANIMALS, **more: Any) -> Tree:
    return {"system": system, **({"concept": [{"code": code} for code in codes]} if codes else {}), **more}


def is_a(code: str, op: str = "is-a", **more: Any) -> Tree:
    return include(filter=[{"property": "concept", "op": op, "value": code}], **more)


def test_tk5_enumerated_codes_need_no_code_system() -> None:
    assert evaluated(main={"include": [include("red", "green", system=COLOURS), include("cat")]}) == {
        COLOURS: {"red", "green"},
        ANIMALS: {"cat"},
    }


def test_all_codes_of_a_system_that_is_known_and_of_one_that_is_not() -> None:
    assert evaluated(main={"include": [include(), include(system=COLOURS)]}) == {
        ANIMALS: {"animal", "cat", "lynx", "dog", "dodo"},
        COLOURS: {"all but"},
    }


def test_of_a_fragment_other_codes_may_be_right() -> None:
    assert evaluated("fragment", main={"include": [include()]}) == {ANIMALS: {"all but"}}


def test_filters_of_one_include_hold_together_and_includes_add() -> None:
    both = include(
        filter=[
            {"property": "concept", "op": "is-a", "value": "animal"},
            {"property": "code", "op": "regex", "value": "...."},
        ]
    )
    assert evaluated(main={"include": [both, include("dodo")]}) == {ANIMALS: {"lynx", "dodo"}}


def test_exclude_takes_away() -> None:
    assert evaluated(main={"include": [is_a("animal")], "exclude": [is_a("cat")]}) == {ANIMALS: {"animal", "dog"}}
    assert evaluated(main={"include": [include(system=COLOURS)], "exclude": [include("red", system=COLOURS)]}) == {
        COLOURS: {"all but", "red"}
    }


def test_tx23_several_imports_and_the_system_intersect() -> None:
    a, b = {"include": [is_a("cat"), include("red", system=COLOURS)]}, {"include": [include("lynx", "dog")]}
    assert evaluated(main={"include": [{"valueSet": ["a", "b"]}]}, a=a, b=b) == {ANIMALS: {"lynx"}}
    assert evaluated(main={"include": [{"valueSet": ["a"]}, {"valueSet": ["b"]}]}, a=a, b=b) == {
        ANIMALS: {"cat", "lynx", "dog"},
        COLOURS: {"red"},
    }
    assert evaluated(main={"include": [is_a("cat", "descendent-of", valueSet=["a"])]}, a=a) == {ANIMALS: {"lynx"}}


def test_imports_in_a_circle_end() -> None:
    main = {"include": [{"valueSet": ["other"]}, include("cat")]}
    other = {"include": [{"valueSet": ["main"]}, include("dog")]}
    assert evaluated(main=main, other=other) == {ANIMALS: {"cat", "dog"}}
    assert evaluated(main={"include": [{"valueSet": ["main"]}]}) == {}


def test_many_ways_to_the_same_value_set_are_gone_once() -> None:
    levels = {f"v{n}": {"include": [{"valueSet": [f"v{n + 1}"]}] * 2} for n in range(60)}
    assert evaluated(main={"include": [{"valueSet": ["v0"]}]}, **levels, v60={"include": [include("cat")]}) == {
        ANIMALS: {"cat"}
    }


def test_inactive_codes_are_left_out_where_the_definition_says_so() -> None:
    assert evaluated(main={"inactive": False, "include": [include()]}) == {ANIMALS: {"animal", "cat", "lynx", "dog"}}
    assert evaluated(main={"inactive": False, "include": [include("dodo", "dog")]}) == {ANIMALS: {"dog"}}
    assert "dodo" in evaluated(main={"inactive": True, "include": [include()]})[ANIMALS]


@pytest.mark.parametrize(
    "compose",
    [
        {"include": [{"valueSet": ["unheard"]}]},
        {"include": [include("cat")], "exclude": [{"valueSet": ["unheard"]}]},
        {"include": [include(system=COLOURS, filter=[{"property": "concept", "op": "is-a", "value": "red"}])]},
        {"include": [is_a("unicorn")]},
        {"include": [is_a("cat", "sounds-like")]},
    ],
)
def test_tx23_what_is_not_known_is_an_error_and_never_an_empty_set(compose: Tree) -> None:
    with pytest.raises(Unanswerable, match=r"unheard|http://test/"):
        evaluated(main=compose)


@pytest.mark.parametrize("content", ["not-present", "example", "supplement"])
def test_tx34_concepts_that_are_only_examples_are_no_hierarchy(content: str) -> None:
    with pytest.raises(Unanswerable, match=ANIMALS):
        evaluated(content, main={"include": [is_a("cat")]})


def test_an_expansion_counts_only_without_a_definition() -> None:
    inside = [{"code": "b"}, {"system": ANIMALS, "code": "dog"}]
    expansion = {"contains": [{"system": ANIMALS, "code": "cat", "contains": inside}]}
    listed = read({"url": "x", "expansion": expansion}).listed
    assert listed is not None
    assert listed.contains(ANIMALS, "cat")
    assert listed.contains("", "b")
    assert not listed.contains(ANIMALS, "b")
    assert read({"url": "x", "expansion": expansion, "compose": {"include": []}}).listed is None


def test_a_value_set_that_says_nothing_is_an_error() -> None:
    with pytest.raises(Unanswerable, match="http://test/empty"):
        read({"url": "http://test/empty"})


@pytest.mark.parametrize(
    ("url", "system", "version", "filters"),
    [
        ("http://snomed.info/sct?fhir_vs", "http://snomed.info/sct", None, ()),
        ("http://snomed.info/sct?fhir_vs=isa/50697003", "http://snomed.info/sct", None, (Filter("concept", "is-a", "50697003"),)),
        ("http://snomed.info/xsct?fhir_vs=isa%2F5", "http://snomed.info/xsct", None, (Filter("concept", "is-a", "5"),)),
        ("http://snomed.info/sct/900?fhir_vs", "http://snomed.info/sct", "http://snomed.info/sct/900", ()),
        (
            "http://snomed.info/sct/900/version/20240101?fhir_vs",
            "http://snomed.info/sct", "http://snomed.info/sct/900/version/20240101", (),
        ),
        ("http://loinc.org/vs", "http://loinc.org", None, ()),
        ("http://unitsofmeasure.org/vs", "http://unitsofmeasure.org", None, ()),
    ],
)  # fmt: skip
def test_tx50_implicit_value_sets(url: str, system: str, version: str | None, filters: tuple[Filter, ...]) -> None:
    found = implicit(url)
    assert found is not None
    [one] = found.includes
    assert (one.system, one.version, one.filters, one.codes) == (system, version, filters, None)


@pytest.mark.parametrize("url", ["http://snomed.info/sct", "http://loinc.org", "http://test/vs", "ValueSet/1"])
def test_other_urls_imply_nothing(url: str) -> None:
    assert implicit(url) is None


@pytest.mark.parametrize(
    "url",
    ["http://snomed.info/sct?fhir_vs=ecl/%3C%205", "http://snomed.info/sct?fhir_vs=refset", "http://snomed.info/sct?fhir_vs=isa/",
     "http://loinc.org/vs/LL123-4"],
)  # fmt: skip
def test_implicit_value_sets_that_are_not_supported(url: str) -> None:
    with pytest.raises(Unanswerable, match=re.escape(url)):
        implicit(url)


SYSTEMS = ("x", "y", "z")
parts = st.builds(Part, st.frozensets(st.sampled_from("abcd")), st.booleans())
sets = st.builds(Codes, st.dictionaries(st.sampled_from(SYSTEMS), parts))


@given(sets, sets)
def test_sets_of_codes_are_an_algebra(one: Codes, other: Codes) -> None:
    for system in SYSTEMS:
        for code in "abcde":
            here, there = one.contains(system, code), other.contains(system, code)
            assert (one | other).contains(system, code) == (here or there)
            assert (one & other).contains(system, code) == (here and there)
            assert (one - other).contains(system, code) == (here and not there)


def test_an_expansion_is_all_there_is_only_without_a_definition() -> None:
    contains = [
        {"system": ANIMALS, "code": "animal", "abstract": True, "contains": [{"system": ANIMALS, "code": "cat"}]}
    ]
    alone = read({"url": "main", "expansion": {"contains": contains}})
    assert alone.listed is not None
    assert alone.listed.parts == {ANIMALS: Part(frozenset({"cat"}))}  # what is abstract is there for navigation
    assert alone.seen.parts == {}
    beside = read({"url": "main", "compose": {"include": [include("dog")]}, "expansion": {"contains": contains}})
    assert beside.listed is None
    assert beside.seen.parts == {ANIMALS: Part(frozenset({"cat"}))}
    assert (alone.weight, beside.weight) == (1, 2)


def test_of_regular_expressions_as_many_are_tried_as_can_be() -> None:
    """Those that are left out are named, so that nobody takes them for such that match nothing."""
    concepts = [{"code": f"c{number}"} for number in range(100_000)]
    animals = codesystem.read({"url": ANIMALS, "content": "complete", "concept": concepts})
    filters = [{"property": "code", "op": "regex", "value": f"c{number}.*"} for number in range(20)]
    many = read({"compose": {"include": [{"system": ANIMALS, "filter": [one]} for one in filters]}})
    texts, left_out = to_match([many], lambda url: animals if url == ANIMALS else None)
    assert 1 < len(texts) < 10
    assert all(len(some) == 100_000 for some in texts.values())
    assert texts.keys() | left_out == {one["value"] for one in filters}
    assert not texts.keys() & left_out
    assert to_match([many], lambda url: None) == ({}, frozenset())
