"""RxNorm: concepts, terms, attributes and relations out of a small invented release (TX-123)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from terminology.loaders import Archive, BadFile, Options, Release, auto, rxnorm
from terminology.records import Concept, Property, Record, Term
from tests.releases import rxnorm as drugs
from tests.releases.rxnorm import FILES, GLUE, GONE, OLD, SUPPRESSED, TABLET


def _read(path: Path, options: Options | None = None) -> tuple[Release, list[Record]]:
    archive = Archive(path)
    assert auto(archive) is rxnorm.LOADER
    [release] = rxnorm.read(archive, options or Options())
    return release, [one for part in release.parts for one in part.records()]


def _properties(records: list[Record], code: str) -> list[tuple[str, str, str]]:
    return [(one.name, one.value, one.type) for one in records if isinstance(one, Property) and one.code == code]


def test_concepts_are_those_that_rxnorm_itself_has_a_term_for(tmp_path: Path) -> None:
    """https://hl7.org/fhir/R4/rxnorm.html: the display is that of SAB=RXNORM which is no synonym."""
    release, records = _read(drugs.write(tmp_path))
    assert (release.about.url, release.about.version, release.about.kind) == (rxnorm.RXNORM, "07032030", "rxnorm")
    assert release.about.hierarchy_meaning == ""
    concepts = {one.code: (one.display, one.inactive, one.status) for one in records if isinstance(one, Concept)}
    assert concepts == {
        GLUE: ("glue", False, ""),
        TABLET: ("glue 5 MG Oral Tablet", False, ""),
        OLD: ("paste", True, "obsolete"),
        SUPPRESSED: ("gum", True, "suppressed"),
        GONE: ("bone glue", True, "retired"),
    }
    assert _properties(records, GONE) == [("mergedInto", GLUE, "concept")]
    assert {one.value for one in records if isinstance(one, Term)} == {
        "sticky stuff", "glue", "glue 5 MG Oral Tablet", "paste", "gum",
    }  # fmt: skip


def test_properties_attributes_and_relations(tmp_path: Path) -> None:
    """The second concept of a row has the relation to the first."""
    _, records = _read(drugs.write(tmp_path))
    assert _properties(records, TABLET) == [
        ("TTY", "SCD", "code"), ("SAB", "RXNORM", "code"), ("STY", "T900", "Coding"), ("TUI", "T900", "code"),
        ("RXN_STRENGTH", "5 MG", "string"), ("RO", GLUE, "concept"), ("has_ingredient", GLUE, "concept"),
    ]  # fmt: skip
    assert ("ingredient_of", TABLET, "concept") in _properties(records, GLUE)
    assert [value for name, value, _ in _properties(records, GLUE) if name == "TTY"] == ["SY", "IN"]


@pytest.mark.parametrize("sources", [("OTHERS",), ("*",)])
def test_other_sources_are_read_only_where_it_is_asked(sources: tuple[str, ...], tmp_path: Path) -> None:
    release, records = _read(drugs.write(tmp_path), Options(sources=sources))
    assert not any("UMLS" in one for one in release.report.notes)
    assert {one.value for one in records if isinstance(one, Term)} >= {"a name of others", "glue"}
    assert ("THEIRS", "x", "string") in _properties(records, TABLET)
    assert ("of_others", GLUE, "concept") in _properties(records, TABLET)
    assert ("SAB", "OTHERS", "code") in _properties(records, GLUE)
    assert "900" not in {one.code for one in records if isinstance(one, Concept)}


def test_the_version_is_that_of_the_download(tmp_path: Path) -> None:
    assert _read(drugs.write(tmp_path / "RxNorm_full_06052031"))[0].about.version == "06052031"
    assert _read(drugs.write(tmp_path / "x"), Options(version="07092014"))[0].about.version == "07092014"
    without = {name: lines for name, lines in FILES.items() if name != "RXNSAB"}
    with pytest.raises(BadFile, match=r"says of what date it is"):
        _read(drugs.write(tmp_path / "y", without))


def test_the_full_content_goes_before_the_prescribable_subset(tmp_path: Path) -> None:
    drugs.write(tmp_path)
    drugs.write(tmp_path / "prescribe", {name: lines[:1] for name, lines in FILES.items()})
    release, records = _read(tmp_path)
    assert sum(isinstance(one, Concept) for one in records) == 5
    assert "prescribe/rrf/RXNCONSO.RRF" in release.report.ignored


def test_optional_files_that_are_missing_are_told(tmp_path: Path) -> None:
    files = {name: lines for name, lines in FILES.items() if name in ("RXNCONSO", "RXNSAB")}
    release, records = _read(drugs.write(tmp_path, files))
    assert release.report.missing == ["RXNREL.RRF", "RXNSAT.RRF", "RXNSTY.RRF", "RXNATOMARCHIVE.RRF"]
    assert sum(isinstance(one, Concept) for one in records) == 4


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_part_is_read_anew_in_the_same_order(end: str, tmp_path: Path) -> None:
    release, records = _read(drugs.write(tmp_path, end=end))
    assert [one for part in release.parts for one in part.records()] == records


@pytest.mark.parametrize(
    ("file", "row", "before", "after", "column"),
    [
        ("RXNCONSO", 1, "|C2|", "|C2", 18),
        ("RXNCONSO", 1, "100|ENG", "x|ENG", 1),
        ("RXNCONSO", 1, "|glue|", "||", 15),
        ("RXNREL", 0, "has_ingredient", "has|ingredient", 17),
        ("RXNSTY", 1, "|256|", "", 6),
    ],
)
def test_malformed_files_are_told_with_line_and_column(
    file: str, row: int, before: str, after: str, column: int, tmp_path: Path
) -> None:
    files: Mapping[str, Sequence[str]] = {
        name: [
            line.replace(before, after) if (name, place) == (file, row) else line for place, line in enumerate(lines)
        ]
        for name, lines in FILES.items()
    }
    assert files != FILES
    with pytest.raises(BadFile) as caught:
        _read(drugs.write(tmp_path, files))
    assert (caught.value.file, caught.value.line, caught.value.column) == (f"rrf/{file}.RRF", row + 1, column)
