"""Profiles: what a StructureDefinition with a snapshot asks of an instance, as one tree of rules.

https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct


class Type(Struct, frozen=True):
    """One type that an element may have. https://hl7.org/fhir/R4/elementdefinition.html#type"""

    code: str  # "Reference", "CodeableConcept"; of an id or url the FHIR type and not System.String
    profiles: tuple[str, ...] = ()  # canonical URLs, one of which the value conforms to
    targets: tuple[str, ...] = ()  # of a Reference or canonical: canonical URLs, one of which its target conforms to
    aggregation: tuple[str, ...] = ()  # contained | referenced | bundled


class Value(Struct, frozen=True):
    """A fixed value, a pattern, a bound: with its FHIR type, as an exact tree."""

    type: str
    value: Any


class Binding(Struct, frozen=True):
    """https://hl7.org/fhir/R4/elementdefinition.html#binding"""

    strength: str  # required | extensible | preferred | example
    value_set: str  # canonical URL, perhaps with |version
    max_value_set: str = ""  # elementdefinition-maxValueSet: no code outside this one, however weak the binding is


class Discriminator(Struct, frozen=True):
    """https://hl7.org/fhir/R4/profiling.html#discriminator"""

    type: str  # value | exists | pattern | type | profile
    path: str  # restricted FHIRPath: "code", "$this", "resolve().code", "extension('url').value"


class Slicing(Struct, frozen=True):
    """https://hl7.org/fhir/R4/profiling.html#slicing"""

    discriminators: tuple[Discriminator, ...]
    rules: str  # closed | open | openAtEnd
    ordered: bool


class Rule(Struct, frozen=True):
    """What is asked of one element, or of one slice of it."""

    id: str  # "Observation.component:systolic.value[x]"
    path: str  # "Observation.component.value[x]"
    name: str  # last part of the path, without [x]: "value"; of a root the type
    choice: bool  # the path ends in [x]
    slice_name: str | None
    minimum: int
    maximum: int | None  # None: *
    types: tuple[Type, ...]
    fixed: Value | None
    pattern: Value | None
    lowest: Value | None  # minValue[x]
    highest: Value | None  # maxValue[x]
    max_length: int | None
    binding: Binding | None
    slicing: Slicing | None
    constraints: tuple[Invariant, ...]
    is_modifier: bool
    must_support: bool
    children: tuple[Rule, ...]  # of the snapshot below this id, in order; slices are in `slices` of their element
    slices: tuple[Rule, ...]  # of a slice its reslices


class Invariant(Struct, frozen=True):
    """A constraint of an element. https://hl7.org/fhir/R4/elementdefinition.html#constraint"""

    key: str
    severity: str  # error | warning
    human: str
    expression: str  # FHIRPath, "" if there is none
    source: str  # canonical URL of the structure that brought it in


class Context(Struct, frozen=True):
    """Where an extension may be used. https://hl7.org/fhir/R4/defining-extensions.html#context"""

    type: str  # fhirpath | element | extension
    expression: str


@dataclass(frozen=True, eq=False)
class Profile:
    """A StructureDefinition to validate by. One object for one version: what is compiled of it is kept with it."""

    url: str
    version: str
    name: str
    type: str  # "Patient", "Extension"
    kind: str  # resource | complex-type | primitive-type | logical
    derivation: str  # specialization | constraint
    base: str  # canonical URL of what it is derived from
    contexts: tuple[Context, ...]
    context_invariants: tuple[str, ...]
    root: Rule
    size: int = 1  # elements, which are what it costs to look for one
