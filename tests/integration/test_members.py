"""Value sets of a tenant in the database: what is stored counts at once, in that tenant only, and costs one statement."""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pytest

from resources import definitions, exact
from resources.database import Database, Session
from resources.hashing import Hash
from resources.store import Change, Store, body_parts
from search.indexer import FLOOR, Indexer
from search.library import Library
from terminology.membership.questions import Terminology, subsumes

from ..conftest import FreshTenant
from ..suites import DATA

DEFINED = definitions.load()
Tree = dict[str, Any]
ANIMALS = "http://test/animals"
US_CORE, IPS = "http://hl7.org/fhir/us/core/ValueSet/", "http://hl7.org/fhir/uv/ips/ValueSet/"


class Counted:
    """A session that counts its statements."""

    def __init__(self, session: Session) -> None:
        self.tenant_id, self._session, self.statements = session.tenant_id, session, 0

    async def select(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        self.statements += 1
        return await self._session.select(query, *args)


class Tenant:
    """A tenant, and what is asked of its value sets."""

    def __init__(self, database: Database, tenant: FreshTenant, terminology: Terminology | None = None) -> None:
        hash_ = Hash(database.hash_key)
        self.indexer = Indexer(DEFINED, hash_)
        self.session = Counted(tenant.session)
        self.library = Library(cast(Session, self.session), self.indexer)
        self.terminology = terminology or Terminology.alone(DEFINED)
        self._store, self._session = Store(hash_, DEFINED, (FLOOR,)), tenant.session

    async def put(self, *trees: Tree) -> None:
        changes = []
        for tree in trees:
            kind, logical_id = tree["resourceType"], tree["id"]
            indexed = self.indexer.index(kind, logical_id, tree, "http://test/fhir/t")
            parts = body_parts(tree, logical_id)
            changes.append(Change("update", kind, logical_id, *parts, indexed.sort_key, indexed.keys, indexed.rows))
        await self._store.apply(self._session, 1, changes)

    async def verdict(self, value_set: str, code: str, system: str = ANIMALS) -> str:
        members = await self.terminology.members(self.library, [value_set])
        return members[value_set].has({"system": system, "code": code}).verdict


def animals(*codes: str, **more: Any) -> Tree:
    return {
        "resourceType": "CodeSystem",
        "id": "animals",
        "url": ANIMALS,
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
        "concept": [{"code": code} for code in codes],
        **more,
    }


def value_set(name: str, *includes: Tree) -> Tree:
    url, compose = f"http://test/{name}", {"include": list(includes)}
    return {"resourceType": "ValueSet", "id": name, "url": url, "status": "active", "compose": compose}


@pytest.fixture
def mine(database: Database, tenant: FreshTenant) -> Tenant:
    return Tenant(database, tenant)


async def test_what_is_stored_counts_at_once_and_in_its_tenant_only(
    mine: Tenant, database: Database, other_tenant: FreshTenant
) -> None:
    other = Tenant(database, other_tenant, mine.terminology)
    assert await mine.verdict("http://test/v", "cat") == "unknown"
    await mine.put(value_set("v", {"system": ANIMALS}))
    assert await mine.verdict("http://test/v", "cat") == "unknown"
    await mine.put(animals("cat"))
    assert [await mine.verdict("http://test/v", code) for code in ("cat", "dog")] == ["yes", "no"]
    await mine.put(animals("dog"))
    assert [await mine.verdict("http://test/v", code) for code in ("cat", "dog")] == ["no", "yes"]
    assert await mine.verdict("http://test/all", "dog") == "unknown"
    await mine.put(animals("dog", valueSet="http://test/all"))
    assert await mine.verdict("http://test/all", "dog") == "yes"
    assert await other.verdict("http://test/v", "dog") == await other.verdict("http://test/all", "dog") == "unknown"


async def test_a_second_call_is_one_statement_and_what_r4_defines_none(mine: Tenant) -> None:
    pattern = {"property": "code", "op": "regex", "value": "c.."}
    await mine.put(
        value_set("a", {"valueSet": ["http://test/b"]}), value_set("b", {"system": ANIMALS, "filter": [pattern]}),
        animals("cat", "cow", "dog"),
    )  # fmt: skip
    wanted = ["http://test/a", "http://test/gone", "http://hl7.org/fhir/ValueSet/marital-status"]
    first = await mine.terminology.members(mine.library, wanted)
    assert first["http://test/a"].listed() == [(ANIMALS, "cat"), (ANIMALS, "cow")]
    before = mine.session.statements
    second = await mine.terminology.members(mine.library, wanted)
    assert mine.session.statements == before + 1
    assert all(first[one] is second[one] for one in wanted)
    await mine.terminology.members(mine.library, ["http://hl7.org/fhir/ValueSet/ucum-units|4.0.1"])
    assert mine.session.statements == before + 1


async def test_subsumption_in_a_stored_code_system(mine: Tenant) -> None:
    nested = [{"code": "cat", "concept": [{"code": "lynx"}]}]
    await mine.put(animals(concept=nested))
    system = (await mine.terminology.systems(mine.library, [ANIMALS]))[ANIMALS]
    assert system is not None
    assert subsumes(system, "cat", "lynx") is True
    assert subsumes(system, "lynx", "cat") is False


def terminology_of(package: str) -> Iterator[Tree]:
    with tarfile.open(DATA / "packages" / package) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is None or not member.name.startswith(("package/ValueSet-", "package/CodeSystem-")):
                continue
            yield exact.decode(file.read())


def named(*packages: str) -> list[str]:
    folder = DATA / "packages"
    return [path.name for one in packages for path in sorted(folder.glob(one))]


@pytest.mark.suite("packages")
async def test_the_value_sets_of_us_core_and_ips(mine: Tenant) -> None:
    trees = [tree for package in named("*us.core*.tgz", "*ips*.tgz") for tree in terminology_of(package)]
    value_sets = [tree["url"] for tree in trees if tree["resourceType"] == "ValueSet"]
    assert len(value_sets) > 90
    for start in range(0, len(trees), 20):
        await mine.put(*trees[start : start + 20])
    found = await mine.terminology.members(mine.library, value_sets)
    before = mine.session.statements
    assert await mine.terminology.members(mine.library, value_sets) == found
    assert mine.session.statements == before + 1
    loinc, snomed, absent = "http://loinc.org", "http://snomed.info/sct", f"{IPS[:-9]}CodeSystem/absent-unknown-uv-ips"
    status = "http://hl7.org/fhir/observation-status"
    for url, system, code, expected in (
        (f"{US_CORE}us-core-observation-smoking-status-status", status, "final", "yes"),
        (f"{US_CORE}us-core-observation-smoking-status-status", status, "unknown", "no"),
        (f"{US_CORE}us-core-condition-code", snomed, "38341003", "unknown"),
        (f"{US_CORE}us-core-condition-code", loinc, "38341003", "no"),
        (f"{US_CORE}birthsex", "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender", "F", "unknown"),
        (f"{US_CORE}simple-language", "urn:ietf:bcp:47", "en-US", "yes"),
        (f"{US_CORE}simple-language", "urn:ietf:bcp:47", "zh-Hant", "no"),
        (f"{US_CORE}us-core-vital-signs", loinc, "8867-4", "yes"),
        (f"{IPS}absent-or-unknown-problems-uv-ips", absent, "no-problem-info", "yes"),
        (f"{IPS}vaccines-uv-ips", absent, "no-problem-info", "no"),
        (f"{IPS}vaccines-uv-ips", snomed, "1119305005", "unknown"),
    ):  # fmt: skip
        assert found[url].has({"system": system, "code": code}).verdict == expected, (url, code)
    # Of the systems that are licensed, codes that an expansion of the package lists are in it all the same.
    free = next(tree for tree in trees if tree["id"] == "problems-snomed-ct-ips-free-set")
    listed = [one["code"] for one in free["expansion"]["contains"]]
    assert Counter(found[free["url"]].has({"system": snomed, "code": code}).verdict for code in listed) == {
        "yes": len(listed)
    }
