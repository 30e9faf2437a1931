"""CodeSystem/$lookup: what is known of a concept. https://hl7.org/fhir/R4/codesystem-operation-lookup.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from resources.operation import Parameters
from resources.outcome import Invalid

from ..languages import Languages
from ..scope import CODE_SYSTEM, Scope
from ..system import Designation, PropertyValue, System
from . import normal_form
from .asking import Asked, code_system, coding_of, concept, exactly_one

PREFERRED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
    "display": "Preferred For Language",
}
ROLE_GROUP: Final = "609096000"  # the property under which SNOMED CT has its groups of attributes
SOURCE: Final = "source"  # of a designation's fields: the supplement that it is from
_VERSIONS: Final = 50  # that are looked through for one of a date

_KEYS: Final = {
    "code": "valueCode",
    "concept": "valueCode",
    "boolean": "valueBoolean",
    "dateTime": "valueDateTime",
    "integer": "valueInteger",
    "decimal": "valueDecimal",
}
_READ: Final[Mapping[str, Callable[[str], Any]]] = {"boolean": "true".__eq__, "integer": int, "decimal": Decimal}

Entry = dict[str, Any]


def lookup(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """The concept with its designations and properties: a Parameters resource.

    Without `property` the answer has everything but children, normal forms and what a grammar computes. Raises NotFound
    for an unknown code, code system or supplement."""
    asked = _asked(parameters)
    supplements = parameters.all("useSupplement")
    system = code_system(scope, asked.system, asked.version, supplements, "system")
    if (date := parameters.one("date")) and not asked.version:
        system = _of_date(scope, system, date, supplements)
    ordinal = concept(system, asked)
    stated = parameters.one("displayLanguage", "")
    reads = Languages.parse(stated or languages, lenient=not stated) if stated or languages else None
    entries = _entries(system, ordinal, frozenset(parameters.all("property")), reads)
    for canonical in supplements:
        tree = scope.supplement(canonical) or {}
        entries.append({"name": "used-supplement", "valueCanonical": _canonical(tree, canonical)})
    return {"resourceType": "Parameters", "parameter": entries}


def _asked(parameters: Parameters) -> Asked:
    if exactly_one(parameters, "code", "coding") == "coding":
        return coding_of(parameters.one("coding"), "coding")
    url = parameters.one("system")
    if not url:
        raise Invalid("A code needs the system that it is of.", code="required", expression=["system"])
    return Asked(url, parameters.one("code"), parameters.one("version", ""), "", "code")


def _canonical(tree: Mapping[str, Any], canonical: str) -> str:
    version = tree.get("version")
    return f"{tree['url']}|{version}" if version else canonical


def _of_date(scope: Scope, system: System, date: str, supplements: Sequence[str]) -> System:
    """The latest version that was there on a date; that which counts today, where no version says when it is from."""
    if not system.about.date or _day(system.about.date) <= _day(date):
        return system
    earlier: System | None = None
    for version in scope.versions(CODE_SYSTEM, system.about.url)[:_VERSIONS]:
        one = scope.code_system(system.about.url, version, supplements)
        if one is not None and one.about.date and _day(one.about.date) <= _day(date):
            earlier = one if earlier is None or earlier.about.date < one.about.date else earlier
    return earlier or system


def _day(date: str) -> str:
    """A date that can be compared: a year or month as its first day."""
    return (date + "-01-01"[len(date) - 4 :] if len(date) < 10 else date)[:10]


def _entries(system: System, ordinal: int, wanted: frozenset[str], reads: Languages | None) -> list[Entry]:
    """The parameters of the answer. wanted: names of properties; empty for the server's choice."""
    about = system.about
    everything = not wanted or "*" in wanted
    code, display, inactive = system.code(ordinal), system.display(ordinal), system.is_inactive(ordinal)
    designations: Sequence[Designation] = ()
    if everything or reads or "designation" in wanted or any(name.startswith("lang.") for name in wanted):
        designations = system.designations(ordinal)
    shown = display
    if reads and not reads.only(about.language):
        chosen = reads.choose(display, about.language, designations)
        shown = chosen.value if chosen else display
    out: list[Entry] = [{"name": "name", "valueString": about.name or about.title or about.url}]
    if about.version:
        out.append({"name": "version", "valueString": about.version})
    out += (
        {"name": "display", "valueString": shown or code},
        {"name": "system", "valueUri": about.url},
        {"name": "code", "valueCode": code},
        {"name": "abstract", "valueBoolean": system.is_abstract(ordinal)},
    )
    if (everything or "definition" in wanted) and (definition := system.definition(ordinal)):
        out.append({"name": "definition", "valueString": definition})
    every = everything or "designation" in wanted
    languages = frozenset() if every else {name[5:].lower() for name in wanted if name.startswith("lang.")}
    if display and (every or about.language.lower() in languages):
        out.append(_designation(Designation(display, about.language), PREFERRED))
    out += (_designation(one) for one in designations if every or one.language.lower() in languages)
    if everything or "inactive" in wanted:
        out.append(_property("inactive", "valueBoolean", inactive))
    _hierarchy(system, ordinal, wanted, everything, out)
    if "url" in wanted:
        out.append(_property("url", "valueUri", about.url))
    if wanted or not system.infinite:
        _properties(system, ordinal, None if everything else wanted, out)
    if about.kind == normal_form.KIND and ("*" in wanted or not wanted.isdisjoint(normal_form.PROPERTIES)):
        for name in normal_form.PROPERTIES:
            if "*" in wanted or name in wanted:
                text = normal_form.normal_form(system, ordinal, with_terms=name == normal_form.PROPERTIES[0])
                out.append(_property(name, "valueString", text))
    return out


def _hierarchy(system: System, ordinal: int, wanted: frozenset[str], everything: bool, out: list[Entry]) -> None:
    """Parents and children, which are properties of every code system."""
    if everything or "parent" in wanted:
        out += (
            _property("parent", "valueCode", system.code(one), system.display(one)) for one in system.parents(ordinal)
        )
    if "*" in wanted or "child" in wanted:
        out += (
            _property("child", "valueCode", system.code(one), system.display(one)) for one in system.children(ordinal)
        )


def _designation(one: Designation, use: Mapping[str, str] | None = None) -> Entry:
    parts: list[Entry] = []
    if one.language:
        parts.append({"name": "language", "valueCode": one.language})
    if use is None:
        system, code, display = one.use
        if system and code and display:  # made in one go: nearly all are so
            use = {"system": system, "code": code, "display": display}
        elif system or code:
            use = {key: text for key, text in (("system", system), ("code", code), ("display", display)) if text}
    if use:
        parts.append({"name": "use", "valueCoding": use})
    parts.append({"name": "value", "valueString": one.value})
    if SOURCE in one.fields:
        parts.append({"name": "source", "valueCanonical": one.fields[SOURCE]})
    return {"name": "designation", "part": parts}


def _property(code: str, key: str, value: Any, description: str = "") -> Entry:
    parts = [{"name": "code", "valueCode": code}, {"name": "value", key: value}]
    if description:
        parts.append({"name": "description", "valueString": description})
    return {"name": "property", "part": parts}


def _properties(system: System, ordinal: int, wanted: frozenset[str] | None, out: list[Entry]) -> None:
    """The code system's own properties; those of a role group inside it. wanted: None for all."""
    said_inactive = wanted is None or "inactive" in wanted
    groups: dict[int, list[Entry]] = {}
    for one in system.properties(ordinal):
        if wanted is not None and one.name not in wanted and not (one.group and ROLE_GROUP in wanted):
            continue
        if one.name == "inactive" and said_inactive:
            continue
        key, value, description = _value(system, one)
        entry = _property(one.name, key, value, description)
        if one.group:
            entry["name"] = "subproperty"
            groups.setdefault(one.group, []).append(entry)
        else:
            out.append(entry)
    for number in sorted(groups):
        code = ROLE_GROUP if system.about.kind == normal_form.KIND else "group"
        out.append({"name": "property", "part": [{"name": "code", "valueCode": code}, *groups[number]]})


def _value(system: System, one: PropertyValue) -> tuple[str, Any, str]:
    """Name of the element, value and description of a property."""
    if one.type == "concept":
        description = one.description
        if not description and (ordinal := system.find(one.value)) is not None:
            description = system.display(ordinal)
        return "valueCode", one.value, description
    if one.type == "Coding":
        coding = {"system": one.system, "code": one.value, "display": one.display}
        return "valueCoding", {name: text for name, text in coding.items() if text}, one.description or one.display
    read = _READ.get(one.type)
    return _KEYS.get(one.type, "valueString"), read(one.value) if read else one.value, one.description
