"""Official examples with one or two things changed: most are invalid, some still valid, all near the border."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from resources import exact

from .... import examples

Json = Any
Path = tuple[str | int, ...]

XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'
VALUES: list[Json] = [
    *(None, True, False, 0, -1, 1, 5, 2**31, Decimal("1.5"), Decimal("5.0"), [], {}, [None], [{}], ["a"]),
    *("", "a", "a b", " a", "a\n", "a\x01", "a\x0cb", "a\u00a0", "\\u", "{}", "x" * 65, "x" * 1_048_577),
    *("2020", "2020-02-29", "2020-02-31", "2020-01-01T00:00:00Z", "2016-12-31T23:59:60.5Z", "12:00:00", "Zm9v", "Zm9"),
    *("final", "text/plain", "a/b; c", "http://unitsofmeasure.org", "urn:oid:1.2", XHTML, "<div>x</div>"),
    *(
        "#",
        "#x",
        "Patient/1",
        "Observation/1/_history/2",
        "http://example.org/Patient/1",
        "Patient?name=x",
        "urn:uuid:1",
    ),
    *({"id": "x"}, {"a": 1}, {"reference": "Group/1"}, {"reference": "#x", "type": "Patient"}, {"type": "Patient"}),
    *({"code": "x"}, {"start": "2021", "end": "2020"}, {"low": {"value": 2}, "high": {"value": 1}}, {"text": "x"}),
    *(
        {"extension": [{"url": "x"}]},
        {"extension": [{"url": "x", "valueString": "a"}]},
        {"status": "empty", "div": XHTML},
    ),
    [{"extension": [{"url": "x", "valueString": "a"}]}],
    {"resourceType": "Patient", "id": "x"},
    [{"resourceType": "Patient", "id": "x"}],
    [{"resourceType": "Patient", "contained": [{"resourceType": "Patient", "id": "x"}]}],
]
NAMES = [
    *(
        "id",
        "_id",
        "extension",
        "modifierExtension",
        "status",
        "_status",
        "meta",
        "contained",
        "text",
        "div",
        "language",
    ),
    *("valueString", "valueCode", "valueBoolean", "deceasedBoolean", "type", "reference", "code", "identifier"),
    *("foo", "_language", "fhir_comments", "resourceType"),
]


@functools.cache
def originals(most: int = 3, size: int = 12_000) -> tuple[dict[str, Json], ...]:
    """The smallest examples of every type that has any; of each type one, however large it is."""
    found: dict[str, list[dict[str, Json]]] = {}
    for _, text in sorted(examples.examples(), key=lambda named: len(named[1])):
        tree = exact.decode(text)
        of_type = found.setdefault(tree["resourceType"], [])
        if len(of_type) < (most if len(text) <= size else 1):
            of_type.append(tree)
    return tuple(tree for of_type in found.values() for tree in of_type)


def paths(value: Json, path: Path = ()) -> Iterator[Path]:
    """The path of the value and of everything inside it."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield from paths(below, (*path, key))


def at(value: Json, path: Path) -> Json:
    for key in path:
        value = value[key]
    return value


def copied(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: copied(below) for key, below in value.items()}
    return [copied(below) for below in value] if isinstance(value, list) else value


@st.composite
def mutated(draw: st.DrawFn, trees: Callable[[], tuple[dict[str, Json], ...]] = originals) -> dict[str, Json]:
    """One of the trees, changed once or twice; its resourceType stays."""
    tree = copied(draw(st.sampled_from(trees())))
    for _ in range(draw(st.integers(1, 2))):
        if tree.keys() == {"resourceType"}:
            break  # there is nothing left to change
        *above, key = draw(st.sampled_from([path for path in paths(tree) if path and path != ("resourceType",)]))
        holder = at(tree, tuple(above))
        match draw(st.sampled_from(["replace", "remove", "add", "rename", "append", "transplant"])):
            case "replace":
                holder[key] = copied(draw(st.sampled_from(VALUES)))
            case "remove":
                del holder[key]
            case "add" if isinstance(holder[key], dict):
                holder[key][draw(st.sampled_from(NAMES))] = copied(draw(st.sampled_from(VALUES)))
            case "add" if isinstance(holder[key], list):
                holder[key].append(copied(draw(st.sampled_from(VALUES))))
            case "rename" if isinstance(key, str):
                holder[draw(st.sampled_from([f"_{key}", f"{key}x", key.upper()]))] = holder[key]
            case "append" if isinstance(holder[key], str):
                holder[key] += draw(st.sampled_from([" ", "\n", "\x01", "x", "/", "#", "é"]))
            case _:
                donor = draw(st.sampled_from(trees()))
                part = draw(st.sampled_from([path for path in paths(donor) if path]))
                holder[key] = copied(at(donor, part))
    return tree
