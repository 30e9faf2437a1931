"""Parts of collections, and collections put together.

https://hl7.org/fhirpath/N1/#subsetting, https://hl7.org/fhirpath/N1/#combining
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..evaluation import EMPTY, Code, Collection, Evaluation, giving_items, many, whole
from ..operators import distinct, identity
from .calls import Arguments, Function, on_collection, with_collection


def _single(env: Evaluation, found: Collection) -> Collection:
    if len(found) > 1:
        raise many(found, "single()")
    return found


def _part(cut: Callable[[Collection, int], Collection]) -> Function:
    def build(call: Arguments) -> Code:
        source, number = call.of.items, call.codes[0].items

        def part(env: Evaluation, this: Collection) -> Collection:
            found, count = source(env, this), whole(number(env, this), f"{call.name}()")
            return EMPTY if count is None else cut(found, max(count, 0))

        return giving_items(part, f"{call.name}()")

    return Function(build, 1, 1)


def _intersect(env: Evaluation, found: Collection, other: Collection) -> Collection:
    if not found or not other:
        return EMPTY
    env.spend(len(found))
    known = _identities(env, other)
    return [item for item in distinct(env, found) if identity(env, item) in known]


def _exclude(env: Evaluation, found: Collection, other: Collection) -> Collection:
    env.spend(len(found))
    known = _identities(env, other)
    return [item for item in found if identity(env, item) not in known]


def _identities(env: Evaluation, items: Collection) -> set[Any]:
    """What the items are found by; made once of an argument that is the same for each $this."""
    last: tuple[Collection, set[Any]] | None = env.memory.get("identities")
    if last is None or last[0] is not items:
        env.spend(len(items))
        last = env.memory["identities"] = items, {identity(env, item) for item in items}
    return last[1]


def _combine(env: Evaluation, found: Collection, other: Collection) -> Collection:
    env.spend(len(found) + len(other))
    return [*found, *other]


FUNCTIONS = {
    "single": on_collection(_single),
    "first": on_collection(lambda env, found: found[:1]),
    "last": on_collection(lambda env, found: found[-1:]),
    "tail": on_collection(lambda env, found: found[1:]),
    "skip": _part(lambda found, count: found[count:]),
    "take": _part(lambda found, count: found[:count]),
    "intersect": with_collection(_intersect),
    "exclude": with_collection(_exclude),
    "union": with_collection(lambda env, found, other: distinct(env, [*found, *other])),
    "combine": with_collection(_combine),
}
