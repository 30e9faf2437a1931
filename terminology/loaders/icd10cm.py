"""ICD-10-CM: the tabular list as XML, with its seventh characters written out, or the plain files of codes.

https://www.cdc.gov/nchs/icd/icd-10-cm/files.html, https://www.cms.gov/medicare/coding-billing/icd-10-codes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from ..records import About, Concept, Parent, Property, PropertyDefinition, Record, Term
from .archive import Archive, BadFile
from .elements import Element, elements, missing, root
from .release import Loader, Options, Part, Release, Report
from .textlines import text_lines

URL: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_ROOT: Final = "ICD10CM.tabular"
_SYNONYM: Final = ("http://snomed.info/sct", "900000000000013009", "Synonym")
_TERMS: Final = "inclusionTerm"
_NOTES: Final = (
    "includes",
    "excludes1",
    "excludes2",
    "codeFirst",
    "codeAlso",
    "useAdditionalCode",
    "notes",
    "sevenChrNote",
)
_code: Final = re.compile(r"[A-Z][0-9A-Z]{2}(?:\.?[0-9A-Z]{1,4})?").fullmatch
_group: Final = re.compile(r"[0-9]{1,2}|[A-Z][0-9A-Z]{2}-[A-Z][0-9A-Z]{2}|[A-Z][0-9A-Z]{2}").fullmatch
_ORDER: Final = re.compile(r"(\d{5}) ([A-Z][0-9A-Z]{2,6}) +([01]) (.{60}) (.*)")
_LIST: Final = re.compile(r"([A-Z][0-9A-Z]{2}[0-9A-Z]{0,4})(?: +(\S.*))?|[0-9]{1,2}|[A-Z][0-9A-Z]{2}-[A-Z][0-9A-Z]{2}")
_UNUSED: Final = re.compile(r"7th characters (.+?) do not apply to codes in \S+ \S+ with 6th character (.+)", re.DOTALL)
PROPERTIES: Final = (
    PropertyDefinition("kind", "code", description="chapter, section, category or code"),
    PropertyDefinition("billable", "boolean", description="whether it is complete, so that a claim may have it"),
    PropertyDefinition("shortTitle", description="title of 60 characters at most"),
    *(PropertyDefinition(one, description="instructional note of the tabular list") for one in _NOTES),
)


def dotted(code: str) -> str:
    """A code with its dot: A00.0 for A000."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and "." not in code and "-" not in code else code


def detect(archive: Archive) -> bool:
    return bool(_tabular(archive)) or any(_ORDER.fullmatch(one) for one in _first(archive)) or bool(_plain(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """The tabular list if it is there; else the order file; else a file of codes, with titles rather than without."""
    report = Report()
    if names := _tabular(archive):
        version = options.version or _version(archive, names[0])
        part = Part(names[0], partial(_records, archive, names[0], report), archive.size(names[0]))
    else:
        ordered = [name for name in archive.find("*.txt") if _ORDER.fullmatch(_head(archive, name))]
        names = ordered or _plain(archive)
        if not names:
            raise BadFile(
                str(archive.path), 0, 0, "there is neither a tabular list nor an order file nor a file of codes"
            )
        version = options.version or _year(names[0])
        reading = _ordered if ordered else _listed
        part = Part(names[0], partial(reading, archive, names[0], report), archive.size(names[0]))
    report.ignored += [name for name in archive.names if name != part.name]
    yield Release("code-system", _about(version), (part,), report=report)


def _about(version: str) -> About:
    return About(
        URL,
        version,
        name="ICD10CM",
        title="International Classification of Diseases, 10th Revision, Clinical Modification",
        kind="icd-10-cm",
        language="en",
        publisher="National Center for Health Statistics",
        copyright="A work of the government of the United States of America.",
        properties=PROPERTIES,
    )


def _tabular(archive: Archive) -> list[str]:
    return [name for name in archive.find("*.xml") if root(archive, name) == _ROOT]


def _first(archive: Archive) -> Iterator[str]:
    return (_head(archive, name) for name in archive.find("*.txt"))


def _head(archive: Archive, name: str) -> str:
    try:
        with archive.open(name) as stream:
            return stream.readline(2_000).decode(errors="replace").rstrip("\r\n")
    except BadFile:
        return ""


def _plain(archive: Archive) -> list[str]:
    """Files of codes, those with titles first. Their name is all that tells them from those of ICD-10-PCS and ICD-9-CM."""
    names = [name for name in archive.find("*.txt") if re.search(r"icd[-_]?10[-_]?c|code-list", name, re.IGNORECASE)]
    fitting = [name for name in names if _LIST.fullmatch(_head(archive, name))]
    return sorted(fitting, key=lambda name: " " not in _head(archive, name))


def _version(archive: Archive, name: str) -> str:
    for element in elements(archive, name, _ROOT):
        if element.name == "version":
            return element.text()
    return _year(name)


def _year(name: str) -> str:
    found = re.search(r"20\d\d", name.rsplit("/", 1)[-1])
    return found.group() if found else ""


def _records(archive: Archive, name: str, report: Report) -> Iterator[Record]:
    for chapter in elements(archive, name, _ROOT):
        if chapter.name != "chapter":
            continue
        code = _name(name, chapter)
        report.count("chapters")
        yield from _described(name, chapter, code, "chapter")
        for section in chapter.all("section"):
            if section.first("diag") is None and section.first("desc") is None:
                continue
            within = section.get("id")
            if not within:
                raise missing(name, section, "id")
            listed = [_name(name, one) for one in section.all("diag")]
            if within in listed:  # a section of one category has its name: the category stands for both
                within = code
            else:
                report.count("sections")
                yield from _described(name, section, within, "section")
                yield Parent(within, code)
            for diagnosis in section.all("diag"):
                yield from _diagnosis(name, diagnosis, within, _Seventh({}, ()), report)


def _name(name: str, element: Element) -> str:
    found = element.first("name")
    code = found.text() if found else ""
    if not code:
        raise missing(name, element, "name")
    return code


def _described(name: str, element: Element, code: str, kind: str, **more: bool) -> Iterator[Record]:
    title = element.first("desc")
    yield Concept(code, title.text() if title else "", abstract=kind in ("chapter", "section"))
    yield Property(code, "kind", kind, "code")
    for group in element.content:
        if not isinstance(group, Element):
            continue
        if group.name == _TERMS:
            for note in group.all("note"):
                yield Term(code, note.text(), "en", _SYNONYM)
        elif group.name in _NOTES:
            for note in group.all("note"):
                yield Property(code, group.name, note.text())


def _diagnosis(name: str, element: Element, parent: str, seventh: _Seventh, report: Report) -> Iterator[Record]:
    """A category or code, those below it, and its seventh characters: they are said once for all that is below."""
    code = _name(name, element)
    if not _code(code):
        found = element.first("name") or element
        raise BadFile(name, found.line, found.column, f"{code[:40]!r} is no code of ICD-10-CM")
    below = [*element.all("diag")]
    seventh = _seventh(element, seventh)
    report.count("diagnoses")
    yield from _described(name, element, code, "category" if len(code) == 3 else "code")
    yield Parent(code, parent)
    complete = not below and (not seventh.characters or len(code) == 8)
    yield Property(code, "billable", "true" if complete else "false", "boolean")
    for one in below:
        yield from _diagnosis(name, one, code, seventh, report)
    if below or complete:
        return
    title = element.first("desc")
    six = code.replace(".", "").ljust(6, "X")
    for character, meaning in seventh.characters.items():
        if (six[5], character) in seventh.unused:
            continue
        full = dotted(six + character)
        report.count("codes with a seventh character")
        yield Concept(full, f"{title.text() if title else ''}, {meaning}")
        yield Parent(full, code)
        yield Property(full, "kind", "code", "code")
        yield Property(full, "billable", "true", "boolean")


class _Seventh(NamedTuple):
    """The seventh characters that codes have, said once for all that is below."""

    characters: dict[str, str]  # character → meaning
    unused: tuple[tuple[str, str], ...]  # sixth characters with those that do not follow them


def _seventh(element: Element, above: _Seventh) -> _Seventh:
    characters, unused = above
    if (defined := element.first("sevenChrDef")) is not None:
        characters, unused = {one.get("char"): one.text() for one in defined.all("extension")}, ()
    for notes in element.all("notes"):
        for note in notes.all("note"):
            if (said := _UNUSED.search(note.text())) is not None:
                sixth = re.findall(r"\b([0-9A-Z]) -", said[2])
                unused += tuple((one, other) for one in sixth for other in re.findall(r"\b[0-9A-Z]\b", said[1]))
    return _Seventh(characters, unused)


def _ordered(archive: Archive, name: str, report: Report) -> Iterator[Record]:
    """The order file, fixed width: number, code, whether it is complete, short and long title. Headers come before what is
    below them."""
    above: list[str] = []
    for line, text in text_lines(archive, name):
        match = _ORDER.fullmatch(text)
        if match is None:
            raise BadFile(
                name, line, 1, "the line is none of an order file: number, code, 0 or 1, short and long title"
            )
        _, code, complete, short, title = match.groups()
        report.count("codes")
        yield from _coded(above, code, title.strip())
        yield Property(dotted(code), "billable", "true" if complete == "1" else "false", "boolean")
        yield Property(dotted(code), "shortTitle", short.strip())


def _listed(archive: Archive, name: str, report: Report) -> Iterator[Record]:
    """A code and perhaps its title in each line; chapters (1) and sections (A00-A09) may stand between."""
    above: list[str] = []
    groups: list[str] = []
    known: set[str] = set()
    for line, text in text_lines(archive, name):
        match = _LIST.fullmatch(text.rstrip())
        if match is None:
            raise BadFile(name, line, 1, f"{text[:40]!r} is no code of ICD-10-CM")
        code, title = match.groups()
        report.count("codes" if code else "chapters and sections")
        if code in known:
            continue  # a section of one category, and the category
        if code is None:
            group = text.rstrip()
            groups = [*groups[:1], group] if "-" in group and groups else [group]
            yield Concept(group, abstract=True)
            if len(groups) == 2:
                yield Parent(group, groups[0])
            continue
        known.add(code)
        yield from _coded(above, code, title or "", groups[-1] if groups else "")


def _coded(above: list[str], code: str, title: str, group: str = "") -> Iterator[Record]:
    """A code below the last one that it begins with."""
    while above and not code.startswith(above[-1]):
        above.pop()
    yield Concept(dotted(code), title)
    if above:
        yield Parent(dotted(code), dotted(above[-1]))
    elif group:
        yield Parent(dotted(code), group)
    yield Property(dotted(code), "kind", "category" if len(code) == 3 else "code", "code")
    above.append(code)


LOADER: Final = Loader("icd-10-cm", (URL,), detect, read)
