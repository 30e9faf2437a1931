"""The quick form: whatever it accepts the checks accept, it accepts what is common, and each of its guards is needed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources import definitions, exact
from resources.validation import structures
from resources.validation.objects import Refused
from resources.validation.structures import Structs
from resources.validation.validator import Validator

from .mutations import mutated, originals
from .samples import VALID, changed
from .validation_cases import ACCEPTED, REFUSED

DEFINITIONS = definitions.load()
VALIDATOR = Validator(DEFINITIONS)
STRUCTS = Structs(DEFINITIONS)
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


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
    """Only what has extensions of repeated or required primitives, 29 February, Reference.type, format codes or MIME
    parameters, or links to what is contained that are no References."""
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


@pytest.mark.parametrize(
    "inside", [5, Decimal("1.5"), "contained", None, [], ["contained"], {}, {"contained": []}, True]
)
def test_what_is_no_resource_inside_is_refused(inside: Any) -> None:
    tree = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inside}]}
    assert not STRUCTS.accepts(tree)
    assert VALIDATOR.issues("Bundle", tree)


@pytest.mark.parametrize(
    ("text", "is_accepted"),
    [
        ({"status": "generated", "div": f"{DIV}x</div>"}, True),
        ({"status": "generated", "div": f'{DIV}<p class="_x">&quot;\n</p></div>'}, True),
        *(
            ({"status": "generated", "div": f"{DIV}x{bad}</div>"}, False)
            for bad in ("\x01", "\b", "\f", "\x1f", "\ud800")
        ),
        ({"status": "generated", "div": ""}, False),
        ({"status": "generated", "div": 1}, False),
        ({"status": "generated", "div": {}}, False),
        ({"status": {}, "div": f"{DIV}x</div>"}, False),
        ({"status": ["generated"], "div": f"{DIV}x</div>"}, False),
        ({"status": "generated", "div": f"{DIV}x</div>", "id": "\x01"}, False),
        ({"status": "generated", "div": f"{DIV}x</div>", "extension": [{}]}, False),
        ({}, False),
        ([], False),
    ],
)
def test_the_narrative_is_written_by_itself(text: Any, is_accepted: bool) -> None:
    for resource_type in ("Patient", "Observation"):
        tree = changed(resource_type, {"text": text})
        assert STRUCTS.accepts(tree) is is_accepted
        assert (VALIDATOR.issues(resource_type, tree) == ()) is is_accepted
    assert not STRUCTS.accepts(changed("Bundle", {"text": text}))


def test_types_are_made_when_they_are_met() -> None:
    structs = Structs(DEFINITIONS)
    assert structs.accepts(VALID["Patient"])
    assert set(structs._resources) == {"Patient"}
    assert structs.accepts(VALID["Patient"])
    made = dict(structs._types)
    assert structs.accepts(VALID["Patient"])
    assert structs._types == made


EXTENSION = {"extension": [{"url": "http://example.org/x", "valueString": "a"}]}


@pytest.mark.parametrize(
    ("change", "is_accepted"),
    [
        ({"birthDate": "2020-01-01", "_birthDate": EXTENSION}, True),
        ({"_birthDate": EXTENSION}, True),
        ({"_birthDate": {"id": "a", **EXTENSION}}, True),
        ({"birthDate": "2020-02-31", "_birthDate": EXTENSION}, False),
        ({"birthDate": "2020-01-01", "_birthDate": None}, False),
        ({"_birthDate": {}}, False),
        ({"_birthDate": {"id": "a"}}, False),
        ({"_birthDate": [EXTENSION]}, False),
        ({"_birthDate": {"extension": [{"url": "a b", "valueString": "a"}]}}, False),
        ({"_birthDate": {"extension": [{"url": "a"}]}}, False),
        ({"_birthDate": {"value": "2020"}}, False),
        ({"_foo": EXTENSION}, False),
        ({"_name": [EXTENSION]}, False),
        ({"_id": EXTENSION}, False),
        ({"telecom": [{"system": "phone", "_value": EXTENSION}]}, True),
        ({"telecom": [{"_value": EXTENSION}]}, False),  # cpt-2: the value exists
        ({"telecom": [{"value": "1", "_system": EXTENSION}]}, True),  # cpt-2: the system exists
        ({"telecom": [{"value": "1", "_use": EXTENSION}]}, False),
        ({"name": [{"text": 'say "_x"'}]}, True),
    ],
)
def test_what_stands_beside_single_primitives(change: dict[str, Any], is_accepted: bool) -> None:
    tree = changed("Patient", change)
    assert STRUCTS.accepts(tree) is is_accepted
    assert (VALIDATOR.issues("Patient", tree) == ()) >= is_accepted


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(["Date", "DateTime", "Instant", "Code", "Uri", "Url", "Canonical"]),
    st.from_regex(
        r"[0-2]\d{3}(-[01]\d(-[0-3]\d(T[0-2]\d:[0-6]\d:[0-6]\d(\.\d+)?(Z|[+-][01]\d:\d\d))?)?)?", fullmatch=True
    )
    | st.text(alphabet="a \t\n\u00a0-1T:", min_size=1, max_size=8),
)
def test_the_patterns_are_no_wider_than_those_of_the_checks(kind: str, text: str) -> None:
    tree = changed("Patient", {"extension": [{"url": "http://x", f"value{kind}": text}]})
    if STRUCTS.accepts(tree):
        assert VALIDATOR.issues("Patient", tree) == ()


@given(st.text(alphabet="a \t\n\r\u00a0\u2028", min_size=1, max_size=5))
def test_words_are_judged_as_the_checks_do(text: str) -> None:
    for change in (
        {"identifier": [{"system": text}]},
        {"maritalStatus": {"coding": [{"system": "http://x", "code": text}]}},
    ):
        tree = changed("Patient", change)
        assert STRUCTS.accepts(tree) == (VALIDATOR.issues("Patient", tree) == ())


@pytest.mark.parametrize("value", [2**64, -(2**70), "\ud800"])
def test_what_cannot_be_written_is_left_to_the_checks(value: Any) -> None:
    assert not STRUCTS.accepts(changed("Patient", {"extension": [{"url": "http://x", "valueDecimal": value}]}))
