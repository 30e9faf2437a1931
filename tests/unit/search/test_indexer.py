"""The rows of a resource."""

from __future__ import annotations

import time
from typing import Any

import pytest

from resources import exact
from resources.outcome import FhirError
from resources.store import NO_DATE
from search.indexer import COLUMNS, FLOOR
from search.parameters import is_indexed

from ...examples import examples
from .parameter_of import BASE, INDEXER, R4, parameter_of

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]},
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}], "text": "Glucose"},
    "subject": {"reference": "Patient/1"},
    "encounter": {"reference": "Encounter/2"},
    "effectiveDateTime": "2014-09-08T10:12:32-04:00",
    "issued": "2014-09-08T10:12:32.123-04:00",
    "valueQuantity": {"value": 6, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
}


def index(tree: dict[str, Any]) -> Any:
    return INDEXER.index(tree["resourceType"], tree["id"], tree, BASE)


def test_rows_have_the_columns_of_their_tables() -> None:
    indexed = index(OBSERVATION)
    columns = {table.name: len(table.columns) for table in FLOOR.tables}
    assert {name: {len(row) for row in rows} for name, rows in indexed.rows.items()} == {
        name: {columns[name]} for name in ("posting", "dat", "qty", "uri")
    }
    assert indexed.sort_key == 1_410_185_552_000_000


def test_keys_are_the_postings() -> None:
    indexed = index(OBSERVATION)
    pairs = list(zip(indexed.keys[::2], indexed.keys[1::2], strict=True))
    assert pairs == indexed.rows["posting"]
    assert len(set(pairs)) == len(pairs)


def test_a_resource_without_a_date() -> None:
    assert index({"resourceType": "Patient", "id": "p"}).sort_key == NO_DATE


def test_what_the_columns_of_the_resource_serve_has_no_rows() -> None:
    indexed = index({"resourceType": "Basic", "id": "b", "meta": {"lastUpdated": "2020-01-01T00:00:00Z"}})
    assert indexed.rows == {"posting": []}


def test_every_official_example_is_indexed_within_bounds() -> None:
    """Every value of every table fits its column, and no type of resource is forgotten."""
    seen, rows = set(), 0
    for _, text in examples():
        try:
            tree = exact.decode(text)
        except FhirError:
            continue
        if "id" not in tree:
            continue
        indexed = index(tree)
        seen.add(tree["resourceType"])
        for h, q in indexed.rows["posting"]:
            assert -(2**63) <= h < 2**63
            assert -(2**31) < q < 2**31
        for _, value, _ in indexed.rows.get("str", ()):
            assert len(value.encode()) < 2_400
        for number, lo, hi in indexed.rows.get("dat", ()):
            assert -(2**15) < number < 2**15
            assert -(2**63) <= lo < hi < 2**63
        rows += sum(map(len, indexed.rows.values()))
    assert len(seen) > 100
    assert rows > 10_000


@pytest.mark.parametrize("resource_type", ["Observation", "Patient", "Bundle", "Parameters", "Binary"])
def test_parameters_of_a_type(resource_type: str) -> None:
    parameters = INDEXER.parameters(resource_type)
    assert set(parameters) == set(R4.parameters_of(resource_type))
    for code, parameter in parameters.items():
        if is_indexed(parameter.definition):
            assert parameter.types, code


def test_a_primary_date_is_marked() -> None:
    assert parameter_of("Observation", "date").primary
    assert not parameter_of("Observation", "value-date").primary
    assert {"_id", "_lastUpdated"} == COLUMNS


def test_indexing_takes_microseconds() -> None:
    """The hot path of a write: 60 µs for an Observation of 1 kB, with room for a busy machine."""
    index(OBSERVATION)
    best = min(_timed() for _ in range(20))
    assert best < 120e-6


def _timed() -> float:
    begin = time.perf_counter()
    for _ in range(20):
        index(OBSERVATION)
    return (time.perf_counter() - begin) / 20
