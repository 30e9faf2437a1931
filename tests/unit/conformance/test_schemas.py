"""Light JSON Schemas: what the definitions say of types, in the words of JSON Schema."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from conformance.schemas import schemas
from resources import exact
from resources.definitions import load
from resources.outcome import FhirError
from resources.validation.validator import Validator

from ...examples import examples

SCHEMAS = schemas(load())


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    document = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema_rs.Draft202012Validator(document)


def faults(name: str, value: Any) -> list[str]:
    return [f"{error.instance_path} {error.message}" for error in validator(name).iter_errors(value)]


def test_every_type_has_one() -> None:
    assert {*load().resource_types, "HumanName", "date", "Resource"} <= set(SCHEMAS)
    assert not {"Element", "DomainResource", "BackboneElement"} & set(SCHEMAS)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"resourceType": "Patient"}, True),
        ({"resourceType": "Observation"}, False),
        ({}, False),
        ({"resourceType": "Patient", "birthDate": "2024-02"}, True),
        ({"resourceType": "Patient", "birthDate": "2024-13"}, False),
        ({"resourceType": "Patient", "active": "true"}, False),
        ({"resourceType": "Patient", "gender": "male"}, True),
        ({"resourceType": "Patient", "gender": "x"}, False),
        ({"resourceType": "Patient", "name": {"family": "a"}}, False),
        ({"resourceType": "Patient", "name": []}, False),
        ({"resourceType": "Patient", "name": [{"family": "a", "given": ["b"]}]}, True),
        ({"resourceType": "Patient", "name": [{"family": ["a"]}]}, False),
        ({"resourceType": "Patient", "multipleBirthInteger": 2, "deceasedDateTime": "2024"}, True),
        ({"resourceType": "Patient", "multipleBirthInteger": 2**31}, False),
        ({"resourceType": "Patient", "contained": [{"resourceType": "Observation"}]}, True),
        ({"resourceType": "Patient", "contained": [{"resourceType": "X"}]}, False),
    ],
)
def test_what_fits(value: Any, fits: bool) -> None:
    assert (faults("Patient", value) == []) is fits


def test_what_must_be_there_is_required() -> None:
    assert set(SCHEMAS["Observation"]["required"]) == {"resourceType", "status", "code"}
    assert "value" not in SCHEMAS["Observation"]["properties"]
    assert SCHEMAS["Observation"]["properties"]["valueQuantity"] == {"$ref": "#/components/schemas/Quantity"}


def test_what_the_server_accepts_fits() -> None:
    """Every official example but those that break the base rules themselves."""
    check, judged, wrong = Validator(load()).check, 0, {}
    for name, text in examples():
        tree = json.loads(text)
        try:
            check(tree["resourceType"], exact.decode(text))
        except FhirError:
            continue
        judged += 1
        if found := faults(tree["resourceType"], tree):
            wrong[name] = found
    assert judged > 750
    assert wrong == {}
