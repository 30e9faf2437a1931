"""Partial evaluation agrees with brute force: whatever is unknown may turn out either way, what is decided may not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminology import resources
from terminology.membership import evaluation
from terminology.membership.evaluation import members_of
from terminology.membership.gathering import Gathering, R4First
from terminology.scope import Candidate, Scope
from terminology.sources import candidate

Tree = dict[str, Any]
Verdict = str
KNOWN, PARTIAL, UNKNOWN = "http://test/known", "http://test/partial", "http://test/unknown"
SYSTEMS = (KNOWN, PARTIAL, UNKNOWN, "http://test/other")
CODES = ("a", "b", "c", "d", "e")
SETS = ("v0", "v1", "v2", "gone")


class Here:
    """A Source of these resources."""

    def __init__(self, trees: Iterable[Tree]) -> None:
        self._found: dict[tuple[str, str], Candidate] = {}
        for tree in trees:
            kind = "ValueSet" if "compose" in tree or "expansion" in tree else "CodeSystem"
            self._found[kind, tree["url"]] = candidate(kind, tree, partial(resources.code_system, tree))

    def find(self, resource_type: str, url: str) -> Sequence[Candidate]:
        found = self._found.get((resource_type, url))
        return () if found is None else (found,)

    def all(self, resource_type: str) -> Iterable[Candidate]:
        return ()


class NothingOfR4:
    def own(self, resource_type: str, url: str) -> Sequence[Candidate]:
        return ()

    def listed(self, canonical: str) -> None:
        return None


def gathered(*trees: Tree, trusting: bool = False, wanted: str = "v0") -> Gathering:
    scope = Scope((Here(trees),), supplement=lambda system, _: system)
    found = Gathering(scope, None if trusting else cast(R4First, NothingOfR4()))
    found.gather([wanted])
    return found


def world(systems: Iterable[Tree], **composes: Tree) -> Gathering:
    return gathered(*systems, *({"url": name, "compose": one} for name, one in composes.items()))


def verdict(asked: Gathering, code: str, system: str | None = KNOWN, value_set: str = "v0") -> Verdict:
    coding = {"code": code} if system is None else {"code": code, "system": system}
    return members_of(value_set, asked).has(coding).verdict


# Brute force: sets written out for one way in which all that is unknown may be.

children = st.integers(0, 4)  # parent of a code: one before it, or none


@st.composite
def code_systems(draw: st.DrawFn, url: str, content: str) -> Tree:
    concepts = []
    for n, code in enumerate(CODES[: draw(st.integers(1, 5))] if content == "complete" else CODES[:3]):
        parent = draw(st.integers(-1, n - 1))
        properties: list[Tree] = [{"code": "parent", "valueCode": CODES[parent]}] if parent >= 0 else []
        if colour := draw(st.sampled_from(["", "red", "blue"])):
            properties.append({"code": "colour", "valueCode": colour})
        if draw(st.integers(0, 4)) == 0:
            properties.append({"code": "inactive", "valueBoolean": True})
        if draw(st.integers(0, 4)) == 0:
            properties.append({"code": "notSelectable", "valueBoolean": True})
        concepts.append({"code": code, "property": properties})
    return {
        "url": url,
        "content": content,
        "caseSensitive": True,
        "property": [{"code": "colour"}],
        "concept": concepts,
    }


filters = st.sampled_from(
    [
        {"property": "concept", "op": "is-a", "value": "a"},
        {"property": "concept", "op": "descendent-of", "value": "b"},
        {"property": "concept", "op": "is-not-a", "value": "b"},
        {"property": "colour", "op": "=", "value": "red"},
        {"property": "colour", "op": "not-in", "value": "red,green"},
        {"property": "colour", "op": "exists", "value": "true"},
        {"property": "unheard-of", "op": "=", "value": "x"},
    ]
)


@st.composite
def includes(draw: st.DrawFn, below: tuple[str, ...]) -> Tree:
    found: Tree = {}
    if draw(st.integers(0, 3)) or not below:
        found["system"] = draw(st.sampled_from(SYSTEMS[:3]))
        match draw(st.integers(0, 2)):
            case 0:
                found["concept"] = [{"code": one} for one in draw(st.lists(st.sampled_from(CODES), min_size=1))]
            case 1:
                found["filter"] = draw(st.lists(filters, min_size=1, max_size=2))
    if below and (not found or draw(st.booleans())):
        found["valueSet"] = draw(st.lists(st.sampled_from(below), min_size=1, max_size=2))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Tree], dict[str, Tree]]:
    systems = [draw(code_systems(KNOWN, "complete")), draw(code_systems(PARTIAL, "fragment"))]
    composes = {}
    for n, name in enumerate(SETS[:3]):
        some = includes(SETS[n + 1 :])
        composes[name] = {
            "include": draw(st.lists(some, min_size=1, max_size=3)),
            "exclude": draw(st.lists(some, max_size=2)),
            **({"inactive": False} if draw(st.booleans()) else {}),
        }
    return systems, composes


# In brute force a condition is a function of the code; one that nobody can tell is None.
Told = bool | None


def told_or(some: Iterable[Told]) -> Told:
    found = set(some)
    return True if True in found else None if None in found else False


def told_and(some: Iterable[Told]) -> Told:
    found = set(some)
    return False if False in found else None if None in found else True


class Naive:
    """Three-valued logic, code by code, straight from the definitions."""

    def __init__(self, systems: list[Tree], composes: dict[str, Tree]) -> None:
        self.systems = {one["url"]: one for one in systems}
        self.composes = composes

    def value_set(self, name: str, system: str, code: str) -> Told:
        compose = self.composes.get(name)
        if compose is None:
            return None
        active = compose.get("inactive") is False
        within = told_or(self.include(one, system, code, active, True) for one in compose["include"])
        without = told_or(self.include(one, system, code, False, False) for one in compose["exclude"])
        return told_and([within, None if without is None else not without])

    def include(self, one: Tree, system: str, code: str, active: bool, selectable: bool) -> Told:
        conditions = [self.value_set(name, system, code) for name in one.get("valueSet", ())]
        if "system" in one:
            conditions.append(one["system"] == system and self.of_system(one, system, code, active, selectable))
        return told_and(conditions)

    def of_system(self, one: Tree, system: str, code: str, active: bool, selectable: bool) -> Told:
        tree = self.systems.get(system)
        concepts = {} if tree is None else {each["code"]: properties(each) for each in tree["concept"]}
        complete = tree is not None and tree["content"] == "complete"
        enumerated = "concept" in one
        if enumerated:
            conditions: list[Told] = [any(each["code"] == code for each in one["concept"])]
        else:
            conditions = [True if code in concepts else False if complete else None]
            conditions += [self.meets(each, concepts, complete, code) for each in one.get("filter", ())]
        mine = concepts.get(code, {})
        if active:
            conditions.append("inactive" not in mine)
        if selectable and not enumerated:
            conditions.append("notSelectable" not in mine)
        return told_and(conditions)

    @staticmethod
    def meets(wanted: Tree, concepts: dict[str, Tree], complete: bool, code: str) -> Told:
        value = wanted["value"]
        if wanted["property"] == "concept":
            if not concepts or value not in concepts:
                return None
            above, step = set(), code
            while step:
                above.add(step)
                step = concepts.get(step, {}).get("parent", "")
            under = value in above and (wanted["op"] != "descendent-of" or code != value)
            if wanted["op"] == "is-not-a":
                return not under if complete else False if under else None
            return under if complete or under else None
        if not concepts or wanted["property"] == "unheard-of":
            return None
        if code not in concepts:
            return False if complete else None
        having = concepts[code].get("colour")
        return {"=": having == "red", "not-in": having != "red", "exists": having is not None}[wanted["op"]]


def properties(concept: Tree) -> Tree:
    return {one["code"]: one.get("valueCode", True) for one in concept["property"]}


WORDS = {True: "yes", False: "no", None: "unknown"}


@settings(max_examples=200)
@given(worlds())
def test_it_agrees_with_three_valued_brute_force(defined: tuple[list[Tree], dict[str, Tree]]) -> None:
    """And where brute force cannot tell, neither does the evaluation; it never says more than is known."""
    systems, composes = defined
    naive, asked = Naive(systems, composes), world(systems, **composes)
    members = members_of("v0", asked)
    for system, code in itertools.product(SYSTEMS, (*CODES, "z")):
        found = members.has({"system": system, "code": code})
        assert found.verdict == WORDS[naive.value_set("v0", system, code)], (system, code)
        assert bool(found.why) == (found.verdict == "unknown")
    for code in CODES:
        expected = told_or(naive.value_set("v0", system, code) for system in SYSTEMS)
        assert members.has({"code": code}).verdict == WORDS[expected]


@settings(max_examples=200)
@given(worlds())
def test_what_is_listed_is_all_there_is(defined: tuple[list[Tree], dict[str, Tree]]) -> None:
    systems, composes = defined
    naive, listed = Naive(systems, composes), members_of("v0", world(systems, **composes)).listed(50)
    told = {one: naive.value_set("v0", *one) for one in itertools.product(SYSTEMS, (*CODES, "z"))}
    if listed is not None:
        assert None not in told.values()
        assert listed == sorted(one for one, within in told.items() if within)


def animals(**more: Any) -> Tree:
    nested = [{"code": "animal", "concept": [{"code": "cat", "concept": [{"code": "lynx"}]}, {"code": "dog"}]}]
    return {"url": KNOWN, "content": "complete", "caseSensitive": True, "concept": nested, **more}


IS_A_CAT: Tree = {"system": KNOWN, "filter": [{"property": "concept", "op": "is-a", "value": "cat"}]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("complete", ["yes", "yes", "no", "no"]),
        ("fragment", ["yes", "yes", "unknown", "unknown"]),
        ("example", ["yes", "yes", "unknown", "unknown"]),
        ("not-present", ["unknown"] * 4),
        ("supplement", ["unknown"] * 4),
    ],
)
def test_how_much_of_a_code_system_is_there(content: str, expected: list[str]) -> None:
    asked = world([animals(content=content)], v0={"include": [IS_A_CAT]})
    assert [verdict(asked, code) for code in ("cat", "lynx", "dog", "ox")] == expected
    assert verdict(asked, "cat", UNKNOWN) == "no"


def test_a_filter_of_a_system_that_is_not_known_says_so_for_codes_of_that_system_only() -> None:
    one = {"system": UNKNOWN, "concept": [{"code": "x"}]}
    two = {"system": UNKNOWN, "filter": [{"property": "concept", "op": "is-a", "value": "y"}]}
    members = members_of("v0", world([], v0={"include": [one, two]}))
    assert members.has({"system": UNKNOWN, "code": "x"}).verdict == "yes"
    found = members.has({"system": UNKNOWN, "code": "z"})
    assert found == ("unknown", f"the code system {UNKNOWN} is not known here")
    assert members.has({"system": KNOWN, "code": "z"}).verdict == "no"
    assert members.listed() is None


def test_case_counts_unless_the_system_says_otherwise_or_nothing() -> None:
    """https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.caseSensitive: in doubt accept any case."""
    some = {"include": [{"system": KNOWN, "concept": [{"code": "Cat"}]}], "exclude": []}
    for sensitive, expected in ((True, "no"), (False, "yes"), (None, "yes")):
        asked = world([animals(caseSensitive=sensitive)], v0=some)
        assert verdict(asked, "cAT") == expected
        # As the code system writes it, if it has it.
        assert members_of("v0", asked).listed() == [(KNOWN, "Cat" if sensitive else "cat")]
        below = world([animals(caseSensitive=sensitive)], v0={"include": [IS_A_CAT]})
        assert verdict(below, "LYNX") == expected
    assert verdict(world([], v0=some), "cAT") == "no"


def test_a_stored_expansion_counts_where_the_definition_cannot_be_decided() -> None:
    compose = {"include": [{"system": UNKNOWN, "filter": [{"property": "x", "op": "=", "value": "y"}]}]}
    contains: list[Tree] = [{"system": UNKNOWN, "code": "a", "contains": [{"system": UNKNOWN, "code": "b"}]}]
    contains.append({"system": UNKNOWN, "code": "c", "abstract": True})
    contains.append({"system": KNOWN, "code": "d"})
    tree = {"url": "v0", "compose": compose, "expansion": {"contains": contains}}
    members = members_of("v0", gathered(tree))
    verdicts = {code: members.has({"system": UNKNOWN, "code": code}).verdict for code in "abc"}
    assert verdicts == {"a": "yes", "b": "yes", "c": "unknown"}
    assert members.has({"system": KNOWN, "code": "d"}).verdict == "no"


def test_a_value_set_that_includes_itself_adds_nothing() -> None:
    asked = world([], v0={"include": [{"valueSet": ["v1"]}]}, v1={"include": [{"valueSet": ["v0"]}, LISTED]})
    assert [verdict(asked, code) for code in ("x", "y")] == ["yes", "no"]


LISTED: Tree = {"system": KNOWN, "concept": [{"code": "x"}]}


def everything_in_everything(width: int) -> dict[str, Tree]:
    names = [f"v{n}" for n in range(width)]
    return {
        name: {"include": [LISTED, *({"valueSet": [other]} for other in names[n + 1 :])]}
        for n, name in enumerate(names)
    }


HOSTILE: dict[str, Callable[[], dict[str, Tree]]] = {
    "deep": lambda: {f"v{n}": {"include": [{"valueSet": [f"v{n + 1}"]}]} for n in range(evaluation.DEEPEST + 20)},
    "many paths": lambda: everything_in_everything(46),
    "many systems": lambda: {
        "v0": {"include": [{"system": f"http://test/{n}", "concept": [{"code": "x"}]} for n in range(2_000)]}
    },
    "many filters": lambda: {"v0": {"include": [{**IS_A_CAT, "filter": IS_A_CAT["filter"] * 100_000}]}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_takes_too_much_is_unknown(name: str) -> None:
    found = members_of("v0", world([animals()], **HOSTILE[name]())).has({"system": KNOWN, "code": "y"})
    assert found.verdict == "unknown"
    assert "takes more" in found.why or "nested" in found.why


def test_many_value_sets_that_share_others_are_quick() -> None:
    asked = world([], **everything_in_everything(40))
    members = members_of("v0", asked)
    assert members.has({"system": KNOWN, "code": "y"}).verdict == "no"
    assert members.listed() == [(KNOWN, "x")]
