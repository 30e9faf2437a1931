"""The sections of an index about concepts, their terms, properties and sets; `system` reads them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from msgspec.json import decode
from pyroaring import BitMap

from resources.exact import encode

from .container import Buffer, arena_sections, texts
from .gathering import NOBODY, Arena, Ordered
from .lookup import lookup
from .rows import packed, sets

CONCEPT: Final = "concept"  # type of a property whose value is a code of the same system
_INACTIVE: Final = 3  # place of it in a shape


def concepts(ordered: Ordered, *, folded: bool) -> dict[str, Buffer]:
    """What single concepts are asked for. folded: case of codes does not count."""
    some = ordered.concepts
    codes = [concept.code for concept in some]
    statuses = {one: at for at, one in enumerate(sorted({concept.status for concept in some}))}
    extended = array("I", [at for at, concept in enumerate(some) if concept.extension])
    return (
        texts("codes", codes)
        | {"lookup": lookup(codes, folded)}
        | texts("displays", (concept.display for concept in some))
        | texts("definitions", (concept.definition for concept in some))
        | texts("statuses", statuses)
        | {
            "status": array("I", [statuses[concept.status] for concept in some]).tobytes(),
            "inactive": packed(array("I", [at for at, concept in enumerate(some) if concept.inactive])),
            "abstract": packed(array("I", [at for at, concept in enumerate(some) if concept.abstract])),
            "extended": extended.tobytes(),
        }
        | texts("extensions", (encode(some[at].extension) for at in extended))
    )


def terms(ordered: Ordered) -> dict[str, Buffer]:
    """Designations by concept, and the shapes of them: all but text and id."""
    gathered = ordered.gathered
    starts, order = ordered.by_owner(gathered.term_owners)
    shapes = gathered.term_shapes
    return (
        {"terms.of": starts.tobytes(), "terms.shape": array("I", [shapes[term] for term in order]).tobytes()}
        | _in_order("terms", gathered.terms, order)
        | _in_order("terms.id", gathered.term_ids, order)
        | texts("shapes", gathered.shapes)
    )


def _in_order(name: str, arena: Arena, order: Sequence[int]) -> dict[str, Buffer]:
    found, starts = bytearray(), array("Q", [0])
    for one in order:
        found += arena.raw(one)
        starts.append(len(found))
    return arena_sections(name, found, starts)


def texts_of(ordered: Ordered, ranked: Sequence[int]) -> Iterator[Iterator[str]]:
    """The texts that words are looked for in, of one concept after the other: its display and what designates it today;
    its code, if it has no text at all."""
    gathered = ordered.gathered
    starts, order = ordered.by_owner(gathered.term_owners)
    withdrawn = bytearray(shape[_INACTIVE] for shape in map(decode, gathered.shapes))

    def texts_of_one(ordinal: int) -> Iterator[str]:
        display = ordered.concepts[ordinal].display
        if display:
            yield display
        first, end = starts[ordinal], starts[ordinal + 1]
        for term in order[first:end]:
            if not withdrawn[gathered.term_shapes[term]]:
                yield gathered.terms.raw(term).decode()
        if not display and first == end:
            yield ordered.concepts[ordinal].code

    return map(texts_of_one, ranked)


def properties(ordered: Ordered) -> dict[str, Buffer]:
    """Properties by concept, and concepts by property, by value, and by the concept that is the value."""
    gathered, different = ordered.gathered, ordered.gathered.different.numbers
    starts, order = ordered.by_owner(gathered.owners)
    values = array("I", [gathered.values[one] for one in order])
    found: dict[str, Buffer] = {
        "properties.of": starts.tobytes(),
        "properties.value": values.tobytes(),
        "properties.group": array("I", [gathered.groups[one] for one in order]).tobytes(),
    }
    names = sorted({name for name, *_ in different})
    number = {name: at for at, name in enumerate(names)}
    keys = sorted({(number[name], value.encode("utf-8", "replace")) for name, value, *_ in different})
    place = {key: at for at, key in enumerate(keys)}
    key_of = array("I", [place[number[name], value.encode("utf-8", "replace")] for name, value, *_ in different])
    del place
    found |= texts("values", (whole for *_, whole in different))
    found |= texts("names", names) | texts("keys", (value for _, value in keys))
    first = _beginnings([name for name, _ in keys], len(names))
    owners = array("I", [ordinal for ordinal, (begin, end) in enumerate(pairwise(starts)) for _ in range(begin, end)])
    # Key and concept as one number each: sorted, the concepts of a key follow each other.
    pairs = sorted([key_of[value] << 32 | ordinal for value, ordinal in zip(values, owners, strict=True)])
    having = array("I", [pair & NOBODY for pair in pairs])
    begins = _beginnings([pair >> 32 for pair in pairs], len(keys))
    del pairs
    found["keys.of"] = first.tobytes()
    found |= sets("names.having", (packed(BitMap(having[begins[low] : begins[high]])) for low, high in pairwise(first)))
    found |= sets("keys.having", (packed(_once(having[low:high])) for low, high in pairwise(begins)))
    target_of = array("I", [_target(ordered, value, kind) for _, value, kind, _ in different])
    name_of = array("I", [number[name] for name, *_ in different])
    links: list[list[int]] = [[] for _ in names]  # of each attribute target and source as one number
    for value, ordinal in zip(values, owners, strict=True):
        if target_of[value] != NOBODY:
            links[name_of[value]].append(target_of[value] << 32 | ordinal)
    return found | _attributes("sources", links) | _attributes("targets", _turned(links))


def _once(some: array[int]) -> array[int] | BitMap:
    """Sorted numbers, each once."""
    return some if len(some) < 2 else BitMap(some)


def _target(ordered: Ordered, value: str, kind: str) -> int:
    found = ordered.find(value) if kind == CONCEPT else None
    return NOBODY if found is None else found


def _beginnings(names: Iterable[int], count: int) -> array[int]:
    """Where the entries of each name begin among all, which are sorted by name; with the end of the last."""
    found = array("I", bytes(4 * (count + 1)))
    for name in names:
        found[name + 1] += 1
    for at in range(count):
        found[at + 1] += found[at]
    return found


def _turned(attributes: list[list[int]]) -> list[list[int]]:
    """The same pairs the other way round; the former are used up."""
    for name, pairs in enumerate(attributes):
        attributes[name] = [(pair & NOBODY) << 32 | pair >> 32 for pair in pairs]
    return attributes


def _attributes(name: str, attributes: Sequence[list[int]]) -> dict[str, Buffer]:
    """By attribute: the concepts on the one side, sorted, and for each those on the other side."""
    heads, names, tails, starts = array("I"), array("I", [0]), array("I"), array("I")
    have = []
    for pairs in attributes:
        first, last = len(heads), -1
        before = -1
        for pair in sorted(pairs):
            if pair == before:
                continue
            before = pair
            if pair >> 32 != last:
                last = pair >> 32
                heads.append(last)
                starts.append(len(tails))
            tails.append(pair & NOBODY)
        names.append(len(heads))
        have.append(packed(heads[first:]))
    starts.append(len(tails))
    return {
        f"{name}.of": names.tobytes(),
        f"{name}.heads": heads.tobytes(),
        f"{name}.starts": starts.tobytes(),
        f"{name}.rows": tails.tobytes(),
    } | sets(f"{name}.have", have)


def sets_of_release(ordered: Ordered) -> dict[str, Buffer]:
    """Reference sets and the like: members, and rows in the order of the source."""
    gathered = ordered.gathered
    codes = sorted(gathered.sets, key=lambda code: code.encode("utf-8", "replace"))
    members, fields, begin, order = array("I"), array("I"), array("I", [0]), array("I")
    bitmaps = []
    for code in codes:
        first = len(members)
        for number, field in zip(*gathered.sets[code], strict=True):
            if ordered.ordinals[number] != NOBODY:
                members.append(ordered.ordinals[number])
                fields.append(field)
        begin.append(len(members))
        order.extend(sorted(range(first, len(members)), key=members.__getitem__))
        bitmaps.append(packed(BitMap(members[first:])))
    return (
        texts("sets", codes)
        | sets("sets.members", bitmaps)
        | {"sets.of": begin.tobytes(), "sets.rows": members.tobytes()}
        | {"sets.fields": fields.tobytes(), "sets.order": order.tobytes()}
        | texts("fields", gathered.fields)
    )
