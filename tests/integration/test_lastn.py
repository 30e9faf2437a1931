"""$lastn over HTTP, against a naive oracle: LAB-05."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from resources.database import Owner
from search import lastn

from ..conftest import FreshTenant

Tree = dict[str, Any]
BOTH = ({"subject": {"reference": "Patient/p"}}, {"subject": {"reference": "Patient/q"}})


def observation(n: int, code: Tree, date: str = "", **more: Any) -> Tree:
    dated = {"effectiveDateTime": date} if date else {}
    subject = {"subject": {"reference": "Patient/p"}}
    return {"resourceType": "Observation", "id": f"o{n}", "status": "final", "code": code, **subject, **dated, **more}


def coded(*codes: str) -> Tree:
    return {"coding": [{"system": "http://x.org", "code": one} for one in codes]}


async def store(http: httpx.AsyncClient, *trees: Tree) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in trees
    ]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert {one["response"]["status"][:3] for one in answer.json()["entry"]} <= {"200", "201"}, answer.text


async def found(http: httpx.AsyncClient, query: str) -> list[str]:
    answer = await http.get(f"/Observation/$lastn?{query}")
    assert answer.status_code == 200, answer.text
    ids = [one["resource"]["id"] for one in answer.json().get("entry", ())]
    assert answer.json()["total"] == len(ids)
    return ids


def oracle(trees: list[Tree], each: int) -> set[str]:
    """The ids of the newest of each group, ties and all."""
    chosen = set()
    for one in trees:
        same = {one["id"]}
        for _ in trees:  # as far as shared codings lead
            codes = [set(identities(other)) for other in trees if other["id"] in same]
            same |= {other["id"] for other in trees if any(set(identities(other)) & some for some in codes)}
        date = one.get("effectiveDateTime", "")
        newer = [other for other in trees if other["id"] in same and other.get("effectiveDateTime", "") > date]
        if date and len(newer) < each:
            chosen.add(one["id"])
    return chosen


def identities(tree: Tree) -> list[str]:
    return [one["code"] for one in tree["code"].get("coding", ())] or ["text " + tree["code"]["text"]]


@pytest.mark.parametrize("seed", range(2))
async def test_lab_05_the_newest_of_each_code(http: httpx.AsyncClient, seed: int) -> None:
    chance = random.Random(seed)
    trees = []
    for n in range(70):
        codes = chance.sample("abcdefghijklmnop", chance.choice([1, 1, 1, 2]))
        code = coded(*codes) if chance.random() < 0.8 else {"text": chance.choice("xyz")}
        date = f"2020-01-{chance.randint(1, 28):02}"
        trees.append(
            observation(n, code, date, status=chance.choice(["final", "entered-in-error"]), **chance.choice(BOTH))
        )
    await store(http, *trees)
    for each in (1, 2, 5, 100):
        for patient in "pq":
            for status in ("", "final"):
                asked = [
                    one for one in trees if one["subject"]["reference"][-1] == patient and status in ("", one["status"])
                ]
                query = f"patient=Patient/{patient}&max={each}" + (f"&status={status}" if status else "")
                ids = await found(http, query)
                assert len(ids) == len(set(ids))
                assert set(ids) == oracle(asked, each), query
    of = {one["id"]: one for one in trees}
    ids = await found(http, "patient=p&max=100")
    dates = [of[one]["effectiveDateTime"] for one in ids]
    steps = sum(later > earlier for earlier, later in pairwise(dates))
    assert steps < len({tuple(identities(of[one])) for one in ids}), "it goes up only where another group begins"


async def test_lab_05_groups_come_by_their_newest_and_newest_first(http: httpx.AsyncClient) -> None:
    await store(
        http,
        observation(1, coded("a"), "2020-01-01"),
        observation(2, coded("b"), "2020-01-03"),
        observation(3, coded("a"), "2020-01-02"),
        observation(4, coded("b"), "2019-01-01"),
        observation(5, {"text": "a"}),
        observation(6, {"text": "a"}),
    )
    assert await found(http, "subject=Patient/p") == ["o2", "o3", "o6"]
    assert await found(http, "subject=Patient/p&max=2") == ["o2", "o4", "o3", "o1", "o6", "o5"]
    assert await found(http, "patient=p&code=http://x.org|a&max=2") == ["o3", "o1"]
    assert await found(http, "patient:Patient=p&date=lt2020-01-02") == ["o1", "o4"]
    assert await found(http, "patient=nobody") == []


async def test_lab_05_by_post_and_in_a_batch(http: httpx.AsyncClient) -> None:
    await store(http, *(observation(n, coded("a"), f"2020-01-0{n}") for n in range(1, 5)))
    expected = await http.get("/Observation/$lastn?patient=p&max=2")
    parameter = [{"name": "max", "valuePositiveInt": 2}, {"name": "patient", "valueString": "p"}]
    body = {"resourceType": "Parameters", "parameter": parameter}
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await http.post("/Observation/$lastn", json=body)).json() == expected.json()
    assert (await http.post("/Observation/$lastn", content="patient=p&max=2", headers=form)).json() == expected.json()
    assert (await http.get(expected.json()["link"][0]["url"])).json() == expected.json()
    entry = {"request": {"method": "GET", "url": "Observation/$lastn?patient=p&max=2"}}
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert answer.json()["entry"][0]["resource"] == expected.json()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "required"), ("code=a", "required"), ("patient:missing=false", "required"), ("subject:not=Patient/p", None),
        ("patient=p&max=0", None), ("patient=p&max=-1", None), ("patient=p&max=x", None), ("patient=p&max=1.5", None),
        ("patient=p&max=99999999999999", None), ("patient=p&max=1&max=2", None), ("patient=p&_count=3", "not-supported"),
        ("patient=p&_sort=date", "not-supported"), ("patient=p&_include=Observation:subject", "not-supported"),
        ("patient=p&_page=AAAA", "not-supported"), ("patient=p&foo=1", "not-supported"), ("patient=p&date=never", None),
        ("patient=p&code=%00", None), ("patient=p&_query=x", "not-supported"), ("patient=p&_type=Patient", "not-supported"),
    ],
)  # fmt: skip
async def test_er_what_is_refused(http: httpx.AsyncClient, query: str, code: str | None) -> None:
    answer = await http.get(f"/Observation/$lastn?{query}")
    assert answer.status_code == 400, answer.text
    assert code in (None, answer.json()["issue"][0]["code"])


async def test_an_unknown_parameter_is_ignored_by_who_asks_for_it(http: httpx.AsyncClient) -> None:
    await store(http, observation(1, coded("a"), "2020-01-01"))
    answer = await http.get("/Observation/$lastn?patient=p&foo=1", headers={"prefer": "handling=lenient"})
    assert [one["search"]["mode"] for one in answer.json()["entry"]] == ["match", "outcome"]


async def test_what_cannot_be_bounded_is_too_costly(
    http: httpx.AsyncClient, owner: Owner, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(http, *(observation(n, coded(f"c{n}"), "2020-01-01") for n in range(6)))
    assert len(await found(http, "patient=p")) == 6
    with monkeypatch.context() as patched:
        patched.setattr(lastn, "MOST", 5)
        answer = await http.get("/Observation/$lastn?patient=p")
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "too-costly")
    with monkeypatch.context() as patched:
        patched.setattr(lastn, "LARGE", 500)
        assert (await http.get("/Observation/$lastn?patient=p")).status_code == 403
        assert await found(http, "patient=p&code=c1") == ["o1"]
    await registry.set_settings(owner, tenant.name, {"max_count": 5})
    for _ in range(100):
        answer = await http.get("/Observation/$lastn?patient=p")
        if answer.status_code == 403:
            break
    assert answer.json()["issue"][0]["code"] == "too-costly"


async def test_ur_6_only_the_tenants_own(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    await store(http, observation(1, coded("a"), "2020-01-01"))
    await store(other_http, observation(2, coded("a"), "2021-01-01"))
    assert await found(http, "patient=p&max=5") == ["o1"]
    assert await found(other_http, "patient=p&max=5") == ["o2"]
