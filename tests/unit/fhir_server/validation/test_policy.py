from __future__ import annotations

from typing import Any

import pytest

from fhir_server.settings import SETTINGS, BadSetting, read_tenant
from fhir_server.validation.policy import VERDICT, Policy, Unprepared, policy_of
from resources.outcome import Issue, TooCostly, Unprocessable

DEFAULTS = {setting.name: setting.default for setting in SETTINGS if setting.tenant}
ERROR = Issue("error", "invariant", "It breaks us-core-6.", ("Patient.name[0]",), rule="http://example.org/p#us-core-6")
WARNING = Issue("warning", "invariant", "It breaks dom-6.", ("Patient",), rule="http://example.org/d#dom-6")


class Rules:
    """Rules that find these issues, and remember what they were asked."""

    def __init__(self, *issues: Issue) -> None:
        self.found = issues
        self.profiles: tuple[str, ...] = ()
        self.claimed: bool | None = None
        self.costly = False

    def issues(self, tree: Any, world: Any, profiles: Any, *, claimed: bool) -> tuple[Issue, ...]:
        self.profiles, self.claimed = tuple(profiles), claimed
        if self.costly:
            raise TooCostly("It takes too long.")
        return self.found


class Book:
    wants = False

    def begin(self, tree: Any, profiles: Any) -> None: ...

    def end(self) -> tuple[Issue, ...]:
        return ()


def policy(**settings: str) -> Policy:
    return policy_of({**DEFAULTS, **read_tenant([f"{name}={value}" for name, value in settings.items()])})


def judged(policy: Policy, rules: Rules, tree: dict[str, Any] | None = None, book: Any = None) -> Any:
    return policy.judged(tree or {"resourceType": "Patient"}, rules, book or Book())  # type: ignore[arg-type]


def test_nothing_is_judged_unless_a_tenant_asks_for_it() -> None:
    assert not policy().judges("Patient")
    assert policy(validation="warn").judges("Patient")
    required = policy(required_profiles="Patient=http://example.org/p")
    assert required.judges("Patient")
    assert not required.judges("Observation")


def test_reject_refuses_errors_and_says_all_of_them() -> None:
    with pytest.raises(Unprocessable) as refused:
        judged(policy(validation="reject"), Rules(WARNING, ERROR))
    assert refused.value.issues == (ERROR, WARNING)
    assert judged(policy(validation="reject"), Rules(WARNING)) == ({"resourceType": "Patient"}, (WARNING,))


def test_what_is_required_is_refused_whatever_the_level() -> None:
    rules = Rules(ERROR)
    with pytest.raises(Unprocessable):
        judged(policy(required_profiles="Patient=http://example.org/p,Patient=http://example.org/q"), rules)
    assert rules.profiles == ("http://example.org/p", "http://example.org/q")
    assert rules.claimed is False  # that is what off leaves out


def test_warn_stores_and_says_it_as_warnings() -> None:
    tree, issues = judged(policy(validation="warn"), Rules(ERROR))
    assert tree == {"resourceType": "Patient"}
    assert [(one.severity, one.rule) for one in issues] == [("warning", ERROR.rule)]


@pytest.mark.parametrize(("found", "code"), [(ERROR, "invalid"), (WARNING, "valid")])
def test_tag_keeps_the_verdict_and_replaces_an_older_one(found: Issue, code: str) -> None:
    other = {"system": "http://example.org", "code": "x"}
    sent = {"resourceType": "Patient", "meta": {"tag": [{"system": VERDICT, "code": "old"}, other]}, "active": True}
    tree, _ = judged(policy(validation="tag"), Rules(found), sent)
    assert tree == {**sent, "meta": {"tag": [other, {"system": VERDICT, "code": code}]}}
    assert sent["meta"]["tag"][0]["code"] == "old"  # type: ignore[index]  # what was sent is not changed


@pytest.mark.parametrize("name", ["us-core-6", "http://example.org/p#us-core-6", "invariant"])
def test_severities_are_overridden_by_constraint_or_code(name: str) -> None:
    assert [one.severity for one in policy(severity_overrides=f"{name}=information").weighed([ERROR])] == [
        "information"
    ]
    assert policy(severity_overrides=f"{name}=off").weighed([ERROR]) == ()
    assert judged(policy(validation="reject", severity_overrides=f"{name}=warning"), Rules(ERROR))[1] != ()
    with pytest.raises(Unprocessable):
        judged(policy(validation="reject", severity_overrides="dom-6=error"), Rules(WARNING))


def test_the_constraint_of_one_profile_comes_before_its_name_and_that_before_the_code() -> None:
    exact = policy(severity_overrides="invariant=off,us-core-6=warning,http://example.org/p#us-core-6=information")
    assert [one.severity for one in exact.weighed([ERROR])] == ["information"]


def test_a_verdict_waits_for_what_the_book_lacks() -> None:
    book = Book()
    book.wants = True
    with pytest.raises(Unprepared):
        judged(policy(validation="warn"), Rules(ERROR), book=book)


@pytest.mark.parametrize(
    "pair",
    [
        "validation=maybe",
        "required_profiles=Patient",
        "required_profiles=Person1=http://example.org/p",
        "required_profiles=Patient=not a url",
        "severity_overrides=us-core-6",
        "severity_overrides=us-core-6=fatal",
        "severity_overrides==error",
    ],
)
def test_settings_that_make_no_sense_are_refused(pair: str) -> None:
    with pytest.raises(BadSetting, match=pair.partition("=")[0]):
        read_tenant([pair])


def test_what_is_too_costly_to_judge_is_refused_only_where_rules_are_a_reason_to_refuse() -> None:
    rules = Rules()
    rules.costly = True
    for strict in (policy(validation="reject"), policy(required_profiles="Patient=http://example.org/p")):
        with pytest.raises(TooCostly):
            judged(strict, rules)
    assert [one.code for one in judged(policy(validation="warn"), rules)[1]] == ["too-costly"]
    tagged, _ = judged(policy(validation="tag"), rules)
    assert tagged["meta"]["tag"] == [{"system": VERDICT, "code": "invalid"}]
