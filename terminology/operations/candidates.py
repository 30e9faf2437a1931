"""Which maps may translate a code, and in which order their candidates are best shown.

https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from pyroaring import BitMap

from ..index.maps import MapTable
from ..records import Row
from ..scope import Scope
from ..system import System
from .asking import Asked

_PROPERLY: Final = "447637006"  # map category of SNOMED CT: the source is properly classified
_UNCONDITIONAL: Final = frozenset({"", "TRUE"})
_SHOWN: Final = 200  # candidates of which one concept is sought that covers all

T = TypeVar("T")


def tables(scope: Scope, codes: Sequence[Asked], other: str, reverse: bool) -> Iterator[MapTable]:
    """The maps of a request that names none: of each URL the version that counts, if it is in use and has the systems."""
    versions: dict[str, str] = {}
    for one in scope.concept_maps():
        if one.status == "retired" or versions.setdefault(one.url, one.version) != one.version:
            continue
        if one.tree is not None and not _concerns(one.tree.get("group", ()), codes, other, reverse):
            continue
        table: MapTable = scope.open(one)
        mine = table.target_systems if reverse else table.source_systems
        if one.tree is not None or any(asked.system in mine for asked in codes):
            yield table


def _concerns(groups: Iterable[Any], codes: Sequence[Asked], other: str, reverse: bool) -> bool:
    """Whether a ConceptMap has a group between the systems: seen without reading its elements."""
    near, far = ("target", "source") if reverse else ("source", "target")
    systems = {asked.system for asked in codes}
    for group in groups:
        stated = str(group.get(far, "")).partition("|")[0]
        if str(group.get(near, "")).partition("|")[0] in systems and (not other or not stated or stated == other):
            return True
    return False


def ranked(scope: Scope, some: Sequence[T], row_of: Callable[[T], Row]) -> list[T]:
    """Sources of one target, the best first: unconditional rows, first priority, properly classified, most general.

    What is not said of them does not count; then their order stays."""
    if len(some) < 2:
        return list(some)
    systems = {name: scope.code_system(name) for name in {row_of(one).source_system for one in some}}

    def depth(row: Row) -> int:
        system = systems[row.source_system]
        ordinal = system.find(row.source) if system is not None and not system.infinite else None
        return 0 if system is None or ordinal is None else len(system.ancestors(ordinal))

    def rank(one: T) -> tuple[bool, int, bool, int]:
        row = row_of(one)
        return (row.rule not in _UNCONDITIONAL, row.priority, row.category not in ("", _PROPERLY), depth(row))

    return sorted(some, key=rank)


def covering(scope: Scope, rows: Sequence[Row]) -> str:
    """A sentence that names the one concept that covers all sources of a target; "" if there is none, or too much to do."""
    names = {row.source_system for row in rows}
    if len(names) != 1 or len(rows) > _SHOWN:
        return ""
    system = scope.code_system(names.pop())
    if system is None or system.infinite:
        return ""
    ordinals = [system.find(code) for code in {row.source for row in rows}]
    known = [one for one in ordinals if one is not None]
    if len(known) != len(ordinals) or len(known) < 2:
        return ""
    found = least_common(system, known)
    if found is None:
        return ""
    return f"All {len(known)} candidates are covered by {system.code(found)} |{system.display(found)}|."


def least_common(system: System, some: Sequence[int]) -> int | None:
    """The nearest concept that subsumes all of some: the most specific one; None without any."""
    shared: BitMap | None = None
    for one in some:
        above = BitMap(system.ancestors(one))
        above.add(one)
        shared = above if shared is None else shared & above
    return max(shared, key=lambda one: (len(system.ancestors(one)), one)) if shared else None
