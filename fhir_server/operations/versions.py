"""$versions: the versions of FHIR that are spoken here. https://hl7.org/fhir/R4/capabilitystatement-operation-versions.html"""

from __future__ import annotations

from typing import Final

import orjson

from conformance.capability import FHIR_VERSION
from resources.database import Session
from resources.operation import Parameters

from ..exchange import Request, Response

VERSION: Final = FHIR_VERSION.rpartition(".")[0]  # without the patch: 4.0


async def versions(session: Session, request: Request, parameters: Parameters) -> Response:
    """200 with Parameters: `version`, of which there is one, and `default`."""
    given = [{"name": name, "valueCode": VERSION} for name in ("version", "default")]
    return Response(200, orjson.dumps({"resourceType": "Parameters", "parameter": given}).decode())
