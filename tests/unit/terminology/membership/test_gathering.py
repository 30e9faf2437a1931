"""What value sets rest on: one look-up for each level, and the versions of all that was looked up."""

from __future__ import annotations

import contextlib

from resources import definitions
from terminology.answering import asked
from terminology.membership import gathering
from terminology.membership.gathering import Current, Gathering, R4First, Rests, bindings
from terminology.owned import Owned
from terminology.scope import Missing, Scope
from terminology.sources import Official
from terminology.stored import NEWEST

from ..shelf import Shelf
from .test_questions import ANIMALS, animals, codes, is_a, value_set

DEFINED = definitions.load()
A, B, C = (f"http://test/{name}" for name in "abc")


async def gathered(shelf: Shelf, *canonicals: str) -> tuple[Gathering, Rests]:
    current, r4 = Current(Owned(), shelf.tenant_id), R4First(Official(DEFINED))

    def answer(within: Scope) -> tuple[Gathering, Rests]:
        current.begin()
        found = Gathering(within, r4)
        found.gather(canonicals)
        return found, current.rests

    return await asked(answer, lambda: bindings((current,), r4, {}), lambda: current.load(shelf))


async def rests(shelf: Shelf, canonical: str) -> Rests:
    return (await gathered(shelf, canonical))[1]


async def test_it_rests_on_the_versions_of_all_that_was_looked_up() -> None:
    shelf = Shelf(
        value_set("a", {"valueSet": [f"{B}|1"]}, {"valueSet": ["http://hl7.org/fhir/ValueSet/observation-status"]}),
        value_set("b", is_a("cat"), version="1"),
        value_set("b2", is_a("dog"), url=B, version="2"),
        animals(meta={"versionId": "7"}),
        value_set("c", {"valueSet": ["http://test/gone"]}),
    )
    assert await rests(shelf, A) == {
        ("ValueSet", A): (("a", 1),),
        ("ValueSet", B): (("b", 1), ("b2", 1)),
        ("CodeSystem", ANIMALS): (("a", 7),),
    }
    assert await rests(shelf, C) == {
        ("ValueSet", C): (("c", 1),),
        ("ValueSet", "http://test/gone"): (),
        ("CodeSystem", NEWEST): (("a", 7),),
    }
    assert await rests(shelf, "http://hl7.org/fhir/ValueSet/observation-status") == {}
    found, _ = await gathered(shelf, A, C)
    assert (found.value_set(f"{B}|1") or {})["version"] == "1"


async def test_each_level_is_one_look_up_and_asks_for_each_name_once() -> None:
    shelf = Shelf(
        value_set("a", {"valueSet": [B]}, {"valueSet": [C]}),
        value_set("b", is_a("cat")),
        value_set("c", is_a("dog"), {"valueSet": [A]}),
        animals(),
    )
    found, _ = await gathered(shelf, A, B, f"{B}|1")
    assert shelf.asked == 2  # what comes with the roots is on the second level
    assert len(shelf.wanted) == len({*shelf.wanted})
    assert found.system(ANIMALS)


async def test_codes_of_a_grammar_and_lists_of_r4_need_nothing() -> None:
    shelf = Shelf(value_set("a", {"system": "http://unitsofmeasure.org"}, {"system": "urn:ietf:bcp:47"}))
    await gathered(shelf, A, "http://hl7.org/fhir/ValueSet/languages")
    assert shelf.wanted == [("ValueSet", A)]


async def test_one_that_rests_on_too_many_does_not_keep_the_others_from_theirs() -> None:
    many = [f"http://test/m{n}" for n in range(gathering.MOST + 10)]
    shelf = Shelf(value_set("a", *({"valueSet": [one]} for one in many)), value_set("b", is_a("cat")), animals())
    found, _ = await gathered(shelf, A, B)
    assert found.system(ANIMALS)
    assert len(shelf.wanted) == gathering.MOST + 1 + 2 + 1  # with the code system written last
    assert str(found.missing("ValueSet", many[-1])) == f"{A} rests on more than {gathering.MOST} others"
    assert str(found.missing("ValueSet", many[0])) == f"the value set {many[0]} is not known here"


async def test_enumerated_codes_ask_for_their_system_only_where_a_tenant_enumerates() -> None:
    shelf = Shelf(value_set("a", codes("cat")))
    await gathered(shelf, A, "http://hl7.org/fhir/ValueSet/designation-use")  # which enumerates codes of SNOMED CT
    assert shelf.wanted == [("ValueSet", A), ("CodeSystem", ANIMALS)]


async def test_what_was_read_of_a_version_is_not_read_again() -> None:
    owned, shelf = Owned(), Shelf(value_set("a", is_a("cat")), animals())
    for version, sent in (("1", ["a", "a"]), ("1", ["a", "a"]), ("2", ["a", "a", "a"])):
        shelf.trees[0] = value_set("a", is_a("cat"), meta={"versionId": version})
        current = Current(owned, shelf.tenant_id)
        for wanted in (("ValueSet", A), ("CodeSystem", ANIMALS)):
            with contextlib.suppress(Missing):
                current.find(*wanted)
        await current.load(shelf)
        assert [one.url for one in current.find("ValueSet", A)] == [A]
        assert shelf.sent == sent
