"""Conditions made plain: nested ones flattened, equal ones once, and what can or cannot always be met worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, get_args

from .conditions import And, Atom, Condition, Dates, Keys, Not, Nothing, Or, Referred, Refers

EVERYTHING: Final = And(())
_ATOMS: Final = get_args(Atom)


def simplified(condition: Condition) -> Condition:
    """A condition with the same matches and no more parts than it needs."""
    match condition:
        case And(conditions=parts):
            return _all(parts)
        case Or(conditions=parts):
            return _any(parts)
        case Not(condition=part):
            inner = simplified(part)
            if isinstance(inner, Not):
                return inner.condition
            return EVERYTHING if isinstance(inner, Nothing) else Nothing() if inner == EVERYTHING else Not(inner)
        case Refers(pointing=pointing, targets=targets):
            met = [(kind, simplified(inner)) for kind, inner in targets]
            met = [(kind, inner) for kind, inner in met if not isinstance(inner, Nothing)]
            return Refers(pointing, tuple(dict.fromkeys(met))) if met and pointing else Nothing()
        case Referred(condition=inner):
            inner = simplified(inner)
            return Nothing() if isinstance(inner, Nothing) else replace(condition, condition=inner)
    if isinstance(condition, _ATOMS) and not condition.rows:
        return Nothing()
    return condition


def _all(parts: Sequence[Condition]) -> Condition:
    found: dict[Condition, None] = {}
    for one in map(simplified, parts):
        if isinstance(one, Nothing):
            return one
        found.update(dict.fromkeys(one.conditions if isinstance(one, And) else (one,)))
    return And(tuple(found)) if len(found) != 1 else next(iter(found))


def _any(parts: Sequence[Condition]) -> Condition:
    found: dict[object, Condition] = {}
    for part in map(simplified, parts):
        for one in part.conditions if isinstance(part, Or) else (part,):
            if one == EVERYTHING:
                return one
            if isinstance(one, Nothing):
                continue
            # Atoms of one kind are one atom; the primary date of each type has its own.
            kind = (type(one), one.primary if isinstance(one, Dates) else None) if isinstance(one, _ATOMS) else one
            found[kind] = _joined(found[kind], one) if kind in found and kind is not one else one
    if not found:
        return Nothing()
    return Or(tuple(found.values())) if len(found) > 1 else next(iter(found.values()))


def _joined(left: Condition, right: Condition) -> Condition:
    rows = tuple(dict.fromkeys((*left.rows, *right.rows)))  # type: ignore[union-attr]
    if isinstance(left, Keys) and isinstance(right, Keys):
        return Keys(rows, max(left.rank, right.rank))
    return replace(left, rows=rows)  # type: ignore[arg-type]
