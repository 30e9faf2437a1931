"""How many index rows conditions have, as far as it was counted lately: what the choice of a plan rests on."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .candidates import CAP, SOUGHT, WALKED, Plan, reaching
from .conditions import Amounts, And, Condition, Dates, Ids, Keys, Numbers, Or, Referred, Refers

REMEMBERED: Final = 4_096
SECONDS: Final = 300.0


class Way(NamedTuple):
    """How candidates are found: these fields of a Plan."""

    driver: int | None
    inner: tuple[Plan, ...]
    wide: bool
    found: int  # of the driver, at most CAP: no bound is known


class Count(NamedTuple):
    """A condition whose index rows are to be counted, and what it is found through."""

    condition: Condition
    types: tuple[int, ...]
    inner: tuple[Plan, ...]


class Densities:
    """Counts up to CAP by tenant and condition; forgotten after a while, the least used first."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[int, int], tuple[int, float]] = OrderedDict()
        self._shared: Densities | None = None  # what one search sees is seen of these
        self._own: dict[Condition, int] = {}

    def asked(self) -> Densities:
        """These densities as one search sees them: what is put there stays, whatever others put here meanwhile."""
        seen = Densities()
        seen._shared = self
        return seen

    def get(self, tenant_id: int, condition: Condition) -> int | None:
        if self._shared is not None:
            return self._own[condition] if condition in self._own else self._shared.get(tenant_id, condition)
        key = _key(tenant_id, condition)
        known = self._counts.get(key)
        if known is None or known[1] < time.monotonic():
            return None
        self._counts.move_to_end(key)
        return known[0]

    def put(self, tenant_id: int, condition: Condition, count: int) -> None:
        if self._shared is not None:
            self._own[condition] = count
            self._shared.put(tenant_id, condition, count)
            return
        self._counts[_key(tenant_id, condition)] = count, time.monotonic() + SECONDS
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)

    def unknown(
        self, tenant_id: int, types: tuple[int, ...], conditions: Sequence[Condition], ordered: bool = False
    ) -> list[Count]:
        """What to count before the way can be chosen: nothing where there is only one.

        ordered: the result is sorted by something else than its date, so that it matters whether there are many.
        A chain is counted once what it is found through has been."""
        if any(isinstance(one, Ids) for one in conditions):
            return []
        drivers = [one for one in conditions if _can_drive(one, ordered)]
        plain = all(isinstance(one, WALKED) for one in drivers)
        if not ordered and plain and len(drivers) < 2 and not reaching(conditions):
            return []
        wanted = {one.condition: one for part in drivers for one in self._uncounted(tenant_id, types, part)}
        return list(wanted.values())

    def _uncounted(self, tenant_id: int, types: tuple[int, ...], condition: Condition) -> Iterator[Count]:
        """The parts of a condition that are not counted yet, the innermost first."""
        if isinstance(condition, (And, Or)):
            for part in condition.conditions:
                yield from self._uncounted(tenant_id, types, part)
        elif isinstance(condition, (Refers, Referred)):
            parts = _inner(condition)
            inside = [one for kinds, part in parts for one in self._uncounted(tenant_id, kinds, part)]
            if inside:
                yield from inside
            elif self.get(tenant_id, condition) is None and self._through(tenant_id, condition) is not None:
                yield Count(condition, types, self.inner(tenant_id, types, condition))
        elif _can_drive(condition, True) and not isinstance(condition, Ids) and self.get(tenant_id, condition) is None:
            yield Count(condition, types, ())

    def _through(self, tenant_id: int, condition: Refers | Referred) -> int | None:
        """How many resources a chain is found through; None if they are too many to be gathered."""
        counts = [self.estimate(tenant_id, part) for _, part in _inner(condition)]
        total = sum(count or 0 for count in counts)
        return None if None in counts or total >= CAP else total

    def estimate(self, tenant_id: int, condition: Condition) -> int | None:
        """About how many rows a condition is found by, CAP where that is not known; None if it cannot be sought."""
        match condition:
            case Ids(rows=rows):
                return min(len(rows), CAP)
            case And(conditions=parts):
                counts = [self.estimate(tenant_id, one) for one in parts]
                return min((count for count in counts if count is not None), default=None)
            case Or(conditions=parts):
                counts = [self.estimate(tenant_id, one) for one in parts]
                return None if None in counts else min(sum(count or 0 for count in counts), CAP)
            case Refers() | Referred():
                through = self._through(tenant_id, condition)
                count = self.get(tenant_id, condition)
                return None if through is None else CAP if count is None else max(count, through)
        count = self.get(tenant_id, condition)
        if isinstance(condition, Dates) and _is_primary(condition):
            return count
        return None if not _can_drive(condition) else CAP if count is None else count

    def choose(self, tenant_id: int, types: tuple[int, ...], conditions: Sequence[Condition]) -> Way:
        """The driver is the rarest condition; one that is not in the order of dates only below the cap.

        Few candidates are all looked at, so that wide dates need no lists of their own."""
        ranked = []
        for n, one in enumerate(conditions):
            count = self.estimate(tenant_id, one)
            if count is None:
                continue
            if isinstance(one, (*WALKED, Ids)) or count < CAP:
                first = -1 if isinstance(one, Ids) else count
                ranked.append((first, not isinstance(one, WALKED), one.rank if isinstance(one, Keys) else 1, n))
        count, _, _, driver = min(ranked, default=(CAP, False, 0, None))
        if driver is None or _is_primary(conditions[driver]):
            return Way(None, (), bool(reaching(conditions)), count)
        inner = self.inner(tenant_id, types, conditions[driver])
        return Way(driver, inner, count >= CAP and bool(reaching(conditions)), max(count, 0))

    def inner(self, tenant_id: int, types: tuple[int, ...], condition: Condition) -> tuple[Plan, ...]:
        """Plans for what a joined condition is found through."""
        parts: list[tuple[tuple[int, ...], tuple[Condition, ...]]]
        if isinstance(condition, (And, Or)):
            together = isinstance(condition, And)
            parts = [(types, condition.conditions)] if together else [(types, (one,)) for one in condition.conditions]
        elif isinstance(condition, (Refers, Referred)):
            parts = [(kinds, (part,)) for kinds, part in _inner(condition)]
        else:
            return ()
        plans = []
        for kinds, some in parts:
            flat = flattened(some)
            way = self.choose(tenant_id, kinds, flat)
            plans.append(Plan(kinds, flat, way.driver, way.inner, way.wide, limit=None))
        return tuple(plans)


def flattened(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """The conditions with the parts of every And among them in its place."""
    found: list[Condition] = []
    for one in conditions:
        found += flattened(one.conditions) if isinstance(one, And) else (one,)
    return tuple(found)


def _inner(condition: Refers | Referred) -> tuple[tuple[tuple[int, ...], Condition], ...]:
    if isinstance(condition, Refers):
        return condition.targets
    return (((condition.type_number,), condition.condition),)


def _key(tenant_id: int, condition: Condition) -> tuple[int, int]:
    """A condition can have a thousand values, which are not kept; two with one hash cost time, but find the same."""
    return tenant_id, hash((type(condition), condition))


def _is_primary(condition: Condition) -> bool:
    return isinstance(condition, Dates) and condition.primary is not None


def _can_drive(condition: Condition, primary: bool = False) -> bool:
    """The primary date is no driver, it bounds the walk of any other; but where the result has another order it matters
    how many it leaves. A composite is none whose code is not known."""
    if isinstance(condition, Dates):
        return primary if condition.primary is not None else all(row[1] > 0 for row in condition.rows)
    if isinstance(condition, (Numbers, Amounts)):
        return all(row[2] is not None for row in condition.rows)
    return isinstance(condition, (*WALKED, *SOUGHT, Refers, Referred, Or, And))
