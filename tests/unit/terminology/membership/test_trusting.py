"""Value sets as searches ask for them: nothing is unknown, and what is missing is an error that names it."""

from __future__ import annotations

from typing import Any

import pytest

from resources.outcome import FhirError, TooCostly
from terminology.grammars.grammar import Unanswerable
from terminology.membership.evaluation import DEEPEST, members_of
from terminology.membership.members import Members

from .test_evaluation import gathered

Tree = dict[str, Any]
ANIMALS, COLOURS = "http://test/animals", "http://test/colours"


def code_system(content: str = "complete") -> Tree:
    nested = [
        {"code": "animal", "concept": [{"code": "cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}]},
        {"code": "dodo", "property": [{"code": "status", "valueCode": "retired"}]},
    ]
    return {"url": ANIMALS, "content": content, "caseSensitive": True, "concept": nested}


def members(content: str = "complete", /, **composes: Tree) -> Members:
    trees = [{"url": name, "compose": compose} for name, compose in composes.items()]
    return members_of("main", gathered(code_system(content), *trees, trusting=True, wanted="main"), trusting=True)


def evaluated(content: str = "complete", /, **composes: Tree) -> dict[str, set[str]]:
    """System → codes of the value set `main`; where nobody can list them, "all but" and those that are not in it."""
    found = members(content, **composes)
    codes = {system: found.codes(system, 100) for system in found.systems}
    tried = ("animal", "cat", "lynx", "dog", "dodo", "red", "green", "x")
    return {
        system: {"all but", *(one for one in tried if found.of(system, one, {}).verdict == "no")}
        if some is None
        else set(some)
        for system, some in codes.items()
        if some is None or some
    }


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
    levels = {f"v{n}": {"include": [{"valueSet": [f"v{n + 1}"]}] * 2} for n in range(DEEPEST - 2)}
    assert evaluated(
        main={"include": [{"valueSet": ["v0"]}]}, **levels, **{f"v{DEEPEST - 2}": {"include": [include("cat")]}}
    ) == {ANIMALS: {"cat"}}


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
        {"include": [include(filter=[{"property": "code", "op": "regex", "value": "("}])]},
    ],
)
def test_tx23_what_is_not_known_is_an_error_and_never_an_empty_set(compose: Tree) -> None:
    with pytest.raises((Unanswerable, FhirError), match=r"unheard|http://test/"):
        evaluated(main=compose)


@pytest.mark.parametrize("content", ["not-present", "example", "supplement"])
def test_tx34_concepts_that_are_only_examples_are_no_hierarchy(content: str) -> None:
    with pytest.raises(Unanswerable, match=ANIMALS):
        evaluated(content, main={"include": [is_a("cat")]})


def test_value_sets_too_deep_in_each_other_are_refused() -> None:
    chain = {f"v{n}": {"include": [{"valueSet": [f"v{n + 1}"]}]} for n in range(DEEPEST + 5)}
    with pytest.raises(TooCostly, match="nested"):
        evaluated(main={"include": [{"valueSet": ["v0"]}]}, **chain)


def listed(**tree: Any) -> Members:
    return members_of("main", gathered({"url": "main", **tree}, trusting=True, wanted="main"), trusting=True)


def test_an_expansion_is_all_there_is_only_without_a_definition() -> None:
    inside = [{"code": "b"}, {"system": ANIMALS, "code": "dog"}]
    contains = [{"system": ANIMALS, "code": "animal", "abstract": True, "contains": inside}]
    alone = listed(expansion={"contains": contains})
    # What is abstract is there for navigation.
    assert alone.listed() == [("", "b"), (ANIMALS, "dog")]
    beside = listed(expansion={"contains": contains}, compose={"include": [include("cat")]})
    assert beside.listed() == [(ANIMALS, "cat")]


def test_a_value_set_that_says_nothing_is_an_error() -> None:
    empty = gathered({"url": "main", "expansion": None}, trusting=True, wanted="main")
    with pytest.raises(Unanswerable, match="main does not say what is in it"):
        members_of("main", empty, trusting=True)


def test_contained_value_sets() -> None:
    contained = [
        {"resourceType": "ValueSet", "id": "a", "compose": {"include": [{"valueSet": ["#b"]}]}},
        {"resourceType": "ValueSet", "id": "b", "compose": {"include": [is_a("cat")]}},
    ]
    tree = {"url": "main", "contained": contained, "compose": {"include": [{"valueSet": ["#a"]}]}}
    found = members_of("main", gathered(code_system(), tree, trusting=True, wanted="main"), trusting=True)
    assert found.listed() == [(ANIMALS, "cat"), (ANIMALS, "lynx")]
    other = {"url": "main", "contained": contained, "compose": {"include": [{"valueSet": ["#c"]}]}}
    with pytest.raises(Unanswerable, match="#c"):
        members_of("main", gathered(code_system(), other, trusting=True, wanted="main"), trusting=True)


def test_codes_of_a_grammar_are_those_that_it_has() -> None:
    ucum = "http://unitsofmeasure.org"
    comparable: Tree = {"system": ucum, "filter": [{"property": "canonical", "op": "=", "value": "g"}]}
    found = members(main={"include": [comparable]})
    assert [found.of(ucum, one, {}).verdict for one in ("mg", "kg", "m", "unheard")] == ["yes", "yes", "no", "no"]
    assert found.codes(ucum, 100) is None
    # They are kept without case: mm[Hg] as mm[hg].
    pressure = {**comparable, "filter": [{**comparable["filter"][0], "value": "Pa"}]}
    assert [found.has_folded(ucum, one) for one in ("mg", "[lb_av]", "mm[hg]")] == [True, True, False]
    assert members(main={"include": [pressure]}).has_folded(ucum, "mm[hg]")
    whole = members(main={"include": [{"system": "urn:iso:std:iso:4217"}]})  # a list that is not here
    assert whole.has_folded("urn:iso:std:iso:4217", "eur")
    assert not whole.has_folded("urn:iso:std:iso:4217", "euro")
    with pytest.raises(Unanswerable, match="furlongs"):
        members(main={"include": [{**comparable, "filter": [{**comparable["filter"][0], "value": "furlongs"}]}]})
