"""The syntax tree of an expression. https://hl7.org/fhirpath/N1/#expressions"""

from __future__ import annotations

from typing import Any, NamedTuple, Union


class Literal(NamedTuple):
    items: list[Any]  # one System value, or none for {}


class Name(NamedTuple):
    """A member, or at the beginning of a path perhaps the name of a type."""

    source: Tree | None  # None: of $this
    name: str


class Call(NamedTuple):
    source: Tree | None  # None: on $this
    name: str
    arguments: tuple[Tree, ...]
    position: int


class Item(NamedTuple):
    source: Tree
    number: Tree


class Special(NamedTuple):
    name: str  # $this | $index | $total


class Variable(NamedTuple):
    name: str  # of %resource: "resource"


class Sign(NamedTuple):
    operator: str  # + | -
    operand: Tree


class Operation(NamedTuple):
    operator: str
    operands: tuple[Tree, ...]  # two; of and, or, | any number, in their order


class TypeTest(NamedTuple):
    operator: str  # is | as
    operand: Tree
    type_name: str  # "Patient", "FHIR.Patient", "System.Boolean"


Tree = Union[Literal, Name, Call, Item, Special, Variable, Sign, Operation, TypeTest]  # noqa: UP007


def parts(tree: Tree) -> tuple[Tree, ...]:
    """The trees directly below."""
    match tree:
        case Name(source, _):
            return () if source is None else (source,)
        case Call(source, _, arguments, _):
            return arguments if source is None else (source, *arguments)
        case Item(source, number):
            return (source, number)
        case Sign(_, operand) | TypeTest(_, operand, _):
            return (operand,)
        case Operation(_, operands):
            return operands
    return ()


def size(tree: Tree) -> int:
    """How many trees it is made of, itself included."""
    return 1 + sum(map(size, parts(tree)))


def type_name(tree: Tree) -> str | None:
    """What a tree says where a type is meant: `FHIR.Patient`, `Boolean`; None if it cannot be a type."""
    if type(tree) is not Name:
        return None
    if tree.source is None:
        return tree.name
    space = type_name(tree.source)
    return f"{space}.{tree.name}" if space in ("FHIR", "System") else None


def depends_on_this(tree: Tree) -> bool:
    """Whether the value may change with $this, $index or $total while one expression is evaluated.

    Arguments of where() and the like have a $this of their own: taking it for the outer one errs to the safe side.
    """
    match tree:
        case Special() | Name(None, _):
            return True
        case Call(None, name, _, _) if name not in ("now", "today", "timeOfDay"):
            return True
    return any(map(depends_on_this, parts(tree)))
