"""The script that makes the data file: what it keeps, drops and refuses. FHIR_SERVER_R4_PACKAGE lets it build again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resources.data import build

from .... import examples

PACKAGE = os.environ.get("FHIR_SERVER_R4_PACKAGE")


def test_another_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="sha256"):
        build.read_package(tmp_path / "other.tgz")


def test_a_structure_keeps_what_the_server_reads() -> None:
    element = {
        "id": "X.a", "path": "X.a", "min": 0, "definition": "long", "comment": "longer", "fixedCode": "c",
        "binding": {"strength": "required", "valueSet": "http://example.org/v", "description": "d"},
        "constraint": [{"key": "x-1", "severity": "error", "human": "h", "expression": "e", "xpath": "p"}],
    }  # fmt: skip
    structure = {
        "resourceType": "StructureDefinition", "name": "X", "text": {"div": "<div/>"}, "mapping": [],
        "snapshot": {"element": [element]}, "differential": {"element": []},
    }  # fmt: skip
    kept = {
        "id": "X.a", "path": "X.a", "min": 0, "fixedCode": "c",
        "binding": {"strength": "required", "valueSet": "http://example.org/v"},
        "constraint": [{"key": "x-1", "severity": "error", "human": "h", "expression": "e"}],
    }  # fmt: skip
    assert build.trimmed(structure) == {
        "resourceType": "StructureDefinition", "name": "X", "snapshot": {"element": [kept]},
    }  # fmt: skip


def test_other_resources_lose_narrative_and_provenance() -> None:
    value_set = {"resourceType": "ValueSet", "url": "u", "text": {}, "contact": [], "compose": {"include": []}}
    assert build.trimmed(value_set) == {"resourceType": "ValueSet", "url": "u", "compose": {"include": []}}


@pytest.mark.parametrize("url", ["http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10"])
def test_concepts_that_may_not_be_passed_on_stop_the_script(url: str) -> None:
    code_system: dict[str, Any] = {"resourceType": "CodeSystem", "url": url, "content": "not-present"}
    assert build.trimmed(code_system) == code_system
    with pytest.raises(SystemExit, match="licence"):
        build.trimmed({**code_system, "concept": [{"code": "1"}]})


def test_codes_are_those_of_whole_expansions() -> None:
    def structure(strength: str, url: str) -> dict[str, Any]:
        return {"snapshot": {"element": [{"binding": {"strength": strength, "valueSet": url}}, {}]}}

    leaf = {"system": "s", "code": "leaf"}
    expansions = {
        "whole": {
            "contains": [{"system": "s", "code": "top", "abstract": True, "contains": [leaf]}, {"contains": [leaf]}]
        },
        "costly": {"contains": [leaf], "extension": [{"url": "valueset-toocostly", "valueBoolean": True}]},
        "other": {"contains": [leaf]},
        "empty": {},
    }
    bundle = {"entry": [{"resource": {"url": url, "expansion": found}} for url, found in expansions.items()]}
    structures = {
        url: structure("extensible" if url == "other" else "required", f"{url}|4.0.1") for url in (*expansions, "none")
    }
    assert build.required_codes(structures, msgspec.json.encode(bundle)) == {"whole": {"s": ["leaf", "leaf"]}}


def test_the_same_input_gives_the_same_bytes() -> None:
    members = {"a.json": {"x": 1, "é": "ü"}, "b.json": []}
    assert build.zipped(members) == build.zipped(dict(members))


def test_examples_are_all_that_is_no_definition() -> None:
    names = [name for name, _ in examples.examples()]
    assert len(names) == len(set(names)) == 825
    assert {"Patient-example.json", "SearchParameter-filter.json", "Bundle-valueset-expansions.json"} <= set(names)
    assert not {"StructureDefinition-Patient.json", "Bundle-resources.json", "ValueSet-address-use.json"} & set(names)


@pytest.mark.skipif(not PACKAGE, reason="FHIR_SERVER_R4_PACKAGE does not name the official package")
def test_the_committed_files_are_made_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed = [build.ROOT / "resources/data/r4.zip", examples.ARCHIVE]
    (tmp_path / "resources/data").mkdir(parents=True)
    (tmp_path / "tests/data").mkdir(parents=True)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    build.main(Path(str(PACKAGE)))
    for path in committed:
        made = (tmp_path / path.relative_to(Path(__file__).parents[4])).read_bytes()
        assert made == path.read_bytes(), path.name
