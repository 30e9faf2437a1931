"""Delimited files of releases: rows by the names of their columns, streamed; what is wrong is said with line and column.

https://www.rfc-editor.org/rfc/rfc4180 for quoted fields; the files of SNOMED CT and RxNorm quote nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, Final

from .archive import Archive, BadFile

LONGEST_LINE: Final = 4_000_000  # bytes
_CHUNK: Final = 1 << 16  # so few rows at once that the garbage collector does not mind
_BOM: Final = b"\xef\xbb\xbf"
Rows = Iterator[tuple[int, list[list[str]]]]  # many at once, with the line of the first; quoted ones one by one


def rows(
    archive: Archive,
    name: str,
    delimiter: str = "\t",
    quoting: bool | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    *,
    columns: Sequence[str] | None = None,
    skip: int = 0,
    ragged: bool = False,
) -> Iterator[dict[str, str]]:
    """The rows of a file as `cells` gives them, by name: {"LOINC_NUM": "…"}. For files of millions use `cells`."""
    asked = (*required, *optional)
    for row in cells(archive, name, delimiter, quoting, required, optional, columns=columns, skip=skip, ragged=ragged):
        yield dict(zip(asked, row, strict=True))


def numbered(
    archive: Archive,
    name: str,
    delimiter: str = "\t",
    quoting: bool | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    *,
    columns: Sequence[str] | None = None,
    skip: int = 0,
    ragged: bool = False,
) -> Iterator[tuple[int, dict[str, str]]]:
    """The same with the line in which each row begins: quoted fields run over lines, and empty lines are passed over."""
    asked = (*required, *optional)
    read = _chunks(archive, name, delimiter, quoting, required, optional, columns, skip, ragged, singly=True)
    for line, some in read:
        for row in some:
            yield line, dict(zip(asked, row, strict=True))


def cells(
    archive: Archive,
    name: str,
    delimiter: str = "\t",
    quoting: bool | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    *,
    columns: Sequence[str] | None = None,
    skip: int = 0,
    ragged: bool = False,
) -> Iterator[tuple[str, ...]]:
    """The rows of a file, each the cells of the columns asked for: first the required, then the optional ones ("" where
    the file has no such column). Columns are found by their name in the first line, whatever its case.

    quoting: fields may stand in quotes as RFC 4180 has it; None: if the delimiter is a comma. columns: the names, of a
    file without header; then rows may end with a delimiter. skip: lines before the header or first row. ragged: rows
    may be shorter or longer than the header. Empty lines are passed over.
    Raises BadFile with line and cell: a required column is missing (line 1), a row has too few or too many cells, a
    quote is not closed, bytes are no UTF-8, a line is longer than LONGEST_LINE."""
    for _, some in _chunks(archive, name, delimiter, quoting, required, optional, columns, skip, ragged):
        yield from some


def _chunks(
    archive: Archive, name: str, delimiter: str, quoting: bool | None, required: Sequence[str], optional: Sequence[str],
    columns: Sequence[str] | None, skip: int, ragged: bool, *, singly: bool = False,
) -> Iterator[tuple[int, Iterator[tuple[str, ...]]]]:  # fmt: skip
    """As `cells`, many rows at once with the line of the first; singly: one at a time."""
    if quoting is None:
        quoting = delimiter == ","
    with archive.open(name) as stream:
        read = _quoted(name, stream, delimiter) if quoting else _plain(name, stream, delimiter)
        ended = None if columns is not None else False
        read, line, above = _after(read, skip + (columns is None))
        if columns is None:
            columns = [one.strip() for one in above]
        width, wanted = len(columns), _indexes(name, line or 1, columns, required, optional)
        padded = width in wanted
        if singly:
            read = ((number + at, [row]) for number, some in read for at, row in enumerate(some))
        take = _taking(wanted)
        for number, some in read:
            if ended is not False or set(map(len, some)) != {width}:
                ended, some = _evened(name, number, some, columns, ended, ragged)
            if padded:
                for row in some:
                    row.append("")
            yield number, map(take, some)


def _evened(
    name: str, number: int, some: Sequence[list[str]], columns: Sequence[str], ended: bool | None, ragged: bool
) -> tuple[bool | None, list[list[str]]]:
    """Rows as long as the header. ended: whether each ends with a delimiter; None until a row has shown it."""
    width, even = len(columns), []
    for line, row in enumerate(some, number):
        if ended is None and row != [""]:  # of a file without header the first row says how rows end
            ended = len(row) == width + 1 and not row[-1]
        if ended and len(row) > 1 and not row[-1]:
            row.pop()
        if len(row) != width:
            if row == [""]:
                continue
            if not ragged:
                raise _uneven(name, line, row, columns)
            row = (row + [""] * (width - len(row)))[:width]
        even.append(row)
    return ended, even


def header(archive: Archive, name: str, delimiter: str = "\t", quoting: bool | None = None, skip: int = 0) -> list[str]:
    """The names in the first line of a file; [] if it is empty. Raises BadFile."""
    if quoting is None:
        quoting = delimiter == ","
    with archive.open(name) as stream:
        read = _quoted(name, stream, delimiter) if quoting else _plain(name, stream, delimiter)
        return [one.strip() for one in _after(read, skip + 1)[2]]


def _after(read: Rows, skip: int) -> tuple[Rows, int, list[str]]:
    """What follows the first rows, and the last of these with the number of its line; an empty one if it is not there."""
    line, row = 0, list[str]()
    for number, some in read:
        if skip <= len(some):
            if skip:
                line, row = number + skip - 1, some[skip - 1]
            return chain([(number + skip, some[skip:])], read), line, row
        skip -= len(some)
    return read, line, []


def _taking(wanted: Sequence[int]) -> Callable[[list[str]], tuple[str, ...]]:
    if len(wanted) > 1:
        return itemgetter(*wanted)
    return lambda row: tuple([row[index] for index in wanted])


def _indexes(
    name: str, line: int, columns: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> list[int]:
    """Where each column stands that was asked for; behind the last cell where there is none."""
    places: dict[str, int] = {}
    for index, column in enumerate(columns):
        places.setdefault(column.casefold(), index)
    for column in required:
        if column.casefold() not in places:
            there = ", ".join(columns)[:500] or "nothing"
            raise BadFile(name, line, len(columns) + 1, f"the column {column} is missing; there is {there}")
    return [places.get(column.casefold(), len(columns)) for column in (*required, *optional)]


def _uneven(name: str, line: int, row: Sequence[str], columns: Sequence[str]) -> BadFile:
    if len(row) < len(columns):
        text = f"the row has {len(row)} cells and not {len(columns)}; {columns[len(row)]} is the first that is missing"
    else:
        text = f"the row has {len(row)} cells and not {len(columns)}"
    return BadFile(name, line, min(len(row), len(columns)) + 1, text)


def _texts(name: str, stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The lines by many at once, without their ends, with the number of the first. To decode and split a megabyte at a
    time takes a fraction of what it takes line by line."""
    left, number = b"", 1
    while True:
        chunk = stream.read(_CHUNK)
        if number == 1 and not left:
            chunk = chunk.removeprefix(_BOM)
        whole = left + chunk
        cut = whole.rfind(b"\n") + 1 if chunk else len(whole)
        whole, left = whole[:cut], whole[cut:]
        if len(left) > LONGEST_LINE:
            raise BadFile(name, number + whole.count(b"\n"), 0, f"the line is longer than {LONGEST_LINE} bytes")
        try:
            text = whole.decode()
        except UnicodeDecodeError as error:
            before = whole[: error.start]
            begin = before.rfind(b"\n") + 1
            raise _Undecodable(number + before.count(b"\n"), before[begin:], whole[error.start]) from None
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        if lines:
            yield number, lines
            number += len(lines)
        if not chunk:
            return


class _Undecodable(Exception):
    """Bytes that are no UTF-8: the number of the line, what of it comes before them, the first of them."""


def _no_text(name: str, error: _Undecodable, delimiter: str) -> BadFile:
    line, before, byte = error.args
    return BadFile(name, line, before.count(delimiter.encode()) + 1, f"the byte {byte:#04x} is no UTF-8")


def _plain(name: str, stream: BinaryIO, delimiter: str) -> Rows:
    try:
        for number, lines in _texts(name, stream):
            yield number, [line.split(delimiter) for line in lines]
    except _Undecodable as error:
        raise _no_text(name, error, delimiter) from None


def _quoted(name: str, stream: BinaryIO, delimiter: str) -> Rows:
    """Rows with the number of the line they begin in: a quoted field may run over several."""

    def lines() -> Iterator[str]:
        for _, some in _texts(name, stream):
            for line in some:
                yield line + "\n"

    reader, begin = csv.reader(lines(), delimiter=delimiter, strict=True), 1
    try:
        for row in reader:
            yield begin, [row or [""]]
            begin = reader.line_num + 1
    except _Undecodable as error:
        raise _no_text(name, error, delimiter) from None
    except csv.Error as error:
        text = str(error)
        if "unexpected end" in text or "field limit" in text:
            raise BadFile(name, begin, 0, "the row that begins here has a quote that is not closed") from None
        raise BadFile(name, reader.line_num, 0, f"the row that begins in line {begin} cannot be read: {text}") from None


def line_of(
    archive: Archive, name: str, is_it: Callable[[list[str]], bool], delimiter: str = "\t", header: bool = True
) -> int:
    """The line of the first row that is meant, of a file without quoted fields; 0 if there is none."""
    with archive.open(name) as stream:
        for number, some in _plain(name, stream, delimiter):
            for line, row in enumerate(some, number):
                if (line > 1 or not header) and row != [""] and is_it(row):
                    return line
    return 0
