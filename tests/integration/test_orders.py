"""Orders as PostgreSQL sees them: sorting, and the places that pages begin at, against Python."""

from __future__ import annotations

import random
from functools import cmp_to_key
from typing import Any

import pytest

from resources.store import NO_DATE
from search import orders
from search.orders import Key, Order
from search.parameters.tables import Arguments

from ..conftest import FreshTenant

Row = tuple[Any, ...]  # k1 … s, rid

ORDERS = [
    Order(),
    Order(ascending=True),
    *(orders.by((Key("string", ((1, 2, 0),), one),)) for one in (False, True)),
    *(
        orders.by((Key("string", ((1, 2, 0),), one), Key("primary", ((1, 3, 0),), other)))
        for one in (False, True)
        for other in (False, True)
    ),
    orders.by((Key("token", ((1, 2, 0),), False), Key("reference", ((1, 4, 5),), True))),
]


def compare(order: Order, left: Row, right: Row) -> int:
    """Negative where left comes first, as SO-1 … SO-4 say."""
    directions = [key.descending for key in order.keys for _ in key.columns]
    for n, descending in enumerate(directions):
        a, b = left[n], right[n]
        if a != b:
            if a is None or b is None:
                return 1 if a is None else -1
            return (1 if a > b else -1) * (-1 if descending else 1)
    (a, i), (b, j) = left[-2:], right[-2:]
    if not order.keys and order.ascending and (a == NO_DATE) != (b == NO_DATE):
        return 1 if a == NO_DATE else -1
    return (1 if (a, i) > (b, j) else -1 if (a, i) < (b, j) else 0) * (1 if order.ascending else -1)


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_the_order_is_total_and_every_place_divides_it(tenant: FreshTenant, order: Order) -> None:
    chance = random.Random(str(order))
    choices = {"text": ["a", "b", "B"], "int8": [1, 2]}
    kinds = [kind for key in order.keys for _, kind in key.columns]
    rows: list[Row] = []
    for rid in range(1, 41):
        values: list[Any] = []
        for key in order.keys:  # all columns of a value are there, or none
            missing = chance.random() < 0.25
            values += [None if missing else chance.choice(choices[kind]) for _, kind in key.columns]
        rows.append((*values, chance.choice([NO_DATE, 5, 6]), rid))
    expected = sorted(rows, key=cmp_to_key(lambda a, b: compare(order, a, b)))
    columns = {f"k{n}": kind for n, kind in enumerate(kinds, 1)} | {"s": "int8", "rid": "int8"}
    select = "select w.rid from {source} where {where} and g.t > 0 order by {order}"

    async def ordered(backward: bool, place: Row | None) -> list[int]:
        arguments = Arguments()
        source = arguments.table(rows, "w", columns)
        where = "true"
        if place is not None:
            where = beyond(order, place, backward, arguments)
        text = select.format(source=source, where=where, order=orders.text(order, "w", backward))
        return [row["rid"] for row in await tenant.session.select(text, *arguments.values)]

    ids = [row[-1] for row in expected]
    assert await ordered(False, None) == ids
    assert await ordered(True, None) == ids[::-1]
    if order.keys:
        for n in (0, 7, 20, 39):
            assert await ordered(False, expected[n]) == ids[n + 1 :]
            assert await ordered(True, expected[n]) == ids[:n][::-1]


def beyond(order: Order, place: Row, backward: bool, arguments: Arguments) -> str:
    return orders.beyond(order, place, "w", backward, arguments)
