"""The quick form: whatever it accepts the checks accept, it accepts what is common, and each of its guards is needed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from resources import definitions, exact, structures
from resources.structures import Refused, Structs
from resources.validation import Validator

from .mutations import mutated, originals
from .samples import VALID, changed
from .validation_cases import ACCEPTED, REFUSED

DEFINITIONS = definitions.load()
VALIDATOR = Validator(DEFINITIONS)
STRUCTS = Structs(DEFINITIONS)


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_what_the_structs_accept_the_checks_accept(tree: dict[str, Any]) -> None:
    if STRUCTS.accepts(tree):
        assert VALIDATOR.issues(tree["resourceType"], tree) == ()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_invalid_is_not_accepted(case: Any) -> None:
    assert not STRUCTS.accepts(changed(case.on, case.change))


@pytest.mark.parametrize("tree", VALID.values(), ids=VALID)
def test_valid_is_accepted(tree: dict[str, Any]) -> None:
    assert STRUCTS.accepts(tree)


def test_few_valid_resources_are_left_to_the_checks() -> None:
    """Only what has extensions of primitives, 29 February, Reference.type, format codes or MIME parameters, or links
    to what is contained that are no References."""
    trees = [tree for tree in originals() if not VALIDATOR.issues(tree["resourceType"], tree)]
    left = [tree for tree in trees if not STRUCTS.accepts(tree)]
    odd = re.compile(rb'"_[a-z]|-02-29|"type":"[A-Z]|"format":|contentType|[cC]anonical|"contained"|"library"')
    assert [tree for tree in left if not odd.search(exact.encode(tree))] == []
    assert len(left) < len(trees) / 10


def test_left_to_the_checks() -> None:
    """What the quick form does not try to judge. A change here is a change of speed, not of validity."""
    left = {title for title, tree in ACCEPTED.items() if not STRUCTS.accepts(tree)}
    assert left == {
        "29 February",
        "MIME type with parameters",
        "backslashes",
        "birthDate by an extension alone",
        "concept by an extension alone",
        "contained reached by a canonical",
        "contained that points outside",
        "extension beside a value",
        "id beside a value",
        "null beside _given",
        "reference by identifier",
        "reference of a logical model",
        "reference with its type",
        "required choice by an extension alone",
        "required primitive by an extension alone",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"name": [{}]},
        {"name": [{"id": "x"}]},
        {"name": [{"text": "bell\x07"}]},
        {"name": [{"text": "\b"}]},
        {"name": [{"text": "\f"}]},
    ],
)
def test_structs_alone_would_accept_what_the_text_shows(change: dict[str, Any]) -> None:
    """Guards that look needless are not: without the look at the written form these would pass."""
    tree = changed("Patient", change)
    assert STRUCTS._read(tree) == []
    assert not STRUCTS.accepts(tree)


def test_msgspec_would_take_text_for_a_decimal() -> None:
    assert msgspec.convert("1.0", Decimal) == Decimal("1.0")
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("1.0", Decimal, builtin_types=structures._DECIMALS)


@pytest.mark.parametrize(
    "contained",
    [
        {"resourceType": "Medication"},  # nobody can refer to it
        {"resourceType": "Medication", "id": "other"},
        {"resourceType": "Patient", "id": "m"},
        {"resourceType": "Medication", "id": "m", "meta": {"versionId": "1"}},
        {"resourceType": "Medication", "id": "m", "meta": {"lastUpdated": "2020-01-01T10:00:00Z"}},
        {"resourceType": "Medication", "id": "m", "meta": {"security": [{"code": "R"}]}},
        {"resourceType": "Medication", "id": "m", "contained": [{"resourceType": "Organization", "id": "o"}]},
        {"resourceType": "NoSuchType", "id": "m"},
        {"resourceType": 1, "id": "m"},
        {"resourceType": ["Medication"], "id": "m"},
        {"id": "m"},
        [],
    ],
)
def test_contained_resources_are_linked(contained: Any) -> None:
    with pytest.raises((Refused, msgspec.ValidationError)):
        STRUCTS._read(changed("MedicationRequest", {"contained": [contained]}))


def test_resources_inside_are_read_as_their_own_type() -> None:
    """Each with its own contained resources: a reference does not reach from one entry into another."""
    order = VALID["MedicationRequest"]
    alone = {name: value for name, value in order.items() if name != "contained"}
    bundle = {"resourceType": "Bundle", "type": "collection"}
    assert STRUCTS.accepts({**bundle, "entry": [{"resource": order}, {"resource": order}]})
    assert not STRUCTS.accepts({**bundle, "entry": [{"resource": order}, {"resource": alone}]})
    nested = {"resourceType": "Parameters", "parameter": [{"name": "b", "resource": {**bundle, "total": "1"}}]}
    assert not STRUCTS.accepts(nested)


def test_types_are_made_when_they_are_met() -> None:
    structs = Structs(DEFINITIONS)
    assert structs.accepts(VALID["Patient"])
    assert set(structs._resources) == {"Patient"}
    assert structs.accepts(VALID["Patient"])
    made = dict(structs._types)
    assert structs.accepts(VALID["Patient"])
    assert structs._types == made
