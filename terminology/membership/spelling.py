"""How a code is written that is known without its case only: the codes in use are kept so. Pure.

https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.caseSensitive
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from resources.outcome import TooCostly

from ..system import System

LONGEST: Final = 500  # characters of a code without case that are kept
MIXED: Final = 200_000  # codes in capital and small letters that are remembered of one code system: some 25 MB

_mixed: Final[WeakKeyDictionary[Any, Mapping[str, tuple[str, ...]]]] = WeakKeyDictionary()


class Spellings:
    """The spellings of the codes of one code system, as far as anything decides about them."""

    def __init__(
        self, systems: Iterable[System], loose: Iterable[str], guesses: Callable[[str], Iterable[str]] | None = None
    ) -> None:
        """loose: codes that stand alone. guesses: of a code that none of them has."""
        self._systems = [one for one in systems if not one.infinite]
        self._loose = _by_folded(loose)
        self._guesses = guesses

    def of(self, folded: str) -> Iterable[str]:
        """All that a code without case may be; itself if it is nowhere. Raises TooCostly for a code system of too many
        codes whose case matters."""
        found = dict.fromkeys(self._loose.get(folded, ()))
        forms = dict.fromkeys((folded, folded.upper()))
        for system in self._systems:
            for one in forms:
                if (ordinal := system.find(one)) is not None:
                    found[system.code(ordinal)] = None
            if system.about.case_sensitive:
                found |= dict.fromkeys(mixed(system).get(folded, ()))
        if self._guesses is not None:
            found |= dict.fromkeys(self._guesses(folded))
        return found or forms


def mixed(system: System) -> Mapping[str, tuple[str, ...]]:
    """The codes that neither small nor capital letters alone spell, without their case: read once of each system."""
    known = _mixed.get(system)
    if known is None:
        codes = map(system.code, system.all)
        known = _mixed[system] = _by_folded(code for code in codes if _is_mixed(code))
    return known


def _is_mixed(code: str) -> bool:
    folded = code.casefold()
    return (folded != code and folded.upper() != code) or len(folded) > LONGEST


def _by_folded(codes: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code in codes:
        folded = code.casefold()[:LONGEST]
        found[folded] = (*found.get(folded, ()), code)
        if len(found) > MIXED:
            raise TooCostly(f"More than {MIXED} codes of one code system would have to be compared without their case.")
    return found
