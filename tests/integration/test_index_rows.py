"""What writing and changing a resource leaves in the tables of the index, for the tenant and for nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from resources import definitions
from resources.database import Database, Owner, Session
from resources.hashing import Hash
from resources.outcome import Conflict
from resources.store import Change, StaleDefinitions, Store, body_parts
from search.indexer import FLOOR

from ..conftest import FreshTenant, Urls

TABLES = {
    "posting": "h, q",
    "str": "rtype, param, v",
    "dat": "rtype, param, lo, hi",
    "qty": "rtype, param, k, q, lo, hi, system, code, unit, u, clo, chi",
    "uri": "rtype, param, v",
    "geo": "rtype, param, lat, lon",
    "compartment": "ckey, rtype",
    "contained": "rtype, skey, id, s, keys",
    "code": "rtype, param, h, q, system, code",
}
TYPE = definitions.load().type_number("Basic")
CODE = (TYPE, 5, 77, 8, "http://x.org", "a")


def rows(turn: int, *contained: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every table; two turns have some in common."""
    keys = [(1, 0), (10 + turn, 2)]
    return {
        "posting": keys,
        "str": [(1, f"name {turn}")],
        "dat": [(2, turn, turn + 1)],
        "qty": [(3, 0, 0, f"{turn}", f"{turn}!", 1, 2, 3, 4, "c", "d")],
        "uri": [(4, f"http://x.org/{turn}")],
        "geo": [(5, 50.5, 10.25 + turn)],
        "compartment": [(7,), (100 + turn,)],
        "contained": [
            (-9, 500 + n, f"m{n}", 3, "{" + ",".join(f"{h},{q}" for h, q in inside["posting"]) + "}", inside)
            for n, inside in enumerate(contained)
        ],
        "code": [CODE],
    }


def inside(n: int) -> dict[str, list[tuple[Any, ...]]]:
    return {"posting": [(1, 0), (60 + n, 0)], "str": [(1, f"inside {n}")], "code": [(-9, 5, n, 8, "", f"b{n}")]}


def change(logical_id: str, turn: int, of_floor: dict[str, list[tuple[Any, ...]]]) -> Change:
    keys = tuple(number for key in of_floor["posting"] for number in key)
    parts = body_parts({"resourceType": "Basic", "turn": turn}, logical_id)
    return Change("update", "Basic", logical_id, *parts, turn, keys, of_floor)


async def stored(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tenant, without those of nobody: each belongs to a resource or to one contained in it."""
    known = "select r.rid from resource r where r.tenant_id = g.t union select c.rid from contained c where c.tenant_id = g.t"
    found = {}
    for table, columns in TABLES.items():
        result = await session.select(f"select {columns} from {table} t where t.tenant_id = g.t order by {columns}")
        found[table] = [tuple(row) for row in result]
        if table != "code":
            query = f"select 1 from {table} t where t.tenant_id = g.t and t.rid not in ({known})"
            assert not await session.select(query), table
    return found


def expected(of_floor: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables must hold of one resource with these rows."""
    typed = ("str", "dat", "qty", "uri", "geo")
    parts = of_floor["contained"]
    out = {table: [(TYPE, *row) for row in of_floor[table]] for table in typed}
    for table in typed:
        out[table] = sorted(out[table] + [(part[0], *row) for part in parts for row in part[-1].get(table, ())])
    out["posting"] = sorted(of_floor["posting"] + [row for part in parts for row in part[-1]["posting"]])
    out["compartment"] = [(*row, TYPE) for row in of_floor["compartment"]]
    out["contained"] = [(*part[:4], [number for key in part[-1]["posting"] for number in key]) for part in parts]
    return out


def without_codes(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows for table, rows in found.items() if table != "code"}


@pytest.fixture
def store(database: Database) -> Store:
    """A worker that knows nothing yet."""
    return Store(Hash(database.hash_key), definitions.load(), (FLOOR,))


async def test_rows_are_written_replaced_and_taken_away(store: Store, tenant: FreshTenant) -> None:
    """Of the resource and of what it contains; also where more, fewer or none are contained than before."""
    codes: set[tuple[Any, ...]] = set()
    lives = [(inside(1), inside(2)), (inside(2),), (), (inside(3), inside(4), inside(3)), (inside(3),)]
    for turn, contained in enumerate(lives):
        of_floor = rows(turn, *contained)
        codes |= {CODE, *(code for one in contained for code in one["code"])}
        [version] = await store.apply(tenant.session, 1, [change("a", turn, of_floor)])
        assert (version.outcome, version.version_id) == ("updated" if turn else "created", turn + 1)
        found = await stored(tenant.session)
        assert without_codes(found) == expected(of_floor)
        assert found["code"] == sorted(codes)
    [version] = await store.apply(tenant.session, 1, [Change("delete", "Basic", "a")])
    assert version.outcome == "deleted"
    found = await stored(tenant.session)
    assert without_codes(found) == {table: [] for table in TABLES if table != "code"}
    assert found["code"] == sorted(codes), "a value of the tenant is never forgotten"
    await store.apply(tenant.session, 1, [change("a", 9, rows(9, inside(1)))])
    assert without_codes(await stored(tenant.session)) == expected(rows(9, inside(1)))


async def test_what_did_not_change_keeps_its_rows(store: Store, tenant: FreshTenant) -> None:
    of_floor = rows(1, inside(1))
    await store.apply(tenant.session, 1, [change("a", 1, of_floor)])
    before = await tenant.session.select("select c.rid from contained c where c.tenant_id = g.t")
    [version] = await store.apply(tenant.session, 1, [change("a", 1, of_floor)])
    assert version.outcome == "unchanged"
    assert await tenant.session.select("select c.rid from contained c where c.tenant_id = g.t") == before
    assert without_codes(await stored(tenant.session)) == expected(of_floor)


async def test_several_changes_at_once_keep_their_contained_resources_apart(store: Store, tenant: FreshTenant) -> None:
    await store.apply(tenant.session, 1, [change("b", 0, rows(0, inside(5))), change("c", 0, rows(0, inside(6)))])
    versions = await store.apply(
        tenant.session,
        1,
        [
            change("a", 1, rows(1, inside(1), inside(2))),
            Change("delete", "Basic", "b"),
            change("c", 2, rows(2, inside(3))),
            change("d", 3, rows(3)),
        ],
    )
    assert [(version.logical_id, version.outcome) for version in versions] == [
        ("a", "created"),
        ("b", "deleted"),
        ("c", "updated"),
        ("d", "created"),
    ]
    query = (
        "select r.id, c.id as inner_id, t.v from contained c join resource r on r.tenant_id = g.t and r.rid = c.container "
        "join str t on t.tenant_id = g.t and t.rid = c.rid where c.tenant_id = g.t order by 1, 2"
    )
    assert [tuple(row) for row in await tenant.session.select(query)] == [
        ("a", "m0", "inside 1"),
        ("a", "m1", "inside 2"),
        ("c", "m0", "inside 3"),
    ]
    assert len(await tenant.session.select("select 1 from posting t where t.tenant_id = g.t")) == 3 * 2 + 3 * 2


async def test_rows_are_of_their_tenant(store: Store, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    """What one tenant changes or removes leaves the same rows of the other alone."""
    for one in (tenant, other_tenant):
        await store.apply(one.session, 1, [change("a", 1, rows(1, inside(1)))])
    await store.apply(tenant.session, 1, [Change("delete", "Basic", "a")])
    assert not any(without_codes(await stored(tenant.session)).values())
    found = await stored(other_tenant.session)
    assert without_codes(found) == expected(rows(1, inside(1)))
    assert found["code"] == sorted([CODE, *inside(1)["code"]])


async def test_the_tables_are_closed_without_a_tenant(
    store: Store, tenant: FreshTenant, database: Database, urls: Urls
) -> None:
    await store.apply(tenant.session, 1, [change("a", 1, rows(1, inside(1)))])
    async with Owner.connect(urls.owner) as owner:
        for table in TABLES:
            assert not await owner.fetch(f"select 1 from fhir.{table} where tenant_id = {tenant.tenant_id}"), table
            assert await database.registry(f"select 1 from fhir.{table}") == [], table


class Counted(Session):
    """A session that tells which codes each write sent."""

    __slots__ = ("sent",)

    def __init__(self, session: Session) -> None:
        super().__init__(session._connections, session.tenant_id, session.actor)
        self.sent: list[list[str]] = []

    async def call(self, statement: str, *args: Any) -> Any:
        self.sent.append(args[-1])
        return await super().call(statement, *args)


async def test_a_code_is_sent_until_it_is_committed(store: Store, tenant: FreshTenant, database: Database) -> None:
    """A worker that remembered a code of a transaction that rolled back would never write it again."""
    with contextlib.suppress(ZeroDivisionError):
        async with tenant.session.transaction() as session:
            await store.apply(session, 1, [change("a", 1, rows(1))])
            raise ZeroDivisionError
    assert (await stored(tenant.session))["code"] == []
    counted = Counted(tenant.session)
    for turn in (1, 2, 3):
        changes = [change(logical_id, turn, rows(turn, inside(1))) for logical_id in "ab"]
        await store.apply(counted, 1, changes)
        assert (await stored(tenant.session))["code"] == sorted([CODE, *inside(1)["code"]])
    assert counted.sent == [["b1", "a"], [], []]
    other = Store(Hash(database.hash_key), definitions.load(), (FLOOR,))
    await other.apply(counted, 1, [change("a", 4, rows(4))])
    assert counted.sent[-1] == ["a"]


async def test_a_refused_write_teaches_nothing(store: Store, tenant: FreshTenant) -> None:
    with pytest.raises(StaleDefinitions):
        await store.apply(tenant.session, 2, [change("a", 1, rows(1))])
    await store.apply(tenant.session, 1, [change("a", 1, rows(1))])
    assert (await stored(tenant.session))["code"] == [CODE]


@pytest.mark.parametrize("other", [("http://y.org", "a"), ("http://x.org", "b")])
async def test_two_values_of_one_hash_are_refused(
    store: Store, database: Database, tenant: FreshTenant, other: tuple[str, str]
) -> None:
    """Neither could be told from the other by a search."""
    await store.apply(tenant.session, 1, [change("a", 1, rows(1))])
    collides = {**rows(2), "code": [(*CODE[:4], *other)]}
    with pytest.raises(Conflict, match="same hash"):
        await store.apply(tenant.session, 1, [change("b", 2, collides)])
    assert without_codes(await stored(tenant.session)) == expected(rows(1))
    fresh = Store(Hash(database.hash_key), definitions.load(), (FLOOR,))
    both = {**rows(2), "code": [(*CODE[:2], 99, *CODE[3:]), (*CODE[:2], 99, CODE[3], *other)]}
    with pytest.raises(Conflict, match="same hash"):
        await fresh.apply(tenant.session, 1, [change("b", 2, both)])


async def test_writers_of_the_same_new_codes_do_not_wait_for_each_other(
    database: Database, tenant: FreshTenant
) -> None:
    """Codes go in one order, in whatever order the resources have them."""
    stores = [Store(Hash(database.hash_key), definitions.load(), (FLOOR,)) for _ in range(6)]
    for turn in range(5):
        codes = [(TYPE, 5, turn * 1000 + n, 8, "", f"{turn} {n}") for n in range(200)]
        await asyncio.gather(
            *(
                store.apply(
                    tenant.session,
                    1,
                    [change(f"{turn}-{n}", turn, {**rows(turn), "code": codes[:: 1 if n % 2 else -1]})],
                )
                for n, store in enumerate(stores)
            )
        )
    assert len((await stored(tenant.session))["code"]) == 1000


async def test_thousands_of_codes_that_others_have_written_are_compared_by_their_key(
    tenant: FreshTenant, database: Database, urls: Urls
) -> None:
    """Looked for in the order of the codes, each would go through all: minutes, instead of a fraction of a second."""
    many = [(TYPE, 5, n * 7919 % 2**40, 8, "http://x.org", f"c{n:05}") for n in range(25_000)]
    patient = await Database.open(urls.application, statement_timeout=5_000)
    try:
        session = patient.session(tenant.tenant_id)
        for n, some in enumerate((many[:3], many, many)):  # the plan is made while there are few; the last knows none
            store = Store(Hash(database.hash_key), definitions.load(), (FLOOR,))
            await store.apply(session, 1, [change(str(n), n, {"posting": [(n, 0)], "code": some})])
    finally:
        await patient.close()
