"""Records: what a release consists of is written and read again as it was."""

from __future__ import annotations

import msgspec
import pytest

from terminology.records import (
    About,
    Concept,
    FilterDefinition,
    Member,
    Parent,
    Property,
    PropertyDefinition,
    Record,
    Row,
    Term,
)

EXAMPLES: list[Record] = [
    Concept("a"),
    Concept("a", "red", "a colour", True, True, "retired", ({"url": "http://example.org/x", "valueBoolean": True},)),
    Term("a", "rot", "de", ("http://example.org/use", "x", "y"), ("1",), ("2",), True, "9", {"moduleId": "7"}),
    Parent("a", "b"),
    Property("a", "size", "1.50", "decimal", group=2),
    Member("set", "a", {"sequence": "1"}),
    Row("http://example.org/a", "a", "http://example.org/b", None, depends_on=(("p", "s", "v", "d"),)),
]


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_records_are_told_apart_when_they_are_read(record: Record) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record) == record


def test_what_is_said_of_a_version_is_read_as_it_was() -> None:
    about = About(
        "http://example.org/a", "1", kind="snomed", properties=(PropertyDefinition("size", "decimal"),),
        filters=(FilterDefinition("concept", ("is-a",)),),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(about), type=About) == about


def test_a_record_never_changes() -> None:
    with pytest.raises(AttributeError):
        EXAMPLES[0].code = "b"  # type: ignore[misc, union-attr]
