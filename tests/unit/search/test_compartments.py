"""Whose a resource is by its own content, against what the index keeps of it."""

from __future__ import annotations

from typing import Any

import pytest

from resources import definitions, exact
from resources.hashing import Hash
from resources.store import NO_DATE
from search.compartments import has_care_date, is_within, owners, references
from search.indexer import Indexer
from search.intervals import DAY, EARLIEST, LATEST
from search.parameters.date import bounds

from ... import examples

BASE = "http://test/fhir/t"
DEFINED = definitions.load()
INDEXER = Indexer(DEFINED, Hash(b"k" * 16))


def test_every_example_is_in_the_compartments_that_the_index_says() -> None:
    """Of all official examples, and of each kind of compartment."""
    seen = 0
    for _, text in examples.examples():
        tree = exact.decode(text)
        kept = {
            row[0] for row in INDEXER.index(tree["resourceType"], tree["id"], tree, BASE).rows.get("compartment", ())
        }
        found = {INDEXER.hash(kind, one) for kind in DEFINED.compartments for one in owners(INDEXER, kind, tree, BASE)}
        assert found == kept, f"{tree['resourceType']}/{tree['id']}"
        seen += len(found)
    assert seen > 500


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"subject": {"reference": "Patient/a"}, "performer": [{"reference": "Patient/b"}, {"reference": "Device/c"}]},
         {"a", "b"}),
        ({"subject": {"reference": f"{BASE}/Patient/a/_history/3"}}, {"a"}),
        ({"subject": {"reference": "http://elsewhere/Patient/a"}}, set()),
        ({"subject": {"reference": "Group/a"}}, set()),
        ({"subject": {"identifier": {"value": "a"}}}, set()),
        ({"subject": {"reference": "#a"}, "contained": [{"resourceType": "Patient", "id": "a"}]}, set()),
        ({"focus": [{"reference": "Patient/a"}]}, set()),
    ],
)  # fmt: skip
def test_cm_1_the_patients_of_an_observation(tree: dict[str, Any], expected: set[str]) -> None:
    assert owners(INDEXER, "Patient", {"resourceType": "Observation", "id": "o", **tree}, BASE) == expected


@pytest.mark.parametrize(
    ("more", "inside"),
    [
        ({"period": {"start": "2020-01-10", "end": "2020-02-10"}}, True),
        ({"period": {"start": "2019-01-10", "end": "2020-01-15"}}, True),
        ({"period": {"start": "2019-01-10"}}, True),
        ({"period": {"end": "2020-01-15"}}, True),
        ({"period": {"start": "2019-01-10", "end": "2020-01-14"}}, False),
        ({"period": {"start": "2020-01-20"}}, True),
        ({"period": {"start": "2020-01-21"}}, False),
        ({}, True),
    ],
)
def test_exc_02_care_that_touches_a_range_of_dates(more: dict[str, Any], inside: bool) -> None:
    tree = {"resourceType": "Encounter", "id": "e", "status": "planned", "class": {"code": "A"}, **more}
    start, end = bounds("2020-01-15")[0], bounds("2020-01-20")[1]
    assert is_within(INDEXER, tree, BASE, start, end) == inside
    assert is_within(INDEXER, tree, BASE, EARLIEST, LATEST)


def test_a_birth_date_is_no_date_of_care() -> None:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1970-01-01"}
    assert INDEXER.index("Patient", "p", patient, BASE).sort_key > NO_DATE
    assert is_within(INDEXER, patient, BASE, 100 * DAY, 200 * DAY)
    assert [has_care_date(one) for one in ("Patient", "RelatedPerson", "Organization", "Encounter")] == [False] * 3 + [
        True
    ]


def test_references_are_found_wherever_they_are() -> None:
    tree = {
        "resourceType": "DocumentReference",
        "id": "d",
        "subject": {"reference": "Patient/p"},
        "content": [{"attachment": {"url": f"{BASE}/Binary/b"}}],
        "extension": [{"url": "http://x.org/e", "valueReference": {"reference": "Location/l/_history/2"}}],
        "contained": [
            {"resourceType": "Basic", "id": "c", "author": {"reference": "Practitioner/q"}, "code": {"text": "x"}}
        ],
        "author": [
            {"reference": "#c"},
            {"reference": "urn:uuid:1"},
            {"reference": "http://x.org/Patient/z"},
            {"display": "x"},
        ],
        "custodian": {"reference": "Foo/1"},
    }
    found = {(one.resource_type, one.logical_id, one.version_id) for one in references(DEFINED, tree, BASE)}
    assert found == {("Patient", "p", ""), ("Binary", "b", ""), ("Location", "l", "2"), ("Practitioner", "q", "")}
