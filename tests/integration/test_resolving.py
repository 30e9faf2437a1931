"""TR-10: conditional references are found together, in a few statements however many there are."""

from __future__ import annotations

from typing import Any

from resources.database import Database, Session
from search.resolving import resolve

from ..conftest import FreshTenant
from .test_run import Index, index  # noqa: F401 - a fixture


async def test_conditional_references_are_resolved_together(
    index: Index,  # noqa: F811
    tenant: FreshTenant,
) -> None:
    """TR-10: at most two ids of each."""
    people = [
        {
            "resourceType": "Patient",
            "id": str(n),
            "identifier": [{"system": "urn:x", "value": str(n % 4)}],
            "birthDate": "2000",
        }
        for n in range(7)
    ]
    await index.put(tenant, *people, {"resourceType": "Organization", "id": "o", "identifier": [{"value": "3"}]})
    lookups = [
        ("Patient", "identifier=urn:x|3"),
        ("Patient", "identifier=urn:x|0"),
        ("Patient", "identifier=urn:y|0"),
        ("Organization", "identifier=3"),
        ("Patient", "identifier=urn:x|2&_id=6"),
        ("Patient", "identifier=3,9"),
        ("Patient", "birthdate=1999"),
    ]
    answers = await resolve(tenant.session, index.search, lookups)
    assert {version_id for matches in answers for _, version_id in matches} == {1}
    found = [[logical_id for logical_id, _ in matches] for matches in answers]
    assert [sorted(ids) for ids in found[:1] + found[2:]] == [["3"], [], ["o"], ["6"], ["3"], []]
    assert set(found[1]) == {"0", "4"}
    assert await resolve(tenant.session, index.search, []) == []


async def test_thousands_of_several_criteria_are_asked_a_hundred_at_a_time(
    index: Index,  # noqa: F811
    tenant: FreshTenant,
    database: Database,
) -> None:
    """A statement has 32,767 arguments at most."""
    people = [
        {"resourceType": "Patient", "id": str(n), "identifier": [{"system": "urn:x", "value": str(n)}], "active": True}
        for n in range(20)
    ]
    await index.put(tenant, *people)
    statements = 0

    class Counting(Session):
        async def select(self, query: str, *args: Any) -> Any:
            nonlocal statements
            statements += 1
            assert len(args) < 10_000
            return await super().select(query, *args)

    session = Counting(tenant.session._connections, tenant.tenant_id, "")
    lookups = [("Patient", f"identifier=urn:x|{n % 250}&active=true&birthdate:missing=true") for n in range(3_000)]
    await resolve(session, index.search, lookups)
    statements = 0
    found = await resolve(session, index.search, lookups)
    assert statements == 3  # 250 different ones
    assert found == [[(str(n % 250), 1)] if n % 250 < 20 else [] for n in range(3_000)]
