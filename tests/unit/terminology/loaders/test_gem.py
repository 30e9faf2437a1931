"""General Equivalence Mappings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.gem import ICD9, ICD10CM, LOADER, dotted_nine
from terminology.records import Row

from ....releases.files import all_records, folder, records, released
from ....suites import DATA

CSV = (
    '"icd10cm","icd9cm","flags","approximate","no_map","combination","scenario","choice_list"\n'
    '"A000","0010","00000",0,0,0,0,0\n'
    '"A001","0011","10000",1,0,0,0,0\n'
    '"A002","E8001","10111",1,0,1,1,1\n'
    '"A002","V011","10112",1,0,1,1,2\n'
    '"A003","NODX","11000",1,1,0,0,0\n'
)
FIXED = "A000    0010  00000\nA002    E8001 10111\nA003    NoDx  11000\n"


def rows(archive: Archive) -> list[Row]:
    (release,) = released(LOADER, archive)
    return [one for one in records(release) if isinstance(one, Row)]


def test_a_delimited_file(tmp_path: Path) -> None:
    """TX-122: all rows, with their flags."""
    archive = folder(tmp_path, {"icd10cmtoicd9gem.csv": CSV})
    assert LOADER.detect(archive)
    found = rows(archive)
    assert [(one.source, one.target, one.equivalence, one.group, one.priority) for one in found] == [
        ("A00.0", "001.0", "equivalent", 0, 0),
        ("A00.1", "001.1", "relatedto", 0, 0),
        ("A00.2", "E800.1", "relatedto", 1, 1),
        ("A00.2", "V01.1", "relatedto", 1, 2),
        ("A00.3", None, "unmatched", 0, 0),
    ]
    assert {(one.source_system, one.target_system) for one in found} == {(ICD10CM, ICD9)}
    assert found[2].fields == {
        "flags": "10111", "approximate": "1", "no_map": "0", "combination": "1", "scenario": "1", "choice_list": "1",
    }  # fmt: skip


def test_fixed_width_gives_the_same(tmp_path: Path) -> None:
    delimited = rows(folder(tmp_path / "a", {"icd10cmtoicd9gem.csv": CSV}))
    assert rows(folder(tmp_path / "b", {"2018_I10gem.txt": FIXED})) == [delimited[0], delimited[2], delimited[4]]
    (release,) = released(LOADER, Archive(tmp_path / "b"))
    assert release.about.version == "2018"


def test_procedures_have_their_dot_after_two(tmp_path: Path) -> None:
    (only,) = rows(folder(tmp_path, {"gem_i9pcs.txt": "0001 012A0JZ 10000\n"}))
    assert (only.source, only.target) == ("00.01", "012A0JZ")


@pytest.mark.parametrize(
    ("files", "line", "what"),
    [
        ({"icd10cmtoicd9gem.csv": CSV.replace('"00000",0', '"00000",7')}, 2, "flags"),
        ({"icd10cmtoicd9gem.csv": CSV.replace(',"0011"', ',""')}, 3, "no_map is not set"),
        ({"icd10cmtoicd9gem.csv": CSV.replace('"A001"', '""')}, 3, "no code"),
        ({"2018_I10gem.txt": FIXED + "A004\n"}, 4, "none of a GEM file"),
    ],
)
def test_faults_say_where(tmp_path: Path, files: dict[str, str], line: int, what: str) -> None:
    with pytest.raises(BadFile, match=what) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert ([error.value.file], error.value.line) == ([*files], line)


def test_dots_of_icd_9() -> None:
    assert [dotted_nine(one, procedure=False) for one in ("001", "0010", "E800", "E8001", "V0110")] == [
        "001", "001.0", "E800", "E800.1", "V01.10",
    ]  # fmt: skip


@pytest.mark.suite("terminology")
def test_the_real_files() -> None:
    """TX-122: counts, and the example A18.01."""
    there, back = released(LOADER, Archive(DATA / "terminology/icd-9-gems"))
    found = [one for one in there.parts[0].records() if isinstance(one, Row)]
    flags = Counter(
        name for one in found for name in ("approximate", "no_map", "combination") if one.fields[name] == "1"
    )
    assert len(found) == 78_838
    assert len({one.source for one in found}) == 69_832
    assert flags == {"approximate": 75_305, "no_map": 669, "combination": 7_878}
    example = [(one.group, one.priority, one.target) for one in found if one.source == "A18.01"]
    assert example[:3] == [(0, 0, "015.00"), (1, 1, "015.00"), (2, 1, "015.00")]
    assert {(1, 2, "737.40"), (2, 2, "711.48")} <= {*example}
    other = [one for one in back.parts[0].records() if isinstance(one, Row)]
    assert len(other) == 23_912
    assert len({one.source for one in other}) == 14_567
    assert sum(one.target is None for one in other) == 425
    assert sum(one.fields["combination"] == "1" for one in other) == 2_260
