"""Where invariants are judged, what is said of them, and what R4's own resources break."""

from __future__ import annotations

import pytest

from resources import exact
from resources.elements import Constraint
from resources.fhirpath import Node, compile, root
from resources.fhirpath.nodes import add_children
from resources.outcome import Issue, TooCostly
from resources.profiles.world import YES, Coding, Membership
from resources.validation.constraints import IN_TIER_1, MOST_OF_A_KIND, REFUSED_BY_NOTHING
from resources.validation.rules import Rules
from tests.examples import examples, package

from .breaking_examples import CASES, measured
from .judging import OUTSIDE, VALIDATOR, Nowhere, broken_at, judged, key_of
from .minimal import BASIC, DAY, DEFINITIONS, Json, changed, coded, ref
from .test_constraints import OTHERS_OF_TIER_1
from .test_invariants import CASES as OF_DATA_TYPES
from .test_invariants import holding
from .test_validator import BROKEN as REFUSED_BY_TIER_1

# Where they are judged


HELD: Json = changed("Patient", {"contact": [{"gender": "male"}]})


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        (HELD, "Patient"),
        (changed("List", {"contained": [{**HELD, "id": "p"}], "subject": {"reference": "#p"}}), "List.contained[0]"),
        (changed("Bundle", {"entry": [{"resource": BASIC}, {"resource": HELD}]}), "Bundle.entry[1].resource"),
        (changed("Bundle", {"entry": [{"resource": changed("Bundle", {"entry": [{"resource": HELD}]})}]}),
         "Bundle.entry[0].resource.entry[0].resource"),
        (changed("Parameters", {"parameter": [{"name": "a", "part": [{"name": "b", "resource": HELD}]}]}),
         "Parameters.parameter[0].part[0].resource"),
    ],
)  # fmt: skip
def test_a_resource_inside_is_judged_once(tree: Json, place: str) -> None:
    VALIDATOR.check(tree["resourceType"], tree)
    assert broken_at(tree, "pat-1") == [f"{place}.contact[0]"]


def test_resource_is_the_nearest_and_root_resource_what_contains_it() -> None:
    """obs-7 asks for %resource.code, bdl-3 for %resource.type; resolve() finds what is contained in %rootResource."""
    pressure = changed("Observation", measured("urn:a", "urn:a"))
    inside = changed("Observation", {"contained": [{**pressure, "id": "o"}], "hasMember": [{"reference": "#o"}]})
    assert broken_at(inside, "obs-7") == ["Observation.contained[0]"]
    assert broken_at({**pressure, "code": coded("urn:b", "a")}, "obs-7") == []
    batch = changed("Bundle", {"type": "batch", "entry": [{"resource": changed("Bundle", {"entry": [{"resource": BASIC}]}),
                                                           "request": {"method": "POST", "url": "Bundle"}}]})  # fmt: skip
    assert broken_at(batch, "bdl-3") == []
    team = {"participant": [{"member": {"reference": "#p"}, "onBehalfOf": ref("Organization")}]}
    contained = [changed("CareTeam", {**team, "id": "t"}), {"resourceType": "Patient", "id": "p"}]
    assert broken_at(changed("List", {"contained": contained}), "ctm-1") == ["List.contained[0].participant[0]"]
    entries = [{"fullUrl": "http://a/CareTeam/t", "resource": changed("CareTeam", {
        "participant": [{"member": {"reference": "Patient/p"}, "onBehalfOf": ref("Organization")}]})},
        {"fullUrl": "http://a/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}}]  # fmt: skip
    assert broken_at(changed("Bundle", {"entry": entries}), "ctm-1") == ["Bundle.entry[0].resource.participant[0]"]
    assert broken_at(changed("Bundle", {"entry": entries[:1]}), "ctm-1") == []  # not known, so nothing is said


RANGE: Json = {
    name: {"value": 2, "system": "http://unitsofmeasure.org", "code": code}
    for name, code in (("low", "g"), ("high", "mg"))
}


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"extension": [{"url": "a", "valueRange": RANGE}]}, "extension[0].value"),
        ({"code": {"text": "a", "extension": [{"url": "a", "extension": [{"url": "b", "valueRange": RANGE}]}]}},
         "code.extension[0].extension[0].value"),
        ({"created": DAY, "_created": {"extension": [{"url": "a", "valueRange": RANGE}]}}, "created.extension[0].value"),
        ({"identifier": [{"modifierExtension": [{"url": "a"}], "period": {"extension": [
            {"url": "a", "valueTiming": {"repeat": {"boundsRange": RANGE}}}]}}]},
         "identifier[0].period.extension[0].value.repeat.bounds"),
    ],
)  # fmt: skip
def test_extensions_are_looked_into(elements: Json, place: str) -> None:
    assert broken_at(changed("Basic", elements), "rng-2") == [f"Basic.{place}"]


# What they say


def test_an_issue_names_the_constraint_and_the_structure_that_brings_it_in() -> None:
    issues = {key_of(issue): issue for issue in judged(changed("Condition", {"abatementString": "a"}))}
    assert issues["con-4"] == Issue(
        "error", "invariant",
        "Condition breaks con-4: If condition is abated, then clinicalStatus must be either inactive, resolved, or remission.",
        ("Condition",), rule="http://hl7.org/fhir/StructureDefinition/Condition#con-4",
    )  # fmt: skip
    assert issues["dom-6"].severity == "warning"
    assert issues["dom-6"].rule == "http://hl7.org/fhir/StructureDefinition/DomainResource#dom-6"


def test_what_cannot_be_evaluated_is_a_warning() -> None:
    """Two patients' worth of codes in one: no base rule would let it through, but a constraint must not fall over it."""
    [issue] = [
        one
        for one in judged(changed("Task", {"lastModified": [DAY, DAY], "authoredOn": DAY}))
        if key_of(one) == "inv-1"
    ]
    assert (issue.severity, issue.code) == ("warning", "processing")
    assert issue.diagnostics.startswith("Task was not checked: ")
    assert "lastModified" in issue.diagnostics or "needs one item" in issue.diagnostics


def test_references_within_a_large_bundle_cost_little() -> None:
    """ctm-1 resolves the member: the entries are gone through once, not for each reference."""

    def team(number: int) -> Json:
        member = {"member": {"reference": f"urn:uuid:{number}"}, "onBehalfOf": ref("Organization")}
        return {"fullUrl": f"urn:uuid:{number}", "resource": changed("CareTeam", {"participant": [member]})}

    class World(Nowhere):
        def member_of(self, value_set: str, coding: Coding) -> Membership:
            return YES

    tree = changed("Bundle", {"entry": [team(number) for number in range(5000)]})
    wrong = [one for one in Rules(DEFINITIONS).issues(tree, World()) if key_of(one) == "ctm-1"]
    assert len(wrong) > 400
    assert wrong[0].expression == ("Bundle.entry[0].resource.participant[0]",)


def test_what_costs_too_much_is_refused() -> None:
    """Comparing the codes of 500 components with 500 others takes 6,000 looks: 2,000 such Observations take too many."""
    components = [{"code": coded("urn:b", str(number))} for number in range(500)]
    codes = {"coding": [{"system": "urn:a", "code": str(number)} for number in range(500)]}
    one = changed("Observation", {"code": codes, "valueString": "a", "component": components})
    few, many = (changed("Bundle", {"entry": [{"resource": one}] * number}) for number in (20, 2000))
    judged(few)
    with pytest.raises(TooCostly):
        judged(many)


def test_warnings_of_a_kind_are_counted_and_no_error_is() -> None:
    """A Bundle of resources without narrative is no reason to say that there are too many issues."""
    entries = [{"resource": BASIC}] * (MOST_OF_A_KIND + 600)
    issues = judged(changed("Bundle", {"entry": entries}))
    assert {issue.severity for issue in issues} == {"warning"}
    assert len(issues) == MOST_OF_A_KIND + 1
    assert issues[-1].diagnostics == "Bundle has 600 more such elements: dom-6."
    wrong = judged(changed("Bundle", {"entry": [{"resource": HELD}] * 60}))
    assert sum(issue.severity == "error" for issue in wrong) == 60


# What others wrote

OFFICIAL_BUT_BROKEN = {
    "Bundle-dataelements.json": ("bdl-7", "the same fullUrl twice"),
    "StructureDefinition-Definition.json": ("sdf-4", "a logical model that is not abstract and has no base"),
    "StructureDefinition-Event.json": ("sdf-4", "the same"),
    "StructureDefinition-FiveWs.json": ("sdf-4", "the same"),
    "StructureDefinition-Request.json": ("sdf-4", "the same"),
}


def test_official_resources_break_nothing_but_these() -> None:
    broken, count = {}, 0
    for name, text in package():
        if name not in REFUSED_BY_TIER_1:
            count += 1
            issues = judged(exact.decode(text))
            assert not any(issue.code == "processing" for issue in issues), name
            keys = {key_of(issue) for issue in issues if issue.severity == "error"}
            if keys:
                [broken[name]] = keys
    assert count == 5306 - len(REFUSED_BY_TIER_1)
    assert broken == {name: key for name, (key, _) in OFFICIAL_BUT_BROKEN.items()}


# What is looked at


def everything_broken(tree: Json) -> set[tuple[str, str]]:
    """(expression, key) of every constraint that is false of any element, found without skipping anything."""
    found, nodes = set(), [root(DEFINITIONS, tree)]
    for node in nodes:  # grows while it is walked
        add_children(node, nodes)
        for constraint in constraints_of(node):
            truth = compile(constraint.expression).truth(DEFINITIONS, node, outside=OUTSIDE)
            if truth is False or (truth is None and constraint.key in REFUSED_BY_NOTHING):
                found.add((node.path, constraint.key))
    return found


def constraints_of(node: Node) -> set[Constraint]:
    structures = DEFINITIONS.structures
    found = set(structures[node.shape.path.partition(".")[0]].elements[node.shape.path].constraints)
    if node.parent is not None and node.field is not None:
        elements = structures[node.parent.shape.path.partition(".")[0]].elements
        path = f"{node.parent.shape.path}.{node.field.name}"
        element = elements.get(path) or elements[path + "[x]"]
        found |= set(element.constraints)
        for profile in (name for one in element.types if one.code == node.type_name for name in one.profiles):
            found |= set(structures[profile].elements[node.type_name].constraints)
    return found


def test_nothing_is_passed_over() -> None:
    """What tier 1 has accepted breaks nothing that is in tier 1; of the rest all that is broken is found."""
    small = [text for _, text in examples() if len(text) < 30_000]
    trees = [exact.decode(text) for text in small[::5]] + [changed(case[0], case[2]) for case in CASES]
    own = {"que-7", "md-1", "Attachment.size"}  # not as their expressions are written, or without one
    for tree in trees:
        if not any(issue.severity == "error" for issue in VALIDATOR.issues(tree["resourceType"], tree)):
            broken = {(place, key) for place, key in everything_broken(tree) if key not in own}
            assert broken == {
                (issue.expression[0], key_of(issue)) for issue in judged(tree) if key_of(issue) not in own
            }
            assert not {key for _, key in broken} & IN_TIER_1


STRICTER = {
    "eld-3",
    "eld-19",
}  # by hand: a max that is no number, a path that is one in part; their expressions let it by


@pytest.mark.parametrize("case", OF_DATA_TYPES, ids=lambda case: case[0])
def test_tier_1_agrees_with_the_expressions(case: tuple[str, str, Json, Json, str]) -> None:
    key, kind, broken, kept, _ = case
    assert key not in {found for _, found in everything_broken(holding(kind, kept)[0])}
    assert (key in {found for _, found in everything_broken(holding(kind, broken)[0])}) or key in STRICTER


@pytest.mark.parametrize("case", OTHERS_OF_TIER_1, ids=lambda case: case[1])
def test_so_do_its_other_checks(case: tuple[str, str, Json, Json]) -> None:
    resource_type, key, broken, kept = case
    assert key not in {found for _, found in everything_broken(changed(resource_type, kept))}
    assert key in {found for _, found in everything_broken(changed(resource_type, broken))}
