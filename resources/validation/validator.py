"""Validation by the base rules of R4: structure, cardinality, types, formats, required bindings, the types of reference
targets, narratives and the invariants of the data types.

https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from typing import Any

from ..definitions import Definitions
from ..outcome import Invalid, Issue
from .bindings import Binding, ask_nobody
from .checks import Checks
from .fields import MOST_ISSUES, Enough
from .primitives import kind_of, quoted
from .structures import Structs


class Validator:
    """Judges resources; made once and used by all requests of a worker. Trees are as resources.exact decodes them.

    binding: answers for required value sets whose codes the definitions do not list; unknown becomes a warning.
    """

    def __init__(self, definitions: Definitions, binding: Binding = ask_nobody) -> None:
        self._is_resource_type = definitions.is_resource_type
        self._structs = Structs(definitions)
        self._checks = Checks(definitions, binding)

    def check(self, resource_type: str, tree: dict[str, Any]) -> tuple[Issue, ...]:
        """Accepts a resource and returns its warnings; raises Invalid (400) with every issue if any is an error."""
        if tree.get("resourceType") == resource_type and self._structs.accepts(tree):
            return ()
        issues = self.issues(resource_type, tree)
        if any(issue.severity == "error" for issue in issues):
            raise Invalid(issues=issues)
        return issues

    def issues(self, resource_type: str, tree: dict[str, Any]) -> tuple[Issue, ...]:
        """Every issue of a resource at once, in the order of the resource; of more than 500 the first and a note."""
        stated = tree.get("resourceType", resource_type)
        if stated != resource_type:
            shown = quoted(stated) if isinstance(stated, str) else kind_of(stated)
            text = f"{resource_type} is expected, but resourceType is {shown}."
            known = isinstance(stated, str) and self._is_resource_type(stated)
            return (Issue("error", "value", text, (stated if known else resource_type,)),)
        found: list[Issue] = []
        try:
            self._checks.resource(tree, resource_type, found)
        except Enough:
            found.append(Issue("error", "too-costly", f"There are more than these {MOST_ISSUES} issues."))
        return tuple(found)
