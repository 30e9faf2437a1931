"""The resources of the benchmarks: Observations of 2 kB, of the shape laboratories send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def observation(n: int) -> dict[str, Any]:
    minute = f"{n % 28 + 1:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"
    return {
        "resourceType": "Observation",
        "identifier": [{"system": "http://lab.example.org/results", "value": f"R-{n:08}"}],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "laboratory",
                        "display": "Laboratory",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {"system": "http://lab.example.org/tests", "code": f"T-{n % 300}", "display": "A measured value"}
            ],
            "text": "A measured value",
        },
        "subject": {"reference": f"Patient/{n % 1000}"},
        "encounter": {"reference": f"Encounter/{n % 5000}"},
        "effectiveDateTime": f"2025-03-{minute}",
        "issued": f"2025-04-{minute}",
        "performer": [{"reference": f"Practitioner/{n % 50}", "display": "The laboratory"}],
        "valueQuantity": {
            "value": Decimal(f"{n % 90}.{n % 100:02}"),
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
        "referenceRange": [
            {
                "low": {
                    "value": Decimal("3.50"),
                    "unit": "mmol/L",
                    "system": "http://unitsofmeasure.org",
                    "code": "mmol/L",
                },
                "high": {
                    "value": Decimal("5.10"),
                    "unit": "mmol/L",
                    "system": "http://unitsofmeasure.org",
                    "code": "mmol/L",
                },
            }
        ],
        "note": [{"text": "Sample received in good order; measured twice, the mean is reported. " * 12}],
    }


def bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A transaction that creates these resources."""
    entries = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
