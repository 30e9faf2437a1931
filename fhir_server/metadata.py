"""The capabilities interaction: what this server does, computed from the tables that do it.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import orjson

from conformance.capability import capability_statement
from resources.database import Session
from resources.outcome import NotSupported
from search.parameters import is_searchable

from .exchange import Request, Response
from .media import FORMATS
from .operations import OPERATIONS
from .preferences import PRECONDITIONS, refuse_shaping, unchanged
from .router import ROUTES

_MODES: Final = ("full", "normative")


async def capabilities(session: Session, request: Request) -> Response:
    """The CapabilityStatement of the tenant: 200, or 304 where the client has it already. Raises NotSupported (400)."""
    refuse_shaping(request.query)
    for mode in parse_qs(request.query).get("mode", ()):
        if mode not in _MODES:
            raise NotSupported(f"mode={mode[:100]} is not supported; there are {' and '.join(_MODES)}.")
    statement = capability_statement(
        routes=ROUTES,
        operations=OPERATIONS,
        definitions=request.tenant.definitions,
        is_searchable=is_searchable,
        preconditions=PRECONDITIONS,
        formats=FORMATS,
        update_create=request.tenant.settings["update_create"],
        base=request.base,
        software=("fhir-server", release()),
        date=installed(),
    )
    text = orjson.dumps(statement)
    tag = blake2b(text, digest_size=8).hexdigest()
    headers = {"ETag": f'W/"{tag}"'}
    if unchanged(request.headers, tag, None):
        return Response(304, headers=headers)
    return Response(200, text.decode(), headers=headers)


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
