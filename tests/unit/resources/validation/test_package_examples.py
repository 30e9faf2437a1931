"""The examples of US Core and IPS are valid by the profiles that they are examples of, but for a list with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resources.definitions import load
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from terminology.grammars.ucum import to_canonical

from ....worlds import IPS, US_CORE, World, issues, packed
from ....worlds import broken as are_broken

pytestmark = pytest.mark.suite("packages")

# Errors by file: element or constraint that is broken, with the reason.
BROKEN: dict[str, dict[str, str]] = {
    "Observation-ips-example-imaging-1.json": {
        "hasComponentifValueStringEmpty": "its expression says valueString, which FHIRPath calls value.ofType(string)",
    },
}


def examples_of(package: Path) -> dict[str, str]:
    """ "Type/id" of an example → the profile that its ImplementationGuide says it is an example of: three of US Core are
    of one of SDC, a package that is not here."""
    [guide] = [tree for _, tree in packed(package, "package") if tree["resourceType"] == "ImplementationGuide"]
    listed: list[dict[str, Any]] = guide["definition"]["resource"]
    return {one["reference"]["reference"]: one["exampleCanonical"] for one in listed if "exampleCanonical" in one}


@pytest.mark.parametrize(("package", "number", "judged_by_a_profile"), [(US_CORE, 183, 174), (IPS, 40, 40)])
def test_every_example_is_valid_but_the_broken(package: Path, number: int, judged_by_a_profile: int) -> None:
    definitions = load()
    validator, rules = Validator(definitions), Rules(definitions, to_canonical)
    world, profiles = World(definitions, [package]), examples_of(package)
    examples = dict(packed(package, "package/example"))
    names = {name: f"{tree['resourceType']}/{tree['id']}" for name, tree in examples.items()}
    world.resources |= {names[name]: tree for name, tree in examples.items()}
    assert len(examples) == number
    known = {name for name in names.values() if name in profiles and world.profile(profiles[name])}
    assert len(known) == judged_by_a_profile
    refused: dict[str, set[str]] = {}
    for name, tree in examples.items():
        assert not validator.issues(tree["resourceType"], tree), name
        by = [profiles[names[name]]] if names[name] in known else []
        for issue in rules.issues(tree, world, by):
            if issue.severity == "error":
                refused.setdefault(name, set()).add(issue.rule.rpartition("#")[2] or issue.code)
    assert refused == {name: set(reasons) for name, reasons in BROKEN.items() if name in examples}


@pytest.mark.parametrize("package", [US_CORE, IPS])
def test_an_example_that_is_spoilt_is_not(package: Path) -> None:
    """Of every profile an example without what it requires, and its type does not: each is seen to be judged."""
    definitions = load()
    rules, world, profiles = Rules(definitions, to_canonical), World(definitions, [package]), examples_of(package)
    spoilt, seen = set(), set()
    for _, tree in packed(package, "package/example"):
        canonical = profiles.get(f"{tree['resourceType']}/{tree['id']}", "")
        profile = world.profile(canonical) if canonical else None
        if profile is None:
            continue
        base = definitions.structures[profile.type].elements
        for rule in profile.root.children:
            if rule.minimum and not rule.choice and not base[rule.path].minimum and rule.name in tree:
                seen.add(canonical)
                without = {key: value for key, value in tree.items() if key != rule.name}
                found = rules.issues(without, world, [canonical])
                if any(issue.severity == "error" for issue in found):
                    spoilt.add(canonical)
                break
    assert spoilt == seen
    assert len(seen) > 10


@pytest.mark.parametrize(("package", "number"), [(US_CORE, 210), (IPS, 104)])
def test_the_definitions_of_a_guide_are_valid(package: Path, number: int) -> None:
    definitions = load()
    validator, rules, world = Validator(definitions), Rules(definitions, to_canonical), World(definitions, [package])
    trees = dict(packed(package, "package"))
    broken = {name for name, tree in trees.items() if are_broken(issues(validator, rules, world, tree))}
    assert len(trees) == number
    assert broken == set()
