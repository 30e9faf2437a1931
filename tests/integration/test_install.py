"""What becomes of what a package defines: resources of the tenant, all of them or none."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from fhir_server import store as registry
from fhir_server.packages.install import held
from resources import locks

from ..conftest import FreshTenant
from ..packages import (
    BASE,
    COLOURS,
    IPS,
    PAINT,
    PROFILE,
    SHADE,
    TGZ,
    US_CORE,
    definition,
    everything_ready,
    install,
    packed,
    said,
)
from .test_own_parameters import eventually, ids, store


async def test_what_a_package_defines_become_resources(http: httpx.AsyncClient) -> None:
    await store(
        http, {"resourceType": "Patient", "id": "a", "extension": [{"url": f"{BASE}shade", "valueCode": "red"}]}
    )
    done = await install(http, packed(COLOURS, SHADE, PROFILE, PAINT))
    assert (done["outcome"], done["created"]) == ("installed", 4)
    stored = (await http.get("/CodeSystem/colours")).json()
    assert {**COLOURS, "meta": stored["meta"]} == stored
    assert await ids(http, f"StructureDefinition?url={BASE}StructureDefinition/guided") == ["guided"]
    await everything_ready(http, "/Patient?shade=red")
    assert await ids(http, "Patient?shade=red") == ["a"]


@pytest.mark.suite("packages")
@pytest.mark.parametrize(("file", "number", "new"), [(US_CORE, 210, 7), (IPS, 104, 0)], ids=["us-core", "ips"])
async def test_published_guides_install_whole(http: httpx.AsyncClient, file: Any, number: int, new: int) -> None:
    began = time.monotonic()
    done = await install(http, file.read_bytes())
    print(time.monotonic() - began)
    assert (done["outcome"], done["created"]) == ("installed", number)
    states = [one["state"] for one in done.get("searchParameter", [])]
    assert (states.count("indexed"), states.count("unusable")) == (new, 0)


async def test_twice_is_once(http: httpx.AsyncClient) -> None:
    package = packed(COLOURS, SHADE)
    await install(http, package)
    versions = (await http.get("/_history")).json()["total"]
    again = await install(http, package)
    assert (again["outcome"], again["unchanged"]) == ("unchanged", 2)
    assert (await http.get("/_history")).json()["total"] == versions
    other = await http.post("/$package-install", content=packed(COLOURS), headers=TGZ)
    assert other.status_code == 409
    assert "uninstall it first" in other.text


async def test_a_missing_dependency_is_named_and_no_obstacle(http: httpx.AsyncClient) -> None:
    needs = {"hl7.fhir.r4.core": "4.0.1", "org.example.palette": "2.1.x", "org.example.canvas": "1.0.0"}
    await install(http, packed(name="org.example.palette", version="2.1.3"))
    await install(http, packed(name="org.example.canvas", version="1.1.0"))
    done = await install(http, packed(COLOURS, dependencies=needs))
    assert done["missing"] == [{"name": "org.example.canvas", "version": "1.0.0", "installed": "1.1.0"}]
    assert done["created"] == 1
    gone = said(await http.post("/$package-uninstall?name=org.example.palette"))
    assert [one["what"] for one in gone["resource"]] == ["org.example.guide#1.0.0"]


async def test_all_or_nothing(http: httpx.AsyncClient) -> None:
    bad = definition("ValueSet", "bad", status="perhaps")
    package = packed(COLOURS, bad, SHADE)
    refused = await http.post("/$package-install", content=package, headers=TGZ)
    assert refused.status_code == 422
    assert "package/ValueSet-bad.json: ValueSet.status" in refused.json()["issue"][0]["diagnostics"]
    assert (await http.get("/_history")).json()["total"] == 0
    assert "package" not in said(await http.get("/$packages"))
    done = said(await http.post("/$package-install?skipInvalid=true", content=package, headers=TGZ))
    assert done["created"] == 2
    assert [(one["what"], one["state"]) for one in done["resource"]] == [("package/ValueSet-bad.json", "left-out")]
    assert (await http.get("/ValueSet/bad")).status_code == 404


async def test_an_id_that_is_taken_is_made_of_the_name_of_the_package(http: httpx.AsyncClient) -> None:
    await store(http, {**COLOURS, "url": "http://example.org/other"})
    done = await install(http, packed(COLOURS))
    assert (done["created"], done["resource"][0]["what"]) == (1, "CodeSystem/org.example.guide-1.0.0-colours")
    assert (await http.get("/CodeSystem/colours")).json()["url"] == "http://example.org/other"
    assert await ids(http, f"CodeSystem?url={COLOURS['url']}") == ["org.example.guide-1.0.0-colours"]


async def test_what_is_there_under_its_canonical_url_is_replaced_and_stays(http: httpx.AsyncClient) -> None:
    await store(http, {**COLOURS, "id": "mine", "title": "Mine"}, {**PROFILE, "title": None} | {"title": "Guide"})
    same = {**PROFILE, "title": "Guide"}
    done = await install(http, packed(COLOURS, same))
    assert (done["created"], done["replaced"], done["unchanged"]) == (0, 1, 1)
    assert [(one["what"], one["state"]) for one in done["resource"]] == [("CodeSystem/mine", "replaced")]
    stored = (await http.get("/CodeSystem/mine")).json()
    assert (stored["meta"]["versionId"], "title" in stored) == ("2", False)
    gone = said(await http.post("/$package-uninstall?name=org.example.guide"))
    assert gone["deleted"] == 0
    assert {one["reason"] for one in gone["resource"]} == {"it was there before"}


async def test_search_parameters_of_a_package(http: httpx.AsyncClient) -> None:
    again = definition("SearchParameter", "again", code="birthdate", type="date", expression="Patient.birthDate")
    lost = definition("SearchParameter", "lost", expression="Patient.nowhere")
    otherwise = definition("SearchParameter", "otherwise", code="gender", expression="Patient.active")
    draft = definition("SearchParameter", "draft", status="draft")
    pair = definition(
        "SearchParameter",
        "pair",
        type="composite",
        expression="Patient.contact",
        component=[
            {"definition": f"{BASE}SearchParameter/kin", "expression": "relationship"},
            {"definition": "http://hl7.org/fhir/SearchParameter/individual-gender", "expression": "gender"},
        ],
    )
    kin = definition("SearchParameter", "kin", expression="Patient.contact.relationship")
    package = packed(pair, again, lost, otherwise, draft, kin)
    for operation in ("$package-preview", "$package-install"):
        done = said(await http.post(f"/{operation}", content=package, headers=TGZ))
        states = {one["url"].rpartition("/")[2]: one for one in done["searchParameter"]}
        assert {name: one["state"] for name, one in states.items()} == {
            "again": "repeats", "draft": "inactive", "kin": "indexed", "lost": "unusable", "otherwise": "unusable",
            "pair": "indexed",
        }  # fmt: skip
        assert "leads nowhere" in states["lost"]["reason"]
        assert "has a search parameter gender already" in states["otherwise"]["reason"]
    assert len(await ids(http, "SearchParameter")) == 6
    await everything_ready(http, "/Patient?pair=N$male")


async def test_settings_that_bind_clients_do_not_bind_packages(
    http: httpx.AsyncClient, owner: Any, tenant: Any, edge: Any
) -> None:
    values = {"update_create": False, "require_if_match": True, "validation": "reject"}
    await registry.set_settings(owner, tenant.name, values)
    await edge.opened.tenants.reload()
    await install(http, packed(COLOURS, SHADE))
    assert said(await http.post("/$package-uninstall?name=org.example.guide"))["deleted"] == 2


async def test_of_two_at_once_one_installs(http: httpx.AsyncClient) -> None:
    package = packed(COLOURS, SHADE, PROFILE)
    outcomes = [one["outcome"] for one in await asyncio.gather(*(install(http, package) for _ in range(4)))]
    assert sorted(outcomes) == ["installed", "unchanged", "unchanged", "unchanged"]
    assert (await http.get("/_history")).json()["total"] == 3


async def test_installed_later_when_the_client_does_not_wait(http: httpx.AsyncClient) -> None:
    later = {**TGZ, "prefer": "respond-async"}
    accepted = await http.post("/$package-install", content=packed(COLOURS), headers=later)
    assert accepted.status_code == 202
    place = accepted.headers["content-location"]

    async def answered() -> Any:
        answer = await http.get(place)
        return answer.json() if answer.status_code == 200 else None

    [entry] = (await eventually(answered))["entry"]
    assert {"name": "outcome", "valueCode": "installed"} in entry["resource"]["parameter"]
    assert (await http.get("/CodeSystem/colours")).status_code == 200


async def test_those_who_wait_for_their_turn_keep_nobody_from_reading(
    http: httpx.AsyncClient, tenant: FreshTenant
) -> None:
    async with tenant.session.transaction() as others:
        assert await locks.try_lock(others, locks.PACKAGES)
        named = [packed(COLOURS, name=f"org.example.guide{number}") for number in range(8)]
        waiting = [asyncio.create_task(install(http, one)) for one in named]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(2):  # all connections would be taken
            assert (await http.get("/Patient")).status_code == 200
        assert not any(one.done() for one in waiting)
    done = await asyncio.gather(*waiting)
    assert sorted(one["created"] for one in done) == [0] * 7 + [1]


async def test_one_package_after_the_other_while_the_index_is_made(http: httpx.AsyncClient) -> None:
    for number in range(6):
        code = f"shade{number}"
        shade = {**SHADE, "id": code, "code": code, "url": f"{BASE}SearchParameter/{code}"}
        assert (await install(http, packed(shade, name=f"org.example.guide{number}")))["created"] == 1


async def test_packages_go_with_their_tenant(http: httpx.AsyncClient, owner: Any, tenant: FreshTenant) -> None:
    await install(http, packed(COLOURS))
    gone: dict[str, int] = {}
    await registry.drop_tenant(owner, tenant.name, progress=gone.__setitem__)
    assert gone["package"] == 1


async def test_settings_that_change_meanwhile_wait_for_the_end(
    http: httpx.AsyncClient, owner: Any, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a package that takes seconds would be planned in vain as often as anything changes."""
    changing: list[asyncio.Task[bool]] = []

    async def held_while_others_want_it(session: Any, known: Any) -> Any:
        found = await held(session, known)
        changing.append(asyncio.create_task(registry.set_settings(owner, tenant.name, {"validation": "warn"})))
        await asyncio.sleep(0.2)
        return found

    monkeypatch.setattr("fhir_server.packages.install.held", held_while_others_want_it)
    assert (await install(http, packed(COLOURS, SHADE)))["outcome"] == "installed"
    assert [await one for one in changing] == [True]
