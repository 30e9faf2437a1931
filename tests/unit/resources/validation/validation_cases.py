"""Resources that must be refused, each with the issue code and the expression of the very element, and some that must not.

A case is a small valid resource with one thing changed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from .samples import (
    ABSENT,
    EXTENSION,
    GONE,
    VALID,
    XHTML,
    Json,
    changed,
    contained,
    div,
    div_by_extension,
    extension,
    name,
    quantity,
)


class Refused(NamedTuple):
    title: str
    on: str  # the resource of VALID that is changed
    change: Json  # its elements to replace; GONE takes one away
    code: str  # of the one issue
    expression: str  # below the resource type


PATIENT, OBSERVATION, ORDER = "Patient", "Observation", "MedicationRequest"
STRUCTURE = [
    Refused("required element missing", OBSERVATION, {"status": GONE}, "required", "status"),
    Refused("required object missing", OBSERVATION, {"code": GONE}, "required", "code"),
    Refused(
        "required choice missing", ORDER, {"contained": GONE, "medicationReference": GONE}, "required", "medication"
    ),
    Refused("required inside", OBSERVATION, {"component": [{"valueInteger": 1}]}, "required", "component[0].code"),
    Refused("unknown element", PATIENT, {"foo": 1}, "structure", "foo"),
    Refused("unknown element inside", PATIENT, name(foo="x"), "structure", "name[0].foo"),
    Refused("unknown element with spaces", PATIENT, {"a b": 1}, "structure", "`a b`"),
    Refused("choice without its type", OBSERVATION, {"valueQuantity": GONE, "value": 1}, "structure", "value"),
    Refused(
        "choice of a type it has not", OBSERVATION, {"valueQuantity": GONE, "valueUri": "x"}, "structure", "valueUri"
    ),
    Refused("two types of a choice", OBSERVATION, {"valueString": "x"}, "structure", "value"),
    Refused("two types, one by _", OBSERVATION, {"_valueString": ABSENT}, "structure", "value"),
    Refused("array for a single value", PATIENT, {"gender": ["male"]}, "structure", "gender"),
    Refused("array for a single object", OBSERVATION, {"code": [{"text": "x"}]}, "structure", "code"),
    Refused("single value for an array", PATIENT, name(given="Anna"), "structure", "name[0].given"),
    Refused("single object for an array", PATIENT, {"name": {"family": "W"}}, "structure", "name"),
    Refused("text for an object", OBSERVATION, {"code": "8867-4"}, "structure", "code"),
    Refused("JSON inside text", OBSERVATION, {"code": '{"text": "x"}'}, "structure", "code"),
    Refused("object for a primitive", PATIENT, {"gender": {"value": "male"}}, "structure", "gender"),
    Refused("empty array", PATIENT, {"name": []}, "structure", "name"),
    Refused("empty array of primitives", PATIENT, name(given=[]), "structure", "name[0].given"),
    Refused("empty object", OBSERVATION, {"code": {}}, "structure", "code"),
    Refused("empty object in an array", PATIENT, {"name": [{}]}, "structure", "name[0]"),
    Refused("empty string", PATIENT, name(family=""), "value", "name[0].family"),
    Refused("object of an id", PATIENT, {"name": [{"id": "x"}]}, "invariant", "name[0]"),
    Refused("element of an id", PATIENT, {"contact": [{"id": "x"}]}, "invariant", "contact[0]"),
    Refused("null", PATIENT, {"gender": None}, "structure", "gender"),
    Refused("null for an object", PATIENT, {"maritalStatus": None}, "structure", "maritalStatus"),
    Refused("null among objects", PATIENT, {"name": [{"family": "W"}, None]}, "structure", "name[1]"),
    Refused("null among primitives", PATIENT, name(given=["A", None]), "structure", "name[0].given[1]"),
    Refused(
        "null in both arrays", PATIENT, name(given=["A", None], _given=[ABSENT, None]), "structure", "name[0].given[1]"
    ),
    Refused("_x of another length", PATIENT, name(given=["A", "B"], _given=[None]), "structure", "name[0].given"),
    Refused("_x no array", PATIENT, name(given=["A"], _given=ABSENT), "structure", "name[0].given"),
    Refused("_x no object", PATIENT, {"_gender": "x"}, "structure", "gender"),
    Refused("_x empty", PATIENT, {"_gender": {}}, "structure", "gender"),
    Refused("_x with a value in it", PATIENT, {"_gender": {"value": "male"}}, "structure", "gender.value"),
    Refused("_x of an object", PATIENT, {"_name": [{"id": "1"}]}, "structure", "_name"),
    Refused("_x of an id", PATIENT, {"_id": ABSENT}, "structure", "_id"),
    Refused("_x of a narrative", PATIENT, div_by_extension(), "structure", "text._div"),
    Refused("_x of a url", PATIENT, extension(_url=ABSENT, valueString="a"), "structure", "extension[0]._url"),
    Refused("fhir_comments", PATIENT, {"fhir_comments": ["x"]}, "structure", "fhir_comments"),
    Refused("another release's element", ORDER, {"reported": True}, "structure", "reported"),
    Refused(
        "another release's type", PATIENT, extension(valueRatioRange={}), "structure", "extension[0].valueRatioRange"
    ),
    Refused(
        "resourceType inside an object", PATIENT, name(resourceType="HumanName"), "structure", "name[0].resourceType"
    ),
    Refused(
        "entry without resourceType", "Bundle", {"entry": [{"resource": {"id": "x"}}]}, "required", "entry[0].resource"
    ),
    Refused(
        "resourceType inside an element",
        PATIENT,
        {"contact": [{"resourceType": "x"}]},
        "structure",
        "contact[0].resourceType",
    ),
    Refused(
        "entry of another release",
        "Bundle",
        {"entry": [{"resource": {"resourceType": "NutritionProduct"}}]},
        "value",
        "entry[0].resource",
    ),
    Refused(
        "entry that is broken",
        "Bundle",
        {"entry": [{"resource": VALID["Patient"]}, {"resource": {"resourceType": "Patient", "gender": "m"}}]},
        "code-invalid",
        "entry[1].resource.gender",
    ),
    Refused(
        "parameter that is broken",
        "Parameters",
        {"parameter": [{"name": "a", "part": [{"name": "b", "resource": {"resourceType": "Patient", "x": 1}}]}]},
        "structure",
        "parameter[0].part[0].resource.x",
    ),
    Refused("contained that is broken", ORDER, contained(foo=1), "structure", "contained[0].foo"),
    Refused("resource that is an array", "Bundle", {"entry": [{"resource": []}]}, "structure", "entry[0].resource"),
    Refused(
        "deep inside",
        "Questionnaire",
        {"item": [{"linkId": "1", "type": "group", "item": [{"type": "string"}]}]},
        "required",
        "item[0].item[0].linkId",
    ),
]


def ext(kind: str, value: Any, code: str = "value") -> Refused:
    change = extension(**{f"value{kind}": value})
    return Refused(f"{kind} {str(value)[:24]!r}", PATIENT, change, code, "extension[0].value")


PRIMITIVES = [
    *[ext("Boolean", value, "structure") for value in ("true", 1, "")],
    *[ext("Integer", value, "structure") for value in ("5", Decimal("5.5"), Decimal("5.0"), True)],
    *[ext("Integer", value) for value in (2**31, -(2**31) - 1)],
    *[ext("UnsignedInt", value) for value in (-1, 2**31)],
    *[ext("PositiveInt", value) for value in (0, -1)],
    *[ext("Decimal", value, "structure") for value in ("1.0", "NaN", True)],
    *[ext("String", value, "structure") for value in (5, True, Decimal("1.0"))],
    *[ext("String", value) for value in ("", " \x0c", "bell\x07", "\x1b")],
    ext("String", "x" * 1_048_577, "too-long"),
    *[ext("Markdown", value) for value in ("", "\x0b")],
    *[ext("Code", value) for value in (" a", "a ", "a  b", "a\n")],
    *[ext("Uri", value) for value in ("http://example.org/a b", "x\n", "")],
    *[ext("Url", value) for value in ("http://example.org/a b",)],
    *[ext("Canonical", value) for value in ("http://example.org/a b",)],
    *[ext("Oid", value) for value in ("1.2.3", "urn:oid:3.1", "urn:oid:1.02")],
    *[ext("Uuid", value) for value in ("c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D")],
    *[ext("Id", value) for value in ("a b", "x" * 65, "a_b", "é")],
    *[ext("Date", value) for value in ("2020-02-31", "2021-02-29", "2020-04-31", "2020-13", "2020-00", "20", "0000")],
    *[ext(kind, 2020, "structure") for kind in ("Date", "DateTime", "Instant", "Time")],
    *[ext("Date", value) for value in ("2020-01-01T00:00:00Z", "2020-1-1", "2020-01-01\n", "٢٠٢٠")],
    *[ext("DateTime", value) for value in ("2020-01-01T10:00:00", "2020-01-01T10:00Z", "2020-01-01 10:00:00Z")],
    *[
        ext("DateTime", value)
        for value in ("2020-02-30T10:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T10:00:00+15:00")
    ],
    *[ext("Instant", value) for value in ("2020-01-01", "2020-01-01T10:00:00", "2019-02-29T10:00:00Z")],
    *[ext("Time", value) for value in ("10:00", "25:00:00", "10:00:00Z")],
    *[ext("Base64Binary", value) for value in ("a", "abc", "ab=c", "ab==cd==", "a-b_", "", "====", "Zm9v!")],
    Refused("base64 in a Binary", "Binary", {"data": "%%%%"}, "value", "data"),
    Refused("id with a space", PATIENT, {"id": "a b"}, "value", "id"),
    Refused("id of 65 characters", PATIENT, {"id": "x" * 65}, "value", "id"),
    Refused("id that is a number", PATIENT, {"id": 1}, "structure", "id"),
    Refused("quantity as text", OBSERVATION, quantity(value="72"), "structure", "value.value"),
    Refused(
        "lastUpdated without zone",
        PATIENT,
        {"meta": {"lastUpdated": "2020-01-01T10:00:00"}},
        "value",
        "meta.lastUpdated",
    ),
]

BINDINGS = [
    Refused("code outside", PATIENT, {"gender": "m"}, "code-invalid", "gender"),
    Refused("code in other case", OBSERVATION, {"status": "Final"}, "code-invalid", "status"),
    Refused("code deep inside", PATIENT, {"contact": [{"gender": "x"}]}, "code-invalid", "contact[0].gender"),
    Refused(
        "language in an array", "Questionnaire", {"subjectType": ["Patient", "Foo"]}, "code-invalid", "subjectType[1]"
    ),
    Refused(
        "concept outside",
        "Condition",
        {"clinicalStatus": {"coding": [{"system": "http://x", "code": "active"}]}},
        "code-invalid",
        "clinicalStatus",
    ),
    Refused(
        "concept without system",
        "Condition",
        {"clinicalStatus": {"coding": [{"code": "active"}]}},
        "code-invalid",
        "clinicalStatus",
    ),
    Refused(
        "concept of text alone", "Condition", {"clinicalStatus": {"text": "active"}}, "code-invalid", "clinicalStatus"
    ),
    Refused(
        "broken concept", "Condition", {"clinicalStatus": {"coding": "active"}}, "structure", "clinicalStatus.coding"
    ),
    Refused("MIME type", "Binary", {"contentType": "plain text"}, "code-invalid", "contentType"),
]

REFERENCES = [
    Refused("relative", OBSERVATION, {"subject": {"reference": "Practitioner/1"}}, "value", "subject.reference"),
    Refused(
        "version", OBSERVATION, {"subject": {"reference": "Practitioner/1/_history/2"}}, "value", "subject.reference"
    ),
    Refused(
        "absolute",
        OBSERVATION,
        {"subject": {"reference": "https://example.org/fhir/Practitioner/1"}},
        "value",
        "subject.reference",
    ),
    Refused(
        "conditional", OBSERVATION, {"subject": {"reference": "Practitioner?name=x"}}, "value", "subject.reference"
    ),
    Refused(
        "reference of another release",
        OBSERVATION,
        {"subject": {"reference": "NutritionProduct/1"}},
        "value",
        "subject.reference",
    ),
    Refused(
        "in an array",
        OBSERVATION,
        {"performer": [{"reference": "Patient/1"}, {"reference": "Group/1"}]},
        "value",
        "performer[1].reference",
    ),
    Refused("by type", OBSERVATION, {"subject": {"type": "Practitioner"}}, "value", "subject.type"),
    Refused(
        "type and text differ",
        OBSERVATION,
        {"subject": {"reference": "Patient/1", "type": "Group"}},
        "value",
        "subject.type",
    ),
    Refused(
        "contained of a wrong type",
        ORDER,
        {"contained": [{"resourceType": "Patient", "id": "m"}]},
        "value",
        "medication.reference",
    ),
    Refused(
        "in a data type",
        PATIENT,
        {"identifier": [{"assigner": {"reference": "Patient/1"}}]},
        "value",
        "identifier[0].assigner.reference",
    ),
    Refused("no text", OBSERVATION, {"subject": {"reference": 5}}, "structure", "subject.reference"),
    Refused("ref-1", OBSERVATION, {"subject": {"reference": "#p"}}, "invariant", "subject.reference"),
    Refused("itself", OBSERVATION, {"subject": {"reference": "#"}}, "value", "subject.reference"),
]

NARRATIVE = [
    Refused(title, PATIENT, div(inside), code, "text.`div`")
    for title, inside, code in (
        ("script", "<script>x</script>", "invariant"),
        ("handler", '<p onclick="x()">y</p>', "invariant"),
        ("javascript address", '<a href="javascript:x()">y</a>', "invariant"),
        ("hidden javascript address", '<a href="java&#10;script:x()">y</a>', "invariant"),
        ("data address", '<a href="data:text/html,x">y</a>', "invariant"),
        ("form", '<form action="x"><p>y</p></form>', "invariant"),
        ("iframe", '<iframe src="http://example.org"/>', "invariant"),
        ("style element", "<style>p {}</style>y", "invariant"),
        ("active style", '<p style="width: expression(x())">y</p>', "invariant"),
        ("other namespace", '<svg xmlns="http://www.w3.org/2000/svg"/>', "invariant"),
        ("entity", "&nbsp;x", "structure"),
        ("not closed", "<p>x", "structure"),
        ("nothing to read (txt-2)", " \n ", "invariant"),
    )
] + [
    Refused("no XML", PATIENT, {"text": {"status": "generated", "div": "plain text"}}, "structure", "text.`div`"),
    Refused(
        "no namespace", PATIENT, {"text": {"status": "generated", "div": "<div>x</div>"}}, "invariant", "text.`div`"
    ),
    Refused(
        "root",
        PATIENT,
        {"text": {"status": "generated", "div": f'<p xmlns="{XHTML}">x</p>'}},
        "invariant",
        "text.`div`",
    ),
    Refused(
        "document type",
        PATIENT,
        {"text": {"status": "generated", "div": f'<!DOCTYPE div [<!ENTITY a "x">]><div xmlns="{XHTML}">&a;</div>'}},
        "invariant",
        "text.`div`",
    ),
    Refused("narrative without div", PATIENT, {"text": {"status": "generated"}}, "required", "text.`div`"),
]

REFUSED = STRUCTURE + PRIMITIVES + BINDINGS + REFERENCES + NARRATIVE

ACCEPTED: dict[str, Json] = {
    "birthDate by an extension alone": changed(PATIENT, {"_birthDate": ABSENT}),
    "id beside a value": changed(PATIENT, {"gender": "male", "_gender": {"id": "g"}}),
    "required primitive by an extension alone": changed(OBSERVATION, {"status": GONE, "_status": ABSENT}),
    "required choice by an extension alone": changed(
        "Patient", {"extension": [{"url": "http://example.org/x", "_valueString": ABSENT}]}
    ),
    "null beside _given": changed(PATIENT, name(given=[None, "B"], _given=[ABSENT, None])),
    "extension beside a value": changed(PATIENT, name(given=["A"], _given=[ABSENT])),
    "29 February": changed(PATIENT, {"birthDate": "2024-02-29"}),
    "partial dates": changed(PATIENT, {"birthDate": "1970-05"}),
    "a year before 1000": changed(PATIENT, {"birthDate": "0999"}),
    "nine digits of a second": changed(OBSERVATION, {"effectiveDateTime": "2020-01-01T10:00:00.123456789Z"}),
    "a leap second": changed(OBSERVATION, {"effectiveDateTime": "2016-12-31T23:59:60Z"}),
    "the last zone": changed(OBSERVATION, {"effectiveDateTime": "2020-01-01T10:00:00+14:00"}),
    "a long decimal": changed(OBSERVATION, quantity(value=Decimal("1.2345678901234567890123450"))),
    "a whole number as decimal": changed(OBSERVATION, quantity(value=72)),
    "white space in text": changed(PATIENT, name(text="Anna\tB.\r\nWeber \u00a0")),
    "no-break space in a code": changed(PATIENT, extension(valueCode="a\u00a0")),
    "backslashes": changed(PATIENT, name(text="C:\\users\\bin {} \\u0000")),
    "an OID": changed(PATIENT, {"identifier": [{"system": "urn:oid:2.16.840.1.113883.4.1", "value": "1"}]}),
    "base64 in lines": changed("Binary", {"data": "aGVs\r\nbG8="}),
    "MIME type with parameters": changed("Binary", {"contentType": "application/fhir+json; fhirVersion=4.0"}),
    "valueMeta": changed(PATIENT, extension(valueMeta={"versionId": "1"})),
    "a relative canonical": changed("ActivityDefinition", {"library": ["Library/1"]}),
    "ids with dots and capitals": changed(PATIENT, {"id": "A.b-C.1"}),
    "reference by identifier": changed(OBSERVATION, {"subject": {"identifier": {"value": "1"}, "type": "Patient"}}),
    "reference to a urn": changed(
        OBSERVATION, {"subject": {"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}}
    ),
    "reference anywhere": changed(OBSERVATION, {"subject": {"reference": "http://example.org/about-him"}}),
    "reference with its type": changed(
        OBSERVATION, {"subject": {"reference": "https://x.org/r4/Patient/1", "type": "Patient"}}
    ),
    "reference of a logical model": changed(
        OBSERVATION, {"subject": {"type": "http://example.org/StructureDefinition/Dog"}}
    ),
    "contained that points outside": changed(
        "Patient",
        {
            "contained": [
                {
                    "resourceType": "Provenance",
                    "id": "v",
                    "target": [{"reference": "#"}],
                    "recorded": "2020-01-01T10:00:00Z",
                }
                | {"agent": [{"who": {"reference": "Patient/1"}}]}
            ]
        },
    ),
    "contained reached by a canonical": changed(
        "ActivityDefinition",
        {
            "contained": [{"resourceType": "Library", "id": "l", "status": "draft", "type": {"text": "x"}}],
            "library": ["#l"],
        },
    ),
    "concept by an extension alone": changed("Condition", {"clinicalStatus": {"extension": [EXTENSION]}}),
    "one coding of two in the value set": changed(
        "Condition",
        {"clinicalStatus": {"coding": [{"code": "x"}, *VALID["Condition"]["clinicalStatus"]["coding"]]}},
    ),
    "image in a narrative": changed(PATIENT, div('<img src="data:image/png;base64,aGk=" alt="x"/>')),
    "links in a narrative": changed(
        PATIENT, div('<a name="x" href="#y" xml:lang="de">x</a> <a href="Patient/1">y</a>')
    ),
    "style in a narrative": changed(
        PATIENT, div('<p style="color: red; background: url(x.png)">x &amp; y</p><!-- z -->')
    ),
}
