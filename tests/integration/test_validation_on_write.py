"""What a tenant asks of resources that are written, beyond the base rules, on every way to write them."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from fhir_server.store import set_settings
from fhir_server.validation.policy import VERDICT
from resources.database import Owner, Session
from resources.validation.rules import Rules

from ..conftest import FreshTenant

PROFILE = "http://example.org/fhir/StructureDefinition/named-patient"
# pat-1: a contact has details, or is of an organization.
BROKEN = {"resourceType": "Patient", "contact": [{"gender": "female"}]}
SOUND = {"resourceType": "Patient", "contact": [{"gender": "female", "name": {"text": "a name"}}]}
OUTCOME = {"Prefer": "return=OperationOutcome"}


def profile(url: str = PROFILE, element: str = "name") -> dict[str, Any]:
    """A profile of Patient whose instances have the element; without a snapshot."""
    return {
        "resourceType": "StructureDefinition", "id": url.rpartition("/")[2], "url": url, "name": "NamedPatient",
        "status": "active", "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [
            {"id": f"Patient.{element}", "path": f"Patient.{element}", "min": 1},
        ]},
    }  # fmt: skip


@pytest.fixture
def asking(owner: Owner, tenant: FreshTenant, edge: Any) -> Any:
    async def ask(**settings: str) -> None:
        assert await set_settings(owner, tenant.name, settings)
        await edge.opened.tenants.reload()

    return ask


async def put_profile(http: httpx.AsyncClient, **given: str) -> None:
    body = profile(**given)
    assert (await http.put(f"/StructureDefinition/{body['id']}", json=body)).status_code == 201


def rules(answer: httpx.Response) -> list[str]:
    issues = answer.json()["issue"]
    return [one["details"]["coding"][0]["code"] for one in issues if "details" in one and one["severity"] == "error"]


def entry(method: str, url: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": method, "url": url}}


async def test_off_looks_at_base_rules_only(http: httpx.AsyncClient) -> None:
    assert (await http.post("/Patient", json=BROKEN)).status_code == 201
    assert (await http.post("/Patient", json={**SOUND, "meta": {"profile": [PROFILE]}})).status_code == 201


async def test_reject_on_every_way_to_write(http: httpx.AsyncClient, asking: Any) -> None:
    kept = (await http.put("/Patient/kept", json={**SOUND, "id": "kept"})).json()
    await asking(validation="reject", severity_overrides="dom-6=off")
    ways = [
        await http.post("/Patient", json=BROKEN),
        await http.put("/Patient/x", json={**BROKEN, "id": "x"}),
        await http.put("/Patient?identifier=a", json=BROKEN),
        await http.post("/Patient", json=BROKEN, headers={"If-None-Exist": "identifier=a"}),
        await http.patch(
            "/Patient/kept", json={"contact": [{"gender": "female"}]}, headers={"content-type": "application/merge-patch+json"}
        ),
    ]  # fmt: skip
    for answer in ways:
        assert answer.status_code == 422, answer.text
        assert rules(answer) == ["pat-1"]
        assert answer.json()["issue"][0]["expression"] == ["Patient.contact[0]"]
    bundled = [entry("POST", "Patient", SOUND), entry("POST", "Patient", BROKEN)]
    refused = await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": bundled})
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.contact[0]"]
    batch = (await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": bundled})).json()
    assert [one["response"]["status"][:3] for one in batch["entry"]] == ["201", "422"]
    found = (await http.get("/Patient", params={"_count": "50"})).json()
    assert len(found["entry"]) == 2  # kept, and the sound one of the batch
    assert (await http.get("/Patient/kept")).json()["meta"] == kept["meta"]


async def test_a_claimed_profile_is_asked_and_its_changes_count_at_once(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, asking: Any
) -> None:
    await asking(validation="reject")
    claiming = {**SOUND, "meta": {"profile": [PROFILE]}}
    unknown = await http.post("/Patient", json=claiming, headers=OUTCOME)
    assert unknown.status_code == 201
    assert "not-found" in {issue["code"] for issue in unknown.json()["issue"]}
    await put_profile(other_http)  # of another tenant: it does not exist here
    assert (await http.post("/Patient", json=claiming)).status_code == 201
    await put_profile(http)
    refused = await http.post("/Patient", json=claiming)
    assert refused.status_code == 422
    assert "Patient.name" in refused.json()["issue"][0]["diagnostics"]
    body = profile(element="gender")
    assert (await http.put(f"/StructureDefinition/{body['id']}", json=body)).status_code == 200
    refused = await http.post("/Patient", json=claiming)
    assert refused.status_code == 422
    assert "Patient.gender" in refused.json()["issue"][0]["diagnostics"]
    assert (await http.post("/Patient", json={**claiming, "gender": "other"})).status_code == 201
    assert (await http.delete(f"/StructureDefinition/{body['id']}")).status_code == 204
    assert (await http.post("/Patient", json=claiming)).status_code == 201


async def test_required_profiles(http: httpx.AsyncClient, asking: Any) -> None:
    await asking(required_profiles=f"Patient={PROFILE}")
    unknown = await http.post("/Patient", json=SOUND)  # nothing can be said to conform to it
    assert unknown.status_code == 422
    assert unknown.json()["issue"][0]["code"] == "not-found"
    await put_profile(http)
    assert (await http.post("/Patient", json=SOUND)).status_code == 422
    assert (await http.post("/Patient", json={**SOUND, "name": [{"text": "a name"}]})).status_code == 201
    assert (await http.post("/Practitioner", json={"resourceType": "Practitioner"})).status_code == 201
    other = f"{PROFILE}-other"
    await put_profile(http, url=other, element="photo")
    claiming = {**SOUND, "name": [{"text": "a name"}], "meta": {"profile": [other]}}
    assert (await http.post("/Patient", json=claiming)).status_code == 201  # what is claimed is not asked under off


async def test_warn_stores_and_tells(http: httpx.AsyncClient, asking: Any) -> None:
    await asking(validation="warn")
    answer = await http.post("/Patient", json=BROKEN, headers=OUTCOME)
    assert answer.status_code == 201
    told = {
        (one["severity"], one["details"]["coding"][0]["code"]) for one in answer.json()["issue"] if "details" in one
    }
    assert ("warning", "pat-1") in told


async def test_tag_keeps_the_verdict_where_it_can_be_searched(http: httpx.AsyncClient, asking: Any) -> None:
    await asking(validation="tag")
    broken = (await http.post("/Patient", json=BROKEN)).json()
    sound = (await http.post("/Patient", json=SOUND)).json()
    assert broken["meta"]["tag"] == [{"system": VERDICT, "code": "invalid"}]
    assert sound["meta"]["tag"] == [{"system": VERDICT, "code": "valid"}]
    found = (await http.get("/Patient", params={"_tag": f"{VERDICT}|invalid"})).json()
    assert [one["resource"]["id"] for one in found["entry"]] == [broken["id"]]
    mended = await http.put(f"/Patient/{broken['id']}", json={**broken, "contact": SOUND["contact"]})
    assert mended.json()["meta"]["tag"] == [{"system": VERDICT, "code": "valid"}]
    again = await http.put(f"/Patient/{broken['id']}", json=mended.json())
    assert again.json()["meta"]["versionId"] == mended.json()["meta"]["versionId"]  # nothing has changed


async def test_a_bundle_looks_up_its_profiles_once(
    http: httpx.AsyncClient, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_profile(http)
    await asking(validation="reject")
    claiming = {**SOUND, "meta": {"profile": [PROFILE]}, "name": [{"text": "a name"}]}
    sent = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", claiming)] * 50}
    assert (await http.post("", json=sent)).status_code == 200
    trips = 0

    call = Session.call

    async def counted(*arguments: Any) -> Any:
        nonlocal trips
        trips += 1
        return await call(*arguments)

    monkeypatch.setattr(Session, "call", counted)
    assert (await http.post("", json=sent)).status_code == 200
    assert trips <= 2  # which version the profile is at now, and the write


async def test_references_lead_to_what_the_transaction_writes(http: httpx.AsyncClient, asking: Any) -> None:
    await put_profile(http)
    about = profile(f"{PROFILE}-about")
    about |= {"type": "Observation", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation"}
    subject = {"id": "Observation.subject", "path": "Observation.subject"}
    subject["type"] = [{"code": "Reference", "targetProfile": [PROFILE]}]  # type: ignore[assignment]
    about["differential"] = {"element": [subject]}
    assert (await http.put(f"/StructureDefinition/{about['id']}", json=about)).status_code == 201
    await asking(validation="reject")
    urn = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
    named = {**SOUND, "name": [{"text": "a name"}]}
    assert (await http.put("/Patient/there", json={**SOUND, "id": "there"})).status_code == 201

    async def sent(patient: dict[str, Any], method: str, url: str, reference: str) -> httpx.Response:
        observation = {
            "resourceType": "Observation", "meta": {"profile": [about["url"]]}, "status": "final",
            "code": {"text": "a"}, "subject": {"reference": reference},
        }  # fmt: skip
        entries = [entry("POST", "Observation", observation), {**entry(method, url, patient), "fullUrl": urn}]
        if method == "PUT":
            del entries[1]["fullUrl"]
        return await http.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})

    refused = await sent(SOUND, "POST", "Patient", urn)
    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[0].resource.subject.reference"]
    assert (await sent(named, "POST", "Patient", urn)).status_code == 200
    assert (await sent({**SOUND, "id": "there"}, "PUT", "Patient/there", "Patient/there")).status_code == 422
    assert (await sent({**named, "id": "there"}, "PUT", "Patient/there", "Patient/there")).status_code == 200
    broken = await sent(
        {**named, "name": 5}, "POST", "Patient", urn
    )  # what breaks base rules is no target to be judged
    assert broken.status_code == 400
    assert broken.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.name"]


async def test_judging_leaves_the_event_loop_free(
    http: httpx.AsyncClient, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asking(validation="warn")
    threads: list[int] = []
    issues = Rules.issues

    def noted(self: Rules, *arguments: Any, **more: Any) -> Any:
        threads.append(threading.get_ident())
        return issues(self, *arguments, **more)

    monkeypatch.setattr(Rules, "issues", noted)
    assert (await http.post("/Patient", json=SOUND)).status_code == 201
    sent = {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", SOUND)]}
    assert (await http.post("", json=sent)).status_code == 200
    assert (await http.post("/Patient/$validate", json=SOUND)).status_code == 200
    assert len(threads) >= 3
    assert threading.get_ident() not in threads
