"""Which edition of SNOMED CT a set of files is."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import Archive, BadFile, Options, Report
from terminology.loaders.editions import EDITIONS, INTERNATIONAL, Edition, edition_of
from terminology.loaders.rf2 import Files
from tests.releases import snomed as toolbox

US, US_ICD_10_CM = "731000124108", "5991000124107"


def _edition(path: Path, options: Options | None = None) -> tuple[Edition, Report]:
    report, options = Report(), options or Options()
    return edition_of(Files(Archive(path), options, report), options, report), report


def _depending(*modules: tuple[str, str]) -> toolbox.Content:
    content = toolbox.international()
    for module, other in modules:
        content.member(
            "der2_ssRefset_ModuleDependency", toolbox.SECOND, module, "900000000000534007", other, *[toolbox.SECOND] * 2
        )
    return content


def test_the_international_edition(tmp_path: Path) -> None:
    """TX-112."""
    edition, report = _edition(toolbox.write(tmp_path))
    assert edition == (INTERNATIONAL, toolbox.SECOND, "International edition")
    assert report.notes == []


def test_modules_of_maps_are_no_editions(tmp_path: Path) -> None:
    content = _depending(("449080006", INTERNATIONAL), (US, INTERNATIONAL), (US_ICD_10_CM, US))
    assert _edition(toolbox.write(tmp_path, content))[0].module == US
    assert US in EDITIONS


def test_the_module_that_depends_on_most_others_is_the_edition(tmp_path: Path) -> None:
    content = _depending(("11000999102", INTERNATIONAL), (toolbox.EXTENSION, "11000999102"))
    assert _edition(toolbox.write(tmp_path, content))[0] == (toolbox.EXTENSION, toolbox.SECOND, "")


def test_an_edition_may_be_named(tmp_path: Path) -> None:
    content = _depending((US, INTERNATIONAL))
    path = toolbox.write(tmp_path, content)
    assert _edition(path, Options(edition=INTERNATIONAL))[0].module == INTERNATIONAL
    with pytest.raises(BadFile, match=f"not the edition 449081005; its modules are {US}, {INTERNATIONAL}"):
        _edition(path, Options(edition="449081005"))


def test_an_extension_alone_says_what_it_lacks(tmp_path: Path) -> None:
    path = toolbox.write(tmp_path, toolbox.extension(), toolbox.EXTENDED, namespace="XX1999999")
    edition, report = _edition(path)
    assert edition.module == toolbox.EXTENSION
    assert report.notes == [f"It depends on the module {INTERNATIONAL} of {toolbox.SECOND}, which is not there."]


def test_an_extension_beside_another_date_than_it_was_made_for(tmp_path: Path) -> None:
    toolbox.write(tmp_path, date=toolbox.FIRST)
    toolbox.write(tmp_path, toolbox.extension(), toolbox.EXTENDED, namespace="XX1999999")
    _, report = _edition(tmp_path)
    assert f"It depends on the module {INTERNATIONAL} of 20300731; the files have that of 20300131." in report.notes


def test_without_dependencies_the_edition_must_be_named(tmp_path: Path) -> None:
    path = toolbox.write(tmp_path, without=("der2_ssRefset_ModuleDependency",))
    with pytest.raises(BadFile, match="no module dependency says which edition it is"):
        _edition(path)
    assert _edition(path, Options(edition=INTERNATIONAL))[0] == (INTERNATIONAL, toolbox.SECOND, "International edition")
