"""Every shape of statement the compiler can make, over given conditions: what the test of query plans goes through.

The shapes follow from the compiler's own tables: each condition alone and each two together, with the driver that is
chosen for them, oldest and newest first, first and later page, page and total, and what runs beside a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from . import compiler
from .compiler import DRIVERS, PROBED, SOUGHT, Plan
from .conditions import Condition, Ids, Keys, Missing
from .parameters.tables import Arguments, rows

LIMIT = 21


@dataclass(frozen=True, slots=True)
class Shape:
    """One statement, to be run inside the frame of a session."""

    name: str
    text: str
    arguments: tuple[Any, ...]  # from $2
    limit: int | None  # rows it may yield; None where it counts all matches
    values: int  # alternatives in all of its conditions
    sought: bool  # reads what it finds by value, up to CAP rows, before it puts it into order


def shapes(
    type_number: int,
    conditions: Sequence[Condition],
    choose: Callable[[Sequence[Condition]], tuple[int | None, bool]],
    after: tuple[int, int],
) -> Iterator[Shape]:
    """conditions: at least one of every kind, sparse and dense. after: a place amid the matches, for later pages.

    Raises ValueError if a kind of condition is missing, so that none can be forgotten."""
    missing = {*DRIVERS, *PROBED} - {type(one) for one in conditions}
    if missing:
        raise ValueError(f"no example of {sorted(kind.__name__ for kind in missing)}")
    for number in range(3):
        for some in combinations(conditions, number):
            if sum(isinstance(one, Ids) for one in some) < 2:
                plan = Plan(type_number, some, *choose(some), limit=LIMIT)
                yield from _of_plan(plan, after)
    for one in conditions:
        if isinstance(one, DRIVERS):
            arguments = Arguments()
            text = compiler.density(one, arguments)
            yield _shape(f"density {_name(one)}", text, arguments, compiler.CAP, (one,), sought=True)
    keys = [one.keys for one in conditions if isinstance(one, Keys)]
    arguments = Arguments()
    text = compiler.first_ids(list(enumerate(keys)), arguments, 2)
    yield _shape("first ids", text, arguments, 2 * len(keys), conditions, sought=False)


def _of_plan(plan: Plan, after: tuple[int, int]) -> Iterator[Shape]:
    by = "resource" if plan.driver is None else _name(plan.conditions[plan.driver])
    by += " and by width" if plan.wide else ""
    name = f"{' & '.join(map(_name, plan.conditions)) or 'all'} by {by}"
    sought = plan.driver is not None and isinstance(plan.conditions[plan.driver], (*SOUGHT, Ids))
    for ascending in (False, True):
        for place in (None, after):
            page = replace(plan, ascending=ascending, after=place)
            arguments = Arguments()
            text = compiler.page(page, arguments)
            order = f"{'oldest' if ascending else 'newest'} first, page {'1' if place is None else 'n'}"
            yield _shape(f"{name}, {order}", text, arguments, plan.limit, plan.conditions, sought)
    arguments = Arguments()
    yield _shape(f"{name}, ids", compiler.ids(plan, arguments), arguments, plan.limit, plan.conditions, sought)
    arguments = Arguments()
    yield _shape(f"{name}, total", compiler.count(plan, arguments), arguments, None, plan.conditions, sought)
    if len(plan.conditions) < 2:
        arguments = Arguments()
        text = compiler.page(replace(plan, total=True), arguments)
        yield _shape(f"{name}, page with total", text, arguments, None, plan.conditions, sought)


def _shape(
    name: str, text: str, arguments: Arguments, limit: int | None, conditions: Sequence[Condition], sought: bool
) -> Shape:
    return Shape(name, text, tuple(arguments.values), limit, sum(map(_size, conditions)), sought)


def _name(condition: Condition) -> str:
    return f"{type(condition).__name__}({_size(condition)})"


def _size(condition: Condition) -> int:
    return 1 if isinstance(condition, Missing) else len(rows(condition))
