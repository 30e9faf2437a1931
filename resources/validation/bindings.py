"""Required bindings: whether a coded value is one of those that R4 allows at its element.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..definitions import Definitions

Coding = Mapping[str, Any]  # {"system", "code", …}
Binding = Callable[[str, Coding], str]  # value set, coding → "yes", "no" or "unknown"

MIME_TYPES = "http://hl7.org/fhir/ValueSet/mimetypes"
# There are too many MIME types to list, so their form decides (RFC 6838, with wildcards as in an Accept header); the
# short names are the format codes of https://hl7.org/fhir/R4/http.html#mime-type
is_mime_type = re.compile(r"[\w!#$&^.+\-*]+/[\w!#$&^.+\-*]+(?:\s*;.*)?|xml|json|ttl", re.ASCII | re.DOTALL).fullmatch


def ask_nobody(value_set: str, coding: Coding) -> str:
    return "unknown"


def allowed_codes(definitions: Definitions, value_set: str) -> frozenset[str] | None:
    """The codes an element of type code may have; None if they cannot be listed."""
    systems = definitions.codes(value_set)
    return None if systems is None else frozenset().union(*systems.values())


def membership(definitions: Definitions, value_set: str, binding: Binding) -> Callable[[Iterable[Coding]], str]:
    """The question whether any of some codings is in the value set: "yes", "no" or "unknown"."""
    systems = definitions.codes(value_set)

    def judge(coding: Coding) -> str:
        if systems is None:
            return binding(value_set, coding)
        return "yes" if coding.get("code") in systems.get(coding.get("system", ""), ()) else "no"

    def ask(codings: Iterable[Mapping[str, Any]]) -> str:
        answers = {judge(coding) for coding in codings}
        return next((answer for answer in ("yes", "unknown") if answer in answers), "no")

    return ask
