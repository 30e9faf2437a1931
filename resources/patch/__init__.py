"""Changing parts of a resource: JSON Patch, JSON Merge Patch and FHIRPath Patch, and the patch between two versions.

    kind      what a patch is, as read() gives it
    json      a list of operations of RFC 6902
    merge     an object of RFC 7396
    fhirpath  a Parameters resource. https://hl7.org/fhir/R4/fhirpatch.html

Trees are as resources.exact decodes them; nothing here changes what it is given.
https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from typing import Any

from ..definitions import Definitions
from . import fhirpath_patch, json_patch, merge_patch
from .difference import diff
from .limits import judge
from .narratives import with_safe_narrative
from .reading import read, read_entry

__all__ = ["apply", "diff", "read", "read_entry", "with_safe_narrative"]


def apply(kind: str, definitions: Definitions, tree: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The resource that a patch makes of a resource; it is not validated yet, and its narrative is as the patch left it.

    Raises BadRequest (400: an operation that cannot be done, a change of id, resourceType, versionId or lastUpdated),
    Unprocessable (422: a test failed), TooLarge (413), TooCostly (403)."""
    if kind == "json":
        after = json_patch.apply(tree, patch)
    elif kind == "merge":
        after = merge_patch.apply(tree, patch)
    else:
        after = fhirpath_patch.apply(definitions, tree, patch)
    return judge(tree, after)
