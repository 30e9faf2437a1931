"""Delimited files: rows by name, and every fault with its line and cell."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.loaders import tables
from terminology.loaders.archive import Archive, BadFile
from terminology.loaders.tables import cells, header, line_of, numbered, rows


def _archive(tmp_path: Path, content: bytes) -> Archive:
    (tmp_path / "t.txt").write_bytes(content)
    return Archive(tmp_path / "t.txt")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_tab_separated_rows_by_name(tmp_path: Path, end: str, bom: bytes, last: bool) -> None:
    text = end.join(["id\tTerm\tmore", '1\t"quoted\tx', "", "2\tü", "3\té\tz"]) + end * last
    text = text.replace("2\tü", "2\tü\t")
    archive = _archive(tmp_path, bom + text.encode())
    assert header(archive, "t.txt") == ["id", "Term", "more"]
    assert list(cells(archive, "t.txt", required=("term", "ID"), optional=("absent", "more"))) == [
        ('"quoted', "1", "", "x"), ("ü", "2", "", ""), ("é", "3", "", "z"),
    ]  # fmt: skip
    assert list(rows(archive, "t.txt", required=("term",)))[1] == {"term": "ü"}
    assert list(cells(archive, "t.txt", required=("more",))) == [("x",), ("",), ("z",)]
    assert list(cells(archive, "t.txt")) == [(), (), ()]


def test_comma_separated_rows_may_be_quoted_and_run_over_lines(tmp_path: Path) -> None:
    archive = _archive(tmp_path, b'"A","B"\r\n"x ""y""","1,\r\n2"\r\n\r\nplain,"z"\r\n')
    assert list(rows(archive, "t.txt", ",", required=("A", "B"))) == [
        {"A": 'x "y"', "B": "1,\n2"}, {"A": "plain", "B": "z"},
    ]  # fmt: skip


def test_rows_with_the_line_in_which_they_begin(tmp_path: Path) -> None:
    """Which is that of an editor, whatever was quoted or empty before."""
    archive = _archive(tmp_path, b'A,B\n"x\ny",1\n\nz,2\n')
    assert list(numbered(archive, "t.txt", ",", required=("B",))) == [(2, {"B": "1"}), (5, {"B": "2"})]
    archive = _archive(tmp_path, b"a title\n1\tx\n\n2\ty\n")
    found = list(numbered(archive, "t.txt", required=("TWO",), columns=("ONE", "TWO"), skip=1))
    assert found == [(2, {"TWO": "x"}), (4, {"TWO": "y"})]


def test_a_file_without_header_may_end_its_rows_with_the_delimiter(tmp_path: Path) -> None:
    archive = _archive(tmp_path, b"1|a|x|\n2|b|y\n")
    found = list(cells(archive, "t.txt", "|", required=("TWO", "ONE"), columns=("ONE", "TWO", "THREE")))
    assert found == [("a", "1"), ("b", "2")]


def test_ragged_rows_and_lines_to_skip(tmp_path: Path) -> None:
    archive = _archive(tmp_path, b"A title\nA\tB\tB\n1\n1\t2\t3\t4\n")
    assert list(cells(archive, "t.txt", required=("B", "A"), skip=1, ragged=True)) == [("", "1"), ("2", "1")]
    assert header(archive, "t.txt", skip=1) == ["A", "B", "B"]


FAULTS: dict[str, tuple[bytes, dict[str, Any], int, int, str]] = {
    "missing column": (b"id\tterm\n1\tx\n", {"required": ("id", "typeId")}, 1, 3, "typeId is missing; there is id, term"),
    "empty file": (b"", {"required": ("id",)}, 1, 1, "id is missing; there is nothing"),
    "short row": (b"id\tterm\tx\n1\tx\ty\n2\n", {"required": ("id",)}, 3, 2, "1 cells and not 3; term is the first"),
    "long row": (b"id\tterm\n1\tx\n2\tx\ty\n", {"required": ("id",)}, 3, 3, "3 cells and not 2"),
    "no UTF-8": (b"id\tterm\n1\tx\n2\t\xfcx\n", {"required": ("id",)}, 3, 2, "0xfc is no UTF-8"),
    "no UTF-8 at the end": (b"id\tterm\n1\tx\n2\tx\xc3", {"required": ("id",)}, 3, 2, "0xc3 is no UTF-8"),
    "missing column of csv": (b"a,b\n", {"delimiter": ",", "required": ("c",)}, 1, 3, "c is missing; there is a, b"),
    "open quote": (b'a,b\n1,2\n3,"x\n4,5\n', {"delimiter": ",", "required": ("a",)}, 3, 0, "quote that is not closed"),
    "after a quote": (b'a,b\n1,"x\ny"z\n', {"delimiter": ",", "required": ("a",)}, 3, 0, "begins in line 2 cannot be read"),
    "short row of csv": (b'a,b\n"x\ny",2\n3\n', {"delimiter": ",", "required": ("a",)}, 4, 2, "1 cells and not 2"),
    "no UTF-8 in csv": (b"a,b\n1,2\n3,\xff\n", {"delimiter": ",", "required": ("a",)}, 3, 2, "0xff is no UTF-8"),
    "long row of rrf": (
        b"1|2|\n1|2|3|\n", {"delimiter": "|", "columns": ("a", "b"), "required": ("a",)}, 2, 3, "3 cells and not 2",
    ),
    "short row of rrf": (
        b"1|2|\n1\n", {"delimiter": "|", "columns": ("a", "b"), "required": ("a",)}, 2, 2, "b is the first",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_file_line_and_cell(name: str, tmp_path: Path) -> None:
    content, asked, line, column, text = FAULTS[name]
    with pytest.raises(BadFile) as caught:
        list(cells(_archive(tmp_path, content), "t.txt", **asked))
    assert (caught.value.file, caught.value.line, caught.value.column) == ("t.txt", line, column)
    assert text in caught.value.text


def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LONGEST_LINE", 100_000)
    archive = _archive(tmp_path, b"id\tterm\n1\t" + b"x" * 3_000_000 + b"\n")
    with pytest.raises(BadFile, match="line 2: the line is longer than 100000 bytes"):
        list(cells(archive, "t.txt", required=("id",)))


def test_faults_are_found_beyond_the_first_piece_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_CHUNK", 16)
    archive = _archive(tmp_path, b"id\tterm\r\n" + "1\täöü€\r\n".encode() * 100 + b"2\t\xffx\r\n")
    with pytest.raises(BadFile) as caught:
        list(cells(archive, "t.txt", required=("id",)))
    assert (caught.value.line, caught.value.column) == (102, 2)
    assert line_of(_archive(tmp_path, b"id\na\n\nb\n"), "t.txt", lambda row: row == ["b"]) == 4


_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.lists(st.tuples(_text, _text, _text), max_size=20), st.integers(1, 40))
def test_what_csv_writes_is_read(tmp_path_factory: pytest.TempPathFactory, written: list[Any], chunk: int) -> None:
    """The library's own writer is the oracle, whatever pieces the file comes in."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *written])
    archive = _archive(tmp_path_factory.mktemp("csv"), out.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_CHUNK", chunk)
        assert list(cells(archive, "t.txt", ",", required=("a", "b", "c"))) == written
