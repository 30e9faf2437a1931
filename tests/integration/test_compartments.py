"""Compartments and searches over all types, over HTTP: SE-2, CM-1 to CM-3, SY-1, SY-2."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

FORM = {"content-type": "application/x-www-form-urlencoded"}


def observation(number: int, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2020-01-0{number}",
        **more,
    }


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p"},
    {"resourceType": "Patient", "id": "q"},
    {"resourceType": "Practitioner", "id": "d"},
    observation(1, "p"),
    observation(2, "p", performer=[{"reference": "Practitioner/d"}]),
    observation(3, "q", performer=[{"reference": "Practitioner/d"}]),
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p"},
    },
]


@pytest.fixture(autouse=True)
async def resources(http: httpx.AsyncClient) -> None:
    for one in RESOURCES:
        answer = await http.put(f"/{one['resourceType']}/{one['id']}", json=one)
        assert answer.status_code == 201, answer.text


def found(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    entries = answer.json().get("entry", ())
    return [f"{one['resource']['resourceType']}/{one['resource']['id']}" for one in entries]


def links(answer: httpx.Response) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in answer.json()["link"]}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/Patient/p/Observation", {"Observation/o1", "Observation/o2"}),
        ("/Patient/p/Observation?date=2020-01-02", {"Observation/o2"}),
        ("/Patient/p/Observation?performer=Practitioner/d", {"Observation/o2"}),
        ("/Patient/q/Observation", {"Observation/o3"}),
        ("/Patient/p/Patient", {"Patient/p"}),
        ("/Patient/p/*", {"Patient/p", "Observation/o1", "Observation/o2", "Encounter/e"}),
        ("/Patient/p/*?_type=Encounter", {"Encounter/e"}),
        ("/Patient/p/*?_type=Encounter,Patient", {"Encounter/e", "Patient/p"}),
        ("/Patient/p/*?_id=o1,e,o3", {"Observation/o1", "Encounter/e"}),
        ("/Practitioner/d/Observation", {"Observation/o2", "Observation/o3"}),
        ("/Practitioner/d/*", {"Practitioner/d", "Observation/o2", "Observation/o3"}),
        ("/Encounter/e/Observation", set()),
        ("/Patient/nobody/Observation", set()),
        ("/Patient/nobody/*", set()),
    ],
)
async def test_cm_1_cm_2_cm_3_what_is_in_a_compartment(http: httpx.AsyncClient, url: str, expected: set[str]) -> None:
    answer = await http.get(url)
    assert set(found(answer)) == expected
    assert answer.json()["total"] == len(expected)
    path, _, query = url.partition("?")
    own = links(answer)["self"]
    assert own.startswith(f"{str(http.base_url).rstrip('/')}{path}?")
    assert (await http.get(own)).text == answer.text
    assert found(await http.post(path + "/_search", content=query.encode(), headers=FORM)) == found(answer)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/Patient/p/Medication", 400),  # in no compartment of a patient
        ("/Patient/p/*?_type=Medication", 400),
        ("/Patient/p/Foo", 404),
        ("/Observation/o1/Patient", 404),
        ("/Patient/p/*?birthdate=2020", 400),
        ("/Patient/p/Observation?nothing=1", 400),
        ("?birthdate=2020", 400),
        ("?_type=Patient,Observation&birthdate=2020", 400),
        ("?_type=Foo", 400),
    ],
)
async def test_cm_2_sy_1_what_is_refused(http: httpx.AsyncClient, url: str, status: int) -> None:
    answer = await http.get(url)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_cm_3_pages_and_includes(http: httpx.AsyncClient) -> None:
    seen: list[str] = []
    url = "/Patient/p/*?_count=1"
    while url:
        answer = await http.get(url)
        assert len(found(answer)) <= 1
        seen += found(answer)
        url = links(answer).get("next", "")
        if url:
            assert "/Patient/p/*?_page=" in url
            # A link serves its own compartment.
            assert (await http.get(url.replace("/Patient/p/", "/Patient/q/"))).status_code == 400
    assert sorted(seen) == ["Encounter/e", "Observation/o1", "Observation/o2", "Patient/p"]
    answer = await http.get("/Patient/p/Observation?performer=Practitioner/d&_include=Observation:performer")
    assert sorted(found(answer)) == ["Observation/o2", "Practitioner/d"]


async def test_cm_1_a_resource_leaves_the_compartment_with_its_reference(http: httpx.AsyncClient) -> None:
    assert (await http.put("/Observation/o1", json=observation(1, "q"))).status_code == 200
    assert set(found(await http.get("/Patient/p/Observation"))) == {"Observation/o2"}
    assert set(found(await http.get("/Patient/q/Observation"))) == {"Observation/o1", "Observation/o3"}
    await http.delete("/Observation/o1")
    assert set(found(await http.get("/Patient/q/*"))) == {"Patient/q", "Observation/o3"}


async def test_ur_6_a_compartment_is_of_its_tenant(http: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    assert found(await other_http.get("/Patient/p/*")) == []
    assert found(await other_http.get("")) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {f"{one['resourceType']}/{one['id']}" for one in RESOURCES}),
        ("_type=Patient,Encounter", {"Patient/p", "Patient/q", "Encounter/e"}),
        ("_id=p,o1", {"Patient/p", "Observation/o1"}),
        ("_type=Observation&date=2020-01-01", {"Observation/o1"}),
        ("_type=Observation,Encounter&patient=p", {"Observation/o1", "Observation/o2", "Encounter/e"}),
        ("_lastUpdated=lt2000", set()),
    ],
)
async def test_sy_1_sy_2_a_search_over_all_types(http: httpx.AsyncClient, query: str, expected: set[str]) -> None:
    answer = await http.get(f"?{query}")
    assert set(found(answer)) == expected
    assert answer.json()["total"] == len(expected)
    own = links(answer)["self"]
    assert own.startswith(f"{str(http.base_url).rstrip('/')}?")
    assert (await http.get(own)).text == answer.text
    assert found(await http.post("/_search", content=query.encode(), headers=FORM)) == found(answer)
    seen, url = [], f"?{query}&_count=2&_sort=_lastUpdated"
    while url:
        page = await http.get(url)
        seen += found(page)
        url = links(page).get("next", "")
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


async def test_bu_4_searches_over_types_and_compartments_in_a_batch(http: httpx.AsyncClient) -> None:
    entries = [{"request": {"method": "GET", "url": url}} for url in ("?_id=p", "Patient/p/Observation", "Patient/p/*")]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert [one["resource"]["total"] for one in answer.json()["entry"]] == [1, 2, 4]
