"""The search interaction over HTTP: what surrounds the query (SE-1, SE-4 to SE-9, PG-1, PG-4)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


@pytest.fixture(autouse=True)
async def patients(http: httpx.AsyncClient) -> None:
    for number in range(5):
        body = {
            "resourceType": "Patient",
            "id": f"p{number}",
            "birthDate": f"200{number}-01-01",
            "name": [{"family": "Ünal"}],
        }
        assert (await http.put(f"/Patient/p{number}", json=body)).status_code == 201


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


async def test_se_4_se_5_se_6_the_answer(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient?name=unal&birthdate=2003-01-01&_format=json")
    assert answer.status_code == 200
    bundle = answer.json()
    assert (bundle["type"], bundle["total"], ids(bundle)) == ("searchset", 1, ["p3"])
    base = str(http.base_url).rstrip("/")
    [entry] = bundle["entry"]
    assert (entry["fullUrl"], entry["search"]) == (f"{base}/Patient/p3", {"mode": "match"})
    assert entry["resource"] == (await http.get("/Patient/p3")).json()
    own = links(bundle)["self"]
    assert own.startswith(f"{base}/Patient?")
    assert "_count=20" in own
    assert (await http.get(own)).text == answer.text
    nothing = (await http.get("/Patient?name=nobody")).json()
    assert (nothing["total"], "entry" in nothing) == (0, False)


async def test_se_1_post_means_the_same(http: httpx.AsyncClient) -> None:
    found = await http.get("/Patient?name=ünal&birthdate=ge2002")
    form = {"content-type": "application/x-www-form-urlencoded"}
    for url, body in (
        ("/Patient/_search", "name=%C3%BCnal&birthdate=ge2002"),
        ("/Patient/_search?birthdate=ge2002", "name=ünal"),
        ("/Patient/_search?name=ünal&birthdate=ge2002", ""),
    ):
        answer = await http.post(url, content=body.encode(), headers=form)
        assert ids(answer.json()) == ids(found.json()) == ["p4", "p3", "p2"], url
    assert (await http.post("/Patient/_search", json={})).status_code == 415
    for body in (b"name=%FF", b"name=\xff"):
        assert (await http.post("/Patient/_search", content=body, headers=form)).status_code == 400


async def test_pg_1_pages_show_everything_once_and_their_links_nothing(http: httpx.AsyncClient) -> None:
    seen: list[str] = []
    url = "/Patient?name=unal&_count=2&_format=json"
    for _ in range(10):
        bundle = (await http.get(url)).json()
        seen += ids(bundle)
        if "next" not in links(bundle):
            break
        url = links(bundle)["next"]
        assert "unal" not in url
        assert "_format=json" in url
    assert seen == ["p4", "p3", "p2", "p1", "p0"]
    assert links(bundle)["self"] == url


async def test_pg_4_a_page_link_is_of_its_tenant(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    page = links((await http.get("/Patient?_count=2")).json())["next"].partition("?")[2]
    assert (await http.get(f"/Patient?{page}")).status_code == 200
    assert (await other_http.get(f"/Patient?{page}")).status_code == 400
    assert (await http.get(f"/Observation?{page}")).status_code == 400


async def test_se_9_strict_by_default_and_lenient_on_request(http: httpx.AsyncClient) -> None:
    strict = await http.get("/Patient?nothing=1")
    assert (strict.status_code, strict.json()["issue"][0]["code"]) == (400, "not-supported")
    assert "birthdate" in strict.json()["issue"][0]["diagnostics"]
    lenient = await http.get("/Patient?nothing=1&birthdate=2000-01-01", headers={"Prefer": "handling=lenient"})
    assert lenient.status_code == 200
    assert lenient.headers["preference-applied"] == "handling=lenient"
    bundle = lenient.json()
    match, warning = bundle["entry"]
    assert (match["resource"]["id"], bundle["total"]) == ("p0", 1)
    assert warning["search"] == {"mode": "outcome"}
    assert [issue["severity"] for issue in warning["resource"]["issue"]] == ["warning"]
    assert "nothing" not in links(bundle)["self"]


async def test_a_tenants_counts_are_in_force(http: httpx.AsyncClient) -> None:
    assert "_count=1000" in links((await http.get("/Patient?_count=5000")).json())["self"]
    bundle = (await http.get("/Patient?_count=0")).json()
    assert (bundle["total"], "entry" in bundle) == (5, False)
