"""How a function is described and built, and the shapes that most functions have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..evaluation import EMPTY, Code, Collection, Evaluation, giving_items, giving_truth, single, text


class Arguments(NamedTuple):
    """One call in an expression."""

    name: str
    of: Code  # what it is called on
    codes: tuple[Code, ...]
    turned: tuple[bool, ...] = ()  # of sort(): which arguments have a minus before them
    weight: int = 1  # steps that the arguments cost for each item


class Function(NamedTuple):
    """A function: how its closures are made, and what it may be given."""

    build: Callable[[Arguments], Code]
    least: int = 0  # arguments
    most: int = 0
    each: bool = False  # arguments are evaluated for each item, with a $this of their own
    of_type: bool = False  # the argument is the name of a type: the compiler does it all
    turns: bool = False  # a minus before an argument turns the order round


def on_collection(calculate: Callable[[Evaluation, Collection], Collection]) -> Function:
    """A function without arguments."""

    def build(call: Arguments) -> Code:
        source = call.of.items
        return giving_items(lambda env, this: calculate(env, source(env, this)), call.name)

    return Function(build)


def with_collection(calculate: Callable[[Evaluation, Collection, Collection], Collection]) -> Function:
    """A function whose argument is another collection."""

    def build(call: Arguments) -> Code:
        source, other = call.of.items, call.codes[0].items
        return giving_items(lambda env, this: calculate(env, source(env, this), other(env, this)), call.name)

    return Function(build, 1, 1)


def judging(judge: Callable[[Evaluation, Collection], bool | None]) -> Function:
    """A function without arguments that gives true, false or nothing."""

    def build(call: Arguments) -> Code:
        source = call.of.items
        return giving_truth(lambda env, this: judge(env, source(env, this)))

    return Function(build)


def comparing(judge: Callable[[Evaluation, Collection, Collection], bool | None]) -> Function:
    """A function of two collections that gives true, false or nothing."""

    def build(call: Arguments) -> Code:
        source, other = call.of.items, call.codes[0].items
        return giving_truth(lambda env, this: judge(env, source(env, this), other(env, this)))

    return Function(build, 1, 1)


def _text(env: Evaluation, found: Collection, what: str) -> str | None:
    said = text(found, what)
    if said is not None:
        env.spend(len(said) >> 5)
    return said


def on_value(
    calculate: Callable[..., Any],
    least: int = 0,
    most: int = 0,
    of: Callable[[Evaluation, Collection, str], Any] = lambda env, found, what: single(found, what),
) -> Function:
    """A function of one System value and of arguments that are System values; without one of them it gives nothing.

    `calculate` is given the evaluation, the value and the arguments, and may give None for nothing or a list.
    of: how the value is read from the collection.
    """

    def build(call: Arguments) -> Code:
        source, arguments = call.of.items, [code.items for code in call.codes]
        what = f"{call.name}()"

        def calculated(env: Evaluation, this: Collection) -> Collection:
            value = of(env, source(env, this), what)
            if value is None:
                return EMPTY
            values = []
            for argument in arguments:
                given = single(argument(env, this), what)
                if given is None:
                    return EMPTY
                values.append(given)
            answer = calculate(env, value, *values)
            return EMPTY if answer is None else answer if type(answer) is list else [answer]

        return giving_items(calculated, what)

    return Function(build, least, max(least, most))


def on_text(calculate: Callable[..., Any], least: int = 0, most: int = 0) -> Function:
    """A function of one string, as `on_value`; anything else than a string is refused."""
    return on_value(calculate, least, most, _text)
