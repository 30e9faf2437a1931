"""Filtering, projection and aggregates: an argument is evaluated for each item.

https://hl7.org/fhirpath/N1/#filtering-and-projection, https://hl7.org/fhirpath/N1/#aggregates
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from ..evaluation import EMPTY, Code, Collection, Evaluation, Items, giving_items, plain
from ..operators import compare, identity
from .calls import Arguments, Function


def _where(call: Arguments) -> Code:
    source, criteria, weight = call.of.items, call.codes[0].truth, call.weight

    def where(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        env.spend(len(found) * weight)
        before, kept = env.index, []
        for env.index, item in enumerate(found):
            if criteria(env, [item]):
                kept.append(item)
        env.index = before
        return kept

    return giving_items(where, "where()")


def _select(call: Arguments) -> Code:
    source, projection, weight = call.of.items, call.codes[0].items, call.weight

    def select(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        before, made = env.index, []
        for env.index, item in enumerate(found):
            more = projection(env, [item])
            env.spend(weight + len(more))
            made += more
        env.index = before
        return made

    return giving_items(select, "select()")


def _repeat(call: Arguments, once: bool = True) -> Code:
    source, projection, weight = call.of.items, call.codes[0].items, call.weight

    def repeat(env: Evaluation, this: Collection) -> Collection:
        made: Collection = []
        known: set[Any] = set()
        waiting = source(env, this)
        before = env.index
        while waiting:
            found: Collection = []
            for env.index, item in enumerate(waiting):
                more = projection(env, [item])
                env.spend(weight + len(more))
                for one in more:
                    key = identity(env, one) if once else None
                    if key is None or key not in known:
                        known.add(key)
                        found.append(one)
            made += found
            waiting = found
        env.index = before
        return made

    return giving_items(repeat, "repeat()")


def _aggregate(call: Arguments) -> Code:
    source, aggregator, weight = call.of.items, call.codes[0].items, call.weight
    initial: Items = call.codes[1].items if len(call.codes) > 1 else lambda env, this: EMPTY

    def aggregate(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        before, outer = env.index, env.total
        total = initial(env, this)
        for env.index, item in enumerate(found):
            env.total = total
            total = aggregator(env, [item])
            env.spend(weight + len(total))
        env.index, env.total = before, outer
        return total

    return giving_items(aggregate, "aggregate()")


def _sort(call: Arguments) -> Code:
    """sort(): by the items themselves or by the arguments; a minus before an argument turns the order round."""
    source, weight = call.of.items, call.weight
    keys = [(code.items, turned) for code, turned in zip(call.codes, call.turned, strict=True)]

    def sort(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        env.spend(len(found) * weight)
        if not keys:
            return sorted(found, key=cmp_to_key(lambda a, b: _order(env, [a], [b])))
        rows = [(item, [key(env, [item]) for key, _ in keys]) for item in found]

        def order(a: Any, b: Any) -> int:
            for (_, turned), one, other in zip(keys, a[1], b[1], strict=True):
                if difference := _order(env, one, other):
                    return -difference if turned and one and other else difference
            return 0

        return [item for item, _ in sorted(rows, key=cmp_to_key(order))]

    return giving_items(sort, "sort()")


def _order(env: Evaluation, one: Collection, other: Collection) -> int:
    """Empty comes first, also where the order is turned round; of what cannot be told apart neither does."""
    if not one or not other:
        return bool(one) - bool(other)
    env.spend(1)
    return compare(env, plain(one[0]), plain(other[0]), "sort()") or 0


def _trace(call: Arguments) -> Code:
    """Hands on what it is given; whoever listens is told."""
    source, name = call.of.items, call.codes[0].items
    projection = call.codes[1].items if len(call.codes) > 1 else None

    def trace(env: Evaluation, this: Collection) -> Collection:
        found = source(env, this)
        if env.outside.trace is not None:
            said = found if projection is None else [one for item in found for one in projection(env, [item])]
            env.outside.trace(str(next(map(plain, name(env, this)), "")), said)
        return found

    return giving_items(trace, "trace()")


FUNCTIONS = {
    "where": Function(_where, 1, 1, each=True),
    "select": Function(_select, 1, 1, each=True),
    "repeat": Function(_repeat, 1, 1, each=True),
    "repeatAll": Function(lambda call: _repeat(call, once=False), 1, 1, each=True),
    "ofType": Function(_where, 1, 1, of_type=True),
    "is": Function(_where, 1, 1, of_type=True),
    "as": Function(_where, 1, 1, of_type=True),
    "aggregate": Function(_aggregate, 1, 2, each=True),
    "sort": Function(_sort, 0, 8, each=True, turns=True),
    "trace": Function(_trace, 1, 2, each=True),
}
