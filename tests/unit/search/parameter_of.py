"""Parameters and index rows to try a search parameter type with, and whether rows meet a condition."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Any

from resources import definitions
from resources.hashing import Hash
from search import build
from search.conditions import (
    Amounts,
    And,
    Condition,
    Dates,
    Endings,
    Fragments,
    Keys,
    Near,
    Not,
    Nothing,
    Numbers,
    Or,
    Strings,
    UriRanges,
    Uris,
)
from search.criteria import Criterion
from search.indexer import Indexer
from search.parameter import Parameter, Rows
from search.parameters import module_of, token
from search.query import Query

R4 = definitions.load()
INDEXER = Indexer(R4, Hash(bytes(32)))
BASE = "http://here/fhir/t"


def parameter_of(resource_type: str, code: str) -> Parameter:
    return INDEXER.parameters(resource_type)[code]


def index_of(resource_type: str, content: dict[str, Any]) -> Rows:
    """The rows of a resource with that content."""
    resource = {"resourceType": resource_type, "id": "x", **content}
    rows = Rows(resource, BASE)
    INDEXER.trie(resource_type).arrive(resource, rows)
    token.finish(rows)
    return rows


def condition_of(resource_type: str, criterion: str) -> Condition:
    """The condition of `code=value` or `code:modifier=value`, one value."""
    name, _, value = criterion.partition("=")
    code, _, modifier = name.partition(":")
    parameter = parameter_of(resource_type, code)
    found: Condition = module_of(parameter.definition).condition(parameter, modifier or None, (value,), BASE)
    return found


def condition_for(resource_type: str, criterion: Criterion) -> Condition:
    """The condition of one criterion in a search over the type."""
    [found] = build.conditions(INDEXER, Query((resource_type,), (criterion,), base_url=BASE))
    return found


def finds(resource_type: str, content: dict[str, Any], criterion: str) -> bool:
    return meets(condition_of(resource_type, criterion), index_of(resource_type, content))


def meets(condition: Condition, rows: Rows) -> bool:
    """What the compiled SQL says of index rows, in Python. The rows must be of the type that is searched."""
    match condition:
        case And(conditions=parts):
            return all(meets(one, rows) for one in parts)
        case Or(conditions=parts):
            return any(meets(one, rows) for one in parts)
        case Not(condition=part):
            return not meets(part, rows)
        case Nothing():
            return False
        case Keys():
            return any(key in rows.keys for key in condition.rows)
        case Strings():
            return any(n == m and lo <= v < hi for _, n, lo, hi in condition.rows for m, v in rows.str)
        case Fragments():
            return any(n == m and fragment in v for _, n, fragment in condition.rows for m, v in rows.str)
        case Endings():
            return any(
                n == m and v.endswith(ending) and len(v) < 500 and (m > 0 or v < " ")
                for _, n, ending in condition.rows
                for m, v in rows.str
            )
        case Uris():
            return any((n, uri) in rows.uri for _, n, uri in condition.rows)
        case UriRanges():
            return any(n == m and lo <= v < hi for _, n, lo, hi in condition.rows for m, v in rows.uri)
        case Dates():
            return any(
                n == m and a <= lo <= b and c <= hi <= d
                for _, n, a, b, c, d in condition.rows
                for m, lo, hi in rows.dat
            )
        case Numbers():
            return any(_numbers(wanted, row) for wanted in condition.rows for row in rows.qty)
        case Amounts():
            return any(
                row[0] == n
                and k in (None, row[1])
                and q in (None, row[2])
                and row[8] == u
                and a <= row[9] < b
                and c < row[10] <= d
                for _, n, k, u, a, b, c, d, q in condition.rows
                for row in rows.qty
            )
        case Near():
            return any(
                n == m and _metres(lat, lon, y, x) <= metres
                for _, n, lat, lon, metres in condition.rows
                for m, y, x in rows.geo
            )
    raise AssertionError(condition)


def _numbers(wanted: tuple[Any, ...], row: tuple[Any, ...]) -> bool:
    _, n, k, a, b, c, d, q, system, unit, a2, b2, c2, d2 = wanted
    return bool(
        row[0] == n
        and k in (None, row[1])
        and q in (None, row[2])
        and a <= row[3] < b
        and c < row[4] <= d
        and system in (None, row[5])
        and (unit is None or unit in row[6:8])
        and (a2 is None or (a2 <= row[9] < b2 and c2 < row[10] <= d2))
    )


def _metres(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    y, x = radians(lat2 - lat1) / 2, radians(lon2 - lon1) / 2
    return 2 * 6371008.8 * asin(min(1, sqrt(sin(y) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(x) ** 2)))
