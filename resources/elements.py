"""Structures and their elements, read from StructureDefinitions with a snapshot.

https://hl7.org/fhir/R4/structuredefinition.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM_TYPES = "http://hl7.org/fhirpath/System."
_VALUE_SETS = "http://hl7.org/fhir/ValueSet/"
# The elementdefinition-maxValueSet of R4's own bindings, which resources/data/r4.zip leaves out: everywhere the same for
# the same value set. That of Expression.language is an RFC and no value set.
_LIMITS = {
    _VALUE_SETS + bound: _VALUE_SETS + largest
    for bound, largest in (
        ("languages", "all-languages"),
        ("age-units", "all-time-units"),
        ("duration-units", "all-time-units"),
        ("distance-units", "all-distance-units"),
    )
}


class TypeRef(msgspec.Struct, frozen=True):
    """One type an element may have. https://hl7.org/fhir/R4/elementdefinition.html#type"""

    code: str  # "Reference", "string", "BackboneElement"; "id" for Resource.id, whose rule is that of type id
    targets: tuple[str, ...] = ()  # resource types a Reference or canonical may point to; () means any
    profiles: tuple[str, ...] = ()  # names of the profiles the value conforms to: "SimpleQuantity" or none


class Constraint(msgspec.Struct, frozen=True):
    """An invariant. Keys repeat from type to type with other expressions: name it by type and key."""

    key: str
    severity: str  # error | warning
    human: str
    expression: str = ""  # FHIRPath


class Element(msgspec.Struct, frozen=True):
    """One element of a structure. https://hl7.org/fhir/R4/elementdefinition.html"""

    path: str  # "Observation.component.value[x]"
    name: str  # "value": the last part of the path, without [x]
    choice: bool  # the JSON name has the type at its end: valueQuantity
    minimum: int
    many: bool  # a JSON array: decided by the base definition, never by a profile's max
    types: tuple[TypeRef, ...]  # () for the root of a structure and where `content` stands
    content: str | None  # path of the element whose children this one repeats ("Bundle.link")
    binding: str | None  # canonical URL of the value set, without version, if the binding is required
    summary: bool
    modifier: bool
    constraints: tuple[Constraint, ...]
    extensible: str | None = None  # as `binding`, if the binding is extensible
    limit: str | None = None  # the value set that no code may be outside of, though the binding is not required

    def json_name(self, one: TypeRef) -> str:
        """The element's name in JSON when it has this type: "valueQuantity". https://hl7.org/fhir/R4/json.html"""
        return self.name + one.code[0].upper() + one.code[1:] if self.choice else self.name


class Structure(msgspec.Struct, frozen=True):
    """A resource type or data type with all of its elements, the inherited ones included."""

    name: str
    kind: str  # resource | complex-type | primitive-type | logical
    abstract: bool
    base: str  # name of the structure it is derived from, "" for Resource and Element
    url: str
    elements: Mapping[str, Element]  # by path, in the order of the definition; the root comes first
    children: Mapping[str, tuple[Element, ...]]  # by the path of the parent
    pattern: str | None  # of a primitive: the official regular expression, meant for the whole value


def read_structure(text: bytes | msgspec.Raw) -> Structure:
    """The structure that a StructureDefinition (JSON) describes; raises msgspec.DecodeError if it has no snapshot."""
    defined = msgspec.json.decode(text, type=_StructureDefinition)
    elements = {read.path: _element(read) for read in defined.snapshot.element}
    children: dict[str, list[Element]] = {}
    for path, element in elements.items():
        if "." in path:
            children.setdefault(path.rpartition(".")[0], []).append(element)
    patterns = [x.valueString for read in defined.snapshot.element for one in read.type for x in one.extension]
    return Structure(
        defined.name,
        defined.kind,
        defined.abstract,
        defined.baseDefinition.removeprefix(CANONICAL),
        defined.url,
        MappingProxyType(elements),
        MappingProxyType({path: tuple(below) for path, below in children.items()}),
        max(patterns, default="") or None if defined.kind == "primitive-type" else None,
    )


def _element(read: _ElementDefinition) -> Element:
    name = read.path.rpartition(".")[2]
    strength = read.binding.strength if read.binding else None
    value_set = read.binding.valueSet.partition("|")[0] if read.binding else None
    return Element(
        read.path,
        name.removesuffix("[x]"),
        name.endswith("[x]"),
        read.min,
        read.base.max != "1" and "." in read.path,
        tuple(_type_ref(one, read.base.path) for one in read.type),
        read.contentReference.removeprefix("#") if read.contentReference else None,
        value_set if strength == "required" else None,
        read.isSummary,
        read.isModifier,
        read.constraint,
        value_set or None if strength == "extensible" else None,
        _LIMITS.get(value_set or ""),
    )


def _type_ref(one: _Type, base_path: str) -> TypeRef:
    code = one.code
    if code.startswith(SYSTEM_TYPES):  # an id, a url, the value of a primitive: an extension has the FHIR type
        code = next((x.valueUrl for x in one.extension if x.valueUrl), "string")
    if base_path == "Resource.id":  # the definitions say string, the specification says id
        code = "id"
    targets = tuple(target.removeprefix(CANONICAL) for target in one.targetProfile)
    profiles = tuple(profile.removeprefix(CANONICAL) for profile in one.profile)
    return TypeRef(code, () if "Resource" in targets else targets, profiles)


# What is read of a StructureDefinition; everything else in it is passed over.


class _Extension(msgspec.Struct):
    url: str
    valueUrl: str = ""  # structuredefinition-fhir-type
    valueString: str = ""  # regex


class _Type(msgspec.Struct):
    code: str
    profile: tuple[str, ...] = ()
    targetProfile: tuple[str, ...] = ()
    extension: tuple[_Extension, ...] = ()


class _Inherited(msgspec.Struct):
    path: str
    max: str


class _Binding(msgspec.Struct):
    strength: str
    valueSet: str = ""


class _ElementDefinition(msgspec.Struct):
    path: str
    min: int
    base: _Inherited
    type: tuple[_Type, ...] = ()
    contentReference: str | None = None
    binding: _Binding | None = None
    constraint: tuple[Constraint, ...] = ()
    isSummary: bool = False
    isModifier: bool = False


class _Snapshot(msgspec.Struct):
    element: tuple[_ElementDefinition, ...]


class _StructureDefinition(msgspec.Struct):
    name: str
    kind: str
    abstract: bool
    url: str
    snapshot: _Snapshot
    baseDefinition: str = ""
