"""Seventy synthetic patients: what is sent is what is stored, by POST and by `load`, in one tenant and in two."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from ..serving import Serving, run, serve
from ..suites import DATA

pytestmark = pytest.mark.suite("synthea")
BUNDLES = DATA / "synthea/bundles"
NDJSON = DATA / "synthea/ndjson"


def sent() -> tuple[list[bytes], Counter[str]]:
    """The Bundles, hospitals and practitioners among them, and how many entries of each type they hold."""
    texts = [gzip.decompress(path.read_bytes()) for path in sorted(BUNDLES.glob("*.gz"), key=lambda path: bytes(path))]
    types = Counter(entry["resource"]["resourceType"] for text in texts for entry in orjson.loads(text)["entry"])
    return texts, types


def stored(base: str, types: Counter[str]) -> Counter[str]:
    with httpx.Client(timeout=60) as client:
        return Counter({t: client.get(f"{base}/{t}?_summary=count").raise_for_status().json()["total"] for t in types})


def versions(base: str) -> int:
    return int(httpx.get(f"{base}/_history?_summary=count", timeout=60).raise_for_status().json()["total"])


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serve(tmp_path_factory.mktemp("synthea") / "data") as serving:
        yield serving


def tenant(serving: Serving, name: str) -> str:
    """Base URL of a new tenant."""
    assert run("tenant", "create", name, "--data-dir", str(serving.data_dir)).returncode == 0
    return serving.of(name)


def load(serving: Serving, name: str, *paths: Path) -> str:
    done = run("load", *map(str, paths), "--tenant", name, "--data-dir", str(serving.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


def test_every_bundle_posted_to_the_base_is_stored_whole(serving: Serving) -> None:
    """Entries stored equal entries sent, by type; every reference was rewritten to a stored resource."""
    base = tenant(serving, "posted")
    texts, types = sent()
    with httpx.Client(timeout=120) as client:
        for text in texts:
            answer = client.post(base, content=text, headers={"Content-Type": "application/fhir+json"})
            assert answer.status_code == 200, answer.text
            statuses = {entry["response"]["status"] for entry in answer.json()["entry"]}
            assert statuses == {"201 Created"}
        assert stored(base, types) == types
        page = client.get(f"{base}/Observation?_count=200").json()
        assert len(page["entry"]) == 200
        for entry in page["entry"]:
            assert client.get(f"{base}/{entry['resource']['subject']['reference']}").status_code == 200


def test_every_bundle_loads_by_command(serving: Serving) -> None:
    base = tenant(serving, "loaded")
    load(serving, "loaded", BUNDLES)
    _, types = sent()
    assert stored(base, types) == types


def test_ndjson_loads_into_two_tenants_and_a_second_load_adds_nothing(serving: Serving) -> None:
    """The same 25,677 ids in two tenants, and nothing crosses."""
    bases = [tenant(serving, name) for name in ("first", "second")]
    load(serving, "first", NDJSON)
    assert versions(bases[0]) == 25_677
    assert versions(bases[1]) == 0
    patient = httpx.get(f"{bases[0]}/Patient?_count=1").json()["entry"][0]["resource"]["id"]
    assert httpx.get(f"{bases[1]}/Patient/{patient}").status_code == 404
    load(serving, "second", NDJSON)
    load(serving, "second", NDJSON)
    assert [versions(base) for base in bases] == [25_677, 25_677]
    of_first, of_second = (httpx.get(f"{base}/Patient/{patient}").json() for base in bases)
    assert of_first.pop("meta") != {}
    assert of_second.pop("meta")["versionId"] == "1"
    assert of_first == of_second
