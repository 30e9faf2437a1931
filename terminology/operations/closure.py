"""$closure: the rows that new concepts add to a client's table of what subsumes what.

https://hl7.org/fhir/R4/conceptmap-operation-closure.html, https://hl7.org/fhir/R4/terminology-service.html#closure
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyroaring import BitMap

from resources.outcome import Invalid, TooCostly

from ..budget import Budget
from ..scope import Scope
from ..system import System
from .asking import Asked, code_system, coding_of

EQUAL: Final = "equal"
SUBSUMES: Final = "subsumes"  # the target subsumes the source …
SPECIALIZES: Final = "specializes"  # … or is more specific
UNMATCHED: Final = "unmatched"  # the code system has no such code
MOST: Final = 100_000  # concepts of one table

Coding = Mapping[str, Any]
_MEANINGS: Final = frozenset({"", "is-a"})


class Closed(NamedTuple):
    """What is sent back, and what the table has now that it had not before."""

    tree: dict[str, Any]  # a ConceptMap
    added: tuple[Coding, ...]  # system, code and, where it was sent, version


class _Table:
    """The concepts of one code system that the table has."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.ordinals = BitMap()
        self.codes: dict[int, list[str]] = {}  # ordinal → codes by which it was sent
        self.strange: set[str] = set()  # codes that the system does not have

    def add(self, code: str) -> int | None:
        """The ordinal of a code that is put into the table."""
        ordinal = self.system.find(code)
        if ordinal is None:
            self.strange.add(code)
            return None
        self.ordinals.add(ordinal)
        self.codes.setdefault(ordinal, []).append(code)
        return ordinal


def close(scope: Scope, name: str, known: Sequence[Coding], new: Sequence[Coding], version: str) -> Closed:
    """The rows newly implied when `new` concepts join those `known`; with no new ones, an empty map: a new start.

    To send again what followed a version: known as of that version, new all that came after it, in their order.
    name: of the table; version: the one it has now. Rows are those of the transitive closure, without each concept
    itself: `subsumes` where the target is above the source, `specializes` where it is below. Raises NotFound for an
    unknown code system, Invalid for a Coding without system or code."""
    if len(known) + len(new) > MOST:
        raise TooCostly(f"A closure table has at most {MOST} concepts.")
    scope.budget.spend(len(known) + len(new))
    tables: dict[str, _Table] = {}
    for coding in known:
        asked = coding_of(coding, "concept")
        _table(scope, tables, asked).add(asked.code)
    budget = scope.budget
    added: list[Coding] = []
    rows: dict[str, dict[str, list[dict[str, str]]]] = {}
    there = {(one["system"], one["code"]) for one in known}
    for n, coding in enumerate(new):
        asked = coding_of(coding, f"concept[{n}]")
        if (asked.system, asked.code) in there:
            continue
        there.add((asked.system, asked.code))
        table = _table(scope, tables, asked)
        added.append({key: coding[key] for key in ("system", "version", "code", "display") if coding.get(key)})
        targets = _implied(table, asked.code, budget)
        if targets:
            rows.setdefault(asked.system, {})[asked.code] = targets
    return Closed(_concept_map(name, version, tables, rows), tuple(added))


def _table(scope: Scope, tables: dict[str, _Table], asked: Asked) -> _Table:
    found = tables.get(asked.system)
    if found is None:
        system = code_system(scope, asked.system, asked.version, place=asked.place)
        if system.about.hierarchy_meaning not in _MEANINGS:
            text = f"The hierarchy of {asked.system} is '{system.about.hierarchy_meaning}': it does not tell what subsumes what."
            raise Invalid(text, code="not-supported", expression=[asked.place])
        found = tables[asked.system] = _Table(system)
    return found


def _implied(table: _Table, code: str, budget: Budget) -> list[dict[str, str]]:
    """The targets of a code that joins a table."""
    system, before = table.system, table.ordinals.copy()
    ordinal = table.add(code)
    if ordinal is None:
        return [{"equivalence": UNMATCHED}]
    budget.spend(1 + len(before) // 1000)
    found: list[dict[str, str]] = [
        {"code": other, "equivalence": EQUAL} for other in table.codes[ordinal] if other != code
    ]
    before.discard(ordinal)
    for relation, others in (
        (SUBSUMES, system.ancestors(ordinal) & before),
        (SPECIALIZES, system.descendants(ordinal) & before),
    ):
        budget.spend(len(others))
        found += ({"code": other, "equivalence": relation} for one in others for other in table.codes[one])
    return found


def _concept_map(
    name: str, version: str, tables: Mapping[str, _Table], rows: Mapping[str, Mapping[str, list[dict[str, str]]]]
) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "resourceType": "ConceptMap",
        "version": version,
        "name": name,
        "title": f"Updates for closure table {name}",
        "status": "active",
        "experimental": True,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    groups = []
    for system, elements in rows.items():
        group: dict[str, Any] = {"source": system, "target": system}
        if used := tables[system].system.about.version:
            group |= {"sourceVersion": used, "targetVersion": used}
        group["element"] = [{"code": code, "target": targets} for code, targets in elements.items()]
        groups.append(group)
    return tree | ({"group": groups} if groups else {})
