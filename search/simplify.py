"""Conditions made plain: nested ones flattened, equal ones once, and what can or cannot always be met worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, get_args

from .conditions import EVERYTHING, And, Atom, Condition, Dates, Keys, Not, Nothing, Or, Referred, Refers

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
            met = [(types, simplified(inner)) for types, inner in targets]
            found = _targets([(types, inner) for types, inner in met if not isinstance(inner, Nothing)])
            return Refers(pointing, found) if found and pointing else Nothing()
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


def _targets(targets: Sequence[tuple[tuple[int, ...], Condition]]) -> tuple[tuple[tuple[int, ...], Condition], ...]:
    """Targets that ask for the like are one: the rows of an index say themselves of which type they are."""
    found: list[tuple[tuple[int, ...], Condition]] = []
    for types, inner in targets:
        for n, (others, other) in enumerate(found):
            same = (types[0] < 0) == (others[0] < 0)
            if same and (both := _alike(other, inner)) is not None:
                found[n] = (*others, *(one for one in types if one not in others)), both
                break
        else:
            found.append((types, inner))
    return tuple(found)


def _alike(left: Condition, right: Condition) -> Condition | None:
    """What a resource of the types of left and of right meets if it meets the one of its own type; None if unlike."""
    if left == right:
        return left
    if type(left) is not type(right):
        return None
    if isinstance(left, _ATOMS):
        return None if isinstance(left, Dates) and left.primary is not None else _joined(left, right)
    if isinstance(left, Not) and isinstance(right, Not):
        both = _alike(left.condition, right.condition)
        return None if both is None else Not(both)
    if isinstance(left, (And, Or)) and isinstance(right, (And, Or)) and len(left.conditions) == len(right.conditions):
        parts = [_alike(*pair) for pair in zip(left.conditions, right.conditions, strict=True)]
        found = tuple(part for part in parts if part is not None)
        return replace(left, conditions=found) if len(found) == len(parts) else None
    return None


def size(condition: Condition) -> int:
    """Of how many parts a condition consists, as its statement does."""
    match condition:
        case And(conditions=parts) | Or(conditions=parts):
            return 1 + sum(map(size, parts))
        case Not(condition=inner) | Referred(condition=inner):
            return 1 + size(inner)
        case Refers(targets=targets):
            return 1 + sum(size(inner) for _, inner in targets)
    return 1
