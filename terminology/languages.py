"""Which languages a client reads, and which of a concept's designations that makes the display.

Four places may say it; the first that does counts: the parameter `displayLanguage`, the value set's own expansion
parameter, the header Accept-Language, ValueSet.language. Ranges are matched as RFC 4647 has it (section 3.3.1, and 3.4).
https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/languages.html, https://www.rfc-editor.org/rfc/rfc4647
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from resources.outcome import BadRequest

from .findings import finding
from .system import Designation

EXPANSION_PARAMETER: Final = (
    "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter",
    "http://hl7.org/fhir/tools/StructureDefinition/valueset-expansion-parameter",
)
FALLBACK: Final = (
    0.1  # weight of all other languages in an expansion; a validation has 0: nothing was said, nothing fits
)
MOST: Final = 50  # languages of one list; browsers send less than ten

_RANGE: Final = re.compile(r"\*|[A-Za-z]{1,8}(?:-(?:[A-Za-z0-9]{1,8}|\*))*", re.ASCII)
_FAR: Final = 1e-6  # what a place in the list is worth beside a weight: it only decides between equals
_NEAR: Final = 1e-9  # and what being the very language is worth beside that
_DEFINITION: Final = frozenset({"definition", "900000000000550004"})
_FULL: Final = "900000000000003001"  # the fully specified name, which is for computers
_DIALECTS: Final = {
    "en-us": "900000000000509007",
    "en-gb": "900000000000508004",
}  # language reference sets of SNOMED CT
_DIALECT: Final = re.compile(r"-x-(?:sctlang-)?([0-9-]{6,})", re.ASCII)


class Languages:
    """The languages of one request, with their weights. Falsy if none were asked for: then anything fits."""

    __slots__ = ("_fits", "_other", "_ranges", "dialects", "text")

    def __init__(self, text: str, ranges: Iterable[tuple[str, float]], other: float) -> None:
        """text: the list as it is shown. ranges: lower case, without `*`; other: the weight of every other language."""
        self.text = text
        self._ranges = tuple((one, weight - place * _FAR) for place, (one, weight) in enumerate(ranges))
        self._other = other - MOST * _FAR if other else 0.0
        self._fits: dict[str, float] = {}
        # language reference sets of SNOMED CT that the languages stand for, with their weights
        self.dialects = {dialect: weight for one, weight in self._ranges if (dialect := _dialect(one))}

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def ranges(self) -> tuple[str, ...]:
        """The languages that were asked for, in lower case, as they stand in the list; without `*`."""
        return tuple(one for one, _ in self._ranges)

    @classmethod
    def parse(cls, text: str, fallback: float = FALLBACK, *, lenient: bool = False) -> Languages:
        """Reads a list of languages in the syntax of Accept-Language.

        fallback: the weight of `*` where the list has none: FALLBACK in an expansion, 0 in a validation. lenient: what
        cannot be read is left out, as it is in a header; else it raises BadRequest."""
        return _parsed(text, fallback, lenient)

    @classmethod
    def of(
        cls, parameter: str, value_set: Mapping[str, Any] | None, header: str = "", fallback: float = FALLBACK
    ) -> Languages:
        """The languages of a request: the first of the four places that names any."""
        stated = parameter or (stated_by(value_set, "displayLanguage") if value_set else "")
        if stated:
            return cls.parse(str(stated), fallback)
        from_header = cls.parse(header, fallback, lenient=True) if header else NONE
        if from_header or not value_set or not value_set.get("language"):
            return from_header
        return cls.parse(str(value_set["language"]), fallback, lenient=True)

    def fits(self, language: str) -> float:
        """How well a language fits, from 0 (not at all) to 1; of "", which is an unknown one, the weight of all others.

        A region more than was asked for (`de-CH` for `de`) fits, and so does one less (`de` for `de-CH`): worse."""
        if not self._ranges:
            return 1.0
        found = self._fits.get(language)
        if found is None:
            found = self._fits.setdefault(language, self._fit(language.lower().replace("_", "-")))
        return found

    def _fit(self, language: str) -> float:
        best, said = 0.0, False
        for one, weight in self._ranges if language else ():
            if language == one:
                near = 0
            elif language.startswith(f"{one}-") or (one.startswith("*-") and one[1:] in language):
                near = 1
            elif one.startswith(f"{language}-"):
                near = 2
            else:
                continue
            said = True
            if weight > 0:
                best = max(best, weight - near * _NEAR)
        return best if said else self._other

    def only(self, language: str) -> bool:
        """Whether a display in this language cannot be bettered, so that designations need not be looked at."""
        if not self._ranges:
            return True
        return self._ranges[0][0] == language.lower() and self.fits(language) >= max(
            self._other, *(weight for _, weight in self._ranges)
        )

    def choose(self, display: str, language: str, designations: Iterable[Designation]) -> Designation | None:
        """What is to be shown for a concept whose display is in a language (that of the code system, "" if unknown).

        None if the client reads none of it. Between equals the display comes first, then a term that is preferred in
        the dialect that was asked for, then the order; a fully specified name comes last, a definition never."""
        best: tuple[float, int] = (self.fits(language), 3)
        chosen = Designation(display, language) if display and best[0] > 0 else None
        if chosen is None:
            best = (0.0, 0)
        if self._ranges:
            for one in designations:
                if one.inactive or not (fit := self.fits(one.language)) or one.use[1] in _DEFINITION:
                    continue
                if one.use[1] == _FULL:
                    rank = 0
                elif one.preferred and not self.dialects.keys().isdisjoint(one.preferred):
                    rank = 4
                else:
                    rank = 2 if one.preferred else 1
                if one.preferred and self.dialects:
                    fit = self._in_dialect(one, fit)
                if (fit, rank) > best:
                    best, chosen = (fit, rank), one
        return chosen

    def _in_dialect(self, one: Designation, fit: float) -> float:
        """A term that a dialect has is in the language of that dialect, whatever its own tag leaves out."""
        for dialect, weight in self.dialects.items():
            if weight > fit and dialect in one.preferred:
                fit = weight
        return fit


def _dialect(language: str) -> str:
    """The language reference set of a tag: `en-gb`, `en-x-sctlang-90000000-00005080-04`; "" for none."""
    stated = _DIALECT.search(language)
    return stated[1].replace("-", "") if stated else _DIALECTS.get(language, "")


@functools.lru_cache(1024)
def _parsed(text: str, fallback: float, lenient: bool) -> Languages:
    ranges: dict[str, float] = {}
    pieces = []
    for part in text.split(",")[:MOST]:
        tag, _, parameter = (piece.strip() for piece in part.partition(";"))
        weight = _weight(parameter)
        if not tag and not parameter and lenient:
            continue
        if not _RANGE.fullmatch(tag) or weight is None:
            if lenient:
                continue
            text_of = f"Invalid displayLanguage: '{text[:100]}'"
            raise BadRequest(
                issues=[finding("error", "processing", "invalid-display", "INVALID_DISPLAY_NAME", text_of)]
            )
        ranges.setdefault(tag.lower(), weight)
        pieces.append(f" {tag}; {parameter}" if parameter else tag)
    other = ranges.pop("*", fallback)
    if not ranges:
        return NONE
    best_first = sorted(ranges.items(), key=lambda one: -one[1])
    return Languages(",".join(pieces).strip(), best_first, other)


def _weight(parameter: str) -> float | None:
    """`q=0.5` as a number; 1 where nothing is said, None if it is no weight."""
    if not parameter:
        return 1.0
    name, _, value = (piece.strip() for piece in parameter.partition("="))
    try:
        weight = Decimal(value) if name in ("q", "Q") and value[:1] in "01" else Decimal(-1)
    except InvalidOperation:
        return None
    return float(weight) if 0 <= weight <= 1 else None


def stated_by(value_set: Mapping[str, Any], name: str) -> Any:
    """What a value set itself says of how it is expanded: the value of a parameter, or "" if it says nothing.

    The extension stands on `compose` or, as some have it, on the value set."""
    compose = value_set.get("compose")
    for holder in (compose if isinstance(compose, Mapping) else {}, value_set):
        for extension in holder.get("extension", ()):
            if extension.get("url") in EXPANSION_PARAMETER:
                parts = {
                    part.get("url"): next((v for k, v in part.items() if k.startswith("value")), "")
                    for part in extension.get("extension", ())
                }
                if parts.get("name") == name:
                    return parts.get("value", "")
    return ""


NONE: Final = Languages("", (), 0.0)
