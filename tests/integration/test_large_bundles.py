"""Bundles of ten thousand entries: no fixed limit of entries, and memory that follows the size of the body (BU-5)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from ..serving import serve

ENTRIES = 10_000
MOST = 35  # times the bytes of the body: the tree, the plans, the arguments of the statement, the answer
SYSTEM = "http://hospital.example.org/mrn"


def entries() -> list[dict[str, Any]]:
    """A conditional create of a patient, then nineteen observations that refer to it, and so on."""
    out = []
    for n in range(ENTRIES):
        patient = f"urn:uuid:00000000-0000-4000-8000-{n // 20:012x}"
        if n % 20 == 0:
            resource = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": str(n)}]}
            asked = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={SYSTEM}|{n}"}
            out.append({"fullUrl": patient, "resource": resource, "request": asked})
        else:
            resource = {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                "subject": {"reference": patient},
                "effectiveDateTime": "2026-03-01T08:30:00+01:00",
                "valueQuantity": {"value": 71.30, "system": "http://unitsofmeasure.org", "code": "kg"},
                "note": [{"text": "x" * 400}],
            }
            out.append({"resource": resource, "request": {"method": "POST", "url": "Observation"}})
    return out


def peak(serving_pid: int) -> int:
    """Bytes that the largest process of the server has had in memory at once, the database left out."""
    peaks = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it has ended
            continue
        if lines["Name"].strip().startswith("python") and lines["PPid"].strip() == str(serving_pid):
            peaks.append(int(lines["VmHWM"].split()[0]) * 1024)
    return max(peaks)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_bu_5_ten_thousand_entries_in_bounded_memory(tmp_path: Path) -> None:
    body = orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries()})
    headers = {"content-type": "application/fhir+json", "prefer": "return=minimal"}
    with (
        serve(tmp_path / "data", "--port", "0") as serving,
        httpx.Client(base_url=serving.base, timeout=120, headers=headers) as http,
    ):
        before = peak(serving.process.pid)
        answer = http.post("", content=body)
        assert answer.status_code == 200, answer.text[:500]
        assert {one["response"]["status"] for one in answer.json()["entry"]} == {"201 Created"}
        grown = peak(serving.process.pid) - before
        assert grown < MOST * len(body), f"{grown / len(body):.0f} times the body"
        assert http.get("/Observation?_summary=count").json()["total"] == ENTRIES - ENTRIES // 20
        again = http.post("", content=body)
        assert [one["response"]["status"] for one in again.json()["entry"][::20]] == ["200 OK"] * (ENTRIES // 20)
        assert http.get("/Patient?_summary=count").json()["total"] == ENTRIES // 20
