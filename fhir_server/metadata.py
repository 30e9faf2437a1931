"""The capabilities interaction: what this server does, computed from the tables that do it.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import orjson

from conformance.capability import Operation, capability_statement
from conformance.searchable import Searchable, searchable
from conformance.terminology import Version, terminology_capabilities
from resources.database import Session
from resources.outcome import NotSupported
from search.indexer import Indexer
from search.names import LIST, Names
from search.query import RESULT_PARAMETERS

from .exchange import Request, Response
from .media import FORMATS, PATCH_FORMATS
from .operations import OPERATIONS, canonical, definition_of, levels, methods
from .operations.terminology import systems_of
from .preferences import PRECONDITIONS, unchanged
from .router import ROUTES
from .shaping import asked, cut
from .tenancy import Tenant

_TERMINOLOGY: Final = "terminology"
_MODES: Final = ("full", "normative", _TERMINOLOGY)
_EXPAND: Final = "ValueSet-expand"  # whose parameters are those of an expansion
_CRITERIA: Final = (LIST, "_has", "_filter")  # what no search parameter defines
_OF_LINKS: Final = frozenset({"_page"})  # a parameter that only links have


async def capabilities(session: Session, request: Request) -> Response:
    """The CapabilityStatement of the tenant: 200, or 304 where the client has it already. Raises NotSupported (400)."""
    tenant = request.tenant
    modes = parse_qs(request.query).get("mode", ["full"])
    for mode in modes:
        if mode not in _MODES:
            raise NotSupported(f"mode={mode[:100]} is not supported; there are {' and '.join(_MODES)}.")
    of_terminology = _TERMINOLOGY in modes
    kind = "TerminologyCapabilities" if of_terminology else "CapabilityStatement"
    shape = asked(tenant.definitions, (kind,), request.query)
    if of_terminology:
        systems = await systems_of(session, tenant)
        statement = await asyncio.to_thread(_terminology, request.base, systems)
    else:
        statement = await asyncio.to_thread(_statement, tenant.indexer, request.base, *_settings(tenant))
    text = cut(tenant.definitions, shape, statement)
    tag = blake2b(text.encode(), digest_size=8).hexdigest()
    headers = {"ETag": f'W/"{tag}"'}
    if unchanged(request.headers, tag, None):
        return Response(304, headers=headers)
    return Response(200, text, headers=headers)


def _settings(tenant: Tenant) -> tuple[bool, bool, int]:
    """What of the tenant's settings the statement shows."""
    settings = tenant.settings
    return settings["update_create"], settings["explain"], settings["conditional_delete_max"]


@lru_cache(maxsize=8)
def parameters(indexer: Indexer) -> dict[str, tuple[Searchable, ...]]:
    """By resource type. Half a second of work: every parameter is asked what works with it."""
    return {name: searchable(indexer, name) for name in indexer.definitions.resource_types}


def operations(base: str) -> tuple[Operation, ...]:
    """The operations that can be asked below the base URL of a tenant."""
    return tuple(
        Operation(
            definition_of(row),
            canonical(row, base),
            frozenset({*levels(row), *(("version",) if row.on_versions else ())}),
            methods(row),
            row.open,
            row.documentation,
        )
        for row in OPERATIONS
    )


def controls(explain: bool) -> frozenset[str]:
    """Names of what a search may say besides the parameters that are defined. explain: the tenant's setting."""
    hidden = _OF_LINKS if explain else _OF_LINKS | {"_explain"}
    return frozenset({*RESULT_PARAMETERS, *_CRITERIA}) - hidden


@lru_cache(maxsize=16)
def _statement(indexer: Indexer, base: str, update_create: bool, explain: bool, conditional_delete_max: int) -> str:
    statement = capability_statement(
        routes=ROUTES,
        operations=operations(base),
        definitions=indexer.definitions,
        searchable=parameters(indexer).__getitem__,
        common=Names(indexer.definitions).parameters(()),
        controls=controls(explain),
        preconditions=PRECONDITIONS,
        formats=FORMATS,
        patch_formats=PATCH_FORMATS,
        conditional_delete_max=conditional_delete_max,
        update_create=update_create,
        base=base,
        software=("fhir-server", release()),
        date=installed(),
    )
    return orjson.dumps(statement).decode()


def _terminology(base: str, systems: Mapping[str, Sequence[Version]]) -> str:
    """https://hl7.org/fhir/R4/terminologycapabilities.html"""
    [row] = [one for one in OPERATIONS if one.definition == _EXPAND]
    parameters = [(one.name, one.documentation.partition(".")[0]) for one in definition_of(row).sent]
    software = ("fhir-server", release())
    statement = terminology_capabilities(systems, parameters=parameters, base=base, software=software, date=installed())
    return orjson.dumps(statement).decode()


@lru_cache(maxsize=1)
def release() -> str:
    """The version of this software; "0" where it runs without having been installed."""
    try:
        return version("fhir-server")
    except PackageNotFoundError:
        return "0"


@lru_cache(maxsize=1)
def installed() -> date:
    """The day this release was installed: the last change of the statement, the same for every worker."""
    return datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC).date()
