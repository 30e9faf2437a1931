"""Filters of concepts and of descriptions.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (6.8, 6.9)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pyroaring import BitMap

from ..system import Designation
from .asking import DETAIL, LOOKUP, PIECE, TEXT, Asking
from .comparing import times
from .syntax import (
    Acceptability,
    Concept,
    Concepts,
    DialectConcepts,
    Dialects,
    Filter,
    Filters,
    SubExpression,
    Terms,
    Times,
    Truth,
    Words,
)
from .texts import matching, sure_words, weight

Test = Callable[[Designation], bool]

PREFERRED: Final = "900000000000548007"
ACCEPTABLE: Final = "900000000000549004"
_TYPES: Final = {"fsn": "900000000000003001", "syn": "900000000000013009", "def": "900000000000550004"}
_STATUSES: Final = {"primitive": "900000000000074008", "defined": "900000000000073002"}
_DEFINED: Final = {"900000000000074008": "false", "900000000000073002": "true"}  # of the property sufficientlyDefined
# https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (appendix C)
DIALECTS: Final = {
    "da-dk": "554461000005103", "de": "722130004", "en-au": "32570271000036106", "en-ca": "19491000087109",
    "en-gb": "900000000000508004", "en-gb-x-drug": "999000681000001101", "en-gb-x-ext": "999001251000000103",
    "en-ie": "21000220103", "en-nz": "271000210107", "en-nz-x-pat": "281000210109", "en-us": "900000000000509007",
    "en-x-gmdn": "608771002", "en-x-nhs-clinical": "999001261000000100", "en-x-nhs-dmd": "999000671000001103",
    "en-x-nhs-pharmacy": "999000691000001104", "en-nhs-clinical": "999001261000000100",
    "en-nhs-dmd": "999000671000001103", "en-nhs-pharmacy": "999000691000001104", "es": "450828004",
    "es-uy": "5641000179103", "et-ee": "71000181105", "fr": "722131000", "fr-be": "21000172104",
    "fr-ca": "20581000087109", "ja": "722129009", "mi": "291000210106", "nb-no": "61000202103", "nl-be": "31000172101",
    "nl-nl": "31000146106", "nn-no": "91000202106", "sv-se": "46011000052107", "zh": "722128001",
}  # fmt: skip


def filtered(asking: Asking, some: BitMap, filters: Filters) -> BitMap:
    """Those of some concepts that meet a filter of concepts (C) or have a description that meets one (D)."""
    if filters.kind == "C":
        for one in filters.all_of:
            some = asking.weigh(some & _having(asking, one))
        return some
    return _described(asking, some, filters.all_of)


# concepts


def _having(asking: Asking, one: Filter) -> BitMap:
    system = asking.system
    match one.value:
        case Truth(truth):
            wanted = truth if one.comparison == "=" else not truth
            return system.all - system.inactive if wanted else system.inactive
        case Times(any_of):
            fits = times(one.comparison, any_of)
            dated = BitMap()
            found = BitMap()
            for value, holders in system.values("effectiveTime"):
                asking.budget.spend(len(holders) // 1000)
                dated |= holders
                if fits(value):
                    found |= holders
            return found | (system.all - dated) if fits("") else found
        case Words(any_of):
            return _of_status(asking, one.comparison, frozenset(_STATUSES[word] for word in any_of))
        case SubExpression() | Concepts():
            codes = asking.codes(one.value)
            if one.keyword == "definitionStatusId":
                return _of_status(asking, one.comparison, codes)
            return _valued(asking, one.keyword, one.comparison, codes)
        case _:
            raise AssertionError(one.keyword)


def _valued(asking: Asking, name: str, comparison: str, codes: frozenset[str]) -> BitMap:
    found = BitMap()
    for value, holders in asking.system.values(name):
        asking.budget.spend(len(holders) // 1000)
        if (value in codes) == (comparison == "="):
            found |= holders
    return found


def _of_status(asking: Asking, comparison: str, codes: frozenset[str]) -> BitMap:
    """Where the release does not say it R4's property sufficientlyDefined. https://hl7.org/fhir/R4/snomedct.html"""
    if asking.system.with_property("definitionStatusId"):
        return _valued(asking, "definitionStatusId", comparison, codes)
    flags = frozenset(_DEFINED[one] for one in codes if one in _DEFINED)
    return _valued(asking, "sufficientlyDefined", comparison, flags)


# descriptions


def _described(asking: Asking, some: BitMap, filters: Sequence[Filter]) -> BitMap:
    on_text = [_test(asking, one) for one in filters if one.keyword in ("term", "id")]
    on_shape = [_test(asking, one) for one in filters if one.keyword not in ("term", "id")]
    if not any(one.keyword == "active" for one in filters):
        on_shape.append(lambda description: not description.inactive)
        some = _narrowed(asking, some, filters)
    shapes: dict[int, bool] = {}
    each = TEXT + sum(weight(one.value) for one in filters if isinstance(one.value, Terms))

    def fits(ordinal: int) -> bool:
        return any(all(test(one) for test in on_text) for one in _shaped(asking, ordinal, on_shape, shapes, each))

    return BitMap([one for one in asking.each(some, PIECE) if fits(one)])


def _shaped(
    asking: Asking, ordinal: int, tests: Sequence[Test], shapes: dict[int, bool], cost: int
) -> Iterator[Designation]:
    """The descriptions of a concept that pass tests which do not look at the text. The display is a description if no
    designation says the same. shapes: what came of the tests before. cost: steps of what is done with each."""
    system, pieces, display = asking.system, asking.pieces, asking.system.display(ordinal)
    if pieces is None:
        asking.budget.spend(DETAIL)
        for one in system.designations(ordinal):
            display = "" if one.value == display else display
            asking.budget.spend(cost)
            if all(test(one) for test in tests):
                yield one
    else:
        for number, key in pieces.texts(ordinal):
            asking.budget.spend(cost)
            text, identifier = pieces.text_of(number)
            display = "" if text == display else display
            if key not in shapes:
                asking.budget.spend(PIECE)
                shape = pieces.shape_of(key)
                shapes[key] = all(test(shape) for test in tests)
            if shapes[key]:
                yield Designation(text, id=identifier)
    if display:
        one = Designation(display, system.about.language)
        if all(test(one) for test in tests):
            yield one


def _narrowed(asking: Asking, some: BitMap, filters: Sequence[Filter]) -> BitMap:
    """Those that may have active descriptions with the words that are looked for, by the index of words."""
    for one in filters:
        if one.keyword != "term" or one.comparison != "=" or not isinstance(one.value, Terms):
            continue
        wanted = [sure_words(term) for term in one.value.any_of]
        if not all(wanted):
            continue
        found = BitMap()
        for words in wanted:
            asking.budget.spend(LOOKUP + len(some) // 8)
            ordinals = asking.system.search(words, some, len(some)).ordinals
            asking.budget.spend(len(ordinals))
            found.update(ordinals)
        some = found
    return some


def _test(asking: Asking, one: Filter) -> Test:
    equal = one.comparison == "="
    match one.value:
        case Terms():
            matches = matching(one.value)
            return lambda description: matches(description.value) == equal
        case Truth(truth):
            return lambda description: description.inactive != (truth == equal)
        case Times(any_of):
            fits = times(one.comparison, any_of)
            return lambda description: fits(description.fields.get("effectiveTime", ""))
        case Words(any_of) if one.keyword == "language":
            languages = frozenset(any_of)
            return lambda description: (description.language[:2].lower() in languages) == equal
        case Words(any_of) if one.keyword == "id":
            ids = frozenset(any_of)
            return lambda description: (description.id in ids) == equal
        case Words(any_of):
            types = {_TYPES[word] for word in any_of}
            return lambda description: (type_of(description) in types) == equal
        case Dialects() | DialectConcepts():
            return _in_dialect(_dialects(asking, one.value), equal)
        case SubExpression() | Concepts() if one.keyword == "typeId":
            codes = asking.codes(one.value)
            return lambda description: (type_of(description) in codes) == equal
        case SubExpression() | Concepts():
            modules = asking.codes(one.value)
            return lambda description: (description.fields.get("moduleId", "") in modules) == equal
        case _:
            raise AssertionError(one.keyword)


def type_of(description: Designation) -> str:
    return description.fields.get("typeId") or description.use[1]


def _dialects(asking: Asking, wanted: Dialects | DialectConcepts) -> dict[str, frozenset[str]]:
    """Language reference sets, each with the acceptabilities that count."""
    if isinstance(wanted, DialectConcepts):
        return dict.fromkeys(asking.codes(wanted.expression), _acceptabilities(wanted.acceptability))
    found: dict[str, frozenset[str]] = {}
    for one in wanted.any_of:
        if isinstance(one.name, Concept):
            code = one.name.code
        else:
            code = DIALECTS.get(one.name.lower(), "")
            if not code:
                asking.missing(f"the dialect {one.name}")
                continue
        found[code] = found.get(code, frozenset()) | _acceptabilities(one.acceptability or wanted.acceptability)
    return found


def _acceptabilities(one: Acceptability | None) -> frozenset[str]:
    if one is None:
        return frozenset({PREFERRED, ACCEPTABLE})
    words = {PREFERRED if word == "prefer" else ACCEPTABLE for word in one.words}
    return frozenset(words | {concept.code for concept in one.concepts})


def _in_dialect(wanted: dict[str, frozenset[str]], equal: bool) -> Test:
    preferred = {code for code, acceptabilities in wanted.items() if PREFERRED in acceptabilities}
    acceptable = {code for code, acceptabilities in wanted.items() if ACCEPTABLE in acceptabilities}

    def test(description: Designation) -> bool:
        found = not (preferred.isdisjoint(description.preferred) and acceptable.isdisjoint(description.acceptable))
        return found == equal

    return test
