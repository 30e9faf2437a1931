"""Logic of three values, paths, indexes; what is the same for all items is evaluated once."""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import Outside
from resources.outcome import BadRequest

from .asking import ask

TRUTHS = {"true": True, "false": False, "{}": None}


@pytest.mark.parametrize("left", TRUTHS)
@pytest.mark.parametrize("right", TRUTHS)
def test_logic_has_three_values(left: str, right: str) -> None:
    """https://hl7.org/fhirpath/N1/#boolean-logic"""
    a, b = TRUTHS[left], TRUTHS[right]
    both = False if False in (a, b) else None if None in (a, b) else True
    either = True if True in (a, b) else None if None in (a, b) else False
    odd = None if None in (a, b) else a is not b
    implied = True if a is False or b is True else b if a is True else None
    for operator, value in (("and", both), ("or", either), ("xor", odd), ("implies", implied)):
        assert ask(f"{left} {operator} {right}") == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Patient.name.given", ["Peter", "James", "Jim", None]), ("name.nothing", []), ("Observation.id", []),
        ("Resource.id", ["p"]),
        ("name[1].use", ["usual"]), ("name[9]", []), ("name[-1]", []), ("name[{}]", []), ("$this.id", ["p"]),
        ("{}", []),
        ("name.select($index)", [0, 1]), ("name.select(given.select($index))", [0, 1, 0, 1]),
        ("name.given[name.count()]", ["Jim"]),
        ("'Jim' in name.given", [True]), ("name.given contains 'x'", [False]), ("{} in name", []), ("1 in {}", [False]),
        ("name.where('Jim' in %resource.name.given and use in ('usual' | 'old')).use", ["usual"]),
        ("true | false", [True, False]),
    ],
)  # fmt: skip
def test_paths(text: str, values: list[Any]) -> None:
    assert ask(text) == values


def test_what_does_not_depend_on_this_is_evaluated_once() -> None:
    traced = []
    outside = Outside(trace=lambda name, items: traced.append(name))
    assert (
        len(
            ask(
                "descendants().where(%resource.id.trace('once') = 'p' and 'o' in %resource.contained.id.trace('set'))",
                outside=outside,
            )
        )
        > 20
    )
    assert traced == ["once", "set"]
    traced.clear()
    ask("name.where(use.trace('each') = 'usual')", outside=outside)
    assert traced == ["each", "each"]


def test_the_other_branch_is_not_evaluated() -> None:
    traced: list[str] = []
    outside = Outside(trace=lambda name, items: traced.append(name))
    ask("false and active.trace('a')", outside=outside)
    ask("true or active.trace('b')", outside=outside)
    ask("false implies active.trace('c')", outside=outside)
    ask("iif(true, 1, active.trace('d'))", outside=outside)
    assert traced == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a.nothing()", "no function nothing"),
        ("a.where()", "1 arguments"),
        ("a.first(1)", "0 arguments"),
        ("a.is(1)", "name of a type"),
    ],
)
def test_calls_that_cannot_be_are_refused_before_evaluation(text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as refused:
        ask(text)
    assert refused.value.issues[0].code == "value"
