"""ICD-10-CM: tabular list, order file, lists of codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.icd10cm import LOADER, dotted
from terminology.records import Concept, Parent, Property, Term

from ....releases.files import all_records, folder, records, released
from ....suites import DATA

REAL = DATA / "terminology/icd-10-cm"
TABULAR = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular>
  <version>2031</version>
  <introduction><introSection type="title"><title>LIST</title></introSection></introduction>
  <chapter>
    <name>1</name><desc>Made-up troubles (A00-A09)</desc>
    <includes><note>all of them</note></includes>
    <sectionIndex><sectionRef first="A00" last="A05" id="A00-A05">Robots</sectionRef></sectionIndex>
    <section id="A00-A05">
      <desc>Robots (A00-A05)</desc>
      <diag><name>A00</name><desc>Squeaking</desc>
        <notes><note>7th characters D and S do not apply to codes in category A00
          with 6th character 7 - scrapped, or 8 - lost.</note></notes>
        <excludes1><note>rattling (A01.-)</note></excludes1>
        <sevenChrNote><note>one of these</note></sevenChrNote>
        <sevenChrDef><extension char="A">first visit</extension><extension char="D">later visit</extension></sevenChrDef>
        <diag><name>A00.1</name><desc>Squeaking arm</desc>
          <inclusionTerm><note>noisy arm</note></inclusionTerm>
          <diag><name>A00.117</name><desc>Squeaking arm, scrapped</desc></diag>
        </diag>
        <diag><name>A00.2</name><desc>Squeaking leg</desc>
          <sevenChrDef><extension char="1">left</extension></sevenChrDef>
        </diag>
      </diag>
      <diag><name>A01</name><desc>Rattling</desc></diag>
    </section>
    <section id="A09"><desc>Rust (A09)</desc><diag><name>A09</name><desc>Rust</desc></diag></section>
  </chapter>
</ICD10CM.tabular>
"""
ORDER = (
    "00001 A00     0 Squeaking                                                    Squeaking of a robot\n"
    "00002 A001    0 Squeaking arm                                                Squeaking arm of a robot\n"
    "00003 A001XXA 1 Squeaking arm, first visit                                   Squeaking arm of a robot, first visit\n"
    "00004 A01     1 Rattling                                                     Rattling of a robot\n"
)


def test_the_tabular_list(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"icd10c-tabular.xml": TABULAR})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    assert (release.about.url, release.about.version) == ("http://hl7.org/fhir/sid/icd-10-cm", "2031")
    found = records(release)
    concepts = {one.code: one for one in found if isinstance(one, Concept)}
    parents = {one.code: one.parent for one in found if isinstance(one, Parent)}
    assert parents == {
        "A00-A05": "1",
        "A00": "A00-A05",
        "A00.1": "A00",
        "A00.117": "A00.1",
        "A00.117A": "A00.117",
        "A00.2": "A00",
        "A00.2XX1": "A00.2",
        "A01": "A00-A05",
        "A09": "1",  # the section of one category is the category
    }
    assert concepts.keys() == {"1", *parents}
    assert concepts["A00.117A"].display == "Squeaking arm, scrapped, first visit"
    assert concepts["A00.2XX1"].display == "Squeaking leg, left"
    assert [one.code for one in concepts.values() if one.abstract] == ["1", "A00-A05"]
    assert [one for one in found if isinstance(one, Term)] == [
        Term("A00.1", "noisy arm", "en", ("http://snomed.info/sct", "900000000000013009", "Synonym"))
    ]
    assert Property("A00", "excludes1", "rattling (A01.-)") in found
    assert Property("1", "includes", "all of them") in found
    billable = {
        one.code for one in found if isinstance(one, Property) and (one.name, one.value) == ("billable", "true")
    }
    assert billable == {"A00.117A", "A00.2XX1", "A01", "A09"}


def test_the_order_file(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"icd10cm_order_2031.txt": ORDER, "icd10cm_codes_2031.txt": "A001XXA Squeaking\n"})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    assert release.about.version == "2031"
    found = records(release)
    assert Concept("A00.1XXA", "Squeaking arm of a robot, first visit") in found
    assert [one for one in found if isinstance(one, Parent)] == [Parent("A00.1", "A00"), Parent("A00.1XXA", "A00.1")]
    assert Property("A01", "shortTitle", "Rattling") in found
    assert Property("A00.1", "billable", "false", "boolean") in found
    assert release.report.ignored == ["icd10cm_codes_2031.txt"]


def test_a_list_of_codes(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {"code-list-2031.txt": "1\nA00-A05\nA00\nA001\nA09\nA09\n2\nB00\n"}))
    found = records(release)
    assert [one.code for one in found if isinstance(one, Concept)] == [
        "1",
        "A00-A05",
        "A00",
        "A00.1",
        "A09",
        "2",
        "B00",
    ]
    assert {one.code: one.parent for one in found if isinstance(one, Parent)} == {
        "A00-A05": "1",
        "A00": "A00-A05",
        "A00.1": "A00",
        "A09": "A00-A05",
        "B00": "2",
    }


@pytest.mark.parametrize(
    ("files", "file", "line", "column"),
    [
        ({"t.xml": TABULAR.replace("<name>A01</name>", "<name>?</name>")}, "t.xml", 25, 13),
        ({"t.xml": TABULAR.replace("<name>A01</name>", "")}, "t.xml", 25, 7),
        ({"t.xml": TABULAR.replace("</chapter>", "")}, "t.xml", 29, 3),
        ({"icd10cm_order_2031.txt": ORDER + "nothing\n"}, "icd10cm_order_2031.txt", 5, 1),
        ({"icd10cm-codes-2031.txt": "A00 Squeaking\nwhat\n"}, "icd10cm-codes-2031.txt", 2, 1),
    ],
)
def test_faults_say_where(tmp_path: Path, files: dict[str, str], file: str, line: int, column: int) -> None:
    with pytest.raises(BadFile) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line, error.value.column) == (file, line, column)


def test_codes_with_their_dot() -> None:
    """TX-116"""
    assert [dotted(one) for one in ("A00", "A000", "A00.1", "S72001A", "A00-A09")] == [
        "A00",
        "A00.0",
        "A00.1",
        "S72.001A",
        "A00-A09",
    ]


def codes(name: str) -> dict[str, str]:
    (release,) = released(LOADER, Archive(REAL / name))
    return {one.code: one.display for part in release.parts for one in part.records() if isinstance(one, Concept)}


@pytest.mark.suite("terminology")
def test_the_real_files() -> None:
    """The tabular list of April 2026 with its seventh characters is the list of codes of the same day, to the code: of its
    98,504 lines 38 stand twice, once as section and once as category."""
    tabular, listed = codes("icd10c-tabular-April-1-2026.xml.gz"), codes("code-list-April-2026.txt.gz")
    assert tabular.keys() == listed.keys()
    assert len(tabular) == 98_504 - 38
    assert all(tabular.values())
    older = codes("icd10cm-codes-2024.txt.gz")
    assert len(older) == 74_044
    assert len(older.keys() - tabular.keys()) == 15
    assert sum(older[code] != tabular[code] for code in older.keys() & tabular.keys()) == 169  # worded anew since
