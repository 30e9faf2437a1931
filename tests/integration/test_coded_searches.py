"""Searches and bindings by code over loaded releases: large code systems, ECL, codes however they are written, versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, cast
from urllib.parse import quote

import pytest

from resources import definitions
from resources.database import Database, Owner
from resources.hashing import Hash
from resources.outcome import BadRequest
from resources.store import Store
from search.indexer import FLOOR, Indexer
from search.library import Library
from terminology.answering import Terminologies
from terminology.loaders.release import Part, Release
from terminology.membership.questions import Terminology, subsumes
from terminology.owned import Owned
from terminology.records import About, Concept, Parent, Record
from terminology.releases.catalogue import Catalogue
from terminology.sources import Official

from .. import editions
from ..conftest import FreshTenant
from ..loaded import asked, cataloguing, load
from .test_members import Counted
from .test_pending import Index, observation, value_set

DEFINED = definitions.load()
SIZE = 2_000
SNOMED = "http://snomed.info/sct"  # the form of its URLs; the codes are invented ones
EDITION = f"{SNOMED}/900000000000207008"
RECORDS = list(editions.records(SIZE))
ORACLE = editions.Oracle(RECORDS)
MIXED = "http://example.org/mixed"


def release(url: str, version: str, records: Sequence[Record], **about: Any) -> Release:
    return Release("code-system", About(url, version, **about), (Part("a.txt", records.__iter__, 100),))


def snomed(date: str, records: Sequence[Record] = RECORDS) -> Release:
    return release(SNOMED, f"{EDITION}/version/{date}", records, kind="snomed")


async def loaded(owner: Owner, catalogue: Catalogue, tenant: FreshTenant, release: Release) -> None:
    """Until this worker has heard of it."""
    await load(owner, tenant.tenant_id, release, digest=release.about.version.encode())
    async with asyncio.timeout(5):
        while True:
            known = await asked(catalogue, lambda: catalogue.releases(tenant.tenant_id))
            if any(one.version == release.about.version for one in known):
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def catalogue(database: Database, tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with cataloguing(database, tmp_path) as catalogue:
        yield catalogue


@pytest.fixture
def index(database: Database, catalogue: Catalogue) -> Index:
    hash_ = Hash(database.hash_key)
    terminology = Terminology(Terminologies(Official(DEFINED), Owned(), catalogue))
    return Index(Indexer(DEFINED, hash_), terminology, Store(hash_, DEFINED, (FLOOR,)))


@pytest.fixture
async def edition(owner: Owner, tenant: FreshTenant, catalogue: Catalogue) -> None:
    await loaded(owner, catalogue, tenant, snomed("20240101"))


@pytest.fixture
async def used(index: Index, tenant: FreshTenant, edition: None) -> list[str]:
    """Codes of the edition that observations have, and others of another system or of none."""
    codes = Random(5).sample(sorted(ORACLE.concepts), 150)
    await index.put(tenant, *(observation(code, (SNOMED, code)) for code in codes))
    others = [observation(f"o{n}", (system, code)) for n, (system, code) in enumerate(
        [("http://test/other", codes[0]), (SNOMED, "99"), (None, codes[1])])]  # fmt: skip
    await index.put(tenant, *others)
    return codes


def common(most: int) -> str:
    """A concept that has more below it than are looked up directly, and some that are none."""
    return max(
        (code for code in ORACLE.concepts if len(ORACLE.below(code)) < most), key=lambda one: len(ORACLE.below(one))
    )


ABOVE, WITHIN = common(SIZE // 2), common(400)
REFSET = next(iter(editions.SETS))
IN_REFSET = {code for code, _ in ORACLE.members[REFSET]}
EXPRESSIONS: dict[str, Callable[[], set[str]]] = {
    f"ecl/<< {ABOVE}": lambda: {ABOVE, *ORACLE.below(ABOVE)},
    f"ecl/< {WITHIN}": lambda: ORACLE.below(WITHIN),
    f"ecl/<< {ABOVE} |some term| MINUS << {WITHIN}": lambda: (
        {ABOVE, *ORACLE.below(ABOVE)} - {WITHIN, *ORACLE.below(WITHIN)}
    ),
    f"ecl/^ {REFSET}": lambda: IN_REFSET,
    f"ecl/(^ {REFSET}) AND << {ABOVE}": lambda: IN_REFSET & {ABOVE, *ORACLE.below(ABOVE)},
    f"isa/{ABOVE}": lambda: {ABOVE, *ORACLE.below(ABOVE)},
    f"refset/{REFSET}": lambda: IN_REFSET,
}


async def test_tx50_implicit_value_sets_equal_brute_force_over_the_codes_in_use(
    index: Index, tenant: FreshTenant, used: list[str]
) -> None:
    found_some = 0
    for expression, members in EXPRESSIONS.items():
        expected = set(used) & members()
        for url in (f"{SNOMED}?fhir_vs={quote(expression)}", f"{EDITION}?fhir_vs={quote(expression)}"):
            assert await index.find(tenant, "Observation", "code", "in", url) == expected, expression
        found_some += len(expected)
    assert found_some > 50
    assert await index.find(tenant, "Observation", "code", "in", f"{SNOMED}?fhir_vs") == set(used)
    with pytest.raises(BadRequest, match=r"code:in=.*<<"):
        await index.find(tenant, "Observation", "code", "in", f"{SNOMED}?fhir_vs=ecl/<<")
    with pytest.raises(BadRequest, match="20990101"):
        await index.find(tenant, "Observation", "code", "in", f"{EDITION}/version/20990101?fhir_vs=isa/{ABOVE}")


async def test_tk7_below_and_above_in_a_release(index: Index, tenant: FreshTenant, used: list[str]) -> None:
    for code in (ABOVE, WITHIN, *used[:5]):
        below, above = {code, *ORACLE.below(code)}, {code, *ORACLE.above(code)}
        for value in (f"{SNOMED}|{code}", code):
            assert await index.find(tenant, "Observation", "code", "below", value) == set(used) & below
            assert await index.find(tenant, "Observation", "code", "above", value) == set(used) & above


async def test_tk5_stored_value_sets_over_a_release(index: Index, tenant: FreshTenant, used: list[str]) -> None:
    """Filters, other value sets and excludes together."""
    is_a = {"property": "concept", "op": "is-a"}
    await index.put(
        tenant,
        value_set("all", {"system": SNOMED, "filter": [{**is_a, "value": ABOVE}]}),
        value_set("some", {"valueSet": ["http://test/all"]}, compose={
            "include": [{"valueSet": ["http://test/all"]}],
            "exclude": [{"system": SNOMED, "filter": [{**is_a, "value": WITHIN}]},
                        {"system": SNOMED, "concept": [{"code": used[0]}]}],
        }),
    )  # fmt: skip
    expected = {ABOVE, *ORACLE.below(ABOVE)} - {WITHIN, *ORACLE.below(WITHIN)} - {used[0]}
    assert await index.find(tenant, "Observation", "code", "in", "http://test/some") == set(used) & expected


async def test_a_search_that_was_done_before_costs_two_statements(
    index: Index, tenant: FreshTenant, used: list[str]
) -> None:
    """The versions of what it rests on, and the codes in use; never the codes of the value set."""
    url = f"{SNOMED}?fhir_vs=isa/{ABOVE}"
    assert len(ORACLE.below(ABOVE)) > 500
    session = Counted(tenant.session)
    counted = cast(FreshTenant, type("Tenant", (), {"session": session, "tenant_id": tenant.tenant_id}))
    trips = []
    for _ in range(2):
        before = session.statements
        await index.find(counted, "Observation", "code", "in", url)
        trips.append(session.statements - before)
    # The last one is of this test: it looks the resources up. At first also: is it the tenant's own code system?
    assert trips == [3, 3]


async def test_codes_are_found_however_they_are_written(
    index: Index, owner: Owner, tenant: FreshTenant, catalogue: Catalogue
) -> None:
    """The dictionary of codes in use has no case: capital, small and mixed letters in a code system where case counts."""
    shapes: list[Callable[[int], str]] = ["A{}".format, "b{}".format, "Cd{}".format, "{}".format]
    codes = [shape(n) for n in range(200) for shape in shapes]
    concepts: list[Record] = [Concept("Top"), Concept("aside"), *map(Concept, codes)]
    await loaded(owner, catalogue, tenant, release(MIXED, "1", [*concepts, *(Parent(one, "Top") for one in codes)]))
    in_use = ["A7", "b8", "Cd9", "10", "Top", "aside"]
    await index.put(tenant, *(observation(code, (MIXED, code)) for code in in_use), observation("x", (MIXED, "zz")))
    below = {"property": "concept", "op": "descendent-of", "value": "Top"}
    await index.put(tenant, value_set("below", {"system": MIXED, "filter": [below]}))
    assert await index.find(tenant, "Observation", "code", "in", "http://test/below") == {"A7", "b8", "Cd9", "10"}
    assert await index.find(tenant, "Observation", "code", "below", f"{MIXED}|Top") == {*in_use} - {"aside"}


async def test_units_that_can_be_compared(index: Index, tenant: FreshTenant) -> None:
    """Of a grammar each code in use is asked for; `mm[Hg]` is kept without its case."""
    ucum = "http://unitsofmeasure.org"
    units = {"a": "mm[Hg]", "b": "kPa", "c": "mg/dL", "d": "furlong"}
    await index.put(tenant, *(observation(name, (ucum, unit)) for name, unit in units.items()))
    assert await index.find(tenant, "Observation", "code", "in", f"{ucum}/vs/{quote('Pa')}") == {"a", "b"}
    assert await index.find(tenant, "Observation", "code", "in", f"{ucum}/vs") == {"a", "b", "c"}


async def test_the_version_that_a_tenant_pins_counts(
    index: Index, owner: Owner, tenant: FreshTenant, catalogue: Catalogue, used: list[str]
) -> None:
    later = [one for one in RECORDS if not isinstance(one, Parent)]  # nothing is below anything any more
    await loaded(owner, catalogue, tenant, snomed("20250101", later))
    below = {ABOVE, *ORACLE.below(ABOVE)} & set(used)
    assert await index.find(tenant, "Observation", "code", "below", f"{SNOMED}|{ABOVE}") == {ABOVE} & set(used)
    pinned = {SNOMED: f"{EDITION}/version/20240101"}
    again = Index(index.indexer, index.terminology, index.store, pinned)
    assert await again.find(tenant, "Observation", "code", "below", f"{SNOMED}|{ABOVE}") == below
    assert await again.find(tenant, "Observation", "code", "in", f"{SNOMED}?fhir_vs=isa/{ABOVE}") == below


async def test_bindings_to_a_release_are_decided_in_its_index(
    index: Index, owner: Owner, tenant: FreshTenant, other_tenant: FreshTenant, catalogue: Catalogue, edition: None
) -> None:
    """Yes, no, and where the release is not there unknown; as soon as another version is active its codes count."""
    library, others = (Library(one.session, index.indexer) for one in (tenant, other_tenant))
    urls = [f"{SNOMED}?fhir_vs", f"{SNOMED}?fhir_vs={quote(f'ecl/< {ABOVE}')}", f"{SNOMED}?fhir_vs=refset/{REFSET}"]
    below = sorted(ORACLE.below(ABOVE))

    async def verdicts(of: Library, code: str) -> list[str]:
        found = await index.terminology.members(of, urls)
        return [found[url].has({"system": SNOMED, "code": code}).verdict for url in urls]

    for code in (below[0], ABOVE, "99"):
        expected = [code in ORACLE.concepts, code in below, code in IN_REFSET]
        assert await verdicts(library, code) == ["yes" if one else "no" for one in expected]
    assert await verdicts(others, below[0]) == ["unknown"] * 3
    found = await index.terminology.members(library, urls)
    assert all(one.weight < 100 for one in found.values())  # no list of codes
    assert await index.terminology.members(library, urls) == found
    system = (await index.terminology.systems(library, [SNOMED]))[SNOMED]
    assert system is not None
    assert [subsumes(system, ABOVE, below[0]), subsumes(system, below[0], ABOVE)] == [True, False]
    fewer = [one for one in RECORDS if not isinstance(one, Parent) and getattr(one, "code", "") != below[0]]
    await loaded(owner, catalogue, tenant, snomed("20250101", fewer))
    assert await verdicts(library, below[0]) == ["no"] * 3
    assert (await verdicts(library, ABOVE))[:2] == ["yes", "no"]


async def test_tx52_value_sets_of_hl7_are_known(index: Index, tenant: FreshTenant) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"
    await index.put(tenant, observation("f", (system, "F")), observation("x", (system, "X")))
    url = "http://terminology.hl7.org/ValueSet/v3-AdministrativeGender"
    assert await index.find(tenant, "Observation", "code", "in", url) == {"f"}
    members = (await index.terminology.members(Library(tenant.session, index.indexer), [url]))[url]
    assert [members.has({"system": system, "code": code}).verdict for code in ("F", "X")] == ["yes", "no"]
