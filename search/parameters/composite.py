"""Composite parameters: several values that belong together, `code$value` of one component.

What is together in one repetition of the base is one index row. Values that are equal or not (tokens, references) make
a posting of their keys; a range or a text beside a token is a row under the hash of the token.
https://hl7.org/fhir/R4/search.html#composite
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple

from resources.definitions import Definitions, SearchParameter
from resources.outcome import BadRequest, NotSupported

from ..conditions import Condition, Keys, Numbers, Or, Strings
from ..escapes import split, unescape
from ..expression import At, Path, Unsupported, parse
from ..intervals import EARLIEST, LATEST
from ..parameter import ANY, LAST, NONE, Index, Key, Measured, Parameter, Rows
from ..trie import Place, Test, routes, test_of
from . import date, number, quantity, reference, string, token
from .decimals import HIGHEST, LOWEST, Box, text

MODIFIERS: Final[frozenset[str]] = frozenset()
_ROOT: Final = "%resource."
_MODULES: Final = {
    "date": date, "number": number, "quantity": quantity, "reference": reference, "string": string, "token": token
}  # fmt: skip
_EQUAL: Final = frozenset({"token", "reference"})  # types of components whose values are equal or are not
# What a composite can be made of besides one or more of those: one of these, or two numbers.
_BESIDE: Final = frozenset({"date", "number", "quantity", "string"})

Steps = tuple[str | At | Test, ...]
End = tuple[Steps, Callable[[Rows, Any], None]]


@dataclass(frozen=True, slots=True)
class _Way:
    """How values of a component are found and read."""

    steps: Steps
    at_root: bool  # from the whole resource, not from the repetition of the base
    index: Index


class _Part(NamedTuple):
    """A component and where its values are."""

    parameter: Parameter
    ways: list[_Way]
    equal: bool  # its values are equal or are not, as tokens are
    firsts: frozenset[str]  # keys of which the base has one if it can have a value; empty if not known


def indexed(place: Place) -> Index | None:
    """None: what is read follows from the components, see `ends`."""
    return None


def components(
    definitions: Definitions, parameters: Mapping[str, Parameter], definition: SearchParameter
) -> tuple[Parameter, ...]:
    """The parameters that a composite is made of, in the order of a value, among those of the type by code.

    One that a package put in the place of an official one is used instead of it. None, so that nothing is found,
    on a type that does not have them all. Raises Unsupported for what cannot be searched together."""
    if definition.type != "composite":
        return ()
    found = []
    for url, _ in definition.components:
        named = (one.code for one in (*definitions.own_parameters, *definitions.search_parameters) if one.url == url)
        component = next((parameters[code] for code in named if code in parameters), None)
        if component is None:
            return ()
        found.append(component)
    kinds = [one.definition.type for one in found]
    equal = [kind for kind in kinds if kind in _EQUAL]
    beside = [kind for kind in kinds if kind not in _EQUAL]
    if not equal or not _BESIDE.issuperset(beside) or beside not in ([], ["number", "number"], beside[:1]):
        raise Unsupported(f"{definition.url}: {' and '.join(kinds)} cannot be searched together")
    if beside and len(equal) > 1:
        raise Unsupported(f"{definition.url}: only one token can stand beside a {beside[0]}")
    return tuple(found)


def ends(definitions: Definitions, resource_type: str, parameter: Parameter) -> list[End]:
    """The routes to the repetitions of the base, each with what reads the components there."""
    bases = parse(parameter.definition.expression or "")
    texts = [text for _, text in parameter.definition.components]
    found: list[End] = []
    for base in bases if isinstance(bases, tuple) else ():
        for route in routes(definitions, resource_type, (base,)):
            parts = list(_parts(definitions, resource_type, parameter, base, route.steps, texts))
            if not all(part.ways for part in parts):  # of DocumentReference.relationship they are the wrong way round
                parts = list(_parts(definitions, resource_type, parameter, base, route.steps, texts[::-1]))
            if not all(part.ways for part in parts):
                continue
            if any(way.at_root for part in parts for way in part.ways):
                found.append(((), partial(_read_from_root, parameter, parts, route.steps)))
            else:
                found.append((route.steps, partial(_read, parameter, parts, {})))
    return found


def _parts(
    definitions: Definitions, resource_type: str, parameter: Parameter, base: Path, steps: Steps, texts: Sequence[str]
) -> Iterator[_Part]:
    """For each component the ways from the base to values that its parameter can compare."""
    for component, expression in zip(parameter.components, texts, strict=True):
        at_root = expression.startswith(_ROOT)
        inner = parse(expression.removeprefix(_ROOT))
        ways: list[_Way] = []
        for path in inner if isinstance(inner, tuple) else ():
            whole = (base[0], *path) if at_root else (*base, *path)
            for route in routes(definitions, resource_type, (whole,)):
                index = _MODULES[component.definition.type].indexed(route.place)
                if index and (at_root or route.steps[: len(steps)] == steps):
                    rest = route.steps if at_root else route.steps[len(steps) :]
                    ways.append(_Way(rest, at_root, index))
        firsts = frozenset() if at_root else frozenset(one for way in ways for one in way.steps[:1])
        known = frozenset(one for one in firsts if isinstance(one, str))
        yield _Part(component, ways, component.definition.type in _EQUAL, known if known == firsts else frozenset())


def _values(tree: Any, steps: Steps, rows: Rows) -> list[Any]:
    """What the steps lead to from there."""
    found = [tree]
    for step in steps:
        if isinstance(step, At):
            found = found[step.position : step.position + 1]
        elif isinstance(step, str):
            below = [one.get(step) for one in found if type(one) is dict]
            found = [one for some in below for one in (some if type(some) is list else (some,)) if one is not None]
        else:
            met = test_of(step)
            found = [one for one in found if met(one, rows)]
    return found


def _read_from_root(parameter: Parameter, parts: list[_Part], steps: Steps, rows: Rows, root: Any) -> None:
    for base in _values(root, steps, rows):
        _read(parameter, parts, root, rows, base)


def _read(parameter: Parameter, parts: list[_Part], root: dict[str, Any], rows: Rows, base: Any) -> None:
    """The rows of one repetition of the base."""
    for part in parts:
        if part.firsts and part.firsts.isdisjoint(base):
            return
    equal: list[list[Key]] = []
    beside: list[Rows] = []
    for component, ways, is_equal, _ in parts:
        scratch = Rows(rows.resource, rows.base_url, rows.measured)
        for way in ways:
            for value in _values(root if way.at_root else base, way.steps, rows):
                way.index(component, scratch, value)
        if is_equal:
            nobody = component.present
            # What stands for a value: a code, a system, a reference.
            keys = [key for key in scratch.keys if key[1] <= LAST or (key[1] == ANY and key != nobody)]
            equal.append(keys)
        else:
            beside.append(scratch)
    if not beside:
        for together in product(*equal):
            rows.keys[_hash(parameter, together), ANY] = None
    elif beside[0].str:
        for key in equal[0]:
            before = _before(parameter, key)
            for row in beside[0].str:
                if row[0] > 0:  # not a piece of a long text
                    rows.str[parameter.number, before + row[1]] = None
    elif beside[0].qty or beside[0].dat:
        nobody = next(part.parameter for part in parts if part.equal).present
        for h, q in _tokens(equal[0], nobody[0]):
            k = _token(parameter, h)
            for one in _ranges(beside[0]):
                if len(beside) == 1:
                    rows.qty[parameter.number, k, q, *one] = None
                else:
                    for two in _ranges(beside[1]):
                        rows.qty[parameter.number, k, q, *one[:6], *two[:2]] = None


def _tokens(keys: Sequence[Key], nobody: int) -> Iterator[Key]:
    """Each code once, with its system; a system alone, h is nobody, only where it has no code."""
    codes = {h for h, q in keys if q != ANY and h != nobody}
    systems = {q for h, q in keys if h != nobody}
    for h, q in keys:
        if q == ANY and h not in codes:
            yield h, NONE
        elif q != ANY and (h != nobody or q not in systems):
            yield h, q


def _ranges(rows: Rows) -> Iterator[Measured]:
    for row in rows.qty:
        yield row[3:]
    for _, first, following in rows.dat:
        lo, hi = _moment(first, EARLIEST, LOWEST), _moment(following, LATEST, HIGHEST)
        yield lo, hi, 0, 0, 0, 0, lo, hi


def _moment(moment: int, extreme: int, beyond: str) -> str:
    return beyond if moment == extreme else text(moment)


def _hash(parameter: Parameter, parts: Iterable[Key]) -> int:
    """The h of values that are together, each given by the posting it has alone."""
    return parameter.key("\x1f".join(f"{h}\x1f{q}" for h, q in parts))


def _token(parameter: Parameter, h: int) -> int:
    """The k of the rows beside a code."""
    return parameter.key(str(h))


def _before(parameter: Parameter, key: Key) -> str:
    """What texts beside a token begin with."""
    return f"{_hash(parameter, (key,)) & 0xFFFF_FFFF_FFFF_FFFF:016x}\x1f"


def condition(parameter: Parameter, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
    """All parts of one of the values in the same repetition."""
    if not parameter.components:
        raise NotSupported(f"{parameter.code}: {parameter.resource_type} does not have all of its components.")
    return Or(tuple(_searching(parameter, value, base_url) for value in values))


def _searching(parameter: Parameter, value: str, base_url: str) -> Condition:
    parts = split(value, "$")
    if len(parts) != len(parameter.components) or not all(parts):
        codes = "$".join(one.code for one in parameter.components)
        raise BadRequest(f"{parameter.code}={value}: a value is {codes}, both of them given.", code="value")
    equal: list[list[Key]] = []
    beside: list[tuple[str, str]] = []  # type of parameter, value
    nobody = 0
    for component, part in zip(parameter.components, parts, strict=True):
        kind = component.definition.type
        if kind == "token":
            equal.append(list(token.keys(component, part, parameter)))
            nobody = component.key("")
        elif kind == "reference":
            equal.append(list(reference.keys(component, None, unescape(part), base_url)))
        else:
            beside.append((kind, part))
    if not beside:
        found = dict.fromkeys((_hash(parameter, keys), ANY) for keys in product(*equal))
        return Keys(tuple(found), 1)
    kind, first = beside[0]
    if kind == "string":
        begin = string.normalise(unescape(first))[: string.LONGEST]
        texts = [_before(parameter, key) + begin for key in equal[0]] if begin else []
        of, own = parameter.type_number, parameter.number
        return Strings(tuple((of, own, one, string.after(one)) for one in texts))
    return Or(tuple(_range(parameter, key, nobody, beside) for key in equal[0]))


def _range(parameter: Parameter, key: Key, nobody: int, beside: Sequence[tuple[str, str]]) -> Condition:
    """A range, or two numbers, beside a token."""
    h, q = key
    k = None if h == nobody else _token(parameter, h)
    of_system = None if q == ANY else q
    kind, first = beside[0]
    if kind == "quantity":
        return quantity.searching(parameter, first, k, of_system)
    ranges: Iterable[tuple[Any, ...]] = _boxes(parameter, *beside[0])
    if len(beside) == 1:
        second: Iterable[tuple[Any, ...]] = [(None, None, None, None)]
    else:
        second = _boxes(parameter, *beside[1])
    begin = parameter.type_number, parameter.number, k
    return Numbers(tuple((*begin, *one, of_system, None, None, *two) for one, two in product(ranges, second)))


def _boxes(parameter: Parameter, kind: str, value: str) -> list[Box]:
    if kind == "number":
        return list(number.ranges(parameter, value))
    return [  # of dates all bounds are included
        (
            _moment(a, EARLIEST, LOWEST),
            HIGHEST if b == LATEST else text(b + 1),
            LOWEST if c == EARLIEST else text(c - 1),
            _moment(d, LATEST, HIGHEST),
        )
        for a, b, c, d in date.ranges(parameter, (value,))
    ]
