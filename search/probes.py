"""Whether a candidate meets a condition, as SQL. Pure.

Each is fenced (`offset 0`), so that the planner joins none of them, and knows the candidate by its s and rid. A candidate
within another, that a chain leads to, has a name of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from .conditions import And, Condition, Not, Nothing, Or, Referred, Refers
from .parameters.tables import Arguments, probe


def probes(conditions: Sequence[Condition], candidate: str, arguments: Arguments) -> str:
    return "".join(f" and {probed(one, candidate, arguments)}" for one in conditions)


def probed(condition: Condition, candidate: str, arguments: Arguments) -> str:
    """Whether the candidate meets the condition: a boolean expression."""
    match condition:
        case And(conditions=parts):
            return "(" + (" and ".join(probed(one, candidate, arguments) for one in parts) or "true") + ")"
        case Or(conditions=parts):
            return "(" + (" or ".join(probed(one, candidate, arguments) for one in parts) or "false") + ")"
        case Not(condition=inner):
            return f"not {probed(inner, candidate, arguments)}"
        case Nothing():
            return "false"
        case Refers(pointing=pointing, targets=targets):
            ways = [_refers(pointing, types, inner, candidate, arguments) for types, inner in targets]
            return f"({' or '.join(ways) or 'false'})"
        case Referred():
            return _referred(condition, candidate, arguments)
        case _:
            return probe(condition, candidate, arguments)  # type: ignore[arg-type]


def _refers(
    pointing: Sequence[int], types: Sequence[int], inner: Condition, candidate: str, arguments: Arguments
) -> str:
    p = arguments.alias()
    target = "contained r" if types[0] < 0 else "resource r"
    having = f"r.rtype + 0 = any({arguments.add(list(types), 'int2[]')})" + (
        "" if types[0] < 0 else " and r.deleted = false"
    )
    return (
        f"exists (select from unnest({arguments.add(list(pointing), 'int4[]')}) v(q) "
        f"cross join lateral (select f.h from posting f where f.tenant_id = g.t and f.rid = {candidate}.rid "
        "and f.q = v.q and f.q < 0 offset 0) f "
        f"cross join lateral (select r.s, r.rid from {target} where r.tenant_id = g.t and r.skey = f.h and {having} "
        f"offset 0) {p} where {probed(inner, p, arguments)} offset 0)"
    )


def _referred(condition: Referred, candidate: str, arguments: Arguments) -> str:
    p = arguments.alias()
    return (
        f"exists (select from (select r.skey from resource r where r.tenant_id = g.t and r.rid = {candidate}.rid "
        f"offset 0) r cross join unnest({arguments.add(list(condition.pointing), 'int4[]')}) v(q) "
        "cross join lateral (select x.s, x.rid from posting x where x.tenant_id = g.t and x.h = r.skey and x.q = v.q "
        f"offset 0) {p} where {probed(condition.condition, p, arguments)} offset 0)"
    )
