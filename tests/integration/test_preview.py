"""What an installation would do, found out without writing anything."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from fhir_server.packages.store import QUERIES
from resources.database import framed

from .. import large
from ..packages import BASE, COLOURS, PROFILE, SHADE, TGZ, definition, install, packed, said
from ..plans import explain, faults, nodes
from .test_own_parameters import store


async def test_preview_writes_nothing_and_says_what_would_become_invalid(http: httpx.AsyncClient) -> None:
    claims = {"meta": {"profile": [PROFILE["url"]]}}
    await store(
        http,
        *({"resourceType": "Patient", "id": f"p{n}", "birthDate": "1970-01-01", **claims} for n in range(3)),
        *({"resourceType": "Patient", "id": f"q{n}", **claims} for n in range(2)),
        {"resourceType": "Patient", "id": "r"},
    )
    before = (await http.get("/_history")).json()["total"]
    seen = said(await http.post("/$package-preview", content=packed(PROFILE, SHADE, COLOURS), headers=TGZ))
    assert (seen["outcome"], seen["created"], seen["reindexed"]) == ("preview", 3, 6)
    [judged] = seen["validation"]
    assert (judged["total"], judged["examined"], judged["invalid"]) == (5, 5, 2)
    assert sorted(judged["sample"]) == ["Patient/q0", "Patient/q1"]
    [issue] = judged["issue"] if isinstance(judged["issue"][0], list) else [judged["issue"]]
    assert {"name": "count", "valueInteger": 2} in issue
    assert (await http.get("/_history")).json()["total"] == before
    assert "package" not in said(await http.get("/$packages"))
    assert (await http.get(f"/StructureDefinition?url={PROFILE['url']}")).json()["total"] == 0


async def test_preview_judges_codes_by_the_value_sets_of_the_package(http: httpx.AsyncClient) -> None:
    bound = {"strength": "required", "valueSet": f"{BASE}ValueSet/some"}
    element = {"id": "Patient.maritalStatus", "path": "Patient.maritalStatus", "binding": bound}
    profile = {**PROFILE, "differential": {"element": [element]}}
    some = definition("ValueSet", "some", compose={"include": [{"system": COLOURS["url"]}]})
    claims = {"resourceType": "Patient", "meta": {"profile": [PROFILE["url"]]}}
    await store(
        http,
        *(
            {**claims, "id": code, "maritalStatus": {"coding": [{"system": COLOURS["url"], "code": code}]}}
            for code in ("red", "green")
        ),
    )
    seen = said(await http.post("/$package-preview", content=packed(profile, some, COLOURS), headers=TGZ))
    assert [(one["invalid"], one["sample"]) for one in seen["validation"]] == [(1, "Patient/green")]
    await install(http, packed(profile, some, COLOURS))
    again = said(await http.post("/$package-preview", content=packed(profile, some, COLOURS), headers=TGZ))
    assert (again["outcome"], "validation" in again) == ("unchanged", False)


@pytest.fixture(params=["never_analyzed", "large"])
def tenant_of_many(request: pytest.FixtureRequest) -> int:
    number: int = request.getfixturevalue(request.param)
    return number


async def test_no_query_reads_more_than_it_looks_at(connection: asyncpg.Connection, tenant_of_many: int) -> None:
    page = 20
    arguments = {
        "naming": (large.TYPE, large.URI, ["http://sparse", "http://dense"], page),
        "of_type": (large.TYPE, page),
    }
    for name, given in arguments.items():
        plan = await explain(connection, framed(QUERIES[name]), (tenant_of_many, *given))
        assert faults(plan, 40 + 6 * page, page) == [], name
    # The packages of a tenant are few: by its key, in whichever way.
    plan = await explain(connection, framed(QUERIES["installed"]), (tenant_of_many,))
    assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}
    # A total reads what it counts.
    plan = await explain(
        connection, framed(QUERIES["how_many"]), (tenant_of_many, large.TYPE, large.URI, ["http://sparse"])
    )
    assert faults(plan, 40 + 6 * 100, page) == []


async def test_a_preview_leaves_no_trace_in_what_resources_are_judged_by(http: httpx.AsyncClient) -> None:
    loose = {**PROFILE, "differential": {"element": [{"id": "Patient", "path": "Patient", "short": "Anybody"}]}}
    derived = definition(
        "StructureDefinition",
        "derived",
        baseDefinition=PROFILE["url"],
        differential={"element": [{"id": "Patient", "path": "Patient", "short": "Somebody"}]},
    )
    patient = {"resourceType": "Patient", "id": "p", "meta": {"profile": [PROFILE["url"], derived["url"]]}}
    await store(http, loose, derived, patient)
    for _ in range(2):  # the second time with what is remembered from judging it
        seen = said(await http.post("/$package-preview", content=packed(PROFILE), headers=TGZ))
        assert [one["invalid"] for one in seen["validation"]] == [1]
        derived_alone = {**patient, "meta": {"profile": [derived["url"]]}}
        outcome = (await http.post("/Patient/$validate", json=derived_alone)).json()
        assert not [one for one in outcome["issue"] if one["severity"] == "error"], outcome


async def test_a_preview_ends_in_time_and_says_what_it_left_out(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.packages.preview.SECONDS", -1.0)
    await store(http, {"resourceType": "Patient", "id": "p", "meta": {"profile": [PROFILE["url"]]}})
    seen = said(await http.post("/$package-preview", content=packed(PROFILE), headers=TGZ))
    assert "validation" not in seen
    assert [one["state"] for one in seen["resource"]] == ["not-judged"]
