"""Every invariant of R4 is broken once and kept once, and found in the first case only."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from resources import exact
from resources.fhirpath import compile, root
from resources.validation.constraints import IN_TIER_1, NATIVE, REFUSED_BY_NOTHING
from tests.examples import examples

from .breaking_examples import CASES
from .judging import OUTSIDE, VALIDATOR, broken_at, found, judged, key_of
from .minimal import BASIC, CC, DEFINITIONS, DIV, GONE, Json, changed, minimal
from .test_invariants import CASES as OF_DATA_TYPES


def contained(**elements: Any) -> Json:
    return {"contained": [{**BASIC, "id": "b", **elements}], "subject": {"reference": "#b"}}


# Those that resources.checks judges by other means than a rule of its table.
OTHERS_OF_TIER_1: list[tuple[str, str, Json, Json]] = [
    ("Basic", "dom-2", contained(contained=[{**BASIC, "id": "c"}]), contained()),
    ("Basic", "dom-3", {**contained(), "subject": GONE}, contained()),
    ("Basic", "dom-4", contained(meta={"versionId": "1"}), contained(meta={"source": "urn:a"})),
    ("Basic", "dom-5", contained(meta={"security": [{"code": "a"}]}), contained(meta={"tag": [{"code": "a"}]})),
    ("Basic", "ele-1", {"code": {"id": "a"}}, {"code": CC}),
    ("Basic", "ref-1", {"subject": {"reference": "#a"}}, contained()),
    ("Basic", "txt-1", {"text": dict(DIV, div=DIV["div"].replace(">a<", "><script/>a<"))}, {"text": DIV}),
    ("Basic", "txt-2", {"text": dict(DIV, div=DIV["div"].replace(">a<", "> <"))}, {"text": DIV}),
]  # fmt: skip

# What R4 defines


def brought_in() -> dict[tuple[str, str, str], tuple[str, str]]:
    """(path, key, expression) → structure and severity, of each constraint at the place where it is defined first."""
    places = {}
    for name, structure in DEFINITIONS.structures.items():
        base = DEFINITIONS.structures.get(structure.base)
        for path, element in structure.elements.items():
            above = base.elements.get(path.replace(name, base.name, 1)) if base else None
            for one in element.constraints:
                if one.key in ("ele-1", "ext-1") and path not in ("Element", "Extension"):
                    continue  # repeated on every element
                if above is None or one not in above.constraints:
                    places[path if "." in path else name, one.key, one.expression] = (name, one.severity)
    return places


def test_there_are_239() -> None:
    places = brought_in()
    structures = DEFINITIONS.structures
    beyond = {
        key
        for (_, key, _), (name, _) in places.items()
        if name in ("SimpleQuantity", "MoneyQuantity", "MetadataResource")
    }
    assert beyond == {"sqty-1", "mqty-1", "inv-0"}  # of profiles of data types, and of a logical model
    base = {place: of for place, of in places.items() if place[1] not in beyond}
    assert len(base) == 239
    assert Counter(severity for _, severity in base.values()) == {"error": 205, "warning": 34}
    assert Counter(structures[name].kind == "resource" for name, _ in base.values()) == {True: 189, False: 50}
    everywhere = {
        (one.key, one.expression, one.severity)
        for s in structures.values() if s.kind == "resource" or s.name == "MetadataResource"
        for element in s.elements.values()
        for one in element.constraints
    }  # fmt: skip
    assert Counter(severity for *_, severity in everywhere) == {"error": 159, "warning": 33}  # 192 in the snapshots


def test_a_key_in_tier_1_or_native_is_of_one_constraint() -> None:
    expressions: dict[str, set[str]] = {}
    for _, key, expression in brought_in():
        expressions.setdefault(key, set()).add(expression)
    assert {key for key, several in expressions.items() if len(several) > 1} == {"inv-1"}
    assert "inv-1" not in IN_TIER_1 | NATIVE.keys()
    assert not IN_TIER_1 & NATIVE.keys()


# What cannot be broken, and why
NEVER_BROKEN = {
    "cid-0": "asks for a name, which ChargeItemDefinition does not have",
    "eld-11": "holds of every element that has a type, as its expression is written",
    "inv-0": "is of MetadataResource, a logical model that no resource is derived from",
    "mqty-1": "is of MoneyQuantity, a profile that no element asks for",
    "tst-4": "asks for one of two elements that are both required",
}


def test_every_constraint_has_a_case() -> None:
    keys = {(path.partition(".")[0], key) for path, key, _ in brought_in()}
    broken = {(name, key) for name, key, *_ in CASES if key != "Attachment.size"}
    by_type = {(name, key) for name, key in keys if (name, key) in broken}
    in_tier_1 = {key for key, *_ in OF_DATA_TYPES} | {key for _, key, *_ in OTHERS_OF_TIER_1}
    assert in_tier_1 - {"rng-2"} == IN_TIER_1 - {"eld-11"}
    left = {key for name, key in keys - by_type if key not in in_tier_1}
    # Of data types and abstract resources, whose cases are in resources that have them.
    assert left == NEVER_BROKEN.keys() | {"dom-6", "eld-20", "eld-21"}
    assert {"dom-6", "eld-20", "eld-21", "rng-2"} <= {key for _, key, *_ in CASES}


def test_what_is_never_broken() -> None:
    assert IN_TIER_1 & NEVER_BROKEN.keys() == {"eld-11"}
    tst = DEFINITIONS.structures["TestScript"].elements
    assert all(tst[f"TestScript.metadata.capability.{name}"].minimum == 1 for name in ("required", "validated"))
    assert not any(s.base == "MetadataResource" for s in DEFINITIONS.structures.values())
    wanted = {one for s in DEFINITIONS.structures.values() for e in s.elements.values() for one in e.types}
    assert not any("MoneyQuantity" in (*one.profiles, one.code) for one in wanted)
    assert "ChargeItemDefinition.name" not in DEFINITIONS.structures["ChargeItemDefinition"].elements
    capability = {"metadata": {"capability": [{"validated": False, "capabilities": "http://a"}]}}
    [issue] = VALIDATOR.issues("TestScript", changed("TestScript", capability))
    assert issue.code == "required"


# What breaks and what keeps them


def ids(case: tuple[str, str, Json, Json]) -> str:
    return f"{case[0]} {case[1]}"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_constraint(case: tuple[str, str, Json, Json]) -> None:
    resource_type, key, broken, kept = case
    VALIDATOR.check(resource_type, changed(resource_type, broken))  # no base rule finds it
    [issue] = [issue for issue in judged(changed(resource_type, broken)) if key_of(issue) == key]
    path = re.sub(r"\[\d+\]", "", issue.expression[0])
    url = issue.rule.partition("#")[0]
    structure = next(s for s in DEFINITIONS.structures.values() if s.url == url)
    if key == "Attachment.size":
        assert issue.code == "value"
        assert path == "Media.content"
    else:
        severity, home = next(
            (of[1], place[0]) for place, of in brought_in().items() if place[1] == key and of[0] == structure.name
        )
        assert (issue.severity, issue.code) == (severity, "invariant")
        assert f"breaks {key}: " in issue.diagnostics
        if "." in home:
            assert set(home.removesuffix("[x]").split(".")[1:]) <= set(path.split("."))
    assert key not in map(key_of, found(changed(resource_type, kept)))


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_what_keeps_one_keeps_all(case: tuple[str, str, Json, Json]) -> None:
    assert [issue for issue in found(changed(case[0], case[3])) if issue.severity == "error"] == []


@pytest.mark.parametrize("case", OTHERS_OF_TIER_1, ids=ids)
def test_what_tier_1_judges(case: tuple[str, str, Json, Json]) -> None:
    resource_type, key, broken, kept = case
    said = VALIDATOR.issues(resource_type, changed(resource_type, broken))
    assert {issue.severity for issue in said} == {"error"}
    assert key in map(key_of, said)
    assert any(f"({key})" in issue.diagnostics for issue in said)
    assert VALIDATOR.issues(resource_type, changed(resource_type, kept)) == ()


@pytest.mark.parametrize("resource_type", DEFINITIONS.resource_types)
def test_the_smallest_resource_breaks_nothing(resource_type: str) -> None:
    assert {key_of(issue) for issue in found(minimal(resource_type))} <= {"dom-6"}


# The forms of one rule agree


def expression_of(key: str) -> str:
    [found] = {expression for _, known, expression in brought_in() if known == key}
    return found


@pytest.mark.parametrize("key", sorted(NATIVE.keys() - {"que-7", "md-1"}))
def test_the_quick_form_is_the_expression(key: str) -> None:
    truth = compile(expression_of(key)).truth
    types = {"csd-1": {"CodeSystem"}, "que-2": {"Questionnaire"}, "dom-6": {"DomainResource"}}[key]
    answers: Counter[bool | None] = Counter()
    trees = [exact.decode(text) for name, text in examples() if len(text) < 50_000]
    trees += [changed(case[0], elements) for case in CASES for elements in case[2:]]
    for tree in trees:
        if not types.isdisjoint(root(DEFINITIONS, tree).shape.lineage):
            expected = truth(DEFINITIONS, tree)
            assert NATIVE[key](tree) is expected
            answers[expected] += 1
    assert answers.keys() == {True, False}


@pytest.mark.parametrize(
    ("most", "kept"), [(None, True), ("*", True), ("1", True), ("0", False), ("00", False), ("a", False), ("-1", False)]
)
def test_focus_of_a_message(most: str | None, kept: bool) -> None:
    assert NATIVE["md-1"]({"max": most} if most is not None else {}) is kept


def test_nothing_is_a_no_where_something_is_missing() -> None:
    """Each of them is found in a case where its expression gives nothing, and no other is."""
    silent = set()
    for resource_type, key, broken, _ in CASES:
        tree = changed(resource_type, broken)
        if key != "Attachment.size" and key not in NATIVE and key != "inv-1":
            [place] = broken_at(tree, key)
            [node] = compile(place).nodes(DEFINITIONS, tree)
            truth = compile(expression_of(key)).truth(DEFINITIONS, node, outside=OUTSIDE)
            silent |= {key} if truth is None else set()
    assert silent == REFUSED_BY_NOTHING


@pytest.mark.parametrize(
    ("data", "size", "fits"),
    [
        ("aGk=", 2, True),
        ("aGkh", 3, True),
        ("YQ==", 1, True),
        ("YQ==", 2, False),
        ("aG\nk=", 2, True),
        ("aGkhaGkh", 6, True),
    ],
)
def test_size_of_an_attachment(data: str, size: int, fits: bool) -> None:
    media = changed("Media", {"content": {"contentType": "text/plain", "data": data, "size": size}})
    assert (broken_at(media, "Attachment.size") == []) is fits
    assert broken_at(changed("Media", {"content": {"url": "http://a", "size": 5}}), "Attachment.size") == []
