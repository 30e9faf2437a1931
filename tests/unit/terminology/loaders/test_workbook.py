"""The first sheet of a workbook."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from terminology.loaders.archive import BadFile
from terminology.loaders.workbook import table

from ....releases.files import folder

STRINGS = "<sst><si><t>Code</t></si><si><t>Title</t></si><si><r><t>a </t></r><r><t>joint</t></r></si></sst>"
SHEET = (
    '<x:worksheet xmlns:x="urn:x"><x:cols><x:c r="Z9"/></x:cols><x:sheetData>'
    '<x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c r="B1" t="s"><x:v>1</x:v></x:c><x:c r="C1"><x:v>9</x:v></x:c></x:row>'
    '<x:row r="2"><x:c r="B2" t="s"><x:v>2</x:v></x:c></x:row>'
    '<x:row r="4"><x:c r="A4"><x:v>12</x:v></x:c><x:c r="B4" t="inlineStr"><x:is><x:t>here</x:t></x:is></x:c></x:row>'
    "</x:sheetData></x:worksheet>"
)


def workbook(sheet: str = SHEET, strings: str = STRINGS) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("xl/worksheets/sheet1.xml", sheet)
        packed.writestr("xl/sharedStrings.xml", strings)
    return out.getvalue()


def test_rows_by_the_names_in_the_first(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.xlsx": workbook()})
    assert list(table(archive, "a.xlsx")) == [
        (2, {"Code": "", "Title": "a joint", "9": ""}),
        (4, {"Code": "12", "Title": "here", "9": ""}),
    ]


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (workbook(SHEET.replace("<x:v>2</x:v>", "<x:v>7</x:v>")), 2, "names the text 7"),
        (workbook(SHEET.replace('r="B2"', 'r="?"')), 2, "no place"),
        (workbook(SHEET[:-10]), 1, "no well-formed XML"),
        (b"no zip", 0, "no workbook"),
    ],
)
def test_faults_say_where(tmp_path: Path, content: bytes, line: int, what: str) -> None:
    archive = folder(tmp_path, {"a.xlsx": content})
    with pytest.raises(BadFile, match=what) as error:
        list(table(archive, "a.xlsx"))
    assert error.value.line == line
    assert error.value.file.startswith("a.xlsx")
