"""SNOMED CT: every kind of record out of a small invented release in the official layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from terminology.loaders import Archive, BadFile, Options, Release, auto, snomed
from terminology.records import Concept, Member, Parent, Property, Record, Term
from tests.releases import snomed as toolbox


def _read(path: Path, options: Options | None = None) -> list[Release]:
    archive = Archive(path)
    assert auto(archive) is snomed.LOADER
    return list(snomed.read(archive, options or Options()))


def _records(release: Release) -> list[Record]:
    return [one for part in release.parts for one in part.records()]


def _everything(path: Path) -> list[Record]:
    return [one for release in _read(path) for one in _records(release)]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return _read(toolbox.write(tmp_path_factory.mktemp("rf2"), packed=True))[0]


@pytest.fixture(scope="module")
def records(edition: Release) -> list[Record]:
    return _records(edition)


def test_the_edition_says_what_it_is(edition: Release) -> None:
    """TX-110, TX-112."""
    about = edition.about
    assert (edition.kind, about.url, about.kind) == ("code-system", "http://snomed.info/sct", "snomed")
    assert about.version == "http://snomed.info/sct/900000000000207008/version/20300731"
    assert (about.language, about.value_set, about.date) == ("en", "http://snomed.info/sct?fhir_vs", "2030-07-31")
    assert "licence" in about.copyright
    assert snomed.LOADER.licence
    assert {"inactive", "moduleId", "sufficientlyDefined"} <= {one.code for one in about.properties}
    assert all(part.size > 0 for part in edition.parts)
    assert len({part.name for part in edition.parts}) == len(edition.parts)


def test_the_counts_are_those_of_the_files(records: list[Record]) -> None:
    content = toolbox.international()
    at = {name: toolbox.at(rows, toolbox.SECOND) for name, rows in content.rows.items()}
    assert Counter(type(one) for one in records) == {
        Concept: len(at["sct2_Concept"]),
        Term: len(at["sct2_Description"]) + len(at["sct2_TextDefinition"]),
        Parent: sum(row[2] == "1" for row in at["sct2_Relationship"] if row[7] == toolbox.IS_A),
        Property: 4 * len(at["sct2_Concept"])
        + sum(row[2] == "1" for row in at["sct2_Relationship"] if row[7] != toolbox.IS_A)
        + len(at["sct2_RelationshipConcreteValues"])
        + len(at["sct2_Identifier"]),
        Member: sum(
            row[2] == "1"
            for name, rows in at.items()
            if name.startswith("der2_") and "Language" not in name
            for row in rows
        ),
    }


def test_every_part_is_read_anew_in_the_same_order(edition: Release, records: list[Record]) -> None:
    assert _records(edition) == records
    for part in reversed(edition.parts):
        assert list(part.records()) == list(part.records())


def test_concepts_have_the_preferred_synonym_as_display(records: list[Record]) -> None:
    """https://hl7.org/fhir/R4/snomedct.html: US English unless there is none."""
    concepts = {one.code: one for one in records if isinstance(one, Concept)}
    assert concepts[toolbox.MALLET].display == "Wooden hammer"
    assert concepts[toolbox.SAW].definition == "A blade with teeth"
    assert (concepts[toolbox.CHISEL].inactive, concepts[toolbox.CHISEL].status) == (True, "inactive")
    assert (concepts[toolbox.SAW].inactive, concepts[toolbox.SAW].status) == (False, "")


def test_terms_say_their_use_dialects_and_fields(records: list[Record]) -> None:
    """TX-111."""
    terms = {one.value: one for one in records if isinstance(one, Term)}
    mallet = terms["Mallet"]
    assert mallet.use == ("http://snomed.info/sct", toolbox.SYNONYM, "Synonym")
    assert (mallet.language, mallet.preferred, mallet.acceptable) == ("en", (toolbox.GB,), (toolbox.US,))
    assert terms["Saw (thing)"].use[1] == toolbox.FSN
    assert set(terms["Saw"].preferred) == {toolbox.US, toolbox.GB}
    assert terms["A blade with teeth"].use[1] == toolbox.TEXT
    assert terms["Striker"].inactive
    assert not mallet.inactive
    assert mallet.fields == {
        "moduleId": toolbox.CORE,
        "effectiveTime": toolbox.FIRST,
        "caseSignificanceId": toolbox.CASELESS,
        "typeId": toolbox.SYNONYM,
    }
    assert mallet.id[-3:-1] == "01"


def test_hierarchy_attributes_and_concrete_values(records: list[Record]) -> None:
    parents = {(one.code, one.parent) for one in records if isinstance(one, Parent)}
    assert (toolbox.MALLET, toolbox.HAMMER) in parents
    assert toolbox.CHISEL not in {child for child, _ in parents}
    own = {"moduleId", "effectiveTime", "definitionStatusId", "sufficientlyDefined"}
    found = {
        (one.code, one.name): (one.value, one.type, one.group)
        for one in records
        if isinstance(one, Property) and one.name not in own
    }
    assert found == {
        (toolbox.MALLET, toolbox.MADE_OF): (toolbox.WOOD, "concept", 1),
        (toolbox.MALLET, toolbox.WEIGHT): ("450", "integer", 1),
        (toolbox.SAW, toolbox.WEIGHT): ("250.50", "decimal", 1),
        (toolbox.SAW, toolbox.MADE_OF): (toolbox.STEEL, "concept", 1),
        (toolbox.SAW, toolbox.LABEL): ('SHARP "S"', "string", 2),
        (toolbox.SAW, f"alternateIdentifier:{toolbox.SCHEME}"): ("T-100", "string", 0),
    }
    mallet = {
        one.name: (one.value, one.type) for one in records if isinstance(one, Property) and one.code == toolbox.MALLET
    }
    assert mallet["moduleId"] == (toolbox.CORE, "code")
    assert mallet["effectiveTime"] == (toolbox.FIRST, "string")
    assert mallet["sufficientlyDefined"] == ("true", "boolean")
    assert mallet["definitionStatusId"] == (toolbox.DEFINED, "code")


def test_members_of_every_kind_of_reference_set(records: list[Record]) -> None:
    members = [one for one in records if isinstance(one, Member)]
    assert {one.code for one in members if one.set == toolbox.FAVOURITES} == {toolbox.HAMMER}
    [replaced] = [one for one in members if one.set == toolbox.SAME_AS]
    assert (replaced.code, replaced.fields["targetComponentId"]) == (toolbox.CHISEL, toolbox.SAW)
    assert {"id", "effectiveTime", "moduleId"} < set(replaced.fields)
    [reason] = [one for one in members if one.set == toolbox.REASON]
    assert reason.fields["valueId"] == toolbox.LABEL
    mapped = [one.fields for one in members if one.set == toolbox.ICD_10]
    assert [(one["mapGroup"], one["mapPriority"], one["mapTarget"]) for one in mapped] == [
        ("1", "1", "X01.1"), ("1", "2", ""), ("2", "1", "X02"),
    ]  # fmt: skip
    assert not any("acceptabilityId" in one.fields or "owlExpression" in one.fields for one in members)


def test_what_is_left_out_or_not_there_is_reported(edition: Release, tmp_path: Path) -> None:
    report = edition.report
    assert report.missing == []
    assert [one.rpartition("/")[2] for one in report.ignored] == ["Readme_en_20300731.txt"]
    assert any(one.startswith("Stated relationships are left out") for one in report.notes)
    assert any(one.startswith("OWL axioms are left out") for one in report.notes)
    path = toolbox.write(tmp_path, without=("der2_cRefset_Language", "sct2_Relationship"))
    [release, *_] = _read(path)
    assert release.report.missing == [
        "There is no file of language reference sets.",
        "There is no file of relationships.",
    ]
    displays = {one.code: one.display for one in _records(release) if isinstance(one, Concept)}
    assert displays[toolbox.SAW] == "Saw (thing)"  # no dialect says what is preferred


def test_unpublished_editions_have_a_system_of_their_own(tmp_path: Path) -> None:
    """https://hl7.org/fhir/R4/snomedct.html: http://snomed.info/xsct."""
    release, *maps = _read(toolbox.write(tmp_path, prefix="x"))
    assert release.about.url == "http://snomed.info/xsct"
    assert release.about.version == "http://snomed.info/xsct/900000000000207008/version/20300731"
    assert {one.about.url.partition("?")[0] for one in maps} == {"http://snomed.info/xsct"}


def test_modules_may_be_chosen(tmp_path: Path) -> None:
    toolbox.write(tmp_path)
    toolbox.write(tmp_path, toolbox.extension(), toolbox.EXTENDED, namespace="XX1999999", language="sv")
    release = _read(tmp_path, Options(modules=(toolbox.EXTENSION,)))[0]
    assert {one.code for one in _records(release) if isinstance(one, Concept)} == {toolbox.SAW, toolbox.HERITAGE}


FAULTS = {  # file → text of its first row that is changed, into what, and the column that is named
    "not a number": ("sct2_Relationship_", toolbox.IS_A, "x", "typeId"),
    "bad group": ("sct2_RelationshipConcreteValues_", "#450\t1\t", "#450\tone\t", "relationshipGroup"),
    "bad value": ("sct2_RelationshipConcreteValues_", "#450", "450kg", "value"),
    "bad concept": ("sct2_Concept_", toolbox.TOOL, "tool", "id"),
    "bad status": ("sct2_Concept_", "\t1\t", "\tyes\t", "active"),
    "bad date": ("sct2_Concept_", "20300131", "31.1.2030", "effectiveTime"),
    "no id": ("der2_Refset_Simple", None, "", "id"),
    "bad description": ("sct2_Description_", toolbox.HAMMER, "hammer", "conceptId"),
    "empty term": ("sct2_Description_", "Hammer (thing)", "", "term"),
    "bad acceptability": ("der2_cRefset_Language", toolbox.PREFERRED, "liked", "acceptabilityId"),
    "bad priority": ("der2_iisssccRefset_ExtendedMap", "\t1\t1\t", "\t1\tfirst\t", "mapPriority"),
    "one cell less": ("sct2_Concept_", "\t" + toolbox.DEFINED, "", "definitionStatusId"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_malformed_files_are_told_with_line_and_column(name: str, tmp_path: Path) -> None:
    start, before, after, column = FAULTS[name]
    folder = toolbox.write(tmp_path)
    [path] = [one for one in folder.rglob("*.txt") if one.name.startswith(start)]
    lines = path.read_bytes().decode().split("\r\n")
    number = next(place for place, line in enumerate(lines) if place and (before is None or before in line))
    lines[number] = after + lines[number][36:] if before is None else lines[number].replace(before, after, 1)
    path.write_bytes("\r\n".join(lines).encode())
    with pytest.raises(BadFile) as caught:
        _everything(folder)
    columns = lines[0].split("\t")
    assert caught.value.file.endswith(path.name)
    assert (caught.value.line, columns[caught.value.column - 1]) == (number + 1, column)
    assert column in caught.value.text


def test_a_missing_column_names_those_there_are(tmp_path: Path) -> None:
    folder = toolbox.write(tmp_path)
    [path] = folder.rglob("sct2_Concept_*")
    path.write_text(path.read_text().replace("definitionStatusId", "status", 1))
    with pytest.raises(BadFile, match=r"line 1, column 6: the column definitionStatusId is missing; there is id, eff"):
        _everything(folder)
