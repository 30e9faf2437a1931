"""A StructureDefinition is read into a Structure, with the traps of the official files."""

from __future__ import annotations

import re

import msgspec
import pytest

from resources import definitions
from resources.elements import TypeRef, read_structure

STRUCTURES = definitions.load().structures


def element(path: str) -> definitions.Element:
    return STRUCTURES[path.partition(".")[0]].elements[path]


def test_structure() -> None:
    patient = STRUCTURES["Patient"]
    assert (patient.kind, patient.abstract, patient.base) == ("resource", False, "DomainResource")
    assert patient.url == "http://hl7.org/fhir/StructureDefinition/Patient"
    assert next(iter(patient.elements)) == "Patient"
    assert [child.name for child in patient.children["Patient"]][:9] == [
        "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension", "identifier",
    ]  # fmt: skip
    assert [child.name for child in patient.children["Patient.link"]][-2:] == ["other", "type"]
    assert STRUCTURES["Resource"].base == ""
    assert STRUCTURES["SimpleQuantity"].base == "Quantity"


@pytest.mark.parametrize(
    ("path", "name", "choice", "minimum", "many"),
    [
        ("Patient", "Patient", False, 0, False),
        ("Patient.name", "name", False, 0, True),
        ("Patient.deceased[x]", "deceased", True, 0, False),
        ("Observation.component.value[x]", "value", True, 0, False),
        ("Observation.status", "status", False, 1, False),
        ("Bundle.entry.link", "link", False, 0, True),
        ("Quantity.comparator", "comparator", False, 0, False),
    ],
)
def test_cardinality(path: str, name: str, choice: bool, minimum: int, many: bool) -> None:
    found = element(path)
    assert (found.name, found.choice, found.minimum, found.many) == (name, choice, minimum, many)


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("Observation.subject", [TypeRef("Reference", ("Patient", "Group", "Device", "Location"))]),
        ("Observation.focus", [TypeRef("Reference")]),  # Reference(Any)
        ("Observation.component", [TypeRef("BackboneElement")]),
        ("Observation.referenceRange.low", [TypeRef("Quantity", (), ("SimpleQuantity",))]),
        ("Patient.deceased[x]", [TypeRef("boolean"), TypeRef("dateTime")]),
        ("Patient.contained", [TypeRef("Resource")]),
        ("Bundle.entry.link", []),
        ("Patient", []),
        # typed http://hl7.org/fhirpath/System.String in the official files
        ("Patient.id", [TypeRef("id")]),
        ("Patient.contact.id", [TypeRef("string")]),
        ("Extension.url", [TypeRef("uri")]),
        ("HumanName.id", [TypeRef("string")]),
        ("xhtml.id", [TypeRef("string")]),
    ],
)
def test_types(path: str, types: list[TypeRef]) -> None:
    assert list(element(path).types) == types


def test_json_names_of_a_choice_end_with_the_type() -> None:
    choice = element("Patient.deceased[x]")
    assert [choice.json_name(one) for one in choice.types] == ["deceasedBoolean", "deceasedDateTime"]
    assert element("Patient.name").json_name(TypeRef("HumanName")) == "name"


def test_every_type_and_target_is_defined() -> None:
    refs = [ref for s in STRUCTURES.values() for e in s.elements.values() for ref in e.types]
    assert {ref.code for ref in refs} <= set(STRUCTURES)
    assert {target for ref in refs for target in ref.targets} <= set(definitions.load().resource_types)
    assert {profile for ref in refs for profile in ref.profiles} == {"SimpleQuantity"}


def test_content_is_a_path_of_the_same_structure() -> None:
    for structure in STRUCTURES.values():
        for found in structure.elements.values():
            assert (found.content is None) or found.content in structure.children
    assert element("Bundle.entry.link").content == "Bundle.link"


def test_bindings_are_the_required_ones_without_version() -> None:
    assert element("Patient.gender").binding == "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert element("Patient.maritalStatus").binding is None  # extensible
    assert element("Patient.language").binding is None  # preferred


def test_flags_and_constraints() -> None:
    assert element("Patient.active").modifier
    assert element("Patient.active").summary
    assert not element("Patient.photo").summary
    assert [(c.key, c.severity) for c in element("Patient.contact").constraints] == [
        ("ele-1", "error"),
        ("pat-1", "error"),
    ]
    assert "name.exists()" in element("Patient.contact").constraints[1].expression


def test_patterns_of_primitives() -> None:
    patterns = {name: s.pattern for name, s in STRUCTURES.items() if s.kind == "primitive-type"}
    assert {name for name, pattern in patterns.items() if not pattern} == {"xhtml"}
    assert patterns["id"] == r"[A-Za-z0-9\-\.]{1,64}"
    assert all(re.compile(pattern) for pattern in patterns.values() if pattern)
    assert all(s.pattern is None for s in STRUCTURES.values() if s.kind != "primitive-type")


def test_nothing_can_be_changed() -> None:
    patient = STRUCTURES["Patient"]
    with pytest.raises(AttributeError):
        patient.name = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        patient.elements["Patient"] = element("Patient.id")  # type: ignore[index]


def test_a_structure_needs_a_snapshot() -> None:
    text = b'{"name":"X","kind":"resource","abstract":false,"url":"http://example.org/X","differential":{"element":[]}}'
    with pytest.raises(msgspec.DecodeError, match="snapshot"):
        read_structure(text)


def test_extensible_bindings_are_kept_apart_from_required_ones() -> None:
    elements = definitions.load().structures["Observation"].elements
    interpretation, status = elements["Observation.interpretation"], elements["Observation.status"]
    assert (interpretation.binding, status.extensible) == (None, None)
    assert interpretation.extensible == "http://hl7.org/fhir/ValueSet/observation-interpretation"
    assert status.binding == "http://hl7.org/fhir/ValueSet/observation-status"
    assert elements["Observation.code"].extensible is None  # an example only
