"""Truth of collections, System values of elements, and the budget of steps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import Moment, Outside, Unevaluable
from resources.fhirpath.functions import FUNCTIONS
from resources.outcome import FhirError, TooCostly

from .asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("active and active", [True]), ("'a' and true", [True]), ("id and true", [True]), ("{} and true", []),
        ("name[0] and true", [True]),
    ],
)  # fmt: skip
def test_singletons_are_true_unless_they_are_false(text: str, values: list[Any]) -> None:
    """https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections"""
    assert ask(text) == values


def test_several_items_have_no_truth() -> None:
    with pytest.raises(Unevaluable):
        ask("name and true")


def test_elements_have_system_values() -> None:
    (value,) = ask("birthDate")
    assert value == Moment("Date", (1974, 12, 25))
    assert ask("contained.value.value") == [Decimal("185.0")]
    assert ask("gender = 'male'") == []
    (whole,) = ask("value.value", {"resourceType": "Observation", "valueQuantity": {"value": 3}})
    assert type(whole) is Decimal


def test_the_clock_stands_still_within_an_evaluation() -> None:
    assert ask("now() = now()") == [True]
    now = Outside(now=datetime(2020, 2, 3, 4, 5, 6, 7000, UTC))
    assert [str(one) for one in ask("now() | today() | timeOfDay()", outside=now)] == [
        "2020-02-03T04:05:06.007Z", "2020-02-03", "04:05:06.007",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "name.repeatAll($this)",
        "'a'.repeatAll($this & 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')",
        "descendants()" + ".select(%resource.descendants())" * 5,
        "descendants()" + ".combine($this.descendants())" * 60 + ".select($this | %resource.name | 1)" * 12,
        "name.repeat(given.combine(given)).repeatAll(1 | 2)",
        "('a').repeatAll(3 days)",
    ],
)
def test_hostile_expressions_end_soon(text: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TooCostly, match="steps"):
        ask(text)
    assert time.monotonic() - begun < 20


LARGE: dict[str, Any] = {
    "resourceType": "Patient",
    "telecom": [{"value": "x"}] * 30_000,
    "name": [{"family": "x" * 3_000_000 + "a", "text": "x" * 3_000_000 + "b", "given": ["a"] * 40_000}],
    "contained": [{"resourceType": "Patient", "name": [{"given": [f"{n} {m}" for n in range(20_000)]}]} for m in "aa"],
    "link": [{"other": {"reference": "#none"}}] * 30_000,
}


@pytest.mark.parametrize(
    "text",
    [
        "all.name.given[3]", "all.name.given.count()", "all.name.select(given | given | given)",
        "all.name.family = all.name.text", "all.name.family < all.name.text", "all.name.family in all.name.text",
        "all.name.family ~ all.name.text", "all.name.family.substring(1)", "all.name.family.toBoolean()",
        "all.name.family.toQuantity()", "all.contained[0].name = all.contained[1].name",
        "all.contained[0].name ~ all.contained[1].name", "all.contained[0].name in all.contained[1].name",
    ],
)  # fmt: skip
def test_what_takes_long_of_one_item_costs_as_much(text: str) -> None:
    each = text.replace("all.", "iif($this.exists(), %resource).")  # for each item anew
    begun = time.thread_time()
    with pytest.raises(TooCostly, match="steps"):
        ask(f"telecom.select({each})", LARGE)
    assert time.thread_time() - begun < 10


def test_one_look_at_a_large_resource_is_no_cost() -> None:
    assert ask("name.given.count()", LARGE) == [40_000]
    assert ask("contained[0].name = contained[1].name", LARGE) == [True]
    assert ask("name.family = name.text", LARGE) == [False]
    assert ask("link.other.resolve()", LARGE) == []


SNIPPETS = [
    "Patient", "name", "given", "birthDate", "contained", "value", "$this", "$index", "$total", "%resource", "1",
    "2.5", "'a'", "true",
    "{}", "@2014", "@2014-01-02T10:00Z", "@T10:30", "4 'mg'", "3 days", "gender", "'(a+)+b'", "-1", "2147483647", "'2014-01-01'",
]  # fmt: skip


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def call(name: str) -> st.SearchStrategy[str]:
        function = FUNCTIONS[name]
        argument = st.sampled_from(["Patient", "string", "System.Integer", "Nothing"]) if function.of_type else inner
        arguments = st.lists(argument, min_size=function.least, max_size=function.most)
        return st.builds(lambda of, given: f"({of}).{name}({', '.join(given)})", inner, arguments)

    return st.sampled_from(sorted(FUNCTIONS.keys() - {"repeatAll"})).flatmap(call)


OPERATORS = [
    "=", "!=", "~", "!~", "<", ">", "<=", ">=", "+", "-", "*", "/", "div", "mod", "&", "|", "and", "or", "xor", "implies",
    "in", "contains",
]  # fmt: skip
EXPRESSIONS = st.recursive(
    st.sampled_from(SNIPPETS),
    lambda inner: _calls(inner) | st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_any_expression_gives_items_or_says_why_not(text: str) -> None:
    cause = None
    try:
        ask(text)
    except FhirError as refused:
        cause = refused.__cause__
    assert cause is None  # no fault of Python's own
