"""One evaluation: the system that is asked, the steps that are left, and questions that all parts of it ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, Protocol

from pyroaring import BitMap

from resources.outcome import BadRequest

from ..budget import Budget
from ..system import Designation, PropertyValue, System
from .syntax import Concept, Concepts, Expression, SubExpression


class InPieces(Protocol):
    """What an index offers besides: see `terminology.index.system.Indexed`."""

    def property_keys(self, ordinal: int) -> Iterable[tuple[int, int]]: ...
    def property_of(self, key: int) -> PropertyValue: ...
    def texts(self, ordinal: int) -> Iterable[tuple[int, int]]: ...
    def text_of(self, number: int) -> tuple[str, str]: ...
    def shape_of(self, key: int) -> Designation: ...


Pair = tuple[str, int | str]  # name and value of an attribute: an ordinal, or a text

IS_A: Final = "116680003"
# Steps, of which a second has some 2.5 million:
DETAIL: Final = 150  # for reading the properties or designations of one concept
PIECE: Final = 12  # for reading them where what many have alike is read once, and for reading one such piece
TEXT: Final = 10  # for looking at one text
EDGE: Final = 6  # for reading the children or parents of one concept
LOOKUP: Final = 60  # for asking for the sources or targets of one concept
ROW: Final = 18  # for reading a row of a set


class Asking:
    """What one evaluation knows. No bitmap that it hands out may be changed."""

    def __init__(
        self, system: System, budget: Budget, unknown: str, expression: Callable[[Expression], BitMap]
    ) -> None:
        self.system = system
        self.budget = budget
        self.unknown = unknown
        self.expression = expression
        self._attributes: dict[str, None] | None = None
        self._targets: dict[str, BitMap] = {}
        self._pairs: dict[int, Pair | None] = {}
        self.pieces: InPieces | None = system if hasattr(system, "property_keys") else None  # type: ignore[assignment]

    def weigh(self, some: BitMap) -> BitMap:
        """Pays for an operation on a set as a whole."""
        self.budget.spend(len(some) // 1000)
        return some

    def each(self, some: BitMap, cost: int) -> Iterator[int]:
        """The concepts of a set one by one, each paid for."""
        for one in some:
            self.budget.spend(cost)
            yield one

    def missing(self, what: str) -> None:
        """Something is named that the system does not have: an error, or nothing is selected by it."""
        if self.unknown == "error":
            about = self.system.about
            version = f" of version {about.version}" if about.version else ""
            raise BadRequest(
                f"The ECL expression names {what}, which {about.url}{version} does not have.", code="not-found"
            )

    def concept(self, concept: Concept) -> BitMap:
        found = self.system.find(concept.code)
        if found is None:
            self.missing(f"the concept {concept.code}{f' |{concept.term[:100]}|' if concept.term else ''}")
            return BitMap()
        return BitMap([found])

    def codes(self, of: SubExpression | Concepts) -> frozenset[str]:
        """Codes that are selected, of which the system need not have those that are named one by one."""
        if isinstance(of, Concepts):
            return frozenset(one.code for one in of.any_of)
        if lone(of) and isinstance(of.focus, Concept):
            return frozenset({of.focus.code})
        return frozenset(map(self.system.code, self.each(self.expression(of), 2)))

    # attributes: the properties whose names are concepts, and is-a where it is named itself

    def attributes(self) -> Collection[str]:
        if self._attributes is None:
            names = self.system.property_names()
            self._attributes = dict.fromkeys(one for one in names if one.isdecimal() and one != IS_A)
        return self._attributes

    def pairs(self, ordinal: int) -> Iterator[tuple[int, Pair]]:
        """The attributes of a concept, each with its role group."""
        if self.pieces is None:
            self.budget.spend(DETAIL)
            for one in self.system.properties(ordinal):
                if (pair := self._pair(one)) is not None:
                    yield one.group, pair
            return
        known = self._pairs
        self.budget.spend(PIECE)
        for key, group in self.pieces.property_keys(ordinal):
            self.budget.spend()
            if key not in known:
                self.budget.spend(PIECE)
                known[key] = self._pair(self.pieces.property_of(key))
            pair = known[key]
            if pair is not None:
                yield group, pair

    def _pair(self, one: PropertyValue) -> Pair | None:
        if one.name not in self.attributes():
            return None
        at = self.system.find(one.value) if one.type == "concept" else None
        return one.name, one.value if at is None else at

    def sources(self, name: str, targets: BitMap) -> BitMap:
        """Those that have an attribute with one of these values."""
        if name == IS_A:
            return self.children(targets)
        self.budget.spend(LOOKUP if len(targets) == 1 else len(targets) // 4)
        return self.system.sources(name, targets)

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        """Values of an attribute, of all or of these."""
        if name == IS_A:
            return self.parents(self.system.all if sources is None else sources)
        if sources is not None:
            self.budget.spend(LOOKUP if len(sources) == 1 else len(sources) // 8)
            return self.system.targets(name, sources)
        if name not in self._targets:
            self._targets[name] = self.weigh(self.system.targets(name))
        return self._targets[name]

    def holders(self, name: str) -> BitMap:
        """Those that have an attribute at all."""
        return self.system.all - self.system.roots if name == IS_A else self.system.with_property(name)

    # the hierarchy

    def children(self, some: BitMap) -> BitMap:
        if len(some) == len(self.system):
            return self.system.all - self.system.roots
        found = BitMap()
        for one in self.each(some - self.system.leaves, EDGE):
            found.update(self.system.children(one))
        return found

    def parents(self, some: BitMap) -> BitMap:
        if len(some) == len(self.system):
            return self.system.all - self.system.leaves
        found = BitMap()
        for one in self.each(some, EDGE):
            found.update(self.system.parents(one))
        return found

    def descendants(self, some: BitMap) -> BitMap:
        if len(some) == 1:
            return self.weigh(self.system.descendants(some[0]))
        if len(some) == len(self.system):
            return self.system.all - self.system.roots
        self.budget.spend(len(some))
        return self.weigh(self.system.descendants_of(some))

    def ancestors(self, some: BitMap) -> BitMap:
        if len(some) == 1:
            return self.weigh(self.system.ancestors(some[0]))
        if len(some) == len(self.system):
            return self.system.all - self.system.leaves
        self.budget.spend(len(some))
        return self.weigh(self.system.ancestors_of(some))


def lone(one: SubExpression) -> bool:
    """Whether an expression is its focus and nothing else."""
    return not (one.operator or one.member_of is not None or one.filters or one.history)
