"""SNOMED CT's release files: which there are, which of them count, and their rows as they were on a date.

A folder may hold several packages, an edition's and those that it extends: of a component that stands in more than one of
them, or more than once in a full release, the row of the latest effective time counts.
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from . import tables
from .archive import Archive, BadFile
from .release import Options, Report

_NAME: Final = re.compile(
    r"(?P<beta>x?)(?:sct|der)2_(?P<type>[A-Za-z]+)_(?P<content>\w*?)(?P<kind>Snapshot|Full|Delta)"
    r"(?:-(?P<language>[A-Za-z-]+))?_(?P<namespace>[A-Za-z]*[0-9]*)_(?P<date>[0-9]{8})\.txt",
    re.IGNORECASE,
)
_PREFIXED: Final = re.compile(r"(?:^|/)x?(?:sct|der)2_[^/]*\.txt$", re.IGNORECASE)
_FOLDER: Final = re.compile(r"(?:^|/)(Snapshot|Full|Delta)/", re.IGNORECASE)
_is_date: Final = re.compile(r"[0-9]{8}").fullmatch
_ACTIVE: Final = frozenset({"0", "1"})
_BITS: Final = 1 << 27  # of the sieve: 16 MB
FIRST: Final = ("id", "effectiveTime", "active", "moduleId")  # columns of every file but that of identifiers
MEMBER: Final = ("refsetId", "referencedComponentId")

# What files hold, by the type in their name …
_TYPES: Final = {
    "concept": "concept",
    "description": "description",
    "textdefinition": "description",
    "relationship": "relationship",
    "statedrelationship": "stated",
    "relationshipconcretevalues": "concrete",
    "identifier": "identifier",
}
# … or by a column that only they have; the first that fits.
_COLUMNS: Final = (
    ("definitionStatusId", "concept"),
    ("term", "description"),
    ("destinationId", "relationship"),
    ("alternateIdentifier", "identifier"),
    ("acceptabilityId", "language"),
    ("owlExpression", "owl"),
    ("targetComponentId", "association"),
    ("mapTarget", "map"),
    ("mapSource", "map"),
    ("sourceEffectiveTime", "dependency"),
    ("refsetId", "refset"),
    ("value", "concrete"),
)


class File(NamedTuple):
    """A file of one package."""

    name: str
    holds: str  # concept | description | relationship | stated | concrete | identifier | language | owl | map | …
    kind: str  # snapshot | full
    package: str  # folder of the package, "" for the archive itself
    columns: tuple[str, ...]
    language: str = ""  # as its name says it
    date: str = ""  # as its name says it
    beta: bool = False  # not published yet


class Files:
    """The files of a release that count, and their rows."""

    def __init__(self, archive: Archive, options: Options, report: Report) -> None:
        """Raises BadFile if it has no concepts, or nothing of the date that is asked for."""
        self.archive = archive
        self.modules = frozenset(options.modules)
        self.date = options.version
        every = list(_files(archive, report))
        self.all = tuple(self._chosen(every, report))
        if not any(one.holds == "concept" for one in self.all):
            raise BadFile(str(archive.path), 0, 0, "there is no sct2_Concept_Snapshot_… or sct2_Concept_Full_… file")
        self.packages = sorted({one.package for one in self.all})
        self._several = len(self.packages) > 1
        self._newest: dict[str, Mapping[str, tuple[str, int]]] = {}

    @property
    def beta(self) -> bool:
        return any(one.beta for one in self.all)

    def of(self, *holds: str) -> tuple[File, ...]:
        return tuple(one for one in self.all if one.holds in holds)

    def _chosen(self, files: Sequence[File], report: Report) -> Iterator[File]:
        """Of each package the snapshot, or the full files where there is none or where another date is asked for."""
        for package in sorted({one.package for one in files}):
            of_it = [one for one in files if one.package == package]
            kinds = {one.kind for one in of_it}
            date = max((one.date for one in of_it if one.kind == "snapshot"), default="")
            kind = "snapshot" if "snapshot" in kinds else "full"
            if self.date and "full" in kinds and date != self.date:
                kind = "full"
            elif self.date and kind == "snapshot" and date > self.date:
                text = f"it is the release of {date}, without full files for what was on {self.date}"
                raise BadFile(package or str(self.archive.path), 0, 0, text)
            if len(kinds) > 1:
                other = "full" if kind == "snapshot" else "snapshot"
                report.notes.append(f"Of {package or 'the release'} the {kind} files were read, not the {other} ones.")
            yield from (one for one in of_it if one.kind == kind)

    def rows(self, file: File, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
        """The rows of a file that count, inactive ones, too: id, effectiveTime, active, moduleId and the columns asked
        for. Of identifiers the first is the alternateIdentifier, and the first asked for the scheme. Raises BadFile."""
        identifiers = file.holds == "identifier"
        newest = self.newest(file.holds) if self._several or file.kind == "full" else {}
        modules, date = self.modules, self.date if file.kind == "full" else ""
        place, done = self.of(file.holds).index(file), set[str]()
        read = tables.cells(
            self.archive, file.name, required=(_first(file.holds), *FIRST[1:], *required), optional=optional
        )
        times = {""}  # that were seen to be dates
        for row in read:
            component, time, active = row[0], row[1], row[2]
            if active not in _ACTIVE:
                raise self.bad(file, row, "active", f"{active[:50]!r} is neither 0 nor 1")
            if not component:
                raise self.bad(file, row, _first(file.holds), "it is empty")
            if time not in times:
                if not _is_date(time):
                    raise self.bad(file, row, "effectiveTime", f"{time[:50]!r} is no date as 20240131")
                times.add(time)
            if date and time > date:
                continue
            if newest:
                key = f"{component}#{row[4]}" if identifiers else component
                if key in newest:
                    if newest[key] != (time, place) or key in done:
                        continue
                    done.add(key)
            if modules and row[3] not in modules:
                continue
            yield row

    def bad(self, file: File, row: Sequence[str], column: str, text: str) -> BadFile:
        """An error in a row as `rows` gives it, of a column by its name: its line is looked for again."""
        places = {one.casefold(): place for place, one in enumerate(file.columns)}
        first, time = places.get(_first(file.holds).casefold(), 0), places.get("effectivetime", 0)
        line = tables.line_of(self.archive, file.name, lambda cells: (cells[first], cells[time]) == (row[0], row[1]))
        return BadFile(file.name, line, places.get(column.casefold(), -1) + 1, f"{column}: {text}")

    def newest(self, holds: str) -> Mapping[str, tuple[str, int]]:
        """Of the ids that stand in more than one row, and some others: effective time and file of the row that counts.

        A sieve of bits finds candidates in the first pass, so that memory goes by what is repeated and not by what there
        is."""
        if holds not in self._newest:
            sieve, repeated, latest = bytearray(_BITS >> 3), set[str](), dict[str, tuple[str, int]]()
            for component, _ in self._times(holds):
                bits = hash(component) & (_BITS - 1)
                byte, bit = bits >> 3, 1 << (bits & 7)
                if sieve[byte] & bit:
                    repeated.add(component)
                else:
                    sieve[byte] |= bit
            shared = dict[tuple[str, int], tuple[str, int]]()
            for component, time in self._times(holds):
                if component in repeated and time >= latest.get(component, time):
                    latest[component] = shared.setdefault(time, time)
            self._newest[holds] = latest
        return self._newest[holds]

    def _times(self, holds: str) -> Iterator[tuple[str, tuple[str, int]]]:
        for place, file in enumerate(self.of(holds)):
            date = self.date if file.kind == "full" else ""
            scheme = ("identifierSchemeId",) if holds == "identifier" else ()
            for row in tables.cells(self.archive, file.name, required=("effectiveTime", _first(holds), *scheme)):
                if not date or row[0] <= date:
                    yield "#".join(row[1:]), (row[0], place)


def _first(holds: str) -> str:
    return "alternateIdentifier" if holds == "identifier" else FIRST[0]


def _files(archive: Archive, report: Report) -> Iterator[File]:
    for name in archive.names:
        said = _NAME.fullmatch(name.rpartition("/")[2])
        if not (said or _PREFIXED.search(name)):
            if not name.endswith("/"):
                report.ignored.append(name)
            continue
        folder = _FOLDER.search(name)
        kind = (said["kind"] if said else folder[1] if folder else "snapshot").lower()
        if kind == "delta":
            report.ignored.append(name)
            continue
        package = (name[: folder.start()] if folder else name.rpartition("/")[0]).strip("/")
        columns = tuple(tables.header(archive, name))
        of_name = _TYPES.get(said["type"].lower(), "") if said else ""
        holds = of_name or _held(columns)
        if not holds:
            report.ignored.append(name)
            continue
        if said is None:
            report.renamed.append(f"{name} was read as {kind} of {holds}, by its columns.")
            yield File(name, holds, kind, package, columns)
        else:
            yield File(name, holds, kind, package, columns, said["language"] or "", said["date"], bool(said["beta"]))


def _held(columns: Iterable[str]) -> str:
    there = {one.casefold() for one in columns}
    return next((holds for column, holds in _COLUMNS if column.casefold() in there), "")
