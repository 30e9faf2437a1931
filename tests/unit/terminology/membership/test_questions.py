"""The terminology asks a tenant's resources first, then R4's own, and remembers versions only."""

from __future__ import annotations

import re
from typing import Any

import pytest

from resources import definitions
from resources.outcome import BadRequest, TooCostly
from terminology import resources
from terminology.answering import NO_RELEASES, Terminologies
from terminology.membership import questions
from terminology.membership.members import Members
from terminology.membership.questions import Question, Terminology, subsumes
from terminology.owned import Owned
from terminology.sources import Official

from ..shelf import Shelf

DEFINED = definitions.load()
Tree = dict[str, Any]
ANIMALS = "http://test/animals"


def animals(**more: Any) -> Tree:
    nested = [{"code": "animal", "concept": [{"code": "cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}]}]
    return {"resourceType": "CodeSystem", "id": "a", "url": ANIMALS, "content": "complete", "concept": nested, **more}


def value_set(name: str, *includes: Tree, **more: Any) -> Tree:
    compose = {"include": list(includes)}
    return {"resourceType": "ValueSet", "id": name, "url": f"http://test/{name}", "compose": compose, **more}


def codes(*some: str, system: str = ANIMALS) -> Tree:
    return {"system": system, "concept": [{"code": code} for code in some]}


def is_a(code: str) -> Tree:
    return {"system": ANIMALS, "filter": [{"property": "concept", "op": "is-a", "value": code}]}


def within(value: str) -> Question:
    return Question("in", value, None, f"code:in={value}")


def has(members: Members, system: str, code: str) -> bool:
    verdict = members.of(system, code, {}).verdict
    assert verdict != "unknown"  # which no answer to a search is
    return verdict == "yes"


async def answer(shelf: Shelf, question: Question, terminology: Terminology | None = None) -> Members:
    [found] = await (terminology or Terminology.alone(DEFINED)).answers(shelf, [question])
    return found


@pytest.mark.parametrize("value", ["http://test/cats", "ValueSet/cats", "http://test/cats|1"])
async def test_tk5_a_value_set_by_url_by_id_and_by_version(value: str) -> None:
    found = await answer(Shelf(value_set("cats", is_a("cat"), version="1"), animals()), within(value))
    assert has(found, ANIMALS, "lynx")
    assert not has(found, ANIMALS, "dog")
    assert not has(found, "", "lynx")


async def test_tk5_what_r4_itself_defines() -> None:
    found = await answer(Shelf(), within("http://hl7.org/fhir/ValueSet/observation-status"))
    assert has(found, "http://hl7.org/fhir/observation-status", "final")
    assert len(DEFINED._codes) > 200
    for value_set_url, systems in DEFINED._codes.items():
        found = await answer(Shelf(), within(value_set_url))
        for system, enumerated in systems.items():
            assert all(has(found, system, code) for code in enumerated), value_set_url


async def test_a_tenants_own_comes_before_that_of_r4() -> None:
    url = "http://hl7.org/fhir/ValueSet/observation-status"
    found = await answer(Shelf(value_set("mine", codes("mine"), url=url)), within(url))
    assert has(found, ANIMALS, "mine")
    assert not has(found, "http://hl7.org/fhir/observation-status", "final")


async def test_the_latest_active_version_unless_another_is_asked_for() -> None:
    shelf = Shelf(
        value_set("v9", codes("nine"), url="http://test/v", version="1.9", status="active"),
        value_set("v10", codes("ten"), url="http://test/v", version="1.10", status="active"),
        value_set("v11", codes("eleven"), url="http://test/v", version="1.11", status="draft"),
    )
    assert has(await answer(shelf, within("http://test/v")), ANIMALS, "ten")
    assert has(await answer(shelf, within("http://test/v|1.9")), ANIMALS, "nine")
    assert has(await answer(shelf, within("http://test/v|1.11")), ANIMALS, "eleven")
    with pytest.raises(BadRequest, match=re.escape("code:in=http://test/v|2: of http://test/v the version 2")):
        await answer(shelf, within("http://test/v|2"))


async def test_tx50_all_codes_of_a_code_system_by_its_value_set() -> None:
    found = await answer(Shelf(animals(valueSet="http://test/all")), within("http://test/all"))
    assert has(found, ANIMALS, "cat")
    assert not has(found, ANIMALS, "unicorn")
    assert has(
        await answer(Shelf(), within("http://hl7.org/fhir/ValueSet/dicom-dcim")),
        "http://dicom.nema.org/resources/ontology/DCM",
        "CT",
    )


async def test_tx50_snomed_where_a_code_system_is_stored() -> None:
    stored = animals(url="http://snomed.info/sct", version="http://snomed.info/sct/900/version/20240101")
    for url in ("http://snomed.info/sct?fhir_vs=isa/cat", "http://snomed.info/sct/900?fhir_vs=isa/cat"):
        assert has(await answer(Shelf(stored), within(url)), "http://snomed.info/sct", "lynx")
    for shelf, url in (
        (Shelf(), "http://snomed.info/sct?fhir_vs=isa/cat"),
        (Shelf(stored), "http://snomed.info/sct/901?fhir_vs=isa/cat"),
        (Shelf(stored), "http://snomed.info/sct?fhir_vs=ecl/cat"),
    ):
        with pytest.raises(BadRequest, match=re.escape(url)):
            await answer(shelf, within(url))


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        ([], "http://test/v"),
        ([value_set("v", {"valueSet": ["http://test/gone"]})], "http://test/gone"),
        ([value_set("v", is_a("cat"))], ANIMALS),
        ([value_set("v", is_a("unicorn")), animals()], "unicorn"),
        ([{"resourceType": "ValueSet", "id": "v", "url": "http://test/v"}], "http://test/v"),
    ],
)
async def test_tk5_what_is_not_known_is_400_and_is_named(stored: list[Tree], named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await answer(Shelf(*stored), within("http://test/v"))
    assert str(caught.value).startswith("code:in=http://test/v: ")
    assert named in str(caught.value).removeprefix("code:in=http://test/v: ")


async def test_each_level_of_imports_is_one_look_up() -> None:
    shelf = Shelf(
        value_set("a", {"valueSet": ["http://test/b"]}, {"valueSet": ["http://test/c"]}),
        value_set("b", {"valueSet": ["http://test/d"]}),
        value_set("c", {"valueSet": ["http://test/a"]}, codes("dog")),
        value_set("d", is_a("cat")),
        animals(),
    )
    found = await answer(shelf, within("http://test/a"))
    assert has(found, ANIMALS, "lynx")
    assert has(found, ANIMALS, "dog")
    assert shelf.asked == 4


async def test_a_chain_of_imports_without_end_is_refused() -> None:
    chain = [value_set(f"v{n}", {"valueSet": [f"http://test/v{n + 1}"]}) for n in range(questions.MOST + 10)]
    with pytest.raises(TooCostly):
        await answer(Shelf(*chain), within("http://test/v0"))


async def test_what_was_read_is_kept_by_tenant_and_version() -> None:
    terminology = Terminology.alone(DEFINED)
    shelf = Shelf(value_set("v", is_a("cat")), animals())
    for _ in range(2):
        assert has(await answer(shelf, within("http://test/v"), terminology), ANIMALS, "lynx")
    assert shelf.sent == ["v", "a"]
    shelf.trees[0] = value_set("v", codes("dog"), meta={"versionId": "2"})
    assert not has(await answer(shelf, within("http://test/v"), terminology), ANIMALS, "lynx")
    other = Shelf(value_set("v", codes("fish")), tenant_id=2)
    found = await answer(other, within("http://test/v"), terminology)
    assert has(found, ANIMALS, "fish")
    assert not has(found, ANIMALS, "lynx")


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "EVALUATED", 0)
    terminology = Terminology(Terminologies(Official(DEFINED), Owned(2_500), NO_RELEASES))  # room for two of them
    shelf = Shelf(*(value_set(f"v{n}", codes("cat")) for n in range(3)))
    for name in ("v0", "v1", "v2", "v2", "v0"):
        await answer(shelf, within(f"http://test/{name}"), terminology)
    assert shelf.sent == ["v0", "v1", "v2", "v0"]
    together = Shelf(value_set("all", *({"valueSet": [f"http://test/v{n}"]} for n in range(3))), *shelf.trees)
    assert has(await answer(together, within("http://test/all"), terminology), ANIMALS, "cat")


@pytest.mark.parametrize(
    ("relation", "code", "found"), [("below", "cat", {"cat", "lynx"}), ("above", "CAT", {"cat", "animal"})]
)
async def test_tk7_below_and_above(relation: str, code: str, found: set[str]) -> None:
    name = f"code:{relation}={code}"
    by_system = await answer(Shelf(animals()), Question(relation, code, ANIMALS, name))
    bare = await answer(Shelf(animals()), Question(relation, code, None, name, ("http://test/other", ANIMALS)))
    assert set(by_system.codes(ANIMALS, 9) or ()) == set(bare.codes(ANIMALS, 9) or ()) == found


async def test_tk7_a_bare_code_of_two_systems_or_of_none() -> None:
    other = animals(id="b", url="http://test/beasts")
    with pytest.raises(BadRequest, match="http://test/animals and in http://test/beasts"):
        await answer(
            Shelf(animals(), other), Question("below", "cat", None, "code:below=cat", (ANIMALS, "http://test/beasts"))
        )
    with pytest.raises(BadRequest, match="code:below=unicorn: no code system"):
        await answer(Shelf(animals()), Question("below", "unicorn", None, "code:below=unicorn", (ANIMALS,)))
    assert (await answer(Shelf(animals()), Question("below", "cat", None, "code:below=cat"))).systems == frozenset()


@pytest.mark.parametrize(
    ("stored", "code", "named"),
    [
        ([], "cat", ANIMALS),
        ([animals(content="not-present")], "cat", ANIMALS),
        ([animals()], "unicorn", "unicorn"),
    ],
)
async def test_tx03_a_code_that_cannot_be_compared(stored: list[Tree], code: str, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        await answer(Shelf(*stored), Question("below", code, ANIMALS, "code:below=x"))


async def test_a_code_without_a_system_and_one_that_a_fragment_lacks_stand_alone() -> None:
    alone = await answer(Shelf(), Question("below", "local", "", "code:below=|local"))
    assert has(alone, "", "local")
    fragment = Shelf(animals(content="fragment"))
    assert has(await answer(fragment, Question("above", "ox", ANIMALS, "code:above=ox")), ANIMALS, "ox")


async def test_tx36_regular_expressions() -> None:
    shelf = Shelf(
        value_set("v", {"system": ANIMALS, "filter": [{"property": "code", "op": "regex", "value": "[a-z]{3}"}]}),
        animals(),
    )
    found = await answer(shelf, within("http://test/v"))
    assert found.codes(ANIMALS, 9) == ["cat", "dog"]


@pytest.mark.parametrize("content", ["complete", "fragment", "not-present"])
def test_subsumption_is_denied_only_where_all_concepts_are_here(content: str) -> None:
    nested = [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}, {"code": "d"}]}]
    found = resources.code_system({"content": content, "concept": nested if content != "not-present" else []})
    denied = False if content == "complete" else None
    known = True if content != "not-present" else None
    asked = [("a", "c"), ("b", "b"), ("x", "x"), ("A", "a"), ("c", "a"), ("b", "d"), ("a", "x")]
    expected = [known, True, True, known, denied, denied, None]
    assert [subsumes(found, *pair) for pair in asked] == expected


def test_tx34_a_hierarchy_that_is_no_subsumption_tells_nothing() -> None:
    nested = [{"code": "a", "concept": [{"code": "b"}]}]
    found = resources.code_system({"content": "complete", "hierarchyMeaning": "part-of", "concept": nested})
    assert [subsumes(found, *pair) for pair in (("a", "b"), ("a", "a"))] == [None, True]


async def test_a_second_answer_costs_one_look_up_of_versions() -> None:
    terminology = Terminology.alone(DEFINED)
    shelf = Shelf(value_set("a", {"valueSet": ["http://test/b"]}), value_set("b", is_a("cat")), animals())
    first = await answer(shelf, within("http://test/a"), terminology)
    before = shelf.asked
    assert await answer(shelf, within("http://test/a"), terminology) is first
    assert shelf.asked == before + 1
    shelf.trees[1] = value_set("b", is_a("dog"), meta={"versionId": "2"})
    assert not has(await answer(shelf, within("http://test/a"), terminology), ANIMALS, "lynx")


async def test_tx52_what_hl7_defines_and_r4_does_not() -> None:
    name = "http://terminology.hl7.org/ValueSet/v3-AdministrativeGender"
    system = "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"
    for found in (
        await answer(Shelf(), within(name)),
        (await Terminology.alone(DEFINED).members(Shelf(), [name]))[name],
    ):
        assert [found.of(system, code, {}).verdict for code in ("F", "X")] == ["yes", "no"]
