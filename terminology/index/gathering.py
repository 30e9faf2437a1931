"""Records, in whatever order they come, gathered by concept: what an index is written from.

A concept is known by a number from the first record that names its code; what was said of codes that no Concept record
defines is dropped in the end. Terms and properties are kept packed, since a large release has millions.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from resources.exact import encode

from ..records import Concept, Member, Parent, Property, Record, Row, Term
from .hierarchy import hierarchy

NOBODY: Final = 0xFFFFFFFF
_REPORT: Final = 10_000  # records between two reports of progress


class Numbered:
    """Different values, each with a number: their order is that in which they came."""

    __slots__ = ("numbers",)

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def __call__(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Any:
        return iter(self.numbers)


class Arena:
    """Texts one after the other."""

    __slots__ = ("bytes", "starts")

    def __init__(self) -> None:
        self.bytes, self.starts = bytearray(), array("Q", [0])

    def add(self, text: str) -> None:
        self.bytes += text.encode("utf-8", "replace")
        self.starts.append(len(self.bytes))

    def raw(self, number: int) -> bytearray:
        return self.bytes[self.starts[number] : self.starts[number + 1]]


class Gathered:
    """All records of a release."""

    def __init__(self) -> None:
        self.concepts: dict[str, Concept] = {}  # the last one of a code, in the place of the first
        self.of = Numbered()  # number of each code that was named
        self.edges = array("I")  # child and parent, by number
        self.terms, self.term_ids = Arena(), Arena()
        self.term_owners, self.term_shapes = array("I"), array("I")
        self.shapes = Numbered()  # what terms are besides their text, as JSON
        self.owners, self.values, self.groups = array("I"), array("I"), array("I")  # of properties
        self.different = Numbered()  # (name, value, type, the whole as JSON) of properties
        self.sets: dict[str, tuple[array[int], array[int]]] = {}  # code of a set → members, fields
        self.fields = Numbered()  # fields of members, as JSON
        self.duplicates = 0

    def add(self, records: Iterable[Record], progress: Callable[[int], None] | None = None) -> None:
        """Takes records in; progress is told how many there were, now and then."""
        adding = self._adding
        for count, record in enumerate(records, 1):
            adding[type(record)](self, record)
            if progress is not None and count % _REPORT == 0:
                progress(count)

    def _concept(self, one: Concept) -> None:
        self.duplicates += one.code in self.concepts
        self.concepts[one.code] = one
        self.of(one.code)

    def _term(self, one: Term) -> None:
        self.term_owners.append(self.of(one.code))
        self.terms.add(one.value)
        self.term_ids.add(one.id)
        shape = ("", one.language, one.use, one.inactive, one.preferred, one.acceptable, "", one.fields, one.extension)
        self.term_shapes.append(self.shapes(encode(shape)))

    def _parent(self, one: Parent) -> None:
        self.edges.append(self.of(one.code))
        self.edges.append(self.of(one.parent))

    def _property(self, one: Property) -> None:
        whole = (one.name, one.value, one.type, one.system, one.display, 0, one.extension, one.description)
        self.owners.append(self.of(one.code))
        self.values.append(self.different((one.name, one.value, one.type, encode(whole))))
        self.groups.append(one.group)

    def _member(self, one: Member) -> None:
        members, fields = self.sets.setdefault(one.set, (array("I"), array("I")))
        members.append(self.of(one.code))
        fields.append(self.fields(encode(one.fields)))

    def _row(self, one: Row) -> None:
        """Maps have an index of their own."""

    _adding: Final[Mapping[type, Callable[[Any, Any], None]]] = {
        Concept: _concept,
        Term: _term,
        Parent: _parent,
        Property: _property,
        Member: _member,
        Row: _row,
    }

    def places(self) -> array[int]:
        """The place of each number in the order of the release; NOBODY of codes that are no concept."""
        found = array("I", [NOBODY]) * len(self.of)
        for place, code in enumerate(self.concepts):
            found[self.of.numbers[code]] = place
        return found


class Ordered:
    """The concepts of a release by ordinal, and the ordinals of all codes."""

    def __init__(self, gathered: Gathered, case_sensitive: bool) -> None:
        self.gathered = gathered
        places = gathered.places()
        edges = gathered.edges
        pairs = ((places[edges[at]], places[edges[at + 1]]) for at in range(0, len(edges), 2))
        known = (pair for pair in pairs if NOBODY not in pair)
        self.hierarchy = hierarchy(len(gathered.concepts), known)
        of = self.hierarchy.ordinals
        self.ordinals = array("I", (NOBODY if place == NOBODY else of[place] for place in places))  # of each number
        self.concepts = list(gathered.concepts.values())
        for place, concept in enumerate(gathered.concepts.values()):
            self.concepts[of[place]] = concept
        folded = () if case_sensitive else reversed(self.concepts)  # of several the first one, as in `Lookup`
        self._folded = {concept.code.casefold(): concept.code for concept in folded}

    def find(self, code: str) -> int | None:
        """As `System.find`."""
        found = code if code in self.gathered.concepts else self._folded.get(code.casefold())
        return None if found is None else self.ordinals[self.gathered.of.numbers[found]]

    def by_owner(self, owners: Sequence[int]) -> tuple[array[int], array[int]]:
        """Things in the order of the ordinals of their owners, whose numbers are given, and where each concept's begin.
        Those of a concept keep their order; those of codes that are no concept are left out."""
        return by_owner(owners, self.ordinals, len(self.concepts))


def by_owner(owners: Sequence[int], ordinals: Sequence[int], count: int) -> tuple[array[int], array[int]]:
    """Things ordered by their owner's ordinal, within it as they came: where each owner's begin, and the things.

    ordinals: of owners by their number; those of NOBODY are left out."""
    starts = array("I", bytes(4 * (count + 1)))
    for owner in owners:
        ordinal = ordinals[owner]
        if ordinal != NOBODY:
            starts[ordinal + 1] += 1
    total = 0
    for at in range(count + 1):
        total += starts[at]
        starts[at] = total
    ahead, things = starts[:], array("I", bytes(4 * total))
    for thing, owner in enumerate(owners):
        ordinal = ordinals[owner]
        if ordinal != NOBODY:
            things[ahead[ordinal]] = thing
            ahead[ordinal] += 1
    return starts, things
