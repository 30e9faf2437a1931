"""ICD-10-PCS: codes, order file and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders.archive import BadFile
from terminology.loaders.icd10cm import LOADER as CM
from terminology.loaders.icd10pcs import LOADER
from terminology.records import Concept, Parent, Property

from ....releases.files import all_records, folder, records, released

TABLES = """<?xml version="1.0"?>
<ICD10PCS.tabular>
<version>2031</version>
<pcsTable>
<axis pos="1" values="1"><title>Section</title><label code="0">Repair</label></axis>
<axis pos="2" values="1"><title>Body System</title><label code="1">Joints</label></axis>
<axis pos="3" values="1"><title>Operation</title><label code="2">Oiling</label><definition>To make it smooth</definition></axis>
<pcsRow codes="4">
<axis pos="4" values="2"><title>Body Part</title><label code="A">Arm</label><label code="B">Leg</label></axis>
<axis pos="5" values="1"><title>Approach</title><label code="0">Open</label></axis>
<axis pos="6" values="2"><title>Device</title><label code="J">Can</label><label code="Z">None</label></axis>
<axis pos="7" values="1"><title>Qualifier</title><label code="Z">None</label></axis>
</pcsRow>
</pcsTable>
</ICD10PCS.tabular>
"""
CODES = "012A0JZ Oiling of arm, with can\n012A0ZZ Oiling of arm\n"
ORDER = (
    "00001 012     0 Oiling of joints                                             Repair, joints, oiling\n"
    "00002 012A0JZ 1 Oil arm w can                                                Oiling of arm, with can\n"
)


def test_tables_alone_make_titles_of_their_labels(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"icd10pcs_tables_2031.xml": TABLES})
    assert LOADER.detect(archive)
    (release,) = released(LOADER, archive)
    assert (release.about.url, release.about.version) == ("http://www.cms.gov/Medicare/Coding/ICD10", "2031")
    found = records(release)
    concepts = {one.code: one for one in found if isinstance(one, Concept)}
    assert [*concepts] == ["0", "01", "012", "012A0JZ", "012A0ZZ", "012B0JZ", "012B0ZZ"]
    assert concepts["012"] == Concept("012", "Repair, Joints, Oiling", "To make it smooth", abstract=True)
    assert concepts["012B0JZ"].display == "Repair, Joints, Oiling, Leg, Open, Can, None"
    parents = {one.code: one.parent for one in found if isinstance(one, Parent)}
    assert parents["01"] == "0"
    assert parents["012"] == "01"
    assert parents["012A0JZ"] == "012"
    told = {one.name: one.value for one in found if isinstance(one, Property) and one.code == "012B0JZ"}
    assert told == {
        "kind": "code", "billable": "true", "section": "Repair", "bodySystem": "Joints", "operation": "Oiling",
        "bodyPart": "Leg", "approach": "Open", "device": "Can", "qualifier": "None",
    }  # fmt: skip


def test_official_titles_where_they_are(tmp_path: Path) -> None:
    (release,) = released(
        LOADER, folder(tmp_path, {"icd10pcs_tables_2031.xml": TABLES, "icd10pcs_codes_2031.txt": CODES})
    )
    found = records(release)
    concepts = {one.code: one.display for one in found if isinstance(one, Concept)}
    assert concepts["012A0JZ"] == "Oiling of arm, with can"
    assert "012B0JZ" not in concepts  # the tables allow it, but it is no code of this year
    assert Property("012A0ZZ", "bodyPart", "Arm") in found
    assert {one.code: one.parent for one in found if isinstance(one, Parent)}["012A0ZZ"] == "012"


def test_the_order_file_alone(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"icd10pcs_order_2031.txt": ORDER})
    assert not CM.detect(archive)
    (release,) = released(LOADER, archive)
    found = records(release)
    assert [one for one in found if isinstance(one, Concept)] == [
        Concept("012", "Repair, joints, oiling", abstract=True),
        Concept("012A0JZ", "Oiling of arm, with can"),
    ]
    assert [one for one in found if isinstance(one, Parent)] == [Parent("012A0JZ", "012")]
    assert Property("012A0JZ", "shortTitle", "Oil arm w can") in found
    assert len(release.report.missing) == 1


@pytest.mark.parametrize(
    ("files", "file", "line", "column"),
    [
        ({"t.xml": TABLES.replace('pos="5"', 'pos="6"', 1)}, "t.xml", 8, 1),
        ({"t.xml": TABLES.replace('pos="2"', 'pos="9"', 1)}, "t.xml", 4, 1),
        ({"t.xml": TABLES.replace('code="A"', "", 1)}, "t.xml", 9, 1),
        ({"icd10pcs_codes.txt": CODES + "012A0IZ no letter I\n"}, "icd10pcs_codes.txt", 3, 1),
        ({"icd10pcs_order.txt": ORDER + "x\n"}, "icd10pcs_order.txt", 3, 1),
    ],
)
def test_faults_say_where(tmp_path: Path, files: dict[str, str], file: str, line: int, column: int) -> None:
    with pytest.raises(BadFile) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line, error.value.column) == (file, line, column)
