"""SNOMED CT in release format 2: an edition with all its modules, and the maps in it.

https://hl7.org/fhir/R4/snomedct.html,
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ..records import About, Concept, FilterDefinition, Member, Parent, Property, PropertyDefinition, Record
from .archive import Archive
from .descriptions import Descriptions
from .editions import edition_of
from .release import Loader, Options, Part, Release, Report
from .rf2 import FIRST, MEMBER, File, Files
from .snomed_maps import is_concept, maps

SCT: Final = "http://snomed.info/sct"
UNPUBLISHED: Final = "http://snomed.info/xsct"
ALTERNATE_IDENTIFIER: Final = "alternateIdentifier:"  # and the scheme: a property
_IS_A, _INFERRED = "116680003", "900000000000011006"
_DEFINED: Final = "900000000000073002"  # sufficiently, by necessary conditions

PROPERTIES: Final = (
    PropertyDefinition(
        "inactive", "boolean", "http://snomed.info/field/Concept.active", "Whether the concept is inactive"
    ),
    PropertyDefinition(
        "moduleId", "code", "http://snomed.info/field/Concept.moduleId", "The module that it belongs to"
    ),
    PropertyDefinition(
        "effectiveTime",
        "string",
        "http://snomed.info/field/Concept.effectiveTime",
        "Since when it is as it is, yyyymmdd",
    ),
    PropertyDefinition(
        "definitionStatusId", "code", "http://snomed.info/field/Concept.definitionStatusId", "Primitive or defined"
    ),
    PropertyDefinition("sufficientlyDefined", "boolean", "", "Whether its attributes suffice to define it"),
    PropertyDefinition("parent", "code", "", "The target of a direct is-a relationship"),
    PropertyDefinition("child", "code", "", "The source of a direct is-a relationship"),
)
FILTERS: Final = (
    FilterDefinition(
        "concept", ("is-a", "in", "descendent-of", "="), "A SNOMED CT code", "Hierarchy and reference sets"
    ),
    FilterDefinition("constraint", ("=",), "A SNOMED CT expression constraint", "http://snomed.org/ecl"),
    FilterDefinition("expression", ("=",), "A SNOMED CT expression constraint", "http://snomed.org/ecl"),
    FilterDefinition("expressions", ("=",), "true or false", "Whether expressions are part of the value set"),
)
COPYRIGHT: Final = (
    "SNOMED CT is the property of SNOMED International (International Health Terminology Standards Development "
    "Organisation) and is used under an affiliate or member licence: https://www.snomed.org/get-snomed"
)
_LEFT_OUT: Final = {
    "stated": "Stated relationships are left out: the inferred ones are answered from.",
    "owl": "OWL axioms are left out: the inferred relationships say what follows from them.",
}

_EXPECTED: Final = {
    "description": "descriptions",
    "language": "language reference sets",
    "relationship": "relationships",
    "dependency": "module dependencies",
}


def detect(archive: Archive) -> bool:
    return bool(archive.find(re.compile(r"(?:^|/)x?sct2_Concept_[^/]*\.txt$", re.IGNORECASE)))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """The edition as a code system, then each of its maps. Raises BadFile."""
    report = Report()
    files = Files(archive, options, report)
    for file in files.all:
        report.count(f"files of {file.holds}")
        if file.holds in _LEFT_OUT and _LEFT_OUT[file.holds] not in report.notes:
            report.notes.append(_LEFT_OUT[file.holds])
    for holds, what in _EXPECTED.items():
        if not files.of(holds):
            report.missing.append(f"There is no file of {what}.")
    edition = edition_of(files, options, report)
    system = UNPUBLISHED if files.beta else SCT
    version = f"{system}/{edition.module}/version/{edition.date}"
    descriptions = Descriptions(files)
    about = About(
        url=system,
        version=version,
        name="SNOMED_CT",
        title=f"SNOMED CT, {edition.name}, {edition.date}" if edition.name else f"SNOMED CT, {edition.date}",
        kind="snomed",
        case_sensitive=False,
        compositional=True,
        language=descriptions.language,
        value_set=f"{system}?fhir_vs",
        copyright=COPYRIGHT,
        date=f"{edition.date[:4]}-{edition.date[4:6]}-{edition.date[6:]}",
        publisher="SNOMED International",
        properties=PROPERTIES,
        filters=FILTERS,
    )
    yield Release("code-system", about, list(_parts(files, descriptions)), report=report)
    yield from maps(files, system, version, report)


def _parts(files: Files, descriptions: Descriptions) -> Iterator[Part]:
    readers: tuple[tuple[str, Callable[[File], Iterator[Record]]], ...] = (
        ("concept", lambda file: _concepts(files, file, descriptions)),
        ("description", descriptions.terms),
        ("relationship", lambda file: _relationships(files, file)),
        ("concrete", lambda file: _concrete(files, file)),
        ("identifier", lambda file: _identifiers(files, file)),
        *((holds, lambda file: _members(files, file)) for holds in ("refset", "association", "map", "dependency")),
    )
    for holds, reader in readers:
        for file in files.of(holds):
            yield Part(file.name, lambda reader=reader, file=file: reader(file), files.archive.size(file.name))  # type: ignore[misc]


def _concepts(files: Files, file: File, descriptions: Descriptions) -> Iterator[Record]:
    displays, definitions = descriptions.displays(), descriptions.definitions()
    for row in files.rows(file, ("definitionStatusId",)):
        code, time, active, module, definition = row
        if not code.isdecimal():
            raise files.bad(file, row, "id", f"{code[:50]!r} is no SNOMED CT identifier")
        inactive = active == "0"
        key = int(code)
        yield Concept(code, displays.get(key, ""), definitions.get(key, ""), inactive, False, "inactive" * inactive)
        yield Property(code, "moduleId", module, "code")
        if time:
            yield Property(code, "effectiveTime", time)
        yield Property(code, "definitionStatusId", definition, "code")
        yield Property(code, "sufficientlyDefined", "true" if definition == _DEFINED else "false", "boolean")
    if file is files.of("concept")[-1]:
        descriptions.forget_displays()


def _relationships(files: Files, file: File) -> Iterator[Record]:
    asked = ("sourceId", "destinationId", "relationshipGroup", "typeId", "characteristicTypeId")
    for row in files.rows(file, asked):
        _, _, active, _, source, destination, group, kind, characteristic = row
        if active != "1" or characteristic != _INFERRED:
            continue
        if not (source.isdecimal() and destination.isdecimal() and kind.isdecimal() and group.isdecimal()):
            column = next(name for name, value in zip(asked, row[4:], strict=True) if not value.isdecimal())
            raise files.bad(file, row, column, "it is no number")
        if kind == _IS_A:
            yield Parent(source, destination)
        else:
            yield Property(source, kind, destination, "concept", group=int(group))


_NUMBER: Final = re.compile(r"#([+-]?[0-9]+)(\.[0-9]+)?").fullmatch
_TEXT: Final = re.compile(r'"(.*)"', re.DOTALL).fullmatch


def _concrete(files: Files, file: File) -> Iterator[Record]:
    asked = ("sourceId", "value", "relationshipGroup", "typeId", "characteristicTypeId")
    for row in files.rows(file, asked):
        _, _, active, _, source, value, group, kind, characteristic = row
        if active != "1" or characteristic != _INFERRED:
            continue
        if not group.isdecimal():
            raise files.bad(file, row, "relationshipGroup", "it is no number")
        if number := _NUMBER(value):
            said, type_ = value[1:].removeprefix("+"), "decimal" if number[2] else "integer"
        elif text := _TEXT(value):
            said, type_ = text[1].replace('\\"', '"').replace("\\\\", "\\"), "string"
        elif value.lower() in ("#true", "#false", "true", "false"):
            said, type_ = value.removeprefix("#").lower(), "boolean"
        else:
            raise files.bad(file, row, "value", f'{value[:50]!r} is neither #1, #1.5 nor "text"')
        yield Property(source, kind, said, type_, group=int(group))


def _identifiers(files: Files, file: File) -> Iterator[Record]:
    for identifier, _, active, _, scheme, concept in files.rows(file, ("identifierSchemeId", "referencedComponentId")):
        if active == "1" and is_concept(concept):
            yield Property(concept, ALTERNATE_IDENTIFIER + scheme, identifier)


def _members(files: Files, file: File) -> Iterator[Record]:
    known = {one.casefold() for one in (*FIRST, *MEMBER)}
    others = [one for one in file.columns if one.casefold() not in known]
    names = ("id", "effectiveTime", "moduleId", *others)
    for component, time, active, module, refset, concept, *values in files.rows(file, MEMBER, others):
        if active == "1" and is_concept(concept):
            yield Member(refset, concept, dict(zip(names, (component, time, module, *values), strict=True)))


LOADER: Final = Loader(
    "snomed",
    (SCT, UNPUBLISHED),
    detect,
    read,
    "SNOMED CT affiliate or member licence, https://www.snomed.org/get-snomed",
)
