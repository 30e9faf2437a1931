"""CodeSystem, ValueSet and ConceptMap resources from files, Bundles and packages."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.fhir import LOADER
from terminology.loaders.release import Options
from terminology.records import Concept, Parent, Row

from ....releases.files import all_records, folder, records, released

Json = dict[str, Any]
SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/robots",
    "version": "1",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "a", "display": "Arm", "concept": [{"code": "b", "display": "Hand"}]}],
}
VALUES: Json = {
    "resourceType": "ValueSet",
    "url": "http://example.org/arms",
    "status": "draft",
    "compose": {"include": [{"system": "http://example.org/robots"}]},
}
MAP: Json = {
    "resourceType": "ConceptMap",
    "url": "http://example.org/map",
    "status": "active",
    "group": [
        {
            "source": "http://example.org/robots",
            "target": "http://example.org/other",
            "element": [{"code": "a", "target": [{"code": "x", "equivalence": "wider"}]}],
        }
    ],
}
PATIENT: Json = {"resourceType": "Patient"}
XML = (
    '<?xml version="1.0"?><CodeSystem xmlns="http://hl7.org/fhir"><url value="http://example.org/x"/><status value="active"/>'
    '<content value="complete"/><concept><code value="a"/><display value="Arm"/></concept></CodeSystem>'
)


def bundle(*some: Json) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in some]})


def package(path: Path, files: dict[str, Json]) -> Archive:
    with tarfile.open(path, "w:gz") as packed:
        for name, tree in files.items():
            content = json.dumps(tree).encode()
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return Archive(path)


def test_a_code_system(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.json": json.dumps(SYSTEM)})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    assert (release.kind, release.about.url, release.about.version) == ("code-system", "http://example.org/robots", "1")
    found = records(release)
    assert [one.code for one in found if isinstance(one, Concept)] == ["a", "b"]
    assert Parent("b", "a") in found
    assert release.tree == SYSTEM


@pytest.mark.parametrize(
    "files",
    [
        {"a.json": bundle(SYSTEM, PATIENT, VALUES, MAP)},
        {"a.ndjson": "\n".join(json.dumps(one) for one in (SYSTEM, PATIENT, VALUES, MAP))},
        {
            "1.json": json.dumps(SYSTEM),
            "2.json": json.dumps(PATIENT),
            "3.json": json.dumps(VALUES),
            "4.json": json.dumps(MAP),
        },
    ],
)
def test_bundles_lines_and_files(tmp_path: Path, files: dict[str, str]) -> None:
    """TX-125"""
    system, values, mapped = released(LOADER, folder(tmp_path, files))
    assert (system.kind, values.kind, mapped.kind) == ("code-system", "value-set", "concept-map")
    assert values.tree == VALUES
    assert values.parts == ()
    (row,) = records(mapped)
    assert isinstance(row, Row)
    assert (row.source, row.target, row.equivalence) == ("a", "x", "wider")
    assert len(mapped.report.ignored) == 1


def test_xml(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.xml": XML})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive, Options(version="9"))
    assert (release.about.url, release.about.version) == ("http://example.org/x", "9")
    assert records(release) == [Concept("a", "Arm")]


def test_a_package_without_its_examples(tmp_path: Path) -> None:
    archive = package(
        tmp_path / "p.tgz",
        {
            "package/package.json": {"name": "p", "version": "1.0.0", "fhirVersions": ["4.0.1"]},
            "package/.index.json": {"files": []},
            "package/CodeSystem-a.json": SYSTEM,
            "package/example/ValueSet-b.json": VALUES,
        },
    )
    assert LOADER.detect(archive)
    with archive:
        (release,) = released(LOADER, archive)
    assert release.about.url == SYSTEM["url"]
    assert "package/example/ValueSet-b.json" in release.report.ignored


def test_a_package_for_another_release_is_refused(tmp_path: Path) -> None:
    archive = package(
        tmp_path / "p.tgz",
        {"package/package.json": {"name": "p", "version": "1", "fhirVersions": ["5.0.0"]}, "package/a.json": SYSTEM},
    )
    with archive, pytest.raises(BadFile, match=r"FHIR 5\.0\.0, and not for R4"):
        all_records(LOADER, archive)


@pytest.mark.parametrize(
    ("files", "file", "line", "what"),
    [
        ({"a.json": '{"resourceType": "CodeSystem",\n "url": }'}, "a.json", 2, ""),
        ({"a.ndjson": json.dumps(SYSTEM) + "\n{"}, "a.ndjson", 2, ""),
        ({"a.xml": XML.replace("</concept>", "</konzept>")}, "a.xml", 1, ""),
        ({"a.json": json.dumps({**VALUES, "url": None})}, "a.json", 1, "url is null"),
        ({"a.json": json.dumps({"resourceType": "ValueSet", "status": "draft"})}, "a.json", 0, "no url"),
        ({"a.json": json.dumps(SYSTEM), "b.json": json.dumps(SYSTEM)}, "b.json", 0, "is in a.json already"),
    ],
)
def test_faults_say_where(tmp_path: Path, files: dict[str, str], file: str, line: int, what: str) -> None:
    with pytest.raises(BadFile, match=what or None) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line) == (file, line)


@pytest.mark.parametrize(
    ("wrong", "line", "column", "what"),
    [
        ('"concept": [\n null]', 2, 2, r"concept\[0\]"),
        ('"concept": [\n {"code": 7}]', 2, 11, r"concept\[0\]\.code"),
        ('"property":\n "p"', 2, 2, r"property"),
        ('"title":\n  {}', 2, 3, r"title"),
        ('"concept": [{"code": "a", "concept":\n [[]]}]', 2, 3, r"concept\[0\]\.concept\[0\]"),
    ],
)
def test_what_is_not_of_the_types_of_r4_is_told_with_line_and_column(
    tmp_path: Path, wrong: str, line: int, column: int, what: str
) -> None:
    """Also in a Bundle and in a line; what is missing and what R4 does not know is let through."""
    text = '{"resourceType": "CodeSystem", "url": "http://example.org/x", "ours": 1, ' + wrong + "}"
    before = '{"resourceType": "Bundle", "entry": [{},\n{"resource":\n'
    for files, lines in (
        ({"a.json": text}, 0),
        ({"a.json": f"{before}{text}}}]}}"}, 2),
        ({"a.ndjson": "\n\n" + text.replace("\n", "")}, None),
    ):
        with pytest.raises(BadFile, match=what) as error:
            all_records(LOADER, folder(tmp_path, files))
        expected = (3, column) if lines is None else (line + lines, column)
        assert (error.value.line, error.value.column if lines is not None else column) == expected
        (tmp_path / error.value.file).unlink()


def test_files_without_any_are_refused(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.json": json.dumps(PATIENT), "b.json": "["})
    assert not LOADER.detect(archive)
    with pytest.raises(BadFile):
        all_records(LOADER, archive)
