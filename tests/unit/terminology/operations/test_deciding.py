"""Membership decided from definitions and indexes. https://hl7.org/fhir/R4/valueset.html#compositions"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.outcome import BadRequest, FhirError, NotFound, Unprocessable
from terminology.budget import Budget
from terminology.operations.codings import Coding, Rules
from terminology.operations.deciding import DEEPEST, Definition, UnknownImport

from .asked import Tree, code_system, scope
from .judged import COLOURS, SETS, SHAPES, all_of, here, in_value_set, sets, shapes, these, under, value_set
from .naive import CODES, Naive, definitions, hierarchies, tree_of


def has(name: str, code: str, *trees: Tree, system: str = SHAPES, **rules: Any) -> bool | None:
    asked = Rules(here(*trees), **rules)
    return Definition(asked, next(one for one in trees if one["url"] == f"{SETS}{name}")).has(Coding(system, code))


@pytest.mark.parametrize(
    ("include", "exclude", "members"),
    [
        ([these("circle", "square")], [], {"circle", "square"}),
        ([all_of()], [under("round")], {"figure", "angular", "square", "old", "weak"}),
        ([under("round", "descendent-of")], [these("oval")], {"circle"}),
        (
            [under("round"), under("angular")],
            [under("round", "descendent-of"), these("old", "weak")],
            {"round", "angular", "square"},
        ),
        ([all_of(COLOURS)], [], set()),
        ([{**all_of(), **sets("rounds")}], [], {"round", "circle", "oval"}),
        ([sets("rounds", "two")], [], {"circle"}),
        ([sets("rounds"), sets("two")], [], {"round", "circle", "oval", "square"}),
        ([all_of()], [sets("rounds", "two")], {"figure", "round", "oval", "angular", "square", "old", "weak"}),
        ([sets("rounds")], [{**these("circle", "oval"), **sets("two")}], {"round", "oval"}),
        (
            [{**under("figure"), "filter": [*under("round")["filter"], *under("circle", "is-not-a")["filter"]]}],
            [],
            {"round", "oval"},
        ),
    ],
)
def test_includes_and_excludes(include: list[Tree], exclude: list[Tree], members: set[str]) -> None:
    """TX-35: listed codes, filters, imports as intersection, excludes."""
    trees = (
        value_set("asked", *include, exclude=exclude),
        value_set("rounds", under("round")),
        value_set("two", these("circle", "square")),
    )
    codes = ("figure", "round", "circle", "oval", "angular", "square", "old", "weak", "none")
    colours = code_system(COLOURS, {"code": "red"})
    assert {one for one in codes if has("asked", one, *trees, colours)} == members


def test_a_code_system_that_is_not_known_decides_only_what_rests_on_it() -> None:
    none = "http://example.org/none"
    assert has("some", "circle", value_set("some", all_of(none), these("circle"))) is True
    assert has("some", "circle", value_set("some", all_of(none), these("oval"))) is False
    assert has("some", "x", value_set("some", all_of(none), these("oval")), system=none) is None
    assert has("some", "x", value_set("some", these("x", system=none)), system=none) is None
    both = value_set("some", {**these("x", system=none), "valueSet": [f"{SETS}xs"]})
    known = code_system(none, {"code": "x"}, version="2")
    listing = value_set("xs", these("x", system=none))
    assert has("some", "x", both, listing, system=none) is None
    assert has("some", "x", both, listing, known, system=none) is True
    both["compose"]["include"][0]["version"] = "1"
    assert has("some", "x", both, listing, known, system=none) is None
    excluding = value_set("some", all_of(COLOURS), exclude=[{"system": COLOURS, "version": "9"}])
    assert has("some", "red", excluding, code_system(COLOURS, {"code": "red"}, version="1"), system=COLOURS) is None


@pytest.mark.parametrize("content", ["not-present", "example"])
def test_content_of_which_nothing_can_be_said(content: str) -> None:
    """TX-34."""
    some = code_system(COLOURS, {"code": "red"}, content=content)
    reds = value_set("reds", all_of(COLOURS))
    found = in_value_set(scope(some, reds), url=reds["url"], system=COLOURS, code="red")
    assert not found.result
    assert found.ids == ["UNKNOWN_CODESYSTEM"]


def test_a_fragment_softens_unknown_codes() -> None:
    """TX-34."""
    some = code_system(COLOURS, {"code": "red"}, content="fragment")
    for name, include in (("all", all_of(COLOURS)), ("listed", these("blue", system=COLOURS))):
        found = in_value_set(scope(some, value_set(name, include)), url=f"{SETS}{name}", system=COLOURS, code="blue")
        assert found.result
        assert found.ids == ["UNKNOWN_CODE_IN_FRAGMENT"]
    condition = {"property": "concept", "op": "is-a", "value": "red"}
    for part in (these("green", system=COLOURS), {"system": COLOURS, "filter": [condition]}):
        other = value_set("other", part)
        found = in_value_set(scope(some, other), url=other["url"], system=COLOURS, code="blue")
        assert not found.result
        assert found.kinds == ["warning invalid-code", "error not-in-vs"]


def test_a_supplement_is_not_a_code_system() -> None:
    """TX-34."""
    more = code_system(COLOURS, {"code": "red"}, content="supplement", supplements=SHAPES)
    reds = value_set("reds", all_of(COLOURS))
    found = in_value_set(scope(shapes(), more, reds), url=reds["url"], system=COLOURS, code="red")
    assert not found.result
    assert "CODESYSTEM_CS_NO_SUPPLEMENT" in found.ids


def test_circular_imports_are_an_error_whatever_the_code() -> None:
    """TX-90."""
    trees = (
        value_set("a", all_of(), sets("b")),
        value_set("b", sets("c")),
        value_set("c", all_of(), exclude=[sets("a")]),
    )
    for name in "abc":
        with pytest.raises(Unprocessable, match=f"{SETS}{name} .* → {SETS}{name}"):
            has(name, "circle", *trees)


def test_a_circle_is_found_where_every_look_reads_anew() -> None:
    """TX-90: sources may hand over another object each time."""
    trees = {one["url"]: one for one in (value_set("a", sets("b", "b")), value_set("b", sets("a"), sets("a")))}
    asked = Rules(here())
    asked.scope.value_set = lambda url, version="": copy.deepcopy(trees[url])  # type: ignore[method-assign]
    with pytest.raises(Unprocessable, match="rests on itself"):
        Definition(asked, copy.deepcopy(trees[f"{SETS}a"]))


def test_a_value_set_may_be_reached_by_two_ways() -> None:
    trees = [value_set("0", these("circle"))]
    trees += [value_set(str(n), sets(str(n - 1), str(n - 1)), sets(str(n - 1))) for n in range(1, DEEPEST)]
    assert has(str(DEEPEST - 1), "circle", *trees)
    with pytest.raises(Unprocessable, match="deep"):
        has(str(DEEPEST), "circle", *trees, value_set(str(DEEPEST), sets(str(DEEPEST - 1))))


def test_contained_value_sets() -> None:
    inner = [
        {**value_set("x", these("circle", "square")), "id": "vs1"},
        {**value_set("y", {"valueSet": ["#vs1"]}), "id": "vs2"},
    ]
    tree = value_set("outer", {"valueSet": ["#vs2", f"{SETS}rounds"]}, contained=inner)
    rounds = value_set("rounds", under("round"))
    assert has("outer", "circle", tree, rounds)
    assert has("outer", "square", tree, rounds) is False
    with pytest.raises(UnknownImport, match="#vs3"):
        has("outer", "circle", value_set("outer", {"valueSet": ["#vs3"]}, contained=inner))


@pytest.mark.parametrize(
    ("tree", "error"),
    [
        (value_set("bad", sets("none")), UnknownImport),
        ({**value_set("bad"), "compose": None}, Unprocessable),
        (value_set("bad"), Unprocessable),
        (value_set("bad", {}), Unprocessable),
        (value_set("bad", {"concept": [{"code": "circle"}]}), Unprocessable),
        (value_set("bad", {"valueSet": []}), Unprocessable),
        (value_set("bad", all_of(), exclude=[{"filter": under("circle")["filter"]}]), Unprocessable),
        (value_set("bad", {"system": SHAPES, "filter": [{"property": "concept", "op": "is-a"}]}), BadRequest),
        (value_set("bad", {"system": SHAPES, "filter": [{"property": "shade", "op": "=", "value": "x"}]}), BadRequest),
        (
            value_set("bad", {"system": SHAPES, "filter": [{"property": "code", "op": "regex", "value": "("}]}),
            FhirError,
        ),
        (value_set("bad", under("none")), FhirError),
        (
            value_set(
                "bad",
                all_of(),
                extension=[
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/valueset-supplement",
                        "valueCanonical": "http://x.y",
                    }
                ],
            ),
            NotFound,
        ),
    ],
)
def test_definitions_that_cannot_be_used(tree: Tree, error: type[FhirError]) -> None:
    """TX-23, TX-36, TX-90: an error, never an empty set."""
    with pytest.raises(error):
        has("bad", "circle", tree)


def test_an_import_that_is_not_known_is_the_answer_and_no_error() -> None:
    found = in_value_set(here(value_set("bad", sets("none"))), url=f"{SETS}bad", system=SHAPES, code="circle")
    assert not found.result
    assert found.ids == ["Unable_to_resolve_value_Set_"]


def test_a_value_set_without_definition_is_its_expansion() -> None:
    stored = {
        "resourceType": "ValueSet",
        "url": f"{SETS}stored",
        "status": "active",
        "expansion": {
            "contains": [
                {
                    "system": SHAPES,
                    "code": "round",
                    "abstract": True,
                    "contains": [{"system": SHAPES, "code": "circle"}],
                },
                {"system": SHAPES, "version": "2.0", "code": "square"},
            ]
        },
    }
    assert has("stored", "circle", stored)
    assert has("stored", "oval", stored) is False
    assert has("stored", "round", stored) is False
    assert has("stored", "square", stored) is None  # of a version that is not here


def test_regular_expressions_match_the_whole_code() -> None:
    """TX-36."""
    five = value_set("five", {"system": SHAPES, "filter": [{"property": "code", "op": "regex", "value": "[^ ]{5}"}]})
    assert has("five", "round", five)
    assert has("five", "square", five) is False
    hostile = value_set(
        "five", {"system": SHAPES, "filter": [{"property": "code", "op": "regex", "value": "((a+)+)+"}]}
    )
    long = code_system(SHAPES, {"code": "a" * 5000 + "!"})
    asked = Rules(scope(long, hostile))
    assert Definition(asked, hostile).has(Coding(SHAPES, "a" * 5000 + "!")) is False


def test_a_hostile_definition_ends_within_the_budget() -> None:
    tree = value_set("wide", *([{"system": SHAPES, "concept": [{"code": "oval"}] * 100}] * 300))
    asked = here(tree)
    asked.budget = Budget(1_000)
    with pytest.raises(FhirError, match="steps"):
        in_value_set(asked, url=tree["url"], system=SHAPES, code="circle")


def test_codes_that_the_value_set_lists_as_deprecated() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/valueset-deprecated"
    entry = {"code": "circle", "extension": [{"url": url, "valueBoolean": True}]}
    tree = value_set("old", {"system": SHAPES, "concept": [entry, {"code": "oval"}]})
    found = in_value_set(here(tree), url=tree["url"], system=SHAPES, code="circle")
    assert found.result
    assert found.ids == ["CONCEPT_DEPRECATED_IN_VALUESET"]
    assert not in_value_set(here(tree), url=tree["url"], system=SHAPES, code="oval").issues


def version_sets() -> list[Tree]:
    one = code_system(COLOURS, {"code": "red", "display": "Red 1"}, version="1.0.0")
    two = code_system(COLOURS, {"code": "red", "display": "Red 2"}, {"code": "blue"}, version="2.0.0")
    between = code_system(COLOURS, {"code": "red"}, version="1.1.0")
    return [
        two,
        between,
        one,
        value_set("none", all_of(COLOURS)),
        value_set("one", all_of(COLOURS, version="1.0.0")),
        value_set("any1", all_of(COLOURS, version="1.x")),
        value_set("both", all_of(COLOURS, version="1.0.0"), all_of(COLOURS, version="2.0.0")),
        value_set("two", all_of(COLOURS, version="2.0.0")),
        value_set("imports", sets("one"), sets("two")),
        value_set("nine", all_of(COLOURS, version="9")),
    ]


@pytest.mark.parametrize(
    ("name", "stated", "pins", "version", "ids"),
    [
        ("none", "", {}, "2.0.0", []),
        ("none", "1.0.0", {}, "1.0.0", []),
        ("none", "1.x", {}, "1.1.0", []),
        ("one", "", {}, "1.0.0", []),
        ("any1", "1.0.0", {}, "1.0.0", []),
        ("one", "1.x", {}, "1.0.0", []),
        ("one", "1.0", {}, "1.0.0", ["VALUESET_VALUE_MISMATCH", "UNKNOWN_CODESYSTEM_VERSION"]),
        ("one", "2.0.0", {}, "1.0.0", ["VALUESET_VALUE_MISMATCH"]),
        ("one", "3", {}, "1.0.0", ["VALUESET_VALUE_MISMATCH", "UNKNOWN_CODESYSTEM_VERSION"]),
        ("none", "3", {}, "2.0.0", ["VALUESET_VALUE_MISMATCH_DEFAULT", "UNKNOWN_CODESYSTEM_VERSION"]),
        ("none", "", {"system-version": "1.0.0"}, "1.0.0", []),
        ("one", "", {"system-version": "2.0.0"}, "1.0.0", []),
        ("none", "2.0.0", {"system-version": "1.0.0"}, "1.0.0", ["VALUESET_VALUE_MISMATCH_CHANGED"]),
        ("one", "", {"force-system-version": "2.x"}, "2.0.0", []),
        ("one", "", {"check-system-version": "1.x"}, "1.0.0", []),
        ("one", "", {"check-system-version": "2.x"}, "1.0.0", ["VALUESET_VERSION_CHECK"]),
        ("none", "", {"check-system-version": "1.0.0"}, "1.0.0", []),
        ("both", "", {}, "1.0.0", []),
        ("both", "1.0.0", {}, "1.0.0", []),
        ("both", "2.0.0", {}, "2.0.0", []),
        ("both", "1.1.0", {}, "1.0.0", ["VALUESET_VALUE_MISMATCH"]),
        ("imports", "2.0.0", {}, "2.0.0", []),
    ],
)
def test_versions(name: str, stated: str, pins: dict[str, str], version: str, ids: list[str]) -> None:
    """TX-12."""
    pairs = [(pin, f"{COLOURS}|{value}") for pin, value in pins.items()]
    coding = {"system": COLOURS, "code": "red", **({"version": stated} if stated else {})}
    found = in_value_set(scope(*version_sets()), *pairs, url=f"{SETS}{name}", coding=coding)
    assert found.values["version"] == version
    assert found.ids == ids
    assert found.result is not bool(ids)
    assert all(place in ("Coding.version", "Coding.system") for place in found.places)


def test_a_code_of_the_later_of_two_versions_only() -> None:
    """What is right in one part is right, whatever a part of another version has to say."""
    for stated, result in (("", True), ("2.0.0", True), ("1.0.0", False)):
        coding = {"system": COLOURS, "code": "blue", "version": stated}
        found = in_value_set(scope(*version_sets()), url=f"{SETS}both", coding=coding)
        assert found.result is result
        assert bool(found.issues) is not result


def test_a_version_that_the_value_set_wants_and_nobody_has() -> None:
    found = in_value_set(scope(*version_sets()), url=f"{SETS}nine", system=COLOURS, code="red")
    assert found.ids == ["UNKNOWN_CODESYSTEM_VERSION"]
    assert found.values["x-caused-by-unknown-system"] == f"{COLOURS}|9"
    assert "2.0.0" in found.values["message"]


def test_what_a_value_set_says_itself_of_versions() -> None:
    parts = [{"url": "name", "valueCode": "system-version"}, {"url": "value", "valueUri": f"{COLOURS}|1.0.0"}]
    url = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
    tree = value_set("own", all_of(COLOURS))
    tree["compose"]["extension"] = [{"url": url, "extension": parts}]
    found = in_value_set(scope(*version_sets(), tree), url=tree["url"], system=COLOURS, code="red")
    assert found.values["version"] == "1.0.0"


@settings(max_examples=100, deadline=None)
@given(hierarchies(), definitions(), st.sampled_from(CODES))
def test_membership_is_that_of_sets_of_codes(parents: dict[str, list[str]], trees: list[Tree], code: str) -> None:
    """TX-35: the same members as by evaluating every definition into a set."""
    naive = Naive(parents, trees)
    asked = Rules(scope(tree_of(parents), *trees))
    for tree in trees:
        definition = Definition(asked, tree)
        found = {one for one in [*CODES, "none"] if definition.has(Coding(SHAPES, one))}
        assert found == naive.value_set(tree["url"])
    assert in_value_set(asked.scope, valueSet=trees[-1], system=SHAPES, code=code).result is (code in found)
