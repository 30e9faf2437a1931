"""A tenant's own search parameters, from the POST of the resource to their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from fhir_server import settings
from fhir_server.app import application
from fhir_server.edge import Edge
from fhir_server.exchange import Request
from fhir_server.planning import plan, write_of
from resources.database import Database
from search import store as indexing

from ..conftest import FreshTenant, Urls
from .conftest import client_of

URL = "http://example.org/SearchParameter/"
COLOUR = "http://example.org/colour"


def parameter(code: str = "colour", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter", "url": URL + code, "name": "Colour", "status": "active", "code": code,
        "description": "The colour", "base": ["Patient"], "type": "token",
        "expression": f"Patient.extension('{COLOUR}').value.as(code)", **changes,
    }  # fmt: skip


def patient(colour: str | None = None, **content: Any) -> dict[str, Any]:
    extension = {"extension": [{"url": COLOUR, "valueCode": colour}]} if colour else {}
    return {"resourceType": "Patient", **extension, **content}


async def eventually(true: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await true()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return found


async def ready(http: httpx.AsyncClient, code: str = "colour", resource_type: str = "Patient") -> None:
    async def known() -> bool:
        return (await http.get(f"/{resource_type}", params={code: "none"})).status_code == 200

    await eventually(known)


async def ids(http: httpx.AsyncClient, query: str) -> list[str]:
    answer = await http.get("/" + query)
    assert answer.status_code == 200, answer.text
    entries = answer.json().get("entry", [])
    assert all(one["resource"]["resourceType"] != "OperationOutcome" for one in entries)
    return [one["resource"]["id"] for one in entries]


async def store(http: httpx.AsyncClient, *resources: dict[str, Any]) -> None:
    for resource in resources:
        answer = await http.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code in (200, 201), answer.text


@pytest.fixture
async def patients(http: httpx.AsyncClient) -> None:
    await store(
        http,
        patient("red", id="a"),
        patient("blue", id="b"),
        patient(id="c"),
        {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
         "subject": {"reference": "Patient/a"}},
    )  # fmt: skip


@pytest.mark.usefixtures("patients")
async def test_xp_6_works_like_an_official_one(http: httpx.AsyncClient) -> None:
    assert (await http.post("/SearchParameter", json=parameter())).status_code == 201
    await ready(http)
    await store(http, patient("red", id="d"))
    assert sorted(await ids(http, "Patient?colour=red")) == ["a", "d"]
    assert await ids(http, "Patient?colour:missing=true") == ["c"]
    assert (await ids(http, "Patient?_sort=colour"))[0] == "b"
    assert (await ids(http, "Patient?_sort=-colour"))[-1] == "c"
    assert await ids(http, "Observation?subject:Patient.colour=red") == ["o"]
    assert await ids(http, "Observation?subject:Patient.colour=blue") == []
    assert sorted(await ids(http, "Patient?_filter=colour eq red")) == ["a", "d"]


async def test_xp_6_is_a_link_of_chains_and_a_path_of_includes(http: httpx.AsyncClient) -> None:
    friend = "http://example.org/friend"
    await store(
        http,
        patient(id="a", name=[{"family": "Ash"}]),
        patient(id="b", extension=[{"url": friend, "valueReference": {"reference": "Patient/a"}}]),
    )
    made = parameter("friend", type="reference", target=["Patient"], expression=f"Patient.extension('{friend}').value")
    assert (await http.post("/SearchParameter", json=made)).status_code == 201
    await ready(http, "friend")
    assert await ids(http, "Patient?friend=Patient/a") == ["b"]
    assert await ids(http, "Patient?friend.family=ash") == ["b"]
    assert await ids(http, "Patient?_has:Patient:friend:_id=b") == ["a"]
    assert await ids(http, "Patient?_id=b&_include=Patient:friend") == ["b", "a"]
    assert await ids(http, "Patient?_id=a&_revinclude=Patient:friend") == ["a", "b"]


async def test_xp_6_on_contained_resources(http: httpx.AsyncClient) -> None:
    await store(
        http,
        {"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order",
         "contained": [{"resourceType": "Medication", "id": "m",
                        "extension": [{"url": COLOUR, "valueCode": "red"}]}],
         "medicationReference": {"reference": "#m"}, "subject": {"reference": "Patient/a"}},
    )  # fmt: skip
    made = parameter(base=["Medication"], expression=f"Medication.extension('{COLOUR}').value.as(code)")
    assert (await http.post("/SearchParameter", json=made)).status_code == 201
    await ready(http, "colour", "Medication")
    assert await ids(http, "Medication?colour=red&_contained=true") == ["r"]
    assert await ids(http, "MedicationRequest?medication.colour=red") == ["r"]


@pytest.mark.usefixtures("patients")
async def test_xp_1_of_one_tenant_only(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    assert (await http.post("/SearchParameter", json=parameter())).status_code == 201
    await ready(http)
    answer = await other_http.get("/Patient?colour=red")
    assert answer.status_code == 400
    assert "colour" in answer.json()["issue"][0]["diagnostics"]
    assert "indexed" not in answer.text


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"expression": "Patient.colour"}, "SearchParameter.expression"),
        ({"expression": "Patient.name.first()"}, "SearchParameter.expression"),
        ({"code": "name"}, "SearchParameter.code"),
        ({"type": "special"}, "SearchParameter.type"),
        ({"target": ["Patient"]}, "SearchParameter.target"),
    ],
)
async def test_xp_1_what_cannot_be_used_is_refused(
    http: httpx.AsyncClient, changes: dict[str, Any], element: str
) -> None:
    answer = await http.post("/SearchParameter", json=parameter(**changes))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [element]
    assert await ids(http, "SearchParameter") == []


async def test_xp_2_a_code_is_taken_also_within_one_transaction(http: httpx.AsyncClient) -> None:
    entries = [
        {"resource": parameter(url=URL + n), "request": {"method": "POST", "url": "SearchParameter"}} for n in "ab"
    ]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 422
    assert "colour" in answer.json()["issue"][0]["diagnostics"]
    assert (await http.post("/SearchParameter", json=parameter())).status_code == 201
    await ready(http)
    answer = await http.post("/SearchParameter", json=parameter(url=URL + "other"))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["code"] == "duplicate"


@pytest.mark.usefixtures("patients")
async def test_xp_2_only_while_it_is_active(http: httpx.AsyncClient, connection: asyncpg.Connection) -> None:
    assert (await http.put("/SearchParameter/x", json=parameter(id="x", status="draft"))).status_code == 201
    assert (await http.get("/Patient?colour=red")).status_code == 400
    await store(http, parameter(id="x"))
    await ready(http)
    assert await ids(http, "Patient?colour=red") == ["a"]
    await store(http, parameter(id="x", status="retired"))
    await eventually_gone(http)
    assert (await http.get("/Patient?colour=red")).status_code == 400


async def eventually_gone(http: httpx.AsyncClient) -> None:
    async def gone() -> bool:
        return (await http.get("/Patient?colour=red")).status_code == 400

    await eventually(gone)


@pytest.mark.usefixtures("patients")
async def test_xp_2_the_same_url_replaces(http: httpx.AsyncClient) -> None:
    await store(http, parameter(id="x"))
    await ready(http)
    other = "http://example.org/other"
    await store(http, patient(id="e", extension=[{"url": other, "valueCode": "green"}]))
    made = parameter(id="y", expression=f"Patient.extension('{other}').value.as(code)")
    await store(http, made)

    async def replaced() -> bool:
        return bool((await http.get("/Patient?colour=green")).json().get("total") == 1)

    await eventually(replaced)
    assert await ids(http, "Patient?colour=red") == []
    # The first resource does not speak for the parameter any more.
    assert (await http.delete("/SearchParameter/x")).status_code == 204
    await asyncio.sleep(0.3)
    assert await ids(http, "Patient?colour=green") == ["e"]


async def test_xp_2_deleting_removes_its_index_rows(http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant) -> None:
    await store(http, *(patient(id=n, extension=[{"url": COLOUR, "valueString": n}]) for n in "ab"))
    await store(http, parameter(id="x", type="string", expression=f"Patient.extension('{COLOUR}').value"))
    await ready(http)
    assert edge.opened
    number = edge.opened.tenants.get(tenant.name).indexer.parameters("Patient")["colour"].number

    async def rows() -> int:
        found = await tenant.session.select(
            "select count(*) as n from str where tenant_id = g.t and param = $2", number
        )
        return int(found[0]["n"])

    assert await rows() == 2
    assert (await http.delete("/SearchParameter/x")).status_code == 204

    async def none() -> bool:
        return await rows() == 0

    await eventually(none)
    await eventually_gone(http)
    # Its number is never used again.
    await store(http, parameter("shade", id="y"))
    await ready(http, "shade")
    assert edge.opened.tenants.get(tenant.name).indexer.parameters("Patient")["shade"].number == number + 1


async def test_xp_4_until_it_is_ready_a_search_says_how_far_it_is(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(http, patient("red", id="oldest"))
    entries = [
        {"resource": patient("red", id=f"p{n}"), "request": {"method": "PUT", "url": f"Patient/p{n}"}}
        for n in range(250)
    ]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200
    going_on, page = asyncio.Event(), indexing.page

    async def stopping(session: Any, number: int, after: Any, most: int) -> Any:
        if after:
            await going_on.wait()
        return await page(session, number, after, most)

    monkeypatch.setattr(indexing, "page", stopping)
    await store(http, parameter(id="x"))
    says = "The search parameter colour is being indexed: 200 of 251 resources are done."

    async def half_way() -> bool:
        return says in (await http.get("/Patient?colour=red")).text

    await eventually(half_way)
    for query in ("Patient?colour=red", "Patient?_sort=colour", "Observation?subject:Patient.colour=red",
                  "Patient?_filter=colour eq red", "Patient?_has:Patient:link:colour=red"):  # fmt: skip
        answer = await http.get("/" + query)
        assert answer.status_code == 400, query
        assert says in answer.json()["issue"][0]["diagnostics"], query
    answer = await http.get("/Patient?colour=red&_count=3", headers={"prefer": "handling=lenient"})
    assert answer.status_code == 200
    *matches, outcome = answer.json()["entry"]
    assert len(matches) == 3
    assert says in outcome["resource"]["issue"][0]["diagnostics"]
    assert "colour" not in answer.json()["link"][0]["url"]
    assert "colour" not in await stated(http)
    going_on.set()
    await ready(http)
    assert "colour" in await stated(http)
    assert (await http.get("/Patient?colour=red&_count=0&_total=accurate")).json()["total"] == 251


async def stated(http: httpx.AsyncClient) -> set[str]:
    statement = (await http.get("/metadata")).json()
    [of_type] = [one for one in statement["rest"][0]["resource"] if one["type"] == "Patient"]
    return {one["name"] for one in of_type["searchParam"]}


def serving(urls: Urls) -> Any:
    """A worker of its own."""
    return _Serving(application(settings.read({"database_url": urls.application}, {})))


class _Serving:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._lifespan = edge.lifespan()

    async def __aenter__(self) -> Edge:
        await self._lifespan.__aenter__()
        return self._edge

    async def __aexit__(self, *error: Any) -> None:
        await self._lifespan.__aexit__(*error)


async def test_xp_3_no_write_stays_unindexed(urls: Urls, tenant: FreshTenant, database: Database) -> None:
    """The parameter is created on one worker while others, which have not heard of it, go on writing."""
    async with serving(urls) as one, serving(urls) as two:
        first, second = client_of(one, tenant), client_of(two, tenant)
        deaf(two)
        written = 0

        async def write(http: httpx.AsyncClient, name: str) -> None:
            nonlocal written
            for n in range(60):
                answer = await http.put(f"/Patient/{name}{n}", json=patient("red", id=f"{name}{n}"))
                assert answer.status_code == 201, answer.text
                written += 1

        writing = [asyncio.create_task(write(second, name)) for name in "abc"]
        await asyncio.sleep(0.1)
        assert (await first.post("/SearchParameter", json=parameter())).status_code == 201
        during = written
        await asyncio.gather(*writing)
        assert 0 < during < written == 180
        await ready(first)
        found = (await first.get("/Patient?colour=red&_count=0&_total=accurate")).json()
        assert found["total"] == 180


async def test_xp_3_waits_for_writes_that_had_begun(http: httpx.AsyncClient, edge: Edge, tenant: FreshTenant) -> None:
    """A write that was checked before the parameter came, and commits long after it, is indexed all the same."""
    assert edge.opened
    await http.get("/metadata")
    before = edge.opened.tenants.get(tenant.name)
    request = Request("PUT", ("Patient", "late"), before, str(http.base_url), resource=patient("red", id="late"))
    async with tenant.session.transaction() as session:
        late = plan(write_of(request, "update"), (), None)
        await before.store.apply(session, before.definitions_number, late.changes)
        await store(http, parameter(id="x"))
        await asyncio.sleep(1)
        answer = await http.get("/Patient?colour=red")
        assert "colour is about to be indexed" in answer.json()["issue"][0]["diagnostics"]
    await ready(http)
    assert await ids(http, "Patient?colour=red") == ["late"]


async def test_xp_4_no_search_looks_at_an_index_that_is_being_made(
    urls: Urls, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one on a worker that has not heard that the parameter means something else now."""
    async with serving(urls) as one, serving(urls) as two:
        first, second = client_of(one, tenant), client_of(two, tenant)
        await store(first, patient("red", id="a"), parameter(id="x"))
        await ready(first)
        await ready(second)
        deaf(two)
        going_on, page = asyncio.Event(), indexing.page

        async def stopping(*given: Any) -> Any:
            await going_on.wait()
            return await page(*given)

        monkeypatch.setattr(indexing, "page", stopping)
        await store(first, parameter(id="x", expression="Patient.gender"))
        answer = await second.get("/Patient?colour=red")
        assert answer.status_code == 400, answer.text
        assert "indexed" in answer.text
        batch = {"resourceType": "Bundle", "type": "batch",
                 "entry": [{"request": {"method": "GET", "url": "Patient?colour=red"}}]}  # fmt: skip
        assert (await second.post("", json=batch)).json()["entry"][0]["response"]["status"].startswith("400")
        going_on.set()
        await ready(second)
        assert await ids(second, "Patient?colour=red") == []


def deaf(edge: Edge) -> None:
    """Makes a worker hear of nothing: only the database tells it that its definitions are old."""
    assert edge.opened
    edge.opened.tenants._database._heard["fhir_tenant"] = [lambda _: None]
    edge.opened.tenants._heard = lambda _: None  # type: ignore[method-assign]
