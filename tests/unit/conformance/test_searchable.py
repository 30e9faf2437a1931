"""What a search may ask, found by asking: it agrees with what a search then does (CA-2, SE-10)."""

from __future__ import annotations

import pytest

from conformance.searchable import Searchable, searchable
from resources.definitions import load
from resources.hashing import Hash
from resources.outcome import FhirError
from search import build
from search.escapes import PREFIXES
from search.indexer import Indexer
from search.names import Names
from search.query import parse

DEFINITIONS = load()
INDEXER = Indexer(DEFINITIONS, Hash(b"of this test alone, and no secret"))
ALL_MODIFIERS = (
    "missing", "exact", "contains", "text", "not", "in", "not-in", "above", "below", "of-type", "identifier", "Patient",
    "type", "near", "iterate",
)  # fmt: skip


def of(resource_type: str) -> dict[str, Searchable]:
    return {one.code: one for one in searchable(INDEXER, resource_type)}


def test_every_parameter_of_r4_is_there_but_for_those_that_need_words() -> None:
    stated = {(name, code) for name in DEFINITIONS.resource_types for code in of(name)}
    known = {
        (name, code)
        for name in DEFINITIONS.resource_types
        for code in Names(DEFINITIONS).parameters((name,))
        if code not in ("_text", "_content")
    }
    assert known - stated == set()
    assert len(stated) > 2_500


def test_what_is_said_of_some_parameters() -> None:
    patient, observation = of("Patient"), of("Observation")
    assert patient["family"].modifiers == ("missing", "contains", "exact")
    assert patient["family"].comparators == ()
    assert patient["birthdate"].comparators == PREFIXES
    assert patient["birthdate"].documentation.startswith("Modifiers: :missing; Comparators: eq ne gt")
    assert observation["value-quantity"].comparators == PREFIXES
    assert of("RiskAssessment")["probability"].comparators == PREFIXES
    assert {"text", "in", "not-in", "above", "below", "not"} <= set(observation["code"].modifiers)
    assert "of-type" in patient["identifier"].modifiers
    assert "of-type" not in observation["code"].modifiers
    assert "text" not in patient["gender"].modifiers
    assert {"[type]", "identifier"} <= set(observation["subject"].modifiers)
    assert sorted(observation["subject"].targets) == ["Device", "Group", "Location", "Patient"]
    assert observation["code-value-quantity"].modifiers == ()


@pytest.mark.parametrize("resource_type", ["Patient", "Observation", "Location", "ValueSet", "Composition"])
def test_ca_2_what_is_not_stated_is_refused_and_what_is_stated_is_done(resource_type: str) -> None:
    values = ["a", "1", "2020", "true", "http://a.example/b", "a|b", "http://a.example|b|c", "Patient/1", "a$1", "a$a"]
    for code, one in of(resource_type).items():
        for modifier in ALL_MODIFIERS:
            shown = "[type]" if modifier == "Patient" else modifier
            done = any(_is_done(resource_type, f"{code}:{modifier}={value}") for value in values)
            points = modifier != "Patient" or "Patient" in one.targets
            assert done is (shown in one.modifiers and points), (code, modifier)


def _is_done(resource_type: str, query: str) -> bool:
    try:
        build.conditions(INDEXER, parse(DEFINITIONS, (resource_type,), query))
    except FhirError:
        return False
    return True
