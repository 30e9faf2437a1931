"""Searches on the real database, as the application role, against the search in plain Python (tests/naive)."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from urllib.parse import quote

import pytest

from resources import definitions
from resources.database import Database, Owner, Session
from resources.hashing import Hash
from resources.outcome import BadRequest
from resources.store import Change, Store, body_parts
from search.candidates import CAP
from search.indexer import FLOOR, Indexer
from search.query import parse
from search.run import Search

from .. import naive
from ..conftest import FreshTenant
from ..naive.ranges import date_range

BASE = "http://test/fhir/t"
DEFINED = definitions.load()
Tree = dict[str, Any]


class Index:
    """A store with its index, as the application puts them together."""

    def __init__(self, database: Database) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.store = Store(hash_, DEFINED, (FLOOR,))
        self.search = Search(self.indexer)

    def change(self, tree: Tree, interaction: str = "update") -> Change:
        resource_type, logical_id = tree["resourceType"], tree["id"]
        if interaction == "delete":
            return Change("delete", resource_type, logical_id)
        head, tail = body_parts(tree, logical_id)
        indexed = self.indexer.index(resource_type, logical_id, tree, BASE)
        return Change(interaction, resource_type, logical_id, head, tail, indexed.sort_key, indexed.keys, indexed.rows)

    async def put(self, tenant: FreshTenant, *trees: Tree) -> None:
        await self.store.apply(tenant.session, 1, [self.change(tree) for tree in trees])

    async def delete(self, tenant: FreshTenant, *trees: Tree) -> None:
        await self.store.apply(tenant.session, 1, [self.change(tree, "delete") for tree in trees])

    async def ids(self, tenant: FreshTenant, resource_type: str, query: str) -> list[str]:
        """The ids on all pages, in their order; the total, where it is told, is their number."""
        asked = parse(DEFINED, (resource_type,), query, base_url=BASE)
        found: list[str] = []
        while True:
            page = await self.search.page(tenant.session, asked)
            assert len(page.versions) <= page.query.count
            found += [version.logical_id for version in page.versions]
            if page.next is None:
                break
            asked = parse(DEFINED, (resource_type,), f"_page={page.next}", base_url=BASE)
        assert page.total in (None, len(found))
        assert len(set(found)) == len(found)
        return found


@pytest.fixture(scope="module")
def index(database: Database) -> Index:
    return Index(database)


CODES = [
    ("http://loinc.org", "8480-6"),
    ("http://loinc.org", "8462-4"),
    ("http://snomed.info/sct", "8480-6"),
    (None, "local"),
]
DATES = [
    "1985", "2019-12", "2020", "2020-02", "2020-02-29", "2020-02-29T10:00:00Z", "2020-02-29T23:30:00-05:00", "2020-03-01",
    "2020-03-01T04:30:00Z", "2020-03-01T04:30:00.500Z", "2021-01-01T00:00:00+14:00", "2021",
]  # fmt: skip


def observation(chance: random.Random, logical_id: str) -> Tree:
    """A small Observation in which everything that is searched below varies."""

    def coding(system: str | None, code: str | None) -> Tree:
        return {name: value for name, value in (("system", system), ("code", code)) if value}

    def period() -> Tree:
        first, last = sorted(chance.sample(DATES, 2), key=lambda text: date_range(text)[0])
        return chance.choice([{"start": first, "end": last}, {"start": first}, {"end": last}])

    tree: Tree = {
        "resourceType": "Observation",
        "id": logical_id,
        "status": chance.choice(["final", "amended", "registered"]),
        "code": {"coding": [coding(*one) for one in chance.sample(CODES, chance.randint(1, 2))]},
    }
    if chance.random() < 0.7:
        tree["category"] = [
            {"coding": [coding("http://x/cat", chance.choice("abc"))]} for _ in range(chance.randint(1, 2))
        ]
    if chance.random() < 0.8:
        targets = ["Patient/1", "Patient/2", "Group/1", f"{BASE}/Patient/1", "http://other/fhir/Patient/1", "#p"]
        tree["subject"] = {"reference": chance.choice(targets)}
    if chance.random() < 0.3:
        tree["encounter"] = {"reference": f"Encounter/{chance.randint(1, 3)}"}
    match chance.randint(0, 5):
        case 0 | 1 | 2:
            tree["effectiveDateTime"] = chance.choice(DATES)
        case 3:
            tree["effectivePeriod"] = period()
        case 4:
            tree["effectiveInstant"] = chance.choice([date for date in DATES if "T" in date])
    match chance.randint(0, 3):
        case 0:
            tree["valueString"] = chance.choice(["Größe", "grosse Menge", "O'Brien-Smith", "Grüße", "  two  words "])
        case 1:
            tree["valueDateTime"] = chance.choice(DATES)
        case 2:
            tree["valuePeriod"] = period()
    if chance.random() < 0.3:
        tree["meta"] = {"tag": [coding("http://x/tag", "t")], "profile": ["http://x/p|1", "http://x/q"]}
    return tree


PARAMETERS = [
    "code", "category", "status", "subject", "encounter", "date", "value-date", "value-string", "_tag", "_profile",
]  # fmt: skip


def clause(chance: random.Random) -> tuple[str, str]:
    """A random criterion; most of them match something."""
    name = chance.choice([*PARAMETERS, "_id", "date", "code", "subject"])
    if name != "_id" and chance.random() < 0.1:
        return f"{name}:missing", chance.choice(["true", "false"])

    def one() -> str:
        match name:
            case "code":
                system, code = chance.choice(CODES)
                return chance.choice(
                    [code, f"{system or ''}|{code}", f"|{code}", f"{system or 'http://none'}|", code.upper()]
                )
            case "category" | "_tag":
                return chance.choice(["a", "http://x/cat|b", "c", "t", "http://x/tag|t", "|a"])
            case "status":
                return chance.choice(
                    ["final", "http://hl7.org/fhir/observation-status|amended", "http://no|final", "unknown"]
                )
            case "subject":
                return chance.choice(
                    ["Patient/1", "1", f"{BASE}/Patient/1", "http://other/fhir/Patient/1", "Group/1", "2", "9"]
                )
            case "encounter":
                return f"Encounter/{chance.randint(1, 4)}"
            case "date" | "value-date":
                return chance.choice(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]) + chance.choice(DATES)
            case "value-string":
                return chance.choice(["gros", "GRÖSSE", "obrien", "two w", "smith", "%", "Größe"])
            case "_profile":
                return chance.choice(["http://x/p|1", "http://x/q", "http://x/p"])
        return str(chance.randint(0, 40))

    values = ",".join(one() for _ in range(chance.choice([1, 1, 1, 2, 3])))
    if name == "value-string" and chance.random() < 0.3:
        name += ":exact"
    return name, values.replace("|1", r"\|1") if name == "_profile" else values


def expected(world: naive.World, clauses: list[tuple[str, str]], key: str) -> dict[str, Any]:
    """Id of each match → its place in the order of the key, None without one; in that order, those without one last."""
    found = [tree for tree in world.resources if all(naive.matches(tree, *one, world) for one in clauses)]
    places = {tree["id"]: naive.place_of(tree, key, world) for tree in found}
    dated = [(n, place) for n, place in places.items() if place is not None]
    return dict(sorted(dated, key=lambda one: one[1], reverse=key.startswith("-"))) | places


@pytest.mark.parametrize("cap", [CAP, 1])
async def test_index_and_conditions_agree_with_plain_python(
    index: Index, tenant: FreshTenant, other_tenant: FreshTenant, cap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random resources and searches, all pages, both orders, after creates, updates, deletes and returns, beside another
    tenant that has the same ids.

    Once as it is in a small tenant, where everything is sparse and sought, once as if everything were dense and walked."""
    monkeypatch.setattr("search.densities.CAP", cap)
    chance = random.Random(cap)
    trees = [observation(chance, str(n)) for n in range(120)]
    await index.put(tenant, *trees)
    await index.put(other_tenant, *(observation(chance, str(n)) for n in range(120)))
    for n in chance.sample(range(120), 40):
        trees[n] = observation(chance, str(n))
        await index.put(tenant, trees[n])
    gone = {str(n) for n in chance.sample(range(120), 15)}
    await index.delete(tenant, *(tree for tree in trees if tree["id"] in gone))
    trees = [tree for tree in trees if tree["id"] not in gone]
    back = observation(chance, min(gone))
    await index.put(tenant, back)
    trees.append(back)

    world = naive.World(trees, BASE)
    hits = 0
    for _ in range(400):
        clauses = [clause(chance) for _ in range(chance.choice([0, 1, 1, 2, 2, 3]))]
        ascending = chance.random() < 0.4
        wanted = expected(world, clauses, "date" if ascending else "-date")
        parts = [f"{name}={quote(value)}" for name, value in clauses]
        parts.append(f"_count={chance.choice([1, 3, 7, 50]) if len(wanted) < 30 else chance.choice([7, 50])}")
        parts += [chance.choice(["_sort=-date", ""]) if not ascending else "_sort=date"]
        parts += [chance.choice(["_total=accurate", "_total=none", ""])]
        query = "&".join(filter(None, parts))
        found = await index.ids(tenant, "Observation", query)
        assert sorted(found) == sorted(wanted), query
        assert [wanted[one] for one in found] == list(wanted.values()), query
        page = await index.search.page(
            tenant.session, parse(DEFINED, ("Observation",), query + "&_summary=count", base_url=BASE)
        )
        assert (page.total, page.versions, page.next) == (len(wanted), (), None), query
        hits += bool(wanted)
    assert hits > 200


async def test_ties_are_broken_by_the_newest_stored(index: Index, tenant: FreshTenant) -> None:
    """SO-4: the order is total, also among resources of one date and among those without one."""
    trees = [{"resourceType": "Patient", "id": str(n), "gender": "male", "birthDate": "2000"} for n in range(6)]
    trees += [{"resourceType": "Patient", "id": f"none{n}", "gender": "male"} for n in range(6)]
    for tree in trees:
        await index.put(tenant, tree)
    newest = await index.ids(tenant, "Patient", "gender=male&_count=5")
    assert newest[:6] == [str(n) for n in range(5, -1, -1)]
    assert sorted(newest[6:]) == [f"none{n}" for n in range(6)]
    oldest = await index.ids(tenant, "Patient", "_sort=birthdate&_count=5")
    assert oldest[:6] == [str(n) for n in range(6)]
    assert sorted(oldest[6:]) == [f"none{n}" for n in range(6)]


async def test_an_index_after_changes_is_the_index_of_what_is_there(
    index: Index, tenant: FreshTenant, owner: Owner
) -> None:
    """No row is left over or missing after updates that keep, change or lose values and dates, deletes and returns."""
    chance = random.Random(7)
    trees = {str(n): observation(chance, str(n)) for n in range(30)}
    await index.put(tenant, *trees.values())
    for _ in range(4):
        changed = {n: observation(chance, n) for n in chance.sample(sorted(trees), 8)}
        for n, tree in changed.items():
            if chance.random() < 0.5:  # the same but for one value
                changed[n] = {**trees[n], "status": tree["status"]}
        trees |= changed
        await index.put(tenant, *changed.values())
        gone = chance.sample(sorted(trees), 3)
        await index.delete(tenant, *(trees.pop(n) for n in gone))
        trees[gone[0]] = observation(chance, gone[0])
        await index.put(tenant, trees[gone[0]])
    rows = {table.name: 0 for table in FLOOR.tables if not table.once}
    for tree in trees.values():
        for table, of_resource in index.indexer.index("Observation", tree["id"], tree, BASE).rows.items():
            if table in rows:
                rows[table] += len(of_resource)
    async with owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        for table, expected_rows in rows.items():
            [row] = await owner.fetch(f"select count(*) from fhir.{table} where tenant_id = $1", tenant.tenant_id)
            assert row["count"] == expected_rows, table
            orphans = f"""select count(*) from fhir.{table} x left join fhir.resource r
                on r.tenant_id = $1 and r.rid = x.rid and r.s = x.s and not r.deleted
                where x.tenant_id = $1 and r.rid is null"""
            assert (await owner.fetch(orphans, tenant.tenant_id))[0]["count"] == 0, table


async def test_the_second_search_is_one_round_trip(
    index: Index, tenant: FreshTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more only while a density is not known."""
    chance = random.Random(3)
    await index.put(tenant, *(observation(chance, str(n)) for n in range(30)))
    trips = 0
    select = Session.select

    async def counted(self: Session, query: str, *args: Any) -> Any:
        nonlocal trips
        trips += 1
        return await select(self, query, *args)

    monkeypatch.setattr(Session, "select", counted)
    dense = "code=local&status=final&date=ge2020&_total=accurate"
    for query in ["", "code=local", f"{dense}&_count=1", "value-string=gro", "_id=1,2", "_summary=count"]:
        for most in (2, 1):
            trips = 0
            page = await index.search.page(tenant.session, parse(DEFINED, ("Observation",), query))
            assert trips <= most, query
            if page.next:
                trips = 0
                await index.search.page(tenant.session, parse(DEFINED, ("Observation",), f"_page={page.next}"))
                assert trips == 1, query


async def test_a_page_link_is_of_its_tenant_and_type(
    index: Index, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    """PG-4, UR-6."""
    await index.put(tenant, *({"resourceType": "Patient", "id": str(n)} for n in range(3)))
    page = await index.search.page(tenant.session, parse(DEFINED, ("Patient",), "_count=1"))
    link = f"_page={page.next}"
    for session, resource_type in [(other_tenant.session, "Patient"), (tenant.session, "Observation")]:
        with pytest.raises(BadRequest, match="This link"):
            await index.search.page(session, parse(DEFINED, (resource_type,), link))
    assert (await index.search.page(tenant.session, parse(DEFINED, ("Patient",), link))).query.count == 1


async def test_last_updated_and_ids(index: Index, tenant: FreshTenant) -> None:
    """CG-1."""
    await index.put(tenant, {"resourceType": "Basic", "id": "old"})
    old = await index.store.read(tenant.session, "Basic", "old")
    assert old
    at = quote(old.last_updated.isoformat(timespec="milliseconds"))
    await asyncio.sleep(0.003)
    await index.put(tenant, {"resourceType": "Basic", "id": "new"})
    for query, wanted in {
        f"_lastUpdated={at}": ["old"],
        f"_lastUpdated=gt{at}": ["new"],
        f"_lastUpdated=ge{at}": ["new", "old"],
        f"_lastUpdated=ne{at}": ["new"],
        f"_lastUpdated=le{at}": ["old"],
        f"_lastUpdated=lt{at}": [],
        "_lastUpdated=2020,ge2021": ["new", "old"],
        "_lastUpdated:missing=true": [],
        "_id:missing=false": ["new", "old"],
        "_id=old,none": ["old"],
        "_id=OLD": [],
        f"_id=old,new&_lastUpdated=gt{at}": ["new"],
        "_id=old&_id=new": [],
    }.items():
        assert sorted(await index.ids(tenant, "Basic", query)) == wanted, query


async def test_values_too_long_for_an_index_row_are_stored_and_found(index: Index, tenant: FreshTenant) -> None:
    """SR-4."""
    long = "\U00020000" * 4_000
    await index.put(tenant, {"resourceType": "Library", "id": "l", "title": long, "url": "http://x/" + "u" * 9_000})
    assert await index.ids(tenant, "Library", f"title={quote(long)}") == ["l"]
    assert await index.ids(tenant, "Library", f"title:exact={quote(long)}") == ["l"]
    assert await index.ids(tenant, "Library", f"title={quote(long)}x") == []
    assert await index.ids(tenant, "Library", "url=http://x/" + "u" * 9_000) == ["l"]
