"""The validator cases of HL7: whether there is an error, and where, as the reference validator says.

Three cases rest on a terminology server; they agree without one, and must once there is one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from resources import exact
from resources.definitions import load
from resources.outcome import Issue, Malformed
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from terminology.grammars.ucum import to_canonical

from ....suites import DATA
from ....worlds import World, broken, issues

SUITE = DATA / "validator"
pytestmark = pytest.mark.suite("validator")

# Cases that do not agree, each with its reason.
OTHERWISE = {
    "dr-example-org": "example URLs are refused only by a validator that was told so: a policy and no rule of R4, whose own "
    "examples use them",
}
# Those whose outcome has only warnings of code systems and value sets, which a terminology server may know better.
ON_TERMINOLOGY = ("care-plan", "document-manifest", "patient-example-ra4")
WITHOUT_OUTCOME = {"params-resource"}
_COMMENT = re.compile(r"/\*.*?\*/")
_AS_TYPE = re.compile(r"\.ofType\(\w+\)")


@cache
def cases() -> dict[str, dict[str, Any]]:
    manifest = exact.decode((SUITE / "manifest.json").read_bytes())
    return {case["name"]: case for case in manifest["test-cases"]}


@cache
def _judges() -> tuple[Validator, Rules, World]:
    definitions = load()
    return Validator(definitions), Rules(definitions, to_canonical), World(definitions)


@cache
def judged(name: str) -> tuple[Issue, ...]:
    try:
        tree = exact.decode((SUITE / cases()[name]["file"]).read_bytes())
    except Malformed as error:
        return error.issues
    return issues(*_judges(), tree)


def expected(name: str) -> list[dict[str, Any]]:
    """The errors of the reference validator."""
    outcome = exact.decode((SUITE / "outcomes" / cases()[name]["java"]).read_bytes())
    return [issue for issue in outcome.get("issue", ()) if issue["severity"] in ("error", "fatal")]


def compared() -> list[str]:
    return [name for name in cases() if name not in WITHOUT_OUTCOME]


def test_there_are_as_many_cases_as_there_were() -> None:
    assert len(cases()) == 32
    assert {name for name, case in cases().items() if "java" not in case} == WITHOUT_OUTCOME
    assert sum(bool(expected(name)) for name in compared()) == 20
    assert set(ON_TERMINOLOGY) <= set(compared())


def test_at_least_30_of_31_agree_on_whether_there_is_an_error() -> None:
    differing = {name for name in compared() if broken(judged(name)) != bool(expected(name))}
    assert differing == set(OTHERWISE)
    assert len(compared()) - len(differing) >= 30


@pytest.mark.parametrize("name", ON_TERMINOLOGY)
def test_what_rests_on_a_terminology_server_agrees_without_one(name: str) -> None:
    assert not broken(judged(name))
    assert not expected(name)


def test_a_case_without_an_outcome_is_judged_without_an_accident() -> None:
    assert not broken(judged("params-resource"))


def test_it_is_the_same_element_that_is_wrong() -> None:
    """Of 19 cases with an error on both sides 14 name the same element, and the others one that is near: the reference
    validator names the nearest element that exists, where we name the one that is missing, unknown, or has the value."""
    same, near = set(), set()
    for name in compared():
        theirs = {_plain(place) for issue in expected(name) for place in issue["expression"]}
        ours = {place for issue in judged(name) if issue.severity == "error" for place in issue.expression}
        if not theirs or not ours:
            continue
        if ours & theirs:
            same.add(name)
        elif any(_is_near(a, b) for a in ours for b in theirs):
            near.add(name)
        else:
            raise AssertionError((name, ours, theirs))
    assert len(same) + len(near) == 19
    assert len(same) >= 14, (same, near)


def _plain(place: str) -> str:
    return _AS_TYPE.sub("", _COMMENT.sub("", place))


def _is_near(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith((f"{shorter}.", f"{shorter}[")) or shorter.replace("_", "") == longer.replace("_", "")
