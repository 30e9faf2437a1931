"""The reads of the store: many at once, as of an instant, and histories against a plain model of them."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources import definitions, reads
from resources.database import Database, Session
from resources.hashing import Hash
from resources.reads import Page, Position, Scope
from resources.store import Change, Store, Version, body_parts

from ..conftest import FreshTenant

LONG_AGO, FAR_AWAY = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
MS = timedelta(milliseconds=1)
IDENTITIES = [("Patient", "a"), ("Patient", "b"), ("Patient", "c"), ("Basic", "a"), ("Basic", "d")]


@pytest.fixture(scope="module")
def store(database: Database) -> Store:
    return Store(Hash(database.hash_key), definitions.load())


def put(resource_type: str, logical_id: str, **content: Any) -> Change:
    return Change(
        "update", resource_type, logical_id, *body_parts({"resourceType": resource_type, **content}, logical_id)
    )


async def lives(store: Store, session: Session, seed: int, writes: int = 30) -> list[Version]:
    """Random creates, updates, deletions and recreations of a few resources, some of them at once; all their versions."""
    chosen = random.Random(seed)
    made: list[Version] = []
    for turn in range(writes):
        changes = [
            put(*identity, turn=turn) if chosen.random() < 0.8 else Change("delete", *identity)
            for identity in chosen.sample(IDENTITIES, chosen.choice([1, 1, 2, 4]))
        ]
        written = await store.apply(session, 1, changes)
        made += [version for version in written if version.outcome != "unchanged"]
        await asyncio.sleep(chosen.choice([0, 0, 0.002]))
    return made


def then(versions: Sequence[Version], identity: tuple[str, str], instant: datetime) -> Version | None:
    """What was current at the instant: the last version written until then."""
    own = [one for one in versions if (one.resource_type, one.logical_id) == identity and one.last_updated <= instant]
    return max(own, key=lambda one: one.version_id, default=None)


def expected(versions: Sequence[Version], scope: Scope) -> set[tuple[str, str, int]]:
    """The versions of a scope, one by one by the words of the specification."""
    found = set()
    for one in versions:
        identity = one.resource_type, one.logical_id
        later = [
            other.last_updated
            for other in versions
            if (other.resource_type, other.logical_id) == identity and other.version_id > one.version_id
        ]
        if scope.since and one.last_updated < scope.since:
            continue
        if scope.at and (one.last_updated >= scope.at[1] or (later and min(later) <= scope.at[0])):
            continue
        if identity in scope.keys if scope.keys is not None else scope.resource_type in (None, identity[0]):
            found.add((*identity, one.version_id))
    return found


async def walked(
    store: Store, session: Session, scope: Scope, count: int, ascending: bool, place: Position | None = None
) -> list[Page]:
    pages = [await store.history(session, scope, count=count, ascending=ascending, place=place)]
    while pages[-1].following:
        assert len(pages) < 500
        pages.append(await store.history(session, scope, count=count, ascending=ascending, place=pages[-1].following))
    return pages


def on(pages: Sequence[Page]) -> list[tuple[str, str, int]]:
    return [(one.resource_type, one.logical_id, one.version_id) for page in pages for one in page.versions]


def moments(chosen: random.Random, versions: Sequence[Version]) -> datetime:
    """An instant at, just before or just after a version, or beyond all."""
    near = chosen.choice(versions).last_updated + chosen.choice([-MS, timedelta(0), MS, timedelta(microseconds=1)])
    return chosen.choice([near, near, near, near, LONG_AGO, FAR_AWAY])


@pytest.mark.parametrize("seed", range(6))
async def test_hi_3_hi_4_histories_are_those_of_the_model(
    store: Store, tenant: FreshTenant, other_tenant: FreshTenant, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page of it, up and down, forward and back, and the total; also where a page may look at few versions only."""
    chosen = random.Random(seed)
    versions = await lives(store, tenant.session, seed)
    await lives(store, other_tenant.session, seed + 1, 3)
    for _ in range(60):
        monkeypatch.setattr(reads, "WALKED", chosen.choice([1, 2, 3, 5_000]))
        monkeypatch.setattr(reads, "ROUNDS", chosen.choice([1, 20]))
        some = tuple(chosen.sample([*IDENTITIES, ("Basic", "never")], chosen.choice([1, 2, 4])))
        resource_type, keys = chosen.choice(
            [(None, None), ("Patient", None), ("Basic", None), (None, some), (None, ())]
        )
        start, end = sorted([moments(chosen, versions), moments(chosen, versions)])
        at = chosen.choice([None, (start, end), (start, start + MS) if start < FAR_AWAY else (start, end)])
        since = chosen.choice([None, None, moments(chosen, versions)])
        scope = Scope(resource_type, keys, since, at)
        there = expected(versions, scope)
        ups = await walked(store, tenant.session, scope, chosen.choice([1, 2, 3, 50]), True)
        downs = await walked(store, tenant.session, scope, chosen.choice([1, 2, 3, 50]), False)
        assert set(on(downs)) == there, scope
        assert len(on(downs)) == len(there)
        assert on(ups) == on(downs)[::-1], scope
        instants = [one.last_updated for page in downs for one in page.versions]
        assert instants == sorted(instants, reverse=True)
        assert await store.count_history(tenant.session, scope) == len(there), scope
        if full := [page for page in downs if page.first]:
            page = chosen.choice(full)
            back = on(await walked(store, tenant.session, scope, 2, True, page.first))
            assert back == on(downs)[: on(downs).index(on([page])[0])][::-1]


@pytest.mark.parametrize("seed", range(3))
async def test_the_version_of_an_instant_is_that_of_the_model(store: Store, tenant: FreshTenant, seed: int) -> None:
    versions = await lives(store, tenant.session, seed)
    chosen = random.Random(seed)
    for instant in (LONG_AGO, FAR_AWAY, *(moments(chosen, versions) for _ in range(60))):
        asked = [*IDENTITIES, ("Patient", "never"), IDENTITIES[0]]
        found = await store.read_many_at(tenant.session, asked, instant)
        wanted = [then(versions, identity, instant) for identity in asked]
        for one, other in zip(found, wanted, strict=True):
            assert (one and (one.version_id, one.last_updated, one.method, one.outcome)) == (
                other and (other.version_id, other.last_updated, other.method, other.outcome)
            )
            assert (one is None or one.body is None) == (other is None or other.body is None)
            if one and one.body:
                whole = await store.read_version(tenant.session, one.resource_type, one.logical_id, one.version_id)
                assert one == whole
        assert await store.read_at(tenant.session, *IDENTITIES[0], instant) == found[0]


async def test_a_resource_of_many_versions_has_each_at_its_time(store: Store, tenant: FreshTenant) -> None:
    versions = []
    for turn in range(33):
        versions += await store.apply(tenant.session, 1, [put("Patient", "a", turn=turn)])
    for one in versions:
        found = await store.read_at(tenant.session, "Patient", "a", one.last_updated)
        assert found
        assert found.version_id == one.version_id
    assert await store.read_at(tenant.session, "Patient", "a", versions[0].last_updated - MS) is None


async def test_many_are_read_in_the_order_that_was_asked_for(
    store: Store, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    ids = [f"p{n}" for n in range(300)]
    await store.apply(tenant.session, 1, [put("Patient", one, n=one) for one in ids])
    await store.apply(tenant.session, 1, [Change("delete", "Patient", "p7")])
    asked = [("Patient", f"p{n * 7 % 400}") for n in range(10_000)]
    found = await store.read_many(tenant.session, asked)
    assert len(found) == len(asked)
    one_by_one = {one: await store.read(tenant.session, "Patient", one) for one in {key[1] for key in asked}}
    assert found == [one_by_one[logical_id] for _, logical_id in asked]
    deleted = one_by_one["p7"]
    assert deleted
    assert (deleted.version_id, deleted.body, deleted.method) == (2, None, "DELETE")
    assert await store.read_many(tenant.session, []) == []
    assert await store.read_many(tenant.session, [("Basic", "p1"), ("Patient", "p1")]) == [None, one_by_one["p1"]]
    # Another tenant's are as those that never were.
    assert await store.read_many(other_tenant.session, asked[:50]) == [None] * 50
    assert await store.read_many_at(other_tenant.session, asked[:50], FAR_AWAY) == [None] * 50


async def test_hi_4_a_page_is_bounded_by_bytes(store: Store, tenant: FreshTenant) -> None:
    """Each version once, and of a page all but the last together below the bound, at all levels, up and down."""
    for n in range(5):
        text = secrets.token_hex(1_500_000)  # twice as long as what is stored
        await store.apply(tenant.session, 1, [put("Basic", "large", n=n, text=text)])
    for scope, ascending in itertools.product(
        (Scope(), Scope("Basic"), Scope(keys=(("Basic", "large"),)), Scope("Basic", at=(LONG_AGO, FAR_AWAY))),
        (True, False),
    ):
        pages = await walked(store, tenant.session, scope, 100, ascending)
        assert [one[2] for one in on(pages)] == ([1, 2, 3, 4, 5] if ascending else [5, 4, 3, 2, 1])
        assert 1 < len(pages) < 5
        assert all(one.body for page in pages for one in page.versions)


@pytest.mark.parametrize("ascending", [True, False])
async def test_hi_4_pages_keep_what_was_there_while_others_write(
    store: Store, tenant: FreshTenant, ascending: bool
) -> None:
    versions = await lives(store, tenant.session, 1)
    end = versions[-1].last_updated + timedelta(microseconds=1)
    middle = versions[len(versions) // 2].last_updated
    await asyncio.sleep(0.002)  # into the next millisecond: what is written from here on is not of the scopes

    async def write() -> None:
        for turn in itertools.count(1000):
            await store.apply(tenant.session, 1, [put(*random.choice(IDENTITIES), turn=turn)])

    task = asyncio.create_task(write())
    try:
        await asyncio.sleep(0.05)
        for keys in (None, tuple(IDENTITIES)):
            for at in ((LONG_AGO, end), (middle, end)):
                scope = Scope(keys=keys, at=at)
                pages = await walked(store, tenant.session, scope, 3, ascending)
                assert sorted(on(pages)) == sorted(expected(versions, scope))
    finally:
        task.cancel()
