"""What the search benchmarks measure is there: valid resources, and searches that find some of them."""

from __future__ import annotations

import httpx
import pytest

from resources import exact
from resources.definitions import load
from resources.validation.validator import Validator

from ..benchmarks.population import patients, resources
from ..benchmarks.shapes import COUNT, SHAPES, searches

SIZE = 400


@pytest.fixture
async def populated(http: httpx.AsyncClient) -> httpx.AsyncClient:
    made = list(resources(SIZE))
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in made
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = await http.post("", content=exact.encode(bundle), headers={"Prefer": "return=minimal"})
    assert answer.status_code == 200, answer.text
    return http


def test_the_population_is_valid_and_the_same_every_time() -> None:
    validator = Validator(load())
    made = list(resources(60))
    assert made == list(resources(60))
    assert [one["resourceType"] for one in made].count("Patient") == patients(60)
    for one in made:
        assert validator.check(one["resourceType"], one) == ()


async def test_every_search_finds_some(populated: httpx.AsyncClient) -> None:
    for name in SHAPES:
        found = 0
        for search in searches(name, SIZE, 20):
            answer = await populated.get(f"/{search}")
            assert answer.status_code == 200, (name, answer.text)
            modes = [entry["search"]["mode"] for entry in answer.json().get("entry", ())]
            found += modes.count("match")
            assert modes.count("match") <= COUNT
            assert ("include" in modes) == ("_include" in search and "match" in modes)
        assert found, name
