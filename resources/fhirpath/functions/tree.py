"""The tree, the clock and types. https://hl7.org/fhirpath/N1/#tree-navigation, https://hl7.org/fhirpath/N1/#utility-functions"""

from __future__ import annotations

from ..evaluation import Code, Collection, Evaluation, giving_items
from ..moments import Moment
from ..nodes import Node, add_children
from ..typing_of import type_of
from .calls import Arguments, Function, on_collection


def _children(env: Evaluation, found: Collection) -> Collection:
    below: Collection = []
    for item in found:
        if type(item) is Node:
            add_children(item, below)
    env.spend(len(below))
    return below


def _descendants(env: Evaluation, found: Collection) -> Collection:
    below = _children(env, found)
    for item in below:  # grows while it is walked: level by level
        before = len(below)
        add_children(item, below)
        env.spend(len(below) - before)
    return below


def _clock(call: Arguments) -> Code:
    name = call.name

    def told(env: Evaluation, this: Collection) -> Collection:
        now = env.now
        if name == "now":
            return [now]
        return [Moment("Date", now.parts[:3]) if name == "today" else Moment("Time", now.parts[3:])]

    return giving_items(told, f"{name}()")


FUNCTIONS = {
    "children": on_collection(_children),
    "descendants": on_collection(_descendants),
    "now": Function(_clock),
    "today": Function(_clock),
    "timeOfDay": Function(_clock),
    "type": on_collection(lambda env, found: [type_of(env, item) for item in found]),
}
