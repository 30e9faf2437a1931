"""LOINC: the table, parts, hierarchy, answer lists, panels, groups, translations and maps of a release, by column names.

Files are chosen by their path, because the panels have their own copy of some: only the table is needed, what else is missing
is reported. https://loinc.org/kb/users-guide/, https://hl7.org/fhir/R4/loinc.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from ..records import About, Concept, FilterDefinition, Member, Parent, Property, PropertyDefinition, Record, Term
from .archive import Archive, BadFile
from .loinc_maps import maps
from .release import Loader, Options, Part, Release, Report
from .tables import header, numbered, rows

URL: Final = "http://loinc.org"
LICENCE: Final = "LOINC and RELMA terms of use (https://loinc.org/license/)"
COPYRIGHT: Final = (
    "This material contains content from LOINC (http://loinc.org). LOINC is copyright © Regenstrief Institute, Inc. and the "
    "Logical Observation Identifiers Names and Codes (LOINC) Committee and is available at no cost under the license at "
    "http://loinc.org/license. LOINC® is a registered United States trademark of Regenstrief Institute, Inc."
)
TABLE: Final = "LoincTable/Loinc.csv"
AXES: Final = ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP")
_CODES: Final = (*AXES, "CLASS")  # properties that are Codings of a part where the release links it
_CORE: Final = ("LOINC_NUM", *AXES, "STATUS", "LONG_COMMON_NAME")
_FILES: Final = {  # what is read: paths that it has or had, the newest first
    "parts": ("PartFile/Part.csv",),
    "links": ("PartFile/LoincPartLink_Primary.csv", "PartFile/LoincPartLink.csv"),
    "supplementary": ("PartFile/LoincPartLink_Supplementary.csv",),
    "hierarchy": (
        "ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv",
        "MultiAxialHierarchy/MultiAxialHierarchy.csv",
    ),
    "answers": ("AnswerFile/AnswerList.csv",),
    "answer links": ("AnswerFile/LoincAnswerListLink.csv",),
    "panels": ("PanelsAndForms/PanelsAndForms.csv",),
    "groups": ("GroupFile/Group.csv",),
    "parent groups": ("GroupFile/ParentGroup.csv",),
    "group terms": ("GroupFile/GroupLoincTerms.csv",),
    "consumer names": ("ConsumerName/ConsumerName.csv",),
    "organizations": ("LoincTable/SourceOrganization.csv",),
    "languages": ("LinguisticVariants/LinguisticVariants.csv",),
    "documents": ("DocumentOntology/DocumentOntology.csv",),
}
_VARIANT: Final = re.compile(r"LinguisticVariants/([a-z]{2,3})([A-Z]{2})(\d+)LinguisticVariant\.csv$")
_INACTIVE: Final = "DEPRECATED"
_OWN: Final = frozenset(
    {
        "LOINC_NUM",
        "LONG_COMMON_NAME",
        "SHORTNAME",
        "DisplayName",
        "CONSUMER_NAME",
        *AXES,
        "CLASS",
        "DefinitionDescription",
    }
)
_USES: Final = {  # names beside the display, as designations
    name: (URL, name, name) for name in ("SHORTNAME", "DisplayName", "CONSUMER_NAME", "LONG_COMMON_NAME")
}
_number: Final = re.compile(r"\d+(?:\.\d+)*").fullmatch
PROPERTIES: Final = (
    *(PropertyDefinition(name, "Coding", f"{URL}/property/{name}") for name in _CODES),
    PropertyDefinition("STATUS", "string", f"{URL}/property/STATUS"),
    PropertyDefinition(
        "CLASSTYPE", "string", f"{URL}/property/CLASSTYPE", "1 laboratory, 2 clinical, 3 attachments, 4 surveys"
    ),
    PropertyDefinition("AnswerList", "Coding", f"{URL}/property/answer-list", "a list of answers to this question"),
    PropertyDefinition("answers-for", "Coding", f"{URL}/property/answers-for", "a question that this list answers"),
    PropertyDefinition("PartTypeName", "string", description="the axis or attribute that a part is a value of"),
    PropertyDefinition("EXTERNAL_COPYRIGHT_NOTICE", "string", f"{URL}/property/EXTERNAL_COPYRIGHT_NOTICE"),
)
FILTERS: Final = (
    FilterDefinition("parent", ("=",), "a code of the hierarchy"),
    FilterDefinition("child", ("=", "in"), "a code of the hierarchy"),
    FilterDefinition("ancestor", ("=",), "a code of the hierarchy"),
    FilterDefinition("descendant", ("=",), "a code of the hierarchy"),
    FilterDefinition("copyright", ("=",), "LOINC or 3rdParty"),
    FilterDefinition("LIST", ("=",), "code of an answer list"),
    FilterDefinition("answers-for", ("=",), "a question"),
    *(FilterDefinition(name, ("=", "in", "regex", "exists"), "name or code of a part") for name in _CODES),
)


class _Files:
    """Where the files of a release are."""

    def __init__(self, archive: Archive, report: Report) -> None:
        self.archive = archive
        self.found: dict[str, str] = {}
        for what, paths in _FILES.items():
            for path in paths:
                if names := archive.find(path):
                    self.found[what] = names[0]
                    if path != paths[0]:
                        report.renamed.append(f"{names[0]} is read for {paths[0]}")
                    break
            else:
                report.missing.append(paths[0])
        self.variants = {
            name: f"{match[1]}-{match[2]}" for name in archive.names if (match := _VARIANT.search(name)) is not None
        }
        if not self.variants:
            report.missing.append("LinguisticVariants/*LinguisticVariant.csv")


def detect(archive: Archive) -> bool:
    return bool(_table(archive))


def _table(archive: Archive) -> str:
    """The table, not the copy that the panels have; a Loinc.csv alone, too."""
    found = archive.find(TABLE) or [name for name in archive.find("Loinc.csv") if "PanelsAndForms" not in name]
    return found[0] if found else ""


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """The code system, then a concept map for each map that the release has."""
    table, report = _table(archive), Report()
    if not table:
        raise BadFile(str(archive.path), 0, 0, f"there is no {TABLE}: it is no release of LOINC")
    files = _Files(archive, report)
    version = options.version or _version(archive, table)
    readers: list[tuple[str, str, Callable[..., Iterator[Record]]]] = [
        ("table", table, _terms),
        ("parts", "", _parts),
        ("links", "", _links),
        ("supplementary", "", _supplementary),
        ("hierarchy", "", _hierarchy),
        ("answers", "", _answers),
        ("answer links", "", _answer_links),
        ("panels", "", _panels),
        ("parent groups", "", _parent_groups),
        ("groups", "", _groups),
        ("group terms", "", _group_terms),
        ("consumer names", "", _consumer_names),
        ("documents", "", _documents),
    ]
    parts = []
    for what, path, reading in readers:
        if name := path or files.found.get(what, ""):
            parts.append(Part(name, partial(reading, files, name, report), archive.size(name)))
    for name, language in files.variants.items():
        parts.append(Part(name, partial(_variants, files, name, language, report), archive.size(name)))
    used = {table, *files.found.values(), *files.variants}
    mapped = list(maps(archive, version))
    used |= {part.name for one in mapped for part in one.parts}
    report.ignored += [name for name in archive.names if name not in used]
    yield Release("code-system", _about(files, version), tuple(parts), report=report)
    yield from mapped


def _about(files: _Files, version: str) -> About:
    return About(
        URL,
        version,
        name="LOINC",
        title="LOINC Code System",
        kind="loinc",
        case_sensitive=False,
        language="en",
        value_set=f"{URL}/vs",
        copyright=COPYRIGHT,
        publisher="Regenstrief Institute, Inc.",
        properties=PROPERTIES,
        filters=FILTERS,
    )


def _version(archive: Archive, table: str) -> str:
    """Of the name of the download (Loinc_2.82.zip), else the highest that a term was last changed in."""
    for name in (archive.path.name, archive.path.resolve().parent.name, *table.split("/")):
        if match := re.search(r"loinc[_-]?v?(\d+\.\d+)", name, re.IGNORECASE):
            return match[1]
    changed = (row["VersionLastChanged"] for row in rows(archive, table, ",", True, (), ("VersionLastChanged",)))
    return max(filter(_number, changed), key=lambda one: [int(part) for part in one.split(".")], default="")


def _terms(files: _Files, name: str, report: Report) -> Iterator[Record]:
    """All columns are properties; an axis is a string here and a Coding by its link to a part, so that a filter may name
    either. https://hl7.org/fhir/R4/loinc.html#filters"""
    others = [column for column in header(files.archive, name, ",") if column not in _OWN]
    optional = ("CLASS", "SHORTNAME", "DisplayName", "CONSUMER_NAME", "DefinitionDescription", *others)
    for line, row in numbered(files.archive, name, ",", True, _CORE, optional):
        code = row["LOINC_NUM"]
        if not code:
            raise BadFile(name, line, 1, "the term has no LOINC_NUM")
        status = row["STATUS"]
        report.count("terms")
        yield Concept(
            code,
            row["LONG_COMMON_NAME"] or row["SHORTNAME"],
            row["DefinitionDescription"],
            inactive=status == _INACTIVE,
            status=status.lower(),
        )
        for column in ("SHORTNAME", "DisplayName", "CONSUMER_NAME"):
            if row[column] and row[column] != row["LONG_COMMON_NAME"]:
                yield Term(code, row[column], "en", _USES[column])
        for column in (*AXES, "CLASS", *others):
            if row[column]:
                yield Property(code, column, row[column])


def _parts(files: _Files, name: str, report: Report) -> Iterator[Record]:
    required = ("PartNumber", "PartTypeName", "PartName")
    for row in rows(files.archive, name, ",", True, required, ("PartDisplayName", "Status")):
        code, status = row["PartNumber"], row["Status"]
        report.count("parts")
        yield Concept(
            code,
            row["PartDisplayName"] or row["PartName"],
            inactive=status in ("DEPRECATED", "INACTIVE"),
            status=status.lower(),
        )
        if row["PartDisplayName"] not in ("", row["PartName"]):
            yield Term(code, row["PartName"], "en", (URL, "PartName", "PartName"))
        yield Property(code, "PartTypeName", row["PartTypeName"])
        if status:
            yield Property(code, "STATUS", status)


def _links(files: _Files, name: str, report: Report) -> Iterator[Record]:
    return _linked(files, name, report, "axes")


def _supplementary(files: _Files, name: str, report: Report) -> Iterator[Record]:
    return _linked(files, name, report, "attributes")


def _linked(files: _Files, name: str, report: Report, what: str) -> Iterator[Record]:
    """Axes and further attributes as parts. A property is called as the end of its URL says it (analyte-core)."""
    required = ("LoincNumber", "PartNumber", "PartName", "PartTypeName")
    for row in rows(files.archive, name, ",", True, required, ("Property",)):
        named = row["Property"].rstrip("/").rsplit("/", 1)[-1] or {
            "TIME": "TIME_ASPCT",
            "SCALE": "SCALE_TYP",
            "METHOD": "METHOD_TYP",
        }.get(row["PartTypeName"], row["PartTypeName"])
        report.count(what)
        yield Property(row["LoincNumber"], named, row["PartNumber"], "Coding", URL, row["PartName"])


def _hierarchy(files: _Files, name: str, report: Report) -> Iterator[Record]:
    """Parts of the hierarchy that Part.csv does not have (and it has none of it in some releases) are concepts by it."""
    known: set[str] = set()
    for what, column in (("parts", "PartNumber"),):
        if what in files.found:
            known = {row[column] for row in rows(files.archive, files.found[what], ",", True, (column,))}
    seen: set[tuple[str, str]] = set()
    for row in rows(files.archive, name, ",", True, ("IMMEDIATE_PARENT", "CODE"), ("CODE_TEXT",)):
        code, parent = row["CODE"], row["IMMEDIATE_PARENT"]
        if code.startswith("LP") and code not in known:
            known.add(code)
            report.count("parts of the hierarchy alone")
            yield Concept(code, row["CODE_TEXT"])
        if parent and (code, parent) not in seen:
            seen.add((code, parent))
            report.count("places in the hierarchy")
            yield Parent(code, parent)


def _answers(files: _Files, name: str, report: Report) -> Iterator[Record]:
    """Lists and answers are concepts; an answer is a member of its list with all that the row says."""
    required = ("AnswerListId", "AnswerListName", "AnswerStringId", "DisplayText")
    optional = tuple(one for one in header(files.archive, name, ",") if one not in required)
    seen: set[str] = set()
    for row in rows(files.archive, name, ",", True, required, optional):
        listed, answer = row["AnswerListId"], row["AnswerStringId"]
        if listed not in seen:
            seen.add(listed)
            report.count("answer lists")
            yield Concept(listed, row["AnswerListName"])
            for column in (
                "AnswerListOID",
                "ExtDefinedYN",
                "ExtDefinedAnswerListCodeSystem",
                "ExtDefinedAnswerListLink",
            ):
                if row.get(column):
                    yield Property(listed, column, row[column])
        if not answer:
            continue  # a list that others define
        if answer not in seen:
            seen.add(answer)
            report.count("answers")
            yield Concept(answer, row["DisplayText"])
        kept = {
            key: row[key]
            for key in ("DisplayText", *optional)
            if row[key] and not key.startswith(("AnswerList", "ExtDefined"))
        }
        yield Member(listed, answer, kept)


def _answer_links(files: _Files, name: str, report: Report) -> Iterator[Record]:
    required = ("LoincNumber", "AnswerListId")
    optional = ("LongCommonName", "AnswerListName", "AnswerListLinkType", "ApplicableContext")
    for row in rows(files.archive, name, ",", True, required, optional):
        question, listed, kind = row["LoincNumber"], row["AnswerListId"], row["AnswerListLinkType"]
        report.count("links of answer lists")
        yield Property(question, "AnswerList", listed, "Coding", URL, row["AnswerListName"], description=kind)
        yield Property(listed, "answers-for", question, "Coding", URL, row["LongCommonName"], description=kind)


def _members(row: Mapping[str, str], *known: str) -> dict[str, str]:
    return {key: value for key, value in row.items() if value and key not in known}


def _panels(files: _Files, name: str, report: Report) -> Iterator[Record]:
    """A panel is a set of its terms. The row of a panel itself is no member."""
    required = ("ParentLoinc", "Loinc")
    optional = tuple(one for one in header(files.archive, name, ",") if one not in required)
    for row in rows(files.archive, name, ",", True, required, optional):
        if row["Loinc"] and row["Loinc"] != row["ParentLoinc"]:
            report.count("terms of panels")
            yield Member(row["ParentLoinc"], row["Loinc"], _members(row, "ParentLoinc", "ParentName", "Loinc"))


def _parent_groups(files: _Files, name: str, report: Report) -> Iterator[Record]:
    for row in rows(files.archive, name, ",", True, ("ParentGroupId", "ParentGroup"), ("Status",)):
        report.count("parent groups")
        yield Concept(row["ParentGroupId"], row["ParentGroup"], abstract=True, status=row["Status"].lower())


def _groups(files: _Files, name: str, report: Report) -> Iterator[Record]:
    required, optional = ("ParentGroupId", "GroupId", "Group"), ("Archetype", "Status", "VersionFirstReleased")
    for row in rows(files.archive, name, ",", True, required, optional):
        code = row["GroupId"]
        report.count("groups")
        yield Concept(
            code, row["Group"], abstract=True, inactive=row["Status"] == "Inactive", status=row["Status"].lower()
        )
        if row["ParentGroupId"]:
            yield Property(code, "ParentGroup", row["ParentGroupId"], "Coding", URL)
            yield Member(row["ParentGroupId"], code)
        for column in ("Archetype", "VersionFirstReleased"):
            if row[column]:
                yield Property(code, column, row[column])


def _group_terms(files: _Files, name: str, report: Report) -> Iterator[Record]:
    for row in rows(files.archive, name, ",", True, ("GroupId", "LoincNumber"), ("Category", "Archetype")):
        report.count("terms of groups")
        yield Member(row["GroupId"], row["LoincNumber"], _members(row, "GroupId", "LoincNumber"))


def _consumer_names(files: _Files, name: str, report: Report) -> Iterator[Record]:
    for row in rows(files.archive, name, ",", True, ("LoincNumber", "ConsumerName")):
        if row["ConsumerName"]:
            report.count("consumer names")
            yield Term(row["LoincNumber"], row["ConsumerName"], "en", _USES["CONSUMER_NAME"])


def _documents(files: _Files, name: str, report: Report) -> Iterator[Record]:
    required = ("LoincNumber", "PartNumber", "PartTypeName")
    for row in rows(files.archive, name, ",", True, required, ("PartName",)):
        report.count("attributes of documents")
        kind = re.sub(r"[^a-z]+", "-", row["PartTypeName"].lower().removeprefix("document.")).strip("-")
        yield Property(row["LoincNumber"], f"document-{kind}", row["PartNumber"], "Coding", URL, row["PartName"])


def _variants(files: _Files, name: str, language: str, report: Report) -> Iterator[Record]:
    """Names in another language. A term that has none in full has the parts of its name, which are put together."""
    optional = (*AXES, "CLASS", "SHORTNAME", "LONG_COMMON_NAME", "RELATEDNAMES2", "LinguisticVariantDisplayName")
    for row in rows(files.archive, name, ",", True, ("LOINC_NUM",), optional):
        code, names = row["LOINC_NUM"], 0
        for column, use in (
            ("LinguisticVariantDisplayName", "DisplayName"),
            ("LONG_COMMON_NAME",) * 2,
            ("SHORTNAME",) * 2,
        ):
            if row[column]:
                names += 1
                yield Term(code, row[column], language, _USES[use])
        if not names and (joined := ":".join(row[column] for column in AXES).rstrip(":")):
            names = 1
            yield Term(code, joined, language, (URL, "FullySpecifiedName", "FullySpecifiedName"))
        report.count(f"names in {language}", names)


LOADER: Final = Loader("loinc", (URL,), detect, read, licence=LICENCE)
