"""What validation asks of value sets: R4's own without a look-up, a tenant's by version; nothing missing is an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pyroaring import BitMap

from resources import definitions
from resources.profiles.world import Membership
from terminology.grammars.grammar import GRAMMARS
from terminology.membership import evaluation, gathering, questions
from terminology.membership.evaluation import members_of
from terminology.membership.gathering import R4First
from terminology.membership.members import ALL, NONE, Codes, Extent, Joint, Members, Share, Side, in_list
from terminology.membership.questions import Terminology, subsumes

from ..shelf import Shelf
from .test_questions import ANIMALS, Tree, animals, codes, is_a, value_set

DEFINED = definitions.load()
R4 = "http://hl7.org/fhir/ValueSet/"
SNOMED = "http://snomed.info/sct"


async def members(shelf: Shelf, canonical: str, terminology: Terminology | None = None) -> Members:
    return (await (terminology or Terminology.alone(DEFINED)).members(shelf, [canonical]))[canonical]


async def verdict(shelf: Shelf, canonical: str, code: str, system: str | None = ANIMALS) -> Membership:
    coding = {"code": code} if system is None else {"system": system, "code": code}
    return (await members(shelf, canonical)).has(coding)


def bound() -> set[str]:
    """All value sets that elements of resources and data types are bound to with required or extensible strength."""
    elements = [one for name in DEFINED.structures for one in DEFINED.structures[name].elements.values()]
    return {url for one in elements for url in (one.binding, one.extensible) if url}


# The value sets of required and extensible bindings that are not decided for all codes, and by what they are instead.
UNDECIDED = {
    "http://loinc.org/vs/LL379-9": "http://loinc.org is not known here",  # an answer list of LOINC
    f"{R4}jurisdiction": "the list of countries",  # ISO 3166, of which only the form is known
    f"{R4}consent-content-class": "IHE.FormatCode.codesystem is not known here",  # and MIME types
    "http://dicom.nema.org/medical/dicom/current/output/chtml/part04/sect_B.5.html#table_B.5-1": "is not known here",
    "http://dicom.nema.org/medical/dicom/current/output/chtml/part16/sect_CID_29.html": "is not known here",
    "http://www.rsna.org/RadLex_Playbook.aspx": "is not known here",
}
BY_GRAMMAR = {f"{R4}mimetypes": "urn:ietf:bcp:13", f"{R4}ucum-units": "http://unitsofmeasure.org"}


class Test_R4:
    async def test_the_value_sets_of_required_bindings_have_the_codes_that_r4_lists(self) -> None:
        shelf, lists = Shelf(), {url: DEFINED.codes(url) or {} for url in DEFINED._codes}
        found = await Terminology.alone(DEFINED).members(shelf, list(lists))
        assert len(lists) > 200
        for url, systems in lists.items():
            for system, some in systems.items():
                assert all(found[url].has({"system": system, "code": code}).verdict == "yes" for code in some), url
                assert found[url].has({"system": system, "code": "no such code"}).verdict == "no", url
            assert found[url].has({"system": "http://test/other", "code": "x"}).verdict == "no", url

    async def test_evaluated_definitions_are_the_same_as_the_lists(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All but the currencies, whose list is R4's and whose code system is nowhere."""
        monkeypatch.setattr(R4First, "listed", lambda *_: None)
        lists = {url: DEFINED.codes(url) or {} for url in DEFINED._codes if not url.endswith("/currencies")}
        found = await Terminology.alone(DEFINED).members(Shelf(), list(lists))
        for url, systems in lists.items():
            listed = found[url].listed(100_000)
            if listed is None:
                assert f"{R4}all-types" != url
            assert listed == sorted((system, code) for system, some in systems.items() for code in some), url

    async def test_every_other_bound_value_set_is_decided_or_says_why_not(self) -> None:
        wanted = bound()
        assert len(wanted) > 290
        for url, one in (await Terminology.alone(DEFINED).members(Shelf(), sorted(wanted))).items():
            verdicts = [one.has({"system": system, "code": "CH"}) for system in (*one.systems, "http://test/other")]
            whys = [found.why for found in verdicts if found.verdict == "unknown"]
            assert bool(whys) == (url in UNDECIDED), url
            assert url not in UNDECIDED or any(UNDECIDED[url] in why for why in whys), whys
            if system := BY_GRAMMAR.get(url):
                assert one.systems == {system}
                assert system in GRAMMARS

    @pytest.mark.parametrize(
        ("name", "system", "code", "expected"),
        [
            ("mimetypes|4.0.1", None, "text/plain", "yes"),
            ("mimetypes", None, "plain", "no"),
            ("ucum-units", "http://unitsofmeasure.org", "mg/dL", "yes"),
            ("ucum-units", "http://unitsofmeasure.org", "mg/dl x", "no"),
            ("ucum-units", SNOMED, "mg/dL", "no"),
            ("duration-units", "http://unitsofmeasure.org", "min", "yes"),
            ("duration-units", "http://unitsofmeasure.org", "mg", "no"),
            ("all-languages", "urn:ietf:bcp:47", "de-CH", "yes"),
            ("all-languages", None, "german", "no"),
            ("languages", None, "de-CH", "yes"),
            ("languages", None, "DE-ch", "yes"),
            ("languages", None, "gsw", "no"),
            ("currencies", None, "EUR", "yes"),
            ("currencies", None, "EURO", "no"),
            ("administrative-gender|4.0.1", None, "other", "yes"),
            ("administrative-gender", "", "other", "no"),  # a Coding without system
            ("administrative-gender|5.0.0", None, "other", "unknown"),
            ("dicom-dcim", "http://dicom.nema.org/resources/ontology/DCM", "CT", "yes"),  # CodeSystem.valueSet
            ("questionnaire-answers", SNOMED, "1", "unknown"),
        ],
    )
    async def test_single_codes(self, name: str, system: str | None, code: str, expected: str) -> None:
        assert (await verdict(Shelf(), R4 + name, code, system)).verdict == expected

    async def test_what_r4_defines_itself_costs_no_look_up_and_cannot_be_overlaid(self) -> None:
        url = f"{R4}observation-status"
        shelf = Shelf(value_set("mine", codes("mine"), url=url), animals(url="http://hl7.org/fhir/observation-status"))
        assert (await verdict(shelf, url, "final", "http://hl7.org/fhir/observation-status")).verdict == "yes"
        assert (await verdict(shelf, url, "mine")).verdict == "no"
        await members(shelf, f"{R4}ucum-units")
        assert (shelf.asked, shelf.searched) == (0, 0)
        mine = value_set("mine", codes("mine"), url=url, version="9")
        assert (await verdict(Shelf(mine), f"{url}|9", "mine")).verdict == "yes"  # which is none of R4's

    async def test_other_urls_are_the_tenants_first(self) -> None:
        url = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"
        assert (await verdict(Shelf(), url, "UNK", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor")) == (
            "yes",
            "",
        )
        assert (await verdict(Shelf(value_set("mine", codes("mine"), url=url)), url, "mine")).verdict == "yes"


V = "http://test/v"
NOT_HERE = f"the code system {ANIMALS} is not known here"
MISSING: list[tuple[list[Tree], str, str]] = [  # what is stored, the value set that is asked for, the reason
    ([], V, f"the value set {V} is not known here"),
    ([], f"{V}|2", f"the value set {V}|2 is not known here"),
    ([value_set("v", codes("cat"), version="1")], f"{V}|2", f"of {V} the version 2 is not known here, but 1"),
    ([{"resourceType": "ValueSet", "id": "v", "url": V}], V, f"the value set {V} does not say what is in it"),
    ([value_set("v", is_a("cat"))], V, NOT_HERE),
    ([value_set("v", is_a("cat")), animals(content="not-present")], V, NOT_HERE),
    (
        [value_set("v", is_a("unicorn")), animals()],
        V,
        "The filter concept is-a names the code 'unicorn', which the code system http://test/animals does not have",
    ),
    ([value_set("v", {"valueSet": ["http://test/gone"]})], V, "the value set http://test/gone is not known here"),
    ([], f"{SNOMED}?fhir_vs=sounds-like/x", "Of the implicit value sets of SNOMED CT"),
    (
        [value_set("v", {**is_a("cat"), "version": "2"}), animals(version="1")],
        V,
        f"of {ANIMALS} the version 2 is not known here, but 1",
    ),
]


@pytest.mark.parametrize(("stored", "canonical", "why"), MISSING)
async def test_what_is_missing_is_unknown_and_is_named(stored: list[Tree], canonical: str, why: str) -> None:
    found = await verdict(Shelf(*stored), canonical, "cat")
    assert found.verdict == "unknown"
    assert found.why.startswith(why)


async def test_a_regular_expression_that_cannot_be_read_is_unknown_and_spoils_no_other() -> None:
    def matching(name: str, pattern: str) -> Tree:
        return value_set(name, {"system": ANIMALS, "filter": [{"property": "code", "op": "regex", "value": pattern}]})

    shelf = Shelf(matching("good", "c.*"), matching("bad", "["), matching("back", r"(c)\1"), animals())
    found = await Terminology.alone(DEFINED).members(shelf, [f"http://test/{one}" for one in ("good", "bad", "back")])
    assert found["http://test/good"].listed() == [(ANIMALS, "cat")]
    for name in ("bad", "back"):
        assert "cannot be read" in found[f"http://test/{name}"].has({"system": ANIMALS, "code": "cat"}).why


async def test_more_codes_than_can_be_kept_are_unknown_and_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "EVALUATED", 3)
    monkeypatch.setattr(questions, "_LIGHTEST", 0)
    shelf = Shelf(value_set("v", {"system": ANIMALS}), animals())
    terminology = Terminology.alone(DEFINED)
    for _ in range(2):
        assert (await members(shelf, "http://test/v", terminology)).has({"code": "cat"}).verdict == "unknown"
    assert len(shelf.sent) == 2  # the value set and the code system, once


async def test_the_sets_that_a_code_system_or_a_url_implies() -> None:
    stored = animals(valueSet="http://test/all")
    assert (await verdict(Shelf(stored), "http://test/all", "cat")).verdict == "yes"
    assert (await verdict(Shelf(stored), "http://test/all", "unicorn")).verdict == "no"
    snomed = animals(url=SNOMED)
    found = await verdict(Shelf(), f"{SNOMED}?fhir_vs=ecl/%3C%205", "5", SNOMED)
    assert found == ("unknown", f"the code system {SNOMED} is not known here")
    for shelf, expected in ((Shelf(snomed), "yes"), (Shelf(), "unknown")):
        assert (await verdict(shelf, f"{SNOMED}?fhir_vs=isa/cat", "lynx", SNOMED)).verdict == expected
    assert (await verdict(Shelf(), "http://unitsofmeasure.org/vs", "kg", "http://unitsofmeasure.org")).verdict == "yes"


async def test_a_bare_code_is_in_it_if_any_system_has_it() -> None:
    two = value_set("v", codes("cat"), codes("red", system="http://test/colours"))
    for code, expected in (("cat", "yes"), ("red", "yes"), ("dog", "no")):
        assert (await verdict(Shelf(two), "http://test/v", code, None)).verdict == expected
    half = value_set("v", codes("cat"), {"valueSet": ["http://test/gone"]})
    for code, expected in (("cat", "yes"), ("dog", "unknown")):
        assert (await verdict(Shelf(half), "http://test/v", code, None)).verdict == expected
    found = await members(Shelf(two), "http://test/v")
    assert found.has({"system": ANIMALS}).verdict == "no"
    assert found.has({"display": "x"}).verdict == "no"


async def test_listed_is_for_small_sets_that_are_known_to_the_last_code() -> None:
    shelf = Shelf(
        value_set("v", {"system": ANIMALS}), animals(), value_set("w", codes("x"), {"valueSet": ["http://test/gone"]})
    )
    found = await members(shelf, "http://test/v")
    assert found.listed() == [(ANIMALS, "animal"), (ANIMALS, "cat"), (ANIMALS, "dog"), (ANIMALS, "lynx")]
    assert found.listed(4) is not None
    assert found.listed(3) is None
    assert (await members(shelf, "http://test/w")).listed() is None
    assert (await members(shelf, f"{R4}ucum-units")).listed() is None


async def test_a_second_call_costs_one_look_up_of_versions_and_no_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: Counter[str] = Counter()

    def counted(canonical: str, world: Any, **how: Any) -> Members:
        evaluated[canonical] += 1
        return members_of(canonical, world, **how)

    monkeypatch.setattr(questions, "members_of", counted)
    terminology = Terminology.alone(DEFINED)
    shelf = Shelf(value_set("a", {"valueSet": ["http://test/b"]}), value_set("b", is_a("cat")), animals())
    wanted = ["http://test/a", "http://test/gone", f"{R4}observation-status"]
    first = await terminology.members(shelf, wanted)
    asked = shelf.asked
    assert asked == 4  # three levels, and the code system written last, since a value set is nowhere
    second = await terminology.members(shelf, wanted)
    assert (shelf.asked, shelf.searched) == (asked + 1, 1)
    assert all(first[one] is second[one] for one in wanted)
    assert set(evaluated.values()) == {1}
    assert sorted(shelf.sent) == ["a", "a", "b"]
    other = Shelf(value_set("a", codes("fish")), tenant_id=2)
    found = await terminology.members(other, wanted)
    assert found["http://test/a"].has({"system": ANIMALS, "code": "fish"}).verdict == "yes"
    assert found[wanted[2]] is first[wanted[2]]


CHANGES: dict[str, tuple[Callable[[list[Tree]], object], str]] = {
    "a new version of the code system": (
        lambda t: t.append({**t.pop(), "meta": {"versionId": "2"}, "concept": []}),
        "no",
    ),
    "the code system is gone": (lambda trees: trees.pop(), "unknown"),
    "an included value set is gone": (lambda trees: trees.pop(1), "unknown"),
    "another version of it": (
        lambda t: t.insert(0, value_set("c", codes("dog"), url="http://test/a", version="2")),
        "no",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_is_evaluated_anew(change: str) -> None:
    terminology = Terminology.alone(DEFINED)
    shelf = Shelf(value_set("a", {"valueSet": ["http://test/b"]}), value_set("b", is_a("cat")), animals())
    alter, expected = CHANGES[change]
    for verdict in ("yes", expected):
        found = await terminology.members(shelf, ["http://test/a"])
        assert found["http://test/a"].has({"system": ANIMALS, "code": "lynx"}).verdict == verdict
        alter(shelf.trees)


async def test_a_code_system_that_comes_to_imply_a_value_set_is_noticed() -> None:
    terminology, shelf = Terminology.alone(DEFINED), Shelf(value_set("a", {"valueSet": ["http://test/all"]}))
    for expected in ("unknown", "yes"):
        found = (await terminology.members(shelf, ["http://test/a"]))["http://test/a"]
        assert found.has({"system": ANIMALS, "code": "cat"}).verdict == expected
        shelf.trees.append(animals(valueSet="http://test/all"))


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "EVALUATED", 3 * (questions._LIGHTEST + 3))
    terminology = Terminology.alone(DEFINED)
    shelf = Shelf(*(value_set(f"v{n}", codes("cat")) for n in range(9)))
    kept = [(await terminology.members(shelf, [f"http://test/v{n}"]))[f"http://test/v{n}"] for n in range(9)]
    again = [(await terminology.members(shelf, [f"http://test/v{n}"]))[f"http://test/v{n}"] for n in (8, 7, 0)]
    assert again[0] is kept[8]
    assert again[2] is not kept[0]
    assert terminology._evaluated._weight <= questions.EVALUATED


async def test_a_value_set_that_rests_on_too_many_others_is_unknown_and_ends() -> None:
    chain = [value_set(f"v{n}", {"valueSet": [f"http://test/v{n + 1}"]}) for n in range(gathering.MOST + 50)]
    wide = value_set("w", *({"valueSet": [f"http://test/x{n}"]} for n in range(gathering.MOST + 50)))
    for one in (Shelf(*chain), Shelf(wide)):
        canonical = one.trees[0]["url"]
        assert (await verdict(one, canonical, "cat")).verdict == "unknown"
        assert len({name for _, name in one.wanted}) <= gathering.MOST + 2
        assert one.asked <= evaluation.DEEPEST + 3


async def test_code_systems_for_subsumption() -> None:
    shelf = Shelf(animals(caseSensitive=True))
    found = await Terminology.alone(DEFINED).systems(shelf, [ANIMALS, SNOMED, "http://hl7.org/fhir/issue-type"])
    system = found[ANIMALS]
    assert system is not None
    asked = [("cat", "lynx"), ("cat", "cat"), ("lynx", "cat"), ("dog", "lynx"), ("cat", "ox"), ("ox", "ox")]
    assert [subsumes(system, *pair) for pair in asked] == [True, True, False, False, None, True]
    r4 = found["http://hl7.org/fhir/issue-type"]
    assert r4 is not None
    assert subsumes(r4, "invalid", "required") is True
    snomed = found[SNOMED]
    assert snomed is None or subsumes(snomed, "1", "2") is None
    assert shelf.asked == 1


def test_reasons_are_few_and_each_once() -> None:
    unknown = [Share(Extent(BitMap(), NONE), Extent(BitMap(), ALL), f"reason {n % 5}") for n in range(10)]
    found = Members(Side({"s": tuple(unknown)})).has({"system": "s", "code": "x"})
    assert found.why == "reason 0; reason 1; reason 2"


def test_an_include_of_a_system_and_of_value_sets_is_in_all_of_them() -> None:
    a, b = in_list({"s": frozenset("xy")}), Members.unknown("why")
    some = Extent(BitMap(), Codes(frozenset("yz")))
    both = Members(Side({}, (Joint((a, b), "s", Share(some, some)),)))
    assert [both.has({"system": "s", "code": code}).verdict for code in "xyz"] == ["no", "unknown", "no"]
    assert both.has({"system": "t", "code": "y"}).verdict == "no"
