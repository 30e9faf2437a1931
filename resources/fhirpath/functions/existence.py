"""Existence: how many items there are and what holds of them. https://hl7.org/fhirpath/N1/#existence"""

from __future__ import annotations

from ..evaluation import Code, Collection, Evaluation, giving_items, giving_truth, plain
from ..faults import Unevaluable
from ..operators import distinct, identity
from .calls import Arguments, Function, comparing, judging, on_collection


def _exists(call: Arguments) -> Code:
    source = call.of.items
    if not call.codes:
        return giving_truth(lambda env, this: bool(source(env, this)))
    criteria, weight = call.codes[0].truth, call.weight

    def exists(env: Evaluation, this: Collection) -> bool:
        found = source(env, this)
        env.spend(len(found) * weight)
        before = env.index
        for env.index, item in enumerate(found):
            if criteria(env, [item]):
                env.index = before
                return True
        env.index = before
        return False

    return giving_truth(exists)


def _empty(call: Arguments) -> Code:
    source = call.of.items
    return giving_truth(lambda env, this: not source(env, this))


def _not(call: Arguments) -> Code:
    truth = call.of.truth

    def negated(env: Evaluation, this: Collection) -> bool | None:
        value = truth(env, this)
        return None if value is None else not value

    return giving_truth(negated)


def _all(call: Arguments) -> Code:
    source, criteria, weight = call.of.items, call.codes[0].truth, call.weight

    def every(env: Evaluation, this: Collection) -> bool:
        found = source(env, this)
        env.spend(len(found) * weight)
        before, holds = env.index, True
        for env.index, item in enumerate(found):
            if not criteria(env, [item]):
                holds = False
                break
        env.index = before
        return holds

    return giving_truth(every)


def _truths(name: str, found: Collection) -> list[bool]:
    values = [plain(item) for item in found]
    if not all(value is True or value is False for value in values):
        raise Unevaluable(f"{name}() needs booleans and was given something else.")
    return values


def _count(call: Arguments) -> Code:
    source = call.of.items
    return giving_items(lambda env, this: [len(source(env, this))], "count()")


def _subset(env: Evaluation, found: Collection, of: Collection) -> bool:
    env.spend(len(found) + len(of))
    known = {identity(env, item) for item in of}
    return all(identity(env, item) in known for item in found)


FUNCTIONS = {
    "exists": Function(_exists, 0, 1, each=True),
    "empty": Function(_empty),
    "not": Function(_not),
    "all": Function(_all, 1, 1, each=True),
    "allTrue": judging(lambda env, found: all(_truths("allTrue", found))),
    "anyTrue": judging(lambda env, found: any(_truths("anyTrue", found))),
    "allFalse": judging(lambda env, found: not any(_truths("allFalse", found))),
    "anyFalse": judging(lambda env, found: not all(_truths("anyFalse", found))),
    "subsetOf": comparing(_subset),
    "supersetOf": comparing(lambda env, found, other: _subset(env, other, found)),
    "count": Function(_count),
    "distinct": on_collection(distinct),
    "isDistinct": judging(lambda env, found: len(distinct(env, found)) == len(found)),
}
