"""Refinements: concepts by their attributes and role groups.

What can be answered for all candidates at once is, the narrowest first; groups and numbers of attributes are counted
concept by concept. Decisions where the guide is silent: only attributes in a role group (not group 0) stand in `{ }`;
attributes and groups that another matching one makes redundant are not counted; of a reversed attribute the concepts
that it leads from are counted, and in a group it is judged without regard to groups.
https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language (6.2 to 6.5)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from .asking import EDGE, IS_A, Asking, Pair, lone
from .comparing import compares
from .syntax import (
    Attribute,
    Cardinality,
    Concept,
    Group,
    Junction,
    Number,
    Refinement,
    SubExpression,
    Terms,
    Truth,
    Wildcard,
)
from .texts import Match, weight

Groups = Mapping[int, Collection[Pair]]  # pairs by role group

_NARROW = 16  # as many times more values than candidates make looking at each candidate worth while


def refined(asking: Asking, candidates: BitMap, refinement: Refinement) -> BitMap:
    """Those candidates that meet a refinement."""
    return _planned(asking, refinement).among(asking, candidates)


def dotted(asking: Asking, some: BitMap, name: SubExpression) -> BitMap:
    """The values that an attribute has in these concepts."""
    found = BitMap()
    for one in _names(asking, name):
        found |= asking.targets(one, some)
    return found


def _names(asking: Asking, name: SubExpression) -> Collection[str]:
    """Codes of attributes. `*` is any; is-a is one only if it is named itself."""
    if lone(name):
        if isinstance(name.focus, Wildcard):
            return asking.attributes()
        if isinstance(name.focus, Concept):
            if name.focus.code != IS_A and not asking.holders(name.focus.code):
                asking.concept(name.focus)  # one that is no attribute, or an unknown one
            return (name.focus.code,)
    selected = asking.expression(name)
    find = asking.system.find
    return [one for one in asking.attributes() if (ordinal := find(one)) is not None and ordinal in selected]


def _planned(asking: Asking, refinement: Refinement) -> _Plan:
    match refinement:
        case Attribute():
            return _attribute(asking, refinement)
        case Group(attributes, cardinality):
            return _Grouped(_planned(asking, attributes), *_bounds(cardinality))
        case Junction(operator, parts):
            plans = [_planned(asking, one) for one in parts]
            return _All(sorted(plans, key=lambda one: one.cost)) if operator == "AND" else _Any(plans)


def _bounds(cardinality: Cardinality | None) -> tuple[int, int | None]:
    return (1, None) if cardinality is None else (cardinality.least, cardinality.most)


def _attribute(asking: Asking, one: Attribute) -> _Plan:
    least, most = _bounds(one.cardinality)
    names = _names(asking, one.name)
    value = one.value
    fits: Match | None = None
    values: BitMap | None = None
    anything = False
    if isinstance(value, Number | Terms | Truth):
        fits = compares(one.comparison, value, exact=True)
    else:
        anything = lone(value) and isinstance(value.focus, Wildcard)
        values = asking.system.all if anything else asking.expression(value)
        if one.comparison == "!=":
            values = asking.weigh(asking.system.all - values)
            anything = False
    kind = _Reversed if one.reverse else _Attributes
    return kind(names, values, fits, anything, least, most, weight(value) if isinstance(value, Terms) else 0)


class _Plan(ABC):
    """A refinement whose names and values are known."""

    cost: int  # the order in which the parts of a conjunction are asked

    @abstractmethod
    def among(self, asking: Asking, candidates: BitMap) -> BitMap:
        """Those candidates that meet it."""

    @abstractmethod
    def possible(self, asking: Asking, candidates: BitMap) -> BitMap:
        """At least those candidates that have a group which meets it."""

    @abstractmethod
    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        """Whether a concept meets it with these attributes, those of one group."""


@dataclass
class _Attributes(_Plan):
    """An attribute."""

    names: Collection[str]
    values: BitMap | None  # concepts that it may have as its value …
    fits: Match | None  # … or what a value as it is written must meet
    anything: bool  # any value at all, be it a concept or not
    least: int
    most: int | None
    weight: int = 0  # steps of `fits`

    @property
    def cost(self) -> int:  # type: ignore[override]
        if self.least == 1 and self.most is None:
            return 1 + (len(self.values) if self.values is not None else 1_000) * len(self.names)
        return 1 << (40 if self.most == 0 or not self.least else 41)

    def among(self, asking: Asking, candidates: BitMap) -> BitMap:
        if self.least == 0 and self.most is None:
            return candidates
        matching = self._matching(asking, candidates)
        if self.most == 0:
            return candidates - matching
        if self.least == 1 and self.most is None:
            return matching
        counted = BitMap([one for one in matching if self._in_bounds(self._count(asking, one))])
        return counted if self.least else counted | (candidates - matching)

    def _in_bounds(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def _matching(self, asking: Asking, candidates: BitMap) -> BitMap:
        """The candidates that have it at least once."""
        found = BitMap()
        for name in self.names:
            found |= self._having(asking, name, candidates)
        return found

    def _having(self, asking: Asking, name: str, candidates: BitMap) -> BitMap:
        if self.anything:
            return asking.weigh(candidates & asking.holders(name))
        if self.fits is not None:
            return candidates & _written(asking, name, self.fits, self.weight)
        values = self.values if self.values is not None else BitMap()
        wanted = values if len(values) < _NARROW else asking.weigh(values & asking.targets(name))
        if len(candidates) * _NARROW < len(wanted):
            return BitMap(
                [one for one in asking.each(candidates, EDGE) if wanted.intersect(asking.targets(name, BitMap([one])))]
            )
        return candidates & asking.sources(name, wanted)

    def _count(self, asking: Asking, ordinal: int) -> int:
        pairs = _pairs(asking, ordinal, is_a=IS_A in self.names)
        return self._counted(asking, {pair for group in pairs.values() for pair in group})

    def _counted(self, asking: Asking, pairs: Collection[Pair]) -> int:
        """How many of the attributes match that no other matching one makes redundant."""
        asking.budget.spend((3 + self.weight) * len(pairs))
        found = [one for one in pairs if self._matches(one)]
        if len(found) < 2:
            return len(found)
        asking.budget.spend(4 * len(found) * len(found))
        return sum(not any(_redundant(asking, one, other) for other in found) for one in found)

    def _matches(self, pair: Pair) -> bool:
        name, value = pair
        if name not in self.names:
            return False
        if self.anything:
            return True
        if isinstance(value, str):
            return self.fits is not None and self.fits(value)
        return self.values is not None and value in self.values

    def possible(self, asking: Asking, candidates: BitMap) -> BitMap:
        return self._matching(asking, candidates) if self.least else candidates

    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        if self.least == 1 and self.most is None:
            asking.budget.spend((1 + self.weight) * len(pairs))
            return any(map(self._matches, pairs))
        return self._in_bounds(self._counted(asking, pairs))


class _Reversed(_Attributes):
    """An attribute of other concepts, whose value the concept is; they have to be among the values."""

    def _having(self, asking: Asking, name: str, candidates: BitMap) -> BitMap:
        if self.fits is not None or self.values is None:
            return BitMap()
        if self.anything or len(self.values) == len(asking.system):
            return candidates & asking.targets(name)
        if len(candidates) * _NARROW < len(self.values):
            return BitMap(
                [
                    one
                    for one in asking.each(candidates & asking.targets(name), EDGE)
                    if self.values.intersect(asking.sources(name, BitMap([one])))
                ]
            )
        return candidates & asking.targets(name, self.values)

    def _count(self, asking: Asking, ordinal: int) -> int:
        found = BitMap()
        for name in self.names:
            asking.budget.spend(EDGE)
            found |= asking.sources(name, BitMap([ordinal]))
        return 0 if self.values is None else len(found & self.values)

    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        return self._in_bounds(self._count(asking, ordinal))


@dataclass
class _All(_Plan):
    parts: Sequence[_Plan]

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.parts[0].cost

    def among(self, asking: Asking, candidates: BitMap) -> BitMap:
        for one in self.parts:
            if not candidates:
                break
            candidates = asking.weigh(one.among(asking, candidates))
        return candidates

    def possible(self, asking: Asking, candidates: BitMap) -> BitMap:
        for one in self.parts:
            candidates = asking.weigh(one.possible(asking, candidates))
        return candidates

    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        return all(one.holds(asking, ordinal, pairs) for one in self.parts)


@dataclass
class _Any(_Plan):
    parts: Sequence[_Plan]

    @property
    def cost(self) -> int:  # type: ignore[override]
        return sum(one.cost for one in self.parts)

    def among(self, asking: Asking, candidates: BitMap) -> BitMap:
        return self._joined(lambda one, left: one.among(asking, left), candidates)

    def possible(self, asking: Asking, candidates: BitMap) -> BitMap:
        return self._joined(lambda one, left: one.possible(asking, left), candidates)

    def _joined(self, ask: Callable[[_Plan, BitMap], BitMap], candidates: BitMap) -> BitMap:
        found = BitMap()
        for one in self.parts:
            found |= ask(one, candidates - found)
        return found

    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        return any(one.holds(asking, ordinal, pairs) for one in self.parts)


@dataclass
class _Grouped(_Plan):
    """Attributes in one role group."""

    inner: _Plan
    least: int
    most: int | None

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.inner.cost + (1 << (42 if self.most != 0 else 43))

    def possible(self, asking: Asking, candidates: BitMap) -> BitMap:
        raise AssertionError("the grammar has no group within a group")

    def holds(self, asking: Asking, ordinal: int, pairs: Collection[Pair]) -> bool:
        raise AssertionError("the grammar has no group within a group")

    def among(self, asking: Asking, candidates: BitMap) -> BitMap:
        if self.least == 0 and self.most is None:
            return candidates
        possible = self.inner.possible(asking, candidates)
        found = BitMap([one for one in possible if self._meets(asking, one)])
        return found if self.least else found | (candidates - possible)

    def _meets(self, asking: Asking, ordinal: int) -> bool:
        groups = _pairs(asking, ordinal)
        matching = [pairs for number, pairs in groups.items() if number and self.inner.holds(asking, ordinal, pairs)]
        if self.least <= 1 and self.most is None:
            return len(matching) >= self.least
        count = _non_redundant(asking, matching)
        return self.least <= count and (self.most is None or count <= self.most)


def _pairs(asking: Asking, ordinal: int, *, is_a: bool = False) -> Groups:
    """The attributes of a concept by role group; with is-a if that is wanted."""
    found: dict[int, set[Pair]] = {}
    for group, pair in asking.pairs(ordinal):
        found.setdefault(group, set()).add(pair)
    if is_a:
        found.setdefault(0, set()).update((IS_A, parent) for parent in asking.system.parents(ordinal))
    return found


def _redundant(asking: Asking, one: Pair, other: Pair) -> bool:
    """Whether an attribute follows from another one, which says more."""
    return one != other and _follows(asking, one, other)


def _follows(asking: Asking, one: Pair, other: Pair) -> bool:
    """Whether an attribute follows from another one: its name and its value are those, or above them."""
    (name, value), (below, narrower) = one, other
    if value != narrower:
        if isinstance(value, str) or isinstance(narrower, str):
            return False
        if not asking.system.subsumes(value, narrower):
            return False
    if name == below:
        return True
    above, under = asking.system.find(name), asking.system.find(below)
    return above is not None and under is not None and asking.system.subsumes(above, under)


def _non_redundant(asking: Asking, groups: Iterable[Collection[Pair]]) -> int:
    """How many groups there are that do not follow from another one; of those that say the same one counts."""
    different = set()
    for group in groups:
        asking.budget.spend(4 * len(group) * len(group))
        different.add(frozenset(one for one in group if not any(_redundant(asking, one, other) for other in group)))
    asking.budget.spend(4 * sum(map(len, different)) ** 2 if len(different) > 1 else 0)
    return sum(
        not any(
            one is not other and all(any(_follows(asking, pair, more) for more in other) for pair in one)
            for other in different
        )
        for one in different
    )


def _written(asking: Asking, name: str, fits: Match, cost: int) -> BitMap:
    """Those with a value, other than a concept, that meets a comparison."""
    found = BitMap()
    if name == IS_A:
        return found
    concepts = asking.targets(name)
    for value, holders in asking.system.values(name):
        asking.budget.spend(EDGE + cost + len(holders) // 1000)
        if fits(value) and not (concepts and asking.system.find(value) is not None):
            found |= holders
    return found
