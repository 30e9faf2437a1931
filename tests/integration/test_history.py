"""history on a resource, a type and the tenant: HI-1 to HI-6."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest


async def put(http: httpx.AsyncClient, logical_id: str, number: int, resource_type: str = "Patient") -> httpx.Response:
    body = {"resourceType": resource_type, "id": logical_id, "identifier": [{"value": str(number)}]}
    answer = await http.put(f"/{resource_type}/{logical_id}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer


def seen(bundle: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Method, full URL below the base and version of every entry."""
    return [
        (entry["request"]["method"], "/".join(entry["fullUrl"].split("/")[-2:]), entry["response"]["etag"][3:-1])
        for entry in bundle.get("entry", ())
    ]


@pytest.fixture
async def past(http: httpx.AsyncClient) -> None:
    for number in (1, 2):
        await put(http, "a", number)
        await put(http, "b", number)
    await http.delete("/Patient/a")
    await put(http, "o", 1, "Organization")


PAST_OF_PATIENT = [
    ("DELETE", "Patient/a", "3"),
    ("PUT", "Patient/b", "2"),
    ("PUT", "Patient/a", "2"),
    ("PUT", "Patient/b", "1"),
    ("PUT", "Patient/a", "1"),
]
PAST = [("PUT", "Organization/o", "1"), *PAST_OF_PATIENT]


@pytest.mark.usefixtures("past")
async def test_hi_1_three_levels_newest_first_with_deletions(http: httpx.AsyncClient) -> None:
    for path, expected in (
        ("/_history", PAST),
        ("/Patient/_history", PAST_OF_PATIENT),
        ("/Patient/a/_history", [one for one in PAST if one[1] == "Patient/a"]),
        ("/Observation/_history", []),
    ):
        answer = await http.get(path)
        assert answer.status_code == 200
        bundle = answer.json()
        assert (bundle["type"], bundle["total"]) == ("history", len(expected))
        assert seen(bundle) == expected


@pytest.mark.usefixtures("past")
async def test_hi_2_entries_say_what_was_asked_and_what_came_of_it(http: httpx.AsyncClient) -> None:
    created = await http.post("/Patient", json={"resourceType": "Patient"})
    newest, *_, deletion = (await http.get("/_history?_count=3")).json()["entry"]
    base = str(http.base_url).rstrip("/")
    assert newest["fullUrl"] == f"{base}/Patient/{created.json()['id']}"
    assert newest["request"] == {"method": "POST", "url": "Patient"}
    assert newest["response"]["status"].startswith("201")
    assert newest["response"]["lastModified"] == created.json()["meta"]["lastUpdated"]
    assert newest["resource"] == created.json()
    assert deletion["request"] == {"method": "DELETE", "url": "Patient/a"}
    assert deletion["response"]["status"].startswith("204")
    assert "resource" not in deletion


async def test_hi_2_a_status_is_the_one_that_was_answered(http: httpx.AsyncClient) -> None:
    """201 also where an update brought back what had been deleted."""
    path, answered = "/Patient/a", []
    for number in (1, 2, None, 2, 3, None, 3):
        done = await (http.delete(path) if number is None else put(http, "a", number))
        answered.append(done.status_code)
    assert answered == [201, 200, 204, 201, 200, 204, 201]
    for history in ("/_history", "/Patient/_history", f"{path}/_history"):
        entries = (await http.get(history)).json()["entry"]
        assert [int(entry["response"]["status"][:3]) for entry in reversed(entries)] == answered
        assert {entry["request"]["method"] for entry in entries} == {"PUT", "DELETE"}


@pytest.mark.usefixtures("past")
async def test_hi_3_since_an_instant_versions_written_at_or_after_it(http: httpx.AsyncClient) -> None:
    moment = (await http.get("/Patient/a/_history/2")).json()["meta"]["lastUpdated"]
    bundle = (await http.get(f"/Patient/_history?_since={moment}")).json()
    assert seen(bundle) == PAST_OF_PATIENT[:3]
    assert bundle["total"] == 3
    east = moment.replace("Z", "+00:00")
    assert seen((await http.get(f"/Patient/a/_history?_since={quote(east)}")).json())[-1] == ("PUT", "Patient/a", "2")
    assert seen((await http.get(f"/Patient/a/_history?_since={east}")).json())[-1] == ("PUT", "Patient/a", "2")
    counted = (await http.get(f"/Patient/a/_history?_since={moment}&_summary=count")).json()
    assert counted["total"] == 2
    later = (await http.get("/Patient/a/_history?_since=2999-01-01T00:00:00Z")).json()
    assert (later["total"], seen(later)) == (0, [])


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize(
    "query",
    [
        "_since=yesterday",
        "_since=2020-01-01",
        "_since=2020-13-01T00:00:00Z",
        "_since=2020-01-01T00:00:00Z&_since=2020-01-01T00:00:00Z",
        "_since:missing=true",
        "_count=-1",
        "_count=x",
        "_count=1&_count=2",
        "_at=yesterday",
        "_at=ge2020",
        "_at=2020-13",
        "_at=",
        "_at=2020&_at=2021",
        "_at:missing=true",
        "_list=1",
        "_list=$current-allergies",
        "_list=",
        "_list=a&_list=a",
        "_sort=_lastUpdated&_sort=none",
        "_sort=",
        "_sort=_id",
        "_summary=maybe",
        "_elements=nothing",
        "_elements=",
        "_page=nonsense",
        "nothing=1",
    ],
)
async def test_hi_3_each_parameter_once_and_well_formed(http: httpx.AsyncClient, query: str) -> None:
    for path in ("/_history", "/Patient/_history", "/Patient/a/_history"):
        answer = await http.get(f"{path}?{query}")
        assert answer.status_code == 400
        name = query.partition("=")[0]
        assert name in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("path", ["/_history", "/Patient/_history", "/Patient/b/_history"])
@pytest.mark.parametrize("count", [1, 2, 5])
async def test_hi_4_pages_are_stable_while_others_write(http: httpx.AsyncClient, path: str, count: int) -> None:
    whole = seen((await http.get(path)).json())
    paged, url = [], f"{path}?_count={count}&_format=json"
    for number in range(100):
        bundle = (await http.get(url)).json()
        paged += seen(bundle)
        assert len(bundle.get("entry", ())) <= count
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        if number == 0:
            assert bundle["total"] == len(whole)
        if "next" not in links:
            break
        assert "_format=json" in links["next"]
        url = links["next"]
        await put(http, "b", 100 + number)
    assert paged == whole


@pytest.mark.usefixtures("past")
async def test_su_4_a_part_of_each_version(http: httpx.AsyncClient) -> None:
    for path in ("/_history", "/Patient/_history", "/Patient/a/_history"):
        bundle = (await http.get(f"{path}?_elements=id&_count=2")).json()
        assert seen(bundle) == seen((await http.get(f"{path}?_count=2")).json())
        for entry in bundle["entry"]:
            if "resource" in entry:
                assert set(entry["resource"]) <= {"resourceType", "id", "meta", "active", "status", "code"}
        [url] = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        assert "_elements=id" in url
        assert (await http.get(url)).status_code == 200


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("query", ["_count=0", "_summary=count"])
async def test_hi_4_only_the_total(http: httpx.AsyncClient, query: str) -> None:
    for path, total in (("/_history", 6), ("/Patient/_history", 5), ("/Patient/a/_history", 3)):
        bundle = (await http.get(f"{path}?{query}")).json()
        assert (bundle["total"], bundle.get("entry")) == (total, None)
        assert [link["relation"] for link in bundle["link"]] == ["self"]


@pytest.mark.usefixtures("past")
async def test_hi_4_a_page_link_is_of_its_own_history_and_tenant(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    bundle = (await http.get("/Patient/_history?_count=1")).json()
    page = {link["relation"]: link["url"] for link in bundle["link"]}["next"].partition("_page=")[2]
    assert (await http.get(f"/Patient/_history?_page={page}")).status_code == 200
    for client, path in ((http, "/_history"), (http, "/Patient/a/_history"), (other_http, "/Patient/_history")):
        assert (await client.get(f"{path}?_page={page}")).status_code == 400
    assert (await http.get(f"/Patient/_history?_page=A{page[1:]}")).status_code == 400


async def test_hi_5_unknown_ids_and_empty_types(http: httpx.AsyncClient) -> None:
    assert (await http.get("/Patient/never/_history")).status_code == 404
    assert (await http.get("/Patient/never/_history?_count=0")).status_code == 404
    assert (await http.get("/Patient/_history")).json()["total"] == 0


@pytest.mark.usefixtures("past")
async def test_hi_6_past_versions_cannot_be_changed(http: httpx.AsyncClient) -> None:
    for method in ("PUT", "DELETE", "POST", "PATCH"):
        answer = await http.request(method, "/Patient/a/_history/1", json={"resourceType": "Patient", "id": "a"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
