"""ICD-11: tabulation and entities of the ICD API."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from terminology.icd11.clusters import AXIS, CLASS, SCALE
from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.icd11 import LOADER
from terminology.loaders.release import Options
from terminology.records import Concept, Parent, Property, Term

from ....releases.files import all_records, folder, records, released
from ....releases.icd11 import AXES, ROWS, entity, tabulation
from ....suites import DATA

EN, ES = "SimpleTabulation-ICD-11-MMS-en.txt", "SimpleTabulation-ICD-11-MMS-es.txt"
REAL = DATA / "terminology/icd-11"


def test_the_tabulation(tmp_path: Path) -> None:
    """TX-117: the title's dashes make the hierarchy; chapters and blocks stand under their entity."""
    archive = folder(tmp_path, {EN: tabulation(), "readme.txt": "read me"})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    about = release.about
    assert (about.url, about.version, about.language) == ("http://id.who.int/icd/release/11/mms", "2031-03", "en")
    assert about.compositional
    found = records(release)
    concepts = [one for one in found if isinstance(one, Concept)]
    assert [one.code for one in concepts] == [code or entity for entity, code, *_ in ROWS]
    assert concepts[3] == Concept("1Q00.0", "Squeaking joint, “loud”")
    assert [one.code for one in concepts if one.abstract] == ["1001", "1002", "9001", "9002", "9005", "9010"]
    assert {(one.code, one.parent) for one in found if isinstance(one, Parent)} >= {
        ("1002", "1001"),
        ("1Q00", "1002"),
        ("1Q00.Y", "1Q00"),
        ("1Q01", "1002"),
    }
    assert sum(isinstance(one, Parent) for one in found) == len(ROWS) - 2
    told = {one.name: one.value for one in found if isinstance(one, Property) and one.code == "1Q00.Y"}
    assert told["linearizationUri"] == "http://id.who.int/icd/release/11/mms/1003/other"
    assert told["isResidual"] == "true"
    assert "foundationUri" not in told
    assert release.report.ignored == ["readme.txt"]


def test_titles_of_other_languages_are_designations(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {EN: tabulation(), ES: tabulation("es")}))
    found = records(release)
    assert [part.name for part in release.parts] == [EN, ES]
    assert Term("1Q01", "Stuck joint (es)", "es") in found
    assert sum(isinstance(one, Concept) for one in found) == sum(isinstance(one, Term) for one in found) == len(ROWS)


def test_a_tabulation_in_another_language_alone(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {ES: tabulation("es")}), Options(version="mine"))
    assert (release.about.language, release.about.version) == ("es", "mine")
    found = records(release)
    assert Term("1Q01", "Stuck joint", "en") in found
    assert [one.display for one in found if isinstance(one, Concept) and one.code == "1Q01"] == ["Stuck joint (es)"]


def test_entities_of_the_api_add_definitions_terms_and_axes(tmp_path: Path) -> None:
    """TX-118"""
    (release,) = released(LOADER, folder(tmp_path, {EN: tabulation(), **AXES}))
    found = records(release)
    concepts = {one.code: one for one in found if isinstance(one, Concept)}
    assert concepts["1Q00"].definition == "A joint that can be heard."
    assert concepts["1Q02"].abstract
    assert [one.value for one in found if isinstance(one, Term)] == ["Noisy hinge", "Chirping joint"]
    properties = [one for one in found if isinstance(one, Property) and one.code == "1Q00"]
    assert [one.value for one in properties if one.name == "exclusion"] == ["Stuck joint"]
    assert [(one.value, one.group) for one in properties if one.name == AXIS] == [("laterality", 1), ("place", 2)]
    assert [(one.value, one.group, one.type) for one in properties if one.name == SCALE] == [
        ("9002", 1, "concept"),
        ("9005", 2, "concept"),
    ]


def test_entities_alone(tmp_path: Path) -> None:
    files = {
        "1.json": entity("1001", classKind="chapter", title={"@language": "en", "@value": "Troubles"}),
        "2.json": entity(
            "1003", code="1Q00", classKind="category", parent=["http://id.who.int/icd/release/11/2031-03/mms/1001"]
        ),
    }
    archive = folder(tmp_path, files)
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    assert release.about.version == "2031-03"
    found = records(release)
    assert Parent("1Q00", "1001") in found
    assert Property("1Q00", CLASS, "category", "code") in found
    assert release.report.missing


@pytest.mark.parametrize(
    ("change", "line", "column", "what"),
    [
        (("- - Squeaking", "- - - - Squeaking"), 4, 5, "4 dashes"),
        (("mms/1001", "elsewhere/1001"), 2, 2, "no URI of a linearization"),
        (('"- - Stuck joint"', '"- - Stuck joint'), 7, 0, "cannot be read"),
    ],
)
def test_faults_say_where(tmp_path: Path, change: tuple[str, str], line: int, column: int, what: str) -> None:
    text = tabulation().replace(change[0], change[1], 1).replace("release/11/elsewhere", "elsewhere")
    with pytest.raises(BadFile, match=what) as error:
        all_records(LOADER, folder(tmp_path, {EN: text}))
    assert error.value.file == EN
    assert error.value.line == line
    assert column in (0, error.value.column)


def test_an_entity_that_is_no_json_says_where(tmp_path: Path) -> None:
    files = {EN: tabulation(), **AXES, "1006.json": entity("1006").replace("}", ',\n "title": }')}
    with pytest.raises(BadFile) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line) == ("1006.json", 2)


@pytest.mark.parametrize(
    ("more", "column", "what"),
    [
        ({"parent": 5}, 12, "Expected `array"),
        ({"indexTerm": [{}, "x"]}, 20, "Expected `object"),
        ({"postcoordinationScale": [{"scaleEntity": [7]}]}, 45, "Expected `str"),
        ({"title": "x"}, 11, "Expected `object"),
    ],
)
def test_an_entity_of_another_shape_says_where(tmp_path: Path, more: dict[str, Any], column: int, what: str) -> None:
    text = entity("1003", **more).replace(", ", ",\n ", 1)
    for beside in ({EN: tabulation()}, {}):
        with pytest.raises(BadFile, match=what) as error:
            all_records(LOADER, folder(tmp_path, {**beside, "1003.json": text}))
        assert (error.value.file, error.value.line, error.value.column) == ("1003.json", 2, column)


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="neither a tabulation"):
        all_records(LOADER, folder(tmp_path, {"a.json": "{}"}))


def test_other_files_are_not_taken_for_it(tmp_path: Path) -> None:
    assert not LOADER.detect(folder(tmp_path, {"a.txt": "Code\tTitle\n", "b.json": '{"@id": "x"}', "c.json": "["}))


@pytest.mark.suite("terminology")
def test_the_real_tabulation() -> None:
    """TX-117: the counts of the release 2024-01."""
    (release,) = released(LOADER, Archive(REAL / "SimpleTabulation-ICD-11-MMS-en.zip"))
    found = [one for part in release.parts for one in part.records()]
    assert (release.about.url, release.about.version) == ("http://id.who.int/icd/release/11/mms", "2024-01")
    concepts = [one for one in found if isinstance(one, Concept)]
    assert len(concepts) == len({one.code for one in concepts}) == 36_044
    kinds = Counter(one.value for one in found if isinstance(one, Property) and one.name == CLASS)
    assert kinds == {"chapter": 28, "block": 1_353, "category": 34_663}
    assert sum(one.code.startswith("X") for one in concepts) == 16_841
    assert sum(isinstance(one, Parent) for one in found) == 36_044 - 28
