"""How a search was run, in words: `_explain=true`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from resources.database import Session, framed

from . import compiler
from .candidates import CAP, Plan
from .conditions import (
    Amounts,
    And,
    Condition,
    Dates,
    Endings,
    Fragments,
    Ids,
    Inside,
    Keys,
    Near,
    Not,
    Numbers,
    Or,
    Referred,
    Refers,
    Strings,
    Updated,
    UriRanges,
    Uris,
)
from .densities import Densities
from .parameters.tables import Arguments

# Atoms in the words of somebody who searches; a value asked for can be several in the index.
_KINDS: Final[Mapping[type, str]] = {
    Keys: "a code or reference",
    Inside: "a compartment",
    Uris: "a URI",
    UriRanges: "the beginning of a URI",
    Strings: "the beginning of a text",
    Fragments: "a part of a text",
    Endings: "the end of a text",
    Dates: "a date",
    Numbers: "a number",
    Amounts: "an amount in a unit",
    Near: "a distance",
    Updated: "the time of the last update",
    Ids: "a logical id",
}


async def explained(session: Session, plan: Plan, densities: Densities) -> list[str]:
    """One line for each step of the plan, then the rows that were looked at. It runs the statement once more."""
    arguments = Arguments()
    statement = framed(compiler.page(replace(plan, total=False), arguments))
    [row] = await session.call(
        f"explain (analyze, buffers, format json) {statement}", str(session.tenant_id), *arguments.values
    )
    [analyzed] = orjson.loads(row["QUERY PLAN"])
    looked_at = sum(_rows(node) for node in _nodes(analyzed["Plan"]))
    lines = list(_steps(plan, session.tenant_id, densities))
    blocks = analyzed["Plan"]["Shared Hit Blocks"] + analyzed["Plan"]["Shared Read Blocks"]
    lines.append(
        f"{looked_at} index entries and rows were looked at, in {blocks} pages of the database, within "
        f"{analyzed['Execution Time']:.1f} ms and {analyzed['Planning Time']:.1f} ms of planning."
    )
    return lines


def _steps(plan: Plan, tenant_id: int, densities: Densities) -> Iterator[str]:
    if plan.sorted:
        yield f"Resources are read in the order of {_order(plan)}, until the page is full."
    elif plan.driver is None:
        yield "All resources of the types are read in the order of the primary date, until the page is full."
    else:
        driver = plan.conditions[plan.driver]
        count = densities.estimate(tenant_id, driver)
        many = "not known" if count is None or count >= CAP else str(count)
        yield f"Candidates come from {_words(driver)}; index entries: {many}."
        for inner in plan.inner:
            for line in _steps(inner, tenant_id, densities):
                yield f"  Within: {line}"
    for n, one in enumerate(plan.conditions):
        if n != plan.driver or plan.sorted:
            yield f"Each candidate is checked for {_words(one)}."
    if plan.order.keys and not plan.sorted:
        yield f"All matches are then sorted by {_order(plan)}."


def _order(plan: Plan) -> str:
    return ", ".join(f"{key.kind}{' descending' if key.descending else ''}" for key in plan.order.keys)


def _words(condition: Condition) -> str:
    match condition:
        case Not(condition=inner):
            return f"not {_words(inner)}"
        case And(conditions=parts) | Or(conditions=parts):
            joint = " and " if isinstance(condition, And) else " or "
            return f"({joint.join(map(_words, parts))})"
        case Refers(targets=targets):
            return f"a reference to a resource with {_any(targets)}"
        case Referred(condition=inner):
            return f"a reference from a resource with {_words(inner)}"
    values = len(getattr(condition, "rows", ()))
    return f"{_KINDS.get(type(condition), 'nothing')} ({values} {'value' if values == 1 else 'values'})"


def _any(targets: Sequence[tuple[tuple[int, ...], Condition]]) -> str:
    return " or ".join(dict.fromkeys(_words(inner) for _, inner in targets))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _rows(node: dict[str, Any]) -> int:
    """What a scan of an index or a table read, also what it then threw away."""
    if "Relation Name" not in node:
        return 0
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    looked_at: int = round(read * node["Actual Loops"])
    return looked_at
