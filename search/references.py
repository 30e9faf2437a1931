"""What a literal reference says by its own text: which resource, of which type, here or elsewhere.

Nothing is fetched: `resolve() is Patient` is true of `Patient/1`, wherever it lives.
https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from resources.hashing import remembered

_LITERAL: Final = re.compile(
    r"(?:(?P<server>https?://.*[^/])/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?",
    re.DOTALL,
)


class Reference(NamedTuple):
    """A reference taken apart."""

    text: str  # as written, our own base URL taken off
    resource_type: str  # "" where the text does not tell: urn:uuid:…, #contained, any other URL
    logical_id: str
    version_id: str  # "" for the current version
    local: bool  # it points to a resource of this tenant, by type and id


@remembered(8192)
def parse(text: str, base_url: str) -> Reference:
    """The parts of Reference.reference; an absolute URL below base_url (without / at its end) is a relative one."""
    if base_url and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    literal = _LITERAL.fullmatch(text)
    if literal is None:
        return Reference(text, "", "", "", False)
    server, resource_type, logical_id, version_id = literal.groups()
    return Reference(text, resource_type, logical_id, version_id or "", server is None)


def type_of(reference: dict[str, Any], resource: dict[str, Any], base_url: str) -> str:
    """The type of the resource that a Reference inside the resource points to, "" if it does not say."""
    text = reference.get("reference")
    if isinstance(text, str):
        if text.startswith("#"):
            inside = [resource] if text == "#" else resource.get("contained") or ()
            return next((str(one["resourceType"]) for one in inside if text in ("#", f"#{one.get('id')}")), "")
        if found := parse(text, base_url).resource_type:
            return found
    return str(reference.get("type", ""))
