"""Searches on the real database, as the application role, against the search in plain Python (tests/naive)."""

from __future__ import annotations

import importlib
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resources import definitions
from resources.database import Database, Owner
from resources.exact import decode
from resources.hashing import Hash
from resources.outcome import BadRequest
from resources.store import Change, Store, body_parts
from search.candidates import CAP
from search.indexer import FLOOR, Indexer
from search.query import parse
from search.run import Search

from .. import naive
from ..conftest import FreshTenant, fresh_tenant
from ..examples import examples
from ..naive.animals import animals, dogs
from ..naive.match import has_value, inside, repetitions
from ..naive.order import places_of
from ..naive.population import Population
from ..naive.queries import SPECIAL, Criterion, Queries
from ..naive.tokens import tokens
from .mutants import MUTANTS, Mutant, shows

BASE = "http://test/fhir/t"
DEFINED = definitions.load()
NOW = 1_600_000_000  # for `ap`
Tree = dict[str, Any]


class Index:
    """A tenant's resources, in the index and in a world of the oracle."""

    def __init__(self, database: Database, tenant: FreshTenant, trees: list[Tree]) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.store = Store(hash_, DEFINED, (FLOOR,))
        self.search = Search(self.indexer)
        self.tenant = tenant
        self.world = naive.World(trees, BASE, Fraction(NOW))

    async def put(self, *trees: Tree) -> None:
        changes = []
        for tree in trees:
            name, logical_id = tree["resourceType"], tree["id"]
            indexed = self.indexer.index(name, logical_id, tree, BASE)
            changes.append(Change("update", name, logical_id, *body_parts(tree, logical_id), *indexed))
        await self.store.apply(self.tenant.session, 1, changes)

    async def found(
        self,
        types: tuple[str, ...],
        criteria: Sequence[Criterion],
        *more: str,
        compartment: tuple[str, str] | None = None,
    ) -> list[tuple[str, str]]:
        """Type and id of all matches in their order, over all pages."""
        query = "&".join([*(f"{name}={quote(value)}" for name, value in criteria), *more])
        asked = parse(DEFINED, types, query, compartment=compartment, base_url=BASE)
        found: list[tuple[str, str]] = []
        while True:
            page = await self.search.page(self.tenant.session, asked)
            assert len(page.versions) <= page.query.count
            found += [(version.resource_type, version.logical_id) for version in page.versions]
            if page.next is None:
                assert page.total in (None, len(found))
                assert len(set(found)) == len(found)
                return found
            asked = parse(DEFINED, types, f"_page={page.next}", compartment=compartment, base_url=BASE)

    def expected(self, resource_type: str, criteria: Sequence[Criterion]) -> list[Tree]:
        return [
            tree
            for tree in self.world.of_type(resource_type)
            if all(naive.matches(tree, name, value, self.world) for name, value in criteria)
        ]

    async def compared(self, resource_type: str, criteria: Sequence[Criterion], *more: str) -> list[tuple[str, str]]:
        """The matches, which are those of the oracle."""
        wanted = sorted((tree["resourceType"], tree["id"]) for tree in self.expected(resource_type, criteria))
        found = await self.found((resource_type,), criteria, "_count=1000", *more)
        assert sorted(found) == wanted, (resource_type, *criteria)
        return found

    async def finds(self, resource_type: str, criterion: Criterion, wanted: list[tuple[str, str]]) -> bool:
        try:
            return sorted(await self.found((resource_type,), [criterion], "_count=1000")) == wanted
        except BadRequest:
            return False


@pytest.fixture(autouse=True, scope="module")
def now() -> Iterator[None]:
    """Time stands still, for `ap`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.parameters.date.time", SimpleNamespace(time_ns=lambda: NOW * 1_000_000_000))
        yield


@pytest.fixture(scope="module")
async def owner_of_module(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Owner]:
    urls = request.getfixturevalue("urls")
    async with Owner.connect(urls.owner) as connection:
        yield connection


@pytest.fixture(scope="module")
async def population(database: Database, owner_of_module: Owner) -> Index:
    """Made-up resources, all written twice, so that the index has also been through updates."""
    chance = random.Random(7)
    before, trees = (Population(chance, BASE).resources() for _ in range(2))
    index = Index(database, await fresh_tenant(owner_of_module, database), trees)
    await index.put(*before)
    await index.put(*trees)
    return index


@pytest.fixture(scope="module")
async def official(database: Database, owner_of_module: Owner) -> Index:
    trees = [decode(text) for _, text in examples()]
    index = Index(database, await fresh_tenant(owner_of_module, database), trees)
    for n in range(0, len(trees), 100):
        await index.put(*trees[n : n + 100])
    return index


GENERATED = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=[CAP, 1], ids=["sparse", "dense"])
def plans(request: pytest.FixtureRequest, population: Index, monkeypatch: pytest.MonkeyPatch) -> int:
    """As in a small tenant, where all is sparse and sought by value, and as if all were dense and walked."""
    for module in ("densities", "run"):
        monkeypatch.setattr(f"search.{module}.CAP", request.param)
    monkeypatch.setattr(population, "search", Search(population.indexer))
    return int(request.param)


async def test_law2_index_and_conditions_agree_with_the_oracle(population: Index, plans: int) -> None:
    """Every type of parameter with its prefixes and modifiers, OR, AND, chains, `_has` and composites, of any depth."""
    chance = random.Random(plans)
    queries = Queries(chance, population.world)
    hits = 0
    for _ in range(1_500):
        resource_type = chance.choice(list(queries.types))
        hits += bool(await population.compared(resource_type, queries.criteria(resource_type)))
    assert hits > 700


@settings(GENERATED, max_examples=150)
@given(chance=st.randoms(use_true_random=False))
async def test_law2_with_examples_that_shrink(population: Index, chance: random.Random) -> None:
    queries = Queries(chance, population.world)
    resource_type = chance.choice(list(queries.types))
    await population.compared(resource_type, queries.criteria(resource_type))


@pytest.fixture(scope="module")
async def small(database: Database, owner_of_module: Owner) -> Index:
    index = Index(database, await fresh_tenant(owner_of_module, database), [animals(), dogs()])
    await index.put(*index.world.resources)
    return index


@settings(GENERATED, max_examples=60, phases=[Phase.generate])  # to shrink would take too many writes
@given(chance=st.randoms(use_true_random=False))
async def test_law2_on_generated_resources(small: Index, chance: random.Random) -> None:
    """Five resources of one type, each time others in their place."""
    maker = Population(chance, BASE, size=5)
    make = chance.choice([maker.observation, maker.patient, maker.encounter, maker.condition, maker.value_set])
    trees = [make(str(n)) for n in range(5)]
    await small.put(*trees)
    resource_type = trees[0]["resourceType"]
    small.world = naive.World([*small.world.resources, *trees], BASE, Fraction(NOW))
    queries = Queries(chance, small.world)
    for _ in range(4):
        await small.compared(resource_type, queries.criteria(resource_type))


async def test_law3_all_pages_of_any_sort_are_the_result_in_its_order(population: Index, plans: int) -> None:
    """SO-1 … SO-5, PG-3: by every parameter of every type, both directions, several keys, pages of any size."""
    chance = random.Random(plans)
    queries = Queries(chance, population.world)
    for resource_type, trees in queries.types.items():
        sortable = [one for one in queries.used(resource_type) if is_sortable(one, trees, population.world)]
        for one in sortable:
            criteria = queries.criteria(resource_type) if chance.random() < 0.4 else []
            further = chance.choice(["", ",-_id", f",{chance.choice(sortable).code}"])
            sort = chance.choice(["", "-"]) + one.code + further
            found = await population.found(
                (resource_type,), criteria, f"_sort={sort}", f"_count={chance.choice([1, 5, 50])}"
            )
            wanted = population.expected(resource_type, criteria)
            assert sorted(found) == sorted((tree["resourceType"], tree["id"]) for tree in wanted), (
                resource_type,
                criteria,
            )
            result = [tree for name in found if (tree := population.world.get(*name))]
            assert naive.is_ordered(result, sort, population.world), (resource_type, criteria, sort)


def is_sortable(defined: definitions.SearchParameter, trees: list[Tree], world: naive.World) -> bool:
    """Not where one resource has quantities of several dimensions, or several references: which counts is not said."""
    if defined.type in ("composite", "special"):
        return False
    kinds = [{kind for kind, _ in places_of(tree, defined.code, world)} for tree in trees]
    return defined.type not in ("quantity", "reference") or all(len(one) < 2 for one in kinds)


async def test_scopes_lists_and_filters_agree_with_the_oracle(population: Index) -> None:
    """CM-1, SY-1, SY-2, LI-1, CN-1, FI-1 … FI-3."""
    chance, world = random.Random(3), population.world
    queries = Queries(chance, world)
    hits = dict.fromkeys(["_filter", "compartment", "Patient/*", "_type", "_list", "_contained"], 0)

    async def compared(
        kind: str, wanted: list[Tree], types: tuple[str, ...], *criteria: Criterion, **scope: Any
    ) -> None:
        found = await population.found(types, criteria, "_count=1000", **scope)
        names = sorted((tree["resourceType"], tree["id"]) for tree in wanted)
        assert sorted(found) == names, (kind, types, *criteria, scope)
        hits[kind] += bool(found)

    def meeting(trees: Iterable[Tree], *criteria: Criterion) -> list[Tree]:
        return [tree for tree in trees if all(naive.matches(tree, *one, world) for one in criteria)]

    for _ in range(100):
        resource_type, other = chance.sample(list(queries.types), 2)
        expression = queries.filter(resource_type)
        await compared("_filter", meeting(world.of_type(resource_type), expression), (resource_type,), expression)

        patient, within = ("Patient", str(chance.randrange(14))), DEFINED.compartments["Patient"]
        members = [tree for tree in world.resources if tree["resourceType"] in within and inside(tree, *patient, world)]
        await compared("Patient/*", members, (), compartment=patient)
        criterion = queries.clause("Observation", chance.choice(queries.used("Observation")))
        if criterion:
            observations = meeting((tree for tree in members if tree["resourceType"] == "Observation"), criterion)
            await compared("compartment", observations, ("Observation",), criterion, compartment=patient)

        listed = "_list", str(chance.randrange(14))
        await compared("_list", meeting(world.resources, listed), (), listed)

        shared = [one for one in queries.used(resource_type) if one is DEFINED.parameters_of(other).get(one.code)]
        criterion = queries.clause(resource_type, chance.choice(shared))
        if criterion and not criterion[0].endswith(":text"):  # which one of the types may refuse
            both = meeting([*world.of_type(resource_type), *world.of_type(other)], criterion)
            await compared("_type", both, (), criterion, ("_type", f"{resource_type},{other}"))

        criterion = queries.clause("Observation", DEFINED.parameters_of("Observation")["code"])
        if criterion:
            containers = [
                tree
                for tree in world.resources
                for one in tree.get("contained", ())
                if one["resourceType"] == "Medication" and naive.matches(one, *criterion, world, tree)
            ]
            await compared("_contained", containers, ("Medication",), criterion, ("_contained", "true"))
    assert min(hits.values()) > 5, hits


async def test_every_parameter_of_every_official_example_finds_it(official: Index) -> None:
    """And with it what the oracle finds among all others; the values are those that the oracle extracts."""
    world = official.world
    queries = Queries(random.Random(1), world)
    asked: dict[tuple[str, Criterion], None] = {}
    for tree in world.resources:
        for defined in DEFINED.parameters_of(tree["resourceType"]).values():
            if defined.code not in SPECIAL:
                criterion = finding(queries, tree, defined)
                assert criterion or not is_found(tree, defined, world), (tree["resourceType"], tree["id"], defined.code)
                if criterion:
                    asked[tree["resourceType"], criterion] = None
    assert len(asked) > 5_000
    for resource_type, criterion in asked:
        await official.compared(resource_type, [criterion])


def finding(queries: Queries, tree: Tree, defined: definitions.SearchParameter) -> Criterion | None:
    """A criterion on the parameter, made from the resource's own values, by which the oracle finds it."""
    for _ in range(200):
        made = queries.of_resource(tree, defined)
        if made and made[0] in ("", "text", "exact", "contains", "of-type", "identifier"):
            name = f"{defined.code}:{made[0]}" if made[0] else defined.code
            if len(made[1]) < 400 and naive.matches(tree, name, made[1], queries.world):
                return name, made[1]
    return None


def is_found(tree: Tree, defined: definitions.SearchParameter, world: naive.World) -> bool:
    """Whether the resource has a value that a search can name: not a reference to what is contained in it alone."""
    if defined.type == "composite":
        bases = repetitions(tree, defined, world)
        return any(all(any(can_be_named(part, v, "code") for v in values) for part, values in one) for one in bases)
    return any(can_be_named(defined, value) for value in world.values(tree, defined))


def can_be_named(defined: definitions.SearchParameter, value: naive.Value, by: str = "code or text") -> bool:
    if defined.type == "token" and by == "code":  # in a composite there is no :text
        return any(tokens(value))
    return has_value(defined, value) and "'reference': '#" not in str(value.data)


class Asked(NamedTuple):
    kind: str  # type of the parameter, or what the criterion is
    resource_type: str
    criterion: Criterion
    wanted: list[tuple[str, str]]  # by the oracle
    agreed: bool  # that is what is found


@pytest.fixture(scope="module")
async def pool(population: Index) -> list[Asked]:
    """Single criteria on every parameter in use, and chains both ways."""
    chance = random.Random(23)
    queries = Queries(chance, population.world)
    made: list[tuple[str, str, Criterion | None]] = []
    for resource_type in queries.types:
        for one in queries.used(resource_type):
            times = (
                120
                if one.code in ("url", "identifier") or one.type == "number"
                else 40
                if one.type == "quantity"
                else 10
            )
            made += [(one.type, resource_type, queries.clause(resource_type, one)) for _ in range(times)]
        for kind, make in (("chain", queries.chain), ("reverse", queries.reverse)):
            made += [(kind, resource_type, make(resource_type, 2)) for _ in range(10)]
    found = []
    for kind, resource_type, criterion in dict.fromkeys(made):
        if criterion:
            trees = population.expected(resource_type, [criterion])
            wanted = sorted((tree["resourceType"], tree["id"]) for tree in trees)
            agreed = await population.finds(resource_type, criterion, wanted)
            found.append(Asked(kind, resource_type, criterion, wanted, agreed))
    return found


def test_law2_every_parameter_in_use_agrees(pool: list[Asked]) -> None:
    assert [one[1:3] for one in pool if not one.agreed] == []
    assert sum(bool(one.wanted) for one in pool) > 0.5 * len(pool)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_a_fault_in_an_operator_is_seen(
    population: Index, pool: list[Asked], mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = mutant.place.rpartition(".")
    monkeypatch.setattr(mutant.place, mutant.fault(getattr(importlib.import_module(module), name)))
    chosen = [one for one in pool if one.agreed and shows(mutant, one.kind, *one.criterion)]
    for one in chosen:
        if not await population.finds(one.resource_type, one.criterion, one.wanted):
            return
    pytest.fail(f"none of {len(chosen)} criteria shows it")
