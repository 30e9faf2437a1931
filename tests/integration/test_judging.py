"""A judgement: first the base rules, and what is sound by them by all that the tenant knows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server.edge import Edge
from fhir_server.store import set_settings
from fhir_server.tenancy import Tenant
from fhir_server.validation.judging import judge
from resources.database import Owner

from ..conftest import FreshTenant

BROKEN = {"resourceType": "Patient", "contact": [{"gender": "female"}]}  # pat-1


@pytest.fixture
async def asking(edge: Edge, owner: Owner, tenant: FreshTenant, http: httpx.AsyncClient) -> Any:
    async def ask(tree: dict[str, Any], **settings: str) -> list[tuple[str, str, str]]:
        """(severity, code, constraint) of what is found under the settings, in its order."""
        assert await set_settings(owner, tenant.name, settings)
        assert edge.opened
        await edge.opened.tenants.reload()
        known: Tenant = edge.opened.tenants.get(tenant.name)
        issues = await judge(tenant.session, known, tree)
        return [(one.severity, one.code, one.rule.rpartition("#")[2]) for one in issues]

    return ask


async def test_what_breaks_base_rules_is_judged_no_further(asking: Any) -> None:
    assert await asking({**BROKEN, "gender": "unheard of"}) == [("error", "code-invalid", "")]


async def test_the_worst_comes_first(asking: Any) -> None:
    assert await asking(BROKEN) == [("error", "invariant", "pat-1"), ("warning", "invariant", "dom-6")]


async def test_severities_are_those_of_the_tenant(asking: Any) -> None:
    found = await asking(BROKEN, severity_overrides="pat-1=information,dom-6=off")
    assert found == [("information", "invariant", "pat-1")]


@pytest.mark.parametrize("tree", [{}, {"resourceType": 5}, {"resourceType": "Person1"}])
async def test_what_is_no_resource_is_an_error(asking: Any, tree: dict[str, Any]) -> None:
    assert [severity for severity, _, _ in await asking(tree)] == ["error"]
