"""Every shape of statement the compiler can make, over given conditions: what the test of query plans goes through.

The shapes follow from the compiler's own tables: each condition alone, forward and backward, first and later page, page
and total; each two together; each kind of sort key with each condition; and what runs beside a search. Each with the way
that is chosen for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, get_args

from search import compiler, orders
from search.candidates import CAP, SOUGHT, WALKED, Place, Plan
from search.conditions import And, Atom, Condition, Ids, Keys, Not, Or, Referred, Refers
from search.densities import Way, flattened
from search.orders import NEWEST, WALKS, Key, Order
from search.parameters.tables import Arguments

LIMIT = 21
JOINED = (Refers, Referred, Or, And)  # conditions that are found through others
KINDS = (*get_args(Atom), *JOINED, Not)


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
    types: tuple[int, ...],
    conditions: Sequence[Condition],
    choose: Callable[[Sequence[Condition]], Way],
    after: tuple[int, int],
    keys: Sequence[tuple[Key, tuple[Any, ...]]],
    beside: Sequence[Condition],
) -> Iterator[Shape]:
    """conditions: at least one of every kind, sparse and dense. after: a place (s, rid) amid the matches. keys: one of
    every kind of sort key with a value amid the others. beside: conditions that have nothing to do with these values.

    Raises ValueError if a kind is missing, so that none can be forgotten."""
    missing = set(KINDS) - {type(one) for some in conditions for one in flattened((some,))} - {And, Referred}
    if missing:
        raise ValueError(f"no example of {sorted(kind.__name__ for kind in missing)}")
    if lacking := set(WALKS) - {key.kind for key, _ in keys}:
        raise ValueError(f"no example of a sort key of {sorted(lacking)}")
    for some in ((), *((one,) for one in conditions)):
        yield from of_plan(plan(types, some, choose(some)), after)
    for some in combinations(conditions, 2):
        if sum(isinstance(one, Ids) for one in some) < 2:
            yield from _page_and_total(plan(types, some, choose(some)))
    for one in conditions:
        if isinstance(one, (*WALKED, *SOUGHT)):
            arguments = Arguments()
            text = compiler.density(one, types, (), arguments)
            yield _shape(f"density {_name(one)}", text, arguments, CAP, (one,), sought=True)
    for key, value in keys:
        for some in ((), *((one,) for one in beside)):
            yield from _sorted(types, some, choose(some), key, (*value, *after))
    lists = [one.rows for one in conditions if isinstance(one, Keys)]
    arguments = Arguments()
    text = compiler.first_ids(list(enumerate(lists)), arguments, 2)
    yield _shape("first ids", text, arguments, 2 * len(lists), conditions, sought=False)


def plan(types: tuple[int, ...], conditions: Sequence[Condition], way: Way) -> Plan:
    return Plan(types, tuple(conditions), way.driver, way.inner, way.wide, limit=LIMIT)


def _page_and_total(plan: Plan) -> Iterator[Shape]:
    name, sought = _described(plan)
    for which, make, limit in (("page", compiler.page, plan.limit), ("total", compiler.count, None)):
        arguments = Arguments()
        yield _shape(f"{name}, {which}", make(plan, arguments), arguments, limit, plan.conditions, sought)


def of_plan(plan: Plan, after: Place) -> Iterator[Shape]:
    name, sought = _described(plan)
    for order in (NEWEST, Order(ascending=True)):
        for place, backward in ((None, False), (after, False), (after, True)):
            page = replace(plan, order=order, after=place, backward=backward)
            arguments = Arguments()
            text = compiler.page(page, arguments)
            which = f"{'oldest' if order.ascending else 'newest'} first, page {'1' if place is None else 'n'}"
            which += " backward" if backward else ""
            yield _shape(f"{name}, {which}", text, arguments, plan.limit, plan.conditions, sought)
    arguments = Arguments()
    yield _shape(f"{name}, ids", compiler.ids(plan, arguments), arguments, plan.limit, plan.conditions, sought)
    arguments = Arguments()
    yield _shape(f"{name}, total", compiler.count(plan, arguments), arguments, None, plan.conditions, sought)
    arguments = Arguments()
    text = compiler.page(replace(plan, total=True), arguments)
    yield _shape(f"{name}, page with total", text, arguments, None, plan.conditions, sought)


def _sorted(
    types: tuple[int, ...], conditions: Sequence[Condition], way: Way, key: Key, after: Place
) -> Iterator[Shape]:
    whole = replace(plan(types, conditions, way), sorted=way.found >= CAP)
    name, sought = _described(whole)
    for descending in (False,) if conditions else (False, True):
        order = orders.by((replace(key, descending=descending),))
        for place, backward in ((after, False),) if conditions else ((None, False), (after, False), (after, True)):
            page = replace(whole, order=order, after=place, backward=backward)
            arguments = Arguments()
            text = compiler.page(page, arguments)
            which = f"page {'1' if place is None else 'n'}{' backward' if backward else ''}"
            direction = " descending" if descending else ""
            yield _shape(
                f"{name}, sorted by {key.kind}{direction}, {which}",
                text,
                arguments,
                whole.limit,
                conditions,
                sought or not whole.sorted,
                more=2,  # whether another value of the resource comes first, and the values of the order
            )


def _described(plan: Plan) -> tuple[str, bool]:
    driver = None if plan.driver is None else plan.conditions[plan.driver]
    by = "order" if plan.sorted else "resource" if driver is None else _name(driver)
    by += " and by width" if plan.wide else ""
    name = f"{' & '.join(map(_name, plan.conditions)) or 'all'} by {by}"
    return name, driver is not None and not isinstance(driver, WALKED) and not plan.sorted


def _shape(
    name: str,
    text: str,
    arguments: Arguments,
    limit: int | None,
    conditions: Sequence[Condition],
    sought: bool,
    more: int = 0,
) -> Shape:
    return Shape(name, text, tuple(arguments.values), limit, sum(map(_size, conditions)) + more, sought)


def _name(condition: Condition) -> str:
    return f"{type(condition).__name__}({_size(condition)})"


def _size(condition: Condition) -> int:
    """How many index lists a condition looks into for one candidate."""
    match condition:
        case Not(condition=inner):
            return _size(inner)
        case And(conditions=parts) | Or(conditions=parts):
            return sum(map(_size, parts))
        case Refers(pointing=pointing, targets=targets):
            return len(pointing) * sum(2 + _size(inner) for _, inner in targets)
        case Referred(pointing=pointing, condition=inner):
            return len(pointing) * (2 + _size(inner))
    return max(1, len(getattr(condition, "rows", ())))
