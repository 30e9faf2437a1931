"""LOINC: by path and column names, whatever is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.budget import Budget
from terminology.filters import Filter, select
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.loinc import LOADER
from terminology.loaders.release import Options
from terminology.records import Concept, Member, Parent, Property, Record, Term

from ....releases import loinc as ours
from ....releases.files import all_records, folder, quoted, records, released, zipped
from ....releases.loinc import (
    ANALYTE,
    GROUP,
    LIST,
    NO,
    OLD,
    PANEL,
    PARENT_GROUP,
    QUANTITY,
    QUESTION,
    TABLE,
    TERM,
    TOP,
    YES,
)
from ....suites import DATA


def read(tmp_path: Path) -> list[Record]:
    return records(released(LOADER, folder(tmp_path, ours.files()))[0])


def test_terms_with_all_their_columns(tmp_path: Path) -> None:
    found = read(tmp_path)
    concepts = {one.code: one for one in found if isinstance(one, Concept)}
    assert concepts[TERM] == Concept(TERM, "Oil in robot", 'How "oily", it is', status="active")
    assert concepts[OLD].inactive
    assert "99999-0" not in concepts  # TX-113: the copy that the panels have
    assert Property(QUESTION, "CLASSTYPE", "1") in found
    assert Property(QUESTION, "EXTERNAL_COPYRIGHT_NOTICE", "© Robots Ltd") in found  # TX-114
    names = [(one.value, one.language, one.use[1]) for one in found if isinstance(one, Term) and one.code == TERM]
    assert names == [
        ("Oil Rbt", "en", "SHORTNAME"),
        ("Oil", "en", "DisplayName"),
        ("Robot oil", "en", "CONSUMER_NAME"),
        ("Oleo en roboto", "eo-EO", "LONG_COMMON_NAME"),
        ("Oleo R", "eo-EO", "SHORTNAME"),
    ]
    assert [one.value for one in found if isinstance(one, Term) and one.code == QUESTION] == ["Felicha:::Roboto"]


def test_axes_are_strings_and_parts(tmp_path: Path) -> None:
    found = [one for one in read(tmp_path) if isinstance(one, Property) and one.code == TERM]
    assert [(one.type, one.value, one.display) for one in found if one.name == "COMPONENT"] == [
        ("string", "Oil", ""),
        ("Coding", ANALYTE, "Oil"),
    ]
    assert [(one.type, one.value) for one in found if one.name == "SCALE_TYP"] == [
        ("string", "Qn"),
        ("Coding", QUANTITY),
    ]
    assert {one.name for one in found} >= {"analyte-core", "document-typeofservice", "CLASS", "TIME_ASPCT"}


def test_parts_hierarchy_answers_panels_and_groups(tmp_path: Path) -> None:
    found = read(tmp_path)
    concepts = {one.code: one.display for one in found if isinstance(one, Concept)}
    assert concepts == {
        **{one["LOINC_NUM"]: one["LONG_COMMON_NAME"] for one in ours.TERMS},
        ANALYTE: "Oil (any)",
        QUANTITY: "Qn",
        ours.ORDINAL: "Ord",
        TOP: "Fluids",  # by the hierarchy alone
        LIST: "Yes or no",
        YES: "Yes",
        NO: "No",
        "LL200-9": "Defined elsewhere",
        PARENT_GROUP: "Fluids",
        GROUP: "Oils of all kinds",
    }
    assert [one for one in found if isinstance(one, Parent)] == [Parent(ANALYTE, TOP), Parent(TERM, ANALYTE)]
    members = {(one.set, one.code): one.fields for one in found if isinstance(one, Member)}
    assert members.keys() == {(LIST, YES), (LIST, NO), (PANEL, TERM), (PARENT_GROUP, GROUP), (GROUP, TERM)}
    assert members[LIST, YES] == {
        "SequenceNumber": "1", "DisplayText": "Yes", "ExtCodeId": "77", "ExtCodeSystem": "http://example.org/codes", "Score": "5",
    }  # fmt: skip
    assert members[PANEL, TERM]["ObservationRequiredInPanel"] == "R"


def test_filters_of_r4_on_what_was_read(tmp_path: Path) -> None:
    """TX-61: https://hl7.org/fhir/R4/loinc.html"""
    (release, *_) = released(LOADER, folder(tmp_path, ours.files()))
    system = Indexed(build(release.about, records(release)))

    def codes(name: str, op: str, value: str) -> set[str]:
        return {system.code(one) for one in select(system, Filter(name, op, value), Budget())}

    assert codes("COMPONENT", "=", "Oil") == codes("COMPONENT", "=", ANALYTE) == {TERM}
    assert codes("SCALE_TYP", "regex", "Q.|Ord") == {TERM, OLD, QUESTION}
    assert codes("STATUS", "=", "DEPRECATED") >= {OLD}
    assert codes("parent", "=", ANALYTE) == {TERM}
    assert codes("ancestor", "=", TOP) == {ANALYTE, TERM}
    assert codes("descendant", "=", TERM) == {ANALYTE, TOP}
    assert codes("LIST", "=", LIST) == {YES, NO}
    assert codes("answers-for", "=", QUESTION) == {YES, NO}
    assert codes("copyright", "=", "3rdParty") == {QUESTION}
    assert codes("CLASSTYPE", "=", "1") == {one["LOINC_NUM"] for one in ours.TERMS}
    assert codes("concept", "in", GROUP) == {TERM}
    assert system.find(TERM.lower()) == system.find(TERM)


def test_only_the_table_is_needed_and_the_rest_is_reported(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {TABLE: ours.files()[TABLE]}))
    assert len(release.parts) == 1
    assert len(release.report.missing) == 15
    assert "AnswerFile/AnswerList.csv" in release.report.missing
    assert sum(isinstance(one, Concept) for one in records(release)) == len(ours.TERMS)


def test_an_older_name_of_a_file_is_found_and_told(tmp_path: Path) -> None:
    files = ours.files()
    path = "AccessoryFiles/{0}/{0}.csv"
    files[path.format("MultiAxialHierarchy")] = files.pop(path.format("ComponentHierarchyBySystem"))
    (release, *_) = released(LOADER, folder(tmp_path, files))
    assert len(release.report.renamed) == 1
    assert Parent(TERM, ANALYTE) in records(release)
    assert "AccessoryFiles/Unknown/Novelty.csv" in release.report.ignored
    assert "AccessoryFiles/PanelsAndForms/Loinc.csv" in release.report.ignored


def test_a_column_that_is_missing_is_none_of_a_term(tmp_path: Path) -> None:
    without = ("CLASS", "DisplayName")
    terms = [{key: value for key, value in one.items() if key not in without} for one in ours.TERMS]
    text = quoted([one for one in ours.COLUMNS if one not in without], terms)
    found = all_records(LOADER, folder(tmp_path, {TABLE: text}))
    assert not [one for one in found if isinstance(one, Property) and one.name == "CLASS"]
    with pytest.raises(BadFile, match="STATUS") as error:
        all_records(LOADER, folder(tmp_path, {TABLE: text.replace('"STATUS"', '"STATE"')}))
    assert (error.value.file, error.value.line) == (TABLE, 1)


def test_the_version(tmp_path: Path) -> None:
    """By the name of the download, else the highest that a term was changed in: 2.31 is above 2.9."""
    files = ours.files()
    assert released(LOADER, folder(tmp_path / "a", files))[0].about.version == "2.31"
    assert released(LOADER, zipped(tmp_path / "Loinc_2.99.zip", files))[0].about.version == "2.99"
    assert released(LOADER, Archive(tmp_path / "a"), Options(version="3.0"))[0].about.version == "3.0"


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        (TABLE, f'"{OLD}"', '""', 3),
        (TABLE, f'"{OLD}",', "", 3),
        (TABLE, f'"{OLD}"', f'"{OLD}', 3),
        ("AccessoryFiles/PartFile/Part.csv", '"PartNumber"', '"Number"', 1),
    ],
)
def test_faults_say_where(tmp_path: Path, file: str, old: str, new: str, line: int) -> None:
    files = ours.files()
    files[file] = files[file].replace(old, new, 1)
    with pytest.raises(BadFile) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line) == (file, line)


@pytest.mark.suite("terminology")
def test_every_file_of_an_official_release_can_be_read_by_its_header() -> None:
    archive = Archive(DATA / "terminology/loinc-headers")
    assert LOADER.detect(archive)
    release, *others = released(LOADER, archive, Options(version="2.0"))
    assert records(release) == []
    assert release.report.missing == []
    assert release.report.renamed == []
    assert len(release.parts) == 13 + 21
    assert [one.about.url for one in others] == [
        "http://loinc.org/cm/map-to",
        "http://loinc.org/cm/loinc-to-ieee-11073-10101",
    ]
