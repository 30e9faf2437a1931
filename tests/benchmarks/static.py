"""$static: an operation that answers with stored bytes, which the operations of the terminology are measured against.

It goes through the same edge, router and settings as any other. `installed()` gives the environment of a server that has it:
the processes of the server import this module as they start, and thereby have one more row in OPERATIONS.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = {
    "resourceType": "OperationDefinition",
    "id": "static",
    "name": "Static",
    "status": "active",
    "kind": "operation",
    "affectsState": False,
    "code": "static",
    "resource": ["CodeSystem"],
    "system": False,
    "type": True,
    "instance": False,
    "parameter": [{"name": "size", "use": "in", "min": 1, "max": "1", "type": "integer"}],
}


def installed(folder: Path) -> dict[str, str]:
    """folder: where a module is written that Python imports at its start."""
    text = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.benchmarks.static import install\ninstall()\n"
    (folder / "sitecustomize.py").write_text(text)
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([before] if before else [])])}


def install() -> None:
    from fhir_server import operations
    from fhir_server.exchange import Request, Response
    from resources.database import Session
    from resources.operation import Parameters

    @cache
    def stored(size: int) -> str:
        text = '{"resourceType":"Parameters","parameter":[{"name":"stored","valueString":"%s"}]}'
        return text % ("x" * (size - len(text) + 2))

    async def run(session: Session, request: Request, parameters: Parameters) -> Response:
        return Response(200, stored(parameters.one("size")))

    operations.OWN["static"] = DEFINITION
    row = operations.Operation("static", "static", run)
    operations.OPERATIONS = (*operations.OPERATIONS, row)  # type: ignore[misc]
