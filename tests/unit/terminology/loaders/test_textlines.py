"""Plain lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminology.loaders.archive import BadFile
from terminology.loaders.textlines import text_lines

from ....releases.files import folder


def test_lines_with_numbers_without_ends_and_empty_ones(tmp_path: Path) -> None:
    archive = folder(tmp_path, {"a.txt": "\ufeffone  \r\n\r\n two"})
    assert list(text_lines(archive, "a.txt")) == [(1, "one  "), (3, " two")]


@pytest.mark.parametrize(
    ("content", "column", "what"), [(b"ok\nab\xe9", 3, "0xe9 is no UTF-8"), (b"ok\n" + b"x" * 9, 0, "longer")]
)
def test_faults_say_where(tmp_path: Path, content: bytes, column: int, what: str) -> None:
    archive = folder(tmp_path, {"a.txt": content})
    with pytest.raises(BadFile, match=what) as error:
        list(text_lines(archive, "a.txt", 8))
    assert (error.value.line, error.value.column) == (2, column)
