"""Where definitions go: by their canonical URL and version, and under which id."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.packages.arrangement import DIFFERENT, NEW, SAME, _made_id, _place, states
from resources.definitions import load
from resources.package import Package, Packed, read
from terminology.stored import Found

from ....packages import COLOURS, SHADE, definition, packed


def one(tree: dict[str, Any], **of_manifest: Any) -> tuple[Package, Packed]:
    package = read(load(), packed(tree, **of_manifest))
    return package, package.resources[0]


def stored(tree: dict[str, Any], **changes: Any) -> Found:
    kept = {**tree, "meta": {"versionId": "3", "lastUpdated": "2026-01-01T00:00:00Z"}, **changes}
    return Found(kept["id"], 3, kept)


NAMING = definition("NamingSystem", "n", url=None, name="N", kind="root")

CASES = [  # definition, found by its URL, found by its id, where it goes and what becomes of it
    (COLOURS, [], [], ("colours", NEW)),
    (COLOURS, [stored(COLOURS)], [stored(COLOURS)], ("colours", SAME)),
    (COLOURS, [stored(COLOURS, id="other")], [], ("other", SAME)),
    (COLOURS, [stored(COLOURS, id="other")], [stored(COLOURS)], ("colours", SAME)),
    (COLOURS, [stored(COLOURS, title="x")], [stored(COLOURS, title="x")], ("colours", DIFFERENT)),
    (COLOURS, [stored(COLOURS, version="2", id="other")], [], ("colours", NEW)),
    (COLOURS, [stored(COLOURS, version="2")], [stored(COLOURS, version="2")], None),
    (COLOURS, [], [stored(COLOURS, url="x")], None),
    (SHADE, [stored(SHADE, version="2", id="other")], [], ("other", DIFFERENT)),
    (NAMING, [], [stored(NAMING)], ("n", SAME)),
    (NAMING, [], [stored(NAMING, status="retired")], ("n", DIFFERENT)),
    (NAMING, [], [stored(NAMING, name="M")], None),
]


@pytest.mark.parametrize(("tree", "like", "here", "expected"), CASES, ids=range(len(CASES)))
def test_places(tree: dict[str, Any], like: list[Found], here: list[Found], expected: Any) -> None:
    place = _place(one(tree)[1], like, here)
    assert (place and (place.logical_id, place.state)) == expected
    if place and place.state != NEW:
        assert place.version_id == 3


def test_labels_of_what_is_stored_are_a_difference() -> None:
    found = stored(COLOURS)
    assert found.tree
    found.tree["meta"]["tag"] = [{"code": "x"}]
    place = _place(one(COLOURS)[1], [found], [])
    assert place
    assert place.state == DIFFERENT
    assert states([place]) == {NEW: 0, DIFFERENT: 1, SAME: 0}


@pytest.mark.parametrize("name", ["a.b", "a_b.c", "@scope/a.b", "a" * 100])
def test_a_made_id_is_one(name: str) -> None:
    package, definition = one(COLOURS, name=name, version="1.0.0+build_1")
    made = _made_id(package, definition)
    assert load().structures["id"].pattern
    assert len(made) <= 64
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert made == _made_id(package, definition)


def test_made_ids_of_different_packages_differ() -> None:
    names = ("a" * 100, "a" * 101, "a.b", "a.c")
    assert len({_made_id(*one(COLOURS, name=name)) for name in names}) == len(names)
