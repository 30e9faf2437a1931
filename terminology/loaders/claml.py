"""ICD-10 of the WHO and classifications like it, as ClaML 2.0 files: classes, rubrics, and modifiers written out as codes.

https://icdcdn.who.int/icd10/index.html, https://www.iso.org/standard/63114.html (EN 14463)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from ..records import About, Concept, Parent, Property, PropertyDefinition, Record, Term
from .archive import Archive, BadFile
from .elements import Element, elements, missing, root
from .release import Loader, Options, Part, Release, Report

URL: Final = "http://hl7.org/fhir/sid/icd-10"
URLS: Final = {  # by the name that a file's Title has
    "ICD-10-GM": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "OPS": "http://fhir.de/CodeSystem/bfarm/ops",
}
_ROOT: Final = "ClaML"
_GROUPS: Final = frozenset({"chapter", "block"})  # kinds that are there to select others by
_SYNONYM: Final = ("http://snomed.info/sct", "900000000000013009", "Synonym")
_DISPLAY: Final = "preferred"
_DEFINITION: Final = "definition"
_TERMS: Final = {"preferredLong": ("", "", ""), "inclusion": _SYNONYM}  # rubrics that are designations, with their use
_REFERENCES: Final = frozenset({"Reference"})
_LANGUAGE: Final = "xml:lang"
_NOT_AFTER: Final = "excludeOnPrecedingModifier"  # of ICD-10-GM: "S04E10_4 .7"
PROPERTIES: Final = (
    PropertyDefinition("kind", "code", description="chapter, block, category or modifiedcategory"),
    PropertyDefinition("usage", "code", description="dagger (cause) or aster (manifestation)"),
    PropertyDefinition("modifier", "code", description="the modifier that a character of the code comes from"),
    PropertyDefinition("exclusion", description="what is classified elsewhere, and where"),
    PropertyDefinition("note", description="note on use"),
    PropertyDefinition("coding-hint", description="hint for coders"),
    PropertyDefinition("text", description="further text"),
)


_Valid = frozenset[str] | None  # characters of a modifier; None for all
_DEEPEST: Final = 50  # levels of classes


class _Modified(NamedTuple):
    """A class as far as modifiers are concerned."""

    kind: str
    display: str
    usage: str
    parents: tuple[str, ...]
    modified: tuple[tuple[str, _Valid], ...]
    excluded: frozenset[str]
    leaf: bool


class _Character(NamedTuple):
    """A class of a modifier: what a character of a code means."""

    code: str  # ".0" or "0"
    display: str
    usage: str
    not_after: frozenset[tuple[str, str]]  # modifier and character of it


class _Modifiers(NamedTuple):
    classes: dict[str, _Modified]
    characters: dict[str, list[_Character]]  # by modifier


def detect(archive: Archive) -> bool:
    return any(root(archive, name) == _ROOT for name in _files(archive))


def read(archive: Archive, options: Options) -> Iterator[Release]:
    """One release for each ClaML file."""
    names = [name for name in _files(archive) if root(archive, name) == _ROOT]
    if not names:
        for name in _files(archive):
            next(elements(archive, name, _ROOT), None)  # says why it is none
        raise BadFile(str(archive.path), 0, 0, "there is no ClaML file")
    for name in names:
        report = Report()
        about = _about(archive, name, options)
        part = Part(name, partial(_records, archive, name, about.language, report), archive.size(name))
        yield Release("code-system", about, (part,), report=report)


def _files(archive: Archive) -> list[str]:
    return [name for ending in ("xml", "claml") for name in archive.find(f"*.{ending}")]


def _about(archive: Archive, name: str, options: Options) -> About:
    title, version, date, language = "", "", "", ""
    for element in elements(archive, name, _ROOT):
        if element.name == "Title":
            title, version, date = element.get("name") or element.text(), element.get("version"), element.get("date")
        elif element.name == "Class":
            label = next((one for rubric in element.all("Rubric") for one in rubric.all("Label")), None)
            language = label.get(_LANGUAGE) if label else ""
            break
    short = next((one for one in URLS if title.startswith(one)), "")
    return About(
        URLS.get(short, URL),
        options.version or version or date[:4],
        name="".join(one for one in (short or "ICD10") if one.isalnum()),
        title=title or "ICD-10",
        kind="icd-10",
        case_sensitive=True,
        language=language,
        date=date,
        publisher="" if short else "World Health Organization",
        properties=PROPERTIES,
    )


def _records(archive: Archive, name: str, language: str, report: Report) -> Iterator[Record]:
    modifiers = _modifiers(archive, name)
    for element in elements(archive, name, _ROOT):
        if element.name != "Class":
            continue
        report.count(f"{element.get('kind')} classes")
        yield from _class(name, element, language)
        for record in _with_modifiers(modifiers, element.get("code")):
            report.count("modified categories", isinstance(record, Concept))
            yield record


def _class(name: str, element: Element, language: str) -> Iterator[Record]:
    code, kind = element.get("code"), element.get("kind")
    if not code:
        raise missing(name, element, "code")
    display, definition, rest = _rubrics(element, language)
    if not display:
        raise missing(name, element, "Rubric of the kind preferred")
    yield Concept(code, display, definition, abstract=kind in _GROUPS)
    for above in element.all("SuperClass"):
        yield Parent(code, above.get("code"))
    yield Property(code, "kind", kind, "code")
    if element.get("usage"):
        yield Property(code, "usage", element.get("usage"), "code")
    yield from rest


def _rubrics(element: Element, language: str) -> tuple[str, str, list[Record]]:
    """Display, definition, and what else the rubrics say."""
    code, display, definition = element.get("code"), "", ""
    rest: list[Record] = []
    for rubric in element.all("Rubric"):
        kind = rubric.get("kind")
        for label in rubric.all("Label"):
            own = label.get(_LANGUAGE) or language
            text = label.text(_REFERENCES if kind == _DISPLAY else frozenset())
            if not text:
                continue
            if kind == _DISPLAY and own == language and not display:
                display = text
            elif kind == _DEFINITION and own == language and not definition:
                definition = text
            elif kind in _TERMS or kind in (_DISPLAY, _DEFINITION):
                rest.append(Term(code, text, own, _TERMS.get(kind, ("", "", ""))))
            else:
                rest.append(Property(code, kind, text))
    return display, definition, rest


def _modifiers(archive: Archive, name: str) -> _Modifiers:
    classes: dict[str, _Modified] = {}
    characters: dict[str, list[_Character]] = {}
    for element in elements(archive, name, _ROOT):
        code = element.get("code")
        if element.name == "ModifierClass":
            display, _, _ = _rubrics(element, _language(element))
            if not display:
                raise missing(name, element, "Rubric of the kind preferred")
            told = (one.get("value").split() for one in element.all("Meta") if one.get("name") == _NOT_AFTER)
            not_after = frozenset((one[0], one[1]) for one in told if len(one) == 2)
            one = _Character(code, display, element.get("usage"), not_after)
            characters.setdefault(element.get("modifier"), []).append(one)
        elif element.name == "Class":
            classes[code] = _Modified(
                element.get("kind"),
                _rubrics(element, _language(element))[0],
                element.get("usage"),
                tuple(one.get("code") for one in element.all("SuperClass")),
                _modified(element),
                frozenset(one.get("code") for one in element.all("ExcludeModifier")),
                element.first("SubClass") is None,
            )
    return _Modifiers(classes, characters)


def _modified(element: Element) -> tuple[tuple[str, _Valid], ...]:
    """The modifiers of a class: those declared, else the one its rubric links to (the WHO's M13 has only that)."""
    found = tuple((one.get("code"), _valid(one)) for one in element.all("ModifiedBy"))
    if found or element.get("kind") in _GROUPS:
        return found
    return tuple(
        (reference.get("code"), None)
        for rubric in element.all("Rubric")
        if rubric.get("kind") == "modifierlink"
        for label in rubric.all("Label")
        for reference in label.all("Reference")
        if reference.get("code")
    )


def _valid(modified: Element) -> _Valid:
    """The characters that are listed count, also beside all="true", which OPS says with them."""
    listed = frozenset(one.get("code") for one in modified.all("ValidModifierClass"))
    return listed if listed or modified.get("all") == "false" else None


def _language(element: Element) -> str:
    return next((label.get(_LANGUAGE) for rubric in element.all("Rubric") for label in rubric.all("Label")), "")


def _with_modifiers(modifiers: _Modifiers, code: str) -> Iterator[Record]:
    """The codes that a class has by its modifiers and those of the classes above it, one character after another."""
    base = modifiers.classes[code]
    if base.kind in _GROUPS or not base.leaf:
        return
    bases = [(code, base.display, base.usage, ("", ""))]
    for modifier, valid in _effective(modifiers, code):
        fifth = modifier.endswith("_5")
        made = []
        for above, display, usage, last in bases:
            for character in modifiers.characters.get(modifier, ()):
                below = _joined(above, character.code, fifth)
                if not below or below in modifiers.classes or (valid is not None and character.code not in valid):
                    continue
                if last in character.not_after:
                    continue
                text, used = _displayed(display, character.display), character.usage or usage
                made.append((below, text, used, (modifier, character.code)))
                yield Concept(below, text)
                yield Parent(below, above)
                yield Property(below, "kind", "modifiedcategory", "code")
                yield Property(below, "modifier", modifier, "code")
                if used:
                    yield Property(below, "usage", used, "code")
        bases = made or bases


def _effective(
    modifiers: _Modifiers, code: str, excluded: frozenset[str] = frozenset(), way: tuple[str, ...] = ()
) -> list[tuple[str, _Valid]]:
    """Modifiers of a class, those for the fourth character first; what it excludes does not come from above. way: the
    classes below it, which a circle would lead to again."""
    one = modifiers.classes.get(code)
    if one is None or code in way or len(way) == _DEEPEST:
        return []
    found = [(name, valid) for name, valid in one.modified if name not in excluded]
    without = excluded | one.excluded | {name for name, _ in one.modified}
    for above in one.parents:
        found += [each for each in _effective(modifiers, above, without, (*way, code)) if each not in found]
    return sorted(found, key=lambda each: each[0].endswith("_5"))


def _joined(above: str, character: str, fifth: bool) -> str:
    """E10 and .0 are E10.0; I70.0 and 1 are I70.01; M45 and the fifth character 1 are M45.X1; "" if it does not fit."""
    if "." in above:
        return "" if character.startswith(".") else f"{above}{character}"
    if character.startswith("."):
        return f"{above}{character}"
    return f"{above}.X{character}" if fifth else f"{above}.{character}"


def _displayed(display: str, label: str) -> str:
    """As the WHO writes them: "… with coma", "… : acute with haemorrhage"."""
    text = label[0].lower() + label[1:] if label[1:2].islower() else label
    return f"{display} {text}" if text.startswith(("with ", "without ")) else f"{display} : {text}"


LOADER: Final = Loader(
    "icd-10",
    (URL, *URLS.values()),
    detect,
    read,
    licence="ICD-10 licence of the World Health Organization "
    "(https://www.who.int/about/policies/publishing/copyright); other editions have that of their publisher",
)
