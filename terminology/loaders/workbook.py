"""The first sheet of an .xlsx workbook as rows by column names: enough for tables that are published so, and nothing more.

https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .archive import Archive, BadFile
from .elements import Element, elements

_SHEET: Final = "xl/worksheets/sheet1.xml"
_STRINGS: Final = "xl/sharedStrings.xml"
_MOST: Final = 200_000_000  # bytes of a workbook …
_MOST_UNPACKED: Final = 1_000_000_000  # … and of the files in it
_cell: Final = re.compile(r"([A-Z]{1,3})(\d+)").fullmatch


def table(archive: Archive, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the first, with their numbers; empty cells are "". Raises BadFile."""
    with TemporaryDirectory() as folder, archive.open(name) as stream:
        path = Path(folder, "workbook.zip")
        with path.open("wb") as copy:
            size = 0
            while chunk := stream.read(1 << 20):
                size += len(chunk)
                if size > _MOST:
                    raise BadFile(name, 0, 0, f"the workbook is larger than {_MOST} bytes")
                copy.write(chunk)
        try:
            inner = Archive(path, _MOST_UNPACKED)
        except BadFile as error:
            raise BadFile(name, 0, 0, f"it is no workbook: {error.text}") from None
        with inner:
            yield from _table(inner, name)


def _table(inner: Archive, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        strings = [one.text() for one in elements(inner, _STRINGS, "sst")] if _STRINGS in inner.names else []
        columns: dict[str, str] = {}
        for sheet_row in _sheet_rows(inner, name):
            number = int(sheet_row.get("r") or 0)
            cells: dict[str, str] = {}
            for cell in sheet_row.all("c"):
                place = _cell(cell.get("r"))
                if place is None:
                    raise BadFile(name, number, 0, f"the cell {cell.get('r')[:20]!r} has no place")
                cells[place[1]] = _value(name, number, cell, strings)
            if not columns:
                columns = {letter: title for letter, title in cells.items() if title}
            else:
                yield number, {title: cells.get(letter, "") for letter, title in columns.items()}
    except BadFile as error:
        if error.file == name:
            raise
        raise BadFile(f"{name}/{error.file}", error.line, error.column, error.text) from None


def _sheet_rows(inner: Archive, name: str) -> Iterator[Element]:
    if _SHEET not in inner.names:
        raise BadFile(name, 0, 0, f"the workbook has no {_SHEET}")
    return elements(inner, _SHEET, "worksheet", within="sheetData")


def _value(name: str, number: int, cell: Element, strings: list[str]) -> str:
    kind = cell.get("t")
    inline = cell.first("is")
    if inline is not None:
        return inline.text()
    found = cell.first("v")
    value = found.text() if found else ""
    if kind != "s" or not value:
        return value
    if not value.isdigit() or int(value) >= len(strings):
        raise BadFile(name, number, 0, f"the cell {cell.get('r')} names the text {value[:20]}, which is not there")
    return strings[int(value)]
