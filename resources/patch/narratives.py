"""A narrative that a patch has left behind must not say what is no longer so.

https://hl7.org/fhir/R4/http.html#patch: "the server SHALL NOT allow the narrative to become clinically unsafe"
"""

from __future__ import annotations

from typing import Any, Final

from .. import exact
from ..outcome import Unprocessable

_SAYS_NOTHING_OF: Final = ("text", "meta", "id")  # elements whose change a narrative need not follow


def with_safe_narrative(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The patched resource without its narrative, if that was generated from content that has changed since.

    A patch that changes `text` itself, or nothing that is shown (meta), leaves it to the sender. Raises Unprocessable
    (422) where the narrative says more than the content (status extensions, additional or empty): only its author can
    tell whether it is still right. PA-8"""
    text = after.get("text")
    if text is None or not _same(before.get("text"), text) or _same(_content(before), _content(after)):
        return after
    status = text.get("status") if isinstance(text, dict) else None
    if status == "generated":
        return {name: value for name, value in after.items() if name != "text"}
    path = f"{after.get('resourceType', '')}.text"
    raise Unprocessable(
        "The patch changes the content of a resource whose narrative was not generated from it alone "
        f"({path}.status is {str(status)[:40]!r}); change or remove text in the same patch.",
        expression=[path],
    )


def _content(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name not in _SAYS_NOTHING_OF}


def _same(one: Any, other: Any) -> bool:
    return exact.canonical(one) == exact.canonical(other)
