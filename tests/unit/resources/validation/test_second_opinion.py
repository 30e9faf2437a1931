"""fhir.resources (R4B) as a second opinion over the 128 types it shares with R4.

Whatever one of the two accepts the other must accept, but for the differences listed here, each with its reason. A
difference that no longer occurs turns the test red, and so does one that is not listed.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings

from resources import definitions, exact
from resources.models import model
from resources.outcome import Issue
from resources.validation.validator import Validator

from .... import examples
from .mutations import mutated, originals
from .samples import VALID, changed
from .test_invariants import CASES, holding
from .validation_cases import ACCEPTED, REFUSED

VALIDATOR = Validator(definitions.load())
REWRITTEN = {"Evidence", "EvidenceVariable"}  # other elements in R4B than in R4


class Difference(NamedTuple):
    reason: str
    sign: str  # regular expression for "code diagnostics" of our issue, or for the error of fhir.resources


# What fhir.resources accepts although R4 does not allow it.
LENIENT = [
    Difference("it knows no codes of required bindings", r"code-invalid "),
    Difference("it evaluates no invariant of a data type", r"invariant \S+ breaks [a-z]+-\d+: "),
    Difference("it does not look for contained resources that a reference names", r"invariant .* \(ref-1\)"),
    Difference("it does not judge contained resources as such", r"invariant .* \(dom-[2-5]\)"),
    Difference("it does not look at what a reference points to", r"value \S+\.(reference points to|type (points to|says)) "),
    Difference("it takes XHTML for any text", r"(invariant|structure) \S+\.`div` (contains|has|is|must be a <div>)"),
    Difference("it drops empty arrays", r"structure \S+ is an empty array"),
    Difference("it drops empty objects", r"structure \S+ is an empty object"),
    Difference("it takes an object with an id for content", r"invariant .* \(ele-1\)"),
    Difference("it takes null for an element that is absent", r"structure \S+ (is null|must be .* not null|may repeat.* not null)"),
    Difference("it does not compare the lengths of a primitive and its extensions", r"structure \S+ has \d+ values, but _"),
    Difference("it drops fhir_comments", r"structure \S+\.fhir_comments is not"),
    Difference("it lets every type say its resourceType", r"structure \S+\.resourceType is not"),
    Difference("it lets attributes be extended", r"structure \S+\._(div|id|url) is not"),
    Difference("it does not count a type of a choice that has only extensions", r"structure \S+ is given as "),
    Difference("it has content of R4B", r"structure \S+\.valueRatioRange is not"),
    Difference("it takes a resource inside for any object", r"required \S+ has no resourceType"),
    Difference("it reads JSON inside text", r"structure \S+ must be a (JSON object|resource), not a string"),
    Difference("it makes booleans of numbers and text", r"structure \S+ must be true or false \(boolean\), not a (number|string)"),
    Difference("it makes numbers of text and booleans", r"structure \S+ must be a (whole|JSON) number.* not a \w+"),
    Difference("it makes dates of numbers", r"structure \S+ must be a JSON string \((date|dateTime|instant|time)\), not a number"),
    Difference("it lets control characters through", r"value \S+ contains a control character"),
    Difference("it has no longest string", r"too-long "),
    Difference("it lets URIs be empty or have spaces", r"value \S+ is .*((a URI|URL|canonical URL) without spaces|UUID)"),
    Difference("it lets markdown and base64 be empty", r"value \S+ is empty; leave it out, or send (some text|base64)"),
    Difference("it decodes base64 leniently", r"value \S+ is .* not a valid base64Binary"),
    Difference("its ids may be longer than 64", r"value \S+ is '([A-Za-z0-9.-]{65,}|.{77}…)', which is not a valid id"),
]  # fmt: skip

# What R4 allows and fhir.resources refuses.
STRICT = [
    Difference("its Extension has no _value[x]", r"extra_forbidden .*_value[A-Z]\w+"),
    Difference("its Extension has no valueMeta, as in R4B", r"extra_forbidden .*valueMeta"),
    Difference("it takes a no-break space for a space", r"string_pattern_mismatch "),
]


@functools.cache
def _model(resource_type: str) -> Any:
    return model(resource_type)


def second_opinion(tree: dict[str, Any]) -> list[str]:
    """The errors of fhir.resources, "type path"; none if it accepts the resource."""
    from pydantic import ValidationError

    try:
        _model(tree["resourceType"]).model_validate_json(exact.encode(tree))
    except ValidationError as error:
        return [f"{one['type']} {'.'.join(map(str, one['loc']))}" for one in error.errors()]
    except (KeyError, TypeError, AttributeError) as error:  # some invalid resources make it fail
        return [f"{type(error).__name__} {error}"]
    return []


def own_opinion(tree: dict[str, Any]) -> list[str]:
    issues: tuple[Issue, ...] = VALIDATOR.issues(tree["resourceType"], tree)
    return [f"{issue.code} {issue.diagnostics}" for issue in issues if issue.severity == "error"]


def unexplained(errors: list[str], differences: list[Difference]) -> list[str]:
    signs = [re.compile(difference.sign, re.DOTALL) for difference in differences]
    return [error for error in errors if not any(sign.match(error) for sign in signs)]


def is_shared(resource_type: str) -> bool:
    try:
        return resource_type not in REWRITTEN and bool(_model(resource_type))
    except LookupError:
        return False


@functools.cache
def shared() -> tuple[dict[str, Any], ...]:
    """Small valid resources of every shared type; some have no example of their own."""
    return tuple(tree for tree in (*originals(most=2), *VALID.values()) if is_shared(tree["resourceType"]))


def test_every_shared_type_has_an_example() -> None:
    assert len({tree["resourceType"] for tree in shared()}) == 128 - len(REWRITTEN)


@settings(max_examples=3000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated(shared))
def test_the_opinions_differ_only_where_it_is_known(tree: dict[str, Any]) -> None:
    ours, theirs = own_opinion(tree), second_opinion(tree)
    if not theirs:
        assert unexplained(ours, LENIENT) == []
    if not ours:
        assert unexplained(theirs, STRICT) == []


INVALID = [changed(case.on, case.change) for case in REFUSED] + [
    holding(kind, broken)[0] for _, kind, broken, *_ in CASES
]
INVALID.append(changed("MedicationRequest", {"medicationReference": {"reference": "Medication/1"}}))  # dom-3


@functools.cache
def opinions() -> tuple[tuple[list[str], list[str]], ...]:
    """Ours and theirs of every case in the tables."""
    cases = [*INVALID, *ACCEPTED.values()]
    return tuple((own_opinion(tree), second_opinion(tree)) for tree in cases if is_shared(tree["resourceType"]))


def test_the_cases_differ_only_where_it_is_known() -> None:
    assert [ours for ours, theirs in opinions() if not theirs and unexplained(ours, LENIENT)] == []
    assert [theirs for ours, theirs in opinions() if not ours and unexplained(theirs, STRICT)] == []


@pytest.mark.parametrize("difference", LENIENT, ids=lambda difference: difference.reason)
def test_a_known_leniency_still_occurs(difference: Difference) -> None:
    """Seen by itself: fhir.resources accepts a resource that only this issue makes invalid."""
    assert any(not theirs and ours and not unexplained(ours, [difference]) for ours, theirs in opinions())


@pytest.mark.parametrize("difference", STRICT, ids=lambda difference: difference.reason)
def test_a_known_strictness_still_occurs(difference: Difference) -> None:
    assert any(not ours and theirs and not unexplained(theirs, [difference]) for ours, theirs in opinions())


def test_rewritten_types_are_still_rewritten() -> None:
    trees = [tree for _, text in examples.examples() if (tree := exact.decode(text))["resourceType"] == "Evidence"]
    assert any(second_opinion(tree) and not own_opinion(tree) for tree in trees)
