"""What a client writes counts at once: here, on another worker, and for nobody else. What was read is not read again."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from fhir_server import settings
from fhir_server.app import application
from fhir_server.edge import Edge
from resources import exact
from resources.database import Owner, Session
from resources.definitions import load
from terminology.owned import TYPES, Owned

from ..conftest import FreshTenant, Urls
from .conftest import client_of
from .test_terminology import CODE_SYSTEM, COLOURS, CONCEPT_MAP, MAP, VALUE_SET, WARM

LOOKUP = f"/CodeSystem/$lookup?system={COLOURS}&code=red"
EXPAND = f"/ValueSet/$expand?url={WARM}"
VALIDATE = f"/ValueSet/$validate-code?url={WARM}&system={COLOURS}&code=red"
TRANSLATE = f"/ConceptMap/$translate?url={MAP}&system={COLOURS}&code=red"
ALL = (LOOKUP, EXPAND, VALIDATE, TRANSLATE)


async def put(http: httpx.AsyncClient, *trees: dict[str, Any]) -> None:
    for tree in trees:
        answer = await http.put(f"/{tree['resourceType']}/{tree['id']}", json=tree)
        assert answer.status_code in (200, 201), answer.text


def showing(display: str) -> dict[str, Any]:
    return {**CODE_SYSTEM, "concept": [{"code": "warm", "concept": [{"code": "red", "display": display}]}]}


async def display(http: httpx.AsyncClient) -> str:
    """Of the code red; "" if it is not known."""
    answer = await http.get(LOOKUP)
    if answer.status_code == 404:
        return ""
    return next(str(one["valueString"]) for one in answer.json()["parameter"] if one["name"] == "display")


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are asked of the database."""
    made: list[str] = []
    for name in ("select", "call"):
        ask = getattr(Session, name)

        async def counted(self: Session, query: str, *args: Any, ask: Any = ask, **more: Any) -> Any:
            made.append(query)
            return await ask(self, query, *args, **more)

        monkeypatch.setattr(Session, name, counted)
    return made


async def test_tx_11_what_is_written_counts_at_once(http: httpx.AsyncClient) -> None:
    assert [(await http.get(one)).status_code for one in ALL] == [404] * 4
    await put(http, CODE_SYSTEM, VALUE_SET, CONCEPT_MAP)
    assert [(await http.get(one)).status_code for one in ALL] == [200] * 4
    assert await display(http) == "Red"
    await put(http, showing("Crimson"))
    assert await display(http) == "Crimson"
    assert "Crimson" in (await http.get(EXPAND)).text
    for type_and_id in ("CodeSystem/colours", "ConceptMap/map"):
        await http.delete(f"/{type_and_id}")
    assert [(await http.get(one)).status_code for one in ALL] == [404, 404, 200, 404]
    await put(http, showing("Scarlet"))
    assert await display(http) == "Scarlet"
    await http.delete("/ValueSet/warm")
    assert (await http.get(EXPAND)).status_code == 404


async def test_what_is_written_by_a_transaction_a_patch_and_an_upload_counts_at_once(http: httpx.AsyncClient) -> None:
    entry = {"resource": CODE_SYSTEM, "request": {"method": "PUT", "url": "CodeSystem/colours"}}
    assert not await display(http)
    answer = await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 200
    assert await display(http) == "Red"
    patch = [{"op": "replace", "path": "/concept/0/concept/0/display", "value": "Ruby"}]
    answer = await http.patch(
        "/CodeSystem/colours", json=patch, headers={"content-type": "application/json-patch+json"}
    )
    assert answer.status_code == 200, answer.text
    assert await display(http) == "Ruby"


@pytest.mark.parametrize("url", ALL)
async def test_the_second_same_question_is_no_round_trip(http: httpx.AsyncClient, trips: list[str], url: str) -> None:
    await put(http, CODE_SYSTEM, VALUE_SET, CONCEPT_MAP)
    await asyncio.sleep(0.2)  # until this worker has heard of what it wrote itself
    trips.clear()
    first = await http.get(url)
    assert 0 < len(trips) <= 8
    trips.clear()
    assert (await http.get(url)).status_code == first.status_code == 200
    assert trips == []


@pytest.mark.parametrize(
    "url",
    [
        "/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male",
        "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender",
        "/CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mg",
        "/ValueSet/$expand?url=http://example.org/none",
        "/ConceptMap/$translate?system=http://example.org/none&code=x",
    ],
)
async def test_what_is_official_or_nowhere_is_asked_once(http: httpx.AsyncClient, trips: list[str], url: str) -> None:
    await http.get(url)
    trips.clear()
    await http.get(url)
    assert trips == []


async def test_tx_91_another_tenant_sees_nothing_and_is_not_told(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    """Byte for byte what it would be told of a URL that nobody has."""
    await put(http, CODE_SYSTEM, VALUE_SET, CONCEPT_MAP)
    nowhere = {COLOURS: "http://example.org/nowhere", WARM: "http://example.org/void", MAP: "http://example.org/nap"}
    bodies: list[tuple[str, Any]] = [(one, None) for one in ALL]
    bodies.append((f"/ValueSet/$expand?url={WARM}|1", None))
    bodies.append((f"/CodeSystem/$subsumes?system={COLOURS}&codeA=red&codeB=warm", None))
    bodies.append((f"/CodeSystem/$validate-code?url={COLOURS}&code=red", None))
    bodies.append((f"/ConceptMap/$translate?system={COLOURS}&code=red", None))
    bodies.append((f"/ValueSet/$related?thisUrl={WARM}&otherUrl={WARM}", None))
    for url, _ in bodies:
        assert (await http.get(url)).status_code == 200
        theirs = await other_http.get(url)
        for known, unknown in nowhere.items():
            url = url.replace(known, unknown)
        expected = (await other_http.get(url)).content
        for known, unknown in nowhere.items():
            expected = expected.replace(unknown.encode(), known.encode())
        assert theirs.content == expected
    stated = (await other_http.get("/metadata?mode=terminology")).text
    assert COLOURS not in stated
    assert COLOURS in (await http.get("/metadata?mode=terminology")).text
    assert (await other_http.get("/ValueSet/warm/$expand")).status_code == 404


async def test_what_is_sent_along_is_in_no_other_request(http: httpx.AsyncClient) -> None:
    """TX-90"""
    sent = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "url", "valueUri": WARM},
            {"name": "tx-resource", "resource": CODE_SYSTEM},
            {"name": "tx-resource", "resource": VALUE_SET},
        ],
    }
    for _ in range(2):
        answer = await http.post("/ValueSet/$expand", json=sent)
        assert answer.status_code == 200, answer.text
        assert (await http.get(EXPAND)).status_code == 404
        assert (await http.get(LOOKUP)).status_code == 404
    await put(http, CODE_SYSTEM, VALUE_SET)
    changed = {**sent, "parameter": [sent["parameter"][0], {"name": "tx-resource", "resource": showing("Sent")}]}
    assert "Sent" in (await http.post("/ValueSet/$expand", json=changed)).text
    assert "Sent" not in (await http.get(EXPAND)).text


def cached(cache_id: str, *trees: dict[str, Any], url: str = WARM) -> dict[str, Any]:
    along = [{"name": "tx-resource", "resource": one} for one in trees]
    given = [{"name": "url", "valueUri": url}, {"name": "cache-id", "valueId": cache_id}]
    return {"resourceType": "Parameters", "parameter": [*given, *along]}


async def test_tx_92_what_was_sent_under_a_cache_id_need_not_be_sent_again(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    url = "/ValueSet/$expand"
    assert (await http.post(url, json=cached("one", CODE_SYSTEM, VALUE_SET))).status_code == 200
    assert (await http.post(url, json=cached("one"))).status_code == 200
    assert (await http.get(f"{EXPAND}&cache-id=one")).status_code == 200
    assert (await http.post(url, json=cached("two"))).status_code == 404
    assert (await http.get(EXPAND)).status_code == 404
    assert (await other_http.post(url, json=cached("one"))).status_code == 404
    assert "Later" in (await http.post(url, json=cached("one", showing("Later")))).text, "what is sent now comes first"
    assert (await http.post(url, json=cached("no/such"))).status_code == 400


async def test_what_was_kept_under_a_cache_id_goes_after_a_while(
    http: httpx.AsyncClient, owner: Owner, tenant: FreshTenant
) -> None:
    url = "/ValueSet/$expand"
    assert (await http.post(url, json=cached("old", CODE_SYSTEM, VALUE_SET))).status_code == 200
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        await owner.fetch("update fhir.sent set at = at - interval '2 hours' where tenant_id = $1", tenant.tenant_id)
    assert (await http.post(url, json=cached("new", CODE_SYSTEM, VALUE_SET))).status_code == 200
    assert (await http.post(url, json=cached("old"))).status_code == 404


# Another worker


@pytest.fixture
async def elsewhere(urls: Urls) -> AsyncIterator[Edge]:
    """A second application on the same database."""
    edge = application(settings.read({"database_url": urls.application}, {}))
    async with edge.lifespan():
        yield edge


async def soon(found: Callable[[], Awaitable[str]], expected: str) -> float:
    """Seconds until an answer is the expected one."""
    began = time.perf_counter()
    async with asyncio.timeout(5):
        while await found() != expected:
            await asyncio.sleep(0.005)
    return time.perf_counter() - began


async def test_tx_142_another_worker_hears_of_changes(
    http: httpx.AsyncClient, elsewhere: Edge, tenant: FreshTenant
) -> None:
    async with client_of(elsewhere, tenant) as there:
        await put(http, CODE_SYSTEM, VALUE_SET)
        await soon(lambda: display(there), "Red")
        for name in ("Crimson", "Scarlet"):
            await put(http, showing(name))
            assert await display(http) == name
            assert await soon(lambda: display(there), name) < 1
        await http.delete("/CodeSystem/colours")
        assert await soon(lambda: display(there), "") < 1


def _forgetting_only_when_asked(owned: Owned) -> Callable[[int | None], None]:
    """Deaf to what is notified: the caller of that has no task of a request."""
    forget = owned.forget

    def forgetting(tenant_id: int | None = None) -> None:
        if "answer" in {frame.function for frame in inspect.stack()[:3]}:
            forget(tenant_id)

    return forgetting


async def test_a_worker_that_hears_nothing_does_not_trust_what_it_knows(
    http: httpx.AsyncClient, elsewhere: Edge, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its listening connection is lost, and no other is to be had."""
    async with client_of(elsewhere, tenant) as there:
        await put(http, CODE_SYSTEM)
        assert await display(there) == "Red"
        assert elsewhere.opened
        terminologies = elsewhere.opened.tenants.get(tenant.name).terminologies
        assert terminologies._is_listening()
        monkeypatch.setattr(terminologies, "_is_listening", lambda: False)
        monkeypatch.setattr(terminologies.owned, "forget", _forgetting_only_when_asked(terminologies.owned))
        for name in ("Crimson", "Scarlet"):
            await put(http, showing(name))
            assert await display(there) == name


async def test_numbers_of_types_are_those_of_the_trigger(owner: Owner, edge: Edge) -> None:
    """schema.sql names CodeSystem, ConceptMap and ValueSet by number."""
    [row] = await owner.fetch(
        "select pg_get_triggerdef(t.oid) as text from pg_trigger t where t.tgname = 'terminology_changed'"
    )
    for name in TYPES:
        assert str(load().type_number(name)) in row["text"]


async def test_an_answer_is_exact(http: httpx.AsyncClient) -> None:
    """A decimal goes out as it came in."""
    concept = {"code": "red", "property": [{"code": "size", "valueDecimal": "?"}]}
    tree = {**CODE_SYSTEM, "property": [{"code": "size", "type": "decimal"}], "concept": [concept]}
    text = exact.encode(tree).replace(b'"?"', b"1.50")
    assert (await http.put("/CodeSystem/colours", content=text)).status_code == 201
    assert '"valueDecimal":1.50' in (await http.get(f"{LOOKUP}&property=size")).text
