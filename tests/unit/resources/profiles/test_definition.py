from __future__ import annotations

import pytest

from resources.definitions import load
from resources.profiles.official import official_tree
from resources.profiles.reading import read

URL = "http://hl7.org/fhir/StructureDefinition/vitalsigns"


def test_two_readings_of_one_definition_ask_the_same_and_are_two_profiles() -> None:
    tree = official_tree(load(), URL)
    assert tree
    one, other = read(tree), read(tree)
    assert one.root == other.root  # rules are values …
    assert one != other  # … profiles are not: what is compiled of one is kept with it
    assert len({one, other}) == 2


def test_a_rule_never_changes() -> None:
    tree = official_tree(load(), URL)
    assert tree
    profile = read(tree)
    with pytest.raises(AttributeError):
        profile.root.minimum = 5  # type: ignore[misc]
    with pytest.raises(AttributeError):
        profile.url = "x"  # type: ignore[misc]
