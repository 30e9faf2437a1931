"""Folders and zips of invented release files, written for a test."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from terminology.loaders.archive import Archive
from terminology.loaders.release import Loader, Options, Release
from terminology.records import Record

Cells = Sequence[Mapping[str, str]]


def folder(path: Path, files: Mapping[str, str | bytes]) -> Archive:
    """An archive of a folder with these files."""
    for name, text in files.items():
        there = path / name
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Archive(path)


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Archive:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return Archive(path)


def quoted(columns: Sequence[str], rows: Cells) -> str:
    """A CSV in which everything is quoted, as LOINC has it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, quoting=csv.QUOTE_ALL, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def released(loader: Loader, archive: Archive, options: Options = Options()) -> list[Release]:  # noqa: B008
    return list(loader.read(archive, options))


def records(release: Release) -> list[Record]:
    """All records; each part gives the same ones twice."""
    found = [list(part.records()) for part in release.parts]
    assert found == [list(part.records()) for part in release.parts]
    return [one for part in found for one in part]


def all_records(loader: Loader, archive: Archive) -> list[Record]:
    """The records of all releases there are."""
    return [one for release in loader.read(archive, Options()) for one in records(release)]
