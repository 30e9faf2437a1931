"""The smallest valid resource of each type, made from the definitions."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

from resources import definitions
from resources.elements import Element, TypeRef
from resources.validation.bindings import MIME_TYPES

Json = dict[str, Any]

DEFINITIONS = definitions.load()
GONE: Any = object()
DAY, LATER, NOW = "2024-01-01", "2024-01-02", "2024-01-01T10:00:00Z"
CC: Json = {"text": "a"}
EXTENSION = [{"url": "http://example.org/x", "valueString": "a"}]
DIV: Json = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'}
BASIC: Json = {"resourceType": "Basic", "code": CC}
EXPRESSION: Json = {"language": "text/cql", "expression": "a"}
TERMS = "http://terminology.hl7.org/CodeSystem/"

_VALUES: Json = {
    "boolean": False, "integer": 1, "positiveInt": 1, "unsignedInt": 1, "decimal": Decimal("1.0"), "base64Binary": "aGk=",
    "instant": NOW, "date": DAY, "dateTime": DAY, "time": "10:00:00", "oid": "urn:oid:1.2", "CodeableConcept": CC,
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "canonical": "http://example.org/a", "Narrative": DIV,
    "uri": "http://example.org/a", "url": "http://example.org/a", "Coding": {"code": "a"}, "Identifier": {"value": "a"},
    "Period": {"start": DAY}, "Annotation": {"text": "a"}, "Attachment": {"title": "a"}, "Expression": EXPRESSION,
    "Quantity": {"value": 1}, "Resource": BASIC, "Money": {"value": 1}, "TriggerDefinition": {"type": "named-event", "name": "a"},
    "Signature": {"type": [{"code": "a"}], "when": NOW, "who": {"display": "a"}}, "DataRequirement": {"type": "Patient"},
    "UsageContext": {"code": {"code": "a"}, "valueCodeableConcept": CC}, "ElementDefinition": {"path": "a"},
    "Duration": {"unit": "a"}, "MarketingStatus": {"country": CC, "status": CC, "dateRange": {"start": DAY}},
    "Dosage": {"text": "a"},
}  # fmt: skip


def minimal(resource_type: str) -> Json:
    """What R4 requires of a resource of the type, and of some what makes it keep its invariants."""
    return deepcopy({"resourceType": resource_type, **required(resource_type), **ALWAYS.get(resource_type, {})})


def changed(resource_type: str, elements: Json) -> Json:
    found = {**minimal(resource_type), **deepcopy(elements)}
    return {name: value for name, value in found.items() if elements.get(name) is not GONE}


def ref(resource_type: str = "Patient") -> Json:
    return {"reference": f"{resource_type}/1"}


def coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def entries(kind: str, *several: Json, **elements: Any) -> Json:
    return {"type": kind, "entry": list(several), **elements}


def required(path: str) -> Json:
    """The required elements of a type, or of an element that has its own."""
    structure = DEFINITIONS.structures[path.partition(".")[0]]
    found = {}
    for element in structure.children[path]:
        if element.minimum:
            one = element.types[0]
            value = _value(element, one)
            found[element.json_name(one)] = [value] if element.many else value
    return found


def _value(element: Element, one: TypeRef) -> Any:
    if one.code == "BackboneElement":
        return required(element.path) or {"extension": EXTENSION}
    if one.code == "Reference":
        return {"display": "a"}
    codes = DEFINITIONS.codes(element.binding) if element.binding else None
    if codes and one.code in ("code", "CodeableConcept"):
        system, several = min(codes.items())
        return min(several) if one.code == "code" else coded(system, min(several))
    if element.binding == MIME_TYPES:
        return "text/plain"
    return "A" if element.name == "name" else _VALUES.get(one.code, "a")


STATED, CLINICAL = TERMS + "condition-clinical", TERMS + "allergyintolerance-clinical"

# What a type needs besides its required elements to keep its invariants.
ALWAYS: dict[str, Json] = {
    "AllergyIntolerance": {"clinicalStatus": coded(CLINICAL, "active")},
    "Appointment": {"status": "proposed", "participant": [{"status": "accepted", "actor": ref()}]},
    "AppointmentResponse": {"actor": ref()},
    "Bundle": {"type": "collection"},
    "CapabilityStatement": {"kind": "requirements", "description": "a", "rest": [{"mode": "server"}]},
    "Condition": {"clinicalStatus": coded(STATED, "active")},
    "Consent": {"policyRule": CC, "patient": ref()},
    "Group": {"actual": True},
    "ImmunizationRecommendation": {"recommendation": [{"vaccineCode": [CC], "forecastStatus": CC}]},
    "ImplementationGuide": {"fhirVersion": ["4.0.1"]},
    "InsurancePlan": {"name": "A"},
    "Linkage": {"item": [{"type": "source", "resource": ref()}, {"type": "alternate", "resource": ref()}]},
    "MeasureReport": {"type": "summary"},
    "Media": {"content": {"contentType": "text/plain", "data": "aGk=", "size": 2}},
    "NamingSystem": {"kind": "codesystem"},
    "NutritionOrder": {"oralDiet": {"instruction": "a"}},
    "Organization": {"name": "A"},
    "RequestGroup": {"action": [{"resource": ref()}]},
    "SearchParameter": {"type": "token"},
    "StructureDefinition": {"kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
                            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
                            "differential": {"element": [{"id": "Patient", "path": "Patient"}]}},
    "TerminologyCapabilities": {"kind": "requirements", "description": "a"},
    "ValueSet": {"compose": {"include": [{"system": "urn:a"}]}},
}  # fmt: skip
