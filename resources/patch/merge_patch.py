"""JSON Merge Patch (RFC 7396) on an exact tree: members are put in place, null removes, arrays are replaced whole.

https://www.rfc-editor.org/rfc/rfc7396
"""

from __future__ import annotations

from typing import Any

from ..outcome import BadRequest
from ..validation.primitives import kind_of
from .limits import copied


def apply(tree: dict[str, Any], patch: Any) -> dict[str, Any]:
    """The tree with the patch merged into it; the tree stays as it is. Raises BadRequest (400): the patch is no object."""
    if type(patch) is not dict:
        raise BadRequest(f"A merge patch of a resource is a JSON object, not {kind_of(patch)}.", code="structure")
    merged: dict[str, Any] = copied(tree)
    _merge(merged, patch)
    return merged


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif type(value) is dict:
            if type(target.get(name)) is not dict:
                target[name] = {}
            _merge(target[name], value)
        else:
            target[name] = copied(value)
