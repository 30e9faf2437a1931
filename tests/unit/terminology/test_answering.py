"""How a question is answered: from memory, after reading what is missing, or beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from resources.definitions import load
from resources.outcome import BadRequest, TooCostly
from terminology.answering import NO_RELEASES, QUICK, ROUNDS, Terminologies
from terminology.budget import STEPS
from terminology.owned import Owned
from terminology.scope import CODE_SYSTEM, VALUE_SET, Candidate, Missing, Scope
from terminology.sources import Official

from .test_owned import TREE, URL, Database

OFFICIAL = Official(load())


def terminologies(releases: Any = NO_RELEASES, **more: Any) -> Terminologies:
    return Terminologies(OFFICIAL, Owned(), releases, **more)


async def test_what_is_missing_is_read_and_the_question_asked_again() -> None:
    database, asked = Database(), []

    def ask(scope: Scope) -> Any:
        asked.append(threading.current_thread() is threading.main_thread())
        return scope.versions(CODE_SYSTEM, URL)

    answering = terminologies()
    assert await answering.answer(database, ask) == ("1",)
    assert await answering.answer(database, ask) == ("1",)
    assert asked == [True, True, True]
    assert database.trips == ["find 1"]


async def test_files_of_releases_that_are_missing_are_fetched() -> None:
    class Releases:
        fetched = 0

        def source(self, tenant_id: int) -> Any:
            return self

        def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
            if self.fetched < 3:
                raise Missing
            return ()

        async def fetch(self) -> None:
            self.fetched += 1

    releases = Releases()
    await terminologies(releases).answer(Database(), lambda scope: scope.value_set("http://example.org/v"))
    assert releases.fetched == 3


async def test_a_question_without_end_is_refused() -> None:
    asked: list[int] = []

    def ask(scope: Scope) -> None:
        asked.append(1)
        raise Missing

    with pytest.raises(TooCostly):
        await terminologies().answer(Database(), ask)
    assert len(asked) == ROUNDS


async def test_what_takes_longer_goes_on_beside_the_event_loop() -> None:
    """With the whole budget, and while others are served."""
    steps: list[tuple[bool, int]] = []
    others = 0

    def ask(scope: Scope) -> str:
        on_loop = threading.current_thread() is threading.main_thread()
        for step in range(QUICK + 50_000):
            steps[-1:] = [(on_loop, step)] if steps and steps[-1][0] is on_loop else [*steps[-1:], (on_loop, step)]
            scope.budget.spend(0)
        return "answer"

    async def other() -> None:
        nonlocal others
        while True:
            await asyncio.sleep(0)
            others += 1

    task = asyncio.create_task(other())
    assert await terminologies().answer(Database(), ask) == "answer"
    task.cancel()
    assert steps == [(True, QUICK), (False, QUICK + 50_000 - 1)]
    assert others > 5


async def test_what_is_missing_beside_the_event_loop_is_read_too() -> None:
    database = Database()

    def ask(scope: Scope) -> Any:
        scope.budget.spend(QUICK + 1)
        return scope.versions(CODE_SYSTEM, URL)

    assert await terminologies().answer(database, ask) == ("1",)


async def test_the_whole_budget_ends() -> None:
    with pytest.raises(TooCostly):
        await terminologies().answer(Database(), lambda scope: scope.budget.spend(STEPS + 1))


async def test_errors_are_passed_on() -> None:
    def ask(scope: Scope) -> None:
        raise BadRequest("no")

    with pytest.raises(BadRequest):
        await terminologies().answer(Database(), ask)


async def test_what_is_sent_along_is_for_one_request() -> None:
    answering, database = terminologies(), Database()
    sent = {"resourceType": "ValueSet", "url": "http://example.org/v", "status": "active"}

    def ask(scope: Scope) -> Any:
        return scope.value_set("http://example.org/v")

    assert await answering.answer(database, ask, sent=[sent]) == sent
    assert await answering.answer(database, ask) is None
    assert await answering.answer(database, ask, sent=[sent]) == sent


async def test_pins_are_those_of_the_request() -> None:
    database = Database()
    found = await terminologies().answer(database, lambda scope: scope.find(CODE_SYSTEM, URL), versions={URL: "2"})
    assert found is None


async def test_a_notification_names_the_tenant_or_nobody() -> None:
    answering, database, other = terminologies(), Database(), Database()
    other.tenant_id = 2

    async def ask(one: Database) -> int:
        await answering.answer(one, lambda scope: scope.find(CODE_SYSTEM, URL))
        return len(one.trips)

    assert [await ask(database), await ask(other)] == [1, 1]
    answering.heard("1")
    assert [await ask(database), await ask(other)] == [2, 1]
    answering.heard("")
    assert [await ask(database), await ask(other)] == [3, 2]


async def test_whoever_hears_nothing_trusts_nothing() -> None:
    listening = True
    answering, database = terminologies(is_listening=lambda: listening), Database()

    async def version() -> Any:
        return await answering.answer(database, lambda scope: scope.versions(CODE_SYSTEM, URL))

    await version()
    database.trees[CODE_SYSTEM, URL] = {**TREE, "version": "2"}
    assert await version() == ("1",), "nobody said that it has changed"
    listening = False
    assert await version() == ("2",)
    database.trees[CODE_SYSTEM, URL] = {**TREE, "version": "3"}
    assert await version() == ("3",)


async def test_a_value_set_of_the_official_ones_needs_one_look_at_the_tenant() -> None:
    database = Database()
    url = "http://hl7.org/fhir/ValueSet/administrative-gender"
    for _ in range(2):
        assert await terminologies().answer(database, lambda scope: scope.find(VALUE_SET, url))
