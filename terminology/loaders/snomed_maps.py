"""Maps of SNOMED CT: map and association reference sets as concept maps, their rows whole.

https://hl7.org/fhir/R4/snomedct.html#implicit-cm,
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification (map reference sets)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..records import About, Row
from .release import Part, Release, Report
from .rf2 import MEMBER, File, Files

# What a map leads to: its reference set → system and title (TX-51).
TARGETS: Final[Mapping[str, tuple[str, str]]] = {
    "447562003": ("http://hl7.org/fhir/sid/icd-10", "SNOMED CT to ICD-10"),
    "6011000124106": ("http://hl7.org/fhir/sid/icd-10-cm", "SNOMED CT to ICD-10-CM"),
    "446608001": ("http://hl7.org/fhir/sid/icd-o", "SNOMED CT to ICD-O"),
    "900000000000497000": ("http://read.info/ctv3", "SNOMED CT to CTV3"),
}
UNKNOWN_TARGET: Final = "urn:x-fhir-server:snomed-map:"  # and the reference set: a system that nobody named

# How what an association names stands to the concept (TX-51); of any other it is not known.
ASSOCIATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "900000000000527005": ("equal", "SAME AS"),
    "900000000000526001": ("equivalent", "REPLACED BY"),
    "900000000000523009": ("inexact", "POSSIBLY EQUIVALENT TO"),
    "900000000000530003": ("inexact", "ALTERNATIVE"),
    "1186924009": ("inexact", "PARTIALLY EQUIVALENT TO"),
    "1186921001": ("inexact", "POSSIBLY REPLACED BY"),
    "900000000000528000": ("wider", "WAS A"),
    "900000000000524003": ("relatedto", "MOVED TO"),
    "900000000000525002": ("relatedto", "MOVED FROM"),
    "900000000000529008": ("relatedto", "SIMILAR TO"),
}

# How the target stands to the source, by the correlation of the row (TX-156); the older and the newer set of ids.
CORRELATIONS: Final[Mapping[str, str]] = {
    "447557004": "equal", "447558009": "wider", "447559001": "narrower", "447560006": "inexact", "447556008": "disjoint",
    "1193548004": "equal", "1193549007": "wider", "1193547009": "narrower", "1193550007": "inexact",
    "1193551006": "disjoint",
}  # fmt: skip
_TURNED: Final = {"wider": "narrower", "narrower": "wider"}
_CANNOT_BE_CLASSIFIED: Final = "447638001"
_COLUMNS: Final = (
    "mapTarget", "mapSource", "mapGroup", "mapPriority", "mapRule", "mapAdvice", "correlationId", "mapCategoryId",
    "mapTargetDescription",
)  # fmt: skip


def equivalence(target: str | None, correlation: str, category: str) -> str:
    """How a target stands to what is mapped, as R4 says it. Where the release says no more than that there is a target
    they are related (TX-156); without a target there is none, whatever it says."""
    said = CORRELATIONS.get(correlation, "")
    if target is None or category == _CANNOT_BE_CLASSIFIED:
        return said if said == "disjoint" else "unmatched"
    return said or "relatedto"


def maps(files: Files, system: str, version: str, report: Report) -> Iterator[Release]:
    """A concept map for each reference set of a map or an association that has an active row of a concept."""
    found: dict[str, list[File]] = {}
    for file in files.of("map", "association"):
        sets = {row[4]: None for row in files.rows(file, MEMBER) if row[2] == "1" and is_concept(row[5])}
        for one in sets:
            found.setdefault(one, []).append(file)
    for refset, its_files in sorted(found.items()):
        within = its_files[0].holds == "association"
        target, title = (system, "") if within else TARGETS.get(refset, (UNKNOWN_TARGET + refset, ""))
        if within and refset in ASSOCIATIONS:
            title = f"SNOMED CT: {ASSOCIATIONS[refset][1]}"
        elif not within and refset not in TARGETS:
            report.notes.append(f"Where the map {refset} leads to is not known; its targets are given as {target}.")
        about = About(
            url=f"{system}?fhir_cm={refset}",
            version=version,
            name=f"SNOMED_CT_{refset}",
            title=title or f"SNOMED CT: reference set {refset}",
            kind="snomed",
            source=f"{system}?fhir_vs",
            target=f"{system}?fhir_vs" if within else target,
        )
        parts = [_part(files, file, refset, system, target, within) for file in its_files]
        yield Release("concept-map", about, parts, report=report)


def _part(files: Files, file: File, refset: str, system: str, target: str, within: bool) -> Part:
    def records() -> Iterator[Row]:
        return _associated(files, file, refset, system) if within else _mapped(files, file, refset, system, target)

    return Part(f"{file.name}#{refset}", records, files.archive.size(file.name))


def _associated(files: Files, file: File, refset: str, system: str) -> Iterator[Row]:
    relation = ASSOCIATIONS.get(refset, ("relatedto", ""))[0]
    for row in files.rows(file, (*MEMBER, "targetComponentId")):
        component, time, active, module, its_refset, source, target = row
        if active == "1" and its_refset == refset and is_concept(source):
            fields = {"moduleId": module, "effectiveTime": time}
            yield Row(
                system, source, system, target or None, relation if target else "unmatched", id=component, fields=fields
            )


def _mapped(files: Files, file: File, refset: str, system: str, target_system: str) -> Iterator[Row]:
    known = {one.casefold() for one in (*_COLUMNS, *MEMBER, "id", "active")}
    others = [one for one in file.columns if one.casefold() not in known]  # effectiveTime, moduleId and those to come
    for row in files.rows(file, MEMBER, (*_COLUMNS, *others)):
        component, _, active, _, its_refset, concept = row[:6]
        if active != "1" or its_refset != refset or not is_concept(concept):
            continue
        target, source, group, priority, rule, advice, correlation, category, display = row[6:15]
        try:
            grouped, ranked = int(group or 0), int(priority or 0)
        except ValueError:
            column = "mapPriority" if group.isdecimal() else "mapGroup"
            raise files.bad(file, row, column, "it is no number") from None
        fields = {name: value for name, value in zip(others, row[15:], strict=True) if value}
        relation = equivalence(target or source or None, correlation, category)
        if source:  # a map to SNOMED CT
            yield Row(
                target_system, source, system, concept, _TURNED.get(relation, relation), group=grouped, priority=ranked,
                rule=rule, advice=advice, correlation=correlation, category=category, id=component, fields=fields,
            )  # fmt: skip
        else:
            yield Row(
                system, concept, target_system, target or None, relation, target_display=display, group=grouped,
                priority=ranked, rule=rule, advice=advice, correlation=correlation, category=category, id=component,
                fields=fields,
            )  # fmt: skip


def is_concept(component: str) -> bool:
    """Whether an identifier is that of a concept: so say the two digits before its last.

    https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification (partition identifier)"""
    return component[-3:-1] in ("00", "10")
