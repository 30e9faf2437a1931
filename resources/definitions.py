"""What R4 is, as immutable values: types and elements, search parameters, operations, compartments, required codes.

Read from resources/data/r4.zip (made by resources/data/build.py from the official package), one member at a time and
one structure at a time, so that a process pays for what it asks.
https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from . import exact
from .elements import Constraint, Element, Structure, TypeRef, read_structure

__all__ = ["Constraint", "Definitions", "Element", "SearchParameter", "Structure", "TypeRef", "load"]

DATA = Path(__file__).parent / "data"
_MEMBERS = {
    "CodeSystem": "code-systems",
    "ValueSet": "value-sets",
    "ConceptMap": "concept-maps",
    "StructureDefinition": "profiles",
}


class SearchParameter(msgspec.Struct, frozen=True):
    """A search parameter as defined. https://hl7.org/fhir/R4/searchparameter.html"""

    url: str
    code: str
    type: str  # number | date | string | token | reference | composite | quantity | uri | special
    bases: tuple[str, ...]  # resource types, among them perhaps "Resource" or "DomainResource"
    expression: str | None  # FHIRPath; None where the server has to know (_text, _content, _query)
    targets: tuple[str, ...]  # of a reference: the resource types it may point to
    components: tuple[tuple[str, str], ...]  # of a composite: (URL of the parameter, expression below `expression`)
    comparators: tuple[str, ...]  # eq, ne, gt … as far as the definition lists them
    description: str
    number: int = 0  # of a tenant's own parameter, in the database; those of R4 are in search/data
    unready: str = ""  # why a search cannot use it yet: "is being indexed: 20 of 300 resources are done"


class Definitions:
    """The definitions of R4; every attribute is read on first use and never changes."""

    def __init__(self, data: Path = DATA) -> None:
        self._data = data
        self._own: tuple[SearchParameter, ...] = ()
        self._official: dict[str, Mapping[str, SearchParameter]] = {}  # by type; shared by all that are made of these
        self._of_type: dict[str, Mapping[str, SearchParameter]] = {}

    def with_parameters(self, own: Iterable[SearchParameter]) -> Definitions:
        """These definitions and a tenant's own search parameters. Cheap: all else is shared."""
        # What was read before the copy is there once, for all.
        _ = self.structures, self.search_parameters, self.compartments, self._codes, self._names, self._numbers
        extended = copy(self)
        extended._own, extended._of_type = tuple(own), {}
        return extended

    @cached_property
    def structures(self) -> _Structures:
        """All resource and data types by name; a structure is built when it is first asked for."""
        return _Structures(msgspec.json.decode(self._member("structures"), type=dict[str, msgspec.Raw]))

    @cached_property
    def resource_types(self) -> tuple[str, ...]:
        """The names of the concrete resource types, sorted."""
        return tuple(sorted(self._numbers))

    def is_resource_type(self, name: str) -> bool:
        return name in self._numbers

    def type_number(self, resource_type: str) -> int:
        """The number that stands for the type in the database, from 1; it never changes."""
        return self._numbers[resource_type]

    def type_name(self, number: int) -> str:
        return self._names[number - 1]

    @cached_property
    def search_parameters(self) -> tuple[SearchParameter, ...]:
        read = msgspec.json.decode(self._member("search-parameters"), type=dict[str, _SearchParameter])
        return tuple(defined.as_value() for defined in read.values())

    @property
    def own_parameters(self) -> tuple[SearchParameter, ...]:
        """A tenant's own search parameters, also those that are not ready."""
        return self._own

    def parameters_of(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """Code → search parameter of the type, those of Resource and DomainResource included.

        Among them a tenant's own, also those that are not ready, by which every resource is indexed already: a search
        asks `unready` first."""
        known = self._of_type.get(resource_type)
        if known is None:
            lineage = self._lineage(resource_type)
            if resource_type not in self._official:
                found = {p.code: p for p in self.search_parameters if not lineage.isdisjoint(p.bases)}
                self._official[resource_type] = MappingProxyType(found)
            known = self._official[resource_type]
            if own := {p.code: p for p in self._own if not lineage.isdisjoint(p.bases)}:
                known = MappingProxyType({**known, **own})
            self._of_type[resource_type] = known
        return known

    def types_below(self, bases: Iterable[str]) -> tuple[str, ...]:
        """The concrete resource types that a search parameter with these bases is on."""
        wanted = set(bases)
        return tuple(t for t in self.resource_types if t in wanted or not self._lineage(t).isdisjoint(wanted))

    def _lineage(self, resource_type: str) -> set[str]:
        lineage = {resource_type}
        while base := self.structures[resource_type].base:
            lineage.add(resource_type := base)
        return lineage

    @cached_property
    def operations(self) -> tuple[dict[str, Any], ...]:
        """The OperationDefinitions, without their narrative. https://hl7.org/fhir/R4/operationdefinition.html"""
        return tuple(msgspec.json.decode(self._member("operations"), type=dict[str, dict[str, Any]]).values())

    @cached_property
    def compartments(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Compartment ("Patient") → resource type → codes of the parameters that put a resource into it.

        Types outside the compartment are absent; "{def}" stands for the resource that the compartment is of.
        https://hl7.org/fhir/R4/compartmentdefinition.html
        """
        read = msgspec.json.decode(self._member("compartments"), type=dict[str, _Compartment])
        inside = {name: {r.code: r.param for r in defined.resource if r.param} for name, defined in read.items()}
        return MappingProxyType({name: MappingProxyType(types) for name, types in inside.items()})

    def codes(self, value_set: str) -> Mapping[str, frozenset[str]] | None:
        """System → codes of a value set that a required binding names (its URL without version).

        None if it cannot be enumerated: MIME types, UCUM units, and one list of LOINC answers.
        """
        return self._codes.get(value_set)

    @cached_property
    def _codes(self) -> dict[str, Mapping[str, frozenset[str]]]:
        read = msgspec.json.decode(self._member("codes"), type=dict[str, dict[str, frozenset[str]]])
        return {value_set: MappingProxyType(systems) for value_set, systems in read.items()}

    def canonical(self, resource_type: str, url: str) -> dict[str, Any] | None:
        """R4's own CodeSystem, ValueSet, profile or extension of that canonical URL, as an exact tree made for the
        caller; the definitions of types are in `definition`."""
        text = _texts(self._data, _MEMBERS[resource_type]).get(url)
        return None if text is None else exact.trusted(text)

    def canonicals(self, resource_type: str) -> Collection[str]:
        """The canonical URLs of all of R4's own CodeSystems, ValueSets, ConceptMaps or profiles and extensions."""
        return _texts(self._data, _MEMBERS[resource_type])

    def definition(self, name: str) -> dict[str, Any] | None:
        """The StructureDefinition of a resource or data type, as an exact tree made for the caller."""
        text = self.structures.text(name)
        return None if text is None else exact.trusted(text)

    def system_of(self, value_set: str) -> str | None:
        """The URL of R4's own CodeSystem that says of itself that this value set is all of it."""
        return _systems(self._data).get(value_set)

    @cached_property
    def _names(self) -> list[str]:
        return (self._data / "type_numbers.txt").read_text(encoding="ascii").split()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._names, 1)}

    def _member(self, name: str) -> bytes:
        return _member(self._data, name)


def read_parameter(tree: Mapping[str, Any]) -> SearchParameter:
    """A valid SearchParameter resource as a value; versions of canonical URLs are left out."""
    return msgspec.convert(tree, _SearchParameter).as_value()


@functools.cache
def load() -> Definitions:
    """The definitions of R4 4.0.1, one instance for the process."""
    return Definitions()


@functools.cache
def _texts(data: Path, member: str) -> dict[str, msgspec.Raw]:
    """URL → JSON text. 7 MB in all; as trees they would take ten times that."""
    return msgspec.json.decode(_member(data, member), type=dict[str, msgspec.Raw])


@functools.cache
def _systems(data: Path) -> dict[str, str]:
    """URL of the value set of all codes → URL of the code system."""
    read = msgspec.json.decode(_member(data, "code-systems"), type=dict[str, _CodeSystem])
    return {system.valueSet: url for url, system in read.items() if system.valueSet}


def _member(data: Path, name: str) -> bytes:
    with zipfile.ZipFile(data / "r4.zip") as archive:
        return archive.read(f"{name}.json")


class _Structures(Mapping[str, Structure]):
    """Structures by name, each built from its text when first asked for."""

    __hash__ = object.__hash__  # what is made of them is kept by them; a tenant's own definitions share them

    def __init__(self, texts: Mapping[str, msgspec.Raw]) -> None:
        self._texts = texts
        self._built: dict[str, Structure] = {}

    def __getitem__(self, name: str) -> Structure:
        if name not in self._built:
            self._built[name] = read_structure(self._texts[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def text(self, name: str) -> msgspec.Raw | None:
        return self._texts.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


class _CodeSystem(msgspec.Struct):
    valueSet: str | None = None


class _Component(msgspec.Struct):
    definition: str
    expression: str


class _SearchParameter(msgspec.Struct):
    url: str
    code: str
    type: str
    base: tuple[str, ...]
    description: str
    expression: str | None = None
    target: tuple[str, ...] = ()
    component: tuple[_Component, ...] = ()
    comparator: tuple[str, ...] = ()

    def as_value(self) -> SearchParameter:
        components = tuple((one.definition.partition("|")[0], one.expression) for one in self.component)
        return SearchParameter(
            self.url, self.code, self.type, self.base, self.expression, self.target, components,
            self.comparator, self.description,
        )  # fmt: skip


class _InCompartment(msgspec.Struct):
    code: str
    param: tuple[str, ...] = ()


class _Compartment(msgspec.Struct):
    resource: tuple[_InCompartment, ...]
