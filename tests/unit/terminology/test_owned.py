"""What a worker knows of the terminology of its tenants: read once, forgotten when it changes, within a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from resources.outcome import TooCostly
from terminology import owned
from terminology.owned import EVERY, Owned, TenantSource
from terminology.scope import CODE_SYSTEM, CONCEPT_MAP, VALUE_SET, Missing
from terminology.stored import Found, Wanted

URL = "http://example.org/colours"
TREE = {"resourceType": "CodeSystem", "url": URL, "version": "1", "status": "active", "content": "complete"}


class Database:
    """A tenant's resources by (type, URL), and the trips that were made."""

    def __init__(self) -> None:
        self.tenant_id = 1
        self.trips: list[str] = []
        self.trees: dict[Wanted, Any] = {(CODE_SYSTEM, URL): TREE}
        self.meanwhile: Callable[[], None] = lambda: None
        self.wholes: dict[str, str] = {}

    async def find(self, wanted: Sequence[Wanted], known: Callable[[str, str, int], bool]) -> Sequence[Sequence[Found]]:
        self.trips.append(f"find {len(wanted)}")
        found = [[self._found(self.trees[one])] if one in self.trees else [] for one in wanted]
        self.meanwhile()
        return found

    def _found(self, tree: Any) -> Found:
        return Found("id", int(tree.get("version", 1)), tree)

    async def newest(self, resource_type: str, most: int) -> Sequence[Found]:
        self.trips.append(f"newest {resource_type}")
        return [
            Found(str(n), 1, tree) for n, ((kind, _), tree) in enumerate(self.trees.items()) if kind == resource_type
        ]

    async def systems_of(self, value_sets: Sequence[str]) -> Mapping[str, str]:
        self.trips.append("systems_of")
        return {one: self.wholes[one] for one in value_sets if one in self.wholes}

    async def matching(self, patterns: Sequence[tuple[str, Iterable[str]]]) -> Sequence[frozenset[str]]:
        raise NotImplementedError


async def asked(known: Owned, database: Database, resource_type: str = CODE_SYSTEM, url: str = URL) -> list[str]:
    """The versions that are found."""
    source = known.of(database.tenant_id)
    return [one.version for one in await read(source, database, resource_type, url)]


async def read(source: TenantSource, database: Database, resource_type: str, url: str) -> Sequence[Any]:
    try:
        return source.find(resource_type, url)
    except Missing:
        await source.load(database)
        return source.find(resource_type, url)


async def test_what_was_read_is_known() -> None:
    known, database = Owned(), Database()
    assert await asked(known, database) == ["1"]
    assert await asked(known, database) == ["1"]
    assert database.trips == ["find 1"]


async def test_what_is_not_there_is_known_too() -> None:
    known, database = Owned(), Database()
    for _ in range(2):
        assert await asked(known, database, VALUE_SET) == []
    assert database.trips == ["find 1", "systems_of"]


async def test_another_tenant_knows_nothing_of_it() -> None:
    known, database, other = Owned(), Database(), Database()
    await asked(known, database)
    other.tenant_id, other.trees = 2, {}
    assert await asked(known, other) == []
    assert await asked(known, database) == ["1"]


async def test_a_change_is_read_again_and_only_that_tenants() -> None:
    known, database, other = Owned(), Database(), Database()
    other.tenant_id = 2
    await asked(known, database)
    await asked(known, other)
    database.trees[CODE_SYSTEM, URL] = {**TREE, "version": "2"}
    known.forget(1)
    assert await asked(known, database) == ["2"]
    assert await asked(known, other) == ["1"]
    assert (len(database.trips), len(other.trips)) == (2, 1)


async def test_whatever_may_have_been_missed_is_forgotten() -> None:
    known, database = Owned(), Database()
    await asked(known, database)
    known.forget()
    await asked(known, database)
    assert len(database.trips) == 2


@pytest.mark.parametrize("tenant_id", [1, None])
async def test_what_changes_while_it_is_read_is_not_kept(tenant_id: int | None) -> None:
    """It may be older than what is there now: this request has it, the next one reads anew."""
    known, database = Owned(), Database()
    database.meanwhile = lambda: known.forget(tenant_id)
    assert await asked(known, database) == ["1"]
    database.meanwhile = lambda: None
    assert await asked(known, database) == ["1"]
    assert await asked(known, database) == ["1"]
    assert len(database.trips) == 2


async def test_a_request_keeps_what_it_has_read_whatever_is_forgotten() -> None:
    """Otherwise a request under steady writes would never end."""
    known, database = Owned(), Database()
    source = known.of(1)
    first = await read(source, database, CODE_SYSTEM, URL)
    known.forget(1)
    assert source.find(CODE_SYSTEM, URL) is first


async def test_what_is_kept_is_bounded() -> None:
    known, database = Owned(heaviest=5_000), Database()
    for number in range(100):
        await asked(known, database, CONCEPT_MAP, f"http://example.org/{number}")
    assert known._weight == sum(weight for _, weight, _ in known._known.values()) <= 5_000
    await asked(known, database, CONCEPT_MAP, "http://example.org/99")
    assert len(database.trips) == 100


async def test_long_urls_weigh_what_they_are() -> None:
    known, database = Owned(heaviest=50_000), Database()
    for number in range(20):
        await asked(known, database, CONCEPT_MAP, f"http://example.org/{number}/{'x' * 10_000}")
    assert sum(len(key[2]) for key in known._known) <= 50_000


async def test_forgetting_takes_no_time_however_much_is_known() -> None:
    known, database = Owned(), Database()
    for number in range(2_000):
        known.put((number, CODE_SYSTEM, URL), (), 10, known.changes(number))
    before = dict(known._known)
    known.forget(1)
    assert known._known == before, "nothing is gone through"
    assert known.get((1, CODE_SYSTEM, URL)) is None
    assert known.get((2, CODE_SYSTEM, URL)) == ()
    await asked(known, database)
    assert database.trips


async def test_all_of_a_type() -> None:
    known, database = Owned(), Database()
    database.trees[CONCEPT_MAP, "m"] = {"resourceType": "ConceptMap", "url": "m", "status": "active"}
    source = known.of(1)
    assert [one.url for one in await read(source, database, CONCEPT_MAP, EVERY)] == ["m"]
    assert [one.url for one in source.all(CONCEPT_MAP)] == ["m"]
    assert database.trips == ["newest ConceptMap"]


async def test_a_value_set_that_only_a_code_system_names() -> None:
    known, database = Owned(), Database()
    database.wholes = {"http://example.org/all": URL}
    [found] = await read(known.of(1), database, VALUE_SET, "http://example.org/all")
    assert found.tree["compose"] == {"include": [{"system": URL}]}


async def test_all_that_is_missing_is_read_at_once() -> None:
    known, database = Owned(), Database()
    source = known.of(1)
    for number in range(5):
        with pytest.raises(Missing):
            source.find(CODE_SYSTEM, f"http://example.org/{number}")
    await source.load(database)
    assert database.trips == ["find 5"]


async def test_a_request_that_leads_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "MOST", 3)
    known, database = Owned(), Database()
    source = known.of(1)
    for number in range(3):
        await read(source, database, CODE_SYSTEM, str(number))
    with pytest.raises(TooCostly):
        await read(source, database, CODE_SYSTEM, "3")


async def test_an_index_is_made_once_for_a_version_of_a_resource() -> None:
    known, database = Owned(), Database()
    [first] = await read(known.of(1), database, CODE_SYSTEM, URL)
    opened = first.open()
    known.forget(1)
    [again] = await read(known.of(1), database, CODE_SYSTEM, URL)
    assert again.open() is opened
    assert known.version(1, CODE_SYSTEM, "id", 1) is again
    assert known.version(2, CODE_SYSTEM, "id", 1) is None


def test_several_threads_may_use_it() -> None:
    known = Owned(heaviest=300)

    def use(number: int) -> None:
        for at in range(3_000):
            key = (at * number) % 7, CODE_SYSTEM, URL
            known.put(key, (), 100, known.changes(key[0]))
            known.get(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(1, 9)))
    assert known._weight == sum(weight for _, weight, _ in known._known.values()) <= 300
