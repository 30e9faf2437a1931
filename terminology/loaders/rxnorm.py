"""RxNorm in its rich release format: concepts by RXCUI, their terms, attributes and relations.

https://hl7.org/fhir/R4/rxnorm.html, https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from ..records import About, Concept, FilterDefinition, Property, PropertyDefinition, Record, Term
from . import tables
from .archive import Archive, BadFile
from .release import Loader, Options, Part, Release, Report

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
OWN: Final = "RXNORM"  # the source whose use needs no licence of the UMLS
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {  # of the files, which have no headers
    name: tuple(columns.split())
    for name, columns in {
        "RXNCONSO": "RXCUI LAT TS LUI STT SUI ISPREF RXAUI SAUI SCUI SDUI SAB TTY CODE STR SRL SUPPRESS CVF",
        "RXNREL": "RXCUI1 RXAUI1 STYPE1 REL RXCUI2 RXAUI2 STYPE2 RELA RUI SRUI SAB SL DIR RG SUPPRESS CVF",
        "RXNSAT": "RXCUI LUI SUI RXAUI STYPE CODE ATUI SATUI ATN SAB ATV SUPPRESS CVF",
        "RXNSTY": "RXCUI TUI STN STY ATUI CVF",
        "RXNATOMARCHIVE": "RXAUI AUI STR ARCHIVE_TIMESTAMP CREATED_TIMESTAMP UPDATED_TIMESTAMP CODE IS_BRAND LAT "
        "LAST_RELEASED SAUI VSAB RXCUI SAB TTY MERGED_TO_RXCUI",
        "RXNSAB": "VCUI RCUI VSAB RSAB SON SF SVER VSTART VEND IMETA RMETA SLC SCC SRL TFR CFR CXTY TTYL ATNL LAT CENC "
        "CURVER SABIN SSN SCIT",
    }.items()
}
_OTHER_FILES: Final = ("RXNDOC", "RXNCUI", "RXNCUICHANGES")  # what they say, others say, too
_SYNONYMS: Final = frozenset({"SY", "TMSY", "PSN", "ET"})  # types of terms that are not the name
_STATUS: Final = {"N": "", "O": "obsolete", "Y": "suppressed", "E": "suppressed"}  # by SUPPRESS
_LANGUAGES: Final = {"ENG": "en", "SPA": "es"}
_NAMED: Final = re.compile(r"RxNorm_(?:full|weekly)(?:_prescribe)?_([0-9]{8})", re.IGNORECASE)
_SVER: Final = re.compile(r"[0-9A-Z]+_([0-9]{2})([0-9]{2})([0-9]{2})[A-Z]").fullmatch  # 23AB_231002F

PROPERTIES: Final = (
    PropertyDefinition("TTY", "code", "", "Type of the term"),
    PropertyDefinition("SAB", "code", "", "Source that has a term for it"),
    PropertyDefinition("STY", "Coding", "", "Semantic type: its TUI, with its name as display"),
    PropertyDefinition("TUI", "code", "", "Semantic type"),
    PropertyDefinition("mergedInto", "code", "", "The concept that took its place"),
    *(PropertyDefinition(one, "code", "", "Relation") for one in ("SY", "SIB", "RN", "PAR", "CHD", "RB", "RO")),
)
FILTERS: Final = (
    FilterDefinition("STY", ("=", "in"), "A TUI", "Semantic type"),
    FilterDefinition("SAB", ("=", "in"), "The abbreviation of a source", "Source"),
    FilterDefinition("TTY", ("=", "in"), "A term type", "Type of the term"),
    *(
        FilterDefinition(one, ("=",), "CUI:nnn", "Relation to a concept")
        for one in ("SY", "SIB", "RN", "PAR", "CHD", "RB", "RO")
    ),
)


class _Name(NamedTuple):
    """The term that is taken for a concept's display."""

    rank: tuple[bool, bool, bool]  # the least wins: is suppressed, is a synonym, is not preferred by its source
    text: str
    suppressed: str


class _Atoms:
    """What every file is read against: the concepts that there are."""

    def __init__(self, archive: Archive, options: Options) -> None:
        self.archive = archive
        self.files = {name: found for name in COLUMNS if (found := _file(archive, name))}
        self._sources = frozenset({OWN, *options.sources})
        self._all_sources = "*" in options.sources
        self._names: dict[str, _Name] = {}

    def takes(self, source: str) -> bool:
        return self._all_sources or source in self._sources

    def rows(self, file: str, *columns: str) -> Iterator[tuple[str, ...]]:
        return tables.cells(self.archive, self.files[file], "|", False, columns, columns=COLUMNS[file])

    def names(self) -> Mapping[str, _Name]:
        """RXCUI → name, of every concept that RxNorm itself has a term for, in the order of the file."""
        if not self._names:
            names = self._names
            for code, text, kind, preferred, source, suppressed in self.rows(
                "RXNCONSO", "RXCUI", "STR", "TTY", "ISPREF", "SAB", "SUPPRESS"
            ):
                if source != OWN:
                    continue
                if not code.isdecimal() or not text:
                    raise self._bad(code, text)
                one = _Name((suppressed != "N", kind in _SYNONYMS, preferred != "Y"), text, suppressed)
                if code not in names or one.rank < names[code].rank:
                    names[code] = one
        return self._names

    def _bad(self, code: str, text: str) -> BadFile:
        columns, file = COLUMNS["RXNCONSO"], self.files["RXNCONSO"]
        column = "STR" if code.isdecimal() else "RXCUI"
        place, cui, label, source = (columns.index(one) for one in (column, "RXCUI", "STR", "SAB"))
        line = tables.line_of(
            self.archive, file, lambda row: (row[cui], row[label], row[source]) == (code, text, OWN), "|", header=False
        )
        return BadFile(file, line, place + 1, f"{column}: {'it is empty' if column == 'STR' else 'it is no number'}")


def _file(archive: Archive, name: str) -> str:
    """The file of the full content: a download has that of the prescribable subset in a folder of its own."""
    found = archive.find(f"{name}.RRF")
    return min(found, key=lambda one: ("prescribe" in one.lower(), len(one), one), default="")


def detect(archive: Archive) -> bool:
    return bool(archive.find("RXNCONSO.RRF"))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """RxNorm as a code system. Raises BadFile."""
    report = Report()
    atoms = _Atoms(archive, options)
    whole = str(archive.path)
    if "RXNCONSO" not in atoms.files:
        raise BadFile(whole, 0, 0, "there is no RXNCONSO.RRF")
    for name in COLUMNS:
        if name not in atoms.files:
            report.missing.append(f"{name}.RRF")
    used = set(atoms.files.values())
    report.ignored += [name for name in archive.names if name not in used]
    if not options.sources:
        report.notes.append("Terms, attributes and relations of other sources than RXNORM are left out (UMLS licence).")
    report.notes.append("Relations of atoms are left out: those of concepts are answered from.")
    version = options.version or _version(atoms)
    if not version:
        raise BadFile(whole, 0, 0, "neither a name nor RXNSAB.RRF says of what date it is; name the version")
    about = About(
        url=RXNORM,
        version=version,
        name="RxNorm",
        title=f"RxNorm, {version}",
        kind="rxnorm",
        hierarchy_meaning="",
        language="en",
        date=f"{version[4:]}-{version[:2]}-{version[2:4]}" if re.fullmatch(r"[0-9]{8}", version) else "",
        publisher="U.S. National Library of Medicine",
        copyright="RxNorm is made available by the U.S. National Library of Medicine; SAB=RXNORM needs no licence.",
        properties=PROPERTIES,
        filters=FILTERS,
    )
    readers: dict[str, Callable[[_Atoms], Iterator[Record]]] = {
        "RXNCONSO": _concepts,
        "RXNATOMARCHIVE": _retired,
        "RXNSTY": _semantic_types,
        "RXNSAT": _attributes,
        "RXNREL": _relations,
    }
    parts = [
        Part(atoms.files[name], lambda reader=reader: reader(atoms), archive.size(atoms.files[name]))  # type: ignore[misc]
        for name, reader in readers.items()
        if name in atoms.files
    ]
    yield Release("code-system", about, parts, report=report)


def _version(atoms: _Atoms) -> str:
    """The date of the release as the download bears it in its name: mmddyyyy. https://hl7.org/fhir/R4/rxnorm.html"""
    for name in (atoms.archive.path.name, *atoms.archive.names):
        if said := _NAMED.search(name):
            return said[1]
    if "RXNSAB" in atoms.files:
        for source, version in atoms.rows("RXNSAB", "RSAB", "SVER"):
            if source == OWN and (said := _SVER(version)):
                return f"{said[2]}{said[3]}20{said[1]}"
    return ""


def _concepts(atoms: _Atoms) -> Iterator[Record]:
    names = atoms.names()
    for code, name in names.items():
        yield Concept(
            code, name.text, inactive=name.suppressed != "N", status=_STATUS.get(name.suppressed, "suppressed")
        )
    said = set[tuple[str, str, str]]()
    columns = ("RXCUI", "STR", "LAT", "RXAUI", "SAB", "TTY", "CODE", "SUPPRESS")
    for code, text, language, atom, source, kind, its_code, suppressed in atoms.rows("RXNCONSO", *columns):
        if code not in names or not atoms.takes(source):
            continue
        for name_, value in (("TTY", kind), ("SAB", source)):
            if (name_ == "SAB" or source == OWN) and (code, name_, value) not in said:
                said.add((code, name_, value))
                yield Property(code, name_, value, "code")
        fields = {"SAB": source, "TTY": kind, "CODE": its_code}
        yield Term(code, text, _LANGUAGES.get(language, ""), inactive=suppressed != "N", id=atom, fields=fields)


def _retired(atoms: _Atoms) -> Iterator[Record]:
    """Concepts that were, by the atoms in the archive, with what they were merged into."""
    names = atoms.names()
    was: dict[str, tuple[bool, str]] = {}
    merged: dict[str, list[str]] = {}
    for code, text, source, kind, into in atoms.rows("RXNATOMARCHIVE", "RXCUI", "STR", "SAB", "TTY", "MERGED_TO_RXCUI"):
        if source != OWN or not code or code in names:
            continue
        one = (kind in _SYNONYMS, text)
        if code not in was or one[0] < was[code][0]:
            was[code] = one
        if into and into != code and into not in merged.setdefault(code, []):
            merged[code].append(into)
    for code, (_, text) in was.items():
        yield Concept(code, text, inactive=True, status="retired")
        for into in merged.get(code, ()):
            yield Property(code, "mergedInto", into, "concept")


def _semantic_types(atoms: _Atoms) -> Iterator[Record]:
    names = atoms.names()
    for code, tui, name in atoms.rows("RXNSTY", "RXCUI", "TUI", "STY"):
        if code in names:
            yield Property(code, "STY", tui, "Coding", display=name)
            yield Property(code, "TUI", tui, "code")


def _attributes(atoms: _Atoms) -> Iterator[Record]:
    names = atoms.names()
    columns = ("RXCUI", "ATN", "SAB", "ATV", "SUPPRESS")
    for code, name, source, value, suppressed in atoms.rows("RXNSAT", *columns):
        if code in names and atoms.takes(source) and not _is_suppressed(suppressed) and name and value:
            yield Property(code, name, value)


def _relations(atoms: _Atoms) -> Iterator[Record]:
    """Of a row the second concept has the relation to the first one."""
    names = atoms.names()
    columns = ("RXCUI1", "RXAUI1", "RXAUI2", "REL", "RXCUI2", "RELA", "SAB", "SUPPRESS")
    for first, atom, other_atom, relation, second, role, source, suppressed in atoms.rows("RXNREL", *columns):
        if atom or other_atom or not atoms.takes(source) or _is_suppressed(suppressed):
            continue
        if first in names and second in names:
            for name in filter(None, (relation, role)):
                yield Property(second, name, first, "concept")


def _is_suppressed(said: str) -> bool:
    return said in ("O", "Y", "E")


LOADER: Final = Loader(
    "rxnorm",
    (RXNORM,),
    detect,
    read,
    "RxNorm terms of use, https://www.nlm.nih.gov/research/umls/rxnorm/docs/termsofservice.html",
)
