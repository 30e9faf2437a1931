"""Files of plain lines: fixed width, or one code in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .archive import Archive, BadFile

LONGEST_LINE: Final = 100_000  # bytes


def text_lines(archive: Archive, name: str, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """The lines of a file that have anything, with their numbers, without their ends. Raises BadFile with line and column:
    no UTF-8 (nor the Latin-1 of older files of the CMS: bytes are refused), too long."""
    with archive.open(name) as stream:
        number = 0
        while line := stream.readline(longest + 1):
            number += 1
            if len(line) > longest:
                raise BadFile(name, number, 0, f"the line is longer than {longest} bytes")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise BadFile(name, number, error.start + 1, f"the byte {line[error.start]:#04x} is no UTF-8") from None
            if text.strip():
                yield number, text
