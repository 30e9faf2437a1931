"""The rows of a resource."""

from __future__ import annotations

import time
from typing import Any

import pytest

from resources import exact
from resources.outcome import FhirError
from resources.store import NO_DATE
from search.indexer import COLUMNS, FLOOR

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

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "http://x.org", "value": "17"}],
    "name": [{"family": "Chalmers"}],
}
LOCATION: dict[str, Any] = {"resourceType": "Location", "id": "l", "position": {"latitude": 52, "longitude": 5}}
QUESTIONNAIRE: dict[str, Any] = {"resourceType": "Questionnaire", "id": "q", "url": "http://x.org/q", "status": "draft"}


def index(tree: dict[str, Any]) -> Any:
    return INDEXER.index(tree["resourceType"], tree["id"], tree, BASE)


def width(name: str) -> int:
    """How many columns rows of the table have, with the rows of a contained resource as one."""
    [table] = [table for table in FLOOR.tables if table.name == name]
    return len(table.columns) + table.parts


def test_rows_have_the_columns_of_their_tables() -> None:
    tree = {**OBSERVATION, "contained": [{**PATIENT, "id": "c"}], "subject": {"reference": "#c"}}
    for rows in (index(tree).rows, index(PATIENT).rows, index(LOCATION).rows, index(QUESTIONNAIRE).rows):
        for name, of_table in rows.items():
            assert {len(row) for row in of_table} <= {width(name)}, name
    assert set(index(tree).rows) >= {"posting", "dat", "qty", "compartment", "contained", "code"}
    assert set(index(PATIENT).rows) >= {"posting", "str", "compartment"}
    assert "geo" in index(LOCATION).rows
    assert "uri" in index(QUESTIONNAIRE).rows
    assert index(OBSERVATION).sort_key == 1_410_185_552_000_000


def test_keys_are_the_postings() -> None:
    indexed = index(OBSERVATION)
    pairs = list(zip(indexed.keys[::2], indexed.keys[1::2], strict=True))
    assert pairs == indexed.rows["posting"]
    assert len(set(pairs)) == len(pairs)


def test_a_resource_without_a_date() -> None:
    assert index({"resourceType": "Patient", "id": "p"}).sort_key == NO_DATE


def test_a_resource_is_in_the_compartments_it_points_to() -> None:
    """CM-1: by the parameters that the CompartmentDefinition lists, and no others."""
    tree = {**OBSERVATION, "performer": [{"reference": "Organization/3"}, {"reference": "Practitioner/4"}]}
    inside = {INDEXER.hash(*one) for one in (("Patient", "1"), ("Encounter", "2"), ("Practitioner", "4"))}
    assert {ckey for (ckey,) in index(tree).rows["compartment"]} == inside
    elsewhere = {**OBSERVATION, "subject": {"reference": "http://other.org/Patient/1"}, "encounter": {"display": "?"}}
    assert "compartment" not in index(elsewhere).rows


@pytest.mark.parametrize("resource_type", ["Patient", "Encounter", "Practitioner", "RelatedPerson", "Device"])
def test_a_resource_is_in_its_own_compartment(resource_type: str) -> None:
    rows = INDEXER.index(resource_type, "x", {"resourceType": resource_type}, BASE).rows
    assert rows["compartment"] == [(INDEXER.hash(resource_type, "x"),)]
    assert "compartment" not in INDEXER.index("Basic", "x", {"resourceType": "Basic"}, BASE).rows


def test_every_compartment_has_its_parameters() -> None:
    """What the compartment definitions list and nothing besides."""
    for resource_type in R4.resource_types:
        for code, parameter in INDEXER.parameters(resource_type).items():
            listed = {name for name, types in R4.compartments.items() if code in types.get(resource_type, ())}
            assert parameter.compartments == listed, (resource_type, code)
    assert parameter_of("Observation", "subject").compartments == {"Patient", "Device"}


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
        every = [indexed.rows, *(row[-1] for row in indexed.rows.get("contained", ()))]
        rows += sum(map(_within_bounds, every))
    assert len(seen) > 100
    assert rows > 10_000


def _within_bounds(rows: dict[str, list[tuple[Any, ...]]]) -> int:
    """How many rows there are; all fit their columns and indexes."""
    for name, of_table in rows.items():
        for row in of_table:
            for value in row:
                if isinstance(value, str) and name != "contained":
                    assert len(value.encode()) < 2_400, name
    for h, q in rows["posting"]:
        assert -(2**63) <= h < 2**63
        assert -(2**31) < q < 2**31
    for number, lo, hi in rows.get("dat", ()):
        assert -(2**15) < number < 2**15
        assert -(2**63) <= lo < hi < 2**63
    for _, _, _, lo, hi, *_, clo, chi in rows.get("qty", ()):
        assert lo < hi
        assert clo <= chi
    assert len(set(rows["posting"])) == len(rows["posting"])
    return sum(map(len, rows.values()))


@pytest.mark.parametrize("resource_type", ["Observation", "Patient", "Bundle", "Parameters", "Binary"])
def test_parameters_of_a_type(resource_type: str) -> None:
    parameters = INDEXER.parameters(resource_type)
    assert set(parameters) == set(R4.parameters_of(resource_type))
    for code, parameter in parameters.items():
        if parameter.definition.expression and parameter.definition.type != "composite":
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
