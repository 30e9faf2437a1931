"""ValueSet/$batch-validate-code."""

from __future__ import annotations

from typing import Any

import pytest

from resources.operation import Parameters, Value
from resources.outcome import Invalid, TooCostly
from terminology.budget import Budget
from terminology.operations.batch_validate import MOST, batch_validate
from terminology.scope import Scope

from .asked import Tree, asked, code_system
from .judged import SHAPES, here, judged, these, under, value_set

ROUND = value_set("round", under("round"))


def answers(here: Scope, each: list[Parameters], **shared: Any) -> list[Tree]:
    parts = tuple(Value("validation", part=one) for one in each)
    found = batch_validate(here, Parameters((*asked(**shared).values, *parts)))
    assert {one["name"] for one in found["parameter"]} <= {"validation"}
    return [one["resource"] for one in found["parameter"]]


def coding(code: str, display: str = "", **more: Any) -> Parameters:
    return asked(coding={"system": SHAPES, "code": code, **({"display": display} if display else {})}, **more)


def test_each_code_has_its_own_answer_in_order() -> None:
    """TX-07."""
    found = [judged(one) for one in answers(here(ROUND), [coding("circle"), coding("square")], url=ROUND["url"])]
    assert [one.result for one in found] == [True, False]
    assert [one.values["code"] for one in found] == ["circle", "square"]


def test_what_is_shared_holds_unless_a_code_says_otherwise() -> None:
    """TX-07."""
    other = value_set("two", these("square"))
    each = [coding("circle", "X"), coding("square", url=other["url"], abstract=False)]
    found = [
        judged(one) for one in answers(here(ROUND, other), each, url=ROUND["url"], mode="lenient-display-validation")
    ]
    assert [one.result for one in found] == [True, True]
    assert found[0].kinds == ["warning invalid-display"]


def test_what_repeats_is_not_mixed() -> None:
    """TX-07: a code's own supplements stand instead of the shared ones."""
    more = code_system("http://example.org/more", content="supplement", supplements=SHAPES)
    each = [coding("circle", useSupplement="http://example.org/more"), coding("circle")]
    own, shared = answers(here(ROUND, more), each, url=ROUND["url"], useSupplement="http://example.org/none")
    assert judged(own).result
    assert shared["resourceType"] == "OperationOutcome"


def test_what_cannot_be_asked_is_an_outcome_among_the_answers() -> None:
    """TX-07, TX-90."""
    each = [asked(codingX="x"), coding("circle"), asked(code="circle", system=SHAPES, url="http://example.org/none")]
    wrong, right, unknown = answers(here(ROUND), each, url=ROUND["url"])
    assert judged(right).result
    assert wrong["resourceType"] == unknown["resourceType"] == "OperationOutcome"
    assert wrong["issue"][0]["code"] == "invalid"
    assert "coding" in wrong["issue"][0]["details"]["text"]
    assert unknown["issue"][0]["code"] == "not-found"


def test_a_batch_has_bounds() -> None:
    with pytest.raises(Invalid):
        answers(here(), [])
    with pytest.raises(Invalid, match=str(MOST)):
        answers(here(ROUND), [coding("circle")] * (MOST + 1), url=ROUND["url"])
    few = here(value_set("wide", *([these("oval")] * 50)))
    few.budget = Budget(500)
    with pytest.raises(TooCostly):
        answers(few, [coding("circle")] * 50, url=value_set("wide")["url"])


def test_a_validation_that_is_no_parameters() -> None:
    [found] = [one["resource"] for one in batch_validate(here(), asked(validation="x"))["parameter"]]
    assert found["issue"][0]["code"] == "structure"
