"""How many index rows conditions have, as far as it was counted lately: what the choice of a driver rests on."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from .compiler import CAP, SOUGHT, WALKED, reaching
from .conditions import Condition, Dates, Ids, Keys

REMEMBERED: Final = 4_096
SECONDS: Final = 300.0


class Densities:
    """Counts up to CAP by tenant and condition; forgotten after a while, the least used first."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[int, int], tuple[int, float]] = OrderedDict()

    def get(self, tenant_id: int, condition: Condition) -> int | None:
        key = _key(tenant_id, condition)
        known = self._counts.get(key)
        if known is None or known[1] < time.monotonic():
            return None
        self._counts.move_to_end(key)
        return known[0]

    def put(self, tenant_id: int, condition: Condition, count: int) -> None:
        self._counts[_key(tenant_id, condition)] = count, time.monotonic() + SECONDS
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)

    def unknown(self, tenant_id: int, conditions: Sequence[Condition]) -> list[Condition]:
        """The conditions to count before the way can be chosen: none where there is only one."""
        if any(isinstance(one, Ids) for one in conditions):
            return []
        drivers = [one for one in conditions if _can_drive(one)]
        if len(drivers) < 2 and not reaching(conditions) and not any(isinstance(one, SOUGHT) for one in drivers):
            return []
        return [one for one in dict.fromkeys(drivers) if self.get(tenant_id, one) is None]

    def choose(self, tenant_id: int, conditions: Sequence[Condition]) -> tuple[int | None, bool]:
        """`driver` and `wide` of the plan.

        The driver is the rarest condition; one that is not in the order of dates only below the cap. Few candidates are
        all looked at, so that wide dates need no lists of their own."""
        ranked = []
        for n, one in enumerate(conditions):
            if isinstance(one, Ids):
                return n, False
            if _can_drive(one):
                count = self.get(tenant_id, one)
                if isinstance(one, WALKED) or (count is not None and count < CAP):
                    rank = one.rank if isinstance(one, Keys) else 1
                    ranked.append((CAP if count is None else count, isinstance(one, SOUGHT), rank, n))
        count, _, _, driver = min(ranked, default=(CAP, False, 0, None))
        return driver, count >= CAP and bool(reaching(conditions))


def _key(tenant_id: int, condition: Condition) -> tuple[int, int]:
    """A condition can have a thousand values, which are not kept; two with one hash cost time, but find the same."""
    return tenant_id, hash((type(condition), condition))


def _can_drive(condition: Condition) -> bool:
    """The primary date is no driver: it bounds the walk of any other."""
    if isinstance(condition, Dates):
        return condition.primary is None
    return isinstance(condition, (*WALKED, *SOUGHT))
