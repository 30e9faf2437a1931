"""Expressions asked of one small Patient, for the tests of every part of FHIRPath."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from resources.definitions import load
from resources.fhirpath import Outside, compile
from resources.fhirpath.evaluation import NOTHING, plain
from resources.fhirpath.functions.conversion import to_string

DEFINITIONS = load()
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim", None], "_given": [None, {"extension": [{"url": "u", "valueCode": "c"}]}]},
    ],
    "birthDate": "1974-12-25",
    "_birthDate": {"id": "b", "extension": [{"url": "http://x/time", "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
    "_gender": {"extension": [{"url": "u", "valueString": "asked"}]},
    "multipleBirthInteger": 2,
    "generalPractitioner": [{"reference": "#o"}, {"reference": "Practitioner/1"}],
    "contained": [
        {
            "resourceType": "Observation",
            "id": "o",
            "status": "final",
            "code": {"coding": [{"system": "s", "code": "c"}]},
            "subject": {"reference": "#"},
            "valueQuantity": {
                "value": Decimal("185.0"),
                "unit": "lbs",
                "system": "http://unitsofmeasure.org",
                "code": "[lb_av]",
            },
            "component": [{"code": {"text": "a"}, "valueInteger": 3, "referenceRange": [{"text": "r"}]}],
        }
    ],
}


def ask(text: str, /, tree: dict[str, Any] | None = None, outside: Outside = NOTHING, **variables: Any) -> list[Any]:
    """What the expression gives, as System values; the JSON value of elements that have none."""
    items = compile(text).items(DEFINITIONS, tree or PATIENT, outside=outside, variables=variables)
    return [value if (value := plain(item)) is not None else getattr(item, "value", None) for item in items]


def written(text: str, tree: dict[str, Any] | None = None, outside: Outside = NOTHING) -> list[str | None]:
    """What the expression gives, as toString() writes it."""
    return [to_string(value) for value in ask(text, tree, outside)]
