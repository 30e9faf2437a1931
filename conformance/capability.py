"""The CapabilityStatement, computed from the tables that do what it says; nothing in it is stated by hand.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, Protocol

from resources.definitions import Definitions, SearchParameter

FHIR_VERSION: Final = "4.0.1"
_SYSTEM_LEVEL: Final = ("transaction", "batch", "search-system", "history-system")  # system-restful-interaction
_TYPE_LEVEL: Final = (  # type-restful-interaction
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type",
)  # fmt: skip


class Route(Protocol):
    """A row of the table that dispatches requests."""

    @property
    def shape(self) -> str: ...
    @property
    def interaction(self) -> str: ...


class Operation(Protocol):
    """A row of the table of operations."""

    @property
    def code(self) -> str: ...
    @property
    def definition(self) -> str: ...


def capability_statement(
    *,
    routes: Sequence[Route],
    operations: Sequence[Operation],
    definitions: Definitions,
    is_searchable: Callable[[SearchParameter], bool],
    preconditions: Mapping[str, Collection[str]],
    formats: Sequence[str],
    update_create: bool,
    base: str,
    software: tuple[str, str],
    date: date,
) -> dict[str, Any]:
    """The statement of one tenant.

    is_searchable: whether a search may use a parameter. preconditions: interaction → headers it heeds.
    update_create: whether a PUT may create. software: name and version. date: when what is said here last changed."""
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
        "conditionalDelete": "single" if ("delete", "[type]") in shapes else "not-supported",
        "referencePolicy": ["literal", "logical"],
    }
    resources = [
        {
            "type": resource_type,
            "profile": definitions.structures[resource_type].url,
            **of_every_type,
            "searchParam": _search_parameters(definitions, resource_type, is_searchable),
        }
        for resource_type in definitions.resource_types
    ]
    rest: dict[str, Any] = {"mode": "server", "resource": resources}
    rest["interaction"] = [{"code": code} for code in _SYSTEM_LEVEL if code in asked_for]
    if operations:
        rest["operation"] = [{"name": one.code, "definition": one.definition} for one in operations]
    name, version = software
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date.isoformat(),
        "kind": "instance",
        "software": {"name": name, "version": version},
        "implementation": {"description": f"{name} at {base}", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": list(formats),
        "rest": [rest],
    }


def _conditional_read(heeded: Collection[str]) -> str:
    """http://hl7.org/fhir/conditional-read-status"""
    known = {
        (False, False): "not-supported",
        (True, False): "modified-since",
        (False, True): "not-match",
        (True, True): "full-support",
    }
    return known["if-modified-since" in heeded, "if-none-match" in heeded]


def _search_parameters(
    definitions: Definitions, resource_type: str, is_searchable: Callable[[SearchParameter], bool]
) -> list[dict[str, str]]:
    return [
        {"name": parameter.code, "definition": parameter.url, "type": parameter.type}
        for parameter in sorted(definitions.parameters_of(resource_type).values(), key=lambda p: p.code)
        if is_searchable(parameter)
    ]
