"""ICD-11: the tabulation of a linearization (MMS, ICF) in one or more languages, and entities of the ICD API beside it.

Categories have their code; chapters and blocks have none, and stand under the identifier of their entity, the last segment
of its URI: so FHIR calls them, too. https://icd.who.int/docs/icd-api/APIDoc-Version2/, https://icd.who.int/docs/icd-api/ICD-Schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from resources import exact
from resources.outcome import FhirError
from resources.positions import Positions

from ..icd11.clusters import AXIS, CLASS, MMS, MULTIPLE, REQUIRED, SCALE
from ..records import About, Concept, Parent, Property, PropertyDefinition, Record, Term
from .archive import Archive, BadFile
from .release import Loader, Options, Part, Release, Report
from .tables import header, numbered, rows

ICF: Final = "http://id.who.int/icd/release/11/icf"
LICENCE: Final = (
    "ICD-11 licence of the World Health Organization, CC BY-ND 3.0 IGO (https://icd.who.int/en/docs/ICD11-license.pdf)"
)
_SYNONYM: Final = ("http://snomed.info/sct", "900000000000013009", "Synonym")
_URI: Final = "Linearization URI"
_REQUIRED: Final = (_URI, "Code", "Title", "ClassKind")
_OPTIONAL: Final = (
    "Foundation URI",
    "BlockId",
    "DepthInKind",
    "IsResidual",
    "ChapterNo",
    "Primary tabulation",
    "TitleEN",
)
_GROUPINGS: Final = tuple(f"Grouping{number}" for number in range(1, 10))
_linearization: Final = re.compile(r"https?://id\.who\.int/icd/release/11/(?:(20\d\d-\d\d)/)?([a-z]+)/(.+)").fullmatch
_stamp: Final = re.compile(r"Version:\s*(20\d\d)\s+([A-Z][a-z]{2})").match
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TITLES: Final = {
    MMS: "ICD-11 for Mortality and Morbidity Statistics",
    ICF: "International Classification of Functioning, Disability and Health",
}
_COLUMNS: Final = (  # column, property, its type
    ("Foundation URI", "foundationUri", "string"),
    (_URI, "linearizationUri", "string"),
    ("BlockId", "blockId", "code"),
    ("ClassKind", CLASS, "code"),
    ("DepthInKind", "depthInKind", "integer"),
    ("IsResidual", "isResidual", "boolean"),
    ("ChapterNo", "chapter", "code"),
    ("Primary tabulation", "primaryTabulation", "boolean"),
)
PROPERTIES: Final = (
    *(PropertyDefinition(name, kind, description=column) for column, name, kind in _COLUMNS),
    PropertyDefinition("grouping", "code", description="block identifier of a group it is in"),
    PropertyDefinition("exclusion", description="what is classified elsewhere"),
    PropertyDefinition("codingNote", description="note for coders"),
    PropertyDefinition(AXIS, "string", description="axis along which the code can be made more specific"),
    PropertyDefinition(REQUIRED, "boolean", description="whether the code is incomplete without a value on the axis"),
    PropertyDefinition(MULTIPLE, "code", description="whether the axis may have several values"),
    PropertyDefinition(SCALE, "code", description="the values of the axis are this and what is below it"),
)


class _Said(NamedTuple):
    """What the ICD API says of an entity that belongs to the concept itself."""

    definition: str
    incomplete: bool  # a required axis: the code alone does not do


def detect(archive: Archive) -> bool:
    return bool(_tabulations(archive) or _entities(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """One release: the tabulation in English where it is there, titles in other languages as designations."""
    tables, entities, report = _tabulations(archive), _entities(archive), Report()
    languages = {name: _language(name) for name in tables}
    tables.sort(key=lambda name: (languages[name] != "en", name))
    if not (tables or entities):
        raise BadFile(str(archive.path), 0, 0, "there is neither a tabulation of ICD-11 nor an entity of the ICD API")
    if tables:
        url, version = _stated(archive, tables[0])
    else:
        first = _entity(archive, entities[0])
        match = _linearization(str(first["@id"]))
        assert match is not None  # or else it were no entity
        url, version = f"http://id.who.int/icd/release/11/{match[2]}", match[1] or ""
        report.missing.append("SimpleTabulation-ICD-11-*.txt: only the entities of the ICD API are read")
    language = languages[tables[0]] if tables else str((first.get("title") or {}).get("@language", "en"))
    parts = []
    for number, name in enumerate(tables):
        reading = partial(_concepts, archive, name, entities) if not number else partial(_titles, archive, name)
        parts.append(Part(name, partial(reading, languages[name], report), archive.size(name)))
    if entities:
        size = sum(archive.size(name) for name in entities)
        parts.append(Part("entities of the ICD API", partial(_api, archive, tables, entities, language, report), size))
    else:
        report.missing.append(
            "entities of the ICD API (.json): post-coordination axes, definitions, index terms, exclusions"
        )
    report.ignored += [name for name in archive.names if name not in tables and name not in entities]
    yield Release("code-system", _about(url, options.version or version, language), tuple(parts), report=report)


def _about(url: str, version: str, language: str) -> About:
    return About(
        url,
        version,
        name=f"ICD11{url.rsplit('/', 1)[-1].upper()}",
        title=_TITLES.get(url, "ICD-11"),
        kind="icd-11",
        compositional=url == MMS,
        language=language,
        copyright="© World Health Organization. CC BY-ND 3.0 IGO",
        publisher="World Health Organization",
        properties=PROPERTIES,
    )


def _tabulations(archive: Archive) -> list[str]:
    return [
        name for name in archive.find("*.txt") if _URI in _header(archive, name) and "Code" in _header(archive, name)
    ]


def _header(archive: Archive, name: str) -> list[str]:
    try:
        return header(archive, name, "\t", True)
    except BadFile:
        return []


def _language(name: str) -> str:
    found = re.search(r"-([a-z]{2}(?:-[A-Z]{2})?)\.txt$", name)
    return found[1] if found else "en"


def _stated(archive: Archive, name: str) -> tuple[str, str]:
    """The linearization and the release of a tabulation: its URIs say it, else the last cell of its header."""
    first = next(rows(archive, name, "\t", True, (_URI,), ragged=True), None)
    match = _linearization(first[_URI]) if first else None
    if match is None:
        raise BadFile(
            name, 2, 2, f"{first[_URI][:200] if first else 'nothing'!r} is no URI of a linearization of ICD-11"
        )
    stamp = _stamp(_header(archive, name)[-1])
    dated = f"{stamp[1]}-{_MONTHS.index(stamp[2]) + 1:02}" if stamp and stamp[2] in _MONTHS else ""
    return f"http://id.who.int/icd/release/11/{match[2]}", match[1] or dated


def _tail(uri: str) -> str:
    """What names an entity within its linearization: 257068234, 344162786/other; "" if it is no such URI."""
    match = _linearization(uri)
    return match[3] if match else ""


def _table(archive: Archive, name: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """The rows of a tabulation with their numbers and codes."""
    for line, row in numbered(archive, name, "\t", True, _REQUIRED, (*_OPTIONAL, *_GROUPINGS), ragged=True):
        code = row["Code"] or _tail(row[_URI])
        if not code:
            raise BadFile(name, line, 2, f"there is neither a code nor a URI of a linearization: {row[_URI][:200]!r}")
        yield line, row, code


def _untitled(title: str) -> tuple[int, str]:
    """A title is indented by one dash for each level."""
    bare = title.lstrip("- ")
    return title[: len(title) - len(bare)].count("-"), bare


def _concepts(archive: Archive, name: str, entities: list[str], language: str, report: Report) -> Iterator[Record]:
    said = {_tail(str(one["@id"])): _said(one) for one in (_entity(archive, entity) for entity in entities)}
    above: list[str] = []
    for line, row, code in _table(archive, name):
        depth, title = _untitled(row["Title"])
        if depth > len(above):
            raise BadFile(
                name, line, 5, f"the title is indented by {depth} dashes, but the row above it by less than one fewer"
            )
        of_api = said.get(_tail(row[_URI]), _Said("", False))
        report.count(f"rows of the kind {row['ClassKind']}")
        grouping = row["ClassKind"] != "category"
        yield Concept(code, title, of_api.definition, abstract=grouping or of_api.incomplete)
        if depth:
            yield Parent(code, above[depth - 1])
        above[depth:] = [code]
        for column, property_name, kind in _COLUMNS:
            if row[column]:
                yield Property(code, property_name, row[column].lower() if kind == "boolean" else row[column], kind)
        for column in _GROUPINGS:
            if row[column]:
                yield Property(code, "grouping", row[column], "code")
        if row["TitleEN"] and language != "en":
            yield Term(code, _untitled(row["TitleEN"])[1], "en")


def _titles(archive: Archive, name: str, language: str, report: Report) -> Iterator[Record]:
    """The titles of a further language."""
    for _, row, code in _table(archive, name):
        report.count(f"titles in {language}")
        yield Term(code, _untitled(row["Title"])[1], language)


# Entities of the ICD API: one JSON file for each.

_PEEKED: Final = 2_000  # bytes in which an entity says what it is
_is_entity: Final = re.compile(rb'"@id"\s*:\s*"https?://id\.who\.int/icd/release/11/').search


class _Axis(msgspec.Struct):
    """What an axis has to be, as far as it is read."""

    scaleEntity: list[str] | None = None


class _Read(msgspec.Struct):
    """What an entity has to be, as far as it is read. https://icd.who.int/docs/icd-api/APIDoc-Version2/"""

    id: str = msgspec.field(name="@id")
    title: dict[str, Any] | None = None
    parent: list[str] | None = None
    indexTerm: list[dict[str, Any]] | None = None
    inclusion: list[dict[str, Any]] | None = None
    exclusion: list[dict[str, Any]] | None = None
    postcoordinationScale: list[_Axis] | None = None


def _entities(archive: Archive) -> list[str]:
    return [name for name in archive.find("*.json") if _is_entity(_beginning(archive, name))]


def _beginning(archive: Archive, name: str) -> bytes:
    try:
        with archive.open(name) as stream:
            return stream.read(_PEEKED)
    except BadFile:
        return b""


def _entity(archive: Archive, name: str) -> Mapping[str, Any]:
    content = archive.read(name)
    try:
        tree = exact.decode(content)
    except FhirError as error:
        place = re.search(r"line (\d+)(?:, column (\d+))?", " ".join(error.issues[0].location) or str(error))
        raise BadFile(name, int(place[1]) if place else 1, int(place[2] or 0) if place else 0, str(error)) from None
    try:
        msgspec.convert(tree, _Read)
    except msgspec.ValidationError as error:
        where = str(error).rpartition(" - at `$.")[2].rstrip("`") if " - at " in str(error) else ""
        line, column = Positions(content, is_xml=False).of(f"Entity.{where}") or (1, 1)
        raise BadFile(name, line, column, f"it is no entity of the ICD API: {error}") from None
    if not _linearization(tree["@id"]):
        raise BadFile(name, 1, 1, f"{tree['@id'][:200]!r} is no URI of a linearization of ICD-11")
    return tree


def _text(value: Any) -> str:
    return str(value.get("@value", "")) if isinstance(value, Mapping) else ""


def _axes(entity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return entity.get("postcoordinationScale") or []


def _said(entity: Mapping[str, Any]) -> _Said:
    incomplete = any(str(one.get(REQUIRED, "")).lower() == "true" for one in _axes(entity))
    return _Said(_text(entity.get("definition")), incomplete)


def _api(archive: Archive, tables: list[str], entities: list[str], language: str, report: Report) -> Iterator[Record]:
    codes: dict[str, str] = {}
    if tables:
        codes = {_tail(row[_URI]): code for _, row, code in _table(archive, tables[0])}
    else:
        for name in entities:
            entity = _entity(archive, name)
            tail = _tail(str(entity["@id"]))
            codes[tail] = str(entity.get("code") or tail)
    for name in entities:
        entity = _entity(archive, name)
        code = codes.get(_tail(str(entity["@id"])))
        if code is None:
            report.notes.append(f"{name}: its entity {str(entity['@id'])[:200]} is not in the tabulation")
            continue
        report.count("entities of the ICD API")
        if not tables:
            yield from _alone(entity, code, codes)
        for kind in ("indexTerm", "inclusion"):
            for one in entity.get(kind) or ():
                if (label := _text(one.get("label"))) and (kind != "indexTerm" or label != _text(entity.get("title"))):
                    yield Term(code, label, language, _SYNONYM)
        for one in entity.get("exclusion") or ():
            yield Property(code, "exclusion", _text(one.get("label")))
        if note := _text(entity.get("codingNote")):
            yield Property(code, "codingNote", note)
        for group, axis in enumerate(_axes(entity), 1):
            yield Property(code, AXIS, str(axis.get("axisName", "")).rsplit("/", 1)[-1], group=group)
            yield Property(code, REQUIRED, str(axis.get(REQUIRED, "false")).lower(), "boolean", group=group)
            yield Property(code, MULTIPLE, str(axis.get(MULTIPLE, "")), "code", group=group)
            for value in axis.get(SCALE) or ():
                if (target := codes.get(_tail(str(value)))) is None:
                    report.notes.append(f"{name}: the value {str(value)[:200]} of an axis is not in the release")
                else:
                    yield Property(code, SCALE, target, "concept", group=group)


def _alone(entity: Mapping[str, Any], code: str, codes: Mapping[str, str]) -> Iterator[Record]:
    """The concept itself, where no tabulation has it."""
    kind = str(entity.get(CLASS, ""))
    said = _said(entity)
    yield Concept(code, _text(entity.get("title")), said.definition, abstract=kind != "category" or said.incomplete)
    for parent in entity.get("parent") or ():
        if _tail(str(parent)) in codes:
            yield Parent(code, codes[_tail(str(parent))])
    for name, value, type_ in (
        ("foundationUri", entity.get("source"), "string"),
        ("linearizationUri", entity["@id"], "string"),
        ("blockId", entity.get("blockId"), "code"),
        (CLASS, kind, "code"),
    ):
        if value:
            yield Property(code, name, str(value), type_)


LOADER: Final = Loader("icd-11", (MMS, ICF), detect, read, licence=LICENCE)
