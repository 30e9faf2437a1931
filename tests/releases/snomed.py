"""SNOMED CT releases of invented content: a toolbox, as it was on two dates, and an extension of it in another language.

Ids that the format itself needs (is-a, types of descriptions, dialects) are the official ones; all others are made here,
with the check digit that such ids have. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-release-file-specification
"""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

CORE, MODEL = "900000000000207008", "900000000000012004"
IS_A, INFERRED, STATED, SOME = "116680003", "900000000000011006", "900000000000010007", "900000000000451002"
PRIMITIVE, DEFINED = "900000000000074008", "900000000000073002"
FSN, SYNONYM, TEXT = "900000000000003001", "900000000000013009", "900000000000550004"
US, GB = "900000000000509007", "900000000000508004"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
CASELESS = "900000000000448009"
SAME_AS, ICD_10 = "900000000000527005", "447562003"
FIRST, SECOND, EXTENDED = "20300131", "20300731", "20300930"  # dates of the releases

_TIMES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_TURNS = [tuple(range(10)), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)]
for _ in range(6):
    _TURNS.append(tuple(_TURNS[-1][_TURNS[1][one]] for one in range(10)))


def sctid(item: int, partition: str, namespace: str = "") -> str:
    """An id with its check digit after Verhoeff. partition: 0 concept, 1 description, 2 relationship."""
    digits = f"{item}{namespace}{'1' if namespace else '0'}{partition}"
    check = 0
    for place, digit in enumerate(reversed(digits), 1):
        check = _TIMES[check][_TURNS[place % 8][int(digit)]]
    return digits + str(_TIMES[check].index(0))


def _concept(item: int) -> str:
    return sctid(990_000 + item, "0")


NAMESPACE: Final = "1999999"
EXTENSION: Final = sctid(11, "0", NAMESPACE)  # the module
DIALECT: Final = sctid(12, "0", NAMESPACE)
ROOT, TOOL, HAMMER, MALLET, SAW, MATERIAL, WOOD, STEEL, MADE_OF, WEIGHT, CHISEL, LABEL = map(_concept, range(12))
FAVOURITES, REASON, OWN_MAP, SCHEME = map(_concept, range(20, 24))
HERITAGE: Final = sctid(13, "0", NAMESPACE)  # a concept of the extension: a hammer

_TERMS = {  # concept → term in US and in GB English
    ROOT: ("Toolbox", ""), TOOL: ("Tool", ""), HAMMER: ("Hammer", ""), MALLET: ("Wooden hammer", "Mallet"),
    SAW: ("Saw", ""), MATERIAL: ("Material", ""), WOOD: ("Wood", ""), STEEL: ("Steel", ""), MADE_OF: ("Made of", ""),
    WEIGHT: ("Weight in grams", "Weight in grammes"), CHISEL: ("Chisel", ""), LABEL: ("Label", ""),
}  # fmt: skip
_ABOVE = {
    TOOL: ROOT, HAMMER: TOOL, MALLET: HAMMER, SAW: TOOL, MATERIAL: ROOT, WOOD: MATERIAL, STEEL: MATERIAL, MADE_OF: ROOT,
    WEIGHT: ROOT, LABEL: ROOT,
}  # fmt: skip

Row = Sequence[str]
HEADERS: Final[Mapping[str, str]] = {  # file → its columns
    "sct2_Concept": "id effectiveTime active moduleId definitionStatusId",
    "sct2_Description": "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
    "sct2_TextDefinition": "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
    "sct2_Relationship": "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId "
    "characteristicTypeId modifierId",
    "sct2_StatedRelationship": "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId "
    "characteristicTypeId modifierId",
    "sct2_RelationshipConcreteValues": "id effectiveTime active moduleId sourceId value relationshipGroup typeId "
    "characteristicTypeId modifierId",
    "sct2_Identifier": "alternateIdentifier effectiveTime active moduleId identifierSchemeId referencedComponentId",
    "sct2_sRefset_OWLExpression": "id effectiveTime active moduleId refsetId referencedComponentId owlExpression",
    "der2_cRefset_Language": "id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId",
    "der2_Refset_Simple": "id effectiveTime active moduleId refsetId referencedComponentId",
    "der2_cRefset_Association": "id effectiveTime active moduleId refsetId referencedComponentId targetComponentId",
    "der2_cRefset_AttributeValue": "id effectiveTime active moduleId refsetId referencedComponentId valueId",
    "der2_iisssccRefset_ExtendedMap": "id effectiveTime active moduleId refsetId referencedComponentId mapGroup "
    "mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId",
    "der2_sRefset_SimpleMap": "id effectiveTime active moduleId refsetId referencedComponentId mapTarget",
    "der2_ssRefset_ModuleDependency": "id effectiveTime active moduleId refsetId referencedComponentId "
    "sourceEffectiveTime targetEffectiveTime",
}
_FOLDERS = {"sct2_": "Terminology", "Language": "Refset/Language", "Map": "Refset/Map", "Module": "Refset/Metadata"}
_OF_A_LANGUAGE = ("sct2_Description", "sct2_TextDefinition", "der2_cRefset_Language")


class Content:
    """Rows of files, each with all that it ever was."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {file: [] for file in HEADERS}
        self._next = 500

    def add(self, file: str, *row: str) -> None:
        self.rows[file].append(row)

    def member(
        self, file: str, time: str, module: str, refset: str, component: str, *more: str, active: str = "1"
    ) -> None:
        """A row of a reference set; its id is made of what it says, so that a later row may take its place."""
        told = (module if "Module" in file else "", refset, component, more[:2] if "Map" in file else ())
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, repr(told)))
        self.add(file, name, time, active, module, refset, component, *more)

    def describe(
        self, concept: str, text: str, time: str, kind: str = SYNONYM, language: str = "en", *,
        module: str = CORE, namespace: str = "", preferred: Iterable[str] = (), acceptable: Iterable[str] = (),
        file: str = "sct2_Description", active: str = "1",
    ) -> str:  # fmt: skip
        self._next += 1
        name = sctid(self._next, "1", namespace)
        self.add(file, name, time, active, module, concept, language, kind, text, CASELESS)
        for dialects, said in ((preferred, PREFERRED), (acceptable, ACCEPTABLE)):
            for dialect in dialects:
                self.member("der2_cRefset_Language", time, module, dialect, name, said)
        return name

    def relate(self, source: str, kind: str, target: str, time: str, group: str = "0", *, active: str = "1",
               item: int = 0, module: str = CORE, namespace: str = "") -> int:  # fmt: skip
        """A relationship, concrete where the target begins with # or a quote. Returns what tells its id."""
        self._next += 1
        item = item or self._next
        concrete = target[0] in '#"'
        self.add(
            "sct2_RelationshipConcreteValues" if concrete else "sct2_Relationship",
            sctid(item, "2", namespace), time, active, module, source, target, group, kind, INFERRED, SOME,
        )  # fmt: skip
        return item


def international() -> Content:
    """On FIRST eleven concepts; on SECOND twelve: the chisel is inactive, the label is new, the saw is of steel."""
    content = Content()
    for concept, (american, british) in _TERMS.items():
        time = SECOND if concept == LABEL else FIRST
        content.add("sct2_Concept", concept, time, "1", CORE, DEFINED if concept == MALLET else PRIMITIVE)
        content.describe(concept, f"{american} (thing)", time, FSN, preferred=(US, GB))
        content.describe(
            concept, american, time, preferred=(US,) if british else (US, GB), acceptable=(GB,) if british else ()
        )
        if british:
            content.describe(concept, british, time, preferred=(GB,), acceptable=(US,))
        if concept in _ABOVE:
            content.relate(concept, IS_A, _ABOVE[concept], time)
    content.describe(HAMMER, "Striker", FIRST, active="0")
    content.describe(SAW, "A blade with teeth", FIRST, TEXT, preferred=(US, GB), file="sct2_TextDefinition")
    content.relate(MALLET, MADE_OF, WOOD, FIRST, "1")
    content.relate(MALLET, WEIGHT, "#450", FIRST, "1")
    content.relate(SAW, WEIGHT, "#250.50", FIRST, "1")
    content.relate(SAW, MADE_OF, STEEL, SECOND, "1")
    content.relate(SAW, LABEL, '"SHARP \\"S\\""', SECOND, "2")
    below = content.relate(CHISEL, IS_A, TOOL, FIRST)
    content.relate(CHISEL, IS_A, TOOL, SECOND, active="0", item=below)
    content.add("sct2_Concept", CHISEL, SECOND, "0", CORE, PRIMITIVE)
    content.add("sct2_StatedRelationship", sctid(499, "2"), FIRST, "1", CORE, SAW, TOOL, "0", IS_A, STATED, SOME)
    content.member("sct2_sRefset_OWLExpression", FIRST, MODEL, "733073007", SAW, f"SubClassOf(:{SAW} :{TOOL})")
    content.add("sct2_Identifier", "T-100", FIRST, "1", CORE, SCHEME, SAW)
    content.member("der2_Refset_Simple", FIRST, CORE, FAVOURITES, HAMMER)
    content.member("der2_Refset_Simple", FIRST, CORE, FAVOURITES, SAW)
    content.member("der2_Refset_Simple", SECOND, CORE, FAVOURITES, SAW, active="0")
    content.member("der2_cRefset_Association", SECOND, CORE, SAME_AS, CHISEL, SAW)
    content.member("der2_cRefset_AttributeValue", SECOND, CORE, REASON, CHISEL, LABEL)
    one = ("447557004", "447637006")
    for group, priority, rule, target, said in (
        ("1", "1", f"IFA {MADE_OF} | Made of |", "X01.1", one),
        ("1", "2", "OTHERWISE TRUE", "", ("447561005", "447638001")),
        ("2", "1", "TRUE", "X02", ("447561005", "447637006")),
    ):
        content.member(
            "der2_iisssccRefset_ExtendedMap",
            FIRST,
            CORE,
            ICD_10,
            SAW,
            group,
            priority,
            rule,
            f"ALWAYS {target}",
            target,
            *said,
        )
    content.member("der2_sRefset_SimpleMap", FIRST, CORE, OWN_MAP, HAMMER, "H-1")
    for time in (FIRST, SECOND):
        content.member("der2_ssRefset_ModuleDependency", time, CORE, "900000000000534007", MODEL, time, time)
    return content


def extension() -> Content:
    """One more hammer, a dialect of Swedish, and a later word on the saw: its module's own."""
    content = Content()
    own: dict[str, Any] = {"module": EXTENSION, "namespace": NAMESPACE}
    content.add("sct2_Concept", HERITAGE, EXTENDED, "1", EXTENSION, PRIMITIVE)
    content.add("sct2_Concept", SAW, EXTENDED, "1", EXTENSION, DEFINED)
    content.describe(HERITAGE, "Heirloom hammer (thing)", EXTENDED, FSN, preferred=(US,), **own)
    content.describe(HERITAGE, "Arvegods", EXTENDED, language="sv", preferred=(DIALECT,), **own)
    content.relate(HERITAGE, IS_A, HAMMER, EXTENDED, **own)
    content.member("der2_Refset_Simple", EXTENDED, EXTENSION, FAVOURITES, HERITAGE)
    for other in (CORE, MODEL):
        content.member(
            "der2_ssRefset_ModuleDependency", EXTENDED, EXTENSION, "900000000000534007", other, EXTENDED, SECOND
        )
    return content


def at(rows: Iterable[Row], date: str) -> list[Row]:
    """What a snapshot has: of each id the latest row until a date."""
    latest: dict[str, Row] = {}
    for row in rows:
        if row[1] <= date and (row[0] not in latest or row[1] >= latest[row[0]][1]):
            latest[row[0]] = row
    return list(latest.values())


def write(
    folder: Path, content: Content | None = None, date: str = SECOND, *, kinds: Sequence[str] = ("Snapshot",),
    namespace: str = "INT", language: str = "en", prefix: str = "", packed: bool = False,
    without: Sequence[str] = (), name: str = "",
) -> Path:  # fmt: skip
    """Writes a package into a folder, or as a zip, and returns its path. without: files left out. prefix: "x" of what is
    not published yet."""
    content = content or international()
    package = name or f"SnomedCT_Toolbox{namespace}_PRODUCTION_{date}T120000Z"
    texts: dict[str, str] = {f"{package}/Readme_en_{date}.txt": "Invented content.\r\n"}
    for kind in kinds:
        for file, rows in content.rows.items():
            those = at(rows, date) if kind == "Snapshot" else [row for row in rows if row[1] <= date]
            if file in without or not those:
                continue
            place = next((where for part, where in _FOLDERS.items() if part in file), "Refset/Content")
            joint = "" if "Refset" in file else "_"
            suffix = f"-{language}" if file in _OF_A_LANGUAGE else ""
            path = f"{package}/{kind}/{place}/{prefix}{file}{joint}{kind}{suffix}_{namespace}_{date}.txt"
            lines = ["\t".join(HEADERS[file].split()), *("\t".join(row) for row in those)]
            texts[path] = "".join(f"{line}\r\n" for line in lines)
    folder.mkdir(parents=True, exist_ok=True)
    if packed:
        path_of_zip = folder / f"{package}.zip"
        with zipfile.ZipFile(path_of_zip, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in texts.items():
                archive.writestr(path, text)
        return path_of_zip
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder / package
