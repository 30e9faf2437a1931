"""CodeSystem/$find-matches: codes for a set of properties.

https://hl7.org/fhir/R4/codesystem-operation-find-matches.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pyroaring import BitMap

from resources.operation import Parameters, Value
from resources.outcome import BadRequest, Invalid

from ..budget import Budget
from ..scope import Scope
from ..system import PropertyValue, System
from .asking import code_system, sent_code_system
from .lookup import ROLE_GROUP

MOST: Final = 20  # matches that are given
PROPERTIES: Final = 100  # that one request may have
_LOOK: Final = 20  # steps that it takes to read the properties of a concept
_LOOKED_AT: Final = 2_000  # candidates that are compared by what else they say
_CODES: Final = frozenset({"code", "concept"})
_PARENTS: Final = frozenset({"parent", "116680003"})
_ATTRIBUTES: Final = frozenset({"concept", "code", "Coding"})


class Wanted(NamedTuple):
    """A property that a code should represent."""

    name: str
    value: Value | None  # None of a group that says nothing else
    text: str  # its value as concepts have it: a code, "true", "1.5"
    parts: tuple[Wanted, ...] = ()

    @property
    def size(self) -> int:
        return len(self.parts) or 1


class Found(NamedTuple):
    """The concepts that represent a property, and those that come close to it."""

    right: BitMap
    close: BitMap


class Ranked(NamedTuple):
    """A candidate; those of the least key are the best."""

    unmatched: int
    close: int  # properties that it represents more or less precisely only
    surplus: int  # properties that it has besides
    ordinal: int  # of equals the first: what is above comes before what is below


def find_matches(scope: Scope, parameters: Parameters, languages: str = "") -> dict[str, Any]:
    """Matches, the best first, as a Parameters resource: complete ones, then those that leave properties unmatched.

    `exact=false` adds those that are more or less precise, each with a comment. Raises NotFound for an unknown code
    system, Invalid for a property that it does not have."""
    system = sent_code_system(parameters)
    if system is None:
        url = parameters.one("system")
        if not url:
            raise Invalid("system is needed: in which code system to search.", code="required", expression=["system"])
        system = code_system(scope, url, parameters.one("version", ""), place="system")
    if system.infinite:
        raise BadRequest(
            f"The codes of {system.about.url} are a grammar's: none can be searched.", code="not-supported"
        )
    budget = scope.budget
    wanted = [_wanted(one, f"property[{n}]") for n, one in enumerate(parameters.all("property"))]
    if not wanted or sum(one.size for one in wanted) > PROPERTIES:
        raise Invalid(f"There are from one to {PROPERTIES} properties to search by.", expression=["property"])
    strict = parameters.one("exact", False)
    found = [_found(system, one, strict, budget) for one in wanted]
    matches = _best(system, wanted, found, budget)
    entries = [_match(system, wanted, found, one, strict) for one in matches]
    if parameters.one("compositional", False) and system.about.compositional and matches and matches[0].unmatched:
        entries = [*_composed(system, wanted, found, matches[0]), *entries]
    return {"resourceType": "Parameters", "parameter": entries}


def _wanted(given: Parameters, place: str) -> Wanted:
    value = next((one for one in given.values if one.name == "value"), None)
    parts = tuple(_wanted(one, f"{place}.subproperty[{n}]") for n, one in enumerate(given.all("subproperty")))
    if value is None and not parts:
        raise Invalid(f"{place} needs a value or subproperties.", code="required", expression=[place])
    return Wanted(given.one("code"), value, "" if value is None else _text(value.value), parts)


def _text(value: Any) -> str:
    """A value as concepts have it."""
    if isinstance(value, Mapping):
        codings = value.get("coding") or [value]
        return str(codings[0].get("code") or value.get("text") or codings[0].get("display") or "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _found(system: System, one: Wanted, strict: bool, budget: Budget) -> Found:
    """The concepts of a property; of a group those that have all of it in one group."""
    budget.spend(len(system) // 1000)
    if not one.parts:
        return _of_value(system, one, strict)
    inside = [_of_value(system, part, strict) for part in one.parts]
    right = BitMap.intersection(*(some.right for some in inside)) if len(inside) > 1 else BitMap(inside[0].right)
    together = BitMap()
    for ordinal in right:
        budget.spend(_LOOK)
        if _in_one_group(system.properties(ordinal), one.parts):
            together.add(ordinal)
    either = [some.right | some.close for some in inside]
    close = BitMap.intersection(*either) if len(either) > 1 else either[0]
    return Found(together, BitMap() if strict else close - together)


def _in_one_group(properties: Iterable[PropertyValue], parts: Sequence[Wanted]) -> bool:
    groups: dict[int, set[tuple[str, str]]] = {}
    for one in properties:
        groups.setdefault(one.group, set()).add((one.name, one.value))
    asked = {(part.name, part.text) for part in parts}
    return any(asked <= said for number, said in groups.items() if number)


def _of_value(system: System, one: Wanted, strict: bool) -> Found:
    none = BitMap()
    value = system.find(one.text)
    if one.name in _CODES:
        right = none if value is None else BitMap([value])
        return Found(right, none if strict or value is None else _near(system, value))
    if one.name in _PARENTS and (one.name == "parent" or system.about.kind == "snomed"):
        if value is None:
            return Found(none, none)
        right = BitMap(system.children(value))
        return Found(right, none if strict else system.descendants(value) - right)
    if one.name == "child":
        return Found(none if value is None else BitMap(system.parents(value)), none)
    if one.name in ("display", "designation", "definition"):
        hits = BitMap(system.search(one.text, most=_LOOKED_AT).ordinals)
        right = BitMap(hit for hit in hits if one.text.casefold() in _texts(system, hit))
        return Found(right, none if strict else hits - right)
    if one.name == "inactive":
        right = system.inactive if one.text == "true" else system.all - system.inactive
        return Found(right, none)
    if one.name not in system.property_names():
        text = f"{system.about.url} has no property {one.name[:100]!r} by which to search."
        raise Invalid(text, code="not-found", expression=["property"])
    right = system.having(one.name, one.text)
    if strict or value is None:
        return Found(right, none)
    return Found(right, system.sources(one.name, _near(system, value)) - right)


def _near(system: System, ordinal: int) -> BitMap:
    """Concepts that say less than one, or more."""
    return system.ancestors(ordinal) | system.descendants(ordinal)


def _texts(system: System, ordinal: int) -> set[str]:
    texts = [system.display(ordinal), system.definition(ordinal)]
    return {one.casefold() for one in (*texts, *(term.value for term in system.designations(ordinal)))}


def _best(system: System, wanted: Sequence[Wanted], found: Sequence[Found], budget: Budget) -> list[Ranked]:
    """The candidates that represent the most, at most MOST of them."""
    either = [some.right | some.close for some in found]
    levels = [BitMap() for _ in range(len(either) + 1)]  # at n those that represent at least n properties
    for some in either:
        for n in range(len(levels) - 1, 1, -1):
            levels[n] |= levels[n - 1] & some
        levels[1] |= some
        budget.spend(sum(len(level) for level in levels) // 1000)
    out: list[Ranked] = []
    for n in range(len(levels) - 1, 0, -1):
        here = levels[n] - (levels[n + 1] if n + 1 < len(levels) else BitMap())
        ranked = []
        for ordinal in here[:_LOOKED_AT]:
            budget.spend(_LOOK)
            said = len(system.properties(ordinal))
            represented = sum(one.size for one, some in zip(wanted, either, strict=True) if ordinal in some)
            close = sum(ordinal not in some.right and ordinal in some.close for some in found)
            ranked.append(Ranked(len(either) - n, close, said - represented, ordinal))
        out += sorted(ranked)[: MOST - len(out)]
        if len(out) >= MOST:
            break
    return out


def _match(
    system: System, wanted: Sequence[Wanted], found: Sequence[Found], one: Ranked, strict: bool
) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"name": "code", "valueCoding": _coding(system, one.ordinal)}]
    for asked, some in zip(wanted, found, strict=True):
        if one.ordinal not in some.right and one.ordinal not in some.close:
            parts.append(_unmatched(asked, "unmatched"))
    if not strict:
        parts.append({"name": "comment", "valueString": _comment(wanted, found, one)})
    return {"name": "match", "part": parts}


def _coding(system: System, ordinal: int) -> dict[str, str]:
    about = system.about
    parts = {
        "system": about.url, "version": about.version, "code": system.code(ordinal), "display": system.display(ordinal)
    }  # fmt: skip
    return {name: text for name, text in parts.items() if text}


def _unmatched(one: Wanted, name: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"name": "code", "valueCode": one.name}]
    if one.value is not None:
        kind = one.value.type or "string"
        parts.append({"name": "value", f"value{kind[0].upper()}{kind[1:]}": one.value.value})
    parts += (_unmatched(part, "property") for part in one.parts)
    return {"name": name, "part": parts}


def _comment(wanted: Sequence[Wanted], found: Sequence[Found], one: Ranked) -> str:
    close = [asked.name for asked, some in zip(wanted, found, strict=True) if one.ordinal in some.close]
    text = "A complete match." if not one.unmatched and not close else ""
    if close:
        text = f"A possible match: more or less precise in {', '.join(dict.fromkeys(close))}."
    if one.unmatched:
        text = f"{text} Not represented: {one.unmatched} of {len(wanted)} properties.".strip()
    return f"{text} It says more than was asked for." if one.surplus > 0 else text


def _composed(
    system: System, wanted: Sequence[Wanted], found: Sequence[Found], best: Ranked
) -> Iterable[dict[str, Any]]:
    """The best match refined by what it leaves out, as an expression of SNOMED CT's compositional grammar.

    https://hl7.org/fhir/R4/snomedct.html"""
    if system.about.kind != "snomed":
        return
    loose, groups, left = [], [], []
    for asked, some in zip(wanted, found, strict=True):
        if best.ordinal in some.right:
            continue
        pairs = [(part.name, part.text) for part in (asked.parts or (asked,))]
        if not all(system.find(name) is not None and system.find(text) is not None for name, text in pairs):
            left.append(asked)
        elif asked.parts or asked.name == ROLE_GROUP:
            groups.append("{" + ",".join(f"{name}={text}" for name, text in pairs) + "}")
        elif asked.name not in _PARENTS:
            loose.append(f"{asked.name}={asked.text}")
        else:
            left.append(asked)
    if not loose and not groups:
        return
    code = f"{system.code(best.ordinal)}:{','.join((*loose, *groups))}"
    coding = _coding(system, best.ordinal) | {"code": code}
    coding.pop("display", None)
    parts: list[dict[str, Any]] = [{"name": "code", "valueCoding": coding}]
    parts += (_unmatched(one, "unmatched") for one in left)
    parts.append(
        {"name": "comment", "valueString": "A post-coordinated expression; no code of its own says all of it."}
    )
    yield {"name": "match", "part": parts}
