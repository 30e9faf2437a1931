"""What has left a compartment: which rows a write leaves behind, and the plans of the statements of a record."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from fhir_server import reindex, settings
from resources.database import Database, framed
from resources.hashing import Hash
from resources.outcome import Fault
from search import lastn
from search.candidates import Plan
from search.conditions import Inside, Keys
from search.everything import ALWAYS, FOREVER, LARGE, LOOKED, QUERIES
from search.intervals import EARLIEST, LATEST
from search.parameter import ANY
from search.parameters.tables import Arguments

from ..conftest import FreshTenant, Urls
from ..large import DENSE, FIRST, OBSERVATIONS, OTHER_TYPE, STEP, TYPE
from ..plans import explain, faults

CONDITION: dict[str, Any] = {"resourceType": "Condition", "id": "c"}


async def past(database: Database, tenant: FreshTenant) -> list[tuple[str, str, datetime]]:
    """(compartment, resource, until) of every row."""
    rows = await tenant.session.select(
        "select p.ckey, p.rtype, p.until, r.rtype as really, r.id from compartment_past p "
        "cross join lateral (select r.rtype, r.id from resource r where r.tenant_id = g.t and r.rid = p.rid offset 0) r "
        "where p.tenant_id = g.t order by p.until, r.id"
    )
    hash_ = Hash(database.hash_key)
    names = {hash_.of("Patient", one): one for one in ("a", "b")}
    assert all(row["rtype"] == row["really"] for row in rows)
    return [(names[row["ckey"]], row["id"], row["until"]) for row in rows]


async def put(http: httpx.AsyncClient, subject: str, **more: Any) -> datetime:
    tree = {**CONDITION, "subject": {"reference": f"Patient/{subject}"}, **more}
    return datetime.fromisoformat((await http.put("/Condition/c", json=tree)).json()["meta"]["lastUpdated"])


async def test_only_what_leaves_a_compartment_leaves_a_row(
    http: httpx.AsyncClient, database: Database, urls: Urls, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """Not a create, nor an update inside of it, nor one without change, nor indexing anew; a move and a deletion do."""
    for one in ("a", "b"):
        await http.put(f"/Patient/{one}", json={"resourceType": "Patient", "id": one})
    await put(http, "a")
    await put(http, "a", onsetDateTime="2020-01-01")
    await put(http, "a", onsetDateTime="2020-01-01")
    await put(http, "a", asserter={"reference": "Patient/b"})
    given = settings.read({"database_url": urls.application, "base_url": "http://fhir.example"}, {})
    assert await reindex.run(given, tenant.name, None, io.StringIO()) == 0
    assert await past(database, tenant) == []
    moved = await put(http, "b")
    assert await past(database, tenant) == [("a", "c", moved)]
    back = await put(http, "a")
    again = await put(http, "b")
    assert await past(database, tenant) == [("a", "c", moved), ("b", "c", back), ("a", "c", again)]
    await http.delete("/Condition/c")
    gone = (await past(database, tenant))[3:]
    assert [one[:2] for one in gone] == [("b", "c")]
    await put(http, "a")
    assert (await past(database, tenant))[4:] == []
    await http.delete("/Patient/a")
    assert [one[:2] for one in (await past(database, tenant))[4:]] == [("a", "a")]
    rows = await other_tenant.session.select("select p.rid from compartment_past p where p.tenant_id = g.t")
    assert not rows


@pytest.mark.parametrize("change", ["update compartment_past set until = now()", "delete from compartment_past"])
async def test_the_application_only_appends(tenant: FreshTenant, change: str) -> None:
    with pytest.raises(Fault):
        await tenant.session.call(change)


PAGE = 21
MIDDLE = FIRST + OBSERVATIONS // 2 * STEP
INSTANT = datetime(2024, 1, 10, tzinfo=UTC)
KEYS = ([TYPE, OTHER_TYPE, TYPE], [800, -8, 801], ["o800", "p8", "o801"], [0, 0, 5])
WALKS = [(1, LATEST), (1, MIDDLE), (-8, LATEST), (-8, MIDDLE)]


def lists(s: int) -> tuple[list[Any], ...]:
    return [TYPE, OTHER_TYPE], [s, LATEST], [LATEST, LATEST], [True, False]


# Name of a query → arguments and the buffers it may read. A compartment of 80,000 and one of a handful.
BOUNDS: list[tuple[str, tuple[Any, ...], int]] = [
    *(("now", (ckey, 0, *lists(s), PAGE, ALWAYS, EARLIEST, LARGE, PAGE - 1), 60 + PAGE * 8) for ckey, s in WALKS),
    ("now", (1, 0, [TYPE], [LATEST], [LATEST], [True], LOOKED, INSTANT, MIDDLE, LARGE, PAGE), 60 + LOOKED * 14),
    ("as_of", (-8, 0, [TYPE, OTHER_TYPE], 0, PAGE, INSTANT, LARGE), 80 + PAGE * 16),
    # Of the keys all are read.
    ("as_of", (1, 0, [TYPE, OTHER_TYPE], 0, PAGE, INSTANT, LARGE), 80 + PAGE * 16 + 2 * (OBSERVATIONS // 2)),
    ("named", (*KEYS, FOREVER, LARGE, 3), 100),
    ("named", (*KEYS, INSTANT, LARGE, 3), 100),
]  # fmt: skip
COUNTS = {"count"}  # totals read what they count


def test_every_query_is_tested() -> None:
    assert {name for name, _, _ in BOUNDS} | COUNTS == set(QUERIES)


async def query_faults(connection: asyncpg.Connection, tenant_id: int) -> list[str]:
    found = []
    for name, arguments, bound in BOUNDS:
        plan = await explain(connection, framed(QUERIES[name]), (tenant_id, *arguments))
        # PostgreSQL 15 gathers what left a compartment, of which all is read, so that the bound tells if that was more.
        there = [one for one in faults(plan, bound, LOOKED) if one != "Bitmap Heap Scan of compartment_past"]
        found += [f"{name} {arguments[:2]}: {fault}" for fault in there]
    return found


async def test_no_query_of_a_record_scans(connection: asyncpg.Connection, never_analyzed: int) -> None:
    assert await query_faults(connection, never_analyzed) == []


async def test_no_query_of_a_record_scans_when_all_is_analyzed(connection: asyncpg.Connection, large: int) -> None:
    assert await query_faults(connection, large) == []


async def _codes_are_read_by_their_keys(connection: asyncpg.Connection, tenant_id: int) -> None:
    """What is read are the index entries of the matches, and a row of each."""
    inside, dense = Inside(((-8, TYPE),)), Keys(((DENSE, ANY),))
    for conditions, matches in [((inside,), 4), ((inside, dense), 4), ((Inside(((1, TYPE),)),), 1_000)]:
        arguments = Arguments()
        text = lastn.codes(Plan((TYPE,), conditions, 0, limit=matches), arguments)
        plan = await explain(connection, framed(text), (tenant_id, *arguments.values))
        assert faults(plan, 60 + matches * 12, matches) == []
    statement = framed(lastn.CHOSEN)
    assert faults(await explain(connection, statement, (tenant_id, [1, 2, 3], [1, 1, 1], 10**6)), 60, 3) == []


async def test_the_codes_of_what_matches_are_read_by_their_keys(
    connection: asyncpg.Connection, never_analyzed: int
) -> None:
    await _codes_are_read_by_their_keys(connection, never_analyzed)


async def test_the_codes_of_what_matches_are_read_by_their_keys_when_all_is_analyzed(
    connection: asyncpg.Connection, large: int
) -> None:
    await _codes_are_read_by_their_keys(connection, large)


async def test_a_bad_query_of_a_record_is_caught(connection: asyncpg.Connection, large: int) -> None:
    bad = QUERIES["named"].replace("r.skey = v.skey", "r.skey + 0 = v.skey")
    assert bad != QUERIES["named"]
    assert faults(await explain(connection, framed(bad), (large, *KEYS, FOREVER, LARGE, 3)), 100, LOOKED)
