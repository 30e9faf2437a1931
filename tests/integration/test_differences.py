"""$diff: the patch between two versions or two instants, over HTTP and in a batch."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from resources import exact

from ..unit.resources.patch.made import said
from .test_bundle import answers, entry

Json = dict[str, Any]
VERSIONS: list[Json | None] = [  # None: it was deleted
    {"active": True},
    {"active": True, "extension": [{"url": "http://example.org/x", "valueDecimal": Decimal("1.0")}]},
    {"active": False, "extension": [{"url": "http://example.org/x", "valueDecimal": Decimal("1.00")}]},
    None,
    {"active": True},
    {"active": True, "birthDate": "1970"},
]


def patient(members: Json) -> Json:
    return {"resourceType": "Patient", "id": "p", **members}


@pytest.fixture
async def instants(http: httpx.AsyncClient) -> list[str]:
    """Writes the versions; for each the instant of its writing."""
    found = []
    for members in VERSIONS:
        if members is None:
            await http.delete("/Patient/p")
        else:
            await http.put("/Patient/p", content=exact.encode(patient(members)))
        await asyncio.sleep(0.005)  # instants are in milliseconds
        found.append((await http.get("/Patient/p/_history?_count=1")).json()["entry"][0])
    return [one["response"]["lastModified"] for one in found]


async def diff(http: httpx.AsyncClient, query: str = "", path: str = "/Patient/p") -> httpx.Response:
    return await http.get(f"{path}/$diff{query}")


def operations(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    tree = exact.decode(answer.content)
    assert [one["name"] for one in tree["parameter"][-2:]] == ["from", "to"]
    return {"parameter": tree["parameter"][:-2]}


def compared(answer: httpx.Response) -> tuple[str, str]:
    one, other = (one["valueReference"]["reference"] for one in answer.json()["parameter"][-2:])
    return one.removeprefix("Patient/p/_history/"), other.removeprefix("Patient/p/_history/")


BIRTH = ("add", "Patient", "birthDate", {"valueDate": "1970"})
ACTIVE = ("replace", "Patient.active", {"valueBoolean": False})
DIGIT = ("replace", "Patient.extension[0].value", {"valueDecimal": Decimal("1.00")})


@pytest.mark.parametrize(
    ("path", "query", "versions", "expected"),
    [
        ("/Patient/p", "", ("5", "6"), [BIRTH]),
        ("/Patient/p/_history/3", "", ("2", "3"), [DIGIT, ACTIVE]),
        ("/Patient/p/_history/3", "?from=2", ("2", "3"), [DIGIT, ACTIVE]),
        ("/Patient/p", "?from=2&to=3", ("2", "3"), [DIGIT, ACTIVE]),
        ("/Patient/p", "?to=3", ("2", "3"), [DIGIT, ACTIVE]),
        ("/Patient/p", "?from=1", ("1", "6"), [BIRTH]),
        ("/Patient/p", "?from=6&to=5", ("6", "5"), [("delete", "Patient.birthDate")]),
        ("/Patient/p", "?from=6", ("6", "6"), []),
        ("/Patient/p", "?to=2999-01-01T00:00:00Z", ("5", "6"), [BIRTH]),
    ],
)
@pytest.mark.usefixtures("instants")
async def test_versions(
    http: httpx.AsyncClient, path: str, query: str, versions: tuple[str, str], expected: list[Any]
) -> None:
    answer = await diff(http, query, path)
    assert repr(said(operations(answer))) == repr(expected)  # digit by digit
    assert compared(answer) == versions


async def test_instants(http: httpx.AsyncClient, instants: list[str]) -> None:
    answer = await diff(http, f"?from={instants[1]}&to={instants[2]}")
    assert (compared(answer), len(said(operations(answer)))) == (("2", "3"), 2)
    assert compared(await diff(http, f"?from={instants[0]}")) == ("1", "6")
    with_zone = instants[0].replace("Z", "+00:00").replace("+", "%2B")
    assert compared(await diff(http, f"?from={with_zone}&to=2")) == ("1", "2")


async def test_post(http: httpx.AsyncClient, instants: list[str]) -> None:
    parameters = [{"name": "from", "valueString": "2"}, {"name": "to", "valueString": instants[2]}]
    answer = await http.post("/Patient/p/$diff", json={"resourceType": "Parameters", "parameter": parameters})
    assert compared(answer) == ("2", "3")


@pytest.mark.usefixtures("instants")
@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/Patient/p", "?from=7", 404),
        ("/Patient/p", "?from=0", 404),
        ("/Patient/p", "?from=99999999999999999999", 404),
        ("/Patient/p", "?to=4", 410),
        ("/Patient/p", "?to=5", 410),  # the version before it is the deletion
        ("/Patient/p", "?to=1", 404),  # there is none before it
        ("/Patient/p", "?from=1999-01-01T00:00:00Z", 404),
        ("/Patient/p", "?from=yesterday", 400),
        ("/Patient/p", "?from=2026-01-01", 400),
        ("/Patient/p", "?from=2026-13-01T00:00:00Z", 400),
        ("/Patient/p", "?from=1&from=2", 400),
        ("/Patient/p", "?since=1", 400),
        ("/Patient/p/_history/3", "?to=2", 400),
        ("/Patient/p/_history/4", "", 410),
        ("/Patient/p/_history/1", "", 404),
        ("/Patient/p/_history/x", "", 404),
        ("/Patient/p/_history/2999-01-01T00:00:00Z", "", 404),
        ("/Patient/nobody", "", 404),
        ("/Patient/a_b", "", 404),
        ("/Foo/p", "", 404),
        ("/Patient", "", 404),
    ],
)
async def test_refused(http: httpx.AsyncClient, path: str, query: str, status: int) -> None:
    answer = await diff(http, query, path)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


async def test_the_deleted_instant(http: httpx.AsyncClient, instants: list[str]) -> None:
    answer = await diff(http, f"?to={instants[3]}")
    assert answer.status_code == 410


@pytest.mark.usefixtures("instants")
async def test_the_answer_is_a_patch_as_it_is(http: httpx.AsyncClient) -> None:
    found = (await diff(http, "?from=6&to=3")).content
    assert (await http.patch("/Patient/p", content=found)).status_code == 200
    tree = exact.decode((await http.get("/Patient/p")).content)
    meta = tree.pop("meta")
    third = VERSIONS[2]
    assert third is not None
    assert (meta["versionId"], exact.canonical(tree)) == ("7", exact.canonical(patient(third)))


async def test_large_resources(http: httpx.AsyncClient) -> None:
    names = [{"family": "x" * 1_000, "given": [str(n)]} for n in range(200)]
    await http.put("/Patient/p", json=patient({"name": names}))
    names[100]["given"] = ["other"]
    await http.put("/Patient/p", json=patient({"name": names}))
    expected = ("replace", "Patient.name[100].given[0]", {"valueString": "other"})
    assert said(operations(await diff(http))) == [expected]


@pytest.mark.usefixtures("instants")
async def test_another_tenant_has_nothing_to_compare(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    assert (await diff(http)).status_code == 200
    for query in ("", "?from=1", "?from=1&to=3"):
        assert (await diff(other_http, query)).status_code == 404


@pytest.mark.usefixtures("instants")
async def test_in_a_batch(http: httpx.AsyncClient) -> None:
    found, missing = await answers(
        http, "batch", entry("GET", "Patient/p/$diff?from=1"), entry("GET", "Patient/p/$diff?from=9")
    )
    assert found["resource"]["resourceType"] == "Parameters"
    assert missing["response"]["status"].startswith("404")


@pytest.mark.usefixtures("instants")
async def test_xml(http: httpx.AsyncClient) -> None:
    answer = await http.get("/Patient/p/$diff", headers={"accept": "application/fhir+xml"})
    assert (answer.status_code, answer.content.lstrip()[:5]) == (200, b"<?xml")


async def test_ch_the_statement_lists_it_and_its_definition_is_there(http: httpx.AsyncClient) -> None:
    statement = (await http.get("/metadata")).json()
    [patients] = [one for one in statement["rest"][0]["resource"] if one["type"] == "Patient"]
    [url] = [one["definition"] for one in patients["operation"] if one["name"] == "diff"]
    definition = await http.get(url)
    assert (definition.status_code, definition.json()["code"]) == (200, "diff")
