"""The write path and the reads by key, on the real database as the application role."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

import pytest

from resources import definitions
from resources.database import Database, Owner
from resources.hashing import Hash
from resources.outcome import NotFound, PreconditionFailed
from resources.reads import Scope
from resources.store import Change, StaleDefinitions, Store, Version, body_parts

from ..conftest import FreshTenant, Urls


@pytest.fixture(scope="module")
def store(database: Database) -> Store:
    return Store(Hash(database.hash_key), definitions.load())


def put(resource_type: str, logical_id: str, *, interaction: str = "update", **content: Any) -> Change:
    conditions = {name: content.pop(name) for name in ("expect", "absent") if name in content}
    head, tail = body_parts({"resourceType": resource_type, **content}, logical_id)
    return Change(interaction, resource_type, logical_id, head, tail, **conditions)


def delete(resource_type: str, logical_id: str, **conditions: Any) -> Change:
    return Change("delete", resource_type, logical_id, **conditions)


def seen(versions: list[Version]) -> list[tuple[str, int]]:
    return [(version.outcome, version.version_id) for version in versions]


async def test_a_life_of_a_resource(store: Store, tenant: FreshTenant) -> None:
    """UP-1, UP-4, UP-9, DE-1: versions count on over a deletion; identical content makes no new version."""
    life = [
        (put("Patient", "a", birthDate="2000"), ("created", 1)),
        (put("Patient", "a", birthDate="2000"), ("unchanged", 1)),
        (put("Patient", "a", birthDate="2001"), ("updated", 2)),
        (delete("Patient", "a"), ("deleted", 3)),
        (delete("Patient", "a"), ("unchanged", 3)),
        (put("Patient", "a", birthDate="2001"), ("created", 4)),
        (delete("Patient", "never"), ("unchanged", 0)),
    ]
    for change, expected in life:
        assert seen(await store.apply(tenant.session, 1, [change])) == [expected]
    past = [await store.read_version(tenant.session, "Patient", "a", n) for n in range(6)]
    assert [version and version.method for version in past] == [None, "PUT", "PUT", "DELETE", "PUT", None]
    page = await store.history(tenant.session, Scope(keys=(("Patient", "a"),)), count=10)
    assert [version.version_id for version in page.versions] == [4, 3, 2, 1]
    assert page.following is None


async def test_trailing_zeros_make_a_new_version(store: Store, tenant: FreshTenant) -> None:
    await store.apply(tenant.session, 1, [put("Basic", "a", x=Decimal("1.0"))])
    assert seen(await store.apply(tenant.session, 1, [put("Basic", "a", x=Decimal("1.00"))])) == [("updated", 2)]
    version = await store.read(tenant.session, "Basic", "a")
    assert version
    assert version.body
    assert '"x": 1.00' in version.body


async def test_many_kinds_of_change_in_one_call(store: Store, tenant: FreshTenant) -> None:
    await store.apply(tenant.session, 1, [put("Patient", str(n), n=0) for n in range(4)])
    changes = [
        delete("Patient", "3"),
        put("Patient", "new", interaction="create"),
        put("Patient", "2", n=1),
        put("Patient", "1", n=0),
        put("Patient", "client", n=1),
        delete("Patient", "none"),
    ]
    expected = [("deleted", 2), ("created", 1), ("updated", 2), ("unchanged", 1), ("created", 1), ("unchanged", 0)]
    assert seen(await store.apply(tenant.session, 1, changes)) == expected


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("Patient", "a", n=2, expect=(2,)), "at version 1, not at 2"),
        (put("Patient", "none", n=2, expect=(1,)), "does not exist"),
        (put("Patient", "none", n=2, expect=()), "none does not exist"),
        (put("Patient", "a", n=2, absent=True), "exists already"),
        (put("Patient", "a", n=2, expect=(0,)), "at version 1; no tag of If-Match"),
        (put("Patient", "a", n=2, expect=(0, 2)), "not at 2.$"),
        (delete("Patient", "none", expect=()), "none does not exist"),
        (delete("Patient", "a", expect=(7, 8)), "not at 7 or 8"),
    ],
)
async def test_a_failed_precondition_writes_nothing(
    store: Store, tenant: FreshTenant, change: Change, says: str
) -> None:
    """UP-5, UP-8, TR-1."""
    await store.apply(tenant.session, 1, [put("Patient", "a", n=1)])
    with pytest.raises(PreconditionFailed, match=says):
        await store.apply(tenant.session, 1, [put("Patient", "b"), change])
    assert await store.read(tenant.session, "Patient", "b") is None
    assert len((await store.history(tenant.session, Scope(), count=10)).versions) == 1


async def test_same_if_match_at_once_has_one_winner(store: Store, tenant: FreshTenant) -> None:
    """UP-6."""
    await store.apply(tenant.session, 1, [put("Patient", "a", n=0)])
    writes = [store.apply(tenant.session, 1, [put("Patient", "a", n=n, expect=(1,))]) for n in range(1, 20)]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert all(isinstance(answer, (list, PreconditionFailed)) for answer in answers)


@pytest.mark.parametrize("change", [put("Patient", "a", n=1, expect=()), delete("Patient", "a", expect=())])
async def test_any_current_version_is_judged_when_it_is_written(
    store: Store, tenant: FreshTenant, change: Change
) -> None:
    """UP-5, DE-3: If-Match: * does not bring back what a delete at the same time takes away."""
    assert seen(await store.apply(tenant.session, 1, [put("Patient", "a", n=0)])) == [("created", 1)]
    async with tenant.session.transaction() as other:
        await store.apply(other, 1, [delete("Patient", "a")])
        waiting = asyncio.create_task(store.apply(tenant.session, 1, [change]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(PreconditionFailed, match="was deleted, as version 2"):
        await waiting
    assert await store.count_history(tenant.session, Scope("Patient")) == 2


async def test_any_current_version_will_do(store: Store, tenant: FreshTenant) -> None:
    for n in range(2):
        await store.apply(tenant.session, 1, [put("Patient", "a", n=n)])
    assert seen(await store.apply(tenant.session, 1, [put("Patient", "a", n=5, expect=())])) == [("updated", 3)]
    assert seen(await store.apply(tenant.session, 1, [delete("Patient", "a", expect=())])) == [("deleted", 4)]


async def test_what_became_of_each_version_is_kept(store: Store, tenant: FreshTenant) -> None:
    """HI-2: also of those that are no longer current."""
    for change in (
        put("Patient", "a", n=0),
        delete("Patient", "a"),
        put("Patient", "a", n=1),
        put("Patient", "a", n=2),
    ):
        await store.apply(tenant.session, 1, [change])
    versions = (await store.history(tenant.session, Scope(keys=(("Patient", "a"),)), count=10)).versions
    expected = [("PUT", "updated"), ("PUT", "created"), ("DELETE", "deleted"), ("PUT", "created")]
    assert [(version.method, version.outcome) for version in versions] == expected
    await store.apply(tenant.session, 1, [put("Patient", "b", interaction="create")])
    version = await store.read(tenant.session, "Patient", "b")
    assert version
    assert (version.method, version.outcome) == ("POST", "created")


async def test_the_same_new_id_at_once(store: Store, tenant: FreshTenant) -> None:
    """UP-6: without If-Match every one succeeds, on versions 1, 2, 3 …, and no version is lost."""
    answers = await asyncio.gather(*(store.apply(tenant.session, 1, [put("Patient", "a", n=n)]) for n in range(20)))
    assert sorted(versions[0].version_id for versions in answers) == list(range(1, 21))
    versions = (await store.history(tenant.session, Scope("Patient"), count=100)).versions
    assert [version.version_id for version in versions] == list(range(20, 0, -1))
    times = [version.last_updated for version in versions]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 20


async def test_two_bundles_in_opposite_order_do_not_deadlock(store: Store, tenant: FreshTenant) -> None:
    ids = [str(n) for n in range(30)]
    for turn in range(8):
        await asyncio.gather(
            store.apply(tenant.session, 1, [put("Patient", i, turn=turn, by="a") for i in ids]),
            store.apply(tenant.session, 1, [put("Patient", i, turn=turn, by="b") for i in reversed(ids)]),
        )


async def test_stale_definitions_and_dropped_tenants_are_refused(
    store: Store, tenant: FreshTenant, database: Database
) -> None:
    with pytest.raises(StaleDefinitions):
        await store.apply(tenant.session, 2, [put("Patient", "a")])
    with pytest.raises(NotFound):
        await store.apply(database.session(2**31 - 1), 1, [put("Patient", "a")])
    assert await store.read(tenant.session, "Patient", "a") is None


async def test_history_pages_hold_every_version_once(store: Store, tenant: FreshTenant) -> None:
    """HI-1, HI-4: over instance, type and system, deletions included."""
    for turn in range(4):
        await store.apply(tenant.session, 1, [put("Patient", str(n), turn=turn) for n in range(3)])
        await store.apply(tenant.session, 1, [put("Basic", "b", turn=turn), delete("Patient", "2")])
    for scope, total in [(Scope(), 20), (Scope("Patient"), 16), (Scope(keys=(("Patient", "2"),)), 8)]:
        found, place = [], None
        while True:
            page = await store.history(tenant.session, scope, count=3, place=place)
            found += [(version.logical_id, version.version_id) for version in page.versions]
            if (place := page.following) is None:
                break
        assert len(found) == len(set(found)) == total
    assert await store.count_history(tenant.session, Scope()) == 20
    assert await store.count_history(tenant.session, Scope("Patient")) == 16


async def test_a_rehearsal_leaves_nothing(store: Store, tenant: FreshTenant) -> None:
    async with tenant.session.transaction() as session:
        await store.apply(session, 1, [put("Patient", "kept")])
        with contextlib.suppress(ZeroDivisionError):
            async with session.transaction() as rehearsal:
                await store.apply(rehearsal, 1, [put("Patient", "gone")])
                assert await store.read(rehearsal, "Patient", "gone")
                raise ZeroDivisionError
    assert await store.read(tenant.session, "Patient", "kept")
    assert await store.read(tenant.session, "Patient", "gone") is None


async def test_the_same_id_lives_in_two_tenants(store: Store, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    """Neither sees, changes or counts the other's."""
    await store.apply(tenant.session, 1, [put("Patient", "a", whose="first")])
    assert await store.read(other_tenant.session, "Patient", "a") is None
    assert seen(await store.apply(other_tenant.session, 1, [delete("Patient", "a")])) == [("unchanged", 0)]
    assert seen(await store.apply(other_tenant.session, 1, [put("Patient", "a", whose="second")])) == [("created", 1)]
    version = await store.read(tenant.session, "Patient", "a")
    assert version
    assert "first" in (version.body or "")
    assert await store.count_history(other_tenant.session, Scope()) == 1


async def test_every_version_keeps_the_transaction_that_wrote_it(store: Store, tenant: FreshTenant, urls: Urls) -> None:
    """What a change feed is built on: it reads below the oldest running transaction and so never skips a late commit."""
    async with tenant.session.transaction() as late:
        await store.apply(late, 1, [put("Patient", "late")])
        for turn in range(3):
            await store.apply(tenant.session, 1, [put("Patient", "a", turn=turn), put("Patient", f"b{turn}")])
        [row] = await late.select("select pg_snapshot_xmin(pg_current_snapshot())::text::int8 as oldest")
        oldest = row["oldest"]
    async with Owner.connect(urls.owner) as owner, owner.transaction():
        await owner.fetch("select set_config('app.tenant', $1, true)", str(tenant.tenant_id))
        rows = await owner.fetch(
            "select id, ver, xid, epoch from fhir.resource union all select id, ver, xid, epoch from fhir.resource_version"
        )
        [instance] = await owner.fetch("select epoch from fhir.instance")
    written = {(row["id"], row["ver"]): row["xid"] for row in rows}
    assert {row["epoch"] for row in rows} == {instance["epoch"]}
    # The late one began first and committed last: a feed that stops below `oldest` cannot have passed it.
    assert written["late", 1] == oldest
    turns = [written["a", version_id] for version_id in (1, 2, 3)]
    assert turns == [written[f"b{turn}", 1] for turn in range(3)], "one transaction, one number"
    assert written["late", 1] < turns[0] < turns[1] < turns[2]
