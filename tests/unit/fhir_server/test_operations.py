"""OPERATIONS: each row is an operation of the specification."""

from fhir_server.operations import OPERATIONS
from resources.definitions import load


def test_every_operation_is_one_that_is_defined() -> None:
    defined = {(operation["code"], operation["url"]) for operation in load().operations}
    assert {(operation.code, operation.definition) for operation in OPERATIONS} <= defined
