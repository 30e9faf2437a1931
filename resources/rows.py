"""Rows that are written with a resource: the tables of the floors above, and what goes to their write functions.

A floor names its tables; the store sends their rows as arrays in the one statement that writes the resource, and does not
know what they mean.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = tuple[Any, ...]
Rows = Mapping[str, Sequence[Row]]  # table name → rows

KNOWN: Final = 50_000  # rows written once that a process remembers


@dataclass(frozen=True, slots=True)
class Table:
    """Rows a floor writes with a resource: the arrays its write function takes after the ordinals, in this order."""

    name: str
    columns: tuple[tuple[str, str], ...]  # (name, SQL type) without tenant, resource and ordinal
    # Each row stands for a part of the resource that has rows of its own, by table: they are its last item. It is sent
    # with two ordinals, that of its change and a new one under which the rows of the part are sent.
    parts: bool = False
    # The rows are the tenant's, and nothing ever takes them away: sent without ordinal, each once and in order, so that
    # two writers cannot wait for each other; and not again by a process that has seen them committed.
    once: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """The SQL types of its arrays."""
        ordinals = 0 if self.once else 2 if self.parts else 1
        return ("int4",) * ordinals + tuple(sql_type for _, sql_type in self.columns)


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor's part in a write: function(tenant, written[], arrays of each table) returns written[]."""

    function: str
    tables: tuple[Table, ...]
    rare: bool = False  # its function is called only when there are rows for it

    def has_part_in(self, changes: Iterable[Rows | None]) -> bool:
        return not self.rare or any(rows and rows.get(table.name) for rows in changes for table in self.tables)


class Known:
    """Rows written once that are there, as far as this process knows. The least recently asked for are forgotten."""

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._rows: OrderedDict[int, None] = OrderedDict()  # by hash: whole rows would take ten times the room

    def missing(self, tenant_id: int, table: str, rows: Iterable[Row]) -> set[Row]:
        """Those that must be written."""
        out = set()
        for row in rows:
            key = hash((tenant_id, table, row))
            if key in self._rows:
                self._rows.move_to_end(key)
            else:
                out.add(row)
        return out

    def learn(self, tenant_id: int, table: str, rows: Iterable[Row]) -> None:
        """Only after the commit that wrote them."""
        for row in rows:
            key = hash((tenant_id, table, row))
            self._rows[key] = None
            self._rows.move_to_end(key)
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)


def arrays(
    floors: Sequence[Floor], changes: Sequence[Rows | None], tenant_id: int = 0, known: Known | None = None
) -> tuple[list[list[Any]], dict[str, list[Row]]]:
    """The rows of all changes column by column, the ordinals of what they belong to first; and those written once."""
    tables = [table for floor in floors for table in floor.tables]
    owners = [(ordinal, rows) for ordinal, rows in enumerate(changes, 1) if rows]
    parts: dict[str, list[Row]] = {}
    inner: list[tuple[int, Rows]] = []
    for table in tables:
        if table.parts:
            parts[table.name] = []
            for ordinal, rows in owners:
                for *row, of_part in rows.get(table.name, ()):
                    inner.append((len(changes) + len(inner) + 1, of_part))
                    parts[table.name].append((ordinal, inner[-1][0], *row))
    owners += inner
    out: list[list[Any]] = []
    once: dict[str, list[Row]] = {}
    for table in tables:
        if table.once:
            found = (row for _, rows in owners for row in rows.get(table.name, ()))
            sent = sorted(known.missing(tenant_id, table.name, found) if known else set(found))
            if sent:
                once[table.name] = sent
        elif table.parts:
            sent = parts[table.name]
        else:
            ordinals: list[int] = []
            sent = []
            for ordinal, rows in owners:
                if of_owner := rows.get(table.name):
                    sent.extend(of_owner)
                    ordinals.extend([ordinal] * len(of_owner))
            out.append(ordinals)
        width = len(table.types) - (not (table.once or table.parts))
        out.extend([list(column) for column in zip(*sent, strict=True)] if sent else [[] for _ in range(width)])
    return out, once
