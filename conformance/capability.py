"""The CapabilityStatement, computed from the tables that do what it says; nothing in it is stated by hand.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, Protocol

from msgspec import Struct

from resources.definitions import Definitions
from resources.operation import OperationDefinition

from .searchable import Searchable

FHIR_VERSION: Final = "4.0.1"
_SYSTEM_LEVEL: Final = ("transaction", "batch", "search-system", "history-system")  # system-restful-interaction
_COMPARTMENT: Final = "http://hl7.org/fhir/CompartmentDefinition/"
_TYPE_LEVEL: Final = (  # type-restful-interaction
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type",
)  # fmt: skip

# What the statements of terminology servers are told by, https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
INSTANTIATES: Final = ("http://hl7.org/fhir/CapabilityStatement/terminology-server",)
_FEATURE: Final = "http://hl7.org/fhir/uv/application-feature/StructureDefinition/feature"
FEATURES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("http://hl7.org/fhir/uv/tx-tests/FeatureDefinition/test-version", {"valueCode": "1.9.2"}),
    ("http://hl7.org/fhir/uv/tx-ecosystem/FeatureDefinition/CodeSystemAsParameter", {"valueBoolean": True}),
)


class Route(Protocol):
    """A row of the table that dispatches requests."""

    @property
    def shape(self) -> str: ...
    @property
    def interaction(self) -> str: ...


class Operation(Struct, frozen=True):
    """An operation that can be asked here."""

    definition: OperationDefinition
    canonical: str  # URL of its definition
    levels: frozenset[str]  # system, type, instance, version: as far as it is done here
    methods: tuple[str, ...] = ("GET", "POST")
    open: bool = False  # takes more parameters than are defined
    documentation: str = ""  # what is to be known besides the definition

    @property
    def code(self) -> str:
        return self.definition.code

    def types(self, definitions: Definitions) -> tuple[str, ...]:
        """The resource types that it can be asked of, or of one resource of them."""
        return definitions.types_below(self.definition.resource) if {"type", "instance"} & self.levels else ()

    def as_json(self) -> dict[str, str]:
        stated = {"name": self.code, "definition": self.canonical}
        return stated | ({"documentation": self.documentation} if self.documentation else {})


def capability_statement(
    *,
    routes: Sequence[Route],
    operations: Sequence[Operation],
    definitions: Definitions,
    searchable: Callable[[str], Sequence[Searchable]],
    common: Collection[str],
    controls: Collection[str],
    preconditions: Mapping[str, Collection[str]],
    formats: Sequence[str],
    patch_formats: Sequence[str],
    update_create: bool,
    conditional_delete_max: int,
    base: str,
    software: tuple[str, str],
    date: date,
) -> dict[str, Any]:
    """The statement of one tenant.

    searchable: the parameters of a resource type that work. common: codes of those that work over all types at once.
    controls: names of what else a search may say, `_count` among them. preconditions: interaction → headers it heeds.
    formats, patch_formats: what `_format` and the Content-Type of a patch may say. update_create: whether a PUT may create.
    conditional_delete_max: resources that one conditional delete may delete. software: name and version. date: when what
    is said here last changed."""
    asked_for = {route.interaction for route in routes}
    shapes = {(route.interaction, route.shape) for route in routes}
    heeded = {interaction: frozenset(headers) for interaction, headers in preconditions.items()}
    of_every_type = {
        "interaction": [{"code": code} for code in _TYPE_LEVEL if code in asked_for],
        "versioning": "versioned-update" if "if-match" in heeded["update"] else "versioned",
        "readHistory": "vread" in asked_for,
        "updateCreate": update_create,
        "conditionalCreate": "if-none-exist" in heeded["create"],
        "conditionalRead": _conditional_read(heeded["read"]),
        "conditionalUpdate": ("update", "[type]") in shapes,
        "conditionalDelete": _conditional_delete(("delete", "[type]") in shapes, conditional_delete_max),
        "referencePolicy": ["literal", "logical"],
    }
    parameters = {one: tuple(searchable(one)) for one in definitions.resource_types}
    included, pointing = _includes(parameters)
    named = _operations(operations, definitions) if "operation" in asked_for else {}
    resources = []
    for resource_type in definitions.resource_types:
        stated: dict[str, Any] = {
            "type": resource_type,
            "profile": definitions.structures[resource_type].url,
            **of_every_type,
        }
        if "_include" in controls:
            stated["searchInclude"] = ["*", *included[resource_type]]
        if "_revinclude" in controls:
            stated["searchRevInclude"] = ["*", *pointing[resource_type]]
        stated["searchParam"] = [_search_parameter(one) for one in parameters[resource_type]]
        if resource_type in named:
            stated["operation"] = named[resource_type]
        resources.append(stated)
    rest: dict[str, Any] = {"mode": "server", "resource": resources}
    rest["interaction"] = [{"code": code} for code in _SYSTEM_LEVEL if code in asked_for]
    if "search-system" in asked_for:
        any_type = next(iter(parameters.values()))
        rest["searchParam"] = [_search_parameter(one) for one in any_type if one.code in common]
        rest["searchParam"] += [{"name": name, "type": "special"} for name in sorted(controls)]
    if "search-compartment" in asked_for:
        names = sorted(definitions.compartments)
        rest["compartment"] = [f"{_COMPARTMENT}{name[0].lower()}{name[1:]}" for name in names]
    if "" in named:
        rest["operation"] = named[""]
    name, version = software
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "extension": [_feature(definition, value) for definition, value in FEATURES],
        "url": f"{base}/metadata",
        "version": version,
        "name": "FhirServer",
        "title": f"What {name} does at {base}",
        "status": "active",
        "date": date.isoformat(),
        "kind": "instance",
        "instantiates": list(INSTANTIATES),
        "software": {"name": name, "version": version, "releaseDate": date.isoformat()},
        "implementation": {"description": f"{name} at {base}", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": list(formats),
    }
    if "patch" in asked_for:
        statement["patchFormat"] = list(patch_formats)
    return {**statement, "rest": [rest]}


def _operations(operations: Sequence[Operation], definitions: Definitions) -> dict[str, list[dict[str, str]]]:
    """By resource type those that can be asked of it or of one resource of it; under "" those of the whole system."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in operations:
        for name in (*([""] if "system" in one.levels else []), *one.types(definitions)):
            found.setdefault(name, []).append(one.as_json())
    return found


def _feature(definition: str, value: dict[str, Any]) -> dict[str, Any]:
    parts = [{"url": "definition", "valueCanonical": definition}, {"url": "value", **value}]
    return {"url": _FEATURE, "extension": parts}


def _conditional_delete(possible: bool, most: int) -> str:
    """http://hl7.org/fhir/conditional-delete-status"""
    if not possible:
        return "not-supported"
    return "single" if most == 1 else "multiple"


def _conditional_read(heeded: Collection[str]) -> str:
    """http://hl7.org/fhir/conditional-read-status"""
    known = {
        (False, False): "not-supported",
        (True, False): "modified-since",
        (False, True): "not-match",
        (True, True): "full-support",
    }
    return known["if-modified-since" in heeded, "if-none-match" in heeded]


def _search_parameter(parameter: Searchable) -> dict[str, str]:
    stated = {"name": parameter.code, "definition": parameter.url, "type": parameter.type}
    return stated | ({"documentation": parameter.documentation} if parameter.documentation else {})


def _includes(parameters: Mapping[str, Sequence[Searchable]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """By resource type what `_include` may name for it, and what `_revinclude` may."""
    included: dict[str, list[str]] = {name: [] for name in parameters}
    pointing: dict[str, list[str]] = {name: [] for name in parameters}
    for resource_type, of_type in parameters.items():
        for one in of_type:
            if one.type == "reference":
                included[resource_type].append(f"{resource_type}:{one.code}")
                for target in one.targets:
                    pointing[target].append(f"{resource_type}:{one.code}")
    return included, pointing
