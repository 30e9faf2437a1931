"""One concept of an expansion as it is shown. Pure.

What R5 has as `contains.property` is an extension here. Extensions of a concept are shown where they are for readers; order,
label and weight become properties, as the terminology ecosystem has it.
https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.expansion.contains
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ..languages import Languages
from ..records import About
from ..system import Designation, PropertyValue, System
from .parts import Part, Tree

PROPERTY: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property"
STANDARDS_STATUS: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_CONCEPT_PROPERTIES: Final = "http://hl7.org/fhir/concept-properties#"
SHOWN: Final = frozenset(  # extensions of concepts, of a code system or a value set, that go along
    _CORE + name
    for name in ("rendering-style", "rendering-xhtml", "valueset-deprecated", "valueset-concept-definition")
)
_SHOWN_OF_TERMS: Final = frozenset({_CORE + "coding-sctdescid", STANDARDS_STATUS})
_AS_PROPERTIES: Final = {  # extension → name of the property that it becomes
    _CORE + "itemWeight": "weight",
    _CORE + "codesystem-label": "label",
    _CORE + "valueset-label": "label",
    _CORE + "codesystem-conceptOrder": "order",
    _CORE + "valueset-conceptOrder": "order",
    _CORE + "codesystem-alternate": "alternateCode",
}
_DECIMALS: Final = frozenset({"weight", "order"})
_NAMED: Final[Mapping[str, str]] = {"weight": "itemWeight"}  # where the URI of a property ends otherwise than its name
_URIS: Final = frozenset(
    (
        "status",
        "definition",
        "order",
        "label",
        "weight",
        "alternateCode",
        "parent",
        "child",
        "inactive",
        "notSelectable",
    )
)
_LANGUAGE: Final = "urn:ietf:bcp:47"
PREFERRED: Final = ("http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra", "preferredForLanguage", "")
_NONE: Final[Tree] = {}

Row = dict[str, Any]


class Rows:
    """Makes the entries of one expansion, and remembers which properties they have."""

    def __init__(
        self,
        languages: Languages,
        *,
        designations: bool = False,
        tokens: Iterable[str] = (),
        properties: Sequence[str] = (),
        versions: bool = False,
        language: str = "",
    ) -> None:
        """designations: whether they are shown; tokens: only those of these languages or uses. properties: their names,
        `*` for all. versions: whether each entry says the version of its code system. language: of the value set."""
        self._languages = languages
        self._designations = designations
        self._tokens = tuple(_token(one) for one in tokens)
        self._properties = frozenset(properties)
        self._versions = versions
        self._language = language
        self.properties: dict[str, str] = {}  # those that were shown: name → URI, "" if it has none

    def of(self, part: Part) -> Callable[[int | str], Row]:
        """Makes entries of concepts of a part."""
        system, given = part.system, part.given
        head: Row = {"system": part.url} if part.url else {}
        if self._versions and part.version:
            head["version"] = part.version
        loose = part.loose
        if system is None:
            return lambda one: self._loose(head, str(one), loose[str(one)])
        code_of, display_of, status_of = system.code, system.display, system.status
        extension_of, inactive, abstract = system.extension, system.inactive, system.abstract
        plain = not self._designations and self._languages.only(system.about.language)
        asked = bool(self._properties)

        def row(one: int | str) -> Row:
            if isinstance(one, str):
                return self._loose(head, one, loose[one])
            found = {**head, "code": code_of(one)}
            said = given.get(one, _NONE) if given else _NONE
            if plain and not said:
                if display := display_of(one):
                    found["display"] = display
            else:
                self._named(found, system, one, said)
            if one in abstract:
                found["abstract"] = True
            gone = one in inactive or bool(said and said.get("inactive"))
            if gone:
                found["inactive"] = True
            status, notes = status_of(one), extension_of(one)
            if status not in ("", "active") or gone or notes or said or asked:
                self._noted(found, system, one, said, notes, status or ("inactive" if gone else ""))
            return found

        return row

    def _loose(self, head: Row, code: str, said: Tree) -> Row:
        found = {**head, "code": code}
        terms = list(_designations(said))
        self._named_by(found, said.get("display", ""), self._language, terms)
        for name in ("abstract", "inactive"):
            if said.get(name):
                found[name] = True
        if said.get("extension"):
            self._put(found, [one for one in said["extension"] if _is_shown(one)], self._from_extensions((), said))
        return found

    def _named(self, found: Row, system: System, one: int, said: Tree) -> None:
        """Display and designations."""
        about, own = system.about, said.get("display")
        display, language = system.display(one), about.language
        terms = list(system.designations(one)) if self._designations or self._languages else []
        if said:
            seen = {(term.language, term.value) for term in terms}
            terms += (term for term in _designations(said) if (term.language, term.value) not in seen)
        if own and own != display:
            if display:
                terms.insert(0, Designation(display, language))
            display, language = own, self._language or language
        self._named_by(found, display, language, terms)

    def _named_by(self, found: Row, display: str, language: str, terms: list[Designation]) -> None:
        chosen = self._languages.choose(display, language, terms) if self._languages else None
        if chosen is not None:
            found["display"] = chosen.value
        elif display and not self._languages:
            found["display"] = display
        if not self._designations:
            return
        if display and found.get("display") != display:
            terms = [Designation(display, language, PREFERRED), *terms]
        shown = [_term(term) for term in terms if term is not chosen and self._is_wanted(term)]
        if shown:
            found["designation"] = shown

    def _is_wanted(self, term: Designation) -> bool:
        if not self._tokens:
            return True
        language = term.language.lower()
        for system, code in self._tokens:
            if system in (_LANGUAGE, None) and language and language == code.lower():
                return True
            if code == term.use[1] and system in (term.use[0], None):
                return True
        return False

    # properties and extensions

    def _noted(self, found: Row, system: System, one: int, said: Tree, notes: Sequence[Tree], status: str) -> None:
        extensions: dict[str, Tree] = {note["url"]: note for note in notes if note.get("url") in SHOWN}
        extensions |= {note["url"]: note for note in said.get("extension", ()) if _is_shown(note)}
        properties = self._from_extensions(notes, said)
        if "status" in properties:
            status = ""
        if status and (status != "active" or self._asks("status")):
            properties["status"] = {"valueCode": status}
        values: list[tuple[str, Row]] = list(properties.items())
        if self._properties:
            values += self._asked(system, one)
        for name, _ in values:
            if name not in self.properties:
                self.properties[name] = _uri(system.about, name)
        self._put(found, list(extensions.values()), values)

    def _from_extensions(self, notes: Sequence[Tree], said: Tree) -> dict[str, Row]:
        """What the value set says comes before what the code system does."""
        properties: dict[str, Row] = {}
        for note in (*said.get("extension", ()), *notes):
            url = str(note.get("url"))
            name = _AS_PROPERTIES.get(url, "status" if url == STANDARDS_STATUS and note in notes else "")
            inner = next((part for part in note.get("extension", ()) if part.get("url") == "code"), note)
            value = next((value for key, value in inner.items() if key.startswith("value")), None)
            if not name or value is None or name in properties:
                continue
            if name in _DECIMALS:
                properties[name] = {"valueDecimal": value}
            elif isinstance(value, str):
                properties[name] = {"valueString" if name == "label" else "valueCode": value}
        return properties

    def _asks(self, name: str) -> bool:
        return name in self._properties or "*" in self._properties

    def _asked(self, system: System, one: int) -> Iterable[tuple[str, Row]]:
        if self._asks("definition") and (definition := system.definition(one)):
            yield "definition", {"valueString": definition}
        if self._asks("parent"):
            yield from (("parent", {"valueCode": system.code(other)}) for other in system.parents(one))
        if self._asks("child"):
            yield from (("child", {"valueCode": system.code(other)}) for other in system.children(one))
        for value in system.properties(one):
            if value.name != "status" and self._asks(value.name):
                yield value.name, _value(value)

    def _put(self, found: Row, extensions: list[Tree], properties: Any) -> None:
        values = properties.items() if isinstance(properties, dict) else properties
        shown = [*extensions]
        for name, value in values:
            self.properties.setdefault(name, _CONCEPT_PROPERTIES + _NAMED.get(name, name))
            shown.append(
                {"url": PROPERTY, "extension": [{"url": "code", "valueCode": name}, {"url": "value", **value}]}
            )
        if shown:
            found["extension"] = shown


def _is_shown(extension: Tree) -> bool:
    """Whether an extension that a value set has on a concept goes along."""
    return extension.get("url") in SHOWN or extension.get("url") == STANDARDS_STATUS


def _uri(about: About, name: str) -> str:
    stated: str = next((one.uri for one in about.properties if one.code == name), "")
    return stated or (_CONCEPT_PROPERTIES + _NAMED.get(name, name) if name in _URIS else "")


def _token(text: str) -> tuple[str | None, str]:
    system, bar, code = text.partition("|")
    return (system, code) if bar else (None, text)


def _designations(said: Tree) -> Iterable[Designation]:
    """What a value set adds to a concept."""
    for one in said.get("designation", ()):
        use = one.get("use") or {}
        yield Designation(
            one.get("value", ""),
            one.get("language", ""),
            (use.get("system", ""), use.get("code", ""), use.get("display", "")),
            extension=tuple(one.get("extension", ())),
        )


def _term(term: Designation) -> Row:
    found: Row = {}
    extensions = [one for one in term.extension if one.get("url") in _SHOWN_OF_TERMS]
    if term.inactive and not any(one["url"] == STANDARDS_STATUS for one in extensions):
        extensions.append({"url": STANDARDS_STATUS, "valueCode": "withdrawn"})
    if extensions:
        found["extension"] = extensions
    if term.language:
        found["language"] = term.language
    if term.use[1]:
        names = ("system", "code", "display")
        found["use"] = {name: value for name, value in zip(names, term.use, strict=True) if value}
    found["value"] = term.value
    return found


_READ: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "code": ("valueCode", str),
    "concept": ("valueCode", str),
    "string": ("valueString", str),
    "integer": ("valueInteger", int),
    "boolean": ("valueBoolean", lambda text: text == "true"),
    "dateTime": ("valueDateTime", str),
    "decimal": ("valueDecimal", Decimal),
}


def _value(value: PropertyValue) -> Row:
    """A property's value as an element of type value[x]."""
    if value.type == "Coding":
        coding = {"system": value.system, "code": value.value, "display": value.display}
        return {"valueCoding": {name: text for name, text in coding.items() if text}}
    key, read = _READ.get(value.type, _READ["string"])
    try:
        return {key: read(value.value)}
    except (ValueError, ArithmeticError):  # a release may say what is none
        return {"valueString": value.value}
