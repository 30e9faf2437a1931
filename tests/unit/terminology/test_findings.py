"""Texts of the terminology: bounded, stable, numbered."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from resources.outcome import Issue
from terminology import findings
from terminology.findings import LONGEST, SHOWN, coded, listed

KINDS = {
    "cannot-infer", "code-comment", "code-rule", "display-comment", "invalid-code", "invalid-data", "invalid-display",
    "not-found", "not-in-vs", "process-note", "status-check", "this-code-not-in-vs", "version-error", "vs-invalid",
}  # fmt: skip

FINDINGS = [
    one
    for _, one in inspect.getmembers(findings, inspect.isfunction)
    if inspect.signature(one).return_annotation == "Issue"
]


def made(function: Callable[..., Issue], text: str = "x", stated: bool = True) -> Issue:
    """An issue of arguments that are all this text, and of flags that are all as stated."""
    arguments: dict[str, Any] = {}
    for name, one in inspect.signature(function).parameters.items():
        if one.kind is one.VAR_POSITIONAL or one.default is not one.empty:
            continue
        values = {"str": text, "Sequence[str]": [text, text], "bool": stated}
        arguments[name] = "error" if name == "severity" else values[one.annotation]
    return function(**arguments)


@pytest.mark.parametrize("function", FINDINGS, ids=lambda one: one.__name__)
def test_every_finding_has_kind_text_and_id(function: Callable[..., Issue]) -> None:
    """TX-32, TX-104."""
    if function is findings.finding:
        return
    tree = made(function).as_json()
    [coding] = tree["details"]["coding"]
    assert coding["system"] == findings.ISSUE_TYPE
    assert coding["code"] in KINDS
    assert tree["details"]["text"]
    assert tree["extension"][0]["valueString"]
    assert tree["severity"] in ("error", "warning", "information")


def test_ids_tell_the_texts_apart() -> None:
    """TX-104: one id, one text, whatever the place and severity."""
    texts: dict[str, set[str]] = {}
    for one in FINDINGS:
        if one is not findings.finding:
            issue = made(one)
            texts.setdefault(issue.message_id, set()).add(issue.diagnostics)
    assert {name: some for name, some in texts.items() if len(some) > 1} == {}
    others = {made(one, stated=False).message_id for one in FINDINGS if one is not findings.finding}
    assert {*texts, *others, "Display_Name_WS_for__should_be_one_of__instead_of"} > findings.TOLD


def test_what_a_client_sent_is_repeated_in_part() -> None:
    long = "y" * 100_000
    for function in (
        findings.unknown_value_set,
        findings.unknown_system,
        findings.unknown_code,
        findings.wrong_display,
    ):
        given = {"canonical", "system", "code", "display"} & {*inspect.signature(function).parameters}
        for name in sorted(given - {"system"} or given):
            arguments: dict[str, Any] = {
                key: long if key == name else [] if one.annotation == "Sequence[str]" else "z"
                for key, one in inspect.signature(function).parameters.items()
                if one.default is one.empty
            }
            assert len(function(**arguments).diagnostics) < LONGEST + 500
    assert len(coded("http://a.b", "1", long, long)) <= LONGEST + 1


def test_names_of_codings() -> None:
    assert coded("http://a.b", "", "c") == "http://a.b#c"
    assert coded("http://a.b", "1", "c", "d") == "http://a.b|1#c ('d')"


def test_lists() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["", "a", "a or b", "a, b or c"]
    assert listed([str(n) for n in range(SHOWN + 5)]).endswith(f"{SHOWN - 1} or 5 others")
