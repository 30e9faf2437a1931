"""ICD-10-PCS: the file of codes or the order file, and the tables as XML, of which sections, systems and operations come.

https://www.cms.gov/medicare/coding-billing/icd-10-codes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Final, NamedTuple

from ..records import About, Concept, Parent, Property, PropertyDefinition, Record
from .archive import Archive, BadFile
from .elements import Element, elements, missing, root
from .release import Loader, Options, Part, Release, Report
from .textlines import text_lines

URL: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
_ROOT: Final = "ICD10PCS.tabular"
_CHARACTER: Final = "[0-9A-HJ-NP-Z]"
_is_character: Final = re.compile(_CHARACTER).fullmatch
_LISTED: Final = re.compile(rf"({_CHARACTER}{{7}}) +(\S.*)")
_ORDER: Final = re.compile(rf"\d{{5}} ({_CHARACTER}{{3}}|{_CHARACTER}{{7}}) +([01]) (.{{60}}) (.*)")
_FIRST: Final = "0"  # what the first code of a file begins with; those of ICD-10-CM are alike else
_LENGTH: Final = 7
_MOST: Final = 100_000  # codes of one row of a table
PROPERTIES: Final = (
    PropertyDefinition("kind", "code", description="section, bodySystem, table or code"),
    PropertyDefinition("billable", "boolean", description="whether it is complete, so that a claim may have it"),
    PropertyDefinition("shortTitle", description="title of 60 characters at most"),
)
_KINDS: Final = {1: "section", 2: "bodySystem", 3: "table"}


class _Axis(NamedTuple):
    """One character of a code: what it stands for and what its values mean."""

    position: int
    title: str
    labels: Mapping[str, str]
    definition: str


class _Title(NamedTuple):
    long: str
    short: str


def detect(archive: Archive) -> bool:
    return any(_files(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """The codes of the order file or the file of codes; of the tables alone, with titles made of their labels."""
    tables, ordered, listed = _files(archive)
    report, first = Report(), (ordered or listed or tables or [""])[0]
    if not first:
        raise BadFile(
            str(archive.path), 0, 0, "there is neither an order file nor a file of codes nor the tables of ICD-10-PCS"
        )
    titles = (ordered or listed or [""])[0]
    if not tables:
        report.missing.append(
            "icd10pcs_tables_*.xml: axes, and the sections, body systems and operations above the codes"
        )
    if not titles:
        report.missing.append("icd10pcs_codes_*.txt or icd10pcs_order_*.txt: the official titles")
    used = {titles, *tables[:1]}
    report.ignored += [name for name in archive.names if name not in used]
    parts = []
    if titles:
        reading = partial(_titled, archive, titles, bool(ordered), not tables, report)
        parts.append(Part(titles, reading, archive.size(titles)))
    if tables:
        reading = partial(_tables, archive, tables[0], titles, bool(ordered), report)
        parts.append(Part(tables[0], reading, archive.size(tables[0])))
    about = About(
        URL,
        options.version or _year(first),
        name="ICD10PCS",
        title="International Classification of Diseases, 10th Revision, Procedure Coding System",
        kind="icd-10-pcs",
        language="en",
        publisher="Centers for Medicare & Medicaid Services",
        copyright="A work of the government of the United States of America.",
        properties=PROPERTIES,
    )
    yield Release("code-system", about, tuple(parts), report=report)


def _files(archive: Archive) -> tuple[list[str], list[str], list[str]]:
    """Tables, order files, files of codes."""
    tables = [name for name in archive.find("*.xml") if root(archive, name) == _ROOT]
    heads = {name: _head(archive, name) for name in archive.find("*.txt")}
    ordered = [name for name, head in heads.items() if _ORDER.fullmatch(head) and head[6] == _FIRST]
    return tables, ordered, [name for name, head in heads.items() if _LISTED.fullmatch(head) and head[0] == _FIRST]


def _head(archive: Archive, name: str) -> str:
    try:
        with archive.open(name) as stream:
            return stream.readline(2_000).decode(errors="replace").rstrip("\r\n")
    except BadFile:
        return ""


def _year(name: str) -> str:
    found = re.search(r"20\d\d", name.rsplit("/", 1)[-1])
    return found.group() if found else ""


def _titles(archive: Archive, name: str, ordered: bool) -> Iterator[tuple[str, _Title]]:
    form, what = (_ORDER, "an order file") if ordered else (_LISTED, "a file of codes")
    for line, text in text_lines(archive, name):
        match = form.fullmatch(text.rstrip() if not ordered else text)
        if match is None:
            raise BadFile(name, line, 1, f"the line is none of {what} of ICD-10-PCS: {text[:40]!r}")
        if ordered:
            yield match[1], _Title(match[4].strip(), match[3].strip())
        else:
            yield match[1], _Title(match[2].strip(), "")


def _titled(archive: Archive, name: str, ordered: bool, alone: bool, report: Report) -> Iterator[Record]:
    """Codes with their titles. The order file has tables (3 characters), too; the tables file has them better."""
    headers: set[str] = set()
    for code, title in _titles(archive, name, ordered):
        complete = len(code) == _LENGTH
        if not complete and not alone:
            continue
        report.count("codes" if complete else "tables")
        if not complete:
            headers.add(code)
        yield from _concept(code, title.long, title.short)
        if complete and (not alone or code[:3] in headers):
            yield Parent(code, code[:3])


def _concept(code: str, title: str, short: str = "", definition: str = "") -> Iterator[Record]:
    complete = len(code) == _LENGTH
    yield Concept(code, title, definition, abstract=not complete)
    yield Property(code, "kind", _KINDS.get(len(code), "code"), "code")
    yield Property(code, "billable", "true" if complete else "false", "boolean")
    if short:
        yield Property(code, "shortTitle", short)


def _tables(archive: Archive, name: str, titles: str, ordered: bool, report: Report) -> Iterator[Record]:
    official = {code for code, _ in _titles(archive, titles, ordered)} if titles else None
    seen: set[str] = set()
    for table in elements(archive, name, _ROOT):
        if table.name != "pcsTable":
            continue
        axes = [_axis(name, one) for one in table.all("axis")]
        if [one.position for one in axes] != [1, 2, 3] or any(len(one.labels) != 1 for one in axes):
            raise BadFile(name, table.line, table.column, "a table has to name its section, body system and operation")
        prefix, labels = "", []
        for axis in axes:
            ((character, label),) = axis.labels.items()
            above, prefix = prefix, prefix + character
            labels.append(label)
            if prefix not in seen:
                seen.add(prefix)
                report.count(f"nodes of {len(prefix)} characters")
                yield from _concept(prefix, ", ".join(labels), definition=axis.definition)
                if above:
                    yield Parent(prefix, above)
        for row in table.all("pcsRow"):
            for code, values in _codes(name, row, prefix):
                if code in seen or (official is not None and code not in official):
                    continue
                seen.add(code)
                if official is None:
                    report.count("codes")
                    yield from _concept(code, ", ".join([*labels, *(label for _, label in values)]))
                    yield Parent(code, prefix)
                for title, label in (*zip((one.title for one in axes), labels, strict=True), *values):
                    yield Property(code, _property(title), label)
    if official is not None and (lost := [code for code in official if len(code) == _LENGTH and code not in seen]):
        report.notes.append(f"{len(lost)} codes are in no table, {min(lost)} for one")


def _axis(name: str, element: Element) -> _Axis:
    title = element.first("title")
    labels = {one.get("code"): one.text() for one in element.all("label")}
    if title is None or not labels or not element.get("pos").isdecimal() or not all(map(_is_character, labels)):
        raise missing(name, element, "pos, title and labels with a code")
    definition = element.first("definition")
    return _Axis(int(element.get("pos")), title.text(), labels, definition.text() if definition else "")


def _codes(name: str, row: Element, prefix: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """All codes that a row stands for, each with titles of its axes and labels of its values."""
    axes = [_axis(name, one) for one in row.all("axis")]
    if [one.position for one in axes] != [4, 5, 6, 7]:
        raise BadFile(name, row.line, row.column, "a row has to have the axes 4, 5, 6 and 7")
    number = 1
    for axis in axes:
        number *= len(axis.labels)
    if number > _MOST:
        raise BadFile(name, row.line, row.column, f"a row stands for {number} codes")
    for values in product(*(axis.labels.items() for axis in axes)):
        yield (
            prefix + "".join(character for character, _ in values),
            tuple((axis.title, label) for axis, (_, label) in zip(axes, values, strict=True)),
        )


def _property(title: str) -> str:
    """The name of an axis as that of a property: bodyPart for Body Part."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", title) or ["axis"]
    return words[0].lower() + "".join(one.capitalize() for one in words[1:])


LOADER: Final = Loader("icd-10-pcs", (URL,), detect, read)
