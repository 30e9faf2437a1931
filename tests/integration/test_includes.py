"""_include and _revinclude over HTTP: IN-1 to IN-7, and SE-5."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest

from fhir_server import store as registry
from fhir_server.edge import Edge
from resources.database import Owner, framed
from search import includes
from search.includes import LARGE, WALKED
from search.levels import Statement, Wanted

from .. import large as of
from ..conftest import FreshTenant
from ..plans import explain, faults

VALUE_SET = "http://a.example/ValueSet/v"

RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Organization", "id": "top", "name": "T"},
    {"resourceType": "Organization", "id": "mid", "name": "M", "partOf": {"reference": "Organization/top"}},
    {"resourceType": "Organization", "id": "low", "name": "L", "partOf": {"reference": "Organization/mid"}},
    {"resourceType": "Practitioner", "id": "d"},
    {
        "resourceType": "Patient",
        "id": "p",
        "managingOrganization": {"reference": "Organization/low"},
        "generalPractitioner": [{"reference": "Practitioner/d"}, {"reference": "Organization/top"}],
        "link": [{"other": {"reference": "Patient/p"}, "type": "seealso"}],
    },
    {"resourceType": "Patient", "id": "q", "managingOrganization": {"reference": "Organization/nobody"}},
    *(
        {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": f"2020-01-0{n + 1}",
            "hasMember": [{"reference": f"Observation/o{(n + 1) % 5}"}],
        }
        for n in range(5)
    ),
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p"},
    },
    {"resourceType": "ValueSet", "id": "v", "url": VALUE_SET, "version": "2", "status": "active"},
    {"resourceType": "ValueSet", "id": "w", "url": VALUE_SET + "w", "version": "1", "status": "active"},
    {
        "resourceType": "ConceptMap",
        "id": "m",
        "status": "active",
        "sourceCanonical": VALUE_SET + "|2",
        "targetCanonical": VALUE_SET + "w|9",
    },
]


@pytest.fixture(autouse=True)
async def resources(http: httpx.AsyncClient) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in RESOURCES
    ]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text


async def ask(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await http.get(url)
    assert answer.status_code == 200, answer.text
    bundle: dict[str, Any] = answer.json()
    return bundle


def found(bundle: dict[str, Any], mode: str = "include") -> list[str]:
    base = "/fhir/"
    return sorted(
        entry["fullUrl"].partition(base)[2].partition("/")[2]
        for entry in bundle.get("entry", ())
        if entry["search"]["mode"] == mode
    )


def links(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


OBSERVATIONS = [f"Observation/o{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("query", "included"),
    [
        ("Patient?_id=p&_include=Patient:organization", ["Organization/low"]),
        ("Patient?_id=p&_include=Patient:general-practitioner", ["Organization/top", "Practitioner/d"]),
        ("Patient?_id=p&_include=Patient:general-practitioner:Practitioner", ["Practitioner/d"]),
        ("Patient?_id=p&_include=Patient:*", ["Organization/low", "Organization/top", "Practitioner/d"]),
        ("Patient?_id=p&_include=*", ["Organization/low", "Organization/top", "Practitioner/d"]),
        ("Patient?_id=p&_include=Observation:subject", []),
        ("Patient?_id=p&_include=Patient:link", []),  # which is the match itself
        ("Patient?_id=q&_include=Patient:organization", []),
        ("Patient?_id=p&_revinclude=Observation:subject", OBSERVATIONS),
        ("Patient?_id=p&_revinclude=Observation:subject:Patient", OBSERVATIONS),
        ("Patient?_id=p&_revinclude=Observation:subject:Group", []),
        ("Patient?_id=p&_revinclude=Observation:*", OBSERVATIONS),
        ("Patient?_id=p&_revinclude=*", ["Encounter/e", *OBSERVATIONS]),
        (
            "Patient?_id=p&_include=Patient:organization&_revinclude=Encounter:patient",
            ["Encounter/e", "Organization/low"],
        ),
        ("Observation?_id=o0&_include=Observation:subject&_include=Patient:organization", ["Patient/p"]),
        (
            "Observation?_id=o0&_include=Observation:subject&_include:iterate=Patient:organization",
            ["Organization/low", "Patient/p"],
        ),
        (
            "Observation?_id=o0&_include=Observation:subject&_include:iterate=Patient:organization"
            "&_include:iterate=Organization:partof",
            ["Organization/low", "Organization/mid", "Organization/top", "Patient/p"],
        ),
        ("Observation?_id=o0&_include:iterate=Observation:has-member", OBSERVATIONS[1:]),
        ("Organization?_id=top&_revinclude:iterate=Organization:partof", ["Organization/low", "Organization/mid"]),
        ("ConceptMap?_id=m&_include=ConceptMap:source", ["ValueSet/v"]),
        ("ConceptMap?_id=m&_include=ConceptMap:target", []),  # another version of it
        ("ValueSet?_id=v&_revinclude=ConceptMap:source", ["ConceptMap/m"]),
    ],
)
async def test_in_1_in_2_in_3_in_4(http: httpx.AsyncClient, query: str, included: list[str]) -> None:
    bundle = await ask(http, "/" + query)
    assert found(bundle) == included
    assert len(found(bundle, "match")) == bundle["total"] == 1
    assert await ask(http, links(bundle)["self"]) == bundle


async def test_in_4_a_version_that_is_named_and_what_is_deleted(http: httpx.AsyncClient) -> None:
    organization = {"resourceType": "Organization", "id": "low", "name": "new"}
    await http.put("/Organization/low", json=organization)
    for reference, name in (
        ("Organization/low/_history/1", "L"),
        ("Organization/low/_history/2", "new"),
        ("Organization/low", "new"),
        (f"{str(http.base_url).rstrip('/')}/Organization/low", "new"),
    ):
        patient = {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": reference}}
        assert (await http.put("/Patient/p", json=patient)).status_code == 200
        bundle = await ask(http, "/Patient?_id=p&_include=Patient:organization")
        [entry] = [one for one in bundle["entry"] if one["search"]["mode"] == "include"]
        assert entry["resource"]["name"] == name
        assert entry["fullUrl"].endswith("/Organization/low")
    patient["managingOrganization"] = {"reference": "Organization/low/_history/7"}
    await http.put("/Patient/p", json=patient)
    assert found(await ask(http, "/Patient?_id=p&_include=Patient:organization")) == []
    for reference in ("Organization/low", "Organization/low/_history/1"):
        await http.put("/Patient/p", json={**patient, "managingOrganization": {"reference": reference}})
        await http.put("/Organization/low", json=organization)
        assert found(await ask(http, "/Patient?_id=p&_include=Patient:organization")) == ["Organization/low"]
        await http.delete("/Organization/low")
        assert found(await ask(http, "/Patient?_id=p&_include=Patient:organization")) == []


async def test_se_5_match_wins_over_include_and_in_5_each_page_has_its_own(http: httpx.AsyncClient) -> None:
    bundle = await ask(http, "/Observation?_include=Observation:has-member&_include=Observation:subject&_sort=date")
    assert found(bundle, "match") == OBSERVATIONS
    assert found(bundle) == ["Patient/p"]
    url, pages = "/Observation?_include=Observation:subject&_count=2&_sort=date", 0
    while url:
        bundle = await ask(http, url)
        assert found(bundle) == ["Patient/p"]
        assert len(found(bundle, "match")) <= 2
        url, pages = links(bundle).get("next", ""), pages + 1
    assert pages == 3


@pytest.mark.parametrize(
    "query",
    [
        "_include=Nothing:subject",
        "_include=Observation:nothing",
        "_include=Observation:code",
        "_include=Observation:subject:Nothing",
        "_include=Observation",
        "_revinclude=Observation:nothing",
        "_include:once=Observation:subject",
        "_include=Observation:subject&_summary=text",
    ],
)
async def test_in_1_in_7_what_cannot_be_included_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get("/Observation?" + query)).status_code == 400


async def limited(edge: Edge, owner: Owner, tenant: FreshTenant, most: int) -> None:
    await registry.set_settings(owner, tenant.name, {"max_includes": most})
    assert edge.opened
    await edge.opened.tenants.reload()


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    ("query", "included"),
    [
        (
            "Patient?_id=p&_revinclude=*&_include=*",
            ["Encounter/e", *OBSERVATIONS, "Organization/low", "Organization/top", "Practitioner/d"],
        ),
        ("Observation?_id=o0&_include:iterate=Observation:has-member", OBSERVATIONS[1:]),
        (
            "Encounter?_id=e&_include=Encounter:subject&_revinclude:iterate=Observation:subject"
            "&_include:iterate=Patient:*&_include:iterate=Organization:partof",
            [*OBSERVATIONS, "Organization/low", "Organization/mid", "Organization/top", "Patient/p", "Practitioner/d"],
        ),
    ],
)  # fmt: skip
async def test_in_6_what_is_cut_is_said_and_can_be_had(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant, query: str, included: list[str], most: int
) -> None:
    await limited(edge, owner, tenant, most)
    bundle = await ask(http, "/" + query)
    seen, answers, relation = found(bundle), 1, "related"
    assert len(found(bundle, "match")) == 1
    while relation in links(bundle):
        [outcome] = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
        assert outcome["issue"][0]["severity"] == "warning"
        assert "_includes=" in links(bundle)[relation]
        assert "Patient" not in links(bundle)[relation].partition("?")[2]
        bundle = await ask(http, links(bundle)[relation])
        assert found(bundle, "match") == []
        assert len(found(bundle)) <= most
        seen, answers, relation = seen + found(bundle), answers + 1, "next"
        assert answers < 40
    assert sorted(seen) == included
    assert "outcome" not in [one["search"]["mode"] for one in bundle.get("entry", ())]


async def test_in_2_the_limit_of_iterate_is_said(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    numbers = range(5, 5 + WALKED)
    plain = {key: value for key, value in RESOURCES[6].items() if key != "hasMember"}
    for n in numbers:
        await http.put(f"/Observation/o{n}", json=plain | {"id": f"o{n}"})
    await limited(edge, owner, tenant, 1)
    url, seen = "/Patient?_id=p&_revinclude=Observation:subject&_include:iterate=Observation:has-member", list[str]()
    while url:
        bundle = await ask(http, url)
        seen += found(bundle)
        url = links(bundle).get("next") or links(bundle).get("related", "")
    assert sorted(seen) == sorted([*OBSERVATIONS, *(f"Observation/o{n}" for n in numbers)])
    [issue] = bundle["entry"][-1]["resource"]["issue"]
    assert ":iterate" in issue["diagnostics"]


async def test_in_6_as_many_as_there_may_be_are_not_cut(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    await limited(edge, owner, tenant, 5)
    bundle = await ask(http, "/Patient?_id=p&_revinclude=Observation:subject")
    assert found(bundle) == OBSERVATIONS
    assert "related" not in links(bundle)
    assert found(bundle, "outcome") == []


def library(name: str, *on: str) -> dict[str, Any]:
    return {
        "resourceType": "Library", "id": name, "url": f"http://a.example/Library/{name}", "version": "1",
        "status": "active", "type": {"text": "x"},
        "relatedArtifact": [
            {"type": "depends-on", "resource": f"http://a.example/Library/{one}|{version}"}
            for one, _, version in ((*one.partition("|"),) for one in on)
        ],
    }  # fmt: skip


async def test_in_6_what_came_by_its_url_does_not_come_again_by_its_references(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    """d is not the version that is wanted, and so comes by its reference alone."""
    for one in (library("a", "b|1", "c|1", "d|2"), *(library(name, "a|1") for name in "bcde")):
        assert (await http.put(f"/Library/{one['id']}", json=one)).status_code == 201
    await limited(edge, owner, tenant, 2)
    url, seen = "/Library?_id=a&_include=Library:depends-on&_revinclude=Library:depends-on", list[str]()
    while url:
        bundle = await ask(http, url)
        seen += found(bundle)
        url = links(bundle).get("next") or links(bundle).get("related", "")
    assert sorted(seen) == [f"Library/{name}" for name in "bcde"]


@pytest.mark.parametrize(
    ("query", "answers", "included"),
    [
        ("Patient?_id=p&_revinclude=Observation:subject", 5, OBSERVATIONS),
        ("Observation?_id=o0&_include:iterate=Observation:has-member", 4, OBSERVATIONS[1:]),
    ],
)
async def test_in_6_an_answer_has_no_more_than_so_many_bytes_and_one_resource(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, query: str, answers: int, included: list[str]
) -> None:
    monkeypatch.setattr(includes, "LARGE", 1)
    monkeypatch.setattr(includes, "_TOGETHER", LARGE)
    url, seen = "/" + query, list[list[str]]()
    while url:
        bundle = await ask(http, url)
        seen.append(found(bundle))
        url = links(bundle).get("next") or links(bundle).get("related", "")
        assert len(seen) <= answers + 1
    assert max(map(len, seen)) == 1
    assert sorted(one for some in seen for one in some) == included


async def test_in_2_the_limit_of_iterate_is_one_of_bytes_too(
    http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(includes, "LARGE", 1)
    url = "/Patient?_id=p&_revinclude=Observation:subject&_include:iterate=Observation:has-member"
    seen = list[str]()
    while url:
        bundle = await ask(http, url)
        seen += found(bundle)
        url = links(bundle).get("next") or links(bundle).get("related", "")
    assert sorted(seen) == OBSERVATIONS
    [issue] = bundle["entry"][-1]["resource"]["issue"]
    assert ":iterate" in issue["diagnostics"]


async def test_pg_4_a_link_to_the_rest_is_of_its_tenant_and_path(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, edge: Edge, owner: Owner, tenant: FreshTenant
) -> None:
    await limited(edge, owner, tenant, 1)
    rest = links(await ask(http, "/Patient?_id=p&_revinclude=Observation:subject"))["related"].partition("?")[2]
    assert (await http.get(f"/Patient?{rest}")).status_code == 200
    assert (await http.get(f"/Observation?{rest}")).status_code == 400
    assert (await http.get(f"/Patient?{rest}x")).status_code == 400
    assert (await http.get(f"/Patient?{rest.replace('_includes', '_page')}")).status_code == 400
    assert (await other_http.get(f"/Patient?{rest}")).status_code == 400


async def test_ur_6_nothing_of_another_tenant_is_included(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    patient = {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "Organization/low"}}
    assert (await other_http.put("/Patient/p", json=patient)).status_code == 201
    assert found(await ask(other_http, "/Patient?_include=*&_revinclude=*")) == []


async def test_su_2_elements_are_those_of_the_matches_and_a_summary_is_of_all(http: httpx.AsyncClient) -> None:
    bundle = await ask(http, "/Patient?_id=p&_include=Patient:general-practitioner&_elements=link")
    tagged = {one["resource"]["id"]: "tag" in one["resource"]["meta"] for one in bundle["entry"]}
    assert tagged == {"p": True, "d": False, "top": False}
    bundle = await ask(http, "/ValueSet?_id=v&_revinclude=ConceptMap:source&_summary=true")
    assert {one["resource"]["id"] for one in bundle["entry"]} == {"v", "m"}


async def test_the_statement_of_a_level_scans_nothing(connection: asyncpg.Connection, large: int) -> None:
    """All ways at once, with dense lists and one that goes on: bounded by the limit and the number of lists."""
    wanted = Wanted(
        {(800, 0): (of.TYPE, "o800"), (800, 7): (of.TYPE, "o800"), (900, 0): (of.TYPE, "o900")},
        {(1, of.TYPE): (of.URI, "http://dense", {""}), (2, of.TYPE): (of.URI, "http://sparse", {""})},
        {(of.OTHER_POINTING, -h) for h in range(1, 11)} | {(of.POINTING, of.REFERENCE + h) for h in range(10)},
    )
    for since in (None, (1, 1, of.TYPE, -of.FIRST, 0), (2, of.OTHER_POINTING, -5, of.HIGHEST, -1)):
        statement = Statement(wanted, since, 101, LARGE)
        plan = await explain(connection, framed(statement.text), (large, *statement.arguments.values))
        assert faults(plan, 101 * 10, 101) == []
