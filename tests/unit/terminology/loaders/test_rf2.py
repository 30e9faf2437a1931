"""Which rows of SNOMED CT's files count: snapshots, full files on a date, several packages at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.loaders import Archive, BadFile, Options, Release, Report, snomed
from terminology.loaders.rf2 import Files
from terminology.records import Concept, Member, Property, Record
from tests.releases import snomed as toolbox


def _records(path: Path, options: Options | None = None) -> tuple[Release, list[Record]]:
    release = next(snomed.read(Archive(path), options or Options()))
    return release, [one for part in release.parts for one in part.records()]


@pytest.mark.parametrize("date", [toolbox.FIRST, toolbox.SECOND])
def test_full_on_a_date_is_the_snapshot_of_that_date(date: str, tmp_path: Path) -> None:
    """TX-112: Full only where a date asks for it."""
    snapshot, expected = _records(toolbox.write(tmp_path / "a", date=date))
    full, found = _records(toolbox.write(tmp_path / "b", kinds=("Full",)), Options(version=date))
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert full.about == snapshot.about


def test_a_package_with_both_is_read_by_what_is_asked(tmp_path: Path) -> None:
    path = toolbox.write(tmp_path, kinds=("Full", "Snapshot"))
    for version, count, kind in (("", 12, "snapshot"), (toolbox.SECOND, 12, "snapshot"), (toolbox.FIRST, 11, "full")):
        release, found = _records(path, Options(version=version))
        assert sum(isinstance(one, Concept) for one in found) == count
        assert any(f"the {kind} files were read" in one for one in release.report.notes)
        assert release.about.version.endswith(version or toolbox.SECOND)


def test_full_alone_is_read_up_to_its_latest_rows(tmp_path: Path) -> None:
    release, found = _records(toolbox.write(tmp_path, kinds=("Full",)))
    assert found
    assert release.about.version.endswith(f"/version/{toolbox.SECOND}")
    assert {one.code: one.inactive for one in found if isinstance(one, Concept)}[toolbox.CHISEL]


@pytest.mark.parametrize("date", [toolbox.FIRST, toolbox.EXTENDED])
def test_a_snapshot_of_another_date_is_refused(date: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="release of 20300731"):
        _records(toolbox.write(tmp_path), Options(version=date))


def test_a_date_between_two_releases_is_told(tmp_path: Path) -> None:
    release, _ = _records(toolbox.write(tmp_path, kinds=("Full",)), Options(version="20300401"))
    assert "There was no release on 20300401; what stood then is that of 20300131." in release.report.notes


def test_an_extension_is_merged_with_what_it_extends(tmp_path: Path) -> None:
    """TX-112: of a component in both the later row counts."""
    toolbox.write(tmp_path, packed=True)
    toolbox.write(tmp_path, toolbox.extension(), toolbox.EXTENDED, namespace="XX1999999", language="sv")
    release, found = _records(tmp_path)
    assert release.about.version == f"http://snomed.info/sct/{toolbox.EXTENSION}/version/{toolbox.EXTENDED}"
    concepts = {one.code: one for one in found if isinstance(one, Concept)}
    assert len(concepts) == 13 == sum(isinstance(one, Concept) for one in found)
    assert concepts[toolbox.HERITAGE].display == "Heirloom hammer (thing)"
    saw = {one.name: one.value for one in found if isinstance(one, Property) and one.code == toolbox.SAW}
    assert (saw["moduleId"], saw["sufficientlyDefined"]) == (toolbox.EXTENSION, "true")
    favourites = {one.code for one in found if isinstance(one, Member) and one.set == toolbox.FAVOURITES}
    assert favourites == {toolbox.HAMMER, toolbox.HERITAGE}


def test_the_same_package_twice_counts_once(tmp_path: Path) -> None:
    _, once = _records(toolbox.write(tmp_path / "a"))
    toolbox.write(tmp_path / "b", packed=True)
    toolbox.write(tmp_path / "b", name="AgainUnpacked")
    _, twice = _records(tmp_path / "b")
    assert sorted(map(repr, twice)) == sorted(map(repr, once))


def test_a_renamed_file_is_read_by_its_columns(tmp_path: Path) -> None:
    folder = toolbox.write(tmp_path)
    _, expected = _records(folder)
    [path] = folder.rglob("der2_Refset_Simple*")
    path.rename(path.with_name("der2_SimpleRefset_2030.txt"))
    release, found = _records(folder)
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert [one.rpartition("/")[2] for one in release.report.renamed] == [
        "der2_SimpleRefset_2030.txt was read as snapshot of refset, by its columns."
    ]


def test_a_delta_is_not_read(tmp_path: Path) -> None:
    folder = toolbox.write(tmp_path)
    delta = folder / "Delta/Terminology/sct2_Concept_Delta_INT_20300731.txt"
    delta.parent.mkdir(parents=True)
    delta.write_text("id\n1\n")
    release, found = _records(folder)
    assert sum(isinstance(one, Concept) for one in found) == 12
    assert "Delta/Terminology/sct2_Concept_Delta_INT_20300731.txt" in release.report.ignored


def test_without_concepts_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="there is no sct2_Concept_Snapshot"):
        _records(toolbox.write(tmp_path, without=("sct2_Concept",)))


_rows = st.lists(
    st.tuples(st.integers(100, 105), st.sampled_from([toolbox.FIRST, toolbox.SECOND, toolbox.EXTENDED]), st.booleans()),
    min_size=1, max_size=25, unique_by=lambda row: row[:2],
)  # fmt: skip


@given(_rows, st.sampled_from(["20300101", toolbox.FIRST, toolbox.SECOND, "20310101"]))
def test_the_latest_row_until_the_date_counts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, bool]], date: str
) -> None:
    content = toolbox.Content()
    for code, time, active in rows:
        content.add("sct2_Concept", f"{code}00", time, str(int(active)), toolbox.CORE, toolbox.PRIMITIVE)
    path = toolbox.write(tmp_path_factory.mktemp("rf2"), content, "20310101", kinds=("Full",))
    files = Files(Archive(path), Options(version=date), Report())
    [file] = files.of("concept")
    assert sorted(files.rows(file, ())) == sorted(
        tuple(row[:4]) for row in toolbox.at(content.rows["sct2_Concept"], date)
    )
