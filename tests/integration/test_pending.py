"""Texts, codes, lists and hierarchies are found in the real database, as the application role, in one tenant only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from resources import definitions
from resources.database import Database
from resources.hashing import Hash
from resources.outcome import BadRequest
from resources.store import Change, Store, body_parts
from search.conditions import Condition, Ids, Keys, Listed, Nothing, Or
from search.indexer import FLOOR, Indexer
from search.parameters import PARAMETER_TYPES
from search.pending import settle
from search.query import parse
from search.run import Search
from search.simplify import simplified
from terminology.membership.questions import Terminology

from ..conftest import FreshTenant

BASE = "http://test/fhir/t"
DEFINED = definitions.load()
ANIMALS, COLOURS = "http://test/animals", "http://test/colours"
Tree = dict[str, Any]


@dataclass
class Index:
    """What the application puts together for searching, as far as conditions need it."""

    indexer: Indexer
    terminology: Terminology
    store: Store
    versions: Mapping[str, str] = field(default_factory=dict)

    async def put(self, tenant: FreshTenant, *trees: Tree) -> None:
        changes = []
        for tree in trees:
            kind, logical_id = tree["resourceType"], tree["id"]
            indexed = self.indexer.index(kind, logical_id, tree, BASE)
            parts = body_parts(tree, logical_id)
            changes.append(Change("update", kind, logical_id, *parts, indexed.sort_key, indexed.keys, indexed.rows))
        await self.store.apply(tenant.session, 1, changes)

    async def delete(self, tenant: FreshTenant, *trees: Tree) -> None:
        changes = [Change("delete", tree["resourceType"], tree["id"]) for tree in trees]
        await self.store.apply(tenant.session, 1, changes)

    async def find(self, tenant: FreshTenant, kind: str, code: str, modifier: str, *values: str) -> set[str]:
        """The ids of the resources that have a value in that relation."""
        parameter = self.indexer.parameters(kind)[code]
        module = PARAMETER_TYPES[parameter.definition.type]
        return await self.ids(tenant, module.condition(parameter, modifier, values, BASE))

    async def ids(self, tenant: FreshTenant, condition: Condition) -> set[str]:
        [settled] = await settle(tenant.session, self, [condition])
        found = simplified(settled)
        if isinstance(found, Nothing):
            return set()
        if isinstance(found, Ids):
            return {logical_id for _, _, logical_id in found.rows}
        assert isinstance(found, Keys)
        rows = await tenant.session.select(
            "select r.id from unnest($2::int8[], $3::int4[]) v(h, q) join posting p on p.tenant_id = g.t and p.h = v.h "
            "and p.q = v.q join resource r on r.tenant_id = g.t and r.rid = p.rid",
            [h for h, _ in found.rows],
            [q for _, q in found.rows],
        )
        return {row["id"] for row in rows}


@pytest.fixture(scope="module")
def index(database: Database) -> Index:
    hash_ = Hash(database.hash_key)
    return Index(Indexer(DEFINED, hash_), Terminology.alone(DEFINED), Store(hash_, DEFINED, (FLOOR,)))


def observation(logical_id: str, *codings: tuple[str | None, str], text: str = "", **more: Any) -> Tree:
    coding = [{"code": code, **({"system": system} if system else {})} for system, code in codings]
    code = {**({"coding": coding} if coding else {}), **({"text": text} if text else {})}
    return {"resourceType": "Observation", "id": logical_id, "status": "final", "code": code, **more}


def code_system(**more: Any) -> Tree:
    nested = [{"code": "animal", "concept": [{"code": "Cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}]}]
    return {
        "resourceType": "CodeSystem", "id": "animals", "url": ANIMALS, "status": "active", "content": "complete",
        "caseSensitive": True, "concept": nested, **more,
    }  # fmt: skip


def value_set(logical_id: str, *includes: Tree, **more: Any) -> Tree:
    return {
        "resourceType": "ValueSet", "id": logical_id, "url": f"http://test/{logical_id}", "status": "active",
        "compose": {"include": list(includes)}, **more,
    }  # fmt: skip


def filtered(operator: str, value: str, name: str = "concept") -> Tree:
    return {"system": ANIMALS, "filter": [{"property": name, "op": operator, "value": value}]}


OBSERVATIONS = (
    observation("cat", (ANIMALS, "Cat")),
    observation("lynx", (COLOURS, "red"), (ANIMALS, "lynx")),
    observation("dog", (ANIMALS, "dog")),
    observation("red", (COLOURS, "red")),
    observation("bare", (None, "Cat")),
    observation("text", text="A cat"),
)


@pytest.mark.parametrize("value", ["http://test/cats", "ValueSet/cats", "http://test/cats|2"])
async def test_tk5_a_stored_value_set(index: Index, tenant: FreshTenant, value: str) -> None:
    await index.put(tenant, *OBSERVATIONS, code_system(), value_set("cats", filtered("is-a", "Cat"), version="2"))
    for _ in range(2):  # the second time from memory
        assert await index.find(tenant, "Observation", "code", "in", value) == {"cat", "lynx"}


async def test_tk5_a_value_set_is_that_of_its_tenant_and_of_now(
    index: Index, tenant: FreshTenant, other_tenant: FreshTenant
) -> None:
    mine = value_set("v", {"system": ANIMALS, "concept": [{"code": "dog"}]})
    await index.put(tenant, *OBSERVATIONS, mine)
    await index.put(other_tenant, *OBSERVATIONS)
    assert await index.find(tenant, "Observation", "code", "in", "http://test/v") == {"dog"}
    with pytest.raises(BadRequest, match="the value set http://test/v is not known"):
        await index.find(other_tenant, "Observation", "code", "in", "http://test/v")
    await index.put(tenant, value_set("v", {"system": COLOURS}))
    assert await index.find(tenant, "Observation", "code", "in", "http://test/v") == {"lynx", "red"}
    await index.delete(tenant, mine)
    for name in ("http://test/v", "ValueSet/v"):
        with pytest.raises(BadRequest, match="is not known"):
            await index.find(tenant, "Observation", "code", "in", name)


async def test_tk5_value_sets_include_others(index: Index, tenant: FreshTenant) -> None:
    outer = value_set("outer", {"valueSet": ["http://test/inner"]}, {"system": COLOURS, "concept": [{"code": "red"}]})
    await index.put(tenant, *OBSERVATIONS, code_system(), outer, value_set("inner", filtered("descendent-of", "Cat")))
    assert await index.find(tenant, "Observation", "code", "in", "http://test/outer") == {"lynx", "red"}


async def test_tk5_a_value_set_larger_than_what_is_looked_up_directly(index: Index, tenant: FreshTenant) -> None:
    many = [{"code": f"c{n}"} for n in range(2_000)]
    large = value_set("large", {"system": ANIMALS, "concept": [*many, {"code": "Cat"}]})
    await index.put(
        tenant, *OBSERVATIONS, large, observation("other", (COLOURS, "c5")), observation("c5", (ANIMALS, "C5"))
    )
    assert await index.find(tenant, "Observation", "code", "in", "http://test/large") == {"cat", "c5"}


async def test_tk5_of_codes_whose_system_is_implied(index: Index, tenant: FreshTenant) -> None:
    await index.put(tenant, observation("1", text="x"), observation("2", text="x", status="amended"))
    small = value_set("s", {"system": "http://hl7.org/fhir/observation-status", "concept": [{"code": "amended"}]})
    await index.put(tenant, small)
    assert await index.find(tenant, "Observation", "status", "in", "http://test/s") == {"2"}
    assert await index.find(tenant, "Observation", "status", "below", "final") == {"1"}


async def test_tx50_all_codes_of_a_stored_code_system(index: Index, tenant: FreshTenant) -> None:
    unknown = observation("unknown", (ANIMALS, "unicorn"))
    await index.put(tenant, *OBSERVATIONS, unknown, code_system(valueSet="http://test/all"))
    assert await index.find(tenant, "Observation", "code", "in", "http://test/all") == {"cat", "lynx", "dog"}


async def test_tx36_regular_expressions(index: Index, tenant: FreshTenant) -> None:
    await index.put(
        tenant,
        *OBSERVATIONS,
        code_system(),
        value_set("three", filtered("regex", "[A-Za-z]{3}", "code")),
        value_set("two", filtered("regex", "og|at", "code")),
        value_set("hard", filtered("regex", "(a+)+b|(.*)*l.*x", "code")),
        value_set("wrong", filtered("regex", "(", "code")),
    )
    assert await index.find(tenant, "Observation", "code", "in", "http://test/three") == {"cat", "dog"}
    assert await index.find(tenant, "Observation", "code", "in", "http://test/two") == set()
    assert await index.find(tenant, "Observation", "code", "in", "http://test/hard") == {"lynx"}
    with pytest.raises(BadRequest, match="regular expression"):
        await index.find(tenant, "Observation", "code", "in", "http://test/wrong")


async def test_tk7_below_and_above(index: Index, tenant: FreshTenant) -> None:
    await index.put(tenant, *OBSERVATIONS, code_system())
    assert await index.find(tenant, "Observation", "code", "below", f"{ANIMALS}|Cat") == {"cat", "lynx"}
    assert await index.find(tenant, "Observation", "code", "above", f"{ANIMALS}|lynx") == {"cat", "lynx"}
    assert await index.find(tenant, "Observation", "code", "below", "animal") == {"cat", "lynx", "dog"}
    assert await index.find(tenant, "Observation", "code", "below", "|Cat") == {"bare"}
    with pytest.raises(BadRequest, match=COLOURS):
        await index.find(tenant, "Observation", "code", "below", f"{COLOURS}|red")
    with pytest.raises(BadRequest, match="no code system"):
        await index.find(tenant, "Observation", "code", "below", "red")


async def test_tk7_a_bare_code_of_two_systems_in_use(index: Index, tenant: FreshTenant) -> None:
    beasts = code_system(id="beasts", url="http://test/beasts")
    await index.put(tenant, *OBSERVATIONS, code_system(), beasts)
    assert await index.find(tenant, "Observation", "code", "below", "Cat") == {"cat", "lynx"}
    await index.put(tenant, observation("beast", ("http://test/beasts", "dog")))
    with pytest.raises(BadRequest, match=r"system\|code"):
        await index.find(tenant, "Observation", "code", "below", "Cat")


async def test_tk4_texts(index: Index, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    await index.put(
        tenant,
        observation("1", text="Blood pressure"),
        observation("2", text="bloód sugar"),
        observation("3", text="Sugar in blood"),
    )
    await index.put(other_tenant, observation("4", text="Blood"))
    assert await index.find(tenant, "Observation", "code", "text", "BLOOD") == {"1", "2"}
    assert await index.find(tenant, "Observation", "code", "text", "blood s", "sugar") == {"2", "3"}
    assert await index.find(tenant, "Observation", "code", "text", "x") == set()


async def test_li1_a_list(index: Index, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    patients = [{"resourceType": "Patient", "id": str(n)} for n in range(4)]
    entries = [
        {"item": {"reference": "Patient/1"}},
        {"item": {"reference": f"{BASE}/Patient/2"}},
        {"item": {"reference": "Patient/3"}, "deleted": True},
        {"item": {"reference": "http://else/fhir/Patient/0"}},
        {"item": {"reference": "Observation/1"}},
    ]
    some = {"resourceType": "List", "id": "l", "status": "current", "mode": "working", "entry": entries}
    await index.put(tenant, *patients, some)
    patient, seen = DEFINED.type_number("Patient"), DEFINED.type_number("Observation")
    assert await index.ids(tenant, Listed("l", (patient,))) == {"1", "2"}
    assert await index.ids(tenant, Or((Listed("l", (seen,)), Listed("m", (patient,))))) == {"1"}
    assert await index.ids(other_tenant, Listed("l", (patient,))) == set()
    await index.delete(tenant, some)
    assert await index.ids(tenant, Listed("l", (patient,))) == set()


def location(logical_id: str, parent: str = "") -> Tree:
    tree: Tree = {"resourceType": "Location", "id": logical_id}
    return {**tree, "partOf": {"reference": f"Location/{parent}"}} if parent else tree


async def test_rf4_hierarchies(index: Index, tenant: FreshTenant, other_tenant: FreshTenant) -> None:
    await index.put(
        tenant,
        *(location("house"), location("floor", "house"), location("room", "floor"), location("bed", "room")),
        *(location("a", "c"), location("b", "a"), location("c", "b")),
    )
    places = ("house", "floor", "room", "bed", "a", "b", "garden")
    encounters = [
        {"resourceType": "Encounter", "id": f"e-{place}", "status": "planned", "class": {"code": "AMB"},
         "location": [{"location": {"reference": f"Location/{place}"}}]}
        for place in places
    ]  # fmt: skip
    await index.put(tenant, *encounters)
    await index.put(other_tenant, *encounters)

    async def found(relation: str, *values: str) -> set[str]:
        ids = await index.find(tenant, "Encounter", "location", relation, *values)
        return {logical_id.removeprefix("e-") for logical_id in ids}

    assert await found("below", "Location/floor") == {"floor", "room", "bed"}
    assert await found("above", "Location/room") == {"house", "floor", "room"}
    assert await found("below", "Location/a") == await found("above", "Location/b") == {"a", "b"}
    assert await found("below", "Location/garden", "Location/bed") == {"garden", "bed"}
    assert await index.find(tenant, "Location", "partof", "below", "Location/floor") == {"room", "bed"}
    assert await index.find(other_tenant, "Encounter", "location", "below", "Location/floor") == {"e-floor"}


@pytest.mark.parametrize(
    ("kind", "query", "ids"),
    [
        ("Observation", "code:in=http://test/cats", {"cat", "lynx"}),
        ("Observation", "code:not-in=http://test/cats", {"dog", "red", "bare", "text"}),
        ("Observation", "code:in=ValueSet/cats&code=http://test/colours|red", {"lynx"}),
        ("Observation", "code:below=animal,http://test/animals|Cat", {"cat", "lynx", "dog"}),
        ("Observation", "code:text=a c", {"text"}),
        ("Observation", "code:text=a c&code:in=http://test/cats", set()),
        ("Observation", "_list=l", {"dog", "red"}),
        ("Observation", "_list=l&code:in=http://loinc.org/vs", set()),
        ("Observation", "subject:Patient._list=l", {"cat"}),
        ("Patient", "_has:Observation:subject:code:below=http://test/animals|animal", {"p"}),
        ("Patient", "_list=l", {"p"}),
    ],
)
async def test_a_search_with_pending_conditions(
    index: Index, tenant: FreshTenant, kind: str, query: str, ids: set[str]
) -> None:
    entries = [{"item": {"reference": one}} for one in ("Observation/dog", "Observation/red", "Patient/p")]
    some = {"resourceType": "List", "id": "l", "status": "current", "mode": "working", "entry": entries}
    patient = {"resourceType": "Patient", "id": "p"}
    await index.put(tenant, *OBSERVATIONS, patient, some, code_system(), value_set("cats", filtered("is-a", "Cat")))
    await index.put(tenant, {**OBSERVATIONS[0], "subject": {"reference": "Patient/p"}})
    page = await Search(index.indexer).page(tenant.session, parse(DEFINED, (kind,), query, base_url=BASE))
    assert {version.logical_id for version in page.versions} == ids
