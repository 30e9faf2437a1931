"""What R4 is, as immutable values: types and elements, search parameters, operations, compartments, required codes.

Read from resources/data/r4.zip (made by resources/data/build.py from the official package), one member at a time and
one structure at a time, so that a process pays for what it asks.
https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from .elements import Constraint, Element, Structure, TypeRef, read_structure

__all__ = ["Constraint", "Definitions", "Element", "SearchParameter", "Structure", "TypeRef", "load"]

DATA = Path(__file__).parent / "data"


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


class Definitions:
    """The definitions of R4; every attribute is read on first use and never changes."""

    def __init__(self, data: Path = DATA) -> None:
        self._data = data

    @cached_property
    def structures(self) -> Mapping[str, Structure]:
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

    @functools.cache  # noqa: B019 - the instance lives as long as the process
    def parameters_of(self, resource_type: str) -> Mapping[str, SearchParameter]:
        """Code → search parameter of the type, those of Resource and DomainResource included."""
        lineage = {resource_type}
        while base := self.structures[resource_type].base:
            lineage.add(resource_type := base)
        return MappingProxyType({p.code: p for p in self.search_parameters if not lineage.isdisjoint(p.bases)})

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

    @cached_property
    def _names(self) -> list[str]:
        return (self._data / "type_numbers.txt").read_text(encoding="ascii").split()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._names, 1)}

    def _member(self, name: str) -> bytes:
        with zipfile.ZipFile(self._data / "r4.zip") as archive:
            return archive.read(f"{name}.json")


@functools.cache
def load() -> Definitions:
    """The definitions of R4 4.0.1, one instance for the process."""
    return Definitions()


class _Structures(Mapping[str, Structure]):
    """Structures by name, each built from its text when first asked for."""

    def __init__(self, texts: Mapping[str, msgspec.Raw]) -> None:
        self._texts = texts
        self._built: dict[str, Structure] = {}

    def __getitem__(self, name: str) -> Structure:
        if name not in self._built:
            self._built[name] = read_structure(self._texts[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


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
        components = tuple((one.definition, one.expression) for one in self.component)
        return SearchParameter(
            self.url, self.code, self.type, self.base, self.expression, self.target, components,
            self.comparator, self.description,
        )  # fmt: skip


class _InCompartment(msgspec.Struct):
    code: str
    param: tuple[str, ...] = ()


class _Compartment(msgspec.Struct):
    resource: tuple[_InCompartment, ...]
