"""What one level of includes asks the database for, and in which order: IN-1 to IN-4, IN-6."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from resources.definitions import load
from resources.hashing import Hash
from resources.store import Version
from search.criteria import Include
from search.includes import _wanted
from search.indexer import Indexer
from search.levels import Wanted

DEFINITIONS = load()
INDEXER = Indexer(DEFINITIONS, Hash(b"of this test alone, and no secret"))
BASE = "http://a.example/fhir/t"
URL = "http://b.example/ValueSet/v"


def version(tree: dict[str, Any]) -> Version:
    return Version(
        tree["resourceType"], tree["id"], 1, datetime(2026, 3, 1, tzinfo=UTC), "PUT", orjson.dumps(tree).decode()
    )


def wanted(tree: dict[str, Any], value: str, forward: bool = True) -> Wanted:
    source, _, rest = value.partition(":")
    code, _, target = rest.partition(":")
    include = Include(forward, False, source, code or "*", target or None)
    return _wanted(INDEXER, [include], [(version(tree), None)], BASE)


def targets(tree: dict[str, Any], value: str) -> set[str]:
    """Type/id, with the version where one is named."""
    found = wanted(tree, value)
    return {
        f"{DEFINITIONS.type_name(number)}/{logical_id}" + (f"/{version_id}" if version_id else "")
        for (_, version_id), (number, logical_id) in found.keys.items()
    }


OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "contained": [{"resourceType": "Practitioner", "id": "c"}],
    "subject": {"reference": "Patient/p"},
    "encounter": {"reference": f"{BASE}/Encounter/e"},
    "device": {"reference": "http://elsewhere.example/fhir/Device/d"},
    "specimen": {"reference": "Specimen/s/_history/3"},
    "performer": [{"reference": "#c"}, {"identifier": {"value": "x"}}, {"reference": "Organization/g"}],
    "derivedFrom": [{"reference": "Media/m/_history/x"}, {"reference": "Nothing/n"}],
}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Observation:subject", {"Patient/p"}),
        ("Observation:subject:Patient", {"Patient/p"}),
        ("Observation:subject:Group", set()),
        ("Observation:patient", {"Patient/p"}),
        ("Observation:encounter", {"Encounter/e"}),
        ("Observation:device", set()),
        ("Observation:specimen", {"Specimen/s/3"}),
        ("Observation:performer", {"Organization/g"}),
        ("Observation:derived-from", set()),
        ("Patient:link", set()),
        ("Observation:*", {"Patient/p", "Encounter/e", "Specimen/s/3", "Organization/g"}),
        ("*", {"Patient/p", "Encounter/e", "Specimen/s/3", "Organization/g"}),
    ],
)
def test_in_1_in_3_in_4_what_a_resource_points_to(value: str, found: set[str]) -> None:
    assert targets(OBSERVATION, value) == found


def test_in_4_a_canonical_reference_asks_for_the_url_of_each_type_it_may_point_to() -> None:
    tree = {"resourceType": "ConceptMap", "id": "m", "sourceCanonical": f"{URL}|2", "targetUri": URL}
    for value, versions in (("ConceptMap:source", {"2"}), ("ConceptMap:target-uri", {""}), ("ConceptMap:*", {"", "2"})):
        found = wanted(tree, value)
        assert not found.keys
        [(_, number)] = found.urls
        [(_, url, asked)] = found.urls.values()
        assert (DEFINITIONS.type_name(number), url, asked) == ("ValueSet", URL, versions)


def test_in_1_in_3_what_points_to_a_resource() -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    q = {
        code: INDEXER.parameters("Observation")[code].pointing for code in ("subject", "patient", "performer", "focus")
    }
    h = INDEXER.hash("Patient", "p")
    assert wanted(patient, "Observation:subject", False).postings == {(q["subject"], h)}
    assert wanted(patient, "Observation:subject:Patient", False).postings == {(q["subject"], h)}
    assert wanted(patient, "Observation:subject:Group", False).postings == set()
    assert wanted(patient, "Observation:encounter", False).postings == set()
    of_observations = wanted(patient, "Observation:*", False).postings
    assert of_observations == {(one, h) for one in q.values()}
    assert of_observations < wanted(patient, "*", False).postings
    assert not wanted(patient, "*", False).keys


def test_in_4_what_points_to_a_canonical_url() -> None:
    tree = {"resourceType": "ValueSet", "id": "v", "url": URL}
    q = INDEXER.parameters("ConceptMap")["source"].pointing
    assert (q, INDEXER.hash("url", URL)) in wanted(tree, "ConceptMap:source", False).postings
    without = {"resourceType": "ValueSet", "id": "v"}
    assert (q, INDEXER.hash("url", URL)) not in wanted(without, "ConceptMap:source", False).postings


def test_the_references_of_a_contained_match_are_those_that_count() -> None:
    inside = {"resourceType": "Practitioner", "id": "c"}
    include = Include(True, False, "*", "*", None)
    assert not _wanted(INDEXER, [include], [(version(OBSERVATION), inside)], BASE)
