"""What can go wrong while an expression is evaluated."""

from __future__ import annotations

from ..outcome import BadRequest


class Unevaluable(BadRequest):
    """An expression that can be read but not evaluated on this data: too many items, types that do not fit."""

    code = "processing"
