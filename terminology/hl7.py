"""HL7's terminology (THO) as it comes with the server: code systems and value sets, each read when it is first asked for.

terminology/data/build.py makes the data from the pinned official package. https://terminology.hl7.org
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from resources import exact

DATA: Final = Path(__file__).parent / "data" / "hl7.zip"
_OPEN: Final = 4  # members of 400 kB that a process keeps unpacked


class Entry(msgspec.Struct, frozen=True, rename={"resource_type": "resourceType", "value_set": "valueSet"}):
    """A resource that is there."""

    resource_type: str
    url: str
    at: tuple[int, int]  # number of its member, line
    version: str = ""
    status: str = ""
    content: str = ""
    value_set: str = ""  # of a code system: the value set of all its codes
    supplements: str = ""


class _Index(NamedTuple):
    by_url: Mapping[tuple[str, str], Entry]
    by_value_set: Mapping[str, Entry]


def find(resource_type: str, url: str) -> Entry | None:
    return _index().by_url.get((resource_type, url))


def system_of(value_set: str) -> Entry | None:
    """The code system that says of itself that this value set is all of it."""
    return _index().by_value_set.get(value_set)


def entries(resource_type: str) -> Iterator[Entry]:
    return (one for one in _index().by_url.values() if one.resource_type == resource_type)


def read(entry: Entry) -> dict[str, Any]:
    """The resource, as an exact tree made for the caller."""
    member, line = entry.at
    return exact.trusted(_member(member)[line])


@cache
def _index() -> _Index:
    with zipfile.ZipFile(DATA) as archive:
        read = msgspec.json.decode(archive.read("index.json"), type=list[Entry])
    return _Index(
        {(one.resource_type, one.url): one for one in read},
        {one.value_set.partition("|")[0]: one for one in read if one.value_set},
    )


@lru_cache(maxsize=_OPEN)
def _member(number: int) -> Sequence[bytes]:
    with zipfile.ZipFile(DATA) as archive:
        return archive.read(f"{number}.ndjson").split(b"\n")
