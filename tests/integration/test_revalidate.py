"""$revalidate and the command: every stored resource judged, and a report for who asked."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server import revalidate, settings
from resources.definitions import load
from resources.outcome import BadRequest, NotFound
from resources.validation.validator import Validator

from ..benchmarks.processes import children
from ..conftest import FreshTenant, Urls
from ..serving import postmaster, serve
from .test_validate import PERSON, PROFILE

TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A patient.</div>'}
GOOD: dict[str, Any] = {"resourceType": "Patient", "text": TEXT, "birthDate": "2000"}
# Breaks pat-1 once for each contact.
BAD: dict[str, Any] = {**GOOD, "contact": [{"gender": "male"}, {"gender": "female"}]}
PAT_1 = "http://hl7.org/fhir/StructureDefinition/Patient#pat-1"


async def put(http: httpx.AsyncClient, logical_id: str, resource: dict[str, Any]) -> None:
    answer = await http.put(f"/{resource['resourceType']}/{logical_id}", json={**resource, "id": logical_id})
    assert answer.status_code in (200, 201), answer.text


async def population(http: httpx.AsyncClient, good: int = 7, bad: int = 3) -> None:
    for n in range(good):
        await put(http, f"g{n}", GOOD)
    for n in range(bad):
        await put(http, f"b{n}", BAD)


async def begun(http: httpx.AsyncClient, place: str = "/$revalidate", **parameters: Any) -> str:
    answer = await http.post(place, json=body(**parameters), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return answer.headers["Content-Location"]


def body(**parameters: Any) -> dict[str, Any]:
    names = {"type": "valueCode", "profile": "valueCanonical", "samples": "valueUnsignedInt"}
    entries = [
        {"name": name, names[name]: value}
        for name, values in parameters.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return {"resourceType": "Parameters", **({"parameter": entries} if entries else {})}


async def reported(http: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """What was found, by name; issues as a list."""
    async with asyncio.timeout(20):
        while (answer := await http.get(place)).status_code == 202:
            await asyncio.sleep(0.02)
    assert answer.status_code == 200, answer.text
    tree = answer.json()
    assert Validator(load()).issues("Parameters", tree) == ()
    return read(tree)


def read(tree: Mapping[str, Any]) -> dict[str, Any]:
    issues = [parts(one["part"]) for one in tree["parameter"] if one["name"] == "issue"]
    return {**parts(one for one in tree["parameter"] if one["name"] != "issue"), "issues": issues}


def parts(entries: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"samples": []}
    for entry in entries:
        if entry["name"] == "sample":
            found["samples"].append(parts(entry["part"]))
        else:
            [found[entry["name"]]] = [value for key, value in entry.items() if key.startswith("value")]
    return {name: value for name, value in found.items() if value != []}


async def test_rv_1_the_counts_are_exact(http: httpx.AsyncClient) -> None:
    await population(http)
    found = await reported(http, await begun(http, type="Patient", samples=2))
    assert (found["resources"], found["invalid"]) == (10, 3)
    [broken] = [issue for issue in found["issues"] if issue["severity"] == "error"]
    assert (broken["code"], broken["rule"], broken["issues"], broken["resources"]) == ("invariant", PAT_1, 6, 3)
    assert [one["resource"]["reference"] for one in broken["samples"]] == [
        "Patient/b0/_history/1", "Patient/b1/_history/1",
    ]  # fmt: skip
    assert broken["samples"][0]["expression"] == "Patient.contact[0]"
    assert "pat-1" in broken["samples"][0]["diagnostics"]


async def test_rv_1_all_types_by_default(http: httpx.AsyncClient) -> None:
    await population(http, 2, 1)
    await put(http, "o", {"resourceType": "Basic", "text": TEXT, "code": {"text": "a"}})
    found = await reported(http, await begun(http))
    assert (found["resources"], found["invalid"]) == (4, 1)
    assert (await reported(http, await begun(http, "/Basic/$revalidate")))["resources"] == 1
    assert await reported(http, await begun(http, "/Group/$revalidate")) == {"resources": 0, "invalid": 0, "issues": []}


async def test_rv_1_by_a_profile(http: httpx.AsyncClient) -> None:
    await put(http, "p", PROFILE)
    await put(http, "with", GOOD)
    await put(http, "without", {key: value for key, value in GOOD.items() if key != "birthDate"})
    await put(http, "o", {"resourceType": "Basic", "text": TEXT, "code": {"text": "a"}})
    found = await reported(http, await begun(http, profile=PERSON))  # of its type only
    assert (found["resources"], found["invalid"]) == (2, 1)
    [broken] = [issue for issue in found["issues"] if issue["severity"] == "error"]
    assert broken["rule"] == f"{PERSON}#Patient.birthDate"
    assert (await reported(http, await begun(http, type="Patient")))["invalid"] == 0


@pytest.mark.parametrize(
    ("place", "parameters", "status"),
    [
        ("/$revalidate", {"type": "Human"}, 400),
        ("/$revalidate", {"samples": 21}, 400),
        ("/$revalidate", {"profile": "http://fhir.example/nothing"}, 404),
        ("/$revalidate", {"profile": "http://hl7.org/fhir/StructureDefinition/vitalsigns", "type": "Patient"}, 400),
        ("/Patient/$revalidate", {"type": "Group"}, 400),
        ("/Patient/1/$revalidate", {}, 404),
    ],
)
async def test_rv_2_what_makes_no_sense_is_refused(
    http: httpx.AsyncClient, place: str, parameters: dict[str, Any], status: int
) -> None:
    answer = await http.post(place, json=body(**parameters))
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), answer.text


async def test_rv_2_it_is_asked_for_by_post(http: httpx.AsyncClient) -> None:
    assert (await http.get("/$revalidate")).status_code == 405


async def test_rv_3_nothing_of_another_tenant_is_seen(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    await population(http, 2, 2)
    await population(other_http, 1, 1)
    place = await begun(http, type="Patient")
    assert (await reported(http, place))["invalid"] == 2
    token = place.rpartition("/")[2]
    assert (await other_http.get(f"/_async/{token}")).status_code == 404
    assert (await reported(other_http, await begun(other_http, type="Patient")))["invalid"] == 1


async def test_rv_3_it_can_be_stopped(http: httpx.AsyncClient) -> None:
    await population(http, 1, 1)
    place = await begun(http)
    assert (await http.delete(place)).status_code == 202
    assert (await http.get(place)).status_code == 404


# the command


async def run(urls: Urls, tenant: str | None, *types: str, profiles: tuple[str, ...] = ()) -> tuple[int, str]:
    out = io.StringIO()
    given = settings.read({"database_url": urls.application, "base_url": "http://fhir.example"}, {})
    return await revalidate.run(given, tenant, types, profiles, out), out.getvalue()


async def test_rv_6_the_command_reports(urls: Urls, http: httpx.AsyncClient, tenant: FreshTenant) -> None:
    await population(http, 2, 1)
    code, said = await run(urls, tenant.name)
    lines = said.splitlines()
    assert code == 1
    assert lines[0].startswith(f"{tenant.name}: 3 resources in ")
    assert lines[0].endswith("; 1 have an error")
    assert f"  error invariant {PAT_1}: 2 in 1 resources" in lines
    assert any(line.startswith("    Patient/b0/_history/1: ") for line in lines)
    await http.delete("/Patient/b0")
    assert (await run(urls, tenant.name))[0] == 0
    with pytest.raises(NotFound):
        await run(urls, "nobody")
    with pytest.raises(BadRequest, match="Human"):
        await run(urls, tenant.name, "Human")
    with pytest.raises(NotFound, match="nothing"):
        await run(urls, tenant.name, profiles=("http://fhir.example/nothing",))


async def test_rv_7_goes_on_after_kill_9(tmp_path: Path) -> None:
    """The worker that judges is killed; its successor goes on where it was, and the counts are exact."""
    with serve(tmp_path / "data") as serving:
        async with httpx.AsyncClient(base_url=serving.base, timeout=30) as http:
            for part in range(6):
                entries = [
                    {"resource": BAD if n % 5 == 0 else GOOD, "request": {"method": "POST", "url": "Patient"}}
                    for n in range(250)
                ]
                bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
                assert (await http.post("", json=bundle)).status_code == 200, part
            place = (await http.post("/$revalidate", json=body(type="Patient"))).headers["Content-Location"]

            async def done() -> int | None:
                """How many were judged; None when all were."""
                answer = await http.get(place)
                if answer.status_code == 200:
                    return None
                first = answer.headers["X-Progress"].partition(" ")[0].replace(",", "")
                return int(first) if first.isdecimal() else 0

            while not (before := await done()):
                await asyncio.sleep(0.01)
            worker = next(pid for pid in children(serving.process.pid) if pid != postmaster(serving.data_dir))
            os.kill(worker, signal.SIGKILL)
            seen = [before]
            now: int | None = before
            while now is not None:
                seen.append(now)
                await asyncio.sleep(0.05)
                with contextlib.suppress(httpx.TransportError):  # until its successor is there
                    now = await done()
            assert before < 1500
            assert seen == sorted(seen)
            found = read((await http.get(place)).json())
            assert (found["resources"], found["invalid"]) == (1500, 300)
            assert [issue["issues"] for issue in found["issues"] if issue["severity"] == "error"] == [600]


async def test_in_a_batch_the_entry_says_where_the_report_will_be(http: httpx.AsyncClient) -> None:
    entries = [{"request": {"method": "POST", "url": "Patient/$revalidate"}}]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    [one] = answer.json()["entry"]
    assert one["response"]["status"].startswith("202")
    assert (await http.get(one["response"]["location"])).status_code in (200, 202)
