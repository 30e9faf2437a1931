"""Expressions: compiled once, evaluated as often as one likes. https://hl7.org/fhirpath/N1/"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypedDict, Unpack

from ..definitions import Definitions
from ..outcome import BadRequest
from .compiler import Compiler
from .evaluation import NOTHING, STEPS, Collection, Evaluation, Outside, system_type
from .faults import Unevaluable
from .nodes import Node, Shape, model, root
from .parser import parse

Tree = Mapping[str, Any]
# Of trees that no validation has seen: a string where an object should be.
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Given(TypedDict, total=False):
    """What an evaluation may be given besides the tree."""

    variables: Mapping[str, Any] | None  # System values, Nodes or lists of them by name, without %
    root: Tree | Node | None  # what %rootResource is, where the tree does not say so itself
    outside: Outside
    spend: Callable[[int], None]  # told the steps that it took, so that many evaluations can have one budget


class Expression:
    """A compiled expression. It never changes and may be used by many at a time.

    `tree` is a resource as resources.exact decodes it, or a Node of one: then $this and %context are that element.
    Raises Unevaluable (400) if the data does not fit, TooCostly (403) if it takes too many steps.
    """

    __slots__ = ("_code", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._code = Compiler().code(parse(text))
        except RecursionError:
            raise BadRequest("The FHIRPath expression is nested too deeply.", code="value") from None

    def items(self, definitions: Definitions, tree: Tree | Node, **given: Unpack[Given]) -> Collection:
        """What the expression gives: Nodes for elements of the tree, plain Python values for what it made itself."""
        node, env = _prepared(definitions, tree, given)
        try:
            return self._code.items(env, [node])
        except _FAULTS as fault:
            raise self._unevaluable(fault) from fault
        finally:
            _account(env, given)

    def nodes(self, definitions: Definitions, tree: Tree | Node, **given: Unpack[Given]) -> list[Node]:
        """The same as nodes only; of a System value a node without a place ("System.Integer")."""
        found = self.items(definitions, tree, **given)
        return [item if type(item) is Node else Node(item, None, _system_shape(system_type(item))) for item in found]

    def values(self, definitions: Definitions, tree: Tree | Node, **given: Unpack[Given]) -> list[Any]:
        """The same as plain values: JSON values of elements, System values; elements without a value are left out."""
        found = self.items(definitions, tree, **given)
        values = (item.value if type(item) is Node else item for item in found)
        return [value for value in values if value is not None]

    def truth(self, definitions: Definitions, tree: Tree | Node, **given: Unpack[Given]) -> bool | None:
        """Whether the expression is true or false of the tree; None if it gives nothing.

        Some invariants of R4 give nothing of data that is right (ref-1 of a Reference that has only an identifier), so
        that a validator may want to refuse only what is false.
        """
        node, env = _prepared(definitions, tree, given)
        try:
            return self._code.truth(env, [node])
        except _FAULTS as fault:
            raise self._unevaluable(fault) from fault
        finally:
            _account(env, given)

    def holds(self, definitions: Definitions, tree: Tree | Node, **given: Unpack[Given]) -> bool:
        """Whether the expression is true of the tree; an empty result is not true.

        https://hl7.org/fhir/R4/conformance-rules.html#constraints: "must evaluate to true".
        """
        return self.truth(definitions, tree, **given) is True

    def _unevaluable(self, fault: Exception) -> Unevaluable:
        return Unevaluable(f"The FHIRPath {self.text[:200]!r} cannot be evaluated: {type(fault).__name__}.")

    def __repr__(self) -> str:
        return f"<expression {self.text}>"


def compile(text: str) -> Expression:
    """The expression of a text; raises BadRequest (code "value") with the position where it is no FHIRPath."""
    return _short(text) if len(text) <= _SHORT else _long(text)


_SHORT = 400  # characters; the compiled form of a long text is large, and few are kept
_short = lru_cache(maxsize=1024)(Expression)
_long = lru_cache(maxsize=32)(Expression)


def _prepared(definitions: Definitions, tree: Tree | Node, given: Given) -> tuple[Node, Evaluation]:
    node = tree if isinstance(tree, Node) else root(definitions, tree)
    outer = given.get("root")
    if outer is not None and not isinstance(outer, Node):
        outer = root(definitions, outer)
    known = node.shape._model or model(definitions)
    return node, Evaluation(known, node, given.get("variables"), outer, given.get("outside", NOTHING))


def _account(env: Evaluation, given: Given) -> None:
    if env.steps != STEPS and (spend := given.get("spend")) is not None:
        spend(STEPS - env.steps)


@lru_cache(maxsize=16)
def _system_shape(name: str) -> Shape:
    return Shape(None, f"System.{name}", f"System.{name}", None)
