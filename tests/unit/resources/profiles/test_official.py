"""R4's own StructureDefinitions are profiles, each read once."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from resources import definitions
from resources.definitions import DATA
from resources.profiles.official import official, official_tree

R4 = definitions.load()
CANONICAL = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("name", "type_name", "kind", "derivation"),
    [
        ("Patient", "Patient", "resource", "specialization"),
        ("HumanName", "HumanName", "complex-type", "specialization"),
        ("string", "string", "primitive-type", "specialization"),
        ("SimpleQuantity", "Quantity", "complex-type", "constraint"),
        ("bp", "Observation", "resource", "constraint"),
        ("data-absent-reason", "Extension", "complex-type", "constraint"),
        ("Resource", "Resource", "resource", "specialization"),
    ],
)
def test_types_profiles_and_extensions(name: str, type_name: str, kind: str, derivation: str) -> None:
    profile = official(R4, CANONICAL + name)
    assert profile is not None
    assert (profile.url, profile.type, profile.kind, profile.derivation) == (
        CANONICAL + name,
        type_name,
        kind,
        derivation,
    )
    assert profile.root.path == type_name
    assert profile.version == "4.0.1"


def test_the_version_is_tolerated_and_one_object_serves_all() -> None:
    profile = official(R4, f"{CANONICAL}Patient")
    assert official(R4, f"{CANONICAL}Patient|4.0.1") is profile
    assert official(R4.with_parameters(()), f"{CANONICAL}Patient") is profile
    assert official(R4, f"{CANONICAL}Patient|5.0.0") is None


@pytest.mark.parametrize(
    "url", ["", "Patient", "http://example.org/Patient", f"{CANONICAL}Nothing", f"{CANONICAL}|4.0.1"]
)
def test_what_is_not_r4s_is_not_known(url: str) -> None:
    assert official(R4, url) is None
    assert official_tree(R4, url) is None


def test_all_of_them_can_be_read() -> None:
    with_names = msgspec.json.decode(definitions._member(DATA, "profiles"), type=dict[str, msgspec.Raw])
    urls = [CANONICAL + name for name in R4.structures] + list(with_names)
    found = [official(R4, url) for url in urls]
    assert len(urls) == 212 + 437
    assert [one.url for one in found if one] == urls


def test_numbers_are_exact() -> None:
    def numbers(node: object) -> list[object]:
        below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [x for one in below for x in ([one] if isinstance(one, (float, Decimal)) else numbers(one))]

    trees = [official_tree(R4, CANONICAL + name) for name in ("bp", "cholesterol", "ldlcholesterol", "Patient")]
    assert all(trees)
    assert not any(isinstance(one, float) for tree in trees for one in numbers(tree))


def test_a_tree_is_made_for_the_caller() -> None:
    one, other = official_tree(R4, f"{CANONICAL}Patient"), official_tree(R4, f"{CANONICAL}Patient")
    assert one is not None
    assert one == other
    assert one is not other
    assert one["snapshot"]["element"][0]["path"] == "Patient"
