"""Code systems that are a grammar: nobody lists their codes, but whether a text is one can be told, or at least denied.

https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from resources.profiles.world import NO, YES, Membership
from resources.validation.bindings import is_mime_type

from ..filters import Filter
from . import ucum, units

Verdict = Callable[[str], Membership]

_LONGEST: Final = 1_000  # characters of a code that is looked at

# https://www.rfc-editor.org/rfc/rfc5646#section-2.1. No language of four to eight letters is registered but for the
# grandfathered tags, so that `english` is none.
_LANGUAGE: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?P<ext_lang>(?:-[a-z]{3}){1,3})?(?P<script>-[a-z]{4})?(?P<region>-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?P<variant>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))+)?(?P<extension>(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)+)?"
    r"(?P<private_use>-x(?:-[a-z0-9]{1,8})+)?",
    re.ASCII,
)
_PRIVATE: Final = re.compile(r"x(?:-[a-z0-9]{1,8})+", re.ASCII)
_GRANDFATHERED: Final = re.compile(
    r"art-lojban|cel-gaulish|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)"
    r"|no-(?:bok|nyn)|sgn-(?:be-fr|be-nl|ch-de)|zh-(?:guoyu|hakka|min|min-nan|xiang)"
)
LANGUAGE_PARTS: Final = {  # name in a filter → group of the expression
    "language": "language", "ext-lang": "ext_lang", "script": "script", "region": "region", "variant": "variant",
    "extension": "extension", "private-use": "private_use",
}  # fmt: skip
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]+").fullmatch


class Unanswerable(ValueError):
    """A question to the terminology that has no answer here; `code` is the issue's."""

    def __init__(self, message: str, code: str = "not-supported") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Grammar:
    """A code system by its grammar."""

    verdict: Verdict  # of a text: yes, no, or unknown where the form alone does not decide
    ignores_case: bool = False
    filtered: Callable[[Filter], Verdict] | None = None  # raises Unanswerable for a filter that is not understood
    spelled: Callable[[str], Iterable[str]] = lambda folded: (folded, folded.upper())  # codes that differ in case only

    def having(self, wanted: Filter) -> Verdict:
        """Whether a code meets a filter. Raises Unanswerable."""
        if self.filtered is None:
            raise Unanswerable(f"the filter {wanted.property} {wanted.op} is not known here")
        return self.filtered(wanted)


def _decided(holds: Callable[[str], object]) -> Verdict:
    return lambda code: YES if len(code) <= _LONGEST and holds(code) else NO


def _shaped(pattern: str, what: str) -> Verdict:
    """Codes of a list that is not here: what has another form is none of them."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    unknown = Membership("unknown", f"the list of {what} is not known here")
    return lambda code: unknown if matches(code) else NO


def language_parts(code: str) -> dict[str, str] | None:
    """The parts of a language tag by the names that filters use; None if it is none."""
    tag = code.lower()
    if len(tag) > _LONGEST:
        return None
    if _GRANDFATHERED.fullmatch(tag):
        return {"language": tag}
    if _PRIVATE.fullmatch(tag):
        return {"private-use": tag}
    match = _LANGUAGE.fullmatch(tag)
    if match is None:
        return None
    parts = {name: found.lstrip("-") for name, group in LANGUAGE_PARTS.items() if (found := match[group])}
    singletons = [one for one in parts.get("extension", "").split("-") if len(one) == 1]
    variants = parts["variant"].split("-") if "variant" in parts else []
    return parts if len({*singletons}) == len(singletons) and len({*variants}) == len(variants) else None


def _of_language(wanted: Filter) -> Verdict:
    """The parts of a tag exist or not, or are a value. https://www.rfc-editor.org/rfc/rfc5646#section-2.1"""
    name, operator, value = wanted.property, wanted.op, wanted.value
    if name not in LANGUAGE_PARTS or operator not in ("exists", "=", "in"):
        raise Unanswerable(f"the filter {name} {operator} on language tags is not known here")
    if operator == "exists":
        if value not in ("true", "false"):
            raise Unanswerable(f"the filter exists on language tags is true or false, not {value}")
        return _decided(lambda code: (name in (language_parts(code) or {})) == (value == "true"))
    some = {one.strip().lower() for one in (value.split(",") if operator == "in" else [value])}
    return _decided(lambda code: (language_parts(code) or {}).get(name) in some)


def _of_unit(wanted: Filter) -> Verdict:
    """https://hl7.org/fhir/R4/ucum.html: of `canonical` any unit that can be compared with the one named, of `property`
    any of that kind of quantity."""
    if wanted.property not in ("canonical", "property") or wanted.op not in ("=", "in"):
        raise Unanswerable(f"the filter {wanted.property} {wanted.op} on units is not known here")
    named = wanted.value.split(",") if wanted.op == "in" else [wanted.value]
    if wanted.property == "property":
        kinds = {one.strip() for one in named}
        if not all(map(units.is_property, kinds)):
            raise Unanswerable(f"{wanted.value} in a filter on units is no kind of quantity that the table names")
        return _decided(lambda code: not kinds.isdisjoint(units.properties(code)))
    dimensions = {ucum.dimension(one.strip()) for one in named}
    if None in dimensions:
        raise Unanswerable(f"{wanted.value} in a filter on units is no unit that others can be compared with")
    return _decided(lambda code: ucum.dimension(code) in dimensions)


# Canonical URL of a code system → its grammar.
GRAMMARS: Final[Mapping[str, Grammar]] = {
    ucum.SYSTEM: Grammar(_decided(ucum.is_unit), filtered=_of_unit, spelled=ucum.spelled),
    "urn:ietf:bcp:47": Grammar(_decided(lambda code: language_parts(code) is not None), True, _of_language),
    "urn:ietf:bcp:13": Grammar(_decided(is_mime_type)),
    "urn:ietf:rfc:3986": Grammar(_decided(_URI)),
    "urn:iso:std:iso:4217": Grammar(_shaped("[A-Z]{3}", "currencies (ISO 4217)")),
    "urn:iso:std:iso:3166": Grammar(_shaped("[A-Z]{2,3}|[0-9]{3}", "countries (ISO 3166)")),
    "urn:iso:std:iso:3166:-2": Grammar(_shaped("[A-Z]{2}-[A-Z0-9]{1,3}", "parts of countries (ISO 3166-2)")),
    "http://unstats.un.org/unsd/methods/m49/m49.htm": Grammar(_shaped("[0-9]{3}", "regions (UN M49)")),
}
