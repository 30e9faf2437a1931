"""ICD-10 as ClaML: classes, rubrics and modifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders.archive import BadFile
from terminology.loaders.claml import LOADER
from terminology.loaders.release import Options
from terminology.records import Concept, Parent, Property, Record, Term

from ....releases.claml import TEXT, category, character
from ....releases.files import all_records, folder, released, zipped


@pytest.fixture
def read(tmp_path: Path) -> list[Record]:
    archive = zipped(tmp_path / "icd10.zip", {"icd102031en.xml": TEXT, "ClaML.dtd": "not read"})
    assert LOADER.detect(archive)
    return all_records(LOADER, archive)


def test_about(tmp_path: Path) -> None:
    (release,) = released(LOADER, folder(tmp_path, {"icd10.xml": TEXT}))
    about = release.about
    assert (about.url, about.version, about.language, about.kind) == (
        "http://hl7.org/fhir/sid/icd-10",
        "2031",
        "en",
        "icd-10",
    )
    (release,) = released(
        LOADER, folder(tmp_path, {"icd10.xml": TEXT.replace("ICD-10-XX", "ICD-10-GM 2031")}), Options("7")
    )
    assert (release.about.url, release.about.version) == ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "7")


def test_rubrics(read: list[Record]) -> None:
    concepts = {one.code: one for one in read if isinstance(one, Concept)}
    assert concepts["A00"] == Concept("A00", "Squeak", "A high noise")
    assert concepts["A01"].display == "Rattle"  # a title is without its references
    assert [one.code for one in concepts.values() if one.abstract] == ["I", "A00-A09"]
    assert [(one.value, one.language, one.use[2]) for one in read if isinstance(one, Term)] == [
        ("Chirp A01.-", "en", "Synonym"),
        ("Squeak of a robot", "en", ""),
        ("Quietsch", "de", ""),
    ]
    told = {(one.name, one.value) for one in read if isinstance(one, Property) and one.code == "A00"}
    assert told == {
        ("kind", "category"),
        ("usage", "dagger"),
        ("exclusion", "Rattle (A01)"),
        ("note", "Listen"),
        ("coding-hint", "Code it"),
    }


def test_modifiers_make_codes(read: list[Record]) -> None:
    """TX-115: fourth and fifth characters, those that are not valid or excluded left out, dagger and asterisk kept."""
    made = {one.code for one in read if isinstance(one, Property) and one.value == "modifiedcategory"}
    titles = {one.code: one.display for one in read if isinstance(one, Concept) and one.code in made}
    assert titles == {
        "A00.0": "Squeak with sparks",
        "A00.1": "Squeak : acute with smoke",
        "A01.00": "Rattle of tin : arm",
        "A01.01": "Rattle of tin : leg",
        "A02.X0": "Hum : arm",
        "A02.X1": "Hum : leg",
        "A03.0": "Bang : workshop",
        "A04.1": "Ping : acute with smoke",
        "A04.10": "Ping : acute with smoke : arm",
        "A04.11": "Ping : acute with smoke : leg",
        "A05.0": "Click : workshop",
    }
    parents = {one.code: one.parent for one in read if isinstance(one, Parent)}
    assert (parents["A00.0"], parents["A01.00"], parents["A02.X0"], parents["A04.10"]) == (
        "A00",
        "A01.0",
        "A02",
        "A04.1",
    )
    usage = {one.code: one.value for one in read if isinstance(one, Property) and one.name == "usage"}
    assert usage == {
        "A00": "dagger",
        "A00.0": "dagger",
        "A00.1": "aster",
        "A04.1": "aster",
        "A04.10": "aster",
        "A04.11": "aster",
    }


def _made(tmp_path: Path, *more: str) -> set[str]:
    """Codes that modifiers make of classes beyond those of the fixture."""
    archive = folder(tmp_path, {"icd10.xml": TEXT.replace("</ClaML>", "".join(more) + "</ClaML>")})
    made = (one.code for one in all_records(LOADER, archive) if isinstance(one, Property) and one.name == "modifier")
    return {one for one in made if one.startswith("B")}


def test_a_character_that_may_not_follow_another(tmp_path: Path) -> None:
    """As ICD-10-GM says it of the fifth characters of diabetes."""
    fifth = (character("S6_5", "2", "Once", not_after="S4_4 .1"), character("S6_5", "3", "Twice"))
    both = '<ModifiedBy code="S6_5"/><ModifiedBy code="S4_4"/>'
    made = _made(tmp_path, *fifth, category("B00", "A00-A09", "Thud", both))
    assert made == {"B00.0", "B00.1", "B00.02", "B00.03", "B00.13"}


@pytest.mark.parametrize(
    ("modified", "made"),
    [
        ('<ModifiedBy code="S4_4"/>', {"B00.0", "B00.1"}),
        ('<ModifiedBy code="S4_4" all="true"/>', {"B00.0", "B00.1"}),
        ('<ModifiedBy code="S4_4" all="false"/>', set()),
        ('<ModifiedBy code="S4_4" all="false"><ValidModifierClass code=".0"/></ModifiedBy>', {"B00.0"}),
        ('<ModifiedBy code="S4_4" all="true"><ValidModifierClass code=".0"/></ModifiedBy>', {"B00.0"}),
    ],
)
def test_which_characters_of_a_modifier_are_valid(tmp_path: Path, modified: str, made: set[str]) -> None:
    """EN 14463: all unless all="false"; OPS lists some beside all="true"."""
    assert _made(tmp_path, category("B00", "A00-A09", "Thud", modified)) == made


def test_classes_in_a_circle_have_their_modifiers_once(tmp_path: Path) -> None:
    circle = (category("B00", "B01", "Thud", '<ModifiedBy code="S4_4"/>'), category("B01", "B00", "Clang"))
    assert _made(tmp_path, *circle) == {"B00.0", "B00.1", "B01.0", "B01.1"}


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "what"),
    [
        ('<Class code="A02"', "<Class", 16, 1, "no code"),
        ("Rattle of tin", "", 14, 1, "kind preferred"),
        ("Leg", "", 8, 1, "kind preferred"),
        ('<Class code="A02"', '<Klass code="A02"', 16, 0, "mismatched"),
        ('"ClaML.dtd">', '"ClaML.dtd" [<!ENTITY a "b">]>', 2, 0, "entities are refused"),
        ("Rattle of tin", "&tin;", 14, 0, "entity tin is not known"),
    ],
)
def test_faults_say_where(tmp_path: Path, old: str, new: str, line: int, column: int, what: str) -> None:
    archive = folder(tmp_path, {"icd10.xml": TEXT.replace(old, new)})
    with pytest.raises(BadFile, match=what) as error:
        all_records(LOADER, archive)
    assert (error.value.file, error.value.line) == ("icd10.xml", line)
    assert column in (0, error.value.column)
