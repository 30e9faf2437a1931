"""Maps in SNOMED CT releases: rows whole, with the relation that the release says."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import Archive, Options, Release, snomed
from terminology.loaders.snomed_maps import ASSOCIATIONS, CORRELATIONS, equivalence, is_concept
from terminology.records import Row
from tests.releases import snomed as toolbox

SCT = "http://snomed.info/sct"


def _maps(path: Path) -> dict[str, Release]:
    found = [one for one in snomed.read(Archive(path), Options()) if one.kind == "concept-map"]
    return {one.about.url.rpartition("=")[2]: one for one in found}


def _rows(release: Release) -> list[Row]:
    return [one for part in release.parts for one in part.records() if isinstance(one, Row)]


def test_extended_map_rows_are_whole(tmp_path: Path) -> None:
    """TX-51, TX-150."""
    release = _maps(toolbox.write(tmp_path))[toolbox.ICD_10]
    about = release.about
    assert about.url == f"{SCT}?fhir_cm={toolbox.ICD_10}"
    assert about.version == f"{SCT}/900000000000207008/version/20300731"
    assert (about.source, about.target) == (f"{SCT}?fhir_vs", "http://hl7.org/fhir/sid/icd-10")
    first, second, third = _rows(release)
    assert (first.source_system, first.source, first.target_system) == (
        SCT,
        toolbox.SAW,
        "http://hl7.org/fhir/sid/icd-10",
    )
    assert (first.target, first.equivalence, first.group, first.priority) == ("X01.1", "equal", 1, 1)
    assert (first.rule, first.advice) == (f"IFA {toolbox.MADE_OF} | Made of |", "ALWAYS X01.1")
    assert (first.correlation, first.category) == ("447557004", "447637006")
    assert first.id
    assert first.fields == {"moduleId": toolbox.CORE, "effectiveTime": toolbox.FIRST}
    assert (second.target, second.equivalence, second.rule) == (None, "unmatched", "OTHERWISE TRUE")
    assert (third.target, third.equivalence, third.group) == ("X02", "relatedto", 2)


def test_maps_to_where_nobody_knows_are_told(tmp_path: Path) -> None:
    release = _maps(toolbox.write(tmp_path))[toolbox.OWN_MAP]
    [row] = _rows(release)
    assert (row.target_system, row.target) == (f"urn:x-fhir-server:snomed-map:{toolbox.OWN_MAP}", "H-1")
    assert any(toolbox.OWN_MAP in one for one in release.report.notes)


def test_associations_are_maps_within_snomed(tmp_path: Path) -> None:
    """TX-51, TX-162."""
    [row] = _rows(_maps(toolbox.write(tmp_path))[toolbox.SAME_AS])
    assert (row.source, row.target, row.equivalence) == (toolbox.CHISEL, toolbox.SAW, "equal")
    assert row.source_system == row.target_system == SCT


def test_a_map_to_snomed_is_turned_round(tmp_path: Path) -> None:
    folder = toolbox.write(tmp_path)
    [path] = folder.rglob("der2_sRefset_SimpleMap*")
    text = path.read_text().replace("mapTarget", "mapSource\tcorrelationId").replace("H-1", "H-1\t447558009")
    path.write_text(text)
    [row] = _rows(_maps(folder)[toolbox.OWN_MAP])
    assert (row.source, row.target_system, row.target, row.equivalence) == ("H-1", SCT, toolbox.HAMMER, "narrower")


def test_a_complex_map_lacks_the_category_and_may_have_more(tmp_path: Path) -> None:
    """TX-110: read by header."""
    folder = toolbox.write(tmp_path)
    [path] = folder.rglob("der2_iissscc*")
    path.write_text(path.read_text().replace("mapCategoryId", "mapBlock"))
    row = _rows(_maps(folder)[toolbox.ICD_10])[2]
    assert (row.category, row.fields["mapBlock"], row.equivalence) == ("", "447637006", "relatedto")


@pytest.mark.parametrize(
    ("target", "correlation", "category", "relation"),
    [
        ("X", "447557004", "", "equal"),
        ("X", "1193548004", "", "equal"),
        ("X", "447558009", "", "wider"),
        ("X", "447559001", "", "narrower"),
        ("X", "447560006", "", "inexact"),
        ("X", "447561005", "447637006", "relatedto"),
        ("X", "447561005", "447639009", "relatedto"),
        ("X", "", "", "relatedto"),
        (None, "447561005", "447638001", "unmatched"),
        (None, "447561005", "447637006", "unmatched"),
        (None, "447556008", "", "disjoint"),
    ],
)
def test_relations(target: str | None, correlation: str, category: str, relation: str) -> None:
    """TX-156."""
    assert equivalence(target, correlation, category) == relation


def test_the_tables_speak_r4() -> None:
    r4 = {
        "relatedto", "equivalent", "equal", "wider", "subsumes", "narrower", "specializes", "inexact", "unmatched",
        "disjoint",
    }  # fmt: skip
    assert {one for one, _ in ASSOCIATIONS.values()} | set(CORRELATIONS.values()) <= r4


def test_only_concepts_are_mapped() -> None:
    assert is_concept(toolbox.SAW)
    assert is_concept(toolbox.HERITAGE)
    assert not is_concept(toolbox.sctid(5, "1"))
    assert not is_concept("")
