"""Expressions evaluated: the concepts of one version of a code system that they select.

All concepts are there, inactive ones, too; active relationships, descriptions and members are. `unknown` says what a
concept is that the system does not have. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyroaring import BitMap

from ..budget import Budget
from ..system import System
from .asking import Asking
from .membership import members, with_history
from .refining import dotted, refined
from .selecting import filtered
from .syntax import (
    AlternateIdentifier,
    Compound,
    Concept,
    Dotted,
    Expression,
    Refined,
    SubExpression,
    Wildcard,
)

_IDENTIFIER: Final = "alternateIdentifier:"  # and the scheme: a property of concepts
_SCHEMES: Final = {"loinc": "30051010000102"}

_HIERARCHY: Final[dict[str, Callable[[Asking, BitMap], BitMap]]] = {
    "<": Asking.descendants,
    "<<": lambda asking, some: some | asking.descendants(some),
    "<!": Asking.children,
    "<<!": lambda asking, some: some | asking.children(some),
    ">": Asking.ancestors,
    ">>": lambda asking, some: some | asking.ancestors(some),
    ">!": Asking.parents,
    ">>!": lambda asking, some: some | asking.parents(some),
    "!!>": lambda asking, some: some - asking.descendants(some),
    "!!<": lambda asking, some: some - asking.ancestors(some),
}


def evaluate(system: System, expression: Expression, budget: Budget, *, unknown: str = "empty") -> BitMap:
    """The concepts that an expression selects; not to be changed.

    unknown: what a concept does that the system does not have: select nothing ("empty") or raise BadRequest ("error").
    Raises BadRequest for a field that a reference set does not have, NotSupported for several fields, TooCostly."""

    def selected(one: Expression) -> BitMap:
        match one:
            case SubExpression():
                return _sub(asking, one)
            case Compound(operator, operands):
                return _compound(asking, operator, operands)
            case Dotted(of, attributes):
                found = _sub(asking, of)
                for name in attributes:
                    found = dotted(asking, found, name)
                return found
            case Refined(of, refinement):
                return refined(asking, _sub(asking, of), refinement)

    asking = Asking(system, budget, unknown, selected)
    return selected(expression)


def _compound(asking: Asking, operator: str, operands: tuple[SubExpression, ...]) -> BitMap:
    found = asking.weigh(_sub(asking, operands[0]))
    if operator == "OR":
        found = BitMap(found)
        for one in operands[1:]:
            found |= asking.weigh(_sub(asking, one))
        asking.weigh(found)
        return found
    for one in operands[1:]:
        if not found and asking.unknown != "error":
            break
        other = asking.weigh(_sub(asking, one))
        found = found & other if operator == "AND" else found - other
    return found


def _sub(asking: Asking, one: SubExpression) -> BitMap:
    asking.budget.spend()
    outer = [some for some in one.filters if some.kind != "M"]
    if one.member_of is not None:
        found = members(asking, one.member_of, one.focus, [some for some in one.filters if some.kind == "M"])
    else:
        found = _focus(asking, one.focus)
    if one.operator:
        found = asking.weigh(_HIERARCHY[one.operator](asking, asking.weigh(found)))
    for some in outer:
        found = filtered(asking, found, some)
    return with_history(asking, found, one.history) if one.history else found


def _focus(asking: Asking, focus: Concept | Wildcard | AlternateIdentifier | Expression) -> BitMap:
    match focus:
        case Concept():
            return asking.concept(focus)
        case Wildcard():
            return asking.system.all
        case AlternateIdentifier(scheme, code):
            number = _SCHEMES.get(scheme.lower(), scheme)
            found = asking.system.having(_IDENTIFIER + number, code)
            if not found:
                asking.missing(f"the identifier {scheme}#{code[:100]}")
            return found
        case _:
            return asking.expression(focus)
