"""Definitions of value sets evaluated. TX-23, TX-34, TX-41."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import FhirError, NotFound, TooCostly
from terminology.budget import Budget
from terminology.valuesets.compose import Composition

from ..operations.asked import scope

Tree = dict[str, Any]
ANIMALS = "urn:animals"


def concept(code: str, *children: Tree, **properties: Any) -> Tree:
    found: Tree = {"code": code, "display": code.title()}
    if children:
        found["concept"] = list(children)
    if properties:
        found["property"] = [{"code": name, "valueCode": value} for name, value in properties.items()]
    return found


SYSTEM: Tree = {
    "resourceType": "CodeSystem",
    "url": ANIMALS,
    "version": "1",
    "status": "active",
    "content": "complete",
    "caseSensitive": True,
    "hierarchyMeaning": "is-a",
    "property": [{"code": "legs", "type": "code"}, {"code": "status", "type": "code"}],
    "concept": [
        concept("animal", concept("bird", concept("duck", legs="2"), concept("dodo", legs="2", status="retired"))),
        concept("plant", concept("tree")),
    ],
}
ALL = ["animal", "bird", "duck", "dodo", "plant", "tree"]


def value_set(name: str, *includes: Tree, exclude: tuple[Tree, ...] = (), **more: Any) -> Tree:
    compose = {"include": list(includes), **more}
    if exclude:
        compose["exclude"] = list(exclude)
    return {"resourceType": "ValueSet", "url": f"urn:{name}", "version": "1", "status": "active", "compose": compose}


def whole(**more: Any) -> Tree:
    return {"system": ANIMALS, **more}


def listed(*codes: str) -> Tree:
    return whole(concept=[{"code": code} for code in codes])


def is_a(code: str) -> Tree:
    return whole(filter=[{"property": "concept", "op": "is-a", "value": code}])


def codes(tree: Tree, *others: Tree, **more: Any) -> list[str]:
    composition = Composition(scope(SYSTEM, tree, *others), **more)
    return [part.code(one) for part in composition.evaluate(tree) for one in part.listed()]


def refused(tree: Tree, *others: Tree) -> FhirError:
    with pytest.raises(FhirError) as error:
        codes(tree, *others)
    return error.value


BIRDS = value_set("birds", is_a("bird"))


@pytest.mark.parametrize(
    ("tree", "there"),
    [
        (value_set("x", whole()), ALL),
        (value_set("x", is_a("bird")), ["bird", "duck", "dodo"]),
        (value_set("x", listed("tree", "duck", "tree", "animal")), ["tree", "duck", "animal"]),
        (value_set("x", listed("duck", "unicorn")), ["duck"]),
        (value_set("x", listed("tree", "duck"), is_a("bird")), ["tree", "duck", "bird", "dodo"]),
        (value_set("x", is_a("plant"), is_a("bird")), ["bird", "duck", "dodo", "plant", "tree"]),
        (value_set("x", {"valueSet": ["urn:birds"]}), ["bird", "duck", "dodo"]),
        (value_set("x", whole(valueSet=["urn:birds"])), ["bird", "duck", "dodo"]),
        (value_set("x", {**listed("tree", "dodo", "duck"), "valueSet": ["urn:birds|1"]}), ["dodo", "duck"]),
        (value_set("x", {"valueSet": ["urn:birds", "urn:ducks"]}), ["duck"]),
        (value_set("x", whole(), exclude=(is_a("bird"), listed("tree"))), ["animal", "plant"]),
        (value_set("x", whole(), exclude=({"valueSet": ["urn:birds"]},)), ["animal", "plant", "tree"]),
        (value_set("x", whole(), exclude=({**listed("duck", "tree"), "valueSet": ["urn:birds"]},)),
         ["animal", "bird", "dodo", "plant", "tree"]),
        (value_set("x", is_a("bird"), inactive=False), ["bird", "duck"]),
        (value_set("x", is_a("bird"), inactive=True), ["bird", "duck", "dodo"]),
        (value_set("x", {"valueSet": ["urn:birds"]}, inactive=False), ["bird", "duck"]),
    ],
)  # fmt: skip
def test_tx_23_what_a_definition_says(tree: Tree, there: list[str]) -> None:
    assert codes(tree, BIRDS, value_set("ducks", listed("duck", "tree"))) == there


def test_tx_23_conditions_of_one_include_hold_all_at_once() -> None:
    both = [{"property": "concept", "op": "is-a", "value": "bird"}, {"property": "legs", "op": "=", "value": "2"}]
    assert codes(value_set("x", whole(filter=both))) == ["duck", "dodo"]


def test_tx_23_contained_value_sets() -> None:
    tree = value_set("x", {"valueSet": ["#mine", "urn:birds"]})
    tree["contained"] = [{**value_set("mine", listed("tree", "duck")), "id": "mine"}]
    assert codes(tree, BIRDS) == ["duck"]


@pytest.mark.parametrize(
    ("tree", "status", "text", "expression"),
    [
        (value_set("x", {"system": "urn:none"}), 404, "'urn:none' could not be found", "ValueSet.compose.include[0].system"),
        (value_set("x", whole(version="7")), 404, "Valid versions: 1", "ValueSet.compose.include[0].system"),
        (value_set("x", {"valueSet": ["urn:none"]}), 404, "'urn:none'", "ValueSet.compose.include[0].valueSet[0]"),
        (value_set("x", {"valueSet": ["#none"]}), 404, "'#none'", "ValueSet.compose.include[0].valueSet[0]"),
        (value_set("x", is_a("")), 400, "property = concept, op = is-a has no value",
         "ValueSet.compose.include[0].filter[0]"),
        (value_set("x", whole(filter=[{"property": "wings", "op": "=", "value": "2"}])), 400, "wings",
         "ValueSet.compose.include[0].filter[0]"),
        (value_set("x", whole(), exclude=(whole(filter=[{"property": "legs", "op": "like", "value": "2"}]),)), 400, "like",
         "ValueSet.compose.exclude[0].filter[0]"),
        (value_set("x", {"concept": [{"code": "duck"}]}), 400, "no system", "ValueSet.compose.include[0]"),
        (value_set("x", {}), 400, "neither a system nor a value set", "ValueSet.compose.include[0]"),
    ],
)  # fmt: skip
def test_tx_90_what_is_not_known_is_named(tree: Tree, status: int, text: str, expression: str) -> None:
    error = refused(tree)
    assert error.status == status
    assert text in str(error)
    assert error.issues[0].expression == (expression,)


def test_tx_90_a_definition_that_includes_nothing() -> None:
    """As $validate-code has it: R4 wants an include."""
    for compose in ({}, {"exclude": [listed("a")]}):
        assert refused({**value_set("none"), "compose": compose}).status == 400


def test_tx_23_a_value_set_that_imports_itself() -> None:
    one, two = (
        value_set("one", {"valueSet": ["urn:two"]}),
        value_set("two", whole(), exclude=({"valueSet": ["urn:one"]},)),
    )
    error = refused(one, two)
    assert (error.status, error.issues[0].code) == (422, "processing")
    assert "urn:one|1 → urn:two|1 → urn:one|1" in str(error)


def test_tx_23_imports_that_double_cost_no_more() -> None:
    trees = [value_set("v0", is_a("bird"))]
    for level in range(1, 25):
        below = {"valueSet": [f"urn:v{level - 1}"]}
        trees.append(value_set(f"v{level}", below, below))
    assert codes(trees[-1], *trees[:-1]) == ["bird", "duck", "dodo"]


def test_codes_of_a_system_that_is_not_here_are_taken_as_listed() -> None:
    there = {"system": "urn:none", "concept": [{"code": "b", "display": "B"}, {"code": "a"}]}
    tree = value_set("x", there, listed("duck"))
    assert codes(tree) == ["b", "a", "duck"]
    composition = Composition(scope(SYSTEM, tree))
    composition.evaluate(tree)
    assert list(composition.unknown) == ["urn:none"]
    assert codes(value_set("y", there, exclude=({"system": "urn:none", "concept": [{"code": "b"}]},))) == ["a"]


@pytest.mark.parametrize("content", ["not-present", "example"])
def test_tx_34_a_system_without_its_content_is_not_expanded(content: str) -> None:
    empty = {**SYSTEM, "url": "urn:empty", "content": content}
    error = refused(value_set("x", {"system": "urn:empty"}), empty)
    assert f"its content is {content}" in str(error)
    assert codes(value_set("x", {"system": "urn:empty", "concept": [{"code": "any"}]}), empty) == ["any"]


def test_tx_34_a_fragment_keeps_what_it_does_not_know() -> None:
    some = {**SYSTEM, "url": "urn:some", "content": "fragment"}
    tree = value_set("x", {"system": "urn:some", "concept": [{"code": "unicorn"}, {"code": "duck"}]})
    composition = Composition(scope(some, tree))
    [part] = composition.evaluate(tree)
    assert [part.code(one) for one in part.listed()] == ["unicorn", "duck"]
    assert list(composition.unclosed) == ["This extension is based on a fragment of the code system urn:some"]


def expanded(*contains: Tree, **more: Any) -> Tree:
    return {
        "resourceType": "ValueSet",
        "url": "urn:e",
        "status": "active",
        "expansion": {"contains": list(contains), **more},
    }


def test_tx_23_an_expansion_stands_for_a_definition_that_is_not_there() -> None:
    one = {"system": ANIMALS, "code": "tree", "contains": [{"system": ANIMALS, "code": "duck"}]}
    other = {"system": "urn:none", "code": "a", "display": "A"}
    assert codes(expanded(one, {"display": "only a heading"}, other)) == ["tree", "duck", "a"]
    assert codes({**expanded(other), "compose": value_set("x", listed("duck"))["compose"]}) == ["duck"]


@pytest.mark.parametrize(
    "more",
    [
        {"total": 9},
        {"offset": 10},
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": True}]},
    ],
)
def test_tx_23_a_part_of_an_expansion_is_not_all_of_it(more: Tree) -> None:
    assert "only a part" in str(refused(expanded({"system": ANIMALS, "code": "duck"}, **more)))
    assert "neither" in str(refused({"resourceType": "ValueSet", "url": "urn:nothing", "status": "active"}))


SUPPLEMENT: Tree = {
    "resourceType": "CodeSystem",
    "url": "urn:more",
    "version": "3",
    "status": "active",
    "content": "supplement",
    "supplements": ANIMALS,
    "concept": [{"code": "duck", "designation": [{"language": "de", "value": "Ente"}]}],
}


def test_tx_41_supplements_are_used_or_an_error() -> None:
    wanted = [{"url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement", "valueCanonical": "urn:more"}]
    tree = {**value_set("x", listed("duck")), "extension": wanted}
    for composition in (
        Composition(scope(SYSTEM, SUPPLEMENT)),
        Composition(scope(SYSTEM, SUPPLEMENT), supplements=["urn:more|3"]),
    ):
        composition.evaluate(tree if not composition.supplements else value_set("x", listed("duck")))
        assert list(composition.supplements) == ["urn:more|3"]
    with pytest.raises(NotFound, match="Required supplement not found: urn:more"):
        Composition(scope(SYSTEM)).evaluate(tree)
    with pytest.raises(NotFound, match="urn:more"):
        Composition(scope(SYSTEM), supplements=["urn:more"])


def test_an_evaluation_has_a_budget() -> None:
    tree = value_set("x", listed(*ALL))
    with pytest.raises(TooCostly):
        codes(tree, budget=Budget(3))


CLAUSES = st.lists(
    st.one_of(st.builds(listed), st.lists(st.sampled_from(ALL), min_size=1).map(lambda some: listed(*some)),
              st.sampled_from(ALL).map(is_a)), min_size=1, max_size=3,
)  # fmt: skip


@given(CLAUSES, CLAUSES)
def test_tx_23_includes_and_excludes_are_union_and_difference(includes: list[Tree], excludes: list[Tree]) -> None:
    below = {"animal": set(ALL[:4]), "bird": {"bird", "duck", "dodo"}, "plant": {"plant", "tree"}}

    def meant(clauses: list[Tree]) -> set[str]:
        found: set[str] = set()
        for clause in clauses:
            if clause.get("concept"):
                found |= {one["code"] for one in clause["concept"]}
            elif "filter" in clause:
                value = clause["filter"][0]["value"]
                found |= below.get(value, {value})
            else:
                found |= set(ALL)
        return found

    found = codes(value_set("x", *includes, exclude=tuple(excludes)))
    assert len(found) == len(set(found))
    assert set(found) == meant(includes) - meant(excludes)
