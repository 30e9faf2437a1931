"""What a sender may have meant: the nearest known name or code, and what is allowed where that is little.

https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.diagnostics
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from jellyfish import damerau_levenshtein_distance

from .primitives import quoted

LONGEST: Final = 80  # characters of a word that is compared with others
MOST_COMPARED: Final = 2000  # candidates, of which R4's largest list of codes has fewer
MOST_LISTED: Final = 20  # codes that are named in a message
MOST_CODINGS: Final = 10  # of one concept that are looked at

Codes = Mapping[str, Collection[str]]  # system → codes


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant by a word that is none of them; None if no one is near.

    One that differs by case alone is the nearest, then one by other punctuation (in_progress), then that with the
    fewest letters changed, left out, added or swapped: at most one in three. Of equals the first in the alphabet.
    """
    if not word or len(word) > LONGEST:
        return None
    known = sorted(candidates)[:MOST_COMPARED]
    for alike in (str.casefold, _letters):
        wanted = alike(word)
        if found := next((one for one in known if wanted and alike(one) == wanted), None):
            return found
    best, most = None, min(3, len(wanted) // 3)
    for one in known:
        letters = _letters(one[: 2 * LONGEST])
        if letters and abs(len(letters) - len(wanted)) <= most:
            distance = damerau_levenshtein_distance(wanted, letters)
            if distance <= most:
                best, most = one, distance - 1  # what follows has to be nearer
    return best


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()


def meant(word: str, candidates: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: "; did you mean name?", or nothing."""
    found = nearest(word, candidates)
    return f"; did you mean {found}?" if found is not None else ""


def of_code(code: str, allowed: Collection[str]) -> str:
    """The end of a sentence about a code that is not in its value set: the nearest, and all if they are few."""
    return _sentences(meant(code, allowed), [", ".join(sorted(allowed))] if len(allowed) <= MOST_LISTED else [])


def of_codings(codings: Iterable[Mapping[str, Any]], systems: Codes) -> str:
    """The same about codings of which none is in the value set: a right code may have a wrong system.

    codings: of valid elements; systems: the codes of the value set.
    """
    hint = next(filter(None, (_of_coding(coding, systems) for coding in islice(codings, MOST_CODINGS))), "")
    few = sum(map(len, systems.values())) <= MOST_LISTED
    listed = [f"{', '.join(sorted(systems[system]))} of {system}" for system in sorted(systems)] if few else []
    return _sentences(hint, listed)


def _of_coding(coding: Mapping[str, Any], systems: Codes) -> str:
    code, system = coding.get("code"), coding.get("system")
    if not isinstance(code, str):
        return ""
    under = next((one for one in sorted(systems) if code in systems[one]), None)
    if under is not None:
        given = f"not under {quoted(system)}" if isinstance(system, str) else "and none is given"
        return f"; the code {quoted(code)} is in it under the system {under}, {given}"
    nearby = systems.get(system, ()) if isinstance(system, str) else ()
    return meant(code, nearby) or meant(code, {one for codes in systems.values() for one in codes})


def _sentences(hint: str, listed: list[str]) -> str:
    if not listed or not listed[0]:
        return hint
    return f"{hint}{'' if hint.endswith('?') else '.'} Allowed: {'; '.join(listed)}"
