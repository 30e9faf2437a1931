"""schemathesis asks the server what its OpenAPI document says may be asked: no answer is a 5xx, each is as described.

A few types with few requests here. Wide, against a server that runs (`fhir-server serve`), with every check that schemathesis
has for what is described:

    schemathesis run http://127.0.0.1:8000/openapi/default --max-examples 100 --checks not_a_server_error
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from fhir_server.edge import Edge

from ..conftest import FreshTenant
from .test_pages import listening, site

TYPES = ("Patient", "Observation", "Binary", "Parameters")
SYSTEM = "/"
EXAMPLES = 4  # requests of each method on each path
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


async def document(http: httpx.AsyncClient, tenant: FreshTenant) -> dict[str, Any]:
    await http.get("/metadata")  # the tenant is known then
    answer = await http.get(site(http, f"openapi/{tenant.name}"))
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def only(document: dict[str, Any], part: str) -> dict[str, Any]:
    """The document with the paths of a resource type, or with those of the system."""
    types = {tag["name"] for tag in document["tags"]}
    paths: dict[str, Any] = document["paths"]
    first = {path: path.split("/")[1] for path in paths}
    kept = [path for path, name in first.items() if (name not in types if part == SYSTEM else name == part)]
    return {**document, "paths": {path: paths[path] for path in kept}}


def ask(document: dict[str, Any], base: str) -> list[tuple[str, int]]:
    """Asks every operation a few times: what it was and the status of the answer. Raises what the checks raise."""
    found: list[tuple[str, int]] = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok)
        found += ask_one(result.ok(), base)
    return found


def ask_one(operation: Any, base: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    @seed(4)
    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def requests(case: Any) -> None:
        answer = case.call(base_url=base, timeout=30)
        case.validate_response(answer, checks=CHECKS)
        found.append((operation.label, answer.status_code))

    requests()
    return found


@pytest.mark.parametrize("part", [*TYPES, SYSTEM])
async def test_st_5_no_request_that_is_described_is_a_fault(
    edge: Edge, http: httpx.AsyncClient, tenant: FreshTenant, part: str
) -> None:
    described = only(await document(http, tenant), part)
    assert len(described["paths"]) > 4
    async with listening(edge) as url:
        base = f"{url}/fhir/{tenant.name}"
        found = await asyncio.to_thread(ask, described, base)
    statuses = {status for _, status in found}
    assert {status // 100 for status in statuses} >= {2, 4}, statuses
    assert not any(status >= 500 for status in statuses)
    asked = sum(len(set(item) - {"parameters"}) for item in described["paths"].values())
    assert len({label for label, _ in found}) == asked
