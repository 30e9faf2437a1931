"""The script that makes the data of HL7's terminology. FHIR_SERVER_HL7_PACKAGE lets it build again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from terminology.data import build

PACKAGE = os.environ.get("FHIR_SERVER_HL7_PACKAGE")
COLOURS: dict[str, Any] = {
    "resourceType": "CodeSystem", "url": "http://example.org/colours", "version": "1", "status": "active", "text": {},
    "content": "complete", "valueSet": "http://example.org/all", "contact": [], "concept": [{"code": "grün"}],
}  # fmt: skip


def test_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="sha256"):
        build.read_package(tmp_path / "other.tgz")


def test_narrative_and_provenance_are_dropped_and_extensions_but_those_that_are_read() -> None:
    kept = {"url": "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status", "valueCode": "draft"}
    other = {"url": "http://example.org/x", "valueCode": "y"}
    expected = {name: value for name, value in COLOURS.items() if name not in ("text", "contact")}
    assert build.trimmed({**COLOURS, "extension": [other]}) == expected
    assert build.trimmed({**COLOURS, "extension": [other, kept]}) == {**expected, "extension": [kept]}


@pytest.mark.parametrize("url", ["http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10"])
def test_concepts_that_may_not_be_passed_on_stop_the_script(url: str) -> None:
    code_system: dict[str, Any] = {"resourceType": "CodeSystem", "url": url, "content": "not-present"}
    assert build.trimmed(code_system) == code_system
    with pytest.raises(SystemExit, match="licence"):
        build.trimmed({**code_system, "concept": [{"code": "1"}]})


def test_a_decimal_stops_the_script() -> None:
    with pytest.raises(SystemExit, match="decimal"):
        json.loads("1.50", parse_float=build.exact)


def test_the_index_points_to_each_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SIZE", 300)
    resources = [{**COLOURS, "url": f"http://example.org/{number}"} for number in range(5)]
    index, texts = build.members(resources)
    assert len(texts) > 1
    for entry, resource in zip(index, resources, strict=True):
        member, line = entry["at"]
        assert json.loads(texts[member].split("\n")[line]) == resource
        assert entry["valueSet"] == "http://example.org/all"
        assert "concept" not in entry


def test_the_same_input_gives_the_same_bytes() -> None:
    assert build.zipped(*build.members([COLOURS])) == build.zipped(*build.members([dict(COLOURS)]))


@pytest.mark.skipif(not PACKAGE, reason="FHIR_SERVER_HL7_PACKAGE does not name the official package")
def test_the_committed_file_is_made_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed = build.OUT.read_bytes()
    monkeypatch.setattr(build, "OUT", tmp_path / "hl7.zip")
    build.main(Path(str(PACKAGE)))
    assert (tmp_path / "hl7.zip").read_bytes() == committed
