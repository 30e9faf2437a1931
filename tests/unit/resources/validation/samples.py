"""Small valid resources, and the ways the cases change them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Json = dict[str, Any]

XHTML = "http://www.w3.org/1999/xhtml"
UCUM = "http://unitsofmeasure.org"
EXTENSION: Json = {"url": "http://example.org/x", "valueString": "a"}
GONE = object()
ABSENT: Json = {"extension": [{"url": "http://example.org/absent", "valueCode": "unknown"}]}

VALID: dict[str, Json] = {
    "Patient": {"resourceType": "Patient", "id": "p1", "name": [{"family": "Weber", "given": ["Anna", "B."]}]},
    "Observation": {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Pulse"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-02-28T10:00:00+01:00",
        "valueQuantity": {"value": Decimal("72.0"), "unit": "/min", "system": UCUM, "code": "/min"},
        "component": [{"code": {"text": "first"}}, {"code": {"text": "second"}, "valueInteger": 1}],
    },
    "Condition": {
        "resourceType": "Condition",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "subject": {"reference": "Patient/p1"},
    },
    "MedicationRequest": {
        "resourceType": "MedicationRequest",
        "contained": [{"resourceType": "Medication", "id": "m"}],
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "#m"},
        "subject": {"reference": "Patient/p1"},
    },
    "Binary": {"resourceType": "Binary", "contentType": "text/plain", "data": "aGVsbG8="},
    "Bundle": {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient"}}, {"resource": {"resourceType": "Patient"}}],
    },
    "Parameters": {"resourceType": "Parameters", "parameter": [{"name": "a", "valueString": "b"}]},
    "Questionnaire": {
        "resourceType": "Questionnaire",
        "status": "draft",
        "item": [{"linkId": "1", "type": "group", "item": [{"linkId": "2", "type": "string"}]}],
    },
    "StructureDefinition": {
        "resourceType": "StructureDefinition",
        "url": "http://example.org/s",
        "name": "S",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "differential": {"element": [{"path": "Patient"}]},
    },
    "CodeSystem": {"resourceType": "CodeSystem", "status": "draft", "content": "complete", "concept": [{"code": "a"}]},
    "ValueSet": {
        "resourceType": "ValueSet",
        "status": "draft",
        "compose": {"include": [{"system": "http://example.org/a", "concept": [{"code": "a"}]}]},
    },
    "ActivityDefinition": {"resourceType": "ActivityDefinition", "status": "draft"},
    "EffectEvidenceSynthesis": {
        "resourceType": "EffectEvidenceSynthesis",
        "status": "draft",
        **{name: {"reference": "EvidenceVariable/1"} for name in ("population", "exposure")},
        **{name: {"reference": "EvidenceVariable/1"} for name in ("exposureAlternative", "outcome")},
    },
}


def changed(on: str, change: Json) -> Json:
    return {name: value for name, value in {**VALID[on], **change}.items() if value is not GONE}


def div(inside: str, attributes: str = "") -> Json:
    return {"text": {"status": "generated", "div": f'<div xmlns="{XHTML}"{attributes}>{inside}</div>'}}


def div_by_extension() -> Json:
    return {"text": {**div("x")["text"], "_div": ABSENT}}


def name(**elements: Any) -> Json:
    return {"name": [elements]}


def quantity(**elements: Any) -> Json:
    return {"valueQuantity": elements}


def extension(**elements: Any) -> Json:
    return {"extension": [{"url": "http://example.org/x", **elements}]}


def contained(**elements: Any) -> Json:
    return {"contained": [{"resourceType": "Medication", "id": "m", **elements}]}
