"""The search interaction over HTTP: what surrounds the query (SE-1, SE-4 to SE-9, PG-1, PG-4)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources import exact
from resources.database import Owner, Session
from search.includes import follow
from search.named import CRITERIA

from ..conftest import FreshTenant

FORM = {"content-type": "application/x-www-form-urlencoded"}


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


async def test_se_1_a_form_says_its_format_itself(http: httpx.AsyncClient) -> None:
    for headers, form, media_type in (
        ({}, "_format=text/json&_pretty=true", "text/json"),
        ({"accept": "application/fhir+turtle"}, "_format=json&_pretty=true", "application/fhir+json"),
        ({"accept": "application/fhir+xml"}, "_format=json&_pretty=true", "application/fhir+json"),
    ):
        answer = await http.post("/Patient/_search", content=form.encode(), headers={**FORM, **headers})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.text.startswith("{\n")
    assert (await http.post("/Patient/_search", content=b"_format=ttl", headers=FORM)).status_code == 406
    turtle = {**FORM, "accept": "application/fhir+turtle"}
    assert (await http.post("/Patient/_search", content=b"_count=1", headers=turtle)).status_code == 406
    xml = await http.post("/Patient/_search", content=b"_format=xml", headers=FORM)
    assert (xml.status_code, xml.headers["content-type"]) == (200, "application/fhir+xml;charset=utf-8")
    assert (await http.post("/Patient/_search", content=b"_pretty=x", headers=FORM)).status_code == 400


async def test_pg_2_pg_4_a_first_page_by_post_goes_on_by_get_in_both_directions(http: httpx.AsyncClient) -> None:
    content = "name=ünal&_count=2&_elements=name".encode()
    bundle = (await http.post("/Patient/_search", content=content, headers=FORM)).json()
    first = ids(bundle)
    assert first == ["p4", "p3"]
    assert "previous" not in links(bundle)
    bundle = (await http.get(links(bundle)["next"])).json()
    assert ids(bundle) == ["p2", "p1"]
    assert all("birthDate" not in entry["resource"] for entry in bundle["entry"])
    for relation in ("first", "previous"):
        assert "nal" not in links(bundle)[relation]
        assert ids((await http.get(links(bundle)[relation])).json()) == first
    by_post = links(bundle)["next"].partition("?")[2]
    last = (await http.post("/Patient/_search", content=by_post.encode(), headers=FORM)).json()
    assert ids(last) == ["p0"]
    assert "next" not in links(last)


async def test_su_1_su_2_parts_of_the_matches(http: httpx.AsyncClient) -> None:
    for query, left in (
        ("_summary=text", set()),
        ("_elements=birthDate", {"birthDate"}),
        ("_summary=data", {"birthDate", "name"}),
    ):
        bundle = (await http.get(f"/Patient?_id=p1&{query}")).json()
        [entry] = bundle["entry"]
        assert set(entry["resource"]) - {"resourceType", "id", "meta"} == left
        assert ("tag" in entry["resource"]["meta"]) is (query != "_summary=data")
        assert query in links(bundle)["self"]
    assert (await http.get("/Patient?_summary=count")).json().get("entry") is None
    for query in ("_summary=maybe", "_elements=nothing", "_elements=code", "_elements=name&_summary=true"):
        assert (await http.get(f"/Patient?{query}")).status_code == 400
    assert (await http.get("?_type=Patient,Observation&_elements=name,code")).status_code == 200


async def test_cn_1_contained_resources(http: httpx.AsyncClient) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": "http://s", "code": "c"}]}}
    for number in (1, 2):
        request = {
            "resourceType": "MedicationRequest",
            "id": f"r{number}",
            "contained": [medication, {**medication, "id": "n"}],
            "status": "active",
            "intent": "order",
            "medicationReference": {"reference": "#m"},
            "subject": {"reference": "Patient/p1"},
            "supportingInformation": [{"reference": "#n"}],
        }
        assert (await http.put(f"/MedicationRequest/r{number}", json=request)).status_code == 201
    assert (await http.get("/Medication?code=http://s|c")).json()["total"] == 0
    containers = (await http.get("/Medication?code=http://s|c&_contained=true")).json()
    base = str(http.base_url).rstrip("/")
    urls = {entry["fullUrl"] for entry in containers["entry"]}
    assert urls == {f"{base}/MedicationRequest/r1", f"{base}/MedicationRequest/r2"}
    assert len(containers["entry"]) == 2
    assert {entry["search"]["mode"] for entry in containers["entry"]} == {"match"}
    inside = (await http.get("/Medication?code=http://s|c&_contained=true&_containedType=contained")).json()
    full_urls = {entry["fullUrl"]: entry["resource"] for entry in inside["entry"]}
    assert set(full_urls) == {f"{base}/MedicationRequest/r{n}#{m}" for n in (1, 2) for m in "mn"}
    assert full_urls[f"{base}/MedicationRequest/r1#n"] == {**medication, "id": "n"}
    await http.put("/Medication/own", json={**medication, "id": "own"})
    both = (await http.get("/Medication?code=http://s|c&_contained=both&_containedType=contained")).json()
    assert {entry["fullUrl"] for entry in both["entry"]} == {f"{base}/Medication/own", *full_urls}


async def test_cn_1_many_matches_in_one_resource_fetch_and_read_it_once(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On pages in both directions, also where the row that is too many is inside it."""
    for name in "ab":
        inside = [
            {
                "resourceType": "Specimen",
                "id": f"s{n}",
                "subject": {"reference": "Patient/p1"},
                "collection": {"collectedDateTime": f"2020-01-0{n + 1}"},
            }
            for n in range(9)
        ]
        container = {
            "resourceType": "DiagnosticReport", "id": name, "status": "final", "code": {"text": "x"}, "contained": inside,
            "specimen": [{"reference": f"#s{n}"} for n in range(9)],
        }  # fmt: skip
        assert (await http.put(f"/DiagnosticReport/{name}", json=container)).status_code == 201
    bodies, read = list[str](), list[bytes]()
    select, decode = Session.select, exact.decode

    async def selecting(session: Session, query: str, *args: Any) -> Any:
        rows = await select(session, query, *args)
        bodies.extend(row["body"] for row in rows if "body" in row.keys() and row["body"])  # noqa: SIM118
        return rows

    def decoding(body: bytes) -> Any:
        if b"DiagnosticReport" in body:
            read.append(body)
        return decode(body)

    monkeypatch.setattr(Session, "select", selecting)
    monkeypatch.setattr(exact, "decode", decoding)
    query = "/Specimen?_contained=true&_containedType=contained&_include=Specimen:subject&_count=13"
    url, pages = query + "&_sort=collected", list[list[str]]()
    for relation in ("next", "previous", ""):
        bodies.clear()
        read.clear()
        bundle = (await http.get(url)).json()
        pages.append([entry["fullUrl"].rpartition("/")[2] for entry in bundle["entry"]])
        for entry in bundle["entry"][:-1]:
            assert entry["resource"]["id"] == entry["fullUrl"].rpartition("#")[2]
        assert len([body for body in bodies if "DiagnosticReport" in body]) == 2
        assert len(read) == 2 * 2  # for what matched, and for what it refers to
        url = links(bundle).get(relation, "")
    assert [len(page) for page in pages] == [14, 6, 14]
    assert pages[0] == pages[2]
    matched = [one for page in pages[:2] for one in page if "#" in one]
    assert sorted(matched) == sorted(f"{name}#s{n}" for name in "ab" for n in range(9))


@pytest.mark.parametrize("include", ["Patient:friend", "Patient:*", "*"])
async def test_xp_3_includes_are_by_the_definitions_that_hold_when_all_is_read(
    http: httpx.AsyncClient,
    edge: Edge,
    owner: Owner,
    tenant: FreshTenant,
    monkeypatch: pytest.MonkeyPatch,
    include: str,
) -> None:
    """They change between the page and what is included: the answer is made anew."""
    url = "http://example.org/friend"
    parameter = {
        "resourceType": "SearchParameter", "url": url, "name": "Friend", "status": "active", "code": "friend",
        "description": "A friend", "base": ["Patient"], "type": "reference", "target": ["Patient"],
        "expression": f"Patient.extension('{url}').value",
    }  # fmt: skip
    for number in (1, 2, 3):
        extension = {"url": url, "valueReference": {"reference": "Patient/p0"}}
        patient = {"resourceType": "Patient", "id": f"p{number}", "extension": [extension]}
        assert (await http.put(f"/Patient/p{number}", json=patient)).status_code == 200
    assert (await http.post("/SearchParameter", json=parameter)).status_code == 201
    async with asyncio.timeout(20):
        while (await http.get("/Patient?friend=Patient/p0")).status_code != 200:
            await asyncio.sleep(0.02)
    await registry.set_settings(owner, tenant.name, {"max_includes": 2})
    assert edge.opened
    await edge.opened.tenants.reload()
    followed = 0

    async def changing(*args: Any, **named: Any) -> Any:
        nonlocal followed
        followed += 1
        if followed == 1:
            await registry.set_settings(owner, tenant.name, {"max_includes": 2})
        return await follow(*args, **named)

    monkeypatch.setattr("fhir_server.searching.follow", changing)
    bundle = (await http.get(f"/Patient?_id=p0&_revinclude={include}")).json()
    assert bundle["entry"].pop()["search"] == {"mode": "outcome"}
    assert (followed, ids(bundle)) == (2, ["p0", "p3", "p2"])
    followed = 0
    assert ids((await http.get(links(bundle)["related"])).json()) == ["p1"]
    assert followed == 2


async def test_explanations_are_for_tenants_that_have_them(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    assert (await http.get("/Patient?name=unal&_explain=true")).status_code == 400
    await registry.set_settings(owner, tenant.name, {"explain": True})
    assert edge.opened
    await edge.opened.tenants.reload()
    bundle = (await http.get("/Patient?name=unal&_explain=true")).json()
    *matches, outcome = bundle["entry"]
    assert len(matches) == 5
    assert outcome["search"] == {"mode": "outcome"}
    assert {issue["severity"] for issue in outcome["resource"]["issue"]} == {"information"}
    assert any("looked at" in issue["diagnostics"] for issue in outcome["resource"]["issue"])


async def test_qy_1_named_queries(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    definition = {
        "resourceType": "OperationDefinition",
        "id": "born",
        "extension": [{"url": CRITERIA, "valueString": "birthdate=ge{from}"}],
        "name": "Born",
        "code": "born",
        "status": "active",
        "kind": "query",
        "system": False,
        "type": True,
        "instance": False,
        "resource": ["Patient"],
        "parameter": [{"name": "from", "use": "in", "min": 1, "max": "1", "type": "date"}],
    }
    assert (await http.put("/OperationDefinition/born", json=definition)).status_code == 201
    bundle = (await http.get("/Patient?_query=born&from=2003-01-01&_sort=birthdate")).json()
    assert ids(bundle) == ["p3", "p4"]
    assert ids((await http.get(links(bundle)["self"])).json()) == ["p3", "p4"]
    for url in ("/Patient?_query=born", "/Patient?_query=other&from=2003", "/Observation?_query=born&from=2003"):
        assert (await http.get(url)).status_code == 400, url
        assert (await http.get(url, headers={"Prefer": "handling=lenient"})).status_code == 400, url
    assert (await other_http.get("/Patient?_query=born&from=2003-01-01")).status_code == 400
    await http.put("/OperationDefinition/born", json={**definition, "status": "retired"})
    assert (await http.get("/Patient?_query=born&from=2003-01-01")).status_code == 400
