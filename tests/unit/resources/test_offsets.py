"""Offsets in bytes: values before their `_name` and before nulls, names of choices, hostile texts in linear time."""

from __future__ import annotations

import time

import pytest

from resources import definitions
from resources.offsets import BESIDE, NULL, VALUE, Place, _choices, in_json, in_xml


def found(text: bytes, *way: str | int, is_xml: bool = False) -> int | None:
    root = place = Place()
    for step in way:
        place = place.item(step) if isinstance(step, int) else place.child(step)
    (in_xml if is_xml else in_json)(text, root)
    return place.offset


def test_the_best_counts_and_of_equals_the_last() -> None:
    place = Place()
    for offset, rank in ((1, NULL), (2, BESIDE), (3, NULL), (4, VALUE), (5, BESIDE)):
        place.found(offset, rank)
    assert place.offset == 4
    place.found(6, VALUE)
    assert place.offset == 6


def test_the_nearest_that_is_there() -> None:
    root = Place()
    below = root.child("a").item(1).child("b")
    assert below.nearest() is None
    root.found(7, VALUE)
    assert below.nearest() == 7
    assert root.child("a") is root.child("a")
    assert root.item(1) is root.item(1)


@pytest.mark.parametrize(
    ("name", "is_it"),
    [("valueQuantity", True), ("valueString", True), ("valueFoo", False), ("values", False), ("valueString2", False)],
)
def test_choices(name: str, is_it: bool) -> None:
    assert (found(b'{"%s":1}' % name.encode(), "value") is not None) is is_it
    assert (found(b"<A><%s/></A>" % name.encode(), "value", is_xml=True) is not None) is is_it
    assert found(b'{"value":1,"%s":2}' % name.encode(), name) is not None


@pytest.mark.parametrize(
    "names", [("subscriber", "subscriberId"), ("modifier", "modifierExtension"), ("source", "sourceId")]
)
def test_what_is_no_choice_is_another_element(names: tuple[str, str]) -> None:
    for name in names:
        text = b'{"%s":1,"%s":2}' % (names[0].encode(), names[1].encode())
        assert found(text, name) == text.index(b":", text.index(b'"%s"' % name.encode())) + 1
    assert found(b'{"%s":1}' % names[1].encode(), names[0]) is None


def test_no_parent_has_a_choice_and_an_element_called_as_one_of_it() -> None:
    for structure in definitions.load().structures.values():
        for children in structure.children.values():
            choices = {one.json_name(kind): one.name for one in children if one.choice for kind in one.types}
            plain = {one.name for one in children if not one.choice}
            assert not plain & choices.keys()
            assert not {name for name in plain if _choices().get(name) in plain}


def test_what_stands_beside() -> None:
    assert found(b'{"a":null,"_a":{}}', "a") == 15
    assert found(b'{"_a":{},"a":null}', "a") == 6
    assert found(b'{"_a":{},"a":1}', "a") == 13
    assert found(b'{"_a":{}}', "_a") == 6
    assert found(b'{"_a":{"b":1}}', "a", "b") == 11


@pytest.mark.parametrize(
    "text",
    [b'{"a":' + b'["' * 100_000, b'{"a":' + b"[" * 200_000, b'{"a":"' + b"\\" * 200_001, b'{"a":' + b'{"":' * 100_000],
)
def test_text_that_does_not_end_takes_linear_time(text: bytes) -> None:
    start = time.process_time()
    assert found(text, "a") == 5
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (b'{"a":' + b"[" * 3_000_000, None),
        (b'{"a":' + b'{"a":' * 600_000, None),
        (b'{"%s":1,"b":2}' % (b"vA" * 9_000_000), 18_000_010),
    ],
    ids=["arrays", "objects", "key"],
)
def test_what_no_resource_has_is_not_followed(text: bytes, offset: int | None) -> None:
    """Deeper than anything that is read, names longer than any element's."""
    root = Place()
    places = [root.child("b"), root.child("a").child("a"), root.child("a").item(0).child("a")]
    start = time.process_time()
    in_json(text, root)
    assert places[0].offset == offset
    assert time.process_time() - start < 1


def test_a_key_of_capitals_takes_no_longer_than_its_end() -> None:
    start = time.process_time()
    assert found(b'{"%s":1,"v":1}' % (b"vA" * 100_000), "v") == 200_010
    assert time.process_time() - start < 5
