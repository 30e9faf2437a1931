"""Indexing what is stored anew, by the command: missing rows come back, and success is proved."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server import reindex, settings
from fhir_server.commands import Failed
from resources.database import Owner
from resources.outcome import NotFound
from resources.store import Store

from ..benchmarks.processes import children
from ..conftest import FreshTenant, Urls
from ..serving import postmaster, serve

TABLES = ("posting", "str", "dat", "qty", "uri", "geo", "compartment", "contained", "code")
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "a", "name": [{"family": "Ash"}], "birthDate": "2000-01-01"},
    {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/a"},
     "effectiveDateTime": "2020-01-01", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
     "valueQuantity": {"value": 1.50, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
     "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "blood"}}],
     "specimen": {"reference": "#s"}},
    {"resourceType": "Location", "id": "l", "position": {"latitude": 1.5, "longitude": 2.5}},
    {"resourceType": "ValueSet", "id": "v", "status": "active", "url": "http://example.org/v"},
]  # fmt: skip


@pytest.fixture
async def stored(http: httpx.AsyncClient) -> None:
    for resource in RESOURCES:
        answer = await http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code == 201


async def run(urls: Urls, tenant: str | None, resource_type: str | None = None) -> tuple[int, str]:
    out = io.StringIO()
    given = settings.read({"database_url": urls.application, "base_url": "http://fhir.example"}, {})
    return await reindex.run(given, tenant, resource_type, out), out.getvalue()


async def rows(owner: Owner, tenant: FreshTenant) -> dict[str, list[str]]:
    """All index rows but for the numbers of contained resources, which are new each time."""
    found = {}
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        for table in TABLES:
            of_tenant = await owner.fetch(
                f"select (to_jsonb(x) - 'rid')::text as row from fhir.{table} x where tenant_id = $1", tenant.tenant_id
            )
            found[table] = sorted(row["row"] for row in of_tenant)
    return found


async def delete(owner: Owner, tenant: FreshTenant, table: str) -> None:
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        assert await owner.fetch(f"delete from fhir.{table} where tenant_id = $1 returning 1", tenant.tenant_id)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("table", TABLES)
async def test_lost_rows_come_back(urls: Urls, tenant: FreshTenant, owner: Owner, table: str) -> None:
    before = await rows(owner, tenant)
    assert all(before.values())
    await delete(owner, tenant, table)
    assert (await rows(owner, tenant))[table] == []
    code, said = await run(urls, tenant.name)
    assert code == 0, said
    assert said.startswith(f"{tenant.name}: ")
    after = await rows(owner, tenant)
    if table == "contained":  # what belonged to the lost rows belongs to nothing any more
        after = {name: sorted(set(of_table) & set(before[name])) for name, of_table in after.items()}
    assert after == {name: sorted(set(of_table)) for name, of_table in before.items()}


@pytest.mark.usefixtures("stored")
async def test_nothing_about_the_resources_is_new(
    urls: Urls, http: httpx.AsyncClient, tenant: FreshTenant, owner: Owner
) -> None:
    before = [(await http.get("/Observation/o")).text, (await http.get("/Observation/o/_history")).text]
    index = await rows(owner, tenant)
    assert (await run(urls, tenant.name, "Observation"))[0] == 0
    assert [(await http.get("/Observation/o")).text, (await http.get("/Observation/o/_history")).text] == before
    assert await rows(owner, tenant) == index


@pytest.mark.usefixtures("stored")
async def test_only_of_one_type(urls: Urls, tenant: FreshTenant, owner: Owner) -> None:
    await delete(owner, tenant, "str")
    code, said = await run(urls, tenant.name, "Location")
    assert (code, said.split(" in ")[0]) == (0, f"{tenant.name}: 1 resources")
    assert (await rows(owner, tenant))["str"] == []
    code, said = await run(urls, tenant.name, "Patient")
    assert (await rows(owner, tenant))["str"] != []


@pytest.mark.usefixtures("stored")
async def test_xp_5_what_did_nothing_does_not_report_success(
    urls: Urls, tenant: FreshTenant, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> int:
        return 0

    for table in TABLES:
        with monkeypatch.context() as patched:
            await delete(owner, tenant, table)
            patched.setattr(Store, "reindex", nothing)
            code, said = await run(urls, tenant.name)
            assert code == 1, table
            assert "failed: " in said
            assert "is not indexed as it should be" in said
        assert (await run(urls, tenant.name))[0] == 0


@pytest.mark.usefixtures("stored")
async def test_xp_5_what_passed_over_resources_does_not_report_success(
    urls: Urls, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search import store

    async def empty(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(store, "page", empty)
    code, said = await run(urls, tenant.name)
    assert code == 1
    assert "4 resources were to be indexed, and 0 were" in said


async def test_what_is_not_there(urls: Urls, tenant: FreshTenant) -> None:
    with pytest.raises(NotFound):
        await run(urls, "nobody")
    with pytest.raises(Failed, match="Human"):
        await run(urls, tenant.name, "Human")
    assert (await run(urls, tenant.name))[0] == 0


async def test_xp_3_goes_on_after_kill_9(tmp_path: Path) -> None:
    """The worker that indexes is killed; its successor goes on where it was, not from the beginning."""
    colour = "http://example.org/colour"
    made = {
        "resourceType": "SearchParameter", "url": "http://example.org/SearchParameter/colour", "name": "Colour",
        "status": "active", "code": "colour", "description": "The colour", "base": ["Patient"], "type": "token",
        "expression": f"Patient.extension('{colour}').value.as(code)",
    }  # fmt: skip
    with serve(tmp_path / "data") as serving:
        async with httpx.AsyncClient(base_url=serving.base, timeout=30) as http:
            for part in range(16):
                entries = [
                    {"resource": {"resourceType": "Patient", "extension": [{"url": colour, "valueCode": "red"}]},
                     "request": {"method": "POST", "url": "Patient"}}
                    for _ in range(250)
                ]  # fmt: skip
                bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
                assert (await http.post("", json=bundle)).status_code == 200, part
            assert (await http.post("/SearchParameter", json=made)).status_code == 201

            async def done() -> int | None:
                """How many resources are indexed; None when the parameter is ready."""
                answer = await http.get("/Patient?colour=red&_count=0")
                if answer.status_code == 200:
                    assert answer.json()["total"] == 4000
                    return None
                found = re.search(r"is being indexed: ([\d,]+) of 4,000", answer.text)
                return int(found[1].replace(",", "")) if found else 0

            while not (before := await done()):
                await asyncio.sleep(0.01)
            worker = next(pid for pid in children(serving.process.pid) if pid != postmaster(serving.data_dir))
            os.kill(worker, signal.SIGKILL)
            seen = [before]
            now: int | None = before
            while now is not None:
                seen.append(now)
                await asyncio.sleep(0.05)
                with contextlib.suppress(httpx.TransportError):  # until its successor is there
                    now = await done()
            assert before < 4000
            assert seen == sorted(seen)
