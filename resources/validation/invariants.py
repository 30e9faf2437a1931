"""The invariants of the data types, as plain Python over decoded JSON.

Each is the FHIRPath of its definition, written by hand because it runs on every write. An element that is only there as
`_name`, with extensions in place of a value, exists but has no value.
https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from ..definitions import Constraint, Structure

UCUM = "http://unitsofmeasure.org"

Json = Mapping[str, Any]

_NAME = r"[^\s.,:;'\"/|?!@#$%&*()\[\]{}]{1,64}"
_is_path = re.compile(rf"{_NAME}(\.{_NAME}(\[x\])?(:[^\s.]+)?)*").fullmatch
_is_slice_name = re.compile(r"[a-zA-Z0-9/\-_\[\]@]+").fullmatch
_clock = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))").fullmatch
_AT_MEALS = {"C", "CM", "CD", "CV"}  # an offset counts from before or after a meal, not from the meal
_BEYOND_CONTENT = "type maxLength binding defaultValue fixed pattern example minValue maxValue"


def has(value: Json, name: str) -> bool:
    """Whether the element exists, by a value or by extensions alone."""
    return name in value or "_" + name in value


def has_choice(value: Json, name: str) -> bool:
    """Whether any type of the choice element exists: valueString or _valueString for "value"."""
    return any(key.startswith((name, "_" + name)) for key in value)


def is_whole(text: str) -> bool:
    """Whether a text is a number without sign."""
    return text.isascii() and text.isdecimal()


def at_most(low: str, high: str) -> bool:
    """Whether low <= high, for dates and times of any precision; True where the precision does not tell."""
    if len(low) == len(high) and low[-6:] == high[-6:]:
        return low <= high  # the same shape in the same zone, as nearly always
    if "T" in low and "T" in high:
        return _instant(low) <= _instant(high)
    shared = min(len(text.partition("T")[0]) for text in (low, high))
    return low[:shared] <= high[:shared]


def _instant(text: str) -> tuple[int, str]:
    """A dateTime with time, as whole seconds in UTC and the digits of the fraction, which has no longest form."""
    day, _, rest = text.partition("T")
    hours, minutes, seconds, fraction, sign, ahead, past = _clock(rest).groups(default="0")  # type: ignore[union-attr]
    offset = (int(ahead) * 60 + int(past)) * (-60 if sign == "-" else 60)
    total = date.fromisoformat(day).toordinal() * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds) - offset
    return total, fraction.rstrip("0")


def _measured(value: Json) -> bool:
    """There is a code if there is a value, and the system is UCUM."""
    return (has(value, "code") or not has(value, "value")) and value.get("system", UCUM) == UCUM


def _whole(value: Json) -> bool:
    return value.get("code", "1") == "1" and "." not in str(value.get("value", ""))


def _in_order(value: Json) -> bool:
    low, high = value.get("low", {}), value.get("high", {})
    if "value" not in low or "value" not in high or any(low.get(n) != high.get(n) for n in ("system", "code", "unit")):
        return True  # quantities of different units cannot be compared here
    return bool(low["value"] <= high["value"])


def _distinct(items: list[Json], name: str) -> bool:
    named = [item[name] for item in items if name in item]
    return len(set(named)) == len(named)


def _offset_counts_from_an_event(value: Json) -> bool:
    return not has(value, "offset") or (has(value, "when") and _AT_MEALS.isdisjoint(value.get("when", ())))


def _triggered(value: Json) -> bool:
    needed = {"named-event": "name", "periodic": "timing"}.get(value.get("type", ""))
    if value.get("type", "").startswith("data-"):
        needed = "data"
    return needed is None or has_choice(value, needed)


def _occurs(value: Json) -> bool:
    lowest, highest = value.get("min"), value.get("max", "*")
    if lowest is None or not is_whole(highest):
        return True
    digits = highest.lstrip("0")  # Python reads no number of thousands of digits
    return len(digits) > 10 or bool(lowest <= int(digits or "0"))


def _alone(value: Json) -> bool:
    return not has(value, "contentReference") or not any(has_choice(value, name) for name in _BEYOND_CONTENT.split())


# Key → whether the invariant holds. For the root of a type the value is the object; for an element of a primitive type,
# its value.
INVARIANTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "age-1": lambda v: _measured(v) and v.get("value", 1) > 0,
    "att-1": lambda v: not has(v, "data") or has(v, "contentType"),
    "cnt-3": lambda v: _measured(v) and _whole(v),
    "cpt-2": lambda v: not has(v, "value") or has(v, "system"),
    "dis-1": _measured,
    "drq-1": lambda v: has(v, "path") != has(v, "searchParam"),
    "drq-2": lambda v: has(v, "path") != has(v, "searchParam"),
    "drt-1": lambda v: not has(v, "code") or (v.get("system") == UCUM and has(v, "value")),
    "eld-1": lambda v: "discriminator" in v or has(v, "description"),
    "eld-2": _occurs,
    "eld-3": lambda v: v == "*" or is_whole(v),
    "eld-4": lambda v: not has(v, "aggregation") or v.get("code") in ("Reference", "canonical"),
    "eld-5": _alone,
    "eld-6": lambda v: not has_choice(v, "fixed") or len(v.get("type", ())) <= 1,
    "eld-7": lambda v: not has_choice(v, "pattern") or len(v.get("type", ())) <= 1,
    "eld-8": lambda v: not has_choice(v, "pattern") or not has_choice(v, "fixed"),
    "eld-11": lambda v: True,  # as its expression is written, it holds for any element with a type
    "eld-12": lambda v: v.get("valueSet", "http:").startswith(("http:", "https", "urn:")),
    "eld-13": lambda v: _distinct(v.get("type", []), "code"),
    "eld-14": lambda v: _distinct(v.get("constraint", []), "key"),
    "eld-15": lambda v: not has_choice(v, "defaultValue") or not has(v, "meaningWhenMissing"),
    "eld-16": lambda v: bool(_is_slice_name(v.get("sliceName", "-"))),
    "eld-17": lambda v: not has(v, "targetProfile") or v.get("code") in ("Reference", "canonical"),
    "eld-18": lambda v: v.get("isModifier") is not True or has(v, "isModifierReason"),
    "eld-19": lambda v: bool(_is_path(v.get("path", "-"))),
    "eld-22": lambda v: not has(v, "sliceIsConstraining") or has(v, "sliceName"),
    "exp-1": lambda v: has(v, "expression") or has(v, "reference"),
    "ext-1": lambda v: ("extension" in v) != has_choice(v, "value"),
    "per-1": lambda v: "start" not in v or "end" not in v or at_most(v["start"], v["end"]),
    "qty-3": lambda v: not has(v, "code") or has(v, "system"),
    "rat-1": lambda v: ("numerator" in v) == ("denominator" in v) and ("numerator" in v or "extension" in v),
    "rng-2": _in_order,
    "sqty-1": lambda v: not has(v, "comparator"),
    "tim-1": lambda v: not has(v, "duration") or has(v, "durationUnit"),
    "tim-2": lambda v: not has(v, "period") or has(v, "periodUnit"),
    "tim-4": lambda v: v.get("duration", 0) >= 0,
    "tim-5": lambda v: v.get("period", 0) >= 0,
    "tim-6": lambda v: not has(v, "periodMax") or has(v, "period"),
    "tim-7": lambda v: not has(v, "durationMax") or has(v, "duration"),
    "tim-8": lambda v: not has(v, "countMax") or has(v, "count"),
    "tim-9": _offset_counts_from_an_event,
    "tim-10": lambda v: not has(v, "timeOfDay") or not has(v, "when"),
    "trd-1": lambda v: "data" not in v or not has_choice(v, "timing"),
    "trd-2": lambda v: "condition" not in v or "data" in v,
    "trd-3": _triggered,
}
# What needs more than the value: ele-1 is the rule that nothing is empty, ref-1 needs the contained resources, txt-1
# and txt-2 an XML parser.
JUDGED_ELSEWHERE: Final = frozenset(("ele-1", "ref-1", "txt-1", "txt-2"))

# key, what it asks for in words, whether it holds, canonical URL of the structure that brings it in # key
Invariant = tuple[str, str, Callable[[Any], bool], str]


def invariants(structures: Mapping[str, Structure], path: str, profiles: tuple[str, ...] = ()) -> tuple[Invariant, ...]:
    """The invariants to judge at the path and by the profiles of its type: those of data types that are errors.

    The invariants of resource types are not among the base rules that are checked on every write.
    """
    structure = structures[path.partition(".")[0]]
    if structure.kind != "complex-type":
        return ()
    found = {
        one.key: (one, brought_in_by(structures, within, path, one))
        for within in (structure, *(structures[profile] for profile in profiles))
        for one in within.elements[path].constraints
        if one.severity == "error" and one.key not in JUDGED_ELSEWHERE
    }
    return tuple((key, said(one), INVARIANTS[key], f"{url}#{key}") for key, (one, url) in found.items())


def said(constraint: Constraint) -> str:
    """What a constraint asks for, as words in a sentence."""
    return constraint.human.strip().rstrip(".")


def brought_in_by(structures: Mapping[str, Structure], structure: Structure, path: str, constraint: Constraint) -> str:
    """The canonical URL of the structure that defines a constraint: of a root perhaps an ancestor's."""
    while "." not in path and structure.base in structures:
        base = structures[structure.base]
        if constraint not in next(iter(base.elements.values())).constraints:
            break
        structure = base
    return structure.url
