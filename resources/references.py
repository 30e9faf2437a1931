"""What the text of a reference says about the type of its target; nothing is fetched.

https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .elements import CANONICAL

_LITERAL = re.compile(
    r"(?P<place>[A-Za-z][A-Za-z0-9+.\-]*://\S*/)?(?P<type>[A-Z][A-Za-z]{0,63})"
    r"(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?|\?.+)",
    re.ASCII | re.DOTALL,
)


def target_type(reference: str, is_resource_type: Callable[[str], bool]) -> str | None:
    """The type that a relative ("Patient/1"), absolute or conditional ("Patient?identifier=…") reference names.

    None where the text does not tell: "#…", "urn:uuid:…", "http://example.org/about". A relative reference is always of
    the form Type/id, so its type is returned even if R4 has no such type; an absolute one may be any address.
    """
    found = _LITERAL.fullmatch(reference)
    if found is None or (found["place"] and not is_resource_type(found["type"])):
        return None
    return found["type"]


def stated_type(uri: str, is_resource_type: Callable[[str], bool]) -> str | None:
    """The resource type that Reference.type states; None for the types of logical models.

    https://hl7.org/fhir/R4/references-definitions.html#Reference.type
    """
    name = uri.removeprefix(CANONICAL)
    return name if is_resource_type(name) else None
