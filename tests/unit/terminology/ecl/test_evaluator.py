"""Expressions select what an independent evaluation over plain dictionaries selects, within their budget. TX-70, TX-71"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from resources.outcome import BadRequest
from terminology.budget import Budget
from terminology.ecl import Expression, evaluate, render, select
from terminology.ecl import syntax as s
from terminology.index.supplement import supplemented
from terminology.system import System
from tests.naive.ecl import Edition

from . import release
from .expressions import Vocabulary, expressions
from .world import ALL, OLD, OLDER, ROOT, WORLD, A, B, C, D, selected

SYSTEM = release.indexed()
NAIVE = Edition(release.records())
VOCABULARY = Vocabulary(
    codes=st.sampled_from(release.THINGS) | st.sampled_from(sorted(NAIVE.concepts)) | st.just("5555555"),
    attributes=st.sampled_from((*release.ATTRIBUTES, "116680003")),
    concrete=st.sampled_from((release.STRENGTH, release.BRAND, release.HARMFUL)),
    sets=st.sampled_from((*release.SETS, release.SAME_AS, release.POSSIBLY)),
    fields=("mapTarget", "mapGroup", "flag", "valueId"),
    words=st.sampled_from((*release.WORDS, "re", "ca", "CAFÉ", "J45", "und")),
    languages=st.sampled_from(("en", "de", "fr")),
    dialects=st.sampled_from(("en-us", "en-gb")),
    identifiers=st.sampled_from([s.AlternateIdentifier("LOINC", f"{number:02}-1") for number in range(20)]),
    terms=st.just(""),
    several=False,
)
SUPPLEMENT = {"resourceType": "CodeSystem", "url": "http://x.example.org", "content": "supplement", "concept": []}


def same_as_brute_force(system: System, expression: Expression) -> None:
    try:
        found = evaluate(system, expression, Budget())
    except BadRequest as error:
        assume("the field" not in str(error))
        raise
    assert {system.code(one) for one in found} == NAIVE.select(expression), render(expression)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(VOCABULARY))
def test_equals_brute_force(expression: Expression) -> None:
    same_as_brute_force(SYSTEM, expression)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(VOCABULARY))
def test_equals_brute_force_where_nothing_comes_in_pieces(expression: Expression) -> None:
    same_as_brute_force(supplemented(SYSTEM, [SUPPLEMENT]), expression)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 6.1, 6.9: all concepts, inactive ones, too
        (f"{OLD} OR {A}", {OLD, A}),
        ("* {{ C active = 0 }}", {OLD, OLDER}),
        ("(< * MINUS <! *) OR (<< * MINUS *)", set()),
        (f"<< {B} OR > {A}", {B, C, ROOT, ALL}),
        (f"<! {ALL}", {A, D}),
        (f">>! {B}", {B, A}),
        ("LOINC#1-8", {A}),
        # 6.12
        (f"!!> ({B} OR {C} OR {D})", {B, D}),
        (f"!!< ({B} OR {C} OR {D})", {C, D}),
        # what is not known
        (f"9999999 OR {A}", {A}),
        ("< 9999999 OR ^ 9999999 OR LOINC#9 OR FOO#1 OR (* : 9999999 = *)", set()),
    ],
)
def test_guide(text: str, expected: set[str]) -> None:
    """6.1, 6.7 and 6.12"""
    assert selected(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("9999999 |Gone|", "the concept 9999999 |Gone|"),
        (f"{C} AND < 9999999", "9999999"),
        ("^ 9999999", "9999999"),
        ("* : 9999999 = *", "9999999"),
        (f"9999998 AND {A} AND 9999999", "9999998"),
        (f"({A} AND {D}) AND 9999999", "9999999"),
        ("LOINC#9", "the identifier LOINC#9"),
        ("* {{ dialect = xx-yy }}", "the dialect xx-yy"),
    ],
)
def test_unknown_as_an_error(text: str, named: str) -> None:
    """TX-72"""
    with pytest.raises(BadRequest, match=r"http://x.example.org of version 7 does not have") as caught:
        select(WORLD, text, Budget(), unknown="error")
    assert named in str(caught.value)
    assert caught.value.issues[0].code == "not-found"
    assert not select(WORLD, text, Budget())
