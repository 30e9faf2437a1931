"""The oracle's clauses, composites, chains and scopes against the words of the specification."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.naive import Refused, World, inside, matches
from tests.naive.filter import meets_filter

Tree = dict[str, Any]


def concept(system: str, *codes: str) -> Tree:
    return {"coding": [{"system": system, "code": code} for code in codes]}


def measured(value: str) -> Tree:
    return {"value": Decimal(value), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}


PETER: Tree = {
    "resourceType": "Patient", "id": "peter", "name": [{"family": "Chalmers", "given": ["Peter"]}, {"given": ["Jim"]}],
    "gender": "male", "birthDate": "1974-12-25",
    "generalPractitioner": [{"reference": "Practitioner/joe"}, {"reference": "Practitioner/mn"}],
    "managingOrganization": {"reference": "http://test/fhir/t/Organization/o"}, "deceasedDateTime": "2015",
}  # fmt: skip
EVE: Tree = {
    "resourceType": "Patient",
    "id": "eve",
    "_gender": {"extension": [{"url": "urn:x"}]},
    "deceasedBoolean": False,
}
JOE: Tree = {"resourceType": "Practitioner", "id": "joe", "name": [{"given": ["Joe"]}], "address": [{"state": "WI"}]}
MN: Tree = {"resourceType": "Practitioner", "id": "mn", "name": [{"given": ["Ann"]}], "address": [{"state": "MN"}]}
ORGANIZATION: Tree = {
    "resourceType": "Organization",
    "id": "o",
    "name": "Acme",
    "partOf": {"reference": "Organization/top"},
}
TOP: Tree = {"resourceType": "Organization", "id": "top", "name": "Top", "partOf": {"reference": "Organization/o"}}
OBSERVATION: Tree = {
    "resourceType": "Observation", "id": "bp", "status": "final", "code": concept("http://loinc.org", "85354-9"),
    "subject": {"reference": "Patient/peter/_history/2", "identifier": {"system": "urn:i", "value": "7"}},
    "component": [
        {"code": concept("http://loinc.org", "8480-6"), "valueQuantity": measured("107")},
        {"code": concept("http://loinc.org", "8462-4"), "valueQuantity": measured("60")},
    ],
    "category": [concept("urn:c", "a"), concept("urn:c", "b")],
    "effectivePeriod": {"start": "2020-05-10"},
    "meta": {"profile": ["http://x/p"], "tag": [{"code": "t"}]},
}  # fmt: skip
MEDICATION: Tree = {
    "resourceType": "MedicationRequest", "id": "m", "status": "active", "medicationReference": {"reference": "#c"},
    "contained": [{"resourceType": "Medication", "id": "c", "code": concept("urn:m", "abc")}],
    "subject": {"reference": "#p"},
}  # fmt: skip
AUDIT: Tree = {"resourceType": "AuditEvent", "id": "a", "entity": [{"what": {"reference": "Observation/bp"}}],
               "agent": [{"who": {"reference": "Practitioner/joe"}}]}  # fmt: skip
LIST: Tree = {"resourceType": "List", "id": "42",
              "entry": [{"item": {"reference": "Patient/peter"}},
                        {"deleted": True, "item": {"reference": "Patient/eve"}}]}  # fmt: skip
VALUE_SET: Tree = {"resourceType": "ValueSet", "id": "v", "url": "http://x/v/sub", "version": "1.1",
                   "useContext": [{"code": {"code": "age"}, "valueRange": {"low": {"value": 3}, "high": {"value": 9}}},
                                  {"code": {"code": "venue"}, "valueCodeableConcept": concept("urn:v", "ward")}]}  # fmt: skip
SEQUENCE: Tree = {"resourceType": "MolecularSequence", "id": "s", "variant": [{"start": 5, "end": 9}, {"start": 20, "end": 30}],
                  "referenceSeq": {"chromosome": concept("urn:ch", "1"), "windowStart": 1}}  # fmt: skip
LOCATION: Tree = {
    "resourceType": "Location",
    "id": "ulm",
    "position": {"latitude": Decimal("48.4"), "longitude": Decimal("9.99")},
}
DOCUMENT: Tree = {"resourceType": "DocumentReference", "id": "d", "status": "current",
                  "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/e"}},
                                {"code": "appends", "target": {"reference": "DocumentReference/f"}}],
                  "content": [{"attachment": {"contentType": "text/xml; charset=UTF-8"}}]}  # fmt: skip
PROBLEM: Tree = {"resourceType": "Condition", "id": "x", "subject": {"display": "someone"}, "onsetAge": {"value": 3}}
WORLD = World(
    [
        PETER,
        EVE,
        JOE,
        MN,
        ORGANIZATION,
        TOP,
        OBSERVATION,
        MEDICATION,
        AUDIT,
        LIST,
        VALUE_SET,
        SEQUENCE,
        LOCATION,
        DOCUMENT,
    ]
)
ONE, TWO = "http://loinc.org|8480-6", "http://loinc.org|8462-4"


@pytest.mark.parametrize(
    ("resource", "name", "value", "found"),
    [
        # SE-14: a comma is OR; the halves of an AND may be met by different repetitions
        (PETER, "given", "xx,jim", True),
        (OBSERVATION, "category", "a", True),
        (OBSERVATION, "category", "b", True),
        # TK-3: over the whole set of repetitions, and without any value
        (OBSERVATION, "category:not", "a", False),
        (OBSERVATION, "category:not", "c,d", True),
        (OBSERVATION, "category:not", "c,b", False),
        (EVE, "gender:not", "male", True),
        (EVE, "gender", "male", False),
        (PETER, "gender", "http://hl7.org/fhir/administrative-gender|male", True),
        (PETER, "_id", "eve,peter", True),
        (PETER, "_id", "Peter", False),
        # MI-1: also when only an extension is there
        (EVE, "gender:missing", "true", True),
        (PETER, "gender:missing", "true", False),
        (EVE, "birthdate:missing", "false", False),
        (PROBLEM, "subject:missing", "true", True),
        (PROBLEM, "onset-date:missing", "true", True),
        (PROBLEM, "onset-age:missing", "true", False),
        # the boolean expression of Patient.deceased
        (PETER, "deceased", "true", True),
        (EVE, "deceased", "false", True),
        (PETER, "death-date", "2015", True),
        (EVE, "death-date:missing", "true", True),
        # RF-1, RF-2
        (OBSERVATION, "subject", "Patient/peter", True),
        (OBSERVATION, "subject", "peter", True),
        (OBSERVATION, "subject:Patient", "peter", True),
        (OBSERVATION, "subject:Group", "peter", False),
        (OBSERVATION, "patient", "peter", True),
        (OBSERVATION, "subject", "Patient/pet", False),
        (OBSERVATION, "subject", "http://test/fhir/t/Patient/peter", True),
        (OBSERVATION, "subject", "http://other/Patient/peter", False),
        (OBSERVATION, "subject", "Patient/peter/_history/2", True),
        (OBSERVATION, "subject", "Patient/peter/_history/3", False),
        # RF-3, RF-4, RF-6
        (OBSERVATION, "subject:identifier", "urn:i|7", True),
        (OBSERVATION, "subject:identifier", "urn:j|7", False),
        (PETER, "organization:below", "top", True),
        (PETER, "organization:above", "Organization/top", True),
        (MEDICATION, "subject", "p", False),
        # UI-1, UI-2
        (VALUE_SET, "url", "http://x/v/sub", True),
        (VALUE_SET, "url", "http://x/v", False),
        (VALUE_SET, "url", "http://x/v/sub|1.1", True),
        (VALUE_SET, "url", "http://x/v/sub|1", False),
        (VALUE_SET, "url:below", "http://x/v", True),
        (VALUE_SET, "url:below", "http://x/v/sub/more", False),
        (VALUE_SET, "url:above", "http://x/v/sub/more", True),
        (VALUE_SET, "url:above", "http://x/v", False),
        (OBSERVATION, "_profile", "http://x/p", True),
        (OBSERVATION, "_tag", "t", True),
        # CP-1, CP-2: in the same repetition
        (OBSERVATION, "component-code-value-quantity", f"{ONE}$107", True),
        (OBSERVATION, "component-code-value-quantity", f"{ONE}$60", False),
        (OBSERVATION, "component-code-value-quantity", f"{TWO}$lt0.1|http://unitsofmeasure.org|g", True),
        (OBSERVATION, "combo-code-value-quantity", f"{ONE}$gt100", True),
        (OBSERVATION, "code-value-quantity", f"{ONE}$gt100", False),
        (VALUE_SET, "context-type-quantity", "age$gt4", True),
        (VALUE_SET, "context-type-quantity", "venue$gt4", False),
        (VALUE_SET, "context-type-value", "venue$urn:v|ward", True),
        (VALUE_SET, "context-type-value", "age$urn:v|ward", False),
        (SEQUENCE, "chromosome-variant-coordinate", "1$gt4$lt10", True),
        (SEQUENCE, "chromosome-variant-coordinate", "1$lt6$gt29", False),
        (DOCUMENT, "relationship", "DocumentReference/e$replaces", True),
        (DOCUMENT, "relationship", "DocumentReference/e$appends", False),
        (DOCUMENT, "contenttype:below", "text/xml", True),
        # SP-1: Stuttgart is 72 km from Ulm
        (LOCATION, "near", "48.7758|9.1829|75", True),
        (LOCATION, "near", "48.7758|9.1829|70|km", False),
        (LOCATION, "near", "48.7758|9.1829|75000|m", True),
        # CH-1 … CH-5
        (OBSERVATION, "subject.name", "peter", True),
        (OBSERVATION, "subject:Patient.name", "eve", False),
        (OBSERVATION, "subject:Patient.organization.name", "acme", True),
        (OBSERVATION, "subject:Patient.birthdate", "lt1975", True),
        (OBSERVATION, "subject:Patient.gender:not", "female", True),
        (PETER, "general-practitioner.name", "joe", True),
        (PETER, "general-practitioner.address-state", "MN", True),
        (MEDICATION, "medication.code", "abc", True),
        (MEDICATION, "medication.code", "urn:x|abc", False),
        # HA-1, HA-2
        (PETER, "_has:Observation:patient:code", "85354-9", True),
        (PETER, "_has:Observation:patient:code", "1", False),
        (EVE, "_has:Observation:patient:code", "85354-9", False),
        (PETER, "_has:Observation:patient:_has:AuditEvent:entity:agent", "Practitioner/joe", True),
        (PETER, "_has:Observation:patient:_has:AuditEvent:entity:agent", "Practitioner/mn", False),
        (JOE, "_has:Patient:general-practitioner:organization.name", "acme", True),
        (OBSERVATION, "subject._has:Observation:patient:code", "85354-9", True),
        # LI-1: not the entries marked deleted
        (PETER, "_list", "42", True),
        (EVE, "_list", "42", False),
        (OBSERVATION, "subject:Patient._list", "42", True),
    ],
)  # fmt: skip
def test_marks(resource: Tree, name: str, value: str, found: bool) -> None:
    assert matches(resource, name, value, WORLD) is found


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        (PETER, "unknown", "x"),
        (PETER, "gender:missing", "maybe"),
        (OBSERVATION, "date", "2020-13"),
        (VALUE_SET, "url:below", "urn:x"),
        (OBSERVATION, "code-value-quantity:missing", "true"),
        (OBSERVATION, "code-value-quantity", "a"),
        (OBSERVATION, "date:exact", "2020"),
        (OBSERVATION, "subject:Device2.name", "x"),
        (PETER, "_has:Medication:manufacturer:code", "x"),
        (PETER, "name", r"a\b"),
    ],
)
def test_what_is_refused(resource: Tree, name: str, value: str) -> None:
    with pytest.raises(Refused):
        matches(resource, name, value, WORLD)


def test_cm1_compartments() -> None:
    assert inside(PETER, "Patient", "peter", WORLD)
    assert not inside(PETER, "Patient", "eve", WORLD)
    assert inside(OBSERVATION, "Patient", "peter", WORLD)
    assert not inside(AUDIT, "Patient", "peter", WORLD)
    assert inside(AUDIT, "Practitioner", "joe", WORLD)


@pytest.mark.parametrize(
    ("resource", "expression", "found"),
    [
        # FI-1: left to right, without precedence
        (PETER, 'given eq "eve" and gender eq male or birthdate gt 1970', True),
        (PETER, 'birthdate gt 1970 or given eq "eve" and gender eq female', False),
        (PETER, "birthdate gt 1970 or ( gender eq female and gender eq male )", True),
        (PETER, 'not ( given eq "eve" )', True),
        # FI-3
        (PETER, 'family eq "chalm"', False),
        (PETER, 'family eq "CHALMERS"', True),
        (PETER, 'family sw "chalm"', True),
        (PETER, 'family ew "mers"', True),
        (PETER, 'family co "alme"', True),
        (PETER, "general-practitioner.address-state eq MN", True),
        (EVE, "gender pr true", False),
        (EVE, "gender pr false", True),
        (OBSERVATION, "date po 2021", True),
        (OBSERVATION, "date po 2019", False),
        (OBSERVATION, "subject re Patient/peter", True),
        (OBSERVATION, "code eq http://loinc.org|85354-9", True),
    ],
)
def test_fi1_to_fi3(resource: Tree, expression: str, found: bool) -> None:
    assert meets_filter(resource, expression, WORLD) is found
