"""The official examples are valid by all rules, but for a list of those that are not, each with its reason."""

from __future__ import annotations

from resources import exact
from resources.definitions import load
from resources.validation.rules import Rules
from resources.validation.validator import Validator
from terminology.grammars.ucum import to_canonical

from .... import examples
from ....worlds import World, issues
from . import test_validator

NO_BASE = "sdf-4: a logical model that is not abstract, without a baseDefinition"
# Those that break a base rule are in test_validator; these break an invariant.
BROKEN = {
    "Bundle-dataelements.json": ("bdl-7: two entries have the same fullUrl", 1),
    "List-example-double-cousin-relationship.json": ("Age: an age in barns (UCUM's b)", 1),
    "StructureDefinition-Definition.json": (NO_BASE, 1),
    "StructureDefinition-Event.json": (NO_BASE, 1),
    "StructureDefinition-FiveWs.json": (NO_BASE, 1),
    "StructureDefinition-Request.json": (NO_BASE, 1),
}


def test_every_official_example_is_without_an_error_but_the_broken() -> None:
    definitions = load()
    validator, rules, world = Validator(definitions), Rules(definitions, to_canonical), World(definitions)
    refused, count = {}, 0
    for name, text in examples.examples():
        count += 1
        found = issues(validator, rules, world, exact.decode(text))
        if errors := [issue for issue in found if issue.severity in ("error", "fatal")]:
            refused[name] = len(errors)
            if name in BROKEN:
                assert {one.rule.rpartition("#")[2] for one in errors} == {BROKEN[name][0].partition(":")[0]}
    assert count == 825
    assert refused == {name: number for name, (_, number) in (test_validator.BROKEN | BROKEN).items()}
