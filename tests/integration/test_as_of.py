"""`_asOf` on read: the version that was current at an instant. RD-1 to RD-4, issue 4 point 7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

Life = dict[int, datetime]  # version id → when it was written
MS = timedelta(milliseconds=1)


def text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def put(http: httpx.AsyncClient, birth_date: str) -> datetime:
    body = {"resourceType": "Patient", "id": "p", "birthDate": birth_date, "active": True, "gender": "female"}
    answer = await http.put("/Patient/p", json=body)
    assert answer.status_code in (200, 201), answer.text
    return datetime.fromisoformat(answer.json()["meta"]["lastUpdated"])


@pytest.fixture
async def life(http: httpx.AsyncClient) -> Life:
    """Written, changed, deleted (3), and written again."""
    written = {1: await put(http, "2001"), 2: await put(http, "2002")}
    await http.delete("/Patient/p")
    [deletion, *_] = (await http.get("/Patient/p/_history?_count=1")).json()["entry"]
    written[3] = datetime.fromisoformat(deletion["response"]["lastModified"])
    written[4] = await put(http, "2004")
    return written


async def test_rd_1_the_version_that_was_current_then(http: httpx.AsyncClient, life: Life) -> None:
    for version_id, written in life.items():
        until = life.get(version_id + 1, written + timedelta(days=1000))  # an instant to come means now
        for instant in {written, written + timedelta(microseconds=1), until - MS, until - timedelta(microseconds=1)}:
            for form in (instant.isoformat(), quote(instant.isoformat()), instant.isoformat().replace("+00:00", "Z")):
                answer = await http.get(f"/Patient/p?_asOf={form}")
                if version_id == 3:
                    assert answer.status_code == 410
                else:
                    assert answer.status_code == 200
                    assert answer.json() == (await http.get(f"/Patient/p/_history/{version_id}")).json()
                assert answer.headers["etag"] == f'W/"{version_id}"'
                assert answer.headers["last-modified"] == written.strftime("%a, %d %b %Y %H:%M:%S GMT")


async def test_rd_2_what_was_not_there_yet_is_404(
    http: httpx.AsyncClient, other_http: httpx.AsyncClient, life: Life
) -> None:
    for instant in (text(life[1] - MS), "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
        assert (await http.get(f"/Patient/p?_asOf={instant}")).status_code == 404, instant
    now = text(life[4])
    for path in ("/Patient/never", "/Observation/p", "/Patient/a_b"):
        assert (await http.get(f"{path}?_asOf={now}")).status_code == 404
    hidden, absent = await other_http.get(f"/Patient/p?_asOf={now}"), await other_http.get(f"/Patient/q?_asOf={now}")
    assert hidden.status_code == 404
    assert hidden.content == absent.content.replace(b"Patient/q", b"Patient/p")


@pytest.mark.parametrize(
    "value",
    ["", "2026", "2026-03-01", "2026-03-01T10:00:00", "2026-03-01T10:00Z", "2026-02-30T10:00:00Z", "now", "ge2026"],
)
async def test_an_instant_or_400(http: httpx.AsyncClient, life: Life, value: str) -> None:
    answer = await http.get(f"/Patient/p?_asOf={value}")
    assert answer.status_code == 400
    [issue] = answer.json()["issue"]
    assert issue["code"] == "value"
    assert "_asOf" in issue["diagnostics"]


async def test_once_only_and_not_on_vread(http: httpx.AsyncClient, life: Life) -> None:
    now = text(life[4])
    for query in (f"_asOf={now}&_asOf={now}", f"%5FasOf={now}&_asOf={now}"):
        assert (await http.get(f"/Patient/p?{query}")).status_code == 400
    assert (await http.get(f"/Patient/p?%5FasOf={text(life[1])}")).headers["etag"] == 'W/"1"'
    assert (await http.get(f"/Patient/p/_history/1?_asOf={now}")).status_code == 400


async def test_rd_4_conditional_as_any_read(http: httpx.AsyncClient, life: Life) -> None:
    url = f"/Patient/p?_asOf={text(life[2])}"
    for headers, status in (
        ({"If-None-Match": 'W/"2"'}, 304),
        ({"If-None-Match": 'W/"4"'}, 200),
        ({"If-Modified-Since": (await http.get(url)).headers["last-modified"]}, 304),
        ({"If-Modified-Since": "Sun, 01 Mar 2020 10:00:00 GMT"}, 200),
    ):
        answer = await http.get(url, headers=headers)
        assert (answer.status_code, answer.headers["etag"]) == (status, 'W/"2"')


async def test_rd_3_a_part_of_that_version(http: httpx.AsyncClient, life: Life) -> None:
    url = f"/Patient/p?_asOf={text(life[1])}"
    part = (await http.get(f"{url}&_elements=birthDate")).json()
    assert (part["birthDate"], "gender" in part, part["meta"]["versionId"]) == ("2001", False, "1")
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "gender" in (await http.get(f"{url}&_summary=true")).json()


async def test_hd_7_and_in_bundles(http: httpx.AsyncClient, life: Life) -> None:
    head = await http.head(f"/Patient/p?_asOf={text(life[2])}")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", 'W/"2"')
    moments = [life[1] - MS, *life.values()]
    entries = [{"request": {"method": "GET", "url": f"Patient/p?_asOf={text(one)}"}} for one in moments]
    answer = await http.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    entries = answer.json()["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == ["404", "200", "200", "410", "200"]
    assert [entry["resource"]["birthDate"] for entry in entries if "resource" in entry] == ["2001", "2002", "2004"]
    assert [entry["response"]["etag"] for entry in entries if "resource" in entry] == ['W/"1"', 'W/"2"', 'W/"4"']


async def test_an_instant_to_come_is_now(http: httpx.AsyncClient, life: Life) -> None:
    for instant in (datetime.now(UTC) + timedelta(days=1), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert (await http.get(f"/Patient/p?_asOf={text(instant)}")).headers["etag"] == 'W/"4"'
