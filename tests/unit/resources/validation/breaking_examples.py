"""For each invariant that resources.validation.constraints judges, what breaks it, and its twin that keeps it: (type, key, elements
that break it, elements that keep it), put into the smallest resource of the type.

Those of the data types that resources.validation.invariants judges are in test_invariants.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .minimal import BASIC, CC, CLINICAL, DAY, DIV, EXTENSION, GONE, NOW, STATED, TERMS, Json, coded, ref, required

Case = tuple[str, str, Json, Json]

LATER = "2024-01-02"
OFFICIAL = "http://hl7.org/fhir/StructureDefinition/Patient"
DOCUMENT: Json = {
    "identifier": {"system": "urn:a", "value": "a"}, "timestamp": NOW,
    "type": "document", "entry": [{"resource": {"resourceType": "Composition", **required("Composition")}}],
}  # fmt: skip
VERIFIED, SURE = TERMS + "allergyintolerance-verification", TERMS + "condition-ver-status"
ITEM: Json = {"linkId": "1", "type": "string"}
SOURCE: Json = {"name": "a", "source": [{"context": "a"}]}
OPERATION: Json = {"encodeRequestUrl": True}
ASSERT: Json = {"warningOnly": False}
ROOT: Json = {
    "id": "Patient", "path": "Patient", "definition": "a", "min": 0, "max": "*",
    "base": {"path": "Patient", "min": 0, "max": "*"},
}  # fmt: skip
CHILD: Json = {**ROOT, "id": "Patient.a", "path": "Patient.a"}
DEFAULTED: Json = {**CHILD, "defaultValueString": "a"}

NAMED = (  # types whose name should be usable as an identifier, and the key that says so
    "ActivityDefinition adf-0, CapabilityStatement cpb-0, CodeSystem csd-0, "
    "CompartmentDefinition cpd-0, ConceptMap cmd-0, EffectEvidenceSynthesis ees-0, EventDefinition evd-0, Evidence evi-0, "
    "EvidenceVariable evv-0, ExampleScenario esc-0, GraphDefinition gdf-0, ImplementationGuide ig-0, Library lib-0, "
    "Measure mea-0, MessageDefinition msd-0, NamingSystem nsd-0, OperationDefinition opd-0, PlanDefinition pdf-0, "
    "Questionnaire que-0, ResearchDefinition rsd-0, ResearchElementDefinition red-0, RiskEvidenceSynthesis rvs-0, "
    "SearchParameter spd-0, StructureDefinition sdf-0, StructureMap smp-0, TerminologyCapabilities tcp-0, TestScript tst-0, "
    "ValueSet vsd-0"
)


def item(**elements: Any) -> Json:
    return {"item": [{**ITEM, **elements}]}


def inside(**elements: Any) -> Json:
    """The same in an item of an item, whose definition is that of the item by a contentReference."""
    return {"item": [{"linkId": "0", "type": "group", "item": [{**ITEM, **elements}]}]}


def snapshot(*elements: Json, **others: Any) -> Json:
    return {"snapshot": {"element": list(elements)}, **others}


def differential(*elements: Json, **others: Any) -> Json:
    return {"differential": {"element": list(elements)}, **others}


def but(element: Json, **others: Any) -> Json:
    return {name: value for name, value in {**element, **others}.items() if value is not GONE}


def target(**elements: Any) -> Json:
    return {"group": [{"element": [{"target": [elements]}], "source": "urn:a", "target": "urn:b"}]}


def unmapped(**elements: Any) -> Json:
    return {"group": [{"element": [{"code": "a"}], "unmapped": elements}]}


def mapped(**elements: Any) -> Json:
    group = {"name": "a", "typeMode": "none", "input": [{"name": "a", "mode": "source"}]}
    return {"group": [{**group, "rule": [{**SOURCE, "target": [elements]}]}]}


def includes(**elements: Any) -> Json:
    return {"compose": {"include": [elements]}}


def expands(**elements: Any) -> Json:
    return {"expansion": {"timestamp": NOW, "contains": [elements]}}


def member(resource_type: str) -> Json:
    participant = {"member": {"reference": "#p"}, "onBehalfOf": ref("Organization")}
    return {
        "contained": [{"resourceType": resource_type, "id": "p", **required(resource_type)}],
        "participant": [participant],
    }


def action(name: str, **elements: Any) -> Json:
    """A test of a TestScript, of one action."""
    return {"test": [{"action": [elements]}]} if name == "test" else {name: {"action": [elements]}}


def reported(name: str, *several: str) -> Json:
    actions = [{one: {"result": "pass"} for one in several}]
    return {"test": [{"action": actions}]} if name == "test" else {name: {"action": actions}}


def entries(kind: str, *several: Json, **elements: Any) -> Json:
    return {"type": kind, "entry": list(several), **elements}


def searching(*names: str) -> Json:
    parameters = [{"name": name, "type": "token"} for name in names]
    return {"rest": [{"mode": "server", "resource": [{"type": "Basic", "searchParam": parameters}]}]}


def guide(**elements: Any) -> Json:
    resource = {"reference": ref(), **elements}
    return {"definition": {"resource": [resource], "grouping": [{"id": "a", "name": "a"}]}}


def stratum(**elements: Any) -> Json:
    return {"group": [{"stratifier": [{"stratum": [elements]}]}]}


def measured(system: str, part: str) -> Json:
    """An Observation with a value, and a component whose code is of the second system."""
    return {"code": coded(system, "a"), "valueString": "a", "component": [{"code": coded(part, "a")}]}


def parameter(**elements: Any) -> Json:
    return {"parameter": [{"name": "a", "use": "in", "min": 0, "max": "1", **elements}]}


def of_extension(**elements: Any) -> Json:
    element = {"id": "Extension", "path": "Extension"}
    return {"type": "Extension", "differential": {"element": [element]}, **elements}


def tested(name: str, both: str, sent: str, several: str, compared: str, directed: str) -> list[Case]:
    """The cases of an action, whose invariants have a key for each place."""

    def asserts(**elements: Any) -> Json:
        return action(name, **{"assert": {**ASSERT, **elements}})

    alone = {"url": "a", **OPERATION}
    return [
        ("TestScript", both, action(name, operation=alone, **{"assert": ASSERT}), action(name, operation=alone)),
        ("TestScript", sent, action(name, operation=OPERATION), action(name, operation=alone)),
        ("TestScript", several, asserts(expression="a", path="a"), asserts(expression="a")),
        ("TestScript", compared, asserts(compareToSourceId="a"),
         asserts(compareToSourceId="a", compareToSourceExpression="a")),
        ("TestScript", directed, asserts(direction="request", response="okay"), asserts(direction="request")),
    ]  # fmt: skip


ENTRY: Json = {"resource": BASIC}
URL, ACTIVE, VOID = "http://example.org/Basic/1", coded(CLINICAL, "active"), coded(VERIFIED, "entered-in-error")
WRONG = coded(SURE, "entered-in-error")
SHORT_CONCEPT: Json = {"code": "a", "concept": [{"code": "b"}]}
GROUP: Json = {"type": "group", "item": [{"linkId": "2", "type": "string"}]}
WHEN: Json = {"question": "2", "operator": "exists", "answerBoolean": True}
OFFERED = [{"valueString": "a"}]
PART = [{"name": "a", "use": "in", "min": 0, "max": "1", "type": "string"}]
PERCENT: Json = {"value": 1, "system": "http://unitsofmeasure.org", "code": "%"}
KEYED: Json = {"key": "a-1", "severity": "error", "human": "a"}
BOUND: Json = {"strength": "example", "description": "a"}


def in_grams(low: int, high: int) -> Json:
    """A range from grams to milligrams."""
    ends = {"low": (low, "g"), "high": (high, "mg")}
    return {
        name: {"value": value, "code": code, "system": "http://unitsofmeasure.org"}
        for name, (value, code) in ends.items()
    }


CASES: list[Case] = [
    ("AllergyIntolerance", "ait-1", {"clinicalStatus": GONE}, {}),
    ("AllergyIntolerance", "ait-2", {"verificationStatus": VOID}, {"verificationStatus": VOID, "clinicalStatus": GONE}),
    ("Appointment", "app-1", {"participant": [{"status": "accepted"}]},
     {"participant": [{"status": "accepted", "type": [CC]}]}),
    ("Appointment", "app-2", {"start": NOW}, {"start": NOW, "end": NOW}),
    ("Appointment", "app-3", {"status": "booked"}, {"status": "booked", "start": NOW, "end": NOW}),
    ("Appointment", "app-4", {"cancelationReason": CC}, {"cancelationReason": CC, "status": "cancelled"}),
    ("AppointmentResponse", "apr-1", {"actor": GONE}, {"actor": GONE, "participantType": [CC]}),
    ("AuditEvent", "sev-1", {"entity": [{"name": "a", "query": "aGk="}]}, {"entity": [{"query": "aGk="}]}),
    ("Basic", "dom-6", {}, {"text": DIV}),
    ("Bundle", "bdl-1", {"total": 1}, {"type": "searchset", "total": 1}),
    ("Bundle", "bdl-2", entries("collection", {**ENTRY, "search": {"mode": "match"}}),
     entries("searchset", {**ENTRY, "search": {"mode": "match"}})),
    ("Bundle", "bdl-3", entries("batch", ENTRY),
     entries("batch", {**ENTRY, "request": {"method": "POST", "url": "Basic"}})),
    ("Bundle", "bdl-3", entries("collection", {"request": {"method": "GET", "url": "Basic"}}),
     entries("collection", ENTRY)),
    ("Bundle", "bdl-4", entries("batch-response", ENTRY),
     entries("batch-response", {**ENTRY, "response": {"status": "200"}})),
    ("Bundle", "bdl-5", entries("collection", {"fullUrl": URL}), entries("collection", {"fullUrl": URL, **ENTRY})),
    ("Bundle", "bdl-7", entries("collection", {"fullUrl": URL, **ENTRY}, {"fullUrl": URL, **ENTRY}),
     entries("collection", {"fullUrl": URL, "resource": {**BASIC, "meta": {"versionId": "1"}}}, {"fullUrl": URL, **ENTRY})),
    ("Bundle", "bdl-8", entries("collection", {"fullUrl": URL + "/_history/1", **ENTRY}),
     entries("collection", {"fullUrl": URL, **ENTRY})),
    ("Bundle", "bdl-9", but(DOCUMENT, identifier={"value": "a"}), DOCUMENT),
    ("Bundle", "bdl-10", but(DOCUMENT, timestamp=GONE), DOCUMENT),
    ("Bundle", "bdl-11", but(DOCUMENT, entry=[ENTRY]), DOCUMENT),
    ("Bundle", "bdl-12", entries("message", ENTRY),
     entries("message", {"resource": {"resourceType": "MessageHeader", **required("MessageHeader")}})),
    ("CapabilityStatement", "cpb-1", {"rest": GONE}, {}),
    ("CapabilityStatement", "cpb-2", {"description": GONE}, {}),
    ("CapabilityStatement", "cpb-3", {"messaging": [{"endpoint": [{"protocol": {"code": "http"}, "address": "http://a"}]}]},
     {"messaging": [{"endpoint": [{"protocol": {"code": "http"}, "address": "http://a"}]}], "kind": "instance",
      "implementation": {"description": "a"}}),
    ("CapabilityStatement", "cpb-7", {"document": [{"mode": "producer", "profile": "http://a"}] * 2},
     {"document": [{"mode": mode, "profile": "http://a"} for mode in ("producer", "consumer")]}),
    ("CapabilityStatement", "cpb-9", {"rest": [{"mode": "server", "resource": [{"type": "Basic"}, {"type": "Basic"}]}]},
     {"rest": [{"mode": "server", "resource": [{"type": "Basic"}, {"type": "List"}]}]}),
    ("CapabilityStatement", "cpb-12", searching("a", "a"), searching("a", "b")),
    ("CapabilityStatement", "cpb-14", {"kind": "instance"},
     {"kind": "instance", "implementation": {"description": "a"}}),
    ("CapabilityStatement", "cpb-15", {"kind": "capability"}, {"kind": "capability", "software": {"name": "a"}}),
    ("CapabilityStatement", "cpb-16", {"software": {"name": "a"}}, {}),
    ("CarePlan", "cpl-3", {"activity": [{"detail": {"status": "completed"}, "reference": ref("Task")}]},
     {"activity": [{"detail": {"status": "completed"}}]}),
    ("CareTeam", "ctm-1", member("Patient"), member("Practitioner")),
    ("CodeSystem", "csd-1", {"concept": [SHORT_CONCEPT, {"code": "b"}]}, {"concept": [SHORT_CONCEPT, {"code": "c"}]}),
    ("Composition", "cmp-1", {"section": [{"title": "a"}]}, {"section": [{"text": DIV}]}),
    ("Composition", "cmp-1", {"section": [{"section": [{"title": "a"}]}]}, {"section": [{"section": [{"text": DIV}]}]}),
    ("Composition", "cmp-2", {"section": [{"emptyReason": CC, "entry": [ref()]}]},
     {"section": [{"emptyReason": CC, "text": DIV}]}),
    ("ConceptMap", "cmd-1", target(equivalence="narrower"), target(equivalence="narrower", comment="a")),
    ("ConceptMap", "cmd-2", unmapped(mode="fixed"), unmapped(mode="fixed", code="a")),
    ("ConceptMap", "cmd-3", unmapped(mode="other-map"), unmapped(mode="other-map", url="http://a")),
    ("Condition", "con-1", {"stage": [{"type": CC}]}, {"stage": [{"summary": CC}]}),
    ("Condition", "con-2", {"evidence": [{"extension": EXTENSION}]}, {"evidence": [{"code": [CC]}]}),
    ("Condition", "con-3", {"clinicalStatus": GONE, "category": [CC]}, {"category": [CC]}),
    ("Condition", "con-4", {"abatementString": "a"},
     {"abatementString": "a", "clinicalStatus": coded(STATED, "resolved")}),
    ("Condition", "con-5", {"verificationStatus": WRONG}, {"verificationStatus": WRONG, "clinicalStatus": GONE}),
    ("Consent", "ppc-1", {"policyRule": GONE}, {}),
    *(
        ("Consent", key, {"patient": GONE, "scope": coded("something", code)}, {"scope": coded("something", code)})
        for key, code in (("ppc-2", "patient-privacy"), ("ppc-3", "research"), ("ppc-4", "adr"), ("ppc-5", "treatment"))
    ),
    ("CoverageEligibilityResponse", "ces-1", {"insurance": [{"coverage": ref("Coverage"), "item": [{"name": "a"}]}]},
     {"insurance": [{"coverage": ref("Coverage"), "item": [{"category": CC}]}]}),
    ("FamilyMemberHistory", "fhs-1", {"ageString": "a", "bornString": "a"}, {"ageString": "a"}),
    ("FamilyMemberHistory", "fhs-2", {"estimatedAge": True}, {"estimatedAge": True, "ageString": "a"}),
    ("Goal", "gol-1", {"target": [{"detailString": "a"}]}, {"target": [{"detailString": "a", "measure": CC}]}),
    ("Group", "grp-1", {"actual": False, "member": [{"entity": ref()}]}, {"member": [{"entity": ref()}]}),
    ("Immunization", "imm-1", {"education": [{"publicationDate": DAY}]}, {"education": [{"documentType": "a"}]}),
    ("ImmunizationRecommendation", "imr-1", {"recommendation": [{"forecastStatus": CC}]},
     {"recommendation": [{"forecastStatus": CC, "targetDisease": CC}]}),
    ("ImplementationGuide", "ig-1", guide(groupingId="b"), guide(groupingId="a")),
    ("ImplementationGuide", "ig-2", guide(fhirVersion=["3.0.1"]), guide(fhirVersion=["4.0.1"])),
    ("InsurancePlan", "ipn-1", {"name": GONE}, {}),
    ("Linkage", "lnk-1", {"item": [{"type": "source", "resource": ref()}]}, {}),
    ("List", "lst-1", {"emptyReason": CC, "entry": [{"item": ref()}]}, {"emptyReason": CC}),
    ("List", "lst-2", {"mode": "working", "entry": [{"item": ref(), "deleted": True}]},
     {"mode": "changes", "entry": [{"item": ref(), "deleted": True}]}),
    ("List", "lst-3", {"mode": "changes", "entry": [{"item": ref(), "date": DAY}]},
     {"mode": "working", "entry": [{"item": ref(), "date": DAY}]}),
    ("Measure", "mea-1", {"group": [{"stratifier": [{"extension": EXTENSION}]}]},
     {"group": [{"stratifier": [{"code": CC}]}]}),
    ("MeasureReport", "mrp-1", {"type": "data-collection", "group": [{"code": CC}]}, {"group": [{"code": CC}]}),
    ("MeasureReport", "mrp-2", stratum(value=CC, component=[{"code": CC, "value": CC}]), stratum(value=CC)),
    ("Media", "Attachment.size", {"content": {"contentType": "text/plain", "data": "aGk=", "size": 3}}, {}),
    ("MedicationAdministration", "mad-1", {"dosage": {"text": "a"}}, {"dosage": {"dose": {"value": 1}}}),
    ("MedicationDispense", "mdd-1", {"whenPrepared": LATER, "whenHandedOver": DAY},
     {"whenPrepared": DAY, "whenHandedOver": LATER}),
    ("MessageDefinition", "md-1", {"focus": [{"code": "Basic", "min": 0, "max": "0"}]},
     {"focus": [{"code": "Basic", "min": 0, "max": "1"}]}),
    ("MolecularSequence", "msq-3", {"coordinateSystem": 2}, {"coordinateSystem": 0}),
    ("MolecularSequence", "msq-5", {"referenceSeq": {"genomeBuild": "a"}},
     {"referenceSeq": {"genomeBuild": "a", "chromosome": CC}}),
    ("MolecularSequence", "msq-6", {"referenceSeq": {"windowStart": 1}}, {"referenceSeq": {"referenceSeqString": "a"}}),
    ("NamingSystem", "nsd-1", {"kind": "root", "uniqueId": [{"type": "uuid", "value": "a"}]},
     {"uniqueId": [{"type": "uuid", "value": "a"}]}),
    ("NamingSystem", "nsd-2", {"uniqueId": [{"type": "oid", "value": value, "preferred": True} for value in "ab"]},
     {"uniqueId": [{"type": "oid", "value": value, "preferred": value == "a"} for value in "ab"]}),
    ("NutritionOrder", "nor-1", {"oralDiet": GONE}, {}),
    ("Observation", "obs-3", {"referenceRange": [{"type": CC}]}, {"referenceRange": [{"text": "a"}]}),
    ("Observation", "obs-3", {"component": [{"code": CC, "referenceRange": [{"type": CC}]}]},
     {"component": [{"code": CC, "referenceRange": [{"low": {"value": 1}}]}]}),
    ("Observation", "obs-6", {"dataAbsentReason": CC, "valueString": "a"}, {"valueString": "a"}),
    ("Observation", "obs-7", measured("urn:a", "urn:a"), measured("urn:a", "urn:b")),
    ("Observation", "rng-2", {"valueRange": in_grams(2, 1999)}, {"valueRange": in_grams(2, 2000)}),
    ("OperationDefinition", "opd-1", parameter(), parameter(type="string")),
    ("OperationDefinition", "opd-2", parameter(type="code", searchType="string"),
     parameter(type="string", searchType="string")),
    ("OperationDefinition", "opd-3", parameter(type="string", targetProfile=["http://a"]),
     parameter(type="Reference", targetProfile=["http://a"])),
    ("OperationDefinition", "opd-2", parameter(searchType="string", part=PART), parameter(part=PART)),
    ("OperationDefinition", "opd-3", parameter(targetProfile=["http://a"], part=PART), parameter(part=PART)),
    ("Organization", "org-1", {"name": GONE}, {}),
    ("Organization", "org-2", {"address": [{"use": "home"}]}, {"address": [{"use": "work"}]}),
    ("Organization", "org-3", {"telecom": [{"use": "home"}]}, {"telecom": [{"use": "work"}]}),
    ("Parameters", "inv-1", {"parameter": [{"name": "a"}]}, {"parameter": [{"name": "a", "valueString": "a"}]}),
    ("Parameters", "inv-1", {"parameter": [{"name": "a", "part": [{"name": "a", "valueString": "a", "resource": BASIC}]}]},
     {"parameter": [{"name": "a", "part": [{"name": "a", "resource": BASIC}]}]}),
    ("Patient", "pat-1", {"contact": [{"gender": "male"}]}, {"contact": [{"name": {"text": "a"}}]}),
    ("Questionnaire", "que-1", item(type="group"), item(**GROUP)),
    ("Questionnaire", "que-1", item(**{**GROUP, "type": "display"}), item(type="display")),
    ("Questionnaire", "que-2", {"item": [ITEM, ITEM]}, {"item": [ITEM, {**ITEM, "linkId": "2"}]}),
    ("Questionnaire", "que-2", inside(linkId="0"), inside()),
    ("Questionnaire", "que-3", item(type="display", code=[{"code": "a"}]), item(code=[{"code": "a"}])),
    ("Questionnaire", "que-4", item(type="choice", answerOption=OFFERED, answerValueSet="http://a"),
     item(type="choice", answerOption=OFFERED)),
    ("Questionnaire", "que-5", item(type="boolean", answerOption=OFFERED), item(answerOption=OFFERED)),
    ("Questionnaire", "que-6", item(type="display", required=True), item(required=True)),
    ("Questionnaire", "que-7", item(enableWhen=[{"question": "2", "operator": "exists", "answerString": "a"}]),
     item(enableWhen=[WHEN])),
    ("Questionnaire", "que-8", item(initial=OFFERED, **GROUP), item(initial=OFFERED)),
    ("Questionnaire", "que-9", item(type="display", readOnly=True), item(readOnly=True)),
    ("Questionnaire", "que-10", item(type="date", maxLength=1), item(maxLength=1)),
    ("Questionnaire", "que-11", item(answerOption=OFFERED, initial=OFFERED), item(answerOption=OFFERED)),
    ("Questionnaire", "que-12", item(enableWhen=[WHEN] * 3), item(enableWhen=[WHEN] * 3, enableBehavior="all")),
    ("Questionnaire", "que-12", inside(enableWhen=[WHEN] * 3), inside(enableWhen=[WHEN] * 2)),
    ("Questionnaire", "que-13", item(repeats=False, initial=OFFERED * 2), item(repeats=True, initial=OFFERED * 2)),
    ("Questionnaire", "que-13", item(initial=OFFERED * 2), item(initial=OFFERED)),
    ("QuestionnaireResponse", "qrs-1", {"item": [{"linkId": "1", "answer": OFFERED, "item": [{"linkId": "2"}]}]},
     {"item": [{"linkId": "1", "answer": OFFERED}]}),
    ("RequestGroup", "rqg-1", {"action": [{"title": "a"}]}, {"action": [{"action": [{"resource": ref()}]}]}),
    ("RiskAssessment", "ras-1", {"prediction": [{"probabilityRange": {"low": {"value": 1}}}]},
     {"prediction": [{"probabilityRange": {"low": PERCENT}}]}),
    ("RiskAssessment", "ras-2", {"prediction": [{"probabilityDecimal": Decimal("100.1")}]},
     {"prediction": [{"probabilityDecimal": 100}]}),
    ("SearchParameter", "spd-1", {"xpath": "a"}, {"xpath": "a", "xpathUsage": "normal"}),
    ("SearchParameter", "spd-2", {"chain": ["a"]}, {"chain": ["a"], "type": "reference"}),
    ("ServiceRequest", "prr-1", {"orderDetail": [CC]}, {"orderDetail": [CC], "code": CC}),
    ("StructureDefinition", "eld-20", differential(ROOT, {"id": "a", "path": "1"}, kind="logical"), {}),
    ("StructureDefinition", "eld-21", differential(but(ROOT, constraint=[KEYED])),
     differential(but(ROOT, constraint=[{**KEYED, "expression": "true"}]))),
    ("StructureDefinition", "sdf-1", snapshot(ROOT, CHILD, but(CHILD, id="b"), derivation="specialization"),
     snapshot(ROOT, CHILD, but(CHILD, id="b"))),
    ("StructureDefinition", "sdf-1", snapshot(ROOT, ROOT, derivation=GONE), snapshot(ROOT, derivation=GONE)),
    ("StructureDefinition", "sdf-2", {"mapping": [{"identity": "a"}]}, {"mapping": [{"identity": "a", "name": "a"}]}),
    ("StructureDefinition", "sdf-3", snapshot(but(ROOT, definition=GONE)), snapshot(ROOT)),
    ("StructureDefinition", "sdf-4", {"baseDefinition": GONE}, {"baseDefinition": GONE, "abstract": True}),
    ("StructureDefinition", "sdf-5", of_extension(),
     of_extension(context=[{"type": "element", "expression": "Patient"}])),
    ("StructureDefinition", "sdf-5", of_extension(derivation=GONE), {"derivation": GONE}),
    ("StructureDefinition", "sdf-6", {"differential": GONE}, {}),
    ("StructureDefinition", "sdf-8", snapshot(ROOT, but(CHILD, path="Basic.a")), snapshot(ROOT, CHILD)),
    ("StructureDefinition", "sdf-8a", differential(ROOT, but(CHILD, path="Basic.a")), differential(ROOT, CHILD)),
    ("StructureDefinition", "sdf-8b", snapshot(but(ROOT, base=GONE)), snapshot(ROOT)),
    ("StructureDefinition", "sdf-9", differential(but(ROOT, label="a")), differential(ROOT, but(CHILD, label="a"))),
    ("StructureDefinition", "sdf-10", snapshot(but(ROOT, binding={"strength": "example"})),
     snapshot(but(ROOT, binding=BOUND))),
    ("StructureDefinition", "sdf-11", snapshot(but(ROOT, path="Basic")), snapshot(ROOT)),
    ("StructureDefinition", "sdf-14", differential(but(ROOT, id=GONE)), differential(ROOT)),
    ("StructureDefinition", "sdf-15", snapshot(but(ROOT, type=[{"code": "Patient"}])), snapshot(ROOT)),
    ("StructureDefinition", "sdf-15a", differential(but(ROOT, type=[{"code": "Patient"}])), differential(ROOT)),
    ("StructureDefinition", "sdf-16", snapshot(ROOT, CHILD, but(CHILD, path="Patient.b")), snapshot(ROOT, CHILD)),
    ("StructureDefinition", "sdf-17", differential(ROOT, CHILD, but(CHILD, path="Patient.b")),
     differential(ROOT, CHILD)),
    ("StructureDefinition", "sdf-18", {"contextInvariant": ["true"]},
     of_extension(contextInvariant=["true"], context=[{"type": "element", "expression": "Patient"}])),
    ("StructureDefinition", "sdf-19", differential(ROOT, but(CHILD, type=[{"code": "a-b"}]), url=OFFICIAL),
     differential(ROOT, but(CHILD, type=[{"code": "ab"}]), url=OFFICIAL)),
    ("StructureDefinition", "sdf-20", differential(but(ROOT, slicing={"rules": "open", "description": "a"})),
     differential(ROOT)),
    ("StructureDefinition", "sdf-21", differential(DEFAULTED), differential(DEFAULTED, derivation="specialization")),
    ("StructureDefinition", "sdf-21", differential(DEFAULTED, derivation=GONE), {"derivation": GONE}),
    ("StructureDefinition", "sdf-22", differential(DEFAULTED, derivation="specialization", url=OFFICIAL),
     differential(CHILD, url=OFFICIAL)),
    ("StructureDefinition", "sdf-23", differential(but(ROOT, sliceName="a")),
     differential(ROOT, but(CHILD, sliceName="a"))),
    ("StructureMap", "smp-1", mapped(element="a"), mapped(element="a", context="a", contextType="variable")),
    ("StructureMap", "smp-2", mapped(context="a"), mapped(context="a", contextType="variable")),
    ("Task", "inv-1", {"authoredOn": LATER, "lastModified": DAY}, {"authoredOn": DAY, "lastModified": LATER}),
    ("TerminologyCapabilities", "tcp-1", {"codeSystem": [{"version": [{"isDefault": True}, {"code": "b"}]}]},
     {"codeSystem": [{"version": [{"code": "a"}, {"code": "b"}]}]}),
    ("TerminologyCapabilities", "tcp-2", {"description": GONE}, {}),
    ("TerminologyCapabilities", "tcp-3", {"kind": "instance"},
     {"kind": "instance", "implementation": {"description": "a"}}),
    ("TerminologyCapabilities", "tcp-4", {"kind": "capability"}, {"kind": "capability", "software": {"name": "a"}}),
    ("TerminologyCapabilities", "tcp-5", {"software": {"name": "a"}}, {}),
    ("TestReport", "inv-1", reported("setup", "operation", "assert"), reported("setup", "operation")),
    ("TestReport", "inv-2", reported("test", "operation", "assert"), reported("test", "operation")),
    ("TestScript", "tst-3", {"variable": [{"name": "a", "expression": "a", "headerField": "a", "path": "a"}]},
     {"variable": [{"name": "a", "headerField": "a", "path": "a"}]}),
    *(
        case
        for name, keys in (("setup", "tst-1 tst-7 tst-5 tst-10 tst-12"), ("test", "tst-2 tst-8 tst-6 tst-11 tst-13"))
        for case in tested(name, *keys.split())
    ),
    ("TestScript", "tst-9", action("teardown", operation=OPERATION),
     action("teardown", operation={**OPERATION, "url": "a"})),
    ("ValueSet", "vsd-1", includes(version="1"), includes(valueSet=["http://a"])),
    ("ValueSet", "vsd-2", includes(valueSet=["http://a"], concept=[{"code": "a"}]),
     includes(system="urn:a", concept=[{"code": "a"}])),
    ("ValueSet", "vsd-3", includes(system="urn:a", concept=[{"code": "a"}], filter=[{"property": "a", "op": "=", "value": "a"}]),
     includes(system="urn:a", filter=[{"property": "a", "op": "=", "value": "a"}])),
    ("ValueSet", "vsd-6", expands(abstract=True), expands(abstract=True, display="a")),
    ("ValueSet", "vsd-9", expands(display="a"), expands(display="a", abstract=True)),
    ("ValueSet", "vsd-10", expands(code="a"), expands(code="a", system="urn:a")),
    ("ValueSet", "vsd-10", expands(display="a", abstract=True, contains=[{"code": "a"}]),
     expands(display="a", abstract=True, contains=[{"code": "a", "system": "urn:a"}])),
    *((one.split()[0], one.split()[1], {"name": "not-a-name"}, {"name": "Name"}) for one in NAMED.split(", ")),
]  # fmt: skip
