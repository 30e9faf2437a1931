"""The WHO's tables between ICD-10 and ICD-11, as concept maps whose rows keep all that the tables say.

Their headers do not fit their rows: the release stands in one cell too many, and two columns of the foundation table have no
name. https://icd.who.int/browse/latest-release/mms/en (Info, mapping tables), https://icd.who.int/en/docs/icd11factsheet_en.pdf
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from ..icd11.clusters import MMS
from ..records import About, Record, Row
from .archive import Archive, BadFile
from .release import Loader, Options, Part, Release, Report
from .tables import header, numbered
from .workbook import table

ICD10: Final = "http://hl7.org/fhir/sid/icd-10"
FOUNDATION: Final = "http://id.who.int/icd/entity"
URL: Final = "http://id.who.int/icd/release/11/map/"  # and the name of the table
LICENCE: Final = (
    "ICD-11 licence of the World Health Organization, CC BY-ND 3.0 IGO (https://icd.who.int/en/docs/ICD11-license.pdf)"
)
NONE: Final = "No Mapping"
RESIDUAL: Final = "The target is a residual category: other specified, or unspecified."
_ALIKE: Final = {  # columns that one release calls so and another so
    "icd-11 foundationuri": "foundation",
    "icd-11 foundation uri": "foundation",
    "foundation uri": "foundation",
    "linearization (releaseuri)": "linearization",
    "linearization (release) uri": "linearization",
}
_stamp: Final = re.compile(r"(20\d\d)-([A-Z][a-z]{2}|\d\d)-\d\d").fullmatch
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_assignable: Final = re.compile(r"[A-Z]\d\d(?:\.[\dX]{1,2})?").fullmatch
_TYPE_OF: Final = {"equivalent": "equivalent", "subclass": "wider"}  # R4: what the target is, seen from the source

Relations = Mapping[tuple[str, str], str]
Told = Mapping[str, str]


class _Table(NamedTuple):
    """One of the tables: what it is called, which way it goes and how a row of it is read."""

    name: str
    title: str
    source: str
    target: str
    row: Callable[[Told, Relations], Row]


def detect(archive: Archive) -> bool:
    return any(_found(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """A concept map for each table there is."""
    found = dict(_found(archive))
    if not found:
        raise BadFile(str(archive.path), 0, 0, "there is none of the tables " + ", ".join(one.name for one in TABLES))
    relations = found.get("foundation_10To11MapToOneCategory", "")
    for one in TABLES:
        if one.name not in found:
            continue
        name, report = found[one.name], Report()
        report.missing += [f"{other.name}.*" for other in TABLES if other.name not in found]
        version = options.version or _version(archive, name)
        about = About(
            f"{URL}{one.name}",
            version,
            name=f"WHO{one.name.replace('_', '')}",
            title=one.title,
            publisher="World Health Organization",
            copyright="© World Health Organization",
            source=one.source,
            target=one.target,
        )
        joined = relations if one.name == "10To11MapToOneCategory" else ""
        part = Part(name, partial(_rows, archive, one, name, joined, report), archive.size(name))
        yield Release("concept-map", about, (part,), report=report)


def _found(archive: Archive) -> Iterator[tuple[str, str]]:
    for one in TABLES:
        for name in archive.names:
            if re.fullmatch(rf"{one.name}\.(?:txt|tsv|xlsx)", name.rsplit("/", 1)[-1], re.IGNORECASE):
                yield one.name, name
                break


def _columns(archive: Archive, name: str) -> list[str]:
    """Names of the cells that the rows have: without the stamp, and with the two that have no name."""
    named = [_ALIKE.get(one.casefold(), one) for one in header(archive, name, "\t")]
    stamped = [number for number, one in enumerate(named) if _stamp(one)]
    if stamped:
        del named[stamped[0]]
    if name.rsplit("/", 1)[-1].casefold().startswith("foundation_10to11") and "relation" not in map(
        str.casefold, named
    ):
        named += ["relation", "statementDistance"]
    seen: dict[str, int] = {}
    for number, one in enumerate(named):  # Depth stands there twice
        seen[one] = seen.get(one, 0) + 1
        if one == "Depth":
            named[number] = ("10DepthInKind", "11DepthInKind")[min(seen[one], 2) - 1]
    return named


def _version(archive: Archive, name: str) -> str:
    """The release as ICD-11 calls it: of the stamp in the header, else of the year in the path."""
    cells = [] if _is_workbook(name) else header(archive, name, "\t")
    for match in filter(None, map(_stamp, cells)):
        month = match[2] if match[2].isdigit() else f"{_MONTHS.index(match[2]) + 1:02}" if match[2] in _MONTHS else "01"
        return f"{match[1]}-{month}"
    others = [one for one in archive.names if one != name and re.search(r"MapTo\w+Categor\w+\.txt", one)]
    return _version(archive, others[0]) if _is_workbook(name) and others else ""


def _is_workbook(name: str) -> bool:
    return name.casefold().endswith(".xlsx")


def _told(archive: Archive, name: str) -> Iterator[tuple[int, Told]]:
    """The rows with their numbers, by names that all releases share."""
    if _is_workbook(name):
        for line, row in table(archive, name):
            yield line, {_ALIKE.get(key.casefold(), key): value for key, value in row.items()}
        return
    columns = _columns(archive, name)
    yield from numbered(archive, name, "\t", False, columns, columns=columns, skip=1)


def _rows(archive: Archive, one: _Table, name: str, relations: str, report: Report) -> Iterator[Record]:
    joined: dict[tuple[str, str], str] = {}
    if relations:
        for _, told in _told(archive, relations):
            joined[told["icd10Code"], told["foundation"]] = told.get("relation", "")
    elif one.name == "10To11MapToOneCategory":
        report.notes.append("without foundation_10To11MapToOneCategory.txt no row says whether it is exact")
    for line, told in _told(archive, name):
        try:
            row = one.row(told, joined)
        except KeyError as error:
            raise BadFile(name, 1, 0, f"the column {error.args[0]} is missing") from None
        if not row.source:
            raise BadFile(name, line, 1, "the row has neither a code nor a URI to map from")
        report.count("rows")
        if row.target is None:
            report.count("rows without a target")
        yield row


def _mms(code: str, uri: str, kind: str = "") -> str:
    """The code of an entity of the linearization: chapters and blocks have the last segment of their URI."""
    if code and kind not in ("chapter", "block") and len(code) > 2:
        return code
    return uri.rsplit("/", 1)[-1] if uri else code


def _others(told: Told, *known: str) -> dict[str, str]:
    return {key: value for key, value in told.items() if value and key not in known}


def _of_ten(told: Told, relations: Relations) -> Row:
    kind, uri, code = told["11ClassKind"].casefold(), told["linearization"], told["icd11Code"]
    target = _mms(code, uri, kind)
    if not uri or uri == NONE:
        return Row(
            ICD10, told["icd10Code"], MMS, None, "unmatched", told["icd10Title"], fields=_others(told, "icd10Code")
        )
    relation = told.get("Relation") or relations.get((told["icd10Code"], told["foundation"]), "")
    residual = uri.endswith(("/other", "/unspecified"))
    fields = _others(told, "icd10Code", "icd10Title", "icd11Code", "icd11Title")
    if relation:
        fields["relation"] = relation
    if kind != "category":
        fields["assignable"] = "false"
    return Row(
        ICD10,
        told["icd10Code"],
        MMS,
        target,
        "wider" if residual else _TYPE_OF.get(relation.casefold(), "relatedto"),
        told["icd10Title"],
        told["icd11Title"],
        comment=RESIDUAL if residual else "",
        products=_taken_apart(target),
        fields=fields,
    )


def _taken_apart(target: str) -> tuple[tuple[str, str, str, str], ...]:
    """The codes of a cluster: stems and what is said of them. https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.element.target.product"""
    if not re.search("[&/]", target):
        return ()
    return tuple(
        (f"{MMS}#{'extension' if number else 'stem'}", MMS, code, "")
        for group in target.split("/")
        for number, code in enumerate(group.split("&"))
    )


def _of_eleven(told: Told, relations: Relations) -> Row:
    source = _mms(told["icd11Code"], told["linearization"])
    return _to_ten(told, MMS, source, "linearization")


def _to_ten(told: Told, system: str, source: str, uri: str) -> Row:
    """Ranges and chapters of ICD-10 cannot be assigned to a case; some rows say in words that there is no target."""
    target = told["icd10Code"]
    fields = _others(told, "icd11Title", "icd10Title", "icd10Code")
    if target in (NONE, ""):
        return Row(system, source, ICD10, None, "unmatched", told["icd11Title"], fields=fields)
    comment = ""
    if not _assignable(target):
        fields["assignable"] = "false"
        comment = "The target is a chapter or range, which cannot be assigned."
    return Row(
        system,
        source,
        ICD10,
        target,
        "relatedto",
        told["icd11Title"],
        told["icd10Title"],
        comment=comment,
        fields=fields,
    )


def _foundation_of_ten(told: Told, relations: Relations) -> Row:
    uri, relation = told["foundation"], told["relation"]
    fields = _others(told, "icd10Code", "icd10Title", "icd11Title")
    if uri in (NONE, ""):
        return Row(ICD10, told["icd10Code"], FOUNDATION, None, "unmatched", told["icd10Title"], fields=fields)
    return Row(
        ICD10,
        told["icd10Code"],
        FOUNDATION,
        uri.rsplit("/", 1)[-1],
        _TYPE_OF.get(relation.casefold(), "relatedto"),
        told["icd10Title"],
        told["icd11Title"],
        fields=fields,
    )


def _foundation_of_eleven(told: Told, relations: Relations) -> Row:
    return _to_ten(told, FOUNDATION, told["foundation"].rsplit("/", 1)[-1], "foundation")


TABLES: Final = (
    _Table("10To11MapToOneCategory", "ICD-10 to ICD-11 MMS, one category", ICD10, MMS, _of_ten),
    _Table("10To11MapToMultipleCategories", "ICD-10 to ICD-11 MMS, all categories", ICD10, MMS, _of_ten),
    _Table("11To10MapToOneCategory", "ICD-11 MMS to ICD-10, one category", MMS, ICD10, _of_eleven),
    _Table(
        "foundation_10To11MapToOneCategory", "ICD-10 to the ICD-11 Foundation", ICD10, FOUNDATION, _foundation_of_ten
    ),
    _Table(
        "foundation_11To10MapToOneCategory", "ICD-11 Foundation to ICD-10", FOUNDATION, ICD10, _foundation_of_eleven
    ),
)
LOADER: Final = Loader("who-map", tuple(f"{URL}{one.name}" for one in TABLES), detect, read, licence=LICENCE)
