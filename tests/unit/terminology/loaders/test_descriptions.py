"""The display of a concept, whatever dialects a release has."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import Archive, Options, Report
from terminology.loaders.descriptions import Descriptions
from terminology.loaders.rf2 import Files
from terminology.records import Term
from tests.releases import snomed as toolbox


def _descriptions(path: Path, content: toolbox.Content, language: str = "en") -> Descriptions:
    return Descriptions(Files(Archive(toolbox.write(path, content, language=language)), Options(), Report()))


def _content(*dialects: str) -> toolbox.Content:
    content = toolbox.Content()
    content.add("sct2_Concept", toolbox.SAW, toolbox.FIRST, "1", toolbox.CORE, toolbox.PRIMITIVE)
    content.describe(toolbox.SAW, "any synonym", toolbox.FIRST)
    content.describe(toolbox.SAW, "inactive", toolbox.FIRST, preferred=dialects, active="0")
    content.describe(toolbox.SAW, "name (thing)", toolbox.FIRST, toolbox.FSN, preferred=dialects)
    return content


def test_the_preferred_synonym_goes_before_the_name(tmp_path: Path) -> None:
    content = _content(toolbox.US)
    content.describe(toolbox.SAW, "preferred in GB", toolbox.FIRST, preferred=(toolbox.GB,), acceptable=(toolbox.US,))
    content.describe(toolbox.SAW, "preferred in US", toolbox.FIRST, preferred=(toolbox.US,))
    found = _descriptions(tmp_path, content)
    assert (found.default, found.language) == (toolbox.US, "en")
    assert dict(found.displays()) == {int(toolbox.SAW): "preferred in US"}


def test_without_a_preferred_synonym_the_name_is_shown(tmp_path: Path) -> None:
    assert dict(_descriptions(tmp_path, _content(toolbox.US)).displays()) == {int(toolbox.SAW): "name (thing)"}


def test_without_us_english_the_first_dialect_is_the_default(tmp_path: Path) -> None:
    content = _content(toolbox.DIALECT)
    content.describe(toolbox.SAW, "såg", toolbox.FIRST, language="sv", preferred=(toolbox.DIALECT,))
    found = _descriptions(tmp_path, content, "sv")
    assert (found.default, found.language) == (toolbox.DIALECT, "sv")
    assert dict(found.displays()) == {int(toolbox.SAW): "såg"}


def test_the_name_in_the_own_language_goes_before_others(tmp_path: Path) -> None:
    content = toolbox.Content()
    content.add("sct2_Concept", toolbox.SAW, toolbox.FIRST, "1", toolbox.CORE, toolbox.PRIMITIVE)
    content.describe(toolbox.SAW, "sierra (cosa)", toolbox.FIRST, toolbox.FSN, "es")
    content.describe(toolbox.SAW, "saw (thing)", toolbox.FIRST, toolbox.FSN)
    assert dict(_descriptions(tmp_path, content).displays()) == {int(toolbox.SAW): "saw (thing)"}


@pytest.mark.parametrize("forget", [False, True])
def test_memory_that_was_freed_is_filled_again(forget: bool, tmp_path: Path) -> None:
    found = _descriptions(tmp_path, toolbox.international())
    displays, definitions = dict(found.displays()), dict(found.definitions())
    assert definitions == {int(toolbox.SAW): "A blade with teeth"}
    if forget:
        found.forget_displays()
    assert (found.displays(), found.definitions()) == (displays, definitions)


def test_dialects_of_a_term_are_all_kept(tmp_path: Path) -> None:
    content = _content()
    many = [toolbox.US, toolbox.GB, toolbox.DIALECT]
    content.describe(toolbox.SAW, "many", toolbox.FIRST, preferred=many[:2], acceptable=many[2:])
    found = _descriptions(tmp_path, content)
    files = found._files.of("description")
    terms = {one.value: one for file in files for one in found.terms(file) if isinstance(one, Term)}
    assert (terms["many"].preferred, terms["many"].acceptable) == (tuple(many[:2]), tuple(many[2:]))
    assert terms["any synonym"].preferred == terms["any synonym"].acceptable == ()
