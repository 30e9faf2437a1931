"""Small faults in the conditions of a search, one for each operator: each must be seen by the oracle.

A mutant replaces one function where it is used. Index rows stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from search.conditions import And, Condition, Nothing
from search.parameters import module_of, token

Function = Callable[..., Any]


class Mutant(NamedTuple):
    """A fault, and the criteria that may show it."""

    name: str
    place: str  # dotted: what is replaced
    fault: Callable[[Function], Function]  # the replacement, made from the original
    kinds: str  # types of parameter
    criteria: str = ""  # regular expression that name=value holds


def instead(prefix: str, other: str) -> Callable[[Function], Function]:
    """One prefix is read as another."""
    return lambda original: lambda given, *rest: original(other if given == prefix else given, *rest)


def always(found: Any) -> Callable[[Function], Function]:
    return lambda original: lambda *_, **__: found


def same(_: Function) -> Function:
    return lambda inner: inner


def prefixes() -> Iterator[Mutant]:
    pairs = {"eq": "ge", "ne": "eq", "gt": "ge", "lt": "le", "ge": "gt", "le": "lt", "sa": "gt", "eb": "lt", "ap": "eq"}
    for prefix, other in pairs.items():
        used = "=(.*,)?(eq|[0-9-])" if prefix == "eq" else f"=(.*,)?{prefix}"
        yield Mutant(f"date {prefix}", "search.parameters.date.boxes", instead(prefix, other), "date", used)
        for kind in ("number", "quantity"):
            place = f"search.parameters.{kind}.searched"
            yield Mutant(f"{kind} {prefix}", place, instead(prefix, other), kind, f"=(.*,)?{prefix}")


def without_unit(original: Function) -> Function:
    return lambda system, code: (None, f"{system}\x1f\x1f{code}")


def with_more_digits(original: Function) -> Function:
    return lambda prefix, number, *convert: original(prefix, number + Decimal("0e-12"), *convert)


def in_any_repetition(original: Function) -> Function:
    """The parts of a composite, each somewhere in the resource."""

    def condition(parameter: Any, modifier: str | None, values: tuple[str, ...], base_url: str) -> Condition:
        texts = values[0].split("$")
        parts = zip(parameter.components, texts, strict=True)
        return And(tuple(module_of(one.definition).condition(one, None, (text,), base_url) for one, text in parts))

    return condition


def first_value(original: Function) -> Function:
    return lambda parameter, modifier, values, base_url: original(parameter, modifier, values[:1], base_url)


def no_modifier(name: str) -> Callable[[Function], Function]:
    return lambda original: (
        lambda parameter, modifier, *rest: original(parameter, None if modifier == name else modifier, *rest)
    )


def other_relation(original: Function) -> Function:
    swapped = {"below": "above", "above": "below"}
    return lambda parameter, relation, *rest: original(parameter, swapped.get(relation, relation), *rest)


def ten_times_as_far(original: Function) -> Function:
    def circle(*args: Any) -> tuple[float, float, float]:
        latitude, longitude, metres = original(*args)
        return latitude, longitude, metres * 10

    return circle


def alone(original: Function) -> Function:
    """A chain that does not look into contained resources."""
    return lambda pointing, targets: original(pointing, tuple(one for one in targets if one[0][0] > 0))


def whatever(original: Function) -> Function:
    """A reverse chain that forgets its criterion."""
    return lambda pointing, number, condition: original(pointing, number, And(()))


MUTANTS = (
    *prefixes(),
    Mutant("number is exact", "search.parameters.number.searched", with_more_digits, "number", "=[0-9-]"),
    Mutant("quantity is exact", "search.parameters.quantity.searched", with_more_digits, "quantity", "=[0-9-]"),
    Mutant("units are not converted", "search.parameters.quantity.conversion", without_unit, "quantity", r"\|\w+"),
    Mutant("token: case", "search.parameters.token._hashes", lambda _: lambda p, code: iter([p.key(code)]), "token"),
    Mutant(
        "token: system|code is code", "search.parameters.token._postings",
        lambda original: lambda p, system, code: original(p, None, code) if code else original(p, system, code),
        "token", r"^[\w-]+=[^|]+\|\w",
    ),
    Mutant(
        "token: |code is code", "search.parameters.token._postings",
        lambda original: lambda p, system, code: original(p, system or None, code), "token", r"=\|",
    ),
    Mutant(
        "token: system| is nothing", "search.parameters.token._postings",
        lambda original: lambda p, system, code: original(p, system, code) if code else (), "token", r"\|(,|$)",
    ),
    Mutant("token: not", "search.parameters.token.Not", same, "token", ":not="),
    Mutant("token: not-in", "search.parameters.token.Not", same, "token", ":not-in="),
    Mutant("token: text", "search.parameters.token.Texts", always(Nothing()), "token", ":text="),
    Mutant("token: above and below", "search.parameters.token._codes", other_relation, "token", ":(above|below)=http"),
    Mutant("token: in", "search.parameters.token._codes", always(Nothing()), "token", ":in="),
    Mutant(
        "token: of-type", "search.parameters.token._of_types",
        lambda _: lambda p, values: [key for one in values for key in token.keys(p, one.rpartition("|")[2])],
        "token", ":of-type=",
    ),
    Mutant("string: accents and marks", "search.parameters.string.normalise", lambda _: str.lower, "string"),
    Mutant("string: beginning", "search.parameters.string.after", lambda _: lambda text: text + "\x01", "string", r"^[\w-]+="),
    Mutant("string: exact", "search.parameters.string.condition", no_modifier("exact"), "string", ":exact="),
    Mutant("string: contains", "search.parameters.string.condition", no_modifier("contains"), "string", ":contains="),
    Mutant("reference: own base", "search.parameters.reference.keys",
           lambda original: lambda p, modifier, text, _: original(p, modifier, text, ""), "reference", "=.*http://test"),
    Mutant("reference: id alone", "search.parameters.reference.keys",
           lambda original: lambda *args: list(original(*args))[:1], "reference", r"^[\w-]+=(\d+)"),
    Mutant("reference: identifier", "search.parameters.reference.condition", no_modifier("identifier"), "reference",
           ":identifier="),
    Mutant("reference: above and below", "search.parameters.reference._hierarchy", other_relation, "reference",
           ":(above|below)="),
    Mutant("uri: below", "search.parameters.uri.condition", no_modifier("below"), "uri", ":below="),
    Mutant("uri: above", "search.parameters.uri.condition", no_modifier("above"), "uri", ":above="),
    Mutant("uri: version", "search.parameters.uri._of_version", always(Nothing()), "uri", r"^url=.*\|"),
    Mutant("composite: repetition", "search.parameters.composite.condition", in_any_repetition, "composite", "^[^,]+$"),
    Mutant("near: distance", "search.parameters.special._circle", ten_times_as_far, "special"),
    Mutant("missing", "search.build.Not", same, "token string date reference", ":missing=true"),
    Mutant("OR", "search.parameters.token.condition", first_value, "token", r"^[\w-]+=.*,"),
    Mutant("chain into what is contained", "search.build.Refers", alone, "chain", "^medication"),
    Mutant("_has", "search.build.Referred", whatever, "reverse"),
    Mutant("AND", "search.build.of_clause", always(And(())), "token"),
)  # fmt: skip


def shows(mutant: Mutant, kind: str, name: str, value: str) -> bool:
    return kind in mutant.kinds.split() and re.search(mutant.criteria, f"{name}={value}") is not None
