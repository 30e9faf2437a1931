"""The maps of a LOINC release: deprecated terms to their replacement, parts to other code systems, terms to IEEE 11073.

https://loinc.org/kb/users-guide/loinc-database-structure/, https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from ..records import About, Record, Row
from .archive import Archive, BadFile
from .release import Part, Release, Report
from .tables import header, numbered, rows

URL: Final = "http://loinc.org"
CODES: Final = f"{URL}/cm/"  # and the name of the map
IEEE: Final = "urn:iso:std:iso:11073:10101"
_EQUIVALENCES: Final = frozenset(
    {
        "equal",
        "equivalent",
        "relatedto",
        "wider",
        "subsumes",
        "narrower",
        "specializes",
        "inexact",
        "unmatched",
        "disjoint",
    }
)
_SYSTEMS: Final = {  # as the release names them, where it does not give a URL
    "CHEBI": "http://purl.obolibrary.org/obo/chebi.owl",
    "CLINVAR": "http://www.ncbi.nlm.nih.gov/clinvar",
    "NCBI TAXONOMY": "https://www.ncbi.nlm.nih.gov/taxonomy",
    "RADLEX": "http://www.radlex.org",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "SNOMED CT": "http://snomed.info/sct",
}


def maps(archive: Archive, version: str) -> Iterator[Release]:
    """A concept map for each that the release has; parts have one for each code system they are mapped to."""
    for name in archive.find("LoincTable/MapTo.csv")[:1]:
        yield _release(
            archive, name, version, "map-to", "LOINC: deprecated terms and their replacements", URL, _replaced
        )
    for name in archive.find("PartFile/PartRelatedCodeMapping.csv")[:1]:
        systems = Counter(row["ExtCodeSystem"] for row in rows(archive, name, ",", True, ("ExtCodeSystem",)))
        for system in sorted(systems):
            target = _SYSTEMS.get(system.upper(), system)
            yield _release(
                archive,
                name,
                version,
                f"parts-to-{_slug(target)}",
                f"LOINC parts to {system}",
                target,
                _part_rows,
                system,
            )
    for name in archive.find("LoincIeeeMedicalDeviceCodeMappingTable.csv")[:1]:
        yield _release(archive, name, version, "loinc-to-ieee-11073-10101", "LOINC to IEEE 11073-10101", IEEE, _devices)


def _release(
    archive: Archive,
    name: str,
    version: str,
    slug: str,
    title: str,
    target: str,
    reading: Callable[..., Iterator[Record]],
    *more: str,
) -> Release:
    report = Report()
    about = About(
        CODES + slug,
        version,
        name="LOINC" + "".join(part.capitalize() for part in slug.split("-")),
        title=title,
        publisher="Regenstrief Institute, Inc.",
        copyright="LOINC is copyright © Regenstrief Institute, Inc.; other code systems are their publishers'.",
        source=URL,
        target=target,
    )
    records = partial(reading, archive, name, report, *more)
    return Release("concept-map", about, (Part(name, records, archive.size(name)),), report=report)


def _slug(url: str) -> str:
    return "-".join("".join(one if one.isalnum() else " " for one in url.partition("//")[2] or url).split()).lower()


def _replaced(archive: Archive, name: str, report: Report) -> Iterator[Record]:
    """A term may have several replacements, of which the comment says when each holds."""
    told = [*numbered(archive, name, ",", True, ("LOINC", "MAP_TO"), ("COMMENT",))]
    several = Counter(row["LOINC"] for _, row in told)
    for line, row in told:
        if not row["LOINC"] or not row["MAP_TO"]:
            raise BadFile(name, line, 2 if row["LOINC"] else 1, "a code is missing")
        report.count("rows")
        alone = several[row["LOINC"]] == 1 and not row["COMMENT"]
        yield Row(URL, row["LOINC"], URL, row["MAP_TO"], "equivalent" if alone else "inexact", comment=row["COMMENT"])


def _part_rows(archive: Archive, name: str, report: Report, system: str) -> Iterator[Record]:
    required = ("PartNumber", "PartName", "ExtCodeId", "ExtCodeSystem")
    optional = tuple(one for one in header(archive, name, ",") if one not in required)
    for line, row in numbered(archive, name, ",", True, required, optional):
        if row["ExtCodeSystem"] != system:
            continue
        equivalence = row.get("Equivalence", "").lower() or "relatedto"
        if equivalence not in _EQUIVALENCES:
            raise BadFile(
                name, line, 1 + _column(archive, name, "Equivalence"), f"{equivalence!r} is no equivalence of R4"
            )
        report.count("rows")
        kept = {key: row[key] for key in optional if row[key] and key not in ("Equivalence", "ExtCodeDisplayName")}
        yield Row(
            URL,
            row["PartNumber"],
            _SYSTEMS.get(system.upper(), system),
            row["ExtCodeId"],
            equivalence,
            row["PartName"],
            row.get("ExtCodeDisplayName", ""),
            fields=kept,
        )


def _column(archive: Archive, name: str, column: str) -> int:
    return header(archive, name, ",").index(column)


def _devices(archive: Archive, name: str, report: Report) -> Iterator[Record]:
    required = ("LOINC_NUM", "IEEE_CF_CODE10")
    for row in rows(archive, name, ",", True, required, ("LOINC_LONG_COMMON_NAME", "IEEE_REFID", "EQUIVALENCE")):
        equivalence = row["EQUIVALENCE"].lower()
        report.count("rows")
        yield Row(
            URL,
            row["LOINC_NUM"],
            IEEE,
            row["IEEE_CF_CODE10"],
            equivalence if equivalence in _EQUIVALENCES else "relatedto",
            row["LOINC_LONG_COMMON_NAME"],
            row["IEEE_REFID"],
            fields={"EQUIVALENCE": row["EQUIVALENCE"]} if row["EQUIVALENCE"] else {},
        )
