"""One element of a differential laid over the element of the base: a profile may only narrow.

Where the differential would widen, what the base asks stays. https://hl7.org/fhir/R4/profiling.html#resources,
https://hl7.org/fhir/R4/elementdefinition.html#interpretation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .reading import fhir_type

Element = Mapping[str, Any]
IsA = Callable[[str, set[str]], bool]

PLACE: Final = ("id", "path", "sliceName", "base")
STRENGTHS: Final = ("example", "preferred", "extensible", "required")  # weakest first
RULES: Final = ("open", "openAtEnd", "closed")
OF_A_PROFILE: Final = ("short", "definition", "comment", "requirements", "alias", "isModifier", "isModifierReason")


def merged(current: Element, wanted: Element, url: str, is_a: IsA) -> dict[str, Any]:
    """The element with what a differential wants of it. url: of the profile, the source of its constraints.

    is_a: whether a type is one of a set or derived from one. Raises ValueError, which goes on after the element's name,
    if nothing could meet both."""
    made = {**current, **{name: value for name, value in wanted.items() if name not in PLACE}}
    for name, merge in _MERGES.items():
        if name in current and name in wanted:
            made[name] = merge(current[name], wanted[name])
    if "type" in wanted and "type" in current:
        made["type"] = _types(current["type"], wanted["type"], is_a)
    if "constraint" in wanted:
        made["constraint"] = joined(current.get("constraint", []), sourced(wanted["constraint"], url))
    least, most = made.get("min", 0), made.get("max", "*")
    if most != "*" and _number(least) > _number(most):
        raise ValueError(f"asks for {least} of at most {most}")
    return made


def as_profiled(current: Element, root: Element, is_extension: bool) -> dict[str, Any]:
    """An element whose only type has one profile: the constraints of the profile's root hold for it. An extension is
    what its definition says, with its cardinality."""
    made = dict(current)
    made["constraint"] = joined(current.get("constraint", []), root.get("constraint", []))
    if is_extension:
        made |= {name: root[name] for name in OF_A_PROFILE if name in root}
        made["min"] = root.get("min", 0)
        made["max"] = _fewest(current.get("max", "*"), root.get("max", "*"))
    return made


def typed(element: Element | None, choice: str) -> dict[str, Any]:
    """Short name → type: of value[x] {"valueQuantity": {"code": "Quantity"}, …}."""
    found = {}
    for one in (element or {}).get("type") or []:
        code = type_code(one)
        found[choice[:-3] + code[:1].upper() + code[1:]] = one
    return found


def narrowed_to(element: Element, choice: str, name: str) -> dict[str, Any]:
    """The choice with the one type that a short name says; as it is if the name says none."""
    one = typed(element, choice).get(name)
    return {**element, "type": [one]} if one else dict(element)


def type_code(one: Element) -> str:
    """The FHIR type of an entry of ElementDefinition.type."""
    said = [(x["url"], x.get("valueUrl", x.get("valueUri", ""))) for x in one.get("extension", [])]
    return fhir_type(one["code"], said)


def single_profile(element: Element) -> str | None:
    """The profile of an element's only type, if it has just one."""
    types = element.get("type") or []
    profiles = types[0].get("profile") or [] if len(types) == 1 else []
    return profiles[0] if len(profiles) == 1 else None


def sourced(constraints: Sequence[Element], url: str) -> list[Element]:
    """Constraints that say which StructureDefinition brought them in."""
    return [one if one.get("source") else {**one, "source": url} for one in constraints]


def joined(current: Sequence[Element], more: Sequence[Element]) -> list[Element]:
    """Constraints accumulate. Of two with one key and expression the first stays; a key that is used for something else
    does not hide what it meant before."""
    known = {(one.get("key"), one.get("expression")) for one in current}
    return [*current, *(one for one in more if (one.get("key"), one.get("expression")) not in known)]


def _types(current: Sequence[Any], wanted: Sequence[Any], is_a: IsA) -> list[Any]:
    """The wanted types that the base allows; profiles and targets that are not said again stay."""
    known = {type_code(one): one for one in current}
    allowed, kept = set(known), []
    for one in wanted:
        code = type_code(one)
        if code in known:
            base = known[code]
            kept.append(base if base.get("code") != one.get("code") else {**_restricted(base), **one})
        elif is_a(code, allowed):
            kept.append(one)
    if not kept and known:
        names = ", ".join([type_code(one) for one in wanted[:5]]) or "none"
        raise ValueError(f"has the type {names}, where its base has {', '.join(known)}")
    return kept


def _restricted(one: Element) -> dict[str, Any]:
    return {name: one[name] for name in ("profile", "targetProfile", "aggregation") if name in one}


def _number(value: Any) -> int:
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise ValueError(f"has the cardinality {text[:20]!r}, which is no number")


def _fewest(one: Any, other: Any) -> Any:
    if "*" in (one, other):
        return other if one == "*" else one
    return min(one, other, key=_number)


def _binding(current: Element, wanted: Element) -> Element:
    order = {name: number for number, name in enumerate(STRENGTHS)}
    weaker = order.get(wanted.get("strength", ""), 9) < order.get(current.get("strength", ""), 0)
    made = {**wanted, **current} if weaker else {**current, **wanted}
    # What limits a binding besides, elementdefinition-maxValueSet, stays.
    extensions = [*wanted.get("extension", []), *current.get("extension", [])]
    return made | ({"extension": extensions} if extensions else {})


def _slicing(current: Element, wanted: Element) -> Element:
    made = {**current, **wanted}
    made["rules"] = max(current.get("rules", "open"), wanted.get("rules", "open"), key=_strictness)
    made["ordered"] = bool(current.get("ordered") or wanted.get("ordered"))
    both = [*current.get("discriminator", []), *wanted.get("discriminator", [])]
    made["discriminator"] = list({(one["type"], one["path"]): one for one in both}.values())
    return made


def _strictness(rules: str) -> int:
    return RULES.index(rules) if rules in RULES else -1


_MERGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "min": lambda current, wanted: max(current, wanted, key=_number),
    "max": _fewest,
    "maxLength": lambda current, wanted: min(current, wanted, key=_number),
    "binding": _binding,
    "slicing": _slicing,
    "mustSupport": lambda current, wanted: current or wanted,
}
