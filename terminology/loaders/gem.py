"""General Equivalence Mappings between ICD-9-CM and ICD-10: fixed width as the CMS published them, or as CSV.

https://www.cms.gov/medicare/coding-billing/icd-10-codes/icd-10-cm-icd-10-pcs-gem-archive
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from ..records import About, Record, Row
from .archive import Archive, BadFile
from .icd10cm import dotted
from .release import Loader, Options, Part, Release, Report
from .tables import header, numbered
from .textlines import text_lines

ICD9: Final = "http://hl7.org/fhir/sid/icd-9-cm"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10PCS: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
URL: Final = "http://www.cms.gov/Medicare/Coding/ICD10/gem/"  # and the name of the map
_FLAGS: Final = ("approximate", "no_map", "combination", "scenario", "choice_list")
_line: Final = re.compile(r"([0-9A-Z]{3,7}) +([0-9A-Za-z]{3,7}) +([01])([01])([01])(\d)(\d) *").fullmatch
_NONE: Final = frozenset({"NODX", "NoDx", "NOPCS", "NoPCS", "NA", ""})


class _Map(NamedTuple):
    name: str
    source: str
    target: str
    columns: tuple[str, str]  # of the CSV files


MAPS: Final = (
    _Map("icd10cm-to-icd9cm", ICD10CM, ICD9, ("icd10cm", "icd9cm")),
    _Map("icd9cm-to-icd10cm", ICD9, ICD10CM, ("icd9cm", "icd10cm")),
    _Map("icd10pcs-to-icd9cm", ICD10PCS, ICD9, ("icd10pcs", "icd9cm")),
    _Map("icd9cm-to-icd10pcs", ICD9, ICD10PCS, ("icd9cm", "icd10pcs")),
)
_FIXED: Final = {
    "I10gem": 0,
    "I9gem": 1,
    "gem_pcsi9": 2,
    "gem_i9pcs": 3,
}  # what names of fixed-width files have in them


def detect(archive: Archive) -> bool:
    return any(_found(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """A concept map for each direction there is."""
    found = dict(_found(archive))
    if not found:
        raise BadFile(
            str(archive.path), 0, 0, "there are no General Equivalence Mappings: no *gem*.csv, no *_I10gem.txt …"
        )
    used = {name for name, _ in found.values()}
    for one, (name, delimited) in found.items():
        report = Report(ignored=[other for other in archive.names if other not in used])
        year = re.search(r"20\d\d", name)
        about = About(
            f"{URL}{one.name}",
            options.version or (year.group() if year else ""),
            name=f"GEM{''.join(part.capitalize() for part in one.name.split('-'))}",
            title=f"General Equivalence Mapping, {one.name}",
            publisher="Centers for Medicare & Medicaid Services",
            copyright="A work of the government of the United States of America.",
            source=one.source,
            target=one.target,
        )
        part = Part(name, partial(_rows, archive, one, name, delimited, report), archive.size(name))
        yield Release("concept-map", about, (part,), report=report)


def _found(archive: Archive) -> Iterator[tuple[_Map, tuple[str, bool]]]:
    for name in archive.find(re.compile(r"gem[^/]*\.(?:csv|txt)$", re.IGNORECASE)):
        if name.endswith(".csv"):
            named = _header(archive, name)
            for one in MAPS:
                if tuple(named[:2]) == one.columns:
                    yield one, (name, True)
        else:
            for mark, number in _FIXED.items():
                if mark.casefold() in name.casefold():
                    yield MAPS[number], (name, False)


def _header(archive: Archive, name: str) -> list[str]:
    try:
        return [one.casefold() for one in header(archive, name, ",")]
    except BadFile:
        return []


def _rows(archive: Archive, one: _Map, name: str, delimited: bool, report: Report) -> Iterator[Record]:
    """Rows as they stand. approximate: relatedto, else equivalent; no_map: unmatched. The rows of a combination share
    their scenario, which is their group, and each choice list of it gives one of the codes that are meant together."""
    for line, source, target, flags in _told(archive, one, name, delimited):
        if set("".join(flags[key] for key in _FLAGS[:3])) - {"0", "1"} or not all(
            flags[key].isascii() and flags[key].isdecimal() for key in _FLAGS
        ):
            raise BadFile(name, line, 3, f"the flags have to be 0 or 1, scenario and choice list digits: {dict(flags)}")
        none = flags["no_map"] == "1"
        if not none and target in _NONE:
            raise BadFile(name, line, 2, f"there is no target, but the flag no_map is not set: {target!r}")
        report.count("rows")
        for key in _FLAGS[:3]:
            report.count(key, int(flags[key]))
        yield Row(
            one.source,
            _dotted(one, one.source, source),
            one.target,
            None if none else _dotted(one, one.target, target),
            "unmatched" if none else "relatedto" if flags["approximate"] == "1" else "equivalent",
            group=int(flags["scenario"]),
            priority=int(flags["choice_list"]),
            fields={"flags": "".join(flags[key] for key in _FLAGS), **flags},
        )


def _told(archive: Archive, one: _Map, name: str, delimited: bool) -> Iterator[tuple[int, str, str, Mapping[str, str]]]:
    if delimited:
        for line, row in numbered(archive, name, ",", True, (*one.columns, *_FLAGS)):
            source, target = (row.pop(column).strip() for column in one.columns)
            if not source:
                raise BadFile(name, line, 1, "there is no code to map from")
            yield line, source, target, row
        return
    for line, text in text_lines(archive, name):
        match = _line(text)
        if match is None:
            raise BadFile(name, line, 1, f"the line is none of a GEM file: two codes and five flags; {text[:60]!r}")
        yield line, match[1], match[2], dict(zip(_FLAGS, match.groups()[2:], strict=True))


def _dotted(one: _Map, system: str, code: str) -> str:
    if system == ICD10CM:
        return dotted(code)
    if system == ICD9:
        return dotted_nine(code, procedure=ICD10PCS in one)
    return code


def dotted_nine(code: str, *, procedure: bool) -> str:
    """A code of ICD-9-CM with its dot: 001.0, V01.1, E800.0; of a procedure 00.01."""
    head = 2 if procedure else 4 if code.startswith("E") else 3
    return f"{code[:head]}.{code[head:]}" if len(code) > head else code


LOADER: Final = Loader("gem", tuple(f"{URL}{one.name}" for one in MAPS), detect, read)
