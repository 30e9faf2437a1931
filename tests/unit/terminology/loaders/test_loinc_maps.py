"""The maps of a LOINC release."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders.archive import BadFile
from terminology.loaders.loinc import LOADER
from terminology.records import Row

from ....releases import loinc as ours
from ....releases.files import all_records, folder, records, released
from ....releases.loinc import ANALYTE, OLD, QUESTION, TERM

LOINC = "http://loinc.org"


def test_maps(tmp_path: Path) -> None:
    """TX-161"""
    found = {
        release.about.url.rsplit("/", 1)[-1]: [one for one in records(release) if isinstance(one, Row)]
        for release in released(LOADER, folder(tmp_path, ours.files()))
        if release.kind == "concept-map"
    }
    assert found.keys() == {
        "map-to", "parts-to-example-org-codes", "parts-to-example-org-other", "loinc-to-ieee-11073-10101",
    }  # fmt: skip
    assert [(one.source, one.target, one.equivalence, one.comment) for one in found["map-to"]] == [
        (OLD, TERM, "equivalent", ""),
        ("10002-7", TERM, "inexact", "if it is oil"),
        ("10002-7", QUESTION, "inexact", "if it is happiness"),
    ]
    (part,) = found["parts-to-example-org-codes"]
    assert (part.source_system, part.source, part.target_system, part.target, part.equivalence, part.target_display) == (
        LOINC, ANALYTE, "http://example.org/codes", "500", "equivalent", "Oily thing",
    )  # fmt: skip
    assert part.fields["ContentOrigin"] == "us"
    (device,) = found["loinc-to-ieee-11073-10101"]
    assert (device.target_system, device.target, device.target_display) == (
        "urn:iso:std:iso:11073:10101",
        "4711",
        "MDC_OIL",
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column"),
    [
        ("LoincTable/MapTo.csv", f'"10002-7","{QUESTION}"', '"10002-7",""', 4, 2),
        ("AccessoryFiles/PartFile/PartRelatedCodeMapping.csv", '"wider"', '"wide"', 3, 7),
    ],
)
def test_faults_say_where(tmp_path: Path, file: str, old: str, new: str, line: int, column: int) -> None:
    files = ours.files()
    files[file] = files[file].replace(old, new)
    with pytest.raises(BadFile) as error:
        all_records(LOADER, folder(tmp_path, files))
    assert (error.value.file, error.value.line, error.value.column) == (file, line, column)
