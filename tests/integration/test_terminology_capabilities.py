"""metadata?mode=terminology: computed, valid, and true. TX-80 to TX-82

https://hl7.org/fhir/R4/terminologycapabilities.html
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources.database import Owner

from ..conftest import FreshTenant
from ..loaded import load, read
from .test_terminology import CODE_SYSTEM, COLOURS

MINE = "http://example.org/loaded"


async def stated(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/metadata?mode=terminology")
    assert answer.status_code == 200, answer.text
    tree: dict[str, Any] = answer.json()
    return tree


async def versions(http: httpx.AsyncClient, url: str) -> dict[str, bool]:
    """The versions of a code system, and whether each is the default."""
    [one] = [one for one in (await stated(http))["codeSystem"] if one["uri"] == url]
    return {version["code"]: version["isDefault"] for version in one["version"]}


@pytest.mark.parametrize("url", ["/metadata", "/metadata?mode=terminology"])
async def test_both_statements_are_valid(http: httpx.AsyncClient, url: str) -> None:
    """As this server judges itself: no error."""
    tree = (await http.get(url)).json()
    answer = await http.post(f"/{tree['resourceType']}/$validate", json=tree)
    errors = [one for one in answer.json()["issue"] if one["severity"] in ("error", "fatal")]
    assert not errors


async def test_tx_80_every_code_system_is_there_once(http: httpx.AsyncClient) -> None:
    assert (await http.put("/CodeSystem/colours", json=CODE_SYSTEM)).status_code == 201
    listed = [one["uri"] for one in (await stated(http))["codeSystem"]]
    assert len(listed) == len(set(listed))
    expected = {COLOURS, "http://unitsofmeasure.org", "http://hl7.org/fhir/administrative-gender", "urn:ietf:bcp:47"}
    assert expected <= set(listed)
    assert await versions(http, COLOURS) == {"1": True}


async def test_tx_81_parameters_of_an_expansion(http: httpx.AsyncClient) -> None:
    expansion = (await stated(http))["expansion"]
    names = {one["name"] for one in expansion["parameter"]}
    assert names >= {
        "activeOnly", "check-system-version", "count", "displayLanguage", "excludeNested", "force-system-version",
        "includeDefinition", "includeDesignations", "offset", "property", "system-version", "tx-resource", "cache-id",
    }  # fmt: skip
    assert expansion["paging"] is True


async def test_tx_82_the_capability_statement_says_that_this_is_a_terminology_server(http: httpx.AsyncClient) -> None:
    tree = (await http.get("/metadata")).json()
    assert "http://hl7.org/fhir/CapabilityStatement/terminology-server" in tree["instantiates"]
    assert tree["url"]
    assert tree["version"]
    [rest] = tree["rest"]
    there = {one["type"]: {operation["name"] for operation in one.get("operation", ())} for one in rest["resource"]}
    assert there["CodeSystem"] >= {"lookup", "validate-code", "subsumes", "find-matches"}
    assert there["ValueSet"] >= {"expand", "validate-code", "batch-validate-code", "related"}
    assert there["ConceptMap"] >= {"translate"}
    assert {one["name"] for one in rest["operation"]} >= {"closure", "versions"}


async def test_what_it_says_is_asked_for_with_an_etag_and_cut_like_any_resource(http: httpx.AsyncClient) -> None:
    first = await http.get("/metadata?mode=terminology")
    again = await http.get("/metadata?mode=terminology", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    summary = (await http.get("/metadata?mode=terminology&_elements=kind")).json()
    assert summary["resourceType"] == "TerminologyCapabilities"
    assert "codeSystem" not in summary


async def test_loaded_releases_are_listed_and_a_pinned_version_is_the_default(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant, other_http: httpx.AsyncClient
) -> None:
    for number, version in enumerate(("1", "2")):
        await load(owner, tenant.tenant_id, read(MINE, version), digest=bytes([number]))
    assert await versions(http, MINE) == {"1": False, "2": True}
    assert MINE not in str((await stated(other_http))["codeSystem"])
    await registry.set_settings(owner, tenant.name, {"terminology_versions": f"{MINE}=1"})
    assert edge.opened
    await edge.opened.tenants.reload()
    assert await versions(http, MINE) == {"1": True, "2": False}
    answer = await http.get(f"/CodeSystem/$lookup?system={MINE}&code=c1")
    assert {"name": "version", "valueString": "1"} in answer.json()["parameter"]


async def test_of_a_pinned_pattern_one_version_is_the_default(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    for number, version in enumerate(("1.1", "1.2", "2.0")):
        await load(owner, tenant.tenant_id, read(MINE, version), digest=bytes([number]))
    await registry.set_settings(owner, tenant.name, {"terminology_versions": f"{MINE}=1.x"})
    assert edge.opened
    await edge.opened.tenants.reload()
    assert await versions(http, MINE) == {"1.2": True, "1.1": False, "2.0": False}
