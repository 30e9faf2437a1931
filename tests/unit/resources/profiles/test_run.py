"""One validation: its issues, their number, what is found without being added, and profiles within profiles."""

from __future__ import annotations

from typing import Any

import pytest

from resources.fhirpath import Node
from resources.outcome import TooCostly
from resources.profiles import run as runs
from resources.profiles.run import MOST_DEPTH, MOST_STEPS, Run
from resources.validation.fields import MOST_ISSUES, Enough

from .stand_in import profile, run_of, said

OWN = profile("http://example.org/own", "Patient")


def add(severity: str, times: int = 1) -> Any:
    def check(node: Node, run: Run) -> None:
        for _ in range(times):
            run.add(node, severity, "value", "is odd", "http://example.org/own#it")

    return check


def add_each(severity: str, times: int) -> Any:
    def check(node: Node, run: Run) -> None:
        for number in range(times):
            run.add(node, severity, "value", f"is odd in way {number}")

    return check


def test_an_issue_says_what_is_wrong_where_and_who_asks_it() -> None:
    run = run_of({"resourceType": "Patient"})
    run.add(run.root, "error", "required", "is required", "http://example.org/own#Patient.name", "name")
    assert said(run) == [("error", "required", "Patient.name")]
    assert run.issues[0].diagnostics == "Patient.name is required."
    assert run.issues[0].as_json()["details"]["coding"] == [
        {"system": "http://example.org/own", "code": "Patient.name"}
    ]


def test_warnings_are_bounded_and_errors_end_it_when_there_are_too_many() -> None:
    run = run_of({"resourceType": "Patient"})
    add("warning", MOST_ISSUES)(run.root, run)
    assert not run.omitted
    add("warning", 10)(run.root, run)
    assert run.omitted
    assert len(run.issues) == MOST_ISSUES
    with pytest.raises(Enough):
        add("error")(run.root, run)
    assert run.issues[-1].severity == "error"


@pytest.mark.parametrize(("severity", "conforms"), [("warning", True), ("information", True), ("error", False)])
def test_only_errors_keep_a_value_from_conforming_and_none_is_added(severity: str, conforms: bool) -> None:
    run = run_of({"resourceType": "Patient"})
    assert len(run.found_by(add(severity), run.root)) == 1
    assert run.conforms(OWN, add(severity), run.root) is conforms
    assert run.issues == []


def test_an_error_behind_many_warnings_counts() -> None:
    def check(node: Node, run: Run) -> None:
        add("warning", MOST_ISSUES + 1)(node, run)
        add("error")(node, run)

    run = run_of({"resourceType": "Patient"})
    assert not run.conforms(OWN, check, run.root)
    assert not run.omitted


def test_many_warnings_of_a_judgement_refuse_nothing() -> None:
    run = run_of({"resourceType": "Patient"})
    add("warning", MOST_ISSUES - 1)(run.root, run)
    run.judge(OWN, add_each("warning", 10), run.root)
    assert run.omitted
    assert [issue.severity for issue in run.issues] == ["warning"] * MOST_ISSUES
    with pytest.raises(Enough):
        run.judge(profile("http://example.org/other", "Patient"), add_each("error", 10), run.root)
    assert run.issues[-1].severity == "error"


def test_what_a_judgement_finds_again_and_again_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_STEPS", 20_000)
    run = run_of({"resourceType": "Patient"})
    for _ in range(20):
        run.judge(OWN, add_each("warning", 400), run.root)
    assert len(run.issues) == 400
    with pytest.raises(TooCostly):
        [run.judge(OWN, add_each("warning", 400), run.root) for _ in range(20)]


def test_a_value_is_asked_once_and_one_that_asks_for_itself_is_taken_to_conform() -> None:
    asked = []

    def check(node: Node, run: Run) -> None:
        asked.append(node)
        assert run.conforms(OWN, check, node)

    run = run_of({"resourceType": "Patient"})
    assert run.conforms(OWN, check, run.root)
    assert run.conforms(OWN, check, run.root)
    assert len(asked) == 1


def test_profiles_within_profiles_end() -> None:
    asked = []

    def check(node: Node, run: Run) -> None:
        asked.append(node)
        following = run_of({"resourceType": "Patient"}).root
        assert run.conforms(OWN, check, following)

    run = run_of({"resourceType": "Patient"})
    assert run.conforms(OWN, check, run.root)
    assert len(asked) == MOST_DEPTH


def test_steps_are_bounded() -> None:
    run = run_of({"resourceType": "Patient"})
    run.step(MOST_STEPS)
    with pytest.raises(TooCostly):
        run.step()
