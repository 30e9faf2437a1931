"""Which displays a concept has in the languages that were asked for, and whether a display that came with a code is one.

https://build.fhir.org/ig/HL7/fhir-tx-ecosystem-ig/requirements.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from resources.outcome import Issue

from .. import findings
from ..languages import Languages
from ..system import Designation, System

STANDARDS_STATUS: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
MOST: Final = 1_000  # designations of one concept that are looked at

# Uses of designations that are displays; one with another use is accepted, but not recommended.
_DISPLAYS: Final = frozenset({"", "display", "preferredForLanguage", "consumer", "900000000000013009"})
_RETIRED: Final = frozenset({"deprecated", "withdrawn"})
_NEVER: Final = frozenset({"definition", "900000000000550004"})


def preferred(system: System, ordinal: int, languages: Languages) -> str:
    """The display in the best language there is; that of the code system where there is none in any that was asked for."""
    display = system.display(ordinal)
    if languages.only(system.about.language):
        return display
    chosen = languages.choose(display, system.about.language, system.designations(ordinal))
    return chosen.value if chosen else display


def of_include(concept: Mapping[str, Any], language: str) -> list[Designation]:
    """The displays that a value set itself has for a code. language: that of the value set.

    https://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.concept.display"""
    found = [Designation(concept["display"], language)] if concept.get("display") else []
    for one in concept.get("designation", ()):
        use = one.get("use") or {}
        stated = (use.get("system", ""), use.get("code", ""), use.get("display", ""))
        extension = tuple(one.get("extension", ()))
        found.append(Designation(one.get("value", ""), one.get("language", ""), stated, extension=extension))
    return found


def status_of(extensions: Iterable[Mapping[str, Any]]) -> str:
    """The standards status that extensions state, or ""."""
    return next((str(one.get("valueCode", "")) for one in extensions if one.get("url") == STANDARDS_STATUS), "")


def check(
    system: System,
    ordinal: int,
    given: str,
    languages: Languages,
    place: str,
    *,
    more: Sequence[Designation] = (),
    severity: str = "error",
) -> Issue | None:
    """What is wrong with a display, or worth a remark; None if nothing is.

    more: what a value set adds. severity: of a wrong one. Case does not count."""
    about = system.about
    display, code = system.display(ordinal), system.code(ordinal)
    wanted = given.casefold()
    if display.casefold() == wanted and (not languages or _fits(languages, about.language)):
        return None
    everything = [Designation(display, about.language)] if display else []
    everything += [one for one in system.designations(ordinal)[:MOST] if one.use[1] not in _NEVER and one.value]
    everything += [one for one in more if one.value]
    coding = f"{about.url}#{code}"
    if not everything:
        return findings.no_display(coding, given, place)
    there = [one for one in everything if _fits(languages, one.language)]
    matching = [one for one in there if one.value.casefold() == wanted]
    if any(not _retired(one) for one in matching):
        return None
    shown = [one for one in there if one.use[1] in _DISPLAYS and not _retired(one)]
    if matching:
        right = sorted({one.value for one in shown})
        status = "deprecated" if status_of(matching[0].extension) else "inactive"
        return findings.inactive_display(given, code, status, right, place)
    stated = languages.text or "--"
    if not shown:
        if any(one.value.casefold() == wanted and not _retired(one) for one in everything):
            return findings.right_in_default_language(coding, given, stated, place)
        return findings.wrong_in_any_language(coding, given, display, stated, severity, place)
    right = list(
        dict.fromkeys(f"'{one.value}' ({one.language})" if one.language else f"'{one.value}'" for one in shown)
    )
    spaced = _spaced(wanted)
    spaces = any(_spaced(one.value.casefold()) == spaced for one in there)
    return findings.wrong_display(coding, given, right, stated, severity, place, spaces=spaces)


def _fits(languages: Languages, language: str) -> bool:
    """A display of which nobody says the language is one in any."""
    return not language or languages.fits(language) > 0


def _retired(one: Designation) -> bool:
    return one.inactive or (bool(one.extension) and status_of(one.extension) in _RETIRED)


def _spaced(text: str) -> str:
    return " ".join(text.split())
