from __future__ import annotations

from fhir_server.validation.shelf import HEAVIEST, Read, Shelf
from resources.definitions import load
from terminology.membership.questions import Terminology


def shelf() -> Shelf:
    return Shelf(load(), Terminology.alone(load()))


def test_profiles_are_kept_by_weight_and_version() -> None:
    ours = shelf()
    for version in (1, 1, 2, 3):
        ours.keep((0, "a", version), Read("no use", HEAVIEST // 2))
    assert [ours.profile((0, "a", version)) is not None for version in (1, 2, 3)] == [False, True, True]


def test_what_was_asked_lately_outlives_the_rest() -> None:
    ours = shelf()
    for version in (1, 2):
        ours.keep((0, "a", version), Read("no use", HEAVIEST // 2))
    assert ours.profile((0, "a", 1))
    ours.keep((0, "a", 3), Read("no use", HEAVIEST // 2))
    assert [ours.profile((0, "a", version)) is not None for version in (1, 2, 3)] == [True, False, True]


def test_a_version_is_of_its_tenant() -> None:
    ours = shelf()
    ours.keep((1, "a", 1), Read("of the first"))
    ours.remember(1, ("Patient",), frozenset({("ValueSet", "x")}))
    assert ours.profile((2, "a", 1)) is None
    assert not ours.needed(2, ("Patient",))


def test_nothing_is_remembered_that_is_not_worth_its_memory() -> None:
    ours = shelf()
    ours.remember(0, ("Patient",), frozenset({("ValueSet", "x")}))
    ours.remember(0, ("Group", *(f"http://example.org/{n}" for n in range(100_000))), frozenset())
    ours.remember(0, ("Basic",), frozenset({("ValueSet", "x" * 1_000_000)}))
    assert ours.needed(0, ("Patient",))
    assert not ours.needed(0, ("Basic",))
    assert len(ours._needed) == 1
