"""What a release of terminology consists of, whatever files it came in: one record for each thing that is said.

A loader reads the official files into records, the database keeps them as they are, and an index is built of them. A
CodeSystem resource is read into the same records. Codes are those of the code system; records may come in any order,
but concepts keep theirs: it is the order of a hierarchy's children.
https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class PropertyDefinition(Struct, frozen=True):
    """A property that concepts may have. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.property"""

    code: str
    type: str = "string"  # code | Coding | string | integer | boolean | dateTime | decimal
    uri: str = ""
    description: str = ""


class FilterDefinition(Struct, frozen=True):
    """A filter that value sets may use. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.filter"""

    code: str
    operators: tuple[str, ...] = ()
    value: str = ""
    description: str = ""


class About(Struct, frozen=True):
    """What is to be said of one version of a code system or concept map, besides its content."""

    url: str
    version: str = ""
    name: str = ""
    title: str = ""
    status: str = "active"
    kind: str = (
        ""  # whose rules hold beyond R4's general ones: snomed | loinc | rxnorm | icd-10 | icd-11 …; "" for none
    )
    content: str = "complete"  # not-present | example | fragment | complete | supplement
    experimental: bool = False
    case_sensitive: bool = True
    hierarchy_meaning: str = "is-a"  # is-a | grouped-by | part-of | classified-with; "" if it was not said
    compositional: bool = False
    version_needed: bool = False
    language: str = ""
    value_set: str = ""  # canonical URL of the value set of all its codes
    supplements: str = ""  # canonical URL of the code system that this one is a supplement of
    copyright: str = ""
    date: str = ""
    publisher: str = ""
    description: str = ""
    properties: tuple[PropertyDefinition, ...] = ()
    filters: tuple[FilterDefinition, ...] = ()
    extension: tuple[Mapping[str, Any], ...] = ()  # those of the resource itself
    source: str = ""  # of a concept map: the code system or value set that is mapped from …
    target: str = ""  # … and to


class Concept(Struct, frozen=True, array_like=True, tag_field="record", tag="c"):
    """One code. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept"""

    code: str
    display: str = ""
    definition: str = ""
    inactive: bool = False
    abstract: bool = False  # notSelectable: there to select others by
    status: str = ""  # as the property `status` says it: active | deprecated | retired …
    extension: tuple[Mapping[str, Any], ...] = ()


class Term(Struct, frozen=True, array_like=True, tag_field="record", tag="t"):
    """A designation of a concept, beside its display."""

    code: str
    value: str
    language: str = ""
    use: tuple[str, str, str] = ("", "", "")  # system, code and display; "" for none
    preferred: tuple[str, ...] = ()  # dialects (ids of language reference sets) in which it is preferred …
    acceptable: tuple[str, ...] = ()  # … or acceptable
    inactive: bool = False
    id: str = ""  # of the description
    fields: Mapping[str, str] = {}  # what else the release says: moduleId, effectiveTime, caseSignificanceId
    extension: tuple[Mapping[str, Any], ...] = ()


class Parent(Struct, frozen=True, array_like=True, tag_field="record", tag="p"):
    """A concept is below another one."""

    code: str
    parent: str


class Property(Struct, frozen=True, array_like=True, tag_field="record", tag="a"):
    """A property or attribute of a concept."""

    code: str
    name: str
    value: str  # as it is written: "true", "1.50", a code
    type: str = (
        "string"  # code | Coding | string | integer | boolean | dateTime | decimal | concept: one of this system
    )
    system: str = ""  # of a Coding
    display: str = ""  # of a Coding
    group: int = 0  # role group; 0 for none
    extension: tuple[Mapping[str, Any], ...] = ()
    description: str = ""


class Member(Struct, frozen=True, array_like=True, tag_field="record", tag="m"):
    """A concept is a member of a set that the release itself has: a reference set, an answer list, a group, a panel."""

    set: str  # its code
    code: str
    fields: Mapping[str, str] = {}  # mapTarget, sequence, moduleId, effectiveTime, active …


class Row(Struct, frozen=True, array_like=True, tag_field="record", tag="r"):
    """A row of a map, whole: what a rule evaluates later is here already.

    https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.element"""

    source_system: str
    source: str
    target_system: str = ""
    target: str | None = None  # None: the map says that there is none
    equivalence: str = "relatedto"  # http://hl7.org/fhir/concept-map-equivalence
    source_display: str = ""
    target_display: str = ""
    group: int = 0
    priority: int = 0
    rule: str = ""
    advice: str = ""
    correlation: str = ""
    category: str = ""
    comment: str = ""
    depends_on: tuple[tuple[str, str, str, str], ...] = ()  # property, system, value, display
    products: tuple[tuple[str, str, str, str], ...] = ()  # property, system, value, display
    id: str = ""  # of the row in its source
    fields: Mapping[str, str] = {}  # what else the source says: moduleId, effectiveTime, approximate, scenario …


Record = Concept | Term | Parent | Property | Member | Row
