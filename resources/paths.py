"""Steps of the simple FHIRPaths that issues carry: "Patient.contact[0].`odd name`", "Patient.text.`div`".

https://hl7.org/fhir/R4/fhirpath.html#simple, https://hl7.org/fhirpath/N1/#identifiers
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 80  # characters that are shown of a name a sender made up

_is_plain = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch
_KEYWORDS: Final = frozenset(("and", "div", "false", "implies", "mod", "or", "true", "xor"))
_DELIMITER: Final = re.compile(r"[`\\]")


def step(name: str) -> str:
    """The name of an element as it stands in a path: `delimited` if it is no plain one, or a word of FHIRPath itself."""
    shown = name[:LONGEST]
    if shown == name and _is_plain(name) and name not in _KEYWORDS:
        return name
    return f"`{_DELIMITER.sub(_escaped, shown)}`"


def _escaped(delimiter: re.Match[str]) -> str:
    return "\\" + delimiter[0]
