"""CodeSystem resources as records: what a release's loader makes of files, made of a tree.

https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .index.building import build
from .index.system import Indexed
from .records import About, Concept, FilterDefinition, Parent, Property, PropertyDefinition, Record, Term

Tree = Mapping[str, Any]

_CONCEPT_PROPERTIES: Final = "http://hl7.org/fhir/concept-properties#"
_STANDARDS_STATUS: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
_WITHDRAWN: Final = frozenset(
    {"withdrawn", "deprecated"}
)  # standards status of a designation that is not used any more
_RETIRED: Final = frozenset({"retired", "inactive"})  # values of the property `status` that make a concept inactive
# What a property means by its code, or by a URI that ends with one of them. Of those with a URI of their own, see _roles.
_ROLES: Final[Mapping[str, str]] = {
    "parent": "parent",
    "subsumedBy": "parent",
    "child": "child",
    "notSelectable": "abstract",
    "inactive": "inactive",
    "status": "status",
}


def code_system(tree: Tree) -> Indexed:
    """The system of a valid CodeSystem resource; a decoded tree."""
    return Indexed(build(about_of(tree), records_of(tree)))


def about_of(tree: Tree) -> About:
    """What a CodeSystem says of itself. https://hl7.org/fhir/R4/codesystem-definitions.html"""
    return About(
        url=tree.get("url", ""),
        version=tree.get("version", ""),
        name=tree.get("name", ""),
        title=tree.get("title", ""),
        status=tree.get("status", ""),
        content=tree.get("content", ""),
        experimental=tree.get("experimental") is True,
        case_sensitive=tree.get("caseSensitive") is True,  # in doubt not: leaving out is worse than giving one too many
        hierarchy_meaning=tree.get("hierarchyMeaning", ""),
        compositional=tree.get("compositional") is True,
        version_needed=tree.get("versionNeeded") is True,
        language=tree.get("language", ""),
        value_set=tree.get("valueSet", ""),
        supplements=tree.get("supplements", ""),
        copyright=tree.get("copyright", ""),
        date=tree.get("date", ""),
        publisher=tree.get("publisher", ""),
        description=tree.get("description", ""),
        properties=tuple(
            PropertyDefinition(one["code"], one.get("type", ""), one.get("uri", ""), one.get("description", ""))
            for one in tree.get("property", ())
            if one.get("code")
        ),
        filters=tuple(
            FilterDefinition(
                one["code"],
                tuple(filter(None, one.get("operator", ()))),
                one.get("value", ""),
                one.get("description", ""),
            )
            for one in tree.get("filter", ())
            if one.get("code")
        ),
        extension=tuple(tree.get("extension", ())),
    )


def records_of(tree: Tree) -> Iterator[Record]:
    """The content of a CodeSystem: nested concepts and properties that say `parent` alike become Parent records."""
    roles = _roles(tree)
    for concept, above in _flat(tree.get("concept", ()), ""):
        code = concept["code"]
        mine = [one for one in concept.get("property", ()) if one.get("code")]
        yield _concept(concept, mine, roles)
        if above:
            yield Parent(code, above)
        for one in mine:
            role = roles.get(one["code"], "")
            if role == "parent":
                yield Parent(code, _value(one)[0])
            elif role == "child":
                yield Parent(_value(one)[0], code)
            else:
                yield _property(code, one)
        for one in concept.get("designation", ()):
            use = one.get("use", {})
            yield Term(
                code,
                one.get("value", ""),
                one.get("language", ""),
                (use.get("system", ""), use.get("code", ""), use.get("display", "")),
                inactive=any(
                    extension.get("url") == _STANDARDS_STATUS and extension.get("valueCode") in _WITHDRAWN
                    for extension in one.get("extension", ())
                ),
                extension=tuple(one.get("extension", ())),
            )


def _roles(tree: Tree) -> dict[str, str]:
    """Names of properties that mean something to every code system, and what they mean."""
    roles = dict(_ROLES)
    for one in tree.get("property", ()):
        uri = one.get("uri", "")
        if one.get("code") and uri.startswith(_CONCEPT_PROPERTIES):
            role = _ROLES.get(uri.removeprefix(_CONCEPT_PROPERTIES))
            if role:
                roles[one["code"]] = role
    return roles


def _concept(concept: Tree, properties: Iterable[Tree], roles: Mapping[str, str]) -> Concept:
    said: dict[str, list[str]] = {}
    for one in properties:
        if role := roles.get(one["code"]):
            said.setdefault(role, []).append(_value(one)[0])
    status = next(iter(said.get("status", ())), "")
    return Concept(
        concept["code"],
        concept.get("display", ""),
        concept.get("definition", ""),
        inactive="true" in said.get("inactive", ()) or not _RETIRED.isdisjoint(said.get("status", ())),
        abstract="true" in said.get("abstract", ()),
        status=status,
        extension=tuple(concept.get("extension", ())),
    )


def _property(code: str, tree: Tree) -> Property:
    value, kind = _value(tree)
    coding: Tree = tree.get("valueCoding", {})
    return Property(
        code,
        tree["code"],
        value,
        kind,
        coding.get("system", ""),
        coding.get("display", ""),
        extension=tuple(tree.get("extension", ())),
    )


def _value(tree: Tree) -> tuple[str, str]:
    """The value of a concept's property as it is written, and its type."""
    for name, value in tree.items():
        if name.startswith("value"):
            kind = name.removeprefix("value")
            kind = kind if kind == "Coding" else kind[:1].lower() + kind[1:]
            if isinstance(value, Mapping):
                value = value.get("code", "")
            return (str(value).lower() if isinstance(value, bool) else str(value)), kind
    return "", "string"


def _flat(concepts: Iterable[Tree], above: str) -> Iterator[tuple[Tree, str]]:
    """Every concept with the code that it is nested in, in the order of the resource."""
    ahead = [(one, above) for one in reversed(tuple(concepts))]
    while ahead:
        concept, above = ahead.pop()
        code = concept.get("code", "")
        if code:
            yield concept, above
        ahead += [(one, code or above) for one in reversed(concept.get("concept", ()))]
