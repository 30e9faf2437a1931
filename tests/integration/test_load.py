"""The load command's work: files of every kind, through the same write path as over HTTP."""

from __future__ import annotations

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.edge import Edge
from fhir_server.links import may_be_conditional
from fhir_server.load import load
from fhir_server.store import set_settings
from resources.database import Owner

from ..conftest import FreshTenant


def patient(logical_id: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": logical_id, "birthDate": "2000-01-01", **content}


def observation(logical_id: str, reference: str) -> dict[str, Any]:
    subject = {"reference": reference}
    return {
        "resourceType": "Observation",
        "id": logical_id,
        "status": "final",
        "code": {"text": "x"},
        "subject": subject,
    }


def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    requests = {"POST": [{"method": "POST", "url": one["resourceType"]} for one in resources]}
    entries = [{"resource": one, "request": request} for one, request in zip(resources, requests["POST"], strict=True)]
    if kind not in ("transaction", "batch"):
        entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def write(path: Path, *contents: Any) -> Path:
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in contents).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture
def loading(edge: Edge, tenant: FreshTenant, http: httpx.AsyncClient) -> Any:
    async def run(*paths: Path) -> tuple[int, str]:
        await http.get("/Patient/x")
        assert edge.opened
        out = io.StringIO()
        code = await load(edge.opened, list(paths), tenant.name, out, "http://fhir.example")
        return code, out.getvalue()

    return run


async def count(http: httpx.AsyncClient, resource_type: str) -> int:
    total: int = (await http.get(f"/{resource_type}?_summary=count")).json()["total"]
    return total


async def test_files_of_every_kind(http: httpx.AsyncClient, loading: Any, tmp_path: Path) -> None:
    write(tmp_path / "one.json", patient("one"))
    write(tmp_path / "sub/two.json.gz", patient("two"))
    write(tmp_path / "lines.ndjson", patient("three"), "", patient("four"), "  ")
    write(tmp_path / "more.ndjson.gz", patient("five"), observation("o", "Patient/five"))
    write(tmp_path / "collection.json", bundle("collection", patient("six"), patient("seven")))
    write(tmp_path / "transaction.json", bundle("transaction", patient("x"), patient("y")))
    write(tmp_path / "batch.json", bundle("batch", patient("z")))
    write(tmp_path / "README.md", "# hello")
    write(tmp_path / "table.csv.gz", "a,b")
    code, said = await loading(tmp_path)
    assert code == 0, said
    assert "11 resources in" in said
    assert "0 refused, 2 files passed over" in said
    assert str(tmp_path / "README.md") in said
    assert str(tmp_path / "table.csv.gz") in said
    assert await count(http, "Patient") == 10
    for logical_id in ("one", "two", "three", "four", "five", "six", "seven"):
        assert (await http.get(f"/Patient/{logical_id}")).status_code == 200
    for logical_id in ("x", "y", "z"):  # posted: the server gave them other ids
        assert (await http.get(f"/Patient/{logical_id}")).status_code == 404


async def test_a_second_load_adds_nothing(http: httpx.AsyncClient, loading: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "lines.ndjson", *[patient(f"p{n}") for n in range(450)])
    assert (await loading(path))[0] == 0
    assert (await loading(path))[0] == 0
    assert await count(http, "Patient") == 450
    assert (await http.get("/Patient/_history?_count=0")).json()["total"] == 450


async def test_what_is_refused_is_named_and_the_rest_is_stored(
    http: httpx.AsyncClient, loading: Any, tmp_path: Path
) -> None:
    lines = [patient(f"p{n}") for n in range(5)]
    conditional = observation("o", "Patient?birthdate=2000")
    wrong = [
        patient("w", birthDate="never"),
        {"resourceType": "Patient"},
        {"resourceType": "Foo", "id": "f"},
        "{",
        conditional,
    ]
    mixed = write(tmp_path / "mixed.ndjson", *lines, *wrong)
    failing = write(tmp_path / "failing.json", bundle("transaction", patient("a"), patient("b", gender="x")))
    partly = write(tmp_path / "partly.json", bundle("batch", patient("a"), patient("b", gender="x")))
    entries = write(tmp_path / "entries.json", bundle("collection", patient("c"), patient("d", gender="x")))
    broken = write(tmp_path / "broken.json.gz", patient("e"))
    broken.write_bytes(broken.read_bytes()[:-10])
    code, said = await loading(mixed, failing, partly, entries, broken, tmp_path / "absent.json")
    assert code == 1
    assert "7 resources in" in said
    assert "10 refused" in said
    for place, why in (
        (f"{mixed}:6", "Patient.birthDate"),
        (f"{mixed}:7", "needs a resourceType and an id"),
        (f"{mixed}:8", "'Foo' is not a resource type"),
        (f"{mixed}:9", "line 1"),
        (f"{mixed}:10", "only a transaction can resolve"),
        (str(failing), "Bundle.entry[1].resource.gender"),
        (f"{partly} entry[1]", "400 Bad Request"),
        (f"{entries} entry[1]", "Patient.gender"),
        (str(broken), "cannot be read"),
        (str(tmp_path / "absent.json"), "cannot be read"),
    ):
        [line] = [line for line in said.splitlines() if line.startswith(f"{place}: ")]
        assert why in line
    assert await count(http, "Patient") == 7


async def test_a_transaction_may_refer_by_condition_to_a_later_file(
    http: httpx.AsyncClient, loading: Any, tmp_path: Path
) -> None:
    identifier = [{"system": "http://x.org", "value": "1"}]
    write(tmp_path / "a.json", bundle("transaction", observation("o", "Patient?identifier=http://x.org|1")))
    write(tmp_path / "b.json", bundle("transaction", observation("o", "Patient?identifier=http://x.org|2")))
    write(tmp_path / "c.json", bundle("transaction", patient("x", identifier=identifier)))
    code, said = await loading(tmp_path)
    assert code == 1
    assert "1 refused" in said
    [line] = [line for line in said.splitlines() if line.startswith(str(tmp_path / "b.json"))]
    assert "matches no resource" in line
    assert (await count(http, "Observation"), await count(http, "Patient")) == (1, 1)


async def test_one_id_twice_is_two_versions(http: httpx.AsyncClient, loading: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "lines.ndjson", patient("p"), patient("p", active=True), patient("p", active=True))
    assert (await loading(path))[0] == 0
    assert (await http.get("/Patient/p")).headers["etag"] == 'W/"2"'


async def test_the_last_of_many_versions_wins(http: httpx.AsyncClient, loading: Any, tmp_path: Path) -> None:
    """Also where it comes in a later call, which could be done sooner than the one before it."""
    versions = [patient("p", multipleBirthInteger=n) for n in range(200)]
    others = [patient(f"o{n}") for n in range(10)]
    path = write(tmp_path / "lines.ndjson", *versions, patient("p", active=True), *others)
    assert (await loading(path))[0] == 0
    found = await http.get("/Patient/p")
    assert (found.json().get("active"), found.headers["etag"]) == (True, 'W/"201"')


async def test_what_is_no_file_or_no_bundle_is_refused(loading: Any, tmp_path: Path) -> None:
    """A folder whose name was mistyped is not passed over in silence; neither is a Bundle that cannot be read."""
    absent = tmp_path / "foldr"
    wrong = write(tmp_path / "wrong.json", {"resourceType": "Bundle", "type": "collection", "entry": {"resource": {}}})
    code, said = await loading(absent, wrong)
    assert code == 1
    assert "2 refused, 0 files passed over" in said
    assert f"{absent}: cannot be read" in said
    assert f"{wrong}: 400 Bundle.entry is not a list" in said


@pytest.mark.parametrize("last", [[], [observation("o", "Patient?birthdate=2000")]])
async def test_the_text_of_a_bundle_is_not_looked_through_for_every_entry(
    loading: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: list[dict[str, Any]]
) -> None:
    """Or else the time would grow with the square of its size."""
    looked = 0

    def counted(text: bytes) -> bool:
        nonlocal looked
        looked += len(text)
        return may_be_conditional(text)

    for module in ("planning", "load"):
        monkeypatch.setattr(f"fhir_server.{module}.may_be_conditional", counted)
    path = write(tmp_path / "collection.json", bundle("collection", *(patient(f"p{n}") for n in range(300)), *last))
    assert (await loading(path))[0] == len(last)
    assert looked <= 2 * path.stat().st_size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_on_a_terminal_a_bar_moves(
    edge: Edge, tenant: FreshTenant, http: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await http.get("/Patient/x")
    ticks = iter(range(100_000))
    monkeypatch.setattr("fhir_server.load.time.monotonic", lambda: next(ticks))
    for name in ("a", "b"):
        write(tmp_path / f"{name}.ndjson", patient(name))
    out = Terminal()
    assert edge.opened
    assert await load(edge.opened, [tmp_path], tenant.name, out) == 0
    assert "[###############               ]  50%" in out.getvalue()
    assert "100%" in out.getvalue()


async def test_bundles_that_write_the_same_resource_are_all_loaded(
    loading: Any, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Several are under way at once: one that loses a race is done again."""
    await http.put("/Patient/p", json=patient("p", name=[{"given": ["x"]}]))
    bundles = []
    for n in range(30):
        data = base64.b64encode(json.dumps([{"op": "add", "path": "/name/0/given/-", "value": str(n)}]).encode())
        patch = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data.decode()}
        entry = {"resource": patch, "request": {"method": "PATCH", "url": "Patient/p"}}
        bundles.append({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    code, said = await loading(write(tmp_path / "bundles.ndjson", *bundles))
    assert code == 0, said
    assert len((await http.get("/Patient/p")).json()["name"][0]["given"]) == 31


async def test_what_the_tenant_asks_on_write_is_asked(
    http: httpx.AsyncClient, loading: Any, tmp_path: Path, owner: Owner, tenant: FreshTenant, edge: Edge
) -> None:
    await set_settings(owner, tenant.name, {"validation": "reject"})
    await http.get("/metadata")
    assert edge.opened
    await edge.opened.tenants.reload()
    broken = patient("broken", contact=[{"gender": "female"}])  # pat-1
    code, said = await loading(write(tmp_path / "Patient.ndjson", patient("sound"), broken))
    assert code == 1
    assert "pat-1" in said
    assert (await http.get("/Patient/sound")).status_code == 200
    assert (await http.get("/Patient/broken")).status_code == 404
