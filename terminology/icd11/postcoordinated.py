"""ICD-11 as a code system whose codes can be put together: a cluster is a code like any other, once it was found.

https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.compositional
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pyroaring import BitMap

from resources.outcome import FhirError

from ..records import About
from ..system import Designation, PropertyValue, Ranked, System
from .clusters import Cluster, Group, cluster, is_composed


class Postcoordinated:
    """A System with its clusters. They get ordinals beyond its size as they are found, so make one for each request.

    A cluster is below each of its stem codes, and below a cluster that says less: no set that the system gives has one,
    so ask `subsumes` and `ancestors` of it."""

    infinite = False  # the codes of the release are finite, and the sets are those

    def __init__(self, system: System) -> None:
        self._system = system
        self._size = len(system)
        self._clusters: list[Cluster] = []
        self._found: dict[str, int | None] = {}

    def cluster(self, ordinal: int) -> Cluster | None:
        """The cluster that was found as this ordinal; None of a code of the release."""
        return self._clusters[ordinal - self._size] if ordinal >= self._size else None

    def find(self, code: str) -> int | None:
        if not is_composed(code):
            return self._system.find(code)
        if code not in self._found:
            try:
                read = cluster(self._system, code)
            except FhirError:
                self._found[code] = None
            else:
                self._found[code] = self._size + len(self._clusters)
                self._clusters.append(read)
        return self._found[code]

    def code(self, ordinal: int) -> str:
        found = self.cluster(ordinal)
        return found.text if found else self._system.code(ordinal)

    def display(self, ordinal: int) -> str:
        found = self.cluster(ordinal)
        return found.display if found else self._system.display(ordinal)

    def definition(self, ordinal: int) -> str:
        return "" if self.cluster(ordinal) else self._system.definition(ordinal)

    def status(self, ordinal: int) -> str:
        return "" if self.cluster(ordinal) else self._system.status(ordinal)

    def is_inactive(self, ordinal: int) -> bool:
        found = self.cluster(ordinal)
        if found is None:
            return self._system.is_inactive(ordinal)
        return any(self._system.is_inactive(part) for group in found.groups for part in _ordinals(group))

    def is_abstract(self, ordinal: int) -> bool:
        return not self.cluster(ordinal) and self._system.is_abstract(ordinal)

    def extension(self, ordinal: int) -> Sequence[Mapping[str, Any]]:
        return () if self.cluster(ordinal) else self._system.extension(ordinal)

    def designations(self, ordinal: int) -> Sequence[Designation]:
        return () if self.cluster(ordinal) else self._system.designations(ordinal)

    def properties(self, ordinal: int) -> Sequence[PropertyValue]:
        """Of a cluster: `stem` and `extension`, by role group one for each of its groups."""
        found = self.cluster(ordinal)
        if found is None:
            return self._system.properties(ordinal)
        return [
            PropertyValue(name, part.code, "code", description=self._system.display(part.ordinal), group=number)
            for number, group in enumerate(found.groups, 1)
            for name, part in (("stem", group.stem), *(("extension", one) for one in group.extensions))
        ]

    def parents(self, ordinal: int) -> Sequence[int]:
        found = self.cluster(ordinal)
        if found is None:
            return self._system.parents(ordinal)
        return list(dict.fromkeys(group.stem.ordinal for group in found.groups))

    def children(self, ordinal: int) -> Sequence[int]:
        return () if self.cluster(ordinal) else self._system.children(ordinal)

    def subsumes(self, above: int, below: int) -> bool:
        """A cluster subsumes another if each group of it has one there that says the same or more."""
        if above == below:
            return True
        upper, lower = self.cluster(above), self.cluster(below)
        if lower is None:
            return upper is None and self._system.subsumes(above, below)
        if upper is None:
            return any(self._system.subsumes(above, group.stem.ordinal) for group in lower.groups)
        return all(any(self._says(group, other) for other in lower.groups) for group in upper.groups)

    def _says(self, less: Group, more: Group) -> bool:
        return self._system.subsumes(less.stem.ordinal, more.stem.ordinal) and all(
            any(self._system.subsumes(one.ordinal, other.ordinal) for other in more.extensions)
            for one in less.extensions
        )

    @property
    def about(self) -> About:
        return self._system.about

    def __len__(self) -> int:
        return self._size

    @property
    def all(self) -> BitMap:
        return self._system.all

    @property
    def inactive(self) -> BitMap:
        return self._system.inactive

    @property
    def abstract(self) -> BitMap:
        return self._system.abstract

    @property
    def leaves(self) -> BitMap:
        return self._system.leaves

    @property
    def roots(self) -> BitMap:
        return self._system.roots

    def ancestors(self, ordinal: int) -> BitMap:
        if self.cluster(ordinal) is None:
            return self._system.ancestors(ordinal)
        stems = BitMap(self.parents(ordinal))
        return stems | self._system.ancestors_of(stems)

    def descendants(self, ordinal: int) -> BitMap:
        return BitMap() if self.cluster(ordinal) else self._system.descendants(ordinal)

    def descendants_of(self, some: BitMap) -> BitMap:
        return self._system.descendants_of(self._own(some))

    def ancestors_of(self, some: BitMap) -> BitMap:
        clusters = some - self._own(some)
        return BitMap.union(
            self._system.ancestors_of(self._own(some)), *(self.ancestors(ordinal) for ordinal in clusters)
        )

    def _own(self, some: BitMap) -> BitMap:
        """Those of them that are codes of the release."""
        return some & BitMap(range(self._size)) if some and some.max() >= self._size else some

    def property_names(self) -> Iterable[str]:
        return self._system.property_names()

    def with_property(self, name: str) -> BitMap:
        return self._system.with_property(name)

    def having(self, name: str, value: str) -> BitMap:
        return self._system.having(name, value)

    def values(self, name: str) -> Iterator[tuple[str, BitMap]]:
        return self._system.values(name)

    def sources(self, name: str, targets: BitMap) -> BitMap:
        return self._system.sources(name, self._own(targets))

    def targets(self, name: str, sources: BitMap | None = None) -> BitMap:
        return self._system.targets(name, None if sources is None else self._own(sources))

    def sets(self) -> Iterable[str]:
        return self._system.sets()

    def members(self, code: str) -> BitMap | None:
        return self._system.members(code)

    def member_rows(self, code: str, ordinal: int | None = None) -> Iterator[tuple[int, Mapping[str, str]]]:
        if ordinal is not None and self.cluster(ordinal):
            return iter(())
        return self._system.member_rows(code, ordinal)

    def search(self, text: str, within: BitMap | None = None, most: int = 20, offset: int = 0) -> Ranked:
        return self._system.search(text, within if within is None else self._own(within), most, offset)


def _ordinals(group: Group) -> Iterator[int]:
    return (part.ordinal for part in (group.stem, *group.extensions))


COMPOSED: Final[Mapping[str, Callable[[System], System]]] = {"icd-11": Postcoordinated}  # by kind of a code system
