"""transaction: TR-1 to TR-11."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from typing import Any

import httpx
import pytest

from .test_bundle import PATIENT, answers, entry, linking, post

UUIDS = [f"urn:uuid:0c3151bd-1cbf-4d64-b04d-00000000000{n}" for n in range(4)]
THERE = "http://elsewhere.org/fhir"
OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


def observation(reference: str, **content: Any) -> dict[str, Any]:
    return {**OBSERVATION, "subject": {"reference": reference}, **content}


def patient(logical_id: str, number: str = "", **content: Any) -> dict[str, Any]:
    identifier = [{"system": "http://x.org", "value": number}] if number else []
    return {**PATIENT, "id": logical_id, **({"identifier": identifier} if identifier else {}), **content}


async def total(http: httpx.AsyncClient) -> int:
    count: int = (await http.get("/_history?_count=0")).json()["total"]
    return count


@pytest.mark.parametrize(
    ("failing", "status", "at"),
    [
        (entry("POST", "Patient", {**PATIENT, "birthDate": "never"}), 400, "Bundle.entry[1].resource.birthDate"),
        (entry("POST", "Observation", PATIENT), 400, "Bundle.entry[1].resource"),
        (entry("PUT", "Patient/x", PATIENT), 400, "Bundle.entry[1].resource.id"),
        (entry("POST", "Patient"), 400, "Bundle.entry[1]"),
        (entry("PATCH", "Patient/p"), 400, "Bundle.entry[1]"),
        (entry("PATCH", "Patient/p", PATIENT), 400, "Bundle.entry[1].resource"),
        (entry("GET", "Patient/nobody"), 404, "Bundle.entry[1]"),
        (entry("GET", "Foo/1"), 404, "Bundle.entry[1]"),
        (entry("PATCH", "Patient/p/_history/1"), 405, "Bundle.entry[1]"),
        (entry("PUT", "Patient/p", patient("p"), ifMatch='W/"7"'), 412, "Bundle.entry[1]"),
        (entry("DELETE", "Patient/p", ifMatch='W/"7"'), 412, "Bundle.entry[1]"),
        (
            entry("PUT", "Patient/p", patient("p", meta={"tag": [{"code": "SUBSETTED"}]})),
            422,
            "Bundle.entry[1].resource.meta.tag[0]",
        ),
        (entry("POST", "Observation", observation(UUIDS[3])), 400, "Bundle.entry[1].resource.subject.reference"),
    ],
)  # fmt: skip
async def test_tr_1_all_or_nothing(http: httpx.AsyncClient, failing: dict[str, Any], status: int, at: str) -> None:
    answer = await post(
        http, "transaction", entry("POST", "Patient", PATIENT), failing, entry("PUT", "Patient/z", patient("z"))
    )
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.json()["issue"][0]["expression"] == [at]
    assert await total(http) == 0


async def test_st_2_the_issues_of_all_entries_are_said_at_once(http: httpx.AsyncClient) -> None:
    wrong = {**PATIENT, "birthDate": "never", "gender": 1}
    answer = await post(http, "transaction", *[entry("POST", "Patient", wrong)] * 2, entry("GET", "Foo/1"))
    at = [issue["expression"][0] for issue in answer.json()["issue"]]
    assert at[-1] == "Bundle.entry[2]"
    assert {f"Bundle.entry[{n}].resource.{name}" for n in (0, 1) for name in ("birthDate", "gender")} == set(at[:-1])
    assert answer.status_code == 400


async def test_tr_2_the_order_in_the_bundle_means_nothing(http: httpx.AsyncClient) -> None:
    outcomes = set()
    for number, order in enumerate(itertools.permutations(range(4))):
        await http.put(f"/Patient/old{number}", json=patient(f"old{number}"))
        entries = [
            entry("GET", "Patient/new"),
            entry("DELETE", f"Patient/old{number}"),
            entry("PUT", "Patient/new", patient("new", str(number))),
            entry("POST", "Observation", observation("Patient/new")),
        ]
        said = await answers(http, "transaction", *[entries[i] for i in order])
        by_entry = dict(zip(order, said, strict=True))
        assert by_entry[0]["resource"]["identifier"][0]["value"] == str(number) if number else True
        outcomes.add(tuple(by_entry[i]["response"]["status"][:3] for i in range(1, 4)))
    assert outcomes == {("204", "201", "201"), ("204", "200", "201")}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry("PUT", "Patient/p", patient("p")), entry("PUT", "Patient/p", patient("p", "2"))),
        (entry("PUT", "Patient/p", patient("p")), entry("DELETE", "Patient/p")),
        (entry("DELETE", "Patient/p"), entry("DELETE", "Patient/p")),
    ],
)
async def test_tr_3_the_same_identity_twice_names_both(
    http: httpx.AsyncClient, first: dict[str, Any], second: dict[str, Any]
) -> None:
    for entries in ((first, entry("POST", "Patient", PATIENT), second), (second, entry("GET", "Patient/p"), first)):
        answer = await post(http, "transaction", *entries)
        assert answer.status_code == 400
        assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[0]", "Bundle.entry[2]"]
    assert await total(http) == 0


async def test_tr_4_reads_see_the_state_after_the_writes(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/gone", json=patient("gone", "1"))
    found, read, _, _ = await answers(
        http,
        "transaction",
        entry("GET", "Patient?identifier=http://x.org|1"),
        entry("GET", "Patient/p/_history"),
        entry("PUT", "Patient/p", patient("p", "1")),
        entry("DELETE", "Patient/gone"),
    )
    assert [one["resource"]["id"] for one in found["resource"]["entry"]] == ["p"]
    assert read["resource"]["total"] == 1
    answer = await post(http, "transaction", entry("GET", "Patient/p"), entry("DELETE", "Patient/p"))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (410, "deleted")
    assert (await http.get("/Patient/p")).status_code == 200


async def test_tr_5_tr_6_links_are_rewritten_also_in_circles(http: httpx.AsyncClient) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{UUIDS[0]}">it</a></div>'
    one = {
        **PATIENT,
        "link": [{"other": {"reference": UUIDS[1]}, "type": "seealso"}],
        "text": {"status": "generated", "div": div},
    }
    two = patient("two", link=[{"other": {"reference": UUIDS[0].upper()}, "type": "seealso"}])
    first, second, third = await answers(
        http,
        "transaction",
        entry("POST", "Patient", one, UUIDS[0]),
        entry("PUT", "Patient/two", two, UUIDS[1]),
        entry("POST", "Observation", observation(f"{UUIDS[0]}/_history/1", focus=[{"reference": "Patient/elsewhere"}])),
    )
    logical_id = first["resource"]["id"]
    read = (await http.get(f"/Patient/{logical_id}")).json()
    assert read == first["resource"]
    assert read["link"][0]["other"] == {"reference": "Patient/two"}
    assert f'href="Patient/{logical_id}"' in read["text"]["div"]
    assert second["resource"]["link"][0]["other"] == {"reference": f"Patient/{logical_id}"}
    assert third["resource"]["subject"] == {"reference": f"Patient/{logical_id}/_history/1"}
    assert third["resource"]["focus"] == [{"reference": "Patient/elsewhere"}]
    found = (await http.get(f"/Patient?link=Patient/{logical_id}")).json()
    assert [one["resource"]["id"] for one in found["entry"]] == ["two"]


async def test_tr_7_tr_8_full_urls_of_another_server(http: httpx.AsyncClient) -> None:
    there = "http://elsewhere.org/fhir"
    created, updated, seen = await answers(
        http,
        "transaction",
        entry("POST", "Patient", patient("1"), f"{there}/Patient/1"),
        entry("PUT", "Patient/2", patient("2"), f"{there}/Patient/2"),
        entry(
            "POST",
            "Observation",
            observation(
                "Patient/1", performer=[{"reference": f"{there}/Patient/2/_history/9"}, {"reference": "Patient/3"}]
            ),
            f"{there}/Observation/1",
        ),
    )
    assert updated["resource"]["id"] == "2"
    assert seen["resource"]["subject"] == {"reference": f"Patient/{created['resource']['id']}"}
    assert seen["resource"]["performer"] == [{"reference": "Patient/2/_history/1"}, {"reference": "Patient/3"}]
    again = await answers(
        http,
        "transaction",
        entry("PUT", "Patient/2", patient("2", "new"), f"{there}/Patient/2"),
        entry("POST", "Observation", observation(f"{there}/Patient/2/_history/1")),
    )
    assert again[1]["resource"]["subject"] == {"reference": "Patient/2/_history/2"}


def linked(logical_id: str, *to: str, **content: Any) -> dict[str, Any]:
    """An entry at another server's URL that puts an Observation with links to versions of others there."""
    links = [{"reference": f"{THERE}/Observation/{one}/_history/99"} for one in to]
    resource = {**OBSERVATION, "id": logical_id, **({"derivedFrom": links} if links else {}), **content}
    return entry("PUT", f"Observation/{logical_id}", resource, f"{THERE}/Observation/{logical_id}")


async def linked_versions(http: httpx.AsyncClient, *ids: str) -> list[tuple[str, list[str]]]:
    """The version and the links of each; what they name is there."""
    found = []
    for logical_id in ids:
        read = (await http.get(f"/Observation/{logical_id}")).json()
        links = [one["reference"] for one in read.get("derivedFrom", ())]
        for link in links:
            assert (await http.get(f"/{link}")).status_code == 200, link
        found.append((read["meta"]["versionId"], links))
    return found


async def test_tr_7_a_link_to_a_version_names_the_one_that_comes_of_it(http: httpx.AsyncClient) -> None:
    """Also where an entry that waits proves unchanged only when its references are filled in, or changed."""
    await http.put("/Patient/before", json=patient("before", "1"))
    chain = [linked("c", "b"), linked("b", "a")]
    first = linked("a", subject={"reference": "Patient?identifier=http://x.org|1"})
    expected = [("1", []), ("1", ["Observation/a/_history/1"]), ("1", ["Observation/b/_history/1"])]
    for _ in range(2):
        await answers(http, "transaction", *chain, first)
        assert await linked_versions(http, "a", "b", "c") == expected
    first["resource"] = {**first["resource"], "status": "amended", "subject": {"reference": "Patient/before"}}
    expected = [("2", []), ("2", ["Observation/a/_history/2"]), ("2", ["Observation/b/_history/2"])]
    for _ in range(2):
        await answers(http, "transaction", *chain, first)
        assert await linked_versions(http, "a", "b", "c") == expected
    assert (await http.get("/Observation/_history")).json()["total"] == 6


async def test_tr_7_links_to_versions_that_no_numbering_can_meet_are_refused(http: httpx.AsyncClient) -> None:
    """Version 1 links to its own version 2: with the same content it stays version 1, with a link to that it is 2."""
    own = linked("o", "o")
    stored = {**own["resource"], "derivedFrom": [{"reference": "Observation/o/_history/2"}]}
    await http.put("/Observation/o", json=stored)
    answer = await post(http, "transaction", own)
    assert answer.status_code == 422
    assert "version" in answer.json()["issue"][0]["diagnostics"]
    assert await total(http) == 1


async def test_tr_10_conditional_references_also_find_what_the_bundle_creates(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/before", json=patient("before", "1"))
    created, first, second = await answers(
        http,
        "transaction",
        entry("POST", "Patient", patient("x", "2")),
        entry("POST", "Observation", observation("Patient?identifier=http://x.org|1")),
        entry("PUT", "Observation/o", observation("Patient?identifier=http://x.org|2", id="o")),
    )
    assert first["resource"]["subject"] == {"reference": "Patient/before"}
    assert second["resource"]["subject"] == {"reference": f"Patient/{created['resource']['id']}"}
    assert second["response"]["etag"] == 'W/"1"'
    assert await total(http) == 4
    found = (await http.get("/Observation?subject=Patient/before")).json()
    assert [one["resource"]["id"] for one in found["entry"]] == [first["resource"]["id"]]


@pytest.mark.parametrize(
    ("reference", "status", "code"),
    [
        ("Patient?identifier=nobody", 412, "not-found"),
        ("Patient?identifier=http://x.org|1", 412, "multiple-matches"),
        ("Patient?birthdate=2000-13-01", 400, None),
        ("Patient?nothing=1", 400, "not-supported"),
        ("Patient?identifier=1&_count=1", 400, None),
        ("Patient?", 400, None),
        ("Patient?identifier=http://x.org|deleted", 412, "not-found"),
    ],
)
async def test_tr_10_a_condition_that_names_no_single_resource_fails_the_transaction(
    http: httpx.AsyncClient, reference: str, status: int, code: str | None
) -> None:
    for logical_id, number in (("a", "1"), ("b", "1"), ("c", "deleted")):
        await http.put(f"/Patient/{logical_id}", json=patient(logical_id, number))
    before = await total(http)
    entries = [entry("DELETE", "Patient/c"), entry("POST", "Observation", observation(reference))]
    answer = await post(http, "transaction", *entries)
    assert answer.status_code == status, answer.text
    issue = answer.json()["issue"][0]
    assert issue["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    assert code is None or issue["code"] == code
    assert await total(http) == before


async def test_tr_5_tr_10_references_in_a_patch_are_resolved(http: httpx.AsyncClient) -> None:
    await http.put("/Patient/p", json=patient("p"))
    await http.put("/Patient/before", json=patient("before", "1"))
    for reference in (UUIDS[0], "Patient?identifier=http://x.org|2", "Patient?identifier=http://x.org|1"):
        created, patched = await answers(
            http,
            "transaction",
            entry("POST", "Patient", patient("x", "2"), UUIDS[0], ifNoneExist="identifier=http://x.org|2"),
            entry("PATCH", "Patient/p", linking(reference)),
        )
        target = "before" if reference.endswith("|1") else created["resource"]["id"]
        assert patched["resource"]["link"][-1]["other"] == {"reference": f"Patient/{target}"}
    for reference, status in (("Patient?identifier=nobody", 412), (UUIDS[3], 400)):
        answer = await post(http, "transaction", entry("PATCH", "Patient/p", linking(reference)))
        assert answer.status_code == status
        [at] = answer.json()["issue"][0]["expression"]
        assert at.startswith("Bundle.entry[0].resource.parameter[0].part[3]")


async def test_tr_9_a_json_patch_leaves_no_link_to_an_entry_behind(http: httpx.AsyncClient) -> None:
    await http.put("/Observation/o", json={**OBSERVATION, "id": "o"})
    operations = [{"op": "add", "path": "/subject", "value": {"reference": UUIDS[0]}}]
    data = base64.b64encode(json.dumps(operations).encode()).decode()
    patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    answer = await post(
        http, "transaction", entry("POST", "Patient", PATIENT, UUIDS[0]), entry("PATCH", "Observation/o", patch)
    )
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    assert await total(http) == 1


async def test_tr_11_a_reader_in_parallel_sees_all_or_nothing(http: httpx.AsyncClient) -> None:
    bundles = [[entry("PUT", f"Patient/p{n}", patient(f"p{n}", str(k))) for n in range(40)] for k in range(1, 6)]

    async def write() -> None:
        for bundle in bundles:
            await answers(http, "transaction", *bundle)

    async def watch() -> list[set[str]]:
        seen = []
        while not writing.done():
            found = (await http.get("/Patient?_count=100")).json()
            seen.append({one["resource"]["identifier"][0]["value"] for one in found.get("entry", ())})
            assert len(found.get("entry", ())) in (0, 40)
        return seen

    writing = asyncio.create_task(write())
    seen = await watch()
    await writing
    assert all(len(values) <= 1 for values in seen)


async def test_two_transactions_over_the_same_resources_both_succeed(http: httpx.AsyncClient) -> None:
    def bundle(k: int) -> list[dict[str, Any]]:
        entries = [entry("PUT", f"Patient/p{n}", patient(f"p{n}", str(k))) for n in range(20)]
        return [*(entries if k % 2 else reversed(entries)), entry("GET", "Patient/p0")]

    said = await asyncio.gather(*[post(http, "transaction", *bundle(k)) for k in range(1, 9)])
    assert [answer.status_code for answer in said] == [200] * 8
    assert (await http.get("/Patient/p3")).headers["etag"] == 'W/"8"'
