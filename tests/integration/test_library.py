"""What the terminology asks the database: resources by URL and by id, in one tenant only."""

from __future__ import annotations

from typing import Any, cast

import asyncpg
import pytest

from resources import definitions
from resources.database import Database, Session, framed
from resources.hashing import Hash
from resources.store import Change, Store, body_parts
from search.indexer import FLOOR, Indexer
from search.library import Library
from terminology.stored import NEWEST

from ..conftest import FreshTenant
from ..plans import explain, faults
from .test_pending_plans import DESCENT, Generated, Recorded

DEFINED = definitions.load()
LONG = "http://test/" + "x" * 3000


class Shelf:
    """A tenant's value sets and code systems."""

    def __init__(self, database: Database, tenant: FreshTenant) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.library = Library(tenant.session, self.indexer)
        self._store, self._session = Store(hash_, DEFINED, (FLOOR,)), tenant.session

    async def put(self, kind: str, logical_id: str, url: str | None, **more: str) -> None:
        tree = {"resourceType": kind, "id": logical_id, "status": "active", **more}
        if url is not None:
            tree["url"] = url
        indexed = self.indexer.index(kind, logical_id, tree, "http://test/fhir/t")
        parts = body_parts(tree, logical_id)
        change = Change("update", kind, logical_id, *parts, indexed.sort_key, indexed.keys, indexed.rows)
        await self._store.apply(self._session, 1, [change])

    async def found(self, *wanted: tuple[str, str]) -> list[list[str]]:
        rows = await self.library.find(wanted, lambda *_: False)
        for one in (one for some in rows for one in some):
            assert one.tree is not None
            assert one.tree["id"] == one.logical_id
            assert one.tree["meta"]["versionId"] == str(one.version_id)
        return [sorted(one.logical_id for one in some) for some in rows]


@pytest.fixture
def shelf(database: Database, tenant: FreshTenant) -> Shelf:
    return Shelf(database, tenant)


async def test_by_url_and_by_id(shelf: Shelf, database: Database, other_tenant: FreshTenant) -> None:
    await shelf.put("ValueSet", "a", "http://test/v")
    await shelf.put("ValueSet", "b", "http://test/v")
    await shelf.put("CodeSystem", "c", "http://test/v")
    await shelf.put("ValueSet", "d", LONG)
    wanted = (
        ("ValueSet", "http://test/v"), ("ValueSet", "ValueSet/a"), ("CodeSystem", "http://test/v"), ("ValueSet", LONG),
        ("ValueSet", "http://test/"), ("ValueSet", "ValueSet/c"), ("ValueSet", LONG + "y"),
    )  # fmt: skip
    assert await shelf.found(*wanted) == [["a", "b"], ["a"], ["c"], ["d"], [], [], []]
    assert await Shelf(database, other_tenant).found(*wanted) == [[]] * len(wanted)


async def test_trees_of_versions_that_are_known_are_not_sent(shelf: Shelf) -> None:
    await shelf.put("ValueSet", "a", "http://test/v")
    await shelf.put("ValueSet", "a", "http://test/v", name="changed")
    await shelf.put("ValueSet", "b", "http://test/v")
    [rows] = await shelf.library.find([("ValueSet", "http://test/v")], lambda *key: key == ("ValueSet", "a", 2))
    assert sorted((one.logical_id, one.version_id, one.tree is None) for one in rows) == [
        ("a", 2, True),
        ("b", 1, False),
    ]


async def test_tx50_code_systems_by_their_value_set(
    shelf: Shelf, database: Database, other_tenant: FreshTenant
) -> None:
    await shelf.put("CodeSystem", "a", "http://test/a", valueSet="http://test/all")
    await shelf.put("CodeSystem", "b", "http://test/b")
    asked = ["http://test/all", "http://test/none"]
    assert await shelf.library.systems_of(asked) == {"http://test/all": "http://test/a"}
    assert await Shelf(database, other_tenant).library.systems_of(asked) == {}


async def test_any_type_by_url_where_it_has_one_and_by_id(
    shelf: Shelf, database: Database, other_tenant: FreshTenant
) -> None:
    for kind in ("StructureDefinition", "OperationDefinition", "SearchParameter", "ConceptMap", "Questionnaire"):
        await shelf.put(kind, "a", f"http://test/{kind}")
        await shelf.put(kind, "b", "http://test/same")
        wanted = ((kind, f"http://test/{kind}"), (kind, f"{kind}/b"), (kind, "http://test/same"), (kind, "http://test"))
        assert await shelf.found(*wanted) == [["a"], ["b"], ["b"], []]
        assert await Shelf(database, other_tenant).found(*wanted) == [[]] * 4
    await shelf.put("Patient", "a", None)
    nowhere = ("Patient", "http://test/same")  # a type without `url`
    assert await shelf.found(("Patient", "Patient/a"), nowhere, ("Patient", "Patient/b")) == [["a"], [], []]
    assert await shelf.found(nowhere) == [[]]


async def test_the_one_that_was_written_last(shelf: Shelf, database: Database, other_tenant: FreshTenant) -> None:
    newest = ("CodeSystem", NEWEST)
    assert await shelf.found(newest) == [[]]
    await shelf.put("CodeSystem", "a", "http://test/a", date="2024-01-01")
    await shelf.put("CodeSystem", "b", "http://test/b", date="2020-01-01")
    await shelf.put("ValueSet", "c", "http://test/c")
    assert await shelf.found(newest, ("ValueSet", "http://test/c")) == [["b"], ["c"]]
    await shelf.put("CodeSystem", "a", "http://test/a", name="changed")
    assert await shelf.found(newest) == [["a"]]
    assert await Shelf(database, other_tenant).found(newest) == [[]]


WANTED = [  # as the generated rows have them, and how many rows that are
    (("ValueSet", "http://sparse"), 40),
    (("StructureDefinition", "http://dense"), 100),
    (("ValueSet", "ValueSet/o800"), 1),
    (("Patient", "Patient/o800"), 1),
    (("CodeSystem", NEWEST), 1),
]


@pytest.fixture(params=["never_analyzed", "large"])
def tenant_id(request: pytest.FixtureRequest) -> int:
    number: int = request.getfixturevalue(request.param)
    return number


@pytest.mark.parametrize(
    "wanted", [WANTED, *([one] for one in WANTED)], ids=lambda some: f"{len(some)} {some[0][0][1]}"
)
async def test_what_is_wanted_is_found_in_one_statement_that_does_not_scan(
    connection: asyncpg.Connection, tenant_id: int, wanted: list[tuple[tuple[str, str], int]]
) -> None:
    session = Recorded()
    library = Library(cast(Session, session), cast(Any, Generated()))
    await library.find([one for one, _ in wanted], lambda *_: True)
    [(text, arguments)] = session.statements
    plan = await explain(connection, framed(text), (tenant_id, *arguments))
    most = sum(number for _, number in wanted)
    assert faults(plan, 60 + DESCENT * most, most) == []
    assert most - 2 <= plan["Actual Rows"] <= most
