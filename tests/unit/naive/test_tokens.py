"""The oracle's tokens against the words of the specification."""

from __future__ import annotations

from typing import Any

import pytest

from tests.naive.tokens import has_token, token_matches
from tests.naive.values import Refused, Value, World

CODES: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "id": "c",
    "url": "urn:animals",
    "concept": [
        {"code": "animal", "concept": [{"code": "cat"}, {"code": "dog"}]},
        {"code": "pet"},
        {"code": "poodle", "property": [{"code": "parent", "valueCode": one} for one in ("dog", "pet")]},
    ],
}
DOGS: dict[str, Any] = {
    "resourceType": "ValueSet",
    "id": "v",
    "url": "urn:dogs",
    "version": "1",
    "compose": {
        "include": [
            {"system": "urn:animals", "filter": [{"property": "concept", "op": "is-a", "value": "dog"}]},
            {"system": "urn:other", "concept": [{"code": "wolf"}]},
        ],
        "exclude": [{"system": "urn:animals", "concept": [{"code": "dog"}]}],
    },
}
WORLD = World([CODES, DOGS])


def coding(system: str | None, code: str | None, **more: str) -> dict[str, str]:
    return {key: value for key, value in {"system": system, "code": code, **more}.items() if value}


def concept(*codings: dict[str, str], **more: str) -> Value:
    return Value("CodeableConcept", {"coding": list(codings), **more})


BOTH = concept(coding("urn:a", "x"), coding("urn:b", "y"))
NRIC = Value(
    "Identifier", {"system": "urn:i", "value": "12", "type": {"coding": [coding("urn:t", "MR")], "text": "Record no"}}
)


@pytest.mark.parametrize(
    ("stored", "search", "found"),
    [
        # TK-1: the four forms
        (BOTH, "x", True),
        (BOTH, "urn:a|x", True),
        (BOTH, "urn:b|x", False),
        (BOTH, "|x", False),
        (BOTH, "urn:a|", True),
        (BOTH, "urn:c|", False),
        (concept(coding(None, "x")), "|x", True),
        (concept(coding(None, "x")), "x", True),
        (concept(coding(None, "x")), "urn:a|x", False),
        (Value("Coding", coding("urn:a", "x")), "urn:a|x", True),
        (NRIC, "urn:i|12", True),
        (NRIC, "|12", False),
        (NRIC, "MR", False),
        (Value("ContactPoint", {"system": "phone", "value": "+1 (2)"}), "+1 (2)", True),
        (Value("ContactPoint", {"system": "phone", "value": "1"}), "phone", False),
        (Value("boolean", True), "true", True),
        (Value("boolean", False), "true", False),
        (Value("string", "AbC"), "abc", True),
        (Value("Quantity", {"code": "x"}), "x", False),
        # TK-2
        (BOTH, "X", True),
        (BOTH, "urn:A|x", False),
        (Value("code", "final"), "FINAL", False),
        (Value("id", "Ab"), "ab", False),
        # TK-9
        (Value("code", "final", systems=("urn:s",)), "urn:s|final", True),
        (Value("code", "final", systems=("urn:s",)), "|final", False),
        (Value("code", "final", systems=("urn:s",)), "urn:s|", True),
        (Value("code", "final"), "|final", True),
        (concept(coding(None, "a|b")), r"a\|b", True),
    ],
)
def test_tk1_tk2_tk9(stored: Value, search: str, found: bool) -> None:
    assert token_matches(stored, "", search, WORLD) is found


@pytest.mark.parametrize(
    ("stored", "search", "found"),
    [
        (concept(text="Headache, severe"), "head", True),
        (concept(text="Headache, severe"), "severe", False),
        (concept(coding(None, "x", display="Cephalgia")), "CEPH", True),
        (NRIC, "record", True),
        (Value("Coding", coding(None, "x", display="Été")), "ete", True),
        (concept(coding(None, "head")), "head", False),
    ],
)
def test_tk4_text(stored: Value, search: str, found: bool) -> None:
    assert token_matches(stored, "text", search, WORLD) is found


def test_tk5_in_a_value_set() -> None:
    poodle, dog = concept(coding("urn:animals", "poodle")), concept(coding("urn:animals", "dog"))
    for name in ("urn:dogs", "urn:dogs|1", "ValueSet/v", "http://test/fhir/t/ValueSet/v"):
        assert token_matches(poodle, "in", name, WORLD)
        assert not token_matches(dog, "in", name, WORLD)
    assert token_matches(concept(coding("urn:other", "wolf")), "in", "urn:dogs", WORLD)
    assert not token_matches(concept(coding("urn:animals", "wolf")), "in", "urn:dogs", WORLD)
    for name in ("urn:none", "urn:dogs|2"):
        with pytest.raises(Refused):
            token_matches(poodle, "in", name, WORLD)


@pytest.mark.parametrize(
    ("code", "modifier", "search", "found"),
    [
        ("poodle", "below", "urn:animals|animal", True),
        ("poodle", "below", "urn:animals|pet", True),
        ("poodle", "below", "animal", True),
        ("poodle", "below", "urn:animals|poodle", True),
        ("poodle", "below", "urn:animals|cat", False),
        ("animal", "below", "urn:animals|poodle", False),
        ("animal", "above", "urn:animals|poodle", True),
        ("cat", "above", "urn:animals|poodle", False),
        ("poodle", "below", "urn:other|animal", False),
    ],
)
def test_tk7_below_and_above(code: str, modifier: str, search: str, found: bool) -> None:
    assert token_matches(concept(coding("urn:animals", code)), modifier, search, WORLD) is found


def test_tk7_mime_types_by_their_base_part() -> None:
    stored = Value("code", "text/xml; charset=UTF-8", mime=True)
    assert token_matches(stored, "below", "text/xml", WORLD)
    assert not token_matches(stored, "below", "text", WORLD)
    assert not token_matches(stored, "", "text/xml", WORLD)


def test_tk8_of_type_is_about_one_identifier() -> None:
    assert token_matches(NRIC, "of-type", "urn:t|MR|12", WORLD)
    assert token_matches(NRIC, "ofType", "urn:t|MR|12", WORLD)
    assert not token_matches(NRIC, "of-type", "urn:t|MR|13", WORLD)
    assert not token_matches(NRIC, "of-type", "urn:u|MR|12", WORLD)
    for text in ("urn:t|MR", "|MR|12", "urn:t||12", "urn:t|MR|"):
        with pytest.raises(Refused):
            token_matches(NRIC, "of-type", text, WORLD)


def test_mi1_what_a_token_could_match() -> None:
    assert has_token(concept(text="x"))
    assert has_token(concept(coding(None, None, display="x")))
    assert not has_token(concept())
    assert not has_token(Value("Identifier", {"use": "usual"}))
