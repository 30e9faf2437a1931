"""The thorough form of validation: a closure for every type and element, which names everything that is wrong.

Built from the definitions when a type is first met. A check takes the decoded JSON value, the path it stands at and the
scope of its resource, and adds issues to the scope; it never raises. https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .definitions import Definitions, Element, Structure, TypeRef
from .invariants import Invariant, invariants
from .narrative import fault as narrative_fault
from .outcome import Issue
from .primitives import kind_of, primitive, quoted
from .references import stated_type, target_type

# value set → coding ({"system", "code"} or {"code"}) → "yes", "no" or "unknown"
Binding = Callable[[str, Mapping[str, Any]], str]

MIME_TYPES = "http://hl7.org/fhir/ValueSet/mimetypes"
# BCP 13 has too many types to list, so the form decides; the short names are those that _format knows too.
is_mime_type = re.compile(r"[\w!#$&^.+\-]+/[\w!#$&^.+\-*]+(\s*;.*)?|xml|json|ttl|turtle", re.ASCII | re.DOTALL).fullmatch

_plain_name = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch
