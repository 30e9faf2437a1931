"""The walk of a re-validation: each resource once, exact counts, whatever happens meanwhile; and what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from fhir_server.edge import Edge
from fhir_server.operations import OPERATIONS, definition_of
from fhir_server.store import Job, add_job, job_state
from fhir_server.validation import revalidation, store
from fhir_server.validation.judging import judge
from fhir_server.validation.revalidation import KIND, Asked, Counts, asked, report
from resources.database import framed
from resources.operation import Parameter
from resources.outcome import Issue

from ..conftest import FreshTenant
from ..large import TYPE
from ..plans import explain, faults
from .test_revalidate import BAD, GOOD, population, put, read


class Walking:
    """A job of a tenant, done by hand."""

    def __init__(self, edge: Edge, tenant: FreshTenant, work: Asked) -> None:
        assert edge.opened
        self._tenant = edge.opened.tenants.get(tenant.name)
        self._session = tenant.session
        self._arguments = msgspec.to_builtins(work)
        self.progress: Mapping[str, Any] = {}

    async def step(self, *, kept: bool = True) -> bool:
        """Does a step, and whether it was the last; not kept: whoever did it was killed before he could say so."""
        job = Job(self._tenant.tenant_id, 0, KIND, self._arguments, self.progress)
        done = await revalidation.step(self._session, self._tenant, job, "")
        if kept:
            self.progress = msgspec.json.decode(msgspec.json.encode(done.progress))
        return done.ended

    async def to_the_end(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not await self.step():
                pass
        return read(report(self.progress))


async def walking(http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, *types: str) -> Walking:
    await http.get("/metadata")
    assert edge.opened
    known = edge.opened.tenants.get(tenant.name)
    return Walking(edge, tenant, await asked(tenant.session, known, types, ()))


async def test_rv_4_each_resource_is_looked_at_once_whatever_is_written_meanwhile(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "TOGETHER", 2)
    for logical_id in ("b", "c", "d", "e", "f", "g", "h"):
        await put(http, logical_id, GOOD)
    walk = await walking(http, edge, tenant, "Patient")
    for _ in range(2):
        assert not await walk.step()
    assert walk.progress["done"] == 2  # b and c
    await put(http, "b", BAD)  # was looked at: it is not again
    await put(http, "e", BAD)  # was not yet: it is as it is now
    await put(http, "g", {**GOOD, "active": True})
    await http.delete("/Patient/f")
    await put(http, "a", BAD)  # before the place of the walk
    await put(http, "dd", BAD)  # behind it
    await put(http, "i", BAD)  # behind what was the end
    found = await walk.to_the_end()
    assert (found["resources"], found["invalid"]) == (7, 2)  # b c, d dd e g h
    [broken] = [issue for issue in found["issues"] if issue["severity"] == "error"]
    assert [one["resource"]["reference"] for one in broken["samples"]] == [
        "Patient/dd/_history/1", "Patient/e/_history/2",
    ]  # fmt: skip


async def test_rv_4_a_step_whose_worker_was_killed_is_done_again(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "TOGETHER", 3)
    await population(http, 7, 3)
    walk = await walking(http, edge, tenant)
    ended = False
    while not ended:
        await walk.step(kept=False)
        ended = await walk.step()
    found = read(report(walk.progress))
    assert (found["resources"], found["invalid"]) == (10, 3)
    assert [issue["issues"] for issue in found["issues"] if issue["severity"] == "error"] == [6]


async def test_rv_4_a_step_is_bounded_in_time(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "_LONGEST", 0)
    await population(http, 2, 1)
    walk = await walking(http, edge, tenant, "Patient")
    seen = []
    while not await walk.step():
        seen.append(walk.progress["done"])
    assert seen[:4] == [0, 1, 2, 3]
    assert read(report(walk.progress))["invalid"] == 1


async def test_rv_4_what_cannot_be_judged_is_counted(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await population(http, 2, 1)

    async def failing(session: Any, tenant: Any, tree: dict[str, Any], *given: Any, **more: Any) -> Any:
        if tree["id"] == "g0":
            raise ZeroDivisionError
        return await judge(session, tenant, tree, *given, **more)

    monkeypatch.setattr(revalidation, "judge", failing)
    found = await (await walking(http, edge, tenant, "Patient")).to_the_end()
    assert (found["resources"], found["invalid"]) == (3, 2)
    assert [one["issues"] for one in found["issues"] if one["code"] == "exception"] == [1]


def test_rv_5_the_report_is_bounded() -> None:
    counts = Counts((), 20)
    for n in range(1000):
        issues = [Issue("error", "value", "x" * 5000, (f"Patient.a{m}[{n}]",)) for m in range(n, n + 3)]
        counts = Counts(msgspec.json.decode(msgspec.json.encode(counts.kinds())), 20)
        counts.add(f"Patient/{n}", 1, issues)
    kinds = counts.kinds()
    assert sum(kind["issues"] for kind in kinds) == 3000
    assert len(kinds) == 201
    assert sum(len(kind["samples"]) for kind in kinds) <= 500
    assert len(msgspec.json.encode(report({"done": 1, "invalid": 1, "kinds": kinds}))) < 500_000


def test_rv_5_the_report_is_what_the_definition_says() -> None:
    """Every parameter of the answer is one of the OperationDefinition, with its type, and the other way round."""
    [row] = [row for row in OPERATIONS if row.code == KIND]
    kind = {"severity": "error", "code": "value", "rule": "r", "place": "p", "issues": 1, "resources": 1}
    whole = report({"done": 1, "invalid": 1, "kinds": [{**kind, "samples": [["Patient/1", 1, "Patient", "is wrong"]]}]})

    def agree(known: tuple[Parameter, ...], given: Any) -> None:
        assert {one.name for one in known} == {one["name"] for one in given}
        for parameter in known:
            for entry in (one for one in given if one["name"] == parameter.name):
                agree(parameter.part, entry.get("part", ()))
                if parameter.type:
                    assert f"value{parameter.type[0].upper()}{parameter.type[1:]}" in entry

    agree(definition_of(row).answered, whole["parameter"])


PAGES: dict[str, list[tuple[Any, ...]]] = {
    "last": [(TYPE,)],
    "page": [
        (TYPE, "", "~", revalidation.TOGETHER, 10**9),
        (TYPE, "o2", "o3", revalidation.TOGETHER, 10**9),
    ],
}


def test_every_query_is_tested() -> None:
    assert set(PAGES) == set(store.QUERIES)


async def _faults(connection: asyncpg.Connection, tenant_id: int) -> list[str]:
    return [
        f"{name}: {fault}"
        for name, pages in PAGES.items()
        for arguments in pages
        for fault in faults(
            await explain(connection, framed(store.QUERIES[name]), (tenant_id, *arguments)),
            40 + 6 * revalidation.TOGETHER,
            revalidation.TOGETHER,
        )
    ]


async def test_a_page_reads_its_own_resources(connection: asyncpg.Connection, never_analyzed: int) -> None:
    assert await _faults(connection, never_analyzed) == []


async def test_so_it_does_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await _faults(connection, large) == []


async def test_a_job_of_the_command_is_done_by_any_worker(
    http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant
) -> None:
    await population(http, 1, 1)
    assert edge.opened
    work = await asked(tenant.session, edge.opened.tenants.get(tenant.name), ("Patient",), ())
    job_id = await add_job(tenant.session, KIND, msgspec.to_builtins(work))
    async with asyncio.timeout(20):
        while (state := await job_state(tenant.session, job_id))[0] == "due":
            await asyncio.sleep(0.02)
    assert (state[0], state[1]["done"], state[1]["invalid"]) == ("done", 2, 1)
