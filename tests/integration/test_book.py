"""What a judgement looks up in its tenant: profiles by version, snapshots that have to be made, what is of no use."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fhir_server.edge import Edge
from fhir_server.tenancy import Tenant
from fhir_server.validation import book as books
from fhir_server.validation.judging import judge
from resources.database import Session

from ..conftest import FreshTenant

BASE = "http://hl7.org/fhir/StructureDefinition/Patient"
URL = "http://example.org/StructureDefinition/"


def definition(name: str, *elements: str, base: str = BASE, version: str = "", **more: Any) -> dict[str, Any]:
    """A profile of Patient that requires these elements; without a snapshot."""
    tree = {
        "resourceType": "StructureDefinition", "id": f"{name}{version}", "url": URL + name, "name": name,
        "status": "active", "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": base,
        "differential": {"element": [
            {"id": f"Patient.{one}", "path": f"Patient.{one}", "min": 1} for one in elements or ("name",)
        ]},
    }  # fmt: skip
    return tree | ({"version": version} if version else {}) | more


@pytest.fixture
async def ours(edge: Edge, tenant: FreshTenant, http: httpx.AsyncClient) -> Tenant:
    await http.get("/metadata")
    assert edge.opened
    return edge.opened.tenants.get(tenant.name)


async def put(http: httpx.AsyncClient, *definitions: dict[str, Any]) -> None:
    for one in definitions:
        answer = await http.put(f"/StructureDefinition/{one['id']}", json=one)
        assert answer.status_code in (200, 201), answer.text


async def missing(session: Session, tenant: Tenant, *profiles: str, **patient: Any) -> list[str]:
    """The paths at which a Patient breaks the profiles."""
    issues = await judge(session, tenant, {"resourceType": "Patient", **patient}, [URL + one for one in profiles])
    return [path for one in issues if one.severity == "error" for path in one.expression]


async def test_versions_of_a_canonical(http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant) -> None:
    await put(http, definition("p", "name", version="1.9"), definition("p", "gender", version="1.10"))
    assert await missing(tenant.session, ours, "p|1.9") == ["Patient.name"]
    assert await missing(tenant.session, ours, "p|1.10") == ["Patient.gender"]
    assert await missing(tenant.session, ours, "p") == ["Patient.gender"]  # the latest
    assert await missing(tenant.session, ours, "p|2") == ["Patient"]  # there is none


async def test_a_snapshot_is_made_through_bases_that_lack_one_too(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant
) -> None:
    await put(http, definition("b", "gender", base=URL + "a"), definition("a", "name"))
    assert sorted(await missing(tenant.session, ours, "b")) == ["Patient.gender", "Patient.name"]


async def test_a_profile_of_no_use_is_named_with_the_reason(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant
) -> None:
    await put(
        http,
        definition("circle", base=URL + "round"),
        definition("round", base=URL + "circle"),
        definition("orphan", base=URL + "nowhere"),
        definition("astray", "nmae"),
    )
    for name, reason in {"circle": "round", "orphan": "nowhere", "astray": "nmae"}.items():
        issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, [URL + name])
        assert [one.code for one in issues if one.severity == "error"] == ["not-found"]
        [why] = [one.diagnostics for one in issues if one.code == "processing"]
        assert URL + name in why
        assert reason in why


async def test_a_generated_snapshot_follows_what_it_rests_on(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant
) -> None:
    await put(http, definition("b", "gender", base=URL + "a"))
    assert await missing(tenant.session, ours, "b") == ["Patient"]  # its base is not known
    await put(http, definition("a", "name"))
    assert sorted(await missing(tenant.session, ours, "b")) == ["Patient.gender", "Patient.name"]
    await put(http, definition("a", "photo"))
    assert sorted(await missing(tenant.session, ours, "b")) == ["Patient.gender", "Patient.photo"]


async def test_profiles_of_r4_are_known_whatever_was_asked_before(tenant: FreshTenant, ours: Tenant) -> None:
    vital_signs = {
        "resourceType": "Observation", "status": "final", "code": {"text": "a"},
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},
    }  # fmt: skip
    first, again = [await judge(tenant.session, ours, vital_signs) for _ in range(2)]
    assert "Observation.subject" in {path for one in first for path in one.expression}
    assert again == first


async def test_an_overlay_counts_before_what_is_stored(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant
) -> None:
    await put(http, definition("p", "name"))
    book = ours.book({URL + "p": definition("p", "gender")})
    issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, [URL + "p"], book=book)
    assert [one.expression for one in issues if one.severity == "error"] == [("Patient.gender",)]
    assert await missing(tenant.session, ours, "p") == ["Patient.name"]


async def test_a_target_that_is_stored_must_conform(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant
) -> None:
    await put(http, definition("p", "name"))
    about = definition("about")
    element = {"type": [{"code": "Reference", "targetProfile": [URL + "p"]}]}
    about |= {"type": "Observation", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation"}
    about["differential"] = {"element": [{"id": "Observation.subject", "path": "Observation.subject", **element}]}
    await put(http, about)
    tree = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
    tree |= {"subject": {"reference": "Patient/1"}}

    async def broken() -> list[tuple[str, ...]]:
        issues = await judge(tenant.session, ours, tree, [URL + "about"])
        return [one.expression for one in issues if one.severity == "error"]

    assert await broken() == []  # it cannot be told
    await other_http.put("/Patient/1", json={"resourceType": "Patient", "id": "1"})
    assert await broken() == []  # another tenant's does not exist here
    await http.put("/Patient/1", json={"resourceType": "Patient", "id": "1"})
    [(path,)] = await broken()
    assert path.startswith("Observation.subject")
    await http.put("/Patient/1", json={"resourceType": "Patient", "id": "1", "name": [{"text": "a"}]})
    assert await broken() == []


async def test_the_second_judgement_looks_up_versions_only(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(http, definition("b", "gender", base=URL + "a"), definition("a", "name"))
    value_set = {
        "resourceType": "ValueSet", "id": "v", "url": "http://example.org/ValueSet/v", "status": "active",
        "compose": {"include": [{"system": "http://example.org/s", "concept": [{"code": "a"}]}]},
    }  # fmt: skip
    assert (await http.put("/ValueSet/v", json=value_set)).status_code == 201
    bound = definition("bound")
    bound["differential"]["element"] = [
        {"id": "Patient.maritalStatus", "path": "Patient.maritalStatus", "min": 1,
         "binding": {"strength": "required", "valueSet": value_set["url"]}},
    ]  # fmt: skip
    await put(http, bound)
    single = {"coding": [{"system": "http://example.org/s", "code": "b"}]}
    found = await missing(tenant.session, ours, "b", "bound", maritalStatus=single)
    assert "Patient.maritalStatus" in found
    trips = 0
    call = Session.call

    async def counted(*arguments: Any) -> Any:
        nonlocal trips
        trips += 1
        return await call(*arguments)

    monkeypatch.setattr(Session, "call", counted)
    assert await missing(tenant.session, ours, "b", "bound", maritalStatus=single) == found
    assert trips == 3  # of the profiles, of what a snapshot was made of, of the value sets


async def test_a_name_of_nothing_is_no_profile(http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant) -> None:
    await put(http, definition("p", "name"))
    for name in ("|", "|1", "||"):
        issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, [name])
        assert [one.code for one in issues if one.severity == "error"] == ["not-found"]


async def test_each_of_many_judgements_has_room(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(http, *(definition(f"p{n}", "name") for n in range(6)))
    monkeypatch.setattr(books, "MOST", 4)
    book = ours.book()
    for n in range(6):
        issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, [f"{URL}p{n}"], book=book)
        assert [one.expression for one in issues if one.severity == "error"] == [("Patient.name",)]
    many = [f"{URL}p{n}" for n in range(6)]
    issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, many)
    assert {one.code for one in issues if one.severity == "error"} == {
        "required",
        "not-found",
    }  # and one alone is bounded


async def test_resources_of_references_are_dropped_between_judgements(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "MOST", 3)
    about = definition(
        "about", type="Observation", baseDefinition="http://hl7.org/fhir/StructureDefinition/Observation"
    )
    element = {"type": [{"code": "Reference", "targetProfile": [URL + "p"]}]}
    about["differential"] = {"element": [{"id": "Observation.subject", "path": "Observation.subject", **element}]}
    await put(http, definition("p", "name"), about)
    book = ours.book()
    for n in range(5):
        await http.put(f"/Patient/{n}", json={"resourceType": "Patient", "id": str(n)})
        tree = {"resourceType": "Observation", "status": "final", "code": {"text": "a"}}
        tree |= {"subject": {"reference": f"Patient/{n}"}}
        issues = await judge(tenant.session, ours, tree, [URL + "about"], book=book)
        assert [one.code for one in issues if one.severity == "error"] == ["value"], n


async def test_definitions_that_are_too_large_together_are_not_read(
    http: httpx.AsyncClient, tenant: FreshTenant, ours: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(http, *(definition(f"p{n}", "name") for n in range(4)))
    monkeypatch.setattr(books, "_MOST_BYTES", 60_000)  # one snapshot of Patient has some 40,000
    issues = await judge(tenant.session, ours, {"resourceType": "Patient"}, [f"{URL}p{n}" for n in range(4)])
    heavy = [one for one in issues if one.code == "processing" and "too large together" in one.diagnostics]
    assert 0 < len(heavy) < 4
    assert len([one for one in issues if one.code == "not-found"]) == len(heavy)
    assert await missing(tenant.session, ours, "p0") == ["Patient.name"]  # alone it is not too large
