"""What the terminology asks the database: resources by URL and by id, texts that patterns match, in one tenant only."""

from __future__ import annotations

import pytest

from resources import definitions
from resources.database import Database
from resources.hashing import Hash
from resources.outcome import BadRequest
from resources.store import Change, Store, body_parts
from search.indexer import FLOOR, Indexer
from search.library import Library

from ..conftest import FreshTenant

DEFINED = definitions.load()
LONG = "http://test/" + "x" * 3000


class Shelf:
    """A tenant's value sets and code systems."""

    def __init__(self, database: Database, tenant: FreshTenant) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.library = Library(tenant.session, self.indexer)
        self._store, self._session = Store(hash_, DEFINED, (FLOOR,)), tenant.session

    async def put(self, kind: str, logical_id: str, url: str, **more: str) -> None:
        tree = {"resourceType": kind, "id": logical_id, "url": url, "status": "active", **more}
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


async def test_tx36_patterns_match_whole_texts(shelf: Shelf) -> None:
    texts = ("a", "aaab", "b\na", "c")
    patterns = [("a+b?", texts), ("a|b", texts), (".*a", texts), ("(a+)+$x", ["a" * 5000]), ("x", [])]
    found = await shelf.library.matching(patterns)
    assert [sorted(some) for some in found] == [["a", "aaab"], ["a"], ["a", "b\na"], [], []]
    with pytest.raises(BadRequest, match="regular expression"):
        await shelf.library.matching([("[", texts)])
