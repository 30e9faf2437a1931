"""OPERATIONS: where each is, by which methods, and that our own are defined as the official ones are."""

from __future__ import annotations

import pytest

from fhir_server.operations import (
    OPERATIONS,
    OWN,
    Operation,
    canonical,
    definition_of,
    find_operation,
    is_on,
    levels,
    methods,
    of_system,
    of_type,
)
from resources.definitions import load
from resources.outcome import NotFound
from resources.validation.validator import Validator

BASE = "http://fhir.example/fhir/default"
ROWS = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.definition)


@ROWS
def test_every_operation_is_one_that_is_defined(row: Operation) -> None:
    official = {operation["id"]: operation["url"] for operation in load().operations}
    assert (row.definition in official) != (row.definition in OWN)
    assert definition_of(row).code == row.code
    assert canonical(row, BASE) == official.get(row.definition, f"{BASE}/_operation/{row.definition}")


@ROWS
def test_every_operation_is_somewhere(row: Operation) -> None:
    assert levels(row)
    assert not set(row.levels) - set(levels(row))
    assert any(is_on(row, name) for name in load().resource_types) or levels(row) == ("system",)


@pytest.mark.parametrize("name", OWN)
def test_our_own_definitions_are_valid(name: str) -> None:
    assert Validator(load()).check("OperationDefinition", OWN[name]) == ()
    assert OWN[name]["id"] == name


def codes(rows: tuple[Operation, ...]) -> set[str]:
    return {row.code for row in rows}


def test_a_type_has_its_own_operations_and_those_of_all() -> None:
    assert codes(of_type("Patient")) - codes(of_type("Basic")) == {"everything"}
    assert codes(of_type("Observation")) - codes(of_type("Basic")) == {"lastn"}
    assert {"meta", "meta-add", "meta-delete"} <= codes(of_type("Basic"))
    assert {"meta", "revalidate"} <= codes(of_system())
    assert not {"validate", "everything"} & codes(of_system())


@pytest.mark.parametrize(
    ("path", "definition"),
    [
        (("$meta",), "Resource-meta"),
        (("Patient", "$meta"), "Resource-meta"),
        (("Patient", "1", "$meta"), "Resource-meta"),
        (("Patient", "1", "_history", "2", "$meta"), "Resource-meta"),
        (("Patient", "1", "$everything"), "Patient-everything"),
        (("Encounter", "1", "$everything"), "Encounter-everything"),
        (("Observation", "$lastn"), "Observation-lastn"),
        (("Basic", "1", "$diff"), "Resource-diff"),
        (("Basic", "1", "_history", "3", "$diff"), "Resource-diff"),
    ],
)
def test_an_operation_is_found_where_it_is(path: tuple[str, ...], definition: str) -> None:
    assert find_operation(path).definition == definition


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (("$nonsense",), "$meta"),
        (("$",), "$meta"),
        (("$everything",), "$meta"),
        (("$meta-add",), "$meta"),
        (("Patient", "$everything"), "$meta"),
        (("Patient", "$lastn"), "$meta"),
        (("Basic", "1", "$everything"), "$meta-delete"),
        (("Patient", "1", "_history", "1", "$everything"), "$meta"),
        (("Patient", "1", "_history", "$meta"), "none"),
    ],
)
def test_ur_3_an_unknown_operation_names_those_of_its_place(path: tuple[str, ...], known: str) -> None:
    with pytest.raises(NotFound) as error:
        find_operation(path)
    [issue] = error.value.issues
    assert issue.code == "not-supported"
    assert known in issue.diagnostics


def test_get_is_for_what_changes_nothing_and_takes_plain_values() -> None:
    by_definition = {row.definition: methods(row) for row in OPERATIONS}
    assert by_definition["Resource-meta"] == ("GET", "POST")
    assert by_definition["Patient-everything"] == ("GET", "POST")
    assert by_definition["Resource-meta-add"] == by_definition["Resource-meta-delete"] == ("POST",)
    submit = Operation("submit", "Claim-submit", OPERATIONS[0].run)  # takes a resource
    assert methods(submit) == ("POST",)
