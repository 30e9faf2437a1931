"""Text search in an evaluated value set: the most relevant concepts first, with an exact total. Pure.

https://hl7.org/fhir/R4/valueset-operation-expand.html (filter)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter

from pyroaring import BitMap

from ..budget import Budget
from ..index.words import words
from ..system import System
from .parts import Part, Tree

Found = tuple[Part, int | str]


def ranked(parts: Sequence[Part], text: str, offset: int, most: int, budget: Budget) -> tuple[int, list[Found]]:
    """How many concepts fit a text, and some of them.

    One code system ranks by itself. Results of several, and of what only the value set says, are merged by the length of
    their displays, each list in its own order: so that pages of them are those of one list."""
    total, lists = 0, []
    for part in parts:
        for number, found in _in_part(part, text, offset + most, budget):
            total += number
            if found:
                lists.append(found)
    if len(lists) < 2:
        return total, [one for found in lists for one in found][offset : offset + most]
    merged = merge(*map(_weighed, lists), key=itemgetter(0))
    return total, [one for _, one in islice(merged, offset, offset + most)]


def _weighed(found: list[Found]) -> Iterator[tuple[int, Found]]:
    """With the length of the longest display up to each: it never falls."""
    longest = 0
    for one in found:
        longest = max(longest, _length(one)[0])
        yield longest, one


def _in_part(part: Part, text: str, most: int, budget: Budget) -> Iterable[tuple[int, list[Found]]]:
    system, members = part.system, part.members
    wanted = words(text)
    own = {one for one, said in part.given.items() if one in members and _fits(wanted, _said(said))}
    if system is not None and system.infinite:
        budget.spend(len(members))
        own |= {one for one in members if one not in own and _fits(wanted, _texts(system, one))}
    loose = {code for code, said in part.loose.items() if _fits(wanted, (code, *_said(said)))}
    budget.spend(len(part.given) + len(part.loose))
    if own or loose:
        both = [(part, one) for one in part.listed() if (one in loose if isinstance(one, str) else one in own)]
        yield len(both), sorted(both, key=_length)[:most]
    if system is not None and not system.infinite and members:
        within = members - BitMap(own) if own else members
        found = system.search(text, None if within is system.all else within, most, 0)
        yield found.total, [(part, one) for one in found.ordinals]


def _said(said: Tree) -> Iterable[str]:
    if said.get("display"):
        yield said["display"]
    for one in said.get("designation", ()):
        if one.get("value"):
            yield one["value"]


def _texts(system: System, one: int) -> Iterable[str]:
    yield system.code(one)
    yield system.display(one)
    for term in system.designations(one):
        yield term.value


def _fits(wanted: Sequence[str], texts: Iterable[str]) -> bool:
    """Whether every word begins a word of one of the texts."""
    for text in texts:
        there = words(text)
        if all(any(one.startswith(word) for one in there) for word in wanted):
            return True
    return False


def _length(found: Found) -> tuple[int, str]:
    part, one = found
    if isinstance(one, str):
        display = str(part.loose[one].get("display", one))
    else:
        said = part.given.get(one, {}).get("display")
        display = str(said or (part.system.display(one) if part.system is not None else ""))
    return len(display), display
