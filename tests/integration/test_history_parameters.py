"""What the parameters of a history leave in it: `_at`, `_sort`, `_list`, alone and together. HI-3 to HI-5."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from .test_history import PAST_OF_PATIENT, past, put, seen

__all__ = ["past"]

PATHS = ("/_history", "/Patient/_history", "/Patient/a/_history")
LENIENT = {"Prefer": "handling=lenient"}
HERE = "{base}/Patient/b"  # an absolute reference to this server


def links_of(bundle: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in bundle["link"]}


async def whole(http: httpx.AsyncClient, url: str) -> tuple[list[tuple[str, str, str]], int]:
    """The entries of all pages, and the total that the first has."""
    bundle = (await http.get(url)).json()
    total, entries = bundle["total"], seen(bundle)
    while following := links_of(bundle).get("next"):
        bundle = (await http.get(following)).json()
        assert "total" not in bundle
        entries += seen(bundle)
    return entries, total


async def of(http: httpx.AsyncClient, path: str) -> list[tuple[str, str, datetime]]:
    """Resource, version and instant of every version, newest first."""
    entries = (await http.get(f"{path}?_count=1000")).json()["entry"]
    return [
        (*one[1:], datetime.fromisoformat(entry["response"]["lastModified"]))
        for one, entry in zip(seen({"entry": entries}), entries, strict=True)
    ]


async def list_of(http: httpx.AsyncClient, logical_id: str, *references: str, deleted: str = "") -> None:
    entries: list[dict[str, Any]] = [{"item": {"reference": one}} for one in references]
    if deleted:
        entries.append({"item": {"reference": deleted}, "deleted": True})
    body = {"resourceType": "List", "id": logical_id, "status": "current", "mode": "changes", "entry": entries}
    answer = await http.put(f"/List/{logical_id}", json=body)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.usefixtures("past")
async def test_hi_3_at_a_moment_what_was_current_then_also_if_written_before(http: httpx.AsyncClient) -> None:
    versions = await of(http, "/Patient/_history")
    ends: dict[tuple[str, str], datetime] = {}
    for place, version_id, _ in versions:
        later = [moment for other, n, moment in versions if other == place and int(n) == int(version_id) + 1]
        if later:
            ends[place, version_id] = later[0]
    for _, _, moment in versions:
        for instant in (moment - timedelta(milliseconds=1), moment, moment + timedelta(milliseconds=1)):
            after = instant + timedelta(milliseconds=1)
            wanted = [
                (place, version_id)
                for place, version_id, written in versions
                if written < after and ends.get((place, version_id), after) > instant
            ]
            text = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            entries, total = await whole(http, f"/Patient/_history?_at={text}&_count=2")
            assert ([one[1:] for one in entries], total) == (wanted, len(wanted))
            east = (instant + timedelta(hours=2)).isoformat(timespec="milliseconds").replace("+00:00", "+02:00")
            for same in (quote(east), east):  # a plus is a space once it is decoded
                assert (await whole(http, f"/Patient/_history?_at={same}"))[0] == entries


@pytest.mark.usefixtures("past")
async def test_hi_3_at_a_period_as_wide_as_it_is_precise(http: httpx.AsyncClient) -> None:
    written = (await of(http, "/Patient/_history"))[0][2]
    for form in ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M"):
        entries, total = await whole(http, f"/Patient/_history?_at={written.strftime(form)}")
        if form in ("%Y", "%Y-%m"):  # all of it was written in the same month, unless the test runs over its end
            assert (entries, total) == (PAST_OF_PATIENT, 5)
        assert entries[:2] == PAST_OF_PATIENT[:2]
    for nothing in ("1999", "0001", "0001-01-01T00:00:00+14:00"):
        assert await whole(http, f"/Patient/_history?_at={nothing}") == ([], 0)
    # What is current now is what will be, as far as is known.
    for always in ("9999", "9999-12-31", f"{written.year + 1}"):
        assert await whole(http, f"/Patient/_history?_at={always}") == (PAST_OF_PATIENT[:2], 2)
    assert await whole(http, f"/Patient/b/_history?_at={written.year + 1}") == ([("PUT", "Patient/b", "2")], 1)


@pytest.mark.usefixtures("past")
async def test_hi_3_two_together_both_hold(http: httpx.AsyncClient) -> None:
    [(*_, deleted), (*_, second), *_] = await of(http, "/Patient/_history")
    since = second.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    at = (deleted + timedelta(days=1)).date()
    assert (await whole(http, f"/Patient/_history?_since={since}&_at={at}"))[0] == PAST_OF_PATIENT[:2]
    assert await whole(http, f"/Patient/a/_history?_since={since}&_at={at}") == (PAST_OF_PATIENT[:1], 1)
    since = deleted.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert await whole(http, f"/Patient/_history?_since={since}&_at={at}") == (PAST_OF_PATIENT[:1], 1)
    assert await whole(http, f"/Patient/_history?_since={since}&_at=1999") == ([], 0)
    await list_of(http, "l", "Patient/b", "Organization/o")
    assert await whole(http, f"/Patient/_history?_since={since}&_list=l") == ([], 0)
    assert await whole(http, f"/Patient/_history?_at={at}&_list=l&_sort=_lastUpdated") == (PAST_OF_PATIENT[1:2], 1)


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("count", [1, 2, 3, 100])
@pytest.mark.parametrize("path", PATHS)
async def test_hi_4_sorted_both_ways_over_pages_both_ways(http: httpx.AsyncClient, path: str, count: int) -> None:
    newest_first = seen((await http.get(path)).json())
    for sort, wanted in (
        ("-_lastUpdated", newest_first),
        ("none", newest_first),
        ("_lastUpdated", newest_first[::-1]),
    ):
        url = f"{path}?_sort={sort}&_count={count}"
        assert await whole(http, url) == (wanted, len(wanted))
        bundle = (await http.get(url)).json()
        first = bundle
        assert {"first", "previous"}.isdisjoint(links_of(bundle))
        while following := links_of(bundle).get("next"):
            bundle = (await http.get(following)).json()
        back = seen(bundle)
        while before := links_of(bundle).get("previous"):
            assert seen((await http.get(links_of(bundle)["first"])).json()) == seen(first)
            bundle = (await http.get(before)).json()
            assert len(seen(bundle)) <= count
            back = seen(bundle) + back
            assert seen((await http.get(links_of(bundle)["next"])).json()) == back[len(seen(bundle)) :][:count]
        assert back == wanted


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated"])
async def test_hi_4_pages_at_a_moment_are_stable_while_others_write(http: httpx.AsyncClient, sort: str) -> None:
    await asyncio.sleep(0.005)
    moment = (await http.get("/Organization/o")).json()["meta"]["lastUpdated"]
    url = f"/_history?_at={moment}&_sort={sort}&_count=1"
    wanted, _ = await whole(http, url)
    assert len(wanted) == 3
    bundle, paged, number = (await http.get(url)).json(), [], 10
    while True:
        paged += seen(bundle)
        following = links_of(bundle).get("next")
        if not following:
            break
        for logical_id in ("a", "b"):
            await put(http, logical_id, number)
        await http.delete("/Organization/o")
        number += 1
        bundle = (await http.get(following)).json()
    assert paged == wanted


@pytest.mark.usefixtures("past")
async def test_hi_3_the_resources_of_a_list(http: httpx.AsyncClient) -> None:
    base = str(http.base_url).rstrip("/")
    await list_of(
        http, "l", f"{base}/Patient/b", "Organization/o/_history/1", "Patient/never", "Patient/b", deleted="Patient/a"
    )
    of_b = [one for one in PAST_OF_PATIENT if one[1] == "Patient/b"]
    assert await whole(http, "/_history?_list=l&_count=1") == ([("PUT", "Organization/o", "1"), *of_b], 3)
    assert await whole(http, "/Patient/_history?_list=l") == (of_b, 2)
    assert await whole(http, "/Observation/_history?_list=l") == ([], 0)
    assert await whole(http, "/Patient/b/_history?_list=l&_sort=_lastUpdated") == (of_b[::-1], 2)
    assert await whole(http, "/Patient/a/_history?_list=l") == ([], 0)
    assert (await http.get("/Patient/never/_history?_list=l")).status_code == 404
    assert (await http.get("/_history?_list=l&_summary=count")).json()["total"] == 3


@pytest.mark.usefixtures("past")
async def test_hi_4_all_pages_are_of_the_same_version_of_a_list(http: httpx.AsyncClient) -> None:
    await list_of(http, "l", "Patient/a")
    bundle = (await http.get("/_history?_list=l&_count=1")).json()
    await list_of(http, "l", "Organization/o")
    entries = seen(bundle)
    while following := links_of(bundle).get("next"):
        bundle = (await http.get(following)).json()
        entries += seen(bundle)
    assert entries == [one for one in PAST_OF_PATIENT if one[1] == "Patient/a"]
    await http.delete("/List/l")
    for path in PATHS:
        answer = await http.get(f"{path}?_list=l")
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "not-found")


@pytest.mark.usefixtures("past")
async def test_ur_6_a_list_of_another_tenant_is_as_one_that_never_was(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient
) -> None:
    await list_of(http, "l", "Patient/a")
    hidden = await other_http.get("/_history?_list=l")
    absent = await other_http.get("/_history?_list=m")
    assert hidden.status_code == absent.status_code == 400
    assert hidden.content == absent.content.replace(b"_list=m", b"_list=l")
    await list_of(other_http, "l", "Patient/a", f"{str(http.base_url).rstrip('/')}/Patient/b")
    assert await whole(other_http, "/_history?_list=l") == ([], 0)
    assert await whole(other_http, "/Patient/_history?_at=9999") == ([], 0)


@pytest.mark.usefixtures("past")
@pytest.mark.parametrize("path", PATHS)
async def test_hi_3_what_is_unknown_is_named_or_ignored(http: httpx.AsyncClient, path: str) -> None:
    refused = await http.get(f"{path}?nothing=1")
    assert refused.status_code == 400
    [issue] = refused.json()["issue"]
    assert issue["code"] == "not-supported"
    for known in ("nothing", "_since", "_at", "_count", "_sort", "_list"):
        assert known in issue["diagnostics"]
    ignored = await http.get(f"{path}?nothing=1&_since:missing=true&_count=1&_pretty=true", headers=LENIENT)
    assert ignored.status_code == 200
    assert ignored.headers["preference-applied"] == "handling=lenient"
    bundle = ignored.json()
    assert seen(bundle) == seen((await http.get(f"{path}?_count=1")).json())
    for url in links_of(bundle).values():
        assert "nothing" not in url
        assert "missing" not in url
        assert "_count=1" in url
        assert "_pretty=true" in url
    # What is known must be right even so.
    for wrong in ("_at=yesterday", "_count=x", "_sort=_id", "_since=2020", "_count=1&_count=1"):
        assert (await http.get(f"{path}?{wrong}", headers=LENIENT)).status_code == 400


@pytest.mark.usefixtures("past")
async def test_hi_4_a_page_link_is_of_its_own_criteria(http: httpx.AsyncClient) -> None:
    url = links_of((await http.get("/Patient/_history?_count=1&_at=2999")).json())["next"]
    assert (await http.get(url)).status_code == 200
    for other in (url.replace("_at=2999", "_at=2998"), url.replace("_at=2999&", ""), f"{url}&_sort=_lastUpdated"):
        assert (await http.get(other)).status_code == 400


@pytest.mark.usefixtures("past")
async def test_hi_3_parameters_work_in_bundles_and_for_head(http: httpx.AsyncClient) -> None:
    urls = ["Patient/_history?_at=9999&_sort=_lastUpdated", "Patient/a/_history?_count=1", "_history?_at=never"]
    body = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": u}} for u in urls],
    }
    answers = (await http.post("", json=body)).json()["entry"]
    assert [answer["response"]["status"][:3] for answer in answers] == ["200", "200", "400"]
    for url, answer in zip(urls[:2], answers, strict=False):
        assert seen(answer["resource"]) == seen((await http.get(f"/{url}")).json())
        head = await http.head(f"/{url}")
        assert (head.status_code, head.content) == (200, b"")
