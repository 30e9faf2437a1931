"""Code systems without end as systems: a concept is there once somebody asked for its code.

Ordinals number the codes that were asked for, of this object. What would need all codes raises NotSupported.
https://hl7.org/fhir/R4/terminologies-systems.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, NoReturn

from pyroaring import BitMap

from resources import definitions
from resources.outcome import BadRequest, NotSupported

from .. import hl7
from ..filters import Filter
from ..findings import finding
from ..records import About, FilterDefinition, PropertyDefinition
from ..system import Designation, PropertyValue, Ranked
from . import grammar, ucum, units
from .grammar import Unanswerable

BCP_47: Final = "urn:ietf:bcp:47"
BCP_13: Final = "urn:ietf:bcp:13"
URI: Final = "urn:ietf:rfc:3986"
_VALUE_SET: Final = "ValueSet"
# Value sets that name language tags; the first one that has a tag counts.
_LANGUAGES: Final = ("http://hl7.org/fhir/ValueSet/languages", "http://terminology.hl7.org/ValueSet/Languages")

Named = tuple[str, Sequence[Designation]]


class Grammar(NamedTuple):
    """A code system by its grammar: what it is, and what is to be said of a code that is one."""

    about: Callable[[], About]
    named: Callable[[str], Named]  # display and designations of a code
    written: Callable[[str], str] = str  # the code as it has to be written
    properties: Callable[[str], Sequence[PropertyValue]] = lambda code: ()
    fault: Callable[[str], str] = lambda code: ""  # what is wrong with a text that is no code, where that is known
    unmet: Callable[[str, Filter], str] = lambda code, wanted: ""  # why a code does not meet a filter, likewise


class Grammatical:
    """A System of one of GRAMMARS."""

    infinite = True

    def __init__(self, url: str) -> None:
        """url: one of GRAMMARS."""
        self._grammar = GRAMMARS[url]
        self._holds = grammar.GRAMMARS[url].verdict
        self._having = grammar.GRAMMARS[url].having
        self.about = self._grammar.about()
        self._codes: list[str] = []
        self._ordinals: dict[str, int] = {}

    def __len__(self) -> int:
        """How many codes were asked for."""
        return len(self._codes)

    def find(self, code: str) -> int | None:
        found = self._ordinals.get(code)
        if found is not None:
            return found
        if self._holds(code).verdict != "yes" or self._grammar.written(code) != code:
            return None
        self._ordinals[code] = len(self._codes)
        self._codes.append(code)
        return len(self._codes) - 1

    def code(self, ordinal: int) -> str:
        return self._codes[ordinal]

    def display(self, ordinal: int) -> str:
        return self._grammar.named(self._codes[ordinal])[0]

    def designations(self, ordinal: int) -> Sequence[Designation]:
        return self._grammar.named(self._codes[ordinal])[1]

    def properties(self, ordinal: int) -> Sequence[PropertyValue]:
        return self._grammar.properties(self._codes[ordinal])

    def meets(self, ordinal: int, wanted: Filter) -> bool:
        """Whether a code meets a filter. Raises BadRequest for one that is not understood."""
        try:
            having = self._having(wanted)
        except Unanswerable as unknown:
            text = f"The filter {wanted.property} {wanted.op} {wanted.value[:100]} on {self.about.url} is not supported: {unknown}."
            issue = finding("error", "not-supported", "vs-invalid", "FILTER_NOT_UNDERSTOOD", text)
            raise BadRequest(issues=[issue]) from None
        return having(self._codes[ordinal]).verdict == "yes"

    def fault(self, code: str) -> str:
        """What is wrong with a text that is no code, and where; "" if it is one or nothing can be said."""
        return "" if self._holds(code).verdict == "yes" and not self._rewritten(code) else self._grammar.fault(code)

    def normalized(self, code: str) -> str:
        """A code as it has to be written, where only its case is wrong; else ""."""
        return self._grammar.written(code) if self._holds(code).verdict == "yes" else ""

    def _rewritten(self, code: str) -> bool:
        return self._grammar.written(code) != code

    def unmet(self, ordinal: int, wanted: Filter) -> str:
        """Why a code does not meet a filter, in words; "" where there is nothing to say."""
        return self._grammar.unmet(self._codes[ordinal], wanted)

    # A grammar knows no more of its codes.

    def definition(self, ordinal: int) -> str:
        return ""

    def status(self, ordinal: int) -> str:
        return ""

    def is_inactive(self, ordinal: int) -> bool:
        return False

    def is_abstract(self, ordinal: int) -> bool:
        return False

    def extension(self, ordinal: int) -> Sequence[Mapping[str, Any]]:
        return ()

    def parents(self, ordinal: int) -> Sequence[int]:
        return ()

    def children(self, ordinal: int) -> Sequence[int]:
        return ()

    def subsumes(self, above: int, below: int) -> bool:
        return above == below

    def ancestors(self, ordinal: int) -> BitMap:
        return BitMap()

    def descendants(self, ordinal: int) -> BitMap:
        return BitMap()

    def descendants_of(self, some: BitMap) -> BitMap:
        return BitMap()

    def ancestors_of(self, some: BitMap) -> BitMap:
        return BitMap()

    @property
    def inactive(self) -> BitMap:
        return BitMap()

    @property
    def abstract(self) -> BitMap:
        return BitMap()

    def property_names(self) -> Iterable[str]:
        return [one.code for one in self.about.properties]

    def sets(self) -> Iterable[str]:
        return ()

    def members(self, code: str) -> BitMap | None:
        return None

    def member_rows(self, code: str, ordinal: int | None = None) -> Iterator[tuple[int, Mapping[str, str]]]:
        return iter(())

    # Nobody can list its codes.

    @property
    def all(self) -> BitMap:
        self._refuse()

    @property
    def leaves(self) -> BitMap:
        self._refuse()

    @property
    def roots(self) -> BitMap:
        self._refuse()

    def with_property(self, name: str) -> BitMap:
        self._refuse()

    def having(self, name: str, value: str) -> BitMap:
        self._refuse()

    def values(self, name: str) -> Iterator[tuple[str, BitMap]]:
        self._refuse()

    def sources(self, name: str, targets: BitMap) -> BitMap:
        self._refuse()

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        self._refuse()

    def search(self, text: str, within: BitMap | None = None, most: int = 20, offset: int = 0) -> Ranked:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotSupported(f"The codes of {self.about.url} are a grammar's: nobody can list them.")


def _unit_named(code: str) -> Named:
    """A unit is shown as its code; what it means is a designation. https://hl7.org/fhir/R4/ucum.html"""
    words, printed = units.analysis(code), units.printed(code)
    texts = dict.fromkeys(text for text in (words, printed) if text != code)
    return code, [Designation(text, "en" if text == words else "") for text in texts]


def _unit_properties(code: str) -> Sequence[PropertyValue]:
    found = [PropertyValue("property", one, "string") for one in sorted(units.properties(code))]
    dimension = ucum.dimension(code)
    return found if dimension is None else [PropertyValue("canonical", dimension, "code"), *found]


def _unit_fault(code: str) -> str:
    found = ucum.fault(code)
    return "" if found is None else f"Error processing unit '{code[:100]}': {found[0]} at character {found[1] + 1}"


def _unit_unmet(code: str, wanted: Filter) -> str:
    if wanted.property != "canonical" or wanted.op != "=":
        return ""
    mine = ucum.dimension(code)
    return f"Code {code} has canonical form {mine or 'none'}, not {wanted.value} as required"


@cache
def _ucum() -> About:
    equal = ("=", "in")
    return About(
        ucum.SYSTEM,
        units.version(),
        "UCUM",
        "The Unified Code for Units of Measure",
        language="en",
        hierarchy_meaning="",
        compositional=True,
        value_set="http://unitsofmeasure.org/vs",
        publisher="Regenstrief Institute",
        properties=(
            PropertyDefinition("canonical", "code", description="The unit in base units."),
            PropertyDefinition("property", "string", description="The kind of quantity, as the official table has it."),
        ),
        filters=(
            FilterDefinition("canonical", equal, "a unit", "Units that can be compared with it."),
            FilterDefinition("property", equal, "a kind of quantity", "Units of it."),
        ),
    )


def tag_case(tag: str) -> str:
    """A language tag in the case that is recommended. https://www.rfc-editor.org/rfc/rfc5646#section-2.1.1"""
    parts = tag.lower().split("-")
    for at, part in enumerate(parts):
        if at and len(parts[at - 1]) == 1:
            break  # what follows a singleton stays in lower case
        if at and len(part) == 2:
            parts[at] = part.upper()
        elif at and len(part) == 4 and part.isalpha():
            parts[at] = part.title()
    return "-".join(parts)


def _language_named(tag: str) -> Named:
    """What HL7's value sets call a tag; else the name of its language, and what else it says."""
    names = _language_names()
    if tag in names:
        return names[tag]
    parts = grammar.language_parts(tag) or {}
    language = parts.pop("language", "")
    display = names.get(language, (language, ()))[0]
    said = ", ".join(f"{name.capitalize()}={tag_case(f'und-{part}')[4:]}" for name, part in parts.items())
    return (f"{display} ({said})" if display and said else display or tag), ()


@cache
def _language_names() -> Mapping[str, Named]:
    """Language tag → its name; from what HL7 says of languages, since there is no registry here."""
    found: dict[str, Named] = {}
    trees = [definitions.load().canonical(_VALUE_SET, _LANGUAGES[0])]
    entry = hl7.find(_VALUE_SET, _LANGUAGES[1])
    trees.append(hl7.read(entry) if entry else None)
    for tree in trees:
        for include in (tree or {}).get("compose", {}).get("include", ()):
            for one in include.get("concept", ()) if include.get("system") == BCP_47 else ():
                if one.get("display"):
                    found.setdefault(one["code"], (one["display"], [*_said(one)]))
    return found


def _said(concept: Mapping[str, Any]) -> Iterator[Designation]:
    for one in concept.get("designation", ()):
        use = one.get("use", {})
        if one["value"] != concept["display"]:
            yield Designation(
                one["value"],
                one.get("language", ""),
                (use.get("system", ""), use.get("code", ""), use.get("display", "")),
            )


def _language_properties(tag: str) -> Sequence[PropertyValue]:
    return [PropertyValue(name, part, "code") for name, part in (grammar.language_parts(tag) or {}).items()]


@cache
def _bcp_47() -> About:
    names = tuple(grammar.LANGUAGE_PARTS)
    return About(
        BCP_47,
        name="BCP47",
        title="Tags for identifying languages",
        language="en",
        hierarchy_meaning="",
        publisher="IETF",
        value_set="http://hl7.org/fhir/ValueSet/all-languages",
        properties=tuple(PropertyDefinition(name, "code") for name in names),
        filters=tuple(FilterDefinition(name, ("exists", "=", "in"), "true or false, or a subtag") for name in names),
    )


def _plain(code: str) -> Named:
    return code, ()


GRAMMARS: Final[Mapping[str, Grammar]] = {
    ucum.SYSTEM: Grammar(_ucum, _unit_named, properties=_unit_properties, fault=_unit_fault, unmet=_unit_unmet),
    BCP_47: Grammar(_bcp_47, _language_named, tag_case, _language_properties),
    BCP_13: Grammar(
        lambda: About(BCP_13, name="MimeTypes", title="Media types", hierarchy_meaning="", publisher="IETF"), _plain
    ),
    URI: Grammar(
        lambda: About(URI, name="Uri", title="Uniform resource identifiers", hierarchy_meaning="", publisher="IETF"),
        _plain,
    ),
}
