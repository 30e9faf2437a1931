"""XML read child by child."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders import elements as module
from terminology.loaders.archive import BadFile
from terminology.loaders.elements import elements, root

from ....releases.files import folder


def read(tmp_path: Path, text: str, name: str = "root", within: str = "") -> list[tuple[str, int, int, str]]:
    archive = folder(tmp_path, {"a.xml": text})
    return [(one.name, one.line, one.column, one.text()) for one in elements(archive, "a.xml", name, within)]


def test_children_of_the_root_with_their_place(tmp_path: Path) -> None:
    text = "<?xml version='1.0'?>\n<root>\n <a>1 <b>2</b>\n  3</a><c/></root>"
    assert read(tmp_path, text) == [("a", 3, 2, "1 2 3"), ("c", 4, 8, "")]


def test_children_of_an_element_within_without_prefixes(tmp_path: Path) -> None:
    text = (
        '<x:root xmlns:x="urn:x"><x:head><x:a/></x:head><x:data><x:a>1</x:a><x:a>2</x:a></x:data><x:a>3</x:a></x:root>'
    )
    assert [one[3] for one in read(tmp_path, text, within="data")] == ["1", "2"]


def test_text_leaves_out_what_is_named(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.xml": "<root><a>one <r>two</r> three</a></root>"})
    (only,) = elements(archive, "a.xml", "root")
    assert only.text(frozenset({"r"})) == "one three"
    assert [one.name for one in only.all("r")] == ["r"]
    assert only.first("q") is None


def test_a_document_type_elsewhere_is_passed_over_and_not_fetched(tmp_path: Path) -> None:
    """ClaML files name their DTD; nobody has it beside them."""
    text = '<?xml version="1.0"?><!DOCTYPE root SYSTEM "http://example.invalid/ClaML.dtd"><root><a>1</a></root>'
    assert [one[3] for one in read(tmp_path, text)] == ["1"]


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("<root>\n<a></root>", 2, 6, "mismatched tag"),
        ("<other/>", 1, 1, "root element is other and not root"),
        ("<!DOCTYPE root [<!ENTITY e 'x'>]><root>&e;</root>", 1, 28, "entities are refused"),
        ("<!DOCTYPE root SYSTEM 'a.dtd'><root>\n <a>&e;</a></root>", 2, 5, "the entity e is not known"),
        ("<root>" + "<a>" * 100, 1, 0, "nested more than 60 deep"),
        ("<root>", 1, 7, "no element found"),
        ("", 1, 1, "no element found"),
    ],
)
def test_faults_say_where(tmp_path: Path, text: str, line: int, column: int, what: str) -> None:
    with pytest.raises(BadFile, match=what) as error:
        read(tmp_path, text)
    assert error.value.line == line
    assert column in (0, error.value.column)


def test_the_root_is_told_without_reading_on(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.xml": "<ns:some><broken", "b.xml": "no xml"})
    assert root(archive, "a.xml") == "some"
    assert root(archive, "b.xml") == ""


@pytest.mark.parametrize("text", ["<root><a>{}</a></root>", '<root><a b="{}"/></root>', "<root><!--{}--></root>"])
def test_what_does_not_end_is_refused_before_it_fills_the_memory(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LARGEST", 200_000)
    assert len(read(tmp_path, "<root>" + "<a/>" * 200_000 + "</root>")) == 200_000  # one by one
    with pytest.raises(BadFile, match="an element has more than 200000 bytes"):
        read(tmp_path, text.format("x" * 400_000))
