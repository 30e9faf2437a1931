"""Labels in use: what is found of them, and what it costs on 200,000 resources with many labels."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from resources import definitions
from resources.database import Database, Session, framed
from resources.hashing import Hash
from resources.outcome import TooCostly
from resources.store import Change, Store, body_parts
from search import labels
from search.indexer import FLOOR, Indexer

from .. import large as of
from ..conftest import FreshTenant
from ..plans import explain, faults

DEFINED = definitions.load()
BASE = "http://fhir.example"
A, B = "http://example.org/a", "http://example.org/b"


async def store(database: Database, session: Session, *trees: dict[str, Any], gone: tuple[str, ...] = ()) -> None:
    hash_ = Hash(database.hash_key)
    indexer = Indexer(DEFINED, hash_)
    changes = []
    for tree in trees:
        resource_type, logical_id = tree["resourceType"], tree["id"]
        indexed = indexer.index(resource_type, logical_id, tree, BASE)
        head, tail = body_parts(tree, logical_id)
        changes.append(Change("update", resource_type, logical_id, head, tail, *indexed))
    kept = Store(hash_, DEFINED, (FLOOR,))
    await kept.apply(session, 1, changes)
    if gone:
        await kept.apply(session, 1, [Change("delete", "Patient", logical_id) for logical_id in gone])


def patient(logical_id: str, **meta: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": logical_id, "meta": meta}


async def test_labels_are_those_of_current_resources(database: Database, tenant: FreshTenant) -> None:
    await store(
        database,
        tenant.session,
        patient("1", tag=[{"system": A, "code": "One", "display": "No. 1"}, {"code": "bare"}], profile=["http://p/1"]),
        patient("2", security=[{"system": B, "code": "R"}], tag=[{"system": B, "code": "One"}]),
        patient("3", tag=[{"system": A, "code": "gone"}], profile=["http://p/gone", "http://p/1"]),
        {"resourceType": "Basic", "id": "1", "meta": {"profile": ["http://p/2|1"]}, "code": {"text": "x"}},
        gone=("3",),
    )
    found = await labels.labels(tenant.session, DEFINED, ["Patient"])
    assert found == {
        "profile": ["http://p/1"],
        "security": [{"system": B, "code": "R"}],
        "tag": [{"code": "bare"}, {"system": A, "code": "One", "display": "No. 1"}, {"system": B, "code": "One"}],
    }
    assert await labels.labels(tenant.session, DEFINED, ["Observation"]) == {}
    everywhere = await labels.labels(tenant.session, DEFINED, DEFINED.resource_types)
    assert everywhere["profile"] == ["http://p/1", "http://p/2|1"]


async def test_labels_of_another_tenant_are_not_seen(
    database: Database, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    await store(database, tenant.session, patient("1", tag=[{"code": "a"}], profile=["http://p"]))
    assert await labels.labels(other_tenant.session, DEFINED, ["Patient"]) == {}


@pytest.mark.parametrize("name", ["tag", "profile"])
async def test_too_many_labels_are_refused(
    database: Database, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(labels, "MOST", 2)
    values = [f"http://p/{n}" for n in range(3)] if name == "profile" else [{"code": f"c{n}"} for n in range(3)]
    await store(database, tenant.session, patient("1", **{name: values[:2]}))
    assert len((await labels.labels(tenant.session, DEFINED, ["Patient"]))[name]) == 2
    await store(database, tenant.session, patient("2", **{name: values[2:]}))
    with pytest.raises(TooCostly):
        await labels.labels(tenant.session, DEFINED, ["Patient"])


async def plan_faults(connection: asyncpg.Connection, tenant_id: int) -> list[str]:
    """100 labels and the two profiles of 160,000 resources, and types that have none."""
    types, rest = [of.TYPE, of.OTHER_TYPE, 1, 2], [1, 1, 1]
    codes = (types, [of.CODE, *rest], ["tag"] * 4, 100)
    profiles = (types, [of.URI, *rest], 100)
    found = []
    for name, arguments, bound in (("codes", codes, 100 * 16 + 40), ("profiles", profiles, 7 * 8 + 40)):
        plan = await explain(connection, framed(labels.QUERIES[name]), (tenant_id, *arguments))
        assert plan["Actual Rows"] == {"codes": 100, "profiles": 2}[name]
        found += [f"{name}: {fault}" for fault in faults(plan, bound, 200)]
    return found


async def test_labels_are_found_without_a_scan(connection: asyncpg.Connection, never_analyzed: int) -> None:
    assert await plan_faults(connection, never_analyzed) == []


async def test_labels_are_found_without_a_scan_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await plan_faults(connection, large) == []
