"""The WHO's tables between ICD-10 and ICD-11."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from terminology.icd11.clusters import MMS
from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.who_map import FOUNDATION, ICD10, LOADER
from terminology.records import Row

from ....releases.files import all_records, folder, records, released
from ....suites import DATA

REAL = DATA / "terminology/who-icd-maps"
BASE = "http://id.who.int/icd/release/11/2031-03/mms/"
ENTITY = "http://id.who.int/icd/entity/"
ONE = (
    "10ClassKind\t10DepthInKind\ticd10Code\ticd10Chapter\ticd10Title\t11ClassKind\t11DepthInKind\tICD-11 FoundationURI\t"
    "Linearization (releaseURI)\ticd11Code\ticd11Chapter\ticd11Title\t2031-Mar-02\r\n"
    f"block\t1\tA00-A09\tI\tNoises\tblock\t1\t{ENTITY}1002\t{BASE}1002\t\t01\tTroubles of joints\r\n"
    f"category\t1\tA00\tI\tSqueak\tcategory\t1\t{ENTITY}1003\t{BASE}1003\t1Q00\t01\tSqueaking joint\r\n"
    f"category\t2\tA00.0\tI\tLoud squeak\tcategory\t1\t{ENTITY}77\t{BASE}1003\t1Q00&XK1/1Q01\t01\tSqueaking joint [Left]\r\n"
    f"category\t2\tA00.9\tI\tSqueak, any\tcategory\t2\t{ENTITY}1003\t{BASE}1003/unspecified\t1Q00.Z\t01\tJoint, unspecified\r\n"
    "category\t1\tA09\tI\tGone\t\t\tNo Mapping\tNo Mapping\t\t\t\r\n"
)
RELATIONS = (
    "10ClassKind\t10DepthInKind\ticd10Code\ticd10Chapter\ticd10Title\tICD-11 FoundationURI\ticd11Title\t2031-Mar-02\r\n"
    f"Block\t1\tA00-A09\tI\tNoises\t{ENTITY}1002\tTroubles of joints\tSubclass\t-1\r\n"
    f"Category\t1\tA00\tI\tSqueak\t{ENTITY}1003\tSqueaking joint\tEquivalent\t0\r\n"
    f"Category\t2\tA00.9\tI\tSqueak, any\t{ENTITY}1003\tSqueaking joint\tEquivalent\t0\r\n"
    "Category\t1\tA09\tI\tGone\tNo Mapping\t\t\t-1\r\n"
)
BACK = (
    "Linearization (release) URI\ticd11Code\ticd11Chapter\ticd11Title\ticd10Code\ticd10Chapter\ticd10Title\t2031-Mar-02\r\n"
    f"{BASE}1001\t01\t01\tTroubles\tI\tI\tTroubles\r\n"
    f"{BASE}1002\t\t01\tJoints\tA00-A09\tI\tNoises\r\n"
    f"{BASE}1003\t1Q00\t01\tSqueaking joint\tA00\tI\tSqueak\r\n"
    f"{BASE}1005\t1Q01\t01\tStuck joint\tNo Mapping\t\t\r\n"
)
FILES = {
    "10To11MapToOneCategory.txt": ONE,
    "foundation_10To11MapToOneCategory.txt": RELATIONS,
    "11To10MapToOneCategory.txt": BACK,
}


def read(archive: Archive) -> dict[str, list[Row]]:
    return {
        release.about.url.rsplit("/", 1)[-1]: [one for one in records(release) if isinstance(one, Row)]
        for release in released(LOADER, archive)
    }


def test_the_way_there(tmp_path: Path) -> None:
    """TX-120, TX-158: the relation is that of the foundation table; residual targets are wider; clusters are taken apart."""
    archive = folder(tmp_path, FILES)
    assert LOADER.detect(archive)
    assert {one.about.version for one in released(LOADER, archive)} == {"2031-03"}
    rows = read(archive)["10To11MapToOneCategory"]
    assert [(one.source, one.target, one.equivalence) for one in rows] == [
        ("A00-A09", "1002", "wider"),
        ("A00", "1Q00", "equivalent"),
        ("A00.0", "1Q00&XK1/1Q01", "relatedto"),
        ("A00.9", "1Q00.Z", "wider"),
        ("A09", None, "unmatched"),
    ]
    assert {(one.source_system, one.target_system) for one in rows} == {(ICD10, MMS)}
    assert rows[0].fields["assignable"] == "false"
    assert rows[1].fields["relation"] == "Equivalent"
    assert rows[1].fields["foundation"] == f"{ENTITY}1003"
    assert [(one[0].rsplit("#")[1], one[2]) for one in rows[2].products] == [
        ("stem", "1Q00"),
        ("extension", "XK1"),
        ("stem", "1Q01"),
    ]
    assert rows[3].comment


def test_the_way_back(tmp_path: Path) -> None:
    rows = read(folder(tmp_path, FILES))["11To10MapToOneCategory"]
    assert [(one.source, one.target, one.fields.get("assignable")) for one in rows] == [
        ("1001", "I", "false"),
        ("1002", "A00-A09", "false"),
        ("1Q00", "A00", None),
        ("1Q01", None, None),
    ]


def test_the_foundation(tmp_path: Path) -> None:
    rows = read(folder(tmp_path, FILES))["foundation_10To11MapToOneCategory"]
    assert [(one.target_system, one.target, one.equivalence) for one in rows] == [
        (FOUNDATION, "1002", "wider"),
        (FOUNDATION, "1003", "equivalent"),
        (FOUNDATION, "1003", "equivalent"),
        (FOUNDATION, None, "unmatched"),
    ]
    assert rows[0].fields["statementDistance"] == "-1"


def test_without_the_foundation_table_no_relation_is_made_up(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {"10To11MapToOneCategory.txt": ONE}))
    assert [one.equivalence for one in records(release) if isinstance(one, Row)] == [
        "relatedto", "relatedto", "relatedto", "wider", "unmatched",
    ]  # fmt: skip
    assert release.report.notes


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("block\t1\tA00-A09", "block\t1\tA00-A09\tmore", 2, "13 cells"),
        ("icd11Code", "code", 1, "icd11Code is missing"),
        ("category\t1\tA00\t", "category\t1\t\t", 3, "neither a code"),
    ],
)
def test_faults_say_where(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    name = "10To11MapToOneCategory.txt"
    with pytest.raises(BadFile, match=what) as error:
        all_records(LOADER, folder(tmp_path, {name: ONE.replace(old, new, 1)}))
    assert (error.value.file, error.value.line) == (name, line)


@pytest.mark.suite("terminology")
def test_the_real_tables() -> None:
    """TX-120, TX-121: the counts of the release 2024-01."""
    found = {
        release.about.url.rsplit("/", 1)[-1]: [one for one in release.parts[0].records() if isinstance(one, Row)]
        for release in released(LOADER, Archive(REAL))
    }
    assert {name: len(rows) for name, rows in found.items()} == {
        "10To11MapToOneCategory": 12_597,
        "10To11MapToMultipleCategories": 15_658,
        "11To10MapToOneCategory": 17_908,
        "foundation_10To11MapToOneCategory": 12_597,
        "foundation_11To10MapToOneCategory": 48_609,
    }
    foundation = Counter(one.equivalence for one in found["foundation_10To11MapToOneCategory"])
    assert foundation == {"equivalent": 7_858, "wider": 4_735, "unmatched": 4}
    one = found["10To11MapToOneCategory"]
    categories = [row for row in one if row.fields["10ClassKind"].endswith("category")]
    assert len(categories) == 12_301
    assert sum("&" in (row.target or "") for row in categories) == 783
    assert sum("/" in (row.target or "") for row in categories) == 62
    assert sum(row.target is None or row.fields["11ClassKind"] == "block" for row in categories) == 254
    assert sum(row.fields.get("linearization", "").endswith(("/other", "/unspecified")) for row in categories) == 5_348
    many = Counter(row.source for row in found["10To11MapToMultipleCategories"])
    kinds = {row.source: row.fields["10ClassKind"] for row in one}
    assert max(number for code, number in many.items() if kinds[code].endswith("category")) == many["Y32"] == 34
    assert sum(number > 1 and kinds[code].endswith("category") for code, number in many.items()) == 1_227
    back = found["11To10MapToOneCategory"]
    assert sum(row.target is None for row in back) == 36
    assert sum("-" in (row.target or "") for row in back) == 2_365
    assert sum(row.fields.get("assignable") == "false" for row in back) == 2_365 + 460
