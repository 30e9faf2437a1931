"""PG-2, PG-3, SO-1 … SO-5: pages in any order, forward and back, while others write."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest

from resources import definitions
from resources.database import Database
from resources.hashing import Hash
from resources.store import Change, Store, body_parts
from search.candidates import CAP
from search.indexer import FLOOR, Indexer
from search.query import parse
from search.run import Page, Search

from .. import naive
from ..conftest import FreshTenant
from ..naive.population import Population

BASE = "http://test/fhir/t"
DEFINED = definitions.load()
SORTS = [
    "_lastUpdated", "-_id", "status", "-status", "code", "-code", "category,-date", "status,date", "value-string", "-value-string",
    "value-date", "-value-date", "subject", "-subject,status", "value-concept,-value-date", "date,status", "-date,-_id",
    "_profile,-code", "-_tag", "date", "-date", "encounter,date",
]  # fmt: skip
Tree = dict[str, Any]


class Pages:
    """One tenant's Observations, walked through by links."""

    def __init__(self, database: Database, tenant: FreshTenant) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.store = Store(hash_, DEFINED, (FLOOR,))
        self.search = Search(self.indexer)
        self.tenant = tenant

    async def put(self, *trees: Tree) -> None:
        changes = []
        for tree in trees:
            indexed = self.indexer.index("Observation", tree["id"], tree, BASE)
            changes.append(Change("update", "Observation", tree["id"], *body_parts(tree, tree["id"]), *indexed))
        await self.store.apply(self.tenant.session, 1, changes)

    async def delete(self, *ids: str) -> None:
        await self.store.apply(self.tenant.session, 1, [Change("delete", "Observation", one) for one in ids])

    async def page(self, query: str) -> Page:
        asked = parse(DEFINED, ("Observation",), query, base_url=BASE)
        page = await self.search.page(self.tenant.session, asked)
        assert len(page.versions) <= page.query.count
        return page


@pytest.fixture(params=[CAP, 1])
def pages(
    database: Database, tenant: FreshTenant, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Pages:
    """With few matches that are gathered, and with a cap of one, so that all are read in order."""
    for module in ("candidates", "densities", "run", "compiler"):
        monkeypatch.setattr(f"search.{module}.CAP", request.param)
    return Pages(database, tenant)


def observations(seed: int) -> dict[str, Tree]:
    made = Population(random.Random(seed), BASE).resources()
    return {tree["id"]: tree for tree in made if tree["resourceType"] == "Observation"}


def ids(page: Page) -> list[str]:
    return [version.logical_id for version in page.versions]


@pytest.mark.parametrize("sort", SORTS)
async def test_pg_3_what_does_not_change_is_on_one_page_while_others_write(pages: Pages, sort: str) -> None:
    chance = random.Random(sort)
    trees, others = observations(3), observations(4)
    await pages.put(*trees.values())
    moving = set(chance.sample(sorted(trees), len(trees) // 3))
    stay, world = set(trees) - moving, naive.World(list(trees.values()), BASE, Fraction(0))
    for criterion in ("", "status=final&", "status:not=final&"):
        page = await pages.page(f"{criterion}_sort={sort}&_count={chance.randint(1, 9)}")
        seen, links = ids(page), 0
        while page.next:
            if links < 12:  # in the order of the last update there would be no end
                one, other = chance.sample(sorted(moving), 2)
                made = f"new{links}-{criterion[:8].strip('&=:')}"
                await pages.put({**chance.choice(list(others.values())), "id": one}, {**trees[other], "id": made})
                if chance.random() < 0.3:
                    await pages.delete(other)
            page = await pages.page(f"_page={page.next}")
            seen += ids(page)
            links += 1
            assert links < 300
        kept = [one for one in seen if one in stay]
        whole = await pages.page(f"{criterion}_sort={sort}&_count=1000")
        assert sorted(kept) == sorted(one for one in ids(whole) if one in stay)
        if "_lastUpdated" not in sort:
            assert naive.is_ordered([trees[one] for one in kept], sort, world), kept


@pytest.mark.parametrize("sort", SORTS)
async def test_pg_2_the_links_to_previous_pages_lead_back(pages: Pages, sort: str) -> None:
    trees = observations(5)
    await pages.put(*trees.values())
    for criterion in ("", "status=final&"):
        whole = ids(await pages.page(f"{criterion}_sort={sort}&_count=1000"))
        page = await pages.page(f"{criterion}_sort={sort}&_count=7")
        assert page.previous is None
        forward = [ids(page)]
        while page.next:
            first = page.first
            page = await pages.page(f"_page={page.next}")
            forward.append(ids(page))
        assert [one for some in forward for one in some] == whole
        back = [ids(page)]
        while page.previous:
            page = await pages.page(f"_page={page.previous}")
            back.append(ids(page))
            assert page.next
        assert back == forward[::-1]
        assert ids(await pages.page(f"_page={first}")) == forward[0]
        # From the first page, reached from behind, the way leads forward again.
        assert ids(await pages.page(f"_page={page.next}")) == forward[1]
