"""$closure: a client's table of what subsumes what. TX-06

https://hl7.org/fhir/R4/conceptmap-operation-closure.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from resources.definitions import load
from resources.validation.validator import Validator
from terminology import store
from terminology.store import Step

from ..conftest import FreshTenant
from .test_terminology import CODE_SYSTEM, COLOURS

Row = tuple[str, str, str]


@pytest.fixture
async def stored(http: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await http.put("/CodeSystem/colours", json=CODE_SYSTEM)).status_code == 201
    return http


async def ask(http: httpx.AsyncClient, name: str, *codes: str, **values: Any) -> httpx.Response:
    concepts = [{"name": "concept", "valueCoding": {"system": COLOURS, "code": code}} for code in codes]
    more = [{"name": key, f"value{'Boolean' if value is True else 'String'}": value} for key, value in values.items()]
    sent = {"resourceType": "Parameters", "parameter": [{"name": "name", "valueString": name}, *more, *concepts]}
    return await http.post("/$closure", json=sent)


async def table(http: httpx.AsyncClient, name: str, *codes: str, **values: Any) -> tuple[str, set[Row]]:
    """The version of the answer, and its rows."""
    answer = await ask(http, name, *codes, **values)
    assert answer.status_code == 200, answer.text
    tree = answer.json()
    Validator(load()).check("ConceptMap", tree)
    rows = {
        (one["code"], target["equivalence"], target.get("code", ""))
        for group in tree.get("group", ())
        for one in group["element"]
        for target in one["target"]
    }
    return tree["version"], rows


async def test_only_what_is_new_is_told(stored: httpx.AsyncClient) -> None:
    assert await table(stored, "t") == ("0", set())
    assert await table(stored, "t", "red") == ("1", set())
    assert await table(stored, "t", "warm") == ("2", {("warm", "specializes", "red")})
    assert await table(stored, "t", "yellow", "cold") == ("3", {("yellow", "subsumes", "warm")})
    assert await table(stored, "t", "red", "warm") == ("3", set()), "they are there"
    assert await table(stored, "t", "green") == ("4", {("green", "unmatched", "")})


async def test_what_followed_a_version_is_sent_again(stored: httpx.AsyncClient) -> None:
    for code in ("red", "warm", "yellow"):
        await table(stored, "t", code)
    assert await table(stored, "t", version="0") == (
        "3",
        {("warm", "specializes", "red"), ("yellow", "subsumes", "warm")},
    )
    assert await table(stored, "t", version="2") == ("3", {("yellow", "subsumes", "warm")})
    assert await table(stored, "t", version="3") == ("3", set())


@pytest.mark.parametrize("version", ["4", "-1", "x", "²", "9" * 6_000, "1.0", "01"])
async def test_a_version_that_is_none_is_not_found(stored: httpx.AsyncClient, version: str) -> None:
    await table(stored, "t", "red")
    answer = await ask(stored, "t", version=version)
    assert answer.status_code in (400, 404), answer.text


async def test_a_table_that_nobody_began_is_not_found(stored: httpx.AsyncClient) -> None:
    assert (await ask(stored, "none", version="0")).status_code == 404
    await table(stored, "begun")
    assert await table(stored, "begun", version="0") == ("0", set())


async def test_begun_anew_it_is_empty(stored: httpx.AsyncClient) -> None:
    await table(stored, "t", "red")
    assert await table(stored, "t") == ("0", set())
    assert await table(stored, "t", "warm") == ("1", set())
    assert await table(stored, "t", "red", reset=True) == ("1", set())
    assert await table(stored, "t", "warm") == ("2", {("warm", "specializes", "red")})


async def test_tables_are_known_by_name_and_tenant(stored: httpx.AsyncClient, other_http: httpx.AsyncClient) -> None:
    assert (await other_http.put("/CodeSystem/colours", json=CODE_SYSTEM)).status_code == 201
    await table(stored, "t", "red")
    assert await table(stored, "other", "warm") == ("1", set())
    assert (await ask(other_http, "t", version="0")).status_code == 404
    assert await table(other_http, "t", "warm") == ("1", set())
    assert await table(stored, "t", version="0") == ("1", set())


async def test_what_is_wrong_adds_nothing(stored: httpx.AsyncClient) -> None:
    await table(stored, "t", "red")
    assert (await ask(stored, "t", "warm", version="1")).status_code == 400
    unknown = {"name": "concept", "valueCoding": {"system": "http://example.org/none", "code": "x"}}
    name = {"name": "name", "valueString": "t"}
    for concept in (
        unknown,
        {"name": "concept", "valueCoding": {"code": "x"}},
        {"name": "concept", "valueString": "x"},
    ):
        answer = await stored.post("/$closure", json={"resourceType": "Parameters", "parameter": [name, concept]})
        assert answer.status_code // 100 == 4
    assert (await stored.post("/$closure", json={"resourceType": "Parameters"})).status_code == 400
    assert await table(stored, "t", version="0") == ("1", set())


async def test_those_who_add_at_once_lose_nothing(stored: httpx.AsyncClient) -> None:
    """Every pair is told to somebody exactly once."""
    told = await asyncio.gather(*(ask(stored, "t", code) for code in ("red", "warm", "yellow", "cold")))
    assert {one.status_code for one in told} <= {200, 409}
    versions = [one.json()["version"] for one in told if one.status_code == 200]
    assert sorted(versions) == [str(number) for number in range(1, len(versions) + 1)]
    for answer, code in zip(told, ("red", "warm", "yellow", "cold"), strict=True):
        if answer.status_code == 409:
            await table(stored, "t", code)
    latest, rows = await table(stored, "t", version="0")
    assert latest == "4"
    assert {frozenset((one, other)) for one, _, other in rows} == {
        frozenset(("red", "warm")),
        frozenset(("yellow", "warm")),
    }


async def test_a_step_is_added_only_after_those_before(tenant: FreshTenant) -> None:
    session = tenant.session
    step = [{"system": COLOURS, "code": "red"}]
    assert await store.steps(session, "t") == []
    assert not await store.add_step(session, "t", Step(2, step, []))
    assert await store.add_step(session, "t", Step(1, step, []))
    assert not await store.add_step(session, "t", Step(1, step, []))
    assert not await store.add_step(session, "t", Step(3, step, []))
    await store.begin_anew(session, "t")
    assert not await store.add_step(session, "t", Step(2, step, []))
    assert [one.step for one in await store.steps(session, "t")] == [0]


async def test_begun_anew_while_others_add_it_stays_whole(tenant: FreshTenant) -> None:
    """No step stays behind without those before it: then nobody could ever add to the table again."""
    session = tenant.session

    async def add() -> None:
        for _ in range(30):
            steps = await store.steps(session, "t")
            await store.add_step(session, "t", Step(steps[-1].step + 1 if steps else 1, [], []))

    async def begin() -> None:
        for _ in range(30):
            await store.begin_anew(session, "t")

    await asyncio.gather(add(), begin(), add(), begin())
    numbers = [one.step for one in await store.steps(session, "t")]
    assert numbers == list(range(len(numbers)))
    assert await store.add_step(session, "t", Step(len(numbers), [], []))
