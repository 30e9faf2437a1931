"""$everything over HTTP, against an oracle that keeps every version: EXC-02, and the record as it was at an instant."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from resources.database import Owner
from search import everything as record

from ..conftest import FreshTenant
from ..records import RULES, Identity, Tree, World, identity

MOMENT = timedelta(milliseconds=1)


def entries(bundle: Tree, mode: str) -> list[Identity]:
    return [identity(one["resource"]) for one in bundle.get("entry", ()) if one["search"]["mode"] == mode]


def link(bundle: Tree, relation: str) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), "")


async def pages(http: httpx.AsyncClient, url: str, most: int = 100) -> list[Tree]:
    found = []
    while url:
        answer = await http.get(url)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        assert len(found) <= most
        url = link(found[-1], "next")
    return found


async def whole(http: httpx.AsyncClient, url: str) -> tuple[list[Identity], set[Identity]]:
    """The matches of all pages, and what is included."""
    found = await pages(http, url)
    around = [entries(one, "include") for one in found]
    assert all(len(some) == len(set(some)) for some in around), "twice on one page"
    return [one for bundle in found for one in entries(bundle, "match")], {one for some in around for one in some}


@pytest.fixture
async def world(http: httpx.AsyncClient) -> World:
    world = World(http, 7)
    for n in range(3):
        await world.put({"resourceType": "Patient", "id": f"p{n}", "birthDate": "1970-01-01"})
    await world.put({"resourceType": "Organization", "id": "g", "name": "g"})
    await world.put({"resourceType": "Practitioner", "id": "d0"})
    return world


def asked(**given: Any) -> str:
    return str(httpx.QueryParams({name: value for name, value in given.items() if value}))


@pytest.mark.parametrize("seed", range(3))
async def test_exc_2_the_record_now_and_as_of_any_instant(http: httpx.AsyncClient, world: World, seed: int) -> None:
    """Every version that was current then and belonged to the patient then, once; what these refer to; nothing else."""
    chance = world.chance = random.Random(seed)
    await world.write(60)
    for turn in range(25):
        at, *_ = chance.choice(world.versions)
        instant = [None, at, at - MOMENT, at + MOMENT][turn % 4]
        types = tuple(chance.sample(["Patient", "Practitioner", *RULES], 2)) if chance.random() < 0.3 else ()
        start = f"2020-0{chance.randint(1, 4)}-05" if chance.random() < 0.3 else ""
        end = f"2020-0{chance.randint(1, 4)}-25" if chance.random() < 0.3 else ""
        since = chance.choice(world.versions)[0] if chance.random() < 0.2 else None
        patient, count = f"p{chance.randint(0, 2)}", chance.choice([0, 1, 2, 5])
        query = asked(
            start=start,
            end=end,
            _type=",".join(types),
            _count=count,
            _since=since and since.isoformat(),
            _asOf=instant and instant.isoformat(),
        )
        if (("Patient", patient)) not in world.state(instant):
            assert (await http.get(f"/Patient/{patient}/$everything?{query}")).status_code == 404
            continue
        inside, around = world.expected(patient, instant, types, start, end or "9999", since)
        found, included = await whole(http, f"/Patient/{patient}/$everything?{query}")
        assert sorted(found) == sorted(inside), query
        assert included == around, query
        if not types and not since:
            assert found[0][:2] == ("Patient", patient)
        if turn % 5 == 0:
            await world.write(10)
    for at, *_ in world.versions[6::9]:  # long ago by now
        inside, around = world.expected("p1", at)
        found, included = await whole(http, f"/Patient/p1/$everything?{asked(_asOf=at.isoformat())}")
        assert (sorted(found), included) == (sorted(inside), around)


async def test_every_page_of_an_instant_is_the_same_whatever_is_written_meanwhile(
    http: httpx.AsyncClient, world: World
) -> None:
    """Resources that move to another patient, change their date, are deleted or come back between two pages."""
    await world.write(60)
    instant = max(at for at, *_ in world.versions)
    inside, around = world.expected("p1", instant)
    found: list[Identity] = []
    included: set[Identity] = set()
    url = f"/Patient/p1/$everything?{asked(_asOf=instant.isoformat(), _count=1)}"
    while url:
        bundle = (await http.get(url)).json()
        found += entries(bundle, "match")
        included |= {*entries(bundle, "include")}
        url = link(bundle, "next")
        await world.write(6)
    assert (sorted(found), included) == (sorted(inside), around)
    assert len(found) > 4
    now, _ = world.expected("p1")
    assert len(now & inside) < len(inside) - 3, "nothing has moved: the test shows nothing"


async def test_what_does_not_change_is_on_one_page_while_others_write(http: httpx.AsyncClient, world: World) -> None:
    await world.write(60)
    before, _ = world.expected("p0")
    found: list[Identity] = []
    url = "/Patient/p0/$everything?_count=2"
    while url:
        bundle = (await http.get(url)).json()
        found += entries(bundle, "match")
        url = link(bundle, "next")
        await world.write(2)
    stayed = before & world.expected("p0")[0]
    assert len(stayed) > 3
    assert [found.count(one) for one in stayed] == [1] * len(stayed)


async def test_it_is_what_a_search_of_the_compartment_finds(http: httpx.AsyncClient, world: World) -> None:
    await world.write(60)
    for types in ("", "Observation,Encounter"):
        query = asked(_type=types)
        [bundle] = await pages(http, f"/Patient/p1/$everything?{query}")
        searched = (await http.get(f"/Patient/p1/*?_count=1000&{query}")).json()
        assert sorted(entries(bundle, "match")) == sorted(entries(searched, "match"))
        assert bundle["total"] == searched["total"] == len(entries(bundle, "match"))
        first, *_ = await pages(http, f"/Patient/p1/$everything?_count=3&{query}")
        assert (first["total"], len(entries(first, "match"))) == (bundle["total"], 3)
    times = "date=ge2020-02-03&date=le2020-03-04"
    searched = (await http.get(f"/Patient/p1/Encounter?_count=1000&{times}")).json()
    [bundle] = await pages(http, "/Patient/p1/$everything?_type=Encounter&start=2020-02-03&end=2020-03-04")
    assert sorted(entries(bundle, "match")) == sorted(entries(searched, "match"))
    assert entries(bundle, "match")


@pytest.mark.parametrize("bound", ["bytes", "includes", "rounds"])
async def test_a_page_is_bounded_and_nothing_is_lost(
    http: httpx.AsyncClient,
    world: World,
    owner: Owner,
    tenant: FreshTenant,
    bound: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In bytes, in what is included, and in what is looked at: there are more pages, and together they have all."""
    await world.write(60)
    for n in range(5):
        await world.put({"resourceType": "Location", "id": f"l{n}", "name": "x" * 500})
    locations = [{"location": {"reference": f"Location/l{n}"}} for n in range(5)]
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "A"},
        "location": locations,
    }
    await world.put({**encounter, "subject": {"reference": "Patient/p1"}, "period": {"start": "2020-02-02"}})
    instant = max(at for at, *_ in world.versions)
    if bound == "bytes":
        monkeypatch.setattr(record, "LARGE", 700)
    elif bound == "includes":
        await registry.set_settings(owner, tenant.name, {"max_includes": 2})
        while len(entries((await http.get("/Encounter/e/$everything")).json(), "include")) > 2:
            pass  # the worker has not heard of it yet
    else:
        for name, number in {"LOOKED": 2, "THEN": 2, "ROUNDS": 1}.items():
            monkeypatch.setattr(record, name, number)
    count = 2 if bound == "rounds" else 50
    for as_of in ("", instant.isoformat()):
        for since in (None, world.versions[20][0]):
            query = asked(_asOf=as_of, _since=since and since.isoformat(), start="2020-02-01", _count=count)
            inside, around = world.expected("p1", None, (), "2020-02-01", since=since)
            found, included = await whole(http, f"/Patient/p1/$everything?{query}")
            assert (sorted(found), included) == (sorted(inside), around)
            assert len(await pages(http, f"/Patient/p1/$everything?{query}")) > 2
    if bound == "includes":
        assert all(len(entries(one, "include")) <= 2 for one in await pages(http, "/Patient/p1/$everything"))


async def test_what_others_have_is_not_in_it(http: httpx.AsyncClient, world: World) -> None:
    """Another patient, and what is in the compartment of another one, is not answered though it is referred to."""
    member = [{"entity": {"reference": f"Patient/p{n}"}} for n in range(3)]
    await world.put({"resourceType": "Group", "id": "g", "type": "person", "actual": True, "member": member})
    code = {"status": "final", "code": {"text": "x"}}
    await world.put({"resourceType": "Observation", "id": "theirs", "subject": {"reference": "Patient/p2"}, **code})
    await world.put({"resourceType": "Observation", "id": "nobodys", **code})
    parts = [{"reference": f"Observation/{one}"} for one in ("theirs", "nobodys")]
    await world.put(
        {
            "resourceType": "Observation",
            "id": "mine",
            "subject": {"reference": "Patient/p0"},
            "hasMember": parts,
            **code,
        }
    )
    [bundle] = await pages(http, "/Patient/p0/$everything")
    assert {one[:2] for one in entries(bundle, "match")} == {("Patient", "p0"), ("Group", "g"), ("Observation", "mine")}
    assert {one[:2] for one in entries(bundle, "include")} == {("Observation", "nobodys")}


async def test_attachments_versions_and_absolute_references_lead_to_what_they_name(
    http: httpx.AsyncClient, world: World
) -> None:
    base = str(http.base_url).rstrip("/")
    for name in ("old", "new", "newer", "last"):
        await world.put({"resourceType": "Practitioner", "id": "v", "name": [{"text": name}]})
    await world.put({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "eA=="})
    await world.put(
        {
            "resourceType": "DocumentReference",
            "id": "r",
            "status": "current",
            "subject": {"reference": f"{base}/Patient/p0"},
            "author": [{"reference": "Practitioner/v/_history/2"}],
            "custodian": {"reference": "https://elsewhere.example/fhir/Organization/g"},
            "content": [
                {"attachment": {"url": "Binary/b"}},
                {"attachment": {"url": f"{base}/Practitioner/v/_history/99"}},
            ],
        }
    )
    [bundle] = await pages(http, "/Patient/p0/$everything")
    assert {*entries(bundle, "include")} == {("Practitioner", "v", "2"), ("Binary", "b", "1")}
    await http.delete("/Practitioner/v")
    [bundle] = await pages(http, "/Patient/p0/$everything")
    assert {*entries(bundle, "include")} == {("Binary", "b", "1")}


async def test_the_record_of_an_encounter(http: httpx.AsyncClient, world: World) -> None:
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p0"},
    }
    await world.put({**encounter, "id": "e", "period": {"start": "2020-01-01"}})
    await world.put({**encounter, "id": "f", "partOf": {"reference": "Encounter/e"}})
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    await world.put({**observation, "id": "o", "encounter": {"reference": "Encounter/e"}})
    await world.put({**observation, "id": "n", "encounter": {"reference": "Encounter/f"}})
    moved = world.versions[-2][0]
    [bundle] = await pages(http, "/Encounter/e/$everything")
    assert [one[:2] for one in entries(bundle, "match")] == [("Encounter", "e"), ("Observation", "o")]
    assert [one[:2] for one in entries(bundle, "include")] == [("Patient", "p0")]
    await world.put({**observation, "id": "o", "encounter": {"reference": "Encounter/f"}})
    [now], [then] = [
        await pages(http, f"/Encounter/e/$everything?{query}") for query in ("", asked(_asOf=moved.isoformat()))
    ]
    assert [one[:2] for one in entries(now, "match")] == [("Encounter", "e")]
    assert entries(then, "match") == entries(bundle, "match")


async def test_who_is_not_there_and_who_was(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, world: World
) -> None:
    await world.put({"resourceType": "Patient", "id": "x"})
    came = world.versions[-1][0]
    await world.delete("Patient", "x")
    went = world.versions[-1][0]
    for query, status in [
        ("", 410),
        (asked(_asOf=(came - MOMENT).isoformat()), 404),
        (asked(_asOf=came.isoformat()), 200),
        (asked(_asOf=(went - MOMENT).isoformat()), 200),
        (asked(_asOf=went.isoformat()), 410),
    ]:
        assert (await http.get(f"/Patient/x/$everything?{query}")).status_code == status, query
    assert (await http.get("/Patient/nobody/$everything")).status_code == 404
    assert (await http.get("/Patient/no_id/$everything")).status_code == 404
    assert (await http.get("/Practitioner/d0/$everything")).status_code == 404
    ours = await other_http.get("/Patient/p0/$everything")
    assert ours.status_code == 404
    assert ours.text == (await other_http.get("/Patient/p0/$everything")).text


async def test_a_link_serves_its_tenant_and_its_record(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, world: World
) -> None:
    await world.write(20)
    await other_http.put("/Patient/p0", json={"resourceType": "Patient", "id": "p0"})
    bundle = (await http.get("/Patient/p0/$everything?_count=1&start=2020-01-01")).json()
    following = link(bundle, "next")
    assert "start" not in following
    assert (await http.get(following)).status_code == 200
    assert link((await http.get(following)).json(), "self") == following
    first = link((await http.get(following)).json(), "first")
    for url in (first, link(bundle, "self")):
        assert (await http.get(url)).json()["entry"] == bundle["entry"]
    page = following.partition("?")[2]
    for client, url in [(http, "/Patient/p1"), (http, "/Encounter/e1"), (other_http, "/Patient/p0")]:
        assert (await client.get(f"{url}/$everything?{page}")).status_code == 400, url
    assert (await http.get(f"/Patient/p0/$everything?{page}&_count=2")).status_code == 400
    assert (await http.get(f"/Patient/p0/$everything?{page[:-3]}")).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "start=yesterday", "end=2020-13", "start=2020-01-01&start=2020-01-02", "_since=2020", "_since=2020-01-01T00:00:00",
        "_asOf=now", "_asOf=2020-01-01", "_asOf=0001-01-01T00:00:00%2B14:00", "_count=-1", "_count=0", "_count=x",
        "_count=99999999999999999999", "_type=Foo", "_type=Observation,foo", "_page=AAAA", "_page=%00", "_sort=date", "foo=1",
        "_asOf=9999-12-31T23:59:59-14:00", "_type=%00",
        "_asOf=",
    ],
)  # fmt: skip
async def test_er_hostile_values_are_refused_and_named(http: httpx.AsyncClient, world: World, query: str) -> None:
    answer = await http.get(f"/Patient/p0/$everything?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "query",
    [
        "_count=5000",
        "start=0001",
        "end=9999",
        "_asOf=9998-01-01T00:00:00Z",
        "_since=0001-01-01T00:00:00Z",
        "foo=",
    ],
)
async def test_odd_values_that_mean_something(http: httpx.AsyncClient, world: World, query: str) -> None:
    [bundle] = await pages(http, f"/Patient/p0/$everything?{query}")
    assert [one[:2] for one in entries(bundle, "match")] == [("Patient", "p0")]


async def test_a_plus_in_a_time_is_a_plus(http: httpx.AsyncClient, world: World) -> None:
    """The definition of Encounter-everything leaves it to us what start and end may be."""
    await world.put({"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"}})
    for name in ("start", "end"):
        answer = await http.get(f"/Encounter/e/$everything?{name}=2020-01-01T00:00:00+01:00")
        assert answer.status_code == 200, answer.text


async def test_parameters_in_a_body_and_in_a_bundle(http: httpx.AsyncClient, world: World) -> None:
    await world.write(30)
    expected = (await http.get("/Patient/p0/$everything?_type=Patient,Observation&_count=2")).json()
    parameter: list[dict[str, Any]] = [
        {"name": "_type", "valueCode": "Patient"},
        {"name": "_type", "valueCode": "Observation"},
        {"name": "_count", "valueInteger": 2},
    ]
    body = {"resourceType": "Parameters", "parameter": parameter}
    answer = (await http.post("/Patient/p0/$everything", json=body)).json()
    assert answer["entry"] == expected["entry"]
    assert (await http.get(link(answer, "self"))).json()["entry"] == expected["entry"]
    entry = {"request": {"method": "GET", "url": "Patient/p0/$everything?_type=Patient,Observation&_count=2"}}
    batch = (await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": [entry]})).json()
    assert batch["entry"][0]["resource"]["entry"] == expected["entry"]
