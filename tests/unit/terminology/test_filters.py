"""Filters: every operator over codes, properties and texts, those of single code systems, and what is refused.

https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest, FhirError, TooCostly, Unprocessable
from terminology import resources
from terminology.budget import Budget, Spent
from terminology.filters import KEPT, LONGEST, OPERATORS, Filter, _kept, meets, select
from terminology.grammars.grammatical import Grammatical
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.records import About, Concept, FilterDefinition, Member, Parent, Property, PropertyDefinition, Record
from terminology.system import System


def colour(code: str, *children: dict[str, Any], display: str = "", **properties: Any) -> dict[str, Any]:
    """A concept with its properties, each value[x] by its type."""
    keys = {bool: "valueBoolean", str: "valueString", int: "valueInteger"}
    values = [
        {"code": name, keys[type(value)]: value}
        for name, some in properties.items()
        for value in (some if isinstance(some, list) else [some])
    ]
    concept: dict[str, Any] = {"code": code, "property": values, "concept": list(children)}
    return concept | ({"display": display} if display else {})


TREE = {
    "resourceType": "CodeSystem", "url": "http://example.org/colours", "status": "active", "content": "complete",
    "hierarchyMeaning": "is-a", "property": [{"code": one, "type": "string"} for one in ("wave", "tone", "unused")],
    "concept": [
        colour(
            "warm",
            colour("red", colour("pink", display="Pink, light", wave=["630", "640"]), display="Red", wave="650"),
            colour("yellow", display="Yellow", inactive=True),
            notSelectable=True,
        ),
        colour("cold", colour("blue", display="Blue", tone="deep, dark")),
    ],
}  # fmt: skip
SYSTEM = resources.code_system(TREE)
ALL = {"warm", "red", "pink", "yellow", "cold", "blue"}


def selected(property: str, op: str, value: str, system: System = SYSTEM) -> set[str]:
    return {system.code(one) for one in select(system, Filter(property, op, value), Budget())}


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ("concept = red", "red"),
        ("code = green", ""),
        ("concept is-a warm", "warm red pink yellow"),
        ("code is-a red", "red pink"),
        ("concept descendent-of warm", "red pink yellow"),
        ("concept is-not-a warm", "cold blue"),
        ("concept generalizes pink", "pink red warm"),
        ("concept child-of warm", "red yellow"),
        ("concept descendent-leaf warm", "pink yellow"),
        ("concept descendent-of pink", ""),
        ("concept in red, blue,green", "red blue"),
        ("concept not-in red,blue", "warm pink yellow cold"),
        ("concept regex .*e.*", "red yellow blue"),
        ("concept regex e", ""),
        ("concept exists true", "warm red pink yellow cold blue"),
        ("concept exists false", ""),
        ("wave = 640", "pink"),
        ("wave = 6", ""),
        ("wave in 650,640", "red pink"),
        ("wave not-in 650,640", "warm yellow cold blue"),
        ("wave regex 6[34]0", "pink"),
        ("wave exists true", "red pink"),
        ("wave exists false", "warm yellow cold blue"),
        ("unused exists true", ""),
        ("tone = deep, dark", "blue"),
        ("display = Pink, light", "pink"),
        ("display in Red,Blue", "red blue"),
        ("display regex .*l.*", "pink yellow blue"),
        ("display exists true", "red pink yellow blue"),
        ("definition exists true", ""),
        ("parent = warm", "red yellow"),
        ("parent exists false", "warm cold"),
        ("child = pink", "red"),
        ("child exists false", "pink yellow blue"),
        ("ancestor = warm", "red pink yellow"),
        ("descendant = pink", "red warm"),
        ("inactive = true", "yellow"),
        ("inactive = false", "warm red pink cold blue"),
        ("notSelectable = true", "warm"),
        ("abstract = false", "red pink yellow cold blue"),
    ],
)
def test_tx_20_every_operator(condition: str, codes: str) -> None:
    property, op, value = condition.split(" ", 2)
    assert selected(property, op, value) == set(codes.split())


@pytest.mark.parametrize("op", [one for one in OPERATORS if one != "exists"])
def test_meets_says_of_each_concept_what_select_says_of_all(op: str) -> None:
    for property, value in (("concept", "red"), ("code", "warm")):
        wanted = Filter(property, op, value)
        chosen = select(SYSTEM, wanted, Budget())
        assert {one for one in SYSTEM.all if meets(SYSTEM, one, wanted, Budget())} == set(chosen)


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ("nothing = x", BadRequest, "no property nothing"),
        ("nothing regex x", BadRequest, "no property nothing"),
        ("nothing exists true", BadRequest, "no property nothing"),
        ("concept near red", BadRequest, "no operator near"),
        ("wave is-a red", BadRequest, "no hierarchy"),
        ("concept exists maybe", BadRequest, "true or false"),
        ("parent regex r.*", BadRequest, "no text"),
        ("concept is-a green", Unprocessable, "'green'"),
        ("concept generalizes green", Unprocessable, "'green'"),
        ("concept regex (", Unprocessable, "cannot be read"),
        ("concept regex (?=x)", Unprocessable, "cannot be read"),
        (r"concept regex (a)\1", Unprocessable, "cannot be read"),
    ],
)
def test_tx_21_what_is_not_understood_is_an_error_and_never_nothing(
    condition: str, error: type[FhirError], message: str
) -> None:
    property, op, value = condition.split(" ", 2)
    with pytest.raises(error) as raised:
        selected(property, op, value)
    [issue] = raised.value.issues
    assert message in issue.diagnostics
    assert "http://example.org/colours" in issue.diagnostics


@pytest.mark.parametrize("op", ["=", "is-a", "regex", "in"])
def test_a_filter_without_a_value_is_refused(op: str) -> None:
    with pytest.raises(BadRequest, match="has no value"):
        selected("concept", op, "")


# Regular expressions


@pytest.mark.parametrize(
    "expression", ["(a+)+b", "(a|a)*b", "(.*a){40}b", "(a?){50}a{50}", r"(.?.?.?.?.?.?.?.?.?.?){30}a", "((a{1,9}){1,9}){1,9}b"]
)  # fmt: skip
def test_an_evil_expression_ends_within_its_budget(expression: str) -> None:
    tree = {**TREE, "concept": [{"code": "a" * 100 + str(number)} for number in range(2_000)]}
    system = resources.code_system(tree)
    began = time.perf_counter()
    with contextlib.suppress(TooCostly):
        assert not select(system, Filter("code", "regex", expression), Budget())
    assert time.perf_counter() - began < 4


@pytest.mark.parametrize(
    "expression",
    [
        r"(.?.?.?.?.?.?.?.?.?.?){100}a",
        "((a{100}){100}){100}",
        "x{1000}" * 100,
        "(" * 900,
        "[",
        "a{2,1}",
        "x" * (LONGEST + 1),
    ],
)
def test_an_expression_that_is_too_large_is_refused(expression: str) -> None:
    with pytest.raises((BadRequest, Unprocessable)):
        selected("code", "regex", expression)


def test_a_large_expression_on_long_texts_is_paid_for() -> None:
    """At worst each of its instructions is tried on each character."""
    system = resources.code_system({**TREE, "concept": [{"code": "a" * 50_000}]})
    with pytest.raises(TooCostly):
        select(system, Filter("code", "regex", "(.*a.?){100}b"), Budget(1_000))
    assert select(system, Filter("code", "regex", "a*"), Budget(5_000))


@given(st.text(max_size=30))
def test_no_expression_breaks_anything(expression: str) -> None:
    with contextlib.suppress(BadRequest, Unprocessable):
        selected("code", "regex", expression or "x")


def test_a_class_of_letters_is_understood() -> None:
    assert selected("display", "regex", r"\p{Lu}\p{Ll}+") == {"red", "yellow", "blue"}
    assert selected("display", "regex", "(?i)RED") == {"red"}


# What it costs


@pytest.mark.parametrize(
    "condition", ["display = x", "display in a,b", "display exists true", "display regex x", "code regex x"]
)
def test_going_through_all_concepts_costs_a_step_for_each(condition: str) -> None:
    """So that it is not done where others wait."""
    system = resources.code_system({**TREE, "concept": [{"code": str(number)} for number in range(2_000)]})
    property, op, value = condition.split(" ", 2)
    with pytest.raises(Spent):
        select(system, Filter(property, op, value), Budget(1_500, sooner=True))


def test_many_values_cost_steps_and_are_looked_for_at_once() -> None:
    values = ",".join(map(str, range(10_000)))
    with pytest.raises(Spent):
        select(SYSTEM, Filter("wave", "in", values), Budget(5_000, sooner=True))
    assert selected("display", "in", f"{values},Red") == {"red"}


def test_what_was_selected_is_kept_within_a_bound() -> None:
    system = resources.code_system(TREE)
    first = select(system, Filter("concept", "is-a", "warm"), Budget())
    assert select(system, Filter("concept", "is-a", "warm"), Budget()) is first
    for number in range(KEPT + 50):
        select(system, Filter("code", "=", str(number)), Budget())
    assert len(_kept[system]._all) == KEPT
    select(system, Filter("code", "in", "x," * LONGEST), Budget())
    assert len(_kept[system]._all) == KEPT
    assert max(sum(map(len, one)) for one in _kept[system]._all) <= LONGEST


def test_several_threads_may_select() -> None:
    system = resources.code_system(TREE)

    def use(number: int) -> None:
        for at in range(1_000):
            assert len(select(system, Filter("code", "in", f"red,{(at * number) % 300}"), Budget())) == 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(1, 9)))


# Those of single code systems


def indexed(kind: str, *records: Record, **about: Any) -> Indexed:
    return Indexed(build(About("http://example.org/x", "1", kind=kind, **about), records))


def codes(system: System, property: str, op: str, value: str) -> set[str]:
    return selected(property, op, value, system)


SNOMED = indexed(
    "snomed", *(Concept(code, code) for code in ("138875005", "100001", "100002", "100003", "100077")),
    Parent("100001", "138875005"), Parent("100002", "100001"), Parent("100003", "138875005"),
    Parent("100077", "138875005"), Member("100077", "100002"), Member("100077", "100003"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("concept is-a 100001", "100001 100002"),
        ("concept in 100077", "100002 100003"),
        ("constraint = < 100001", "100002"),
        ("expression = <<100001 OR 100003", "100001 100002 100003"),
        ("constraint = ^100077", "100002 100003"),
        ("expressions = true", "138875005 100001 100002 100003 100077"),
        ("refset exists true", "100077"),
        ("code in 100001,100002", "100001 100002"),
    ],
)
def test_tx_50_snomed_ct(condition: str, found: str) -> None:
    """https://hl7.org/fhir/R4/snomedct.html"""
    property, op, value = condition.split(" ", 2)
    assert codes(SNOMED, property, op, value) == set(found.split())


@pytest.mark.parametrize("condition", ["concept in 5", "constraint = <<", "expressions = x", "constraint is-a 1"])
def test_snomed_ct_refuses(condition: str) -> None:
    property, op, value = condition.split(" ", 2)
    with pytest.raises((BadRequest, Unprocessable)):
        codes(SNOMED, property, op, value)


LOINC = indexed(
    "loinc", *(Concept(code, code) for code in ("LP1-1", "1-8", "2-6", "LL1-9", "LA1-1", "LA2-9")),
    Parent("1-8", "LP1-1"), Property("1-8", "AnswerList", "LL1-9"), Member("LL1-9", "LA1-1"), Member("LL1-9", "LA2-9"),
    Property("2-6", "EXTERNAL_COPYRIGHT_NOTICE", "theirs"), Property("1-8", "SYSTEM", "Bld"),
    properties=(PropertyDefinition("EXTERNAL_COPYRIGHT_NOTICE"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("LIST = LL1-9", "LA1-1 LA2-9"),
        ("concept in LL1-9", "LA1-1 LA2-9"),
        ("answers-for = 1-8", "LA1-1 LA2-9"),
        ("answers-for = 2-6", ""),
        ("copyright = 3rdParty", "2-6"),
        ("copyright = LOINC", "LP1-1 1-8 LL1-9 LA1-1 LA2-9"),
        ("SYSTEM = Bld", "1-8"),
        ("SYSTEM regex B.*", "1-8"),
        ("parent = LP1-1", "1-8"),
        ("ancestor = LP1-1", "1-8"),
    ],
)
def test_tx_51_loinc(condition: str, found: str) -> None:
    """https://hl7.org/fhir/R4/loinc.html"""
    property, op, value = condition.split(" ", 2)
    assert codes(LOINC, property, op, value) == set(found.split())


@pytest.mark.parametrize("condition", ["LIST = LL9-1", "answers-for = 9-1", "copyright = mine"])
def test_loinc_refuses(condition: str) -> None:
    property, op, value = condition.split(" ", 2)
    with pytest.raises((BadRequest, Unprocessable)):
        codes(LOINC, property, op, value)


RXNORM = indexed(
    "rxnorm", Concept("10", "ten"), Concept("20", "twenty, mixed"), Concept("30", "thirty"),
    Property("20", "has_ingredient", "10", "concept"), Property("30", "RN", "20", "concept"),
    Property("10", "TTY", "IN"), Property("20", "TTY", "SCD"), Property("20", "STY", "T200"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("has_ingredient = CUI:10", "20"),
        ("has_ingredient = 10", "20"),
        ("RN = CUI:20", "30"),
        ("TTY in IN,SCD", "10 20"),
        ("has_ingredient in CUI:10, CUI:30", "20"),
        ("STY = T200", "20"),
        ("code in 10,30", "10 30"),
        ("display = twenty, mixed", "20"),
    ],
)
def test_tx_53_rxnorm(condition: str, found: str) -> None:
    """https://hl7.org/fhir/R4/rxnorm.html"""
    property, op, value = condition.split(" ", 2)
    assert codes(RXNORM, property, op, value) == set(found.split())


def test_a_hierarchy_of_another_property_is_one_that_the_code_system_declares() -> None:
    declared = (FilterDefinition("tree", ("is-a",)),)
    system = indexed("", Concept("a"), Concept("b"), Parent("b", "a"), filters=declared)
    assert codes(system, "tree", "is-a", "a") == {"a", "b"}


def test_a_grammar_is_asked_code_by_code() -> None:
    system = Grammatical("http://unitsofmeasure.org")
    ordinal = system.find("mg")
    assert ordinal is not None
    wanted = Filter("canonical", "=", "g")
    assert meets(system, ordinal, wanted, Budget()) is True
    with pytest.raises(BadRequest, match="grammar"):
        select(system, wanted, Budget())
