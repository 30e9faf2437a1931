"""A code system version over its index: nothing is read before it is asked for, and little is kept. TX-143

https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec.json import Decoder
from pyroaring import BitMap

from resources.exact import number

from ..records import About
from ..system import Designation, PropertyValue, Ranked
from .attributes import Attributes
from .building import KIND
from .container import BadIndex, Buffer, Container
from .kept import Kept
from .lookup import Dotted, Lookup
from .rows import Keys, Rows, Sets
from .search import Search

_ABOUT: Final = Decoder(About, float_hook=number)
_DESIGNATION: Final = Decoder(Designation, float_hook=number)
_PROPERTY: Final = Decoder(PropertyValue, float_hook=number)
_ANY: Final = Decoder(float_hook=number)

_DOTTED: Final = frozenset({"icd-10", "icd-10-cm"})  # kinds whose codes are often written without their dot
_LARGE: Final = 1_000  # bytes from which on a bitmap is kept decoded
_FEW: Final = 20_000  # concepts whose ancestors are put together one by one


class Indexed:
    """A `System`. Raises BadIndex for a buffer that is no index of a code system."""

    infinite: Final = False

    def __init__(self, buffer: Buffer | mmap.mmap) -> None:
        self.container = container = Container(buffer)
        self.size = memoryview(buffer).nbytes  # of the index
        if container.kind != KIND:
            raise BadIndex(f"This is the index of a {container.kind}, not of a {KIND}.")
        self.about = _ABOUT.decode(container.about)
        self._kept = Kept()
        self._codes = container.texts("codes")
        find = Lookup(container, self._codes, folded=not self.about.case_sensitive)
        self.find = Dotted(find) if self.about.kind in _DOTTED else find
        self._displays, self._definitions = container.texts("displays"), container.texts("definitions")
        self._statuses, self._status = container.texts("statuses"), container.array("status", "I")
        self._extended, self._extensions = container.array("extended", "I"), container.texts("extensions")
        self.all = BitMap(range(len(self._codes)))
        self.inactive, self.abstract = self._named("inactive"), self._named("abstract")
        self.leaves, self.roots = self._named("leaves"), self._named("roots")
        self._children, self._parents = Rows(container, "children"), Rows(container, "parents")
        self._is_a = "ancestors.rows" in container
        if self._is_a:
            self._ancestors, self._descendants = Rows(container, "ancestors"), Sets(container, "descendants")
        self._terms_of, self._terms_shape = container.array("terms.of", "I"), container.array("terms.shape", "I")
        self._terms, self._terms_id = container.texts("terms"), container.texts("terms.id")
        self._shapes = container.texts("shapes")
        self._properties_of = container.array("properties.of", "I")
        self._properties_value = container.array("properties.value", "I")
        self._properties_group = container.array("properties.group", "I")
        self._values = container.texts("values")
        self._names, self._names_having = Keys(container.texts("names")), Sets(container, "names.having")
        self._keys, self._keys_having = Keys(container.texts("keys")), Sets(container, "keys.having")
        self._keys_of = container.array("keys.of", "I")
        self._sources, self._targets = Attributes(container, "sources"), Attributes(container, "targets")
        self._sets, self._sets_members = Keys(container.texts("sets")), Sets(container, "sets.members")
        self._sets_of, self._sets_rows = container.array("sets.of", "I"), container.array("sets.rows", "I")
        self._sets_fields, self._sets_order = container.array("sets.fields", "I"), container.array("sets.order", "I")
        self._fields = container.texts("fields")
        self._search = Search(container, self._kept)

    def _named(self, name: str) -> BitMap:
        return Sets.read(self.container.blob(name))

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def faults(self) -> Sequence[str]:
        """What was wrong with the content, as sentences."""
        found: list[str] = _ANY.decode(self.container.blob("faults"))
        return found

    # one concept

    def code(self, ordinal: int) -> str:
        return self._codes[ordinal]

    def display(self, ordinal: int) -> str:
        return self._displays[ordinal]

    def definition(self, ordinal: int) -> str:
        return self._definitions[ordinal]

    def status(self, ordinal: int) -> str:
        return self._statuses[self._status[ordinal]]

    def is_inactive(self, ordinal: int) -> bool:
        return ordinal in self.inactive

    def is_abstract(self, ordinal: int) -> bool:
        return ordinal in self.abstract

    def extension(self, ordinal: int) -> Sequence[Mapping[str, Any]]:
        at = bisect_left(self._extended, ordinal)
        if at == len(self._extended) or self._extended[at] != ordinal:
            return ()
        found: list[Mapping[str, Any]] = _ANY.decode(self._extensions.raw(at))
        return found

    def designations(self, ordinal: int) -> Sequence[Designation]:
        return [
            _DESIGNATION.decode(self._shapes.raw(self._terms_shape[term]))._replace(
                value=self._terms[term], id=self._terms_id[term]
            )
            for term in range(self._terms_of[ordinal], self._terms_of[ordinal + 1])
        ]

    def properties(self, ordinal: int) -> Sequence[PropertyValue]:
        found = []
        for at in range(self._properties_of[ordinal], self._properties_of[ordinal + 1]):
            one = _PROPERTY.decode(self._values.raw(self._properties_value[at]))
            group = self._properties_group[at]
            found.append(one._replace(group=group) if group else one)
        return found

    # the same in pieces, for those who look at many concepts: what many have alike is read once

    def property_keys(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """Of each property its key, by which `property_of` knows name and value, and its role group."""
        first, end = self._properties_of[ordinal], self._properties_of[ordinal + 1]
        return zip(self._properties_value[first:end], self._properties_group[first:end], strict=True)

    def property_of(self, key: int) -> PropertyValue:
        found: PropertyValue = _PROPERTY.decode(self._values.raw(key))
        return found

    def texts(self, ordinal: int) -> Iterator[tuple[int, int]]:
        """Of each designation the number of its text and the key by which `shape_of` knows what it is besides."""
        first, end = self._terms_of[ordinal], self._terms_of[ordinal + 1]
        return zip(range(first, end), self._terms_shape[first:end], strict=True)

    def text_of(self, number: int) -> tuple[str, str]:
        """The text of a designation, and its id."""
        return self._terms[number], self._terms_id[number]

    def shape_of(self, key: int) -> Designation:
        """A designation but for text and id."""
        found: Designation = _DESIGNATION.decode(self._shapes.raw(key))
        return found

    # the hierarchy

    def parents(self, ordinal: int) -> Sequence[int]:
        return self._parents[ordinal].tolist()

    def children(self, ordinal: int) -> Sequence[int]:
        return self._children[ordinal].tolist()

    def subsumes(self, above: int, below: int) -> bool:
        return above == below or (self._is_a and self._ancestors.has(below, above))

    def ancestors(self, ordinal: int) -> BitMap:
        return BitMap(self._ancestors[ordinal]) if self._is_a else BitMap()

    def descendants(self, ordinal: int) -> BitMap:
        if not self._is_a:
            return BitMap()
        if self._descendants.weight(ordinal) < _LARGE:
            return self._descendants[ordinal]
        return self._kept.get(("below", ordinal), lambda: self._descendants[ordinal])

    def descendants_of(self, some: BitMap) -> BitMap:
        found = BitMap()
        if self._is_a:
            for ordinal in some - self.leaves:
                if ordinal not in found:  # else those below it are there, too
                    found |= self._descendants[ordinal]
        return found

    def ancestors_of(self, some: BitMap) -> BitMap:
        if not self._is_a:
            return BitMap()
        if len(some) <= _FEW:
            return self._ancestors.union(some)
        found, ahead = BitMap(), some  # rather than millions of ancestors most of which are the same, level by level
        while ahead:
            ahead = self._parents.union(ahead) - found
            found |= ahead
        return found

    # properties and attributes

    def property_names(self) -> Iterable[str]:
        return dict.fromkeys([*(one.code for one in self.about.properties), *self._names]).keys()

    def with_property(self, name: str) -> BitMap:
        at = self._names.find(name)
        return BitMap() if at is None else self._kept.get(("with", at), lambda: self._names_having[at])

    def having(self, name: str, value: str) -> BitMap:
        at = self._names.find(name)
        if at is None:
            return BitMap()
        key = self._keys.find(value, self._keys_of[at], self._keys_of[at + 1])
        found = BitMap() if key is None else self._kept.get(("having", key), lambda: self._keys_having[key])
        if not self.about.case_sensitive and (target := self.find(value)) is not None:
            return found | self._sources(at, BitMap((target,)))
        return found

    def values(self, name: str) -> Iterator[tuple[str, BitMap]]:
        at = self._names.find(name)
        if at is not None:
            for key in range(self._keys_of[at], self._keys_of[at + 1]):
                yield self._keys[key], self._keys_having[key]

    def sources(self, name: str, targets: BitMap) -> BitMap:
        at = self._names.find(name)
        return BitMap() if at is None else self._sources(at, targets)

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        at = self._names.find(name)
        if at is None:
            return BitMap()
        return self._sources.heads(at) if sources is None else self._targets(at, sources)

    # sets of the release

    def sets(self) -> Iterable[str]:
        return iter(self._sets)

    def members(self, code: str) -> BitMap | None:
        at = self._sets.find(code)
        return None if at is None else self._kept.get(("members", at), lambda: self._sets_members[at])

    def member_rows(self, code: str, ordinal: int | None = None) -> Iterator[tuple[int, Mapping[str, str]]]:
        at = self._sets.find(code)
        if at is None:
            return
        first, end = self._sets_of[at], self._sets_of[at + 1]
        wanted: Iterable[int] = range(first, end)
        if ordinal is not None:
            row_of = self._sets_rows.__getitem__
            low = bisect_left(self._sets_order, ordinal, first, end, key=row_of)
            high = bisect_left(self._sets_order, ordinal + 1, low, end, key=row_of)
            wanted = self._sets_order[low:high]
        for row in wanted:
            yield self._sets_rows[row], _ANY.decode(self._fields.raw(self._sets_fields[row]))

    # text

    def search(self, text: str, within: BitMap | None = None, most: int = 20, offset: int = 0) -> Ranked:
        return self._search(text, within, most, offset)


def open_file(path: Path) -> Indexed:
    """Maps a file, which must not change as long as it is open; it may be unlinked. Raises BadIndex, OSError."""
    with open(path, "rb") as file:
        try:
            return Indexed(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError as error:  # an empty file cannot be mapped
            raise error if isinstance(error, BadIndex) else BadIndex("The file is empty.") from error
