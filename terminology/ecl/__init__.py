"""The Expression Constraint Language 2.2 of SNOMED CT: parsed by `parse`, written by `render`, asked by `select`.

https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""

from __future__ import annotations

from pyroaring import BitMap

from ..budget import Budget
from ..system import System
from .evaluator import evaluate
from .parser import parse
from .rendering import render
from .syntax import Expression

__all__ = ["Expression", "evaluate", "parse", "render", "select"]


def select(system: System, text: str, budget: Budget, *, unknown: str = "empty") -> BitMap:
    """The concepts that an expression selects; not to be changed.

    Raises BadRequest with the place of a fault, NotSupported for what has no answer in concepts, TooCostly; where
    `unknown` is "error" BadRequest for a concept that the system does not have, which else selects nothing."""
    return evaluate(system, parse(text), budget, unknown=unknown)
