"""From the syntax tree of an expression to Python closures; nothing of it is done again when it is evaluated."""

from __future__ import annotations

from typing import Any

from ..outcome import BadRequest
from . import arithmetic, typing_of
from .evaluation import EMPTY, Code, Collection, Evaluation, Items, Truth, giving_items, giving_truth, plain, whole
from .faults import Unevaluable
from .functions import FUNCTIONS
from .functions.calls import Arguments
from .nodes import Node, add_named
from .operators import ORDERS, distinct, equal, equal_items, equivalent, identity, ordered
from .syntax import (
    Call,
    Item,
    Literal,
    Name,
    Operation,
    Sign,
    Special,
    Tree,
    TypeTest,
    Variable,
    depends_on_this,
    size,
    type_name,
)
from .variables import variable

_FEW = 64  # items that are looked at, or found, without counting


class Compiler:
    """Compiles one expression."""

    def __init__(self) -> None:
        self._inside = 0  # functions that evaluate an argument for each item
        self._remembered: dict[str, Code] = {}

    def code(self, tree: Tree) -> Code:
        """The closures of a tree."""
        if self._inside and type(tree) in (Name, Call, Operation) and not depends_on_this(tree):
            return self._remember(tree)
        return self._code(tree)

    def _remember(self, tree: Tree) -> Code:
        """What does not depend on $this is evaluated once, not for each item: `%resource.descendants()` in where()."""
        same = repr(tree)
        if same not in self._remembered:
            items = self._code(tree).items
            self._remembered[same] = _remembering(items, len(self._remembered))
        return self._remembered[same]

    def _code(self, tree: Tree) -> Code:
        match tree:
            case Literal(items):
                return giving_items(lambda env, this: items, "the literal")
            case Name(source, name):
                return self._name(source, name)
            case Call(source, name, arguments, position):
                return self._call(source, name, arguments, position)
            case Item(source, number):
                return _item(self.code(source).items, self.code(number).items)
            case Special(name):
                return _SPECIAL[name]
            case Variable(name):
                return giving_items(variable(name), f"%{name}")
            case Sign(operator, operand):
                return giving_items(arithmetic.sign(operator, self.code(operand).items), operator)
            case TypeTest(operator, operand, name):
                return typing_of.tested(operator, self.code(operand).items, name)
            case Operation(operator, operands):
                return self._operation(operator, operands)

    def _name(self, source: Tree | None, name: str) -> Code:
        if source is None and name[:1].isupper():
            return giving_items(_first_name(name), name)
        return giving_items(_members(_THIS.items if source is None else self.code(source).items, name), name)

    def _call(self, source: Tree | None, name: str, arguments: tuple[Tree, ...], position: int) -> Code:
        function = FUNCTIONS.get(name)
        if function is None:
            raise BadRequest(
                f"The FHIRPath expression cannot be read at position {position + 1}: there is no function {name}().",
                code="value",
            )
        if not function.least <= len(arguments) <= function.most:
            wanted = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
            raise BadRequest(
                f"The FHIRPath expression cannot be read at position {position + 1}: {name}() takes {wanted} arguments.",
                code="value",
            )
        of = self.code(source) if source is not None else _THIS
        if function.of_type:
            named = type_name(arguments[0])
            if named is None:
                raise BadRequest(f"The argument of {name}() is the name of a type.", code="value")
            return typing_of.tested(name, of.items, named)
        turned: tuple[bool, ...] = ()
        if function.turns:
            turned = tuple(type(argument) is Sign and argument.operator == "-" for argument in arguments)
            arguments = tuple(argument.operand if type(argument) is Sign else argument for argument in arguments)
        self._inside += function.each
        codes = tuple(self.code(argument) for argument in arguments)
        self._inside -= function.each
        return function.build(Arguments(name, of, codes, turned, 1 + sum(map(size, arguments)) // 4))

    def _operation(self, operator: str, operands: tuple[Tree, ...]) -> Code:
        codes = [self.code(operand) for operand in operands]
        if operator in _LOGIC:
            return giving_truth(_LOGIC[operator]([code.truth for code in codes]))
        if operator == "|":
            return giving_items(_union([code.items for code in codes]), "|")
        left, right = codes[0].items, codes[1].items
        if operator in ("=", "!="):
            constant = operands[1].items if type(operands[1]) is Literal else []
            if len(constant) == 1 and type(constant[0]) is str:
                return giving_truth(_equals_text(left, constant[0], operator == "="))
            return giving_truth(_equals(left, right, operator == "="))
        if operator in ORDERS:
            return giving_truth(lambda env, this: ordered(env, operator, left(env, this), right(env, this)))
        if operator in ("~", "!~"):
            wanted = operator == "~"
            return giving_truth(lambda env, this: equivalent(env, left(env, this), right(env, this)) is wanted)
        if operator in ("in", "contains"):
            needle, among = (0, 1) if operator == "in" else (1, 0)
            key = None
            if self._inside and not depends_on_this(operands[among]):
                key = ("in", repr(operands[among]))
            return giving_truth(_is_in(codes[needle].items, codes[among].items, operator, key))
        return giving_items(arithmetic.operation(operator, left, right), operator)


def _remembering(items: Items, key: int) -> Code:
    def remembered(env: Evaluation, this: Collection) -> Collection:
        found = env.memory.get(key)
        if found is None:
            found = env.memory[key] = items(env, this)
        return found

    return giving_items(remembered, "the expression")


_THIS = giving_items(lambda env, this: this, "$this")
_SPECIAL = {
    "$this": _THIS,
    "$index": giving_items(lambda env, this: [env.index], "$index"),
    "$total": giving_items(lambda env, this: env.total, "$total"),
}


def _members(source: Items, name: str) -> Items:
    def members(env: Evaluation, this: Collection) -> Collection:
        found: Collection = []
        within = source(env, this)
        for item in within:
            if type(item) is Node:
                add_named(item, name, found)
            elif name in ("name", "namespace", "baseType"):
                found += typing_of.member(item, name)
        if len(within) + len(found) > _FEW:
            env.spend(len(within) + len(found))
        return found

    return members


def _first_name(name: str) -> Items:
    """At the beginning of a path the name of the type that $this has stands for $this: Patient.name."""

    return lambda env, this: [item for item in this if type(item) is Node and name in item.shape.lineage]


def _item(source: Items, number: Items) -> Code:
    def item(env: Evaluation, this: Collection) -> Collection:
        found, index = source(env, this), whole(number(env, this), "[]")
        return [found[index]] if index is not None and 0 <= index < len(found) else EMPTY

    return giving_items(item, "[]")


def _union(parts: list[Items]) -> Items:
    def union(env: Evaluation, this: Collection) -> Collection:
        found: Collection = []
        for part in parts:
            more = part(env, this)
            env.spend(len(more))
            found += more
        return distinct(env, found)

    return union


def _equals(left: Items, right: Items, wanted: bool) -> Truth:
    def equals(env: Evaluation, this: Collection) -> bool | None:
        same = equal(env, left(env, this), right(env, this))
        return same if wanted or same is None else not same

    return equals


def _equals_text(left: Items, text: str, wanted: bool) -> Truth:
    def equals(env: Evaluation, this: Collection) -> bool | None:
        found = left(env, this)
        if not found:
            return None
        if len(found) > 1:
            return not wanted
        value = plain(found[0])
        if type(value) is str:
            return (value == text) is wanted
        same = equal_items(env, found[0], text)
        return same if wanted or same is None else not same

    return equals


def _is_in(needle: Items, collection: Items, operator: str, key: Any) -> Truth:
    """key: under which the collection is remembered, if it is the same for all items."""

    def is_in(env: Evaluation, this: Collection) -> bool | None:
        wanted = needle(env, this)
        if not wanted:
            return None
        if len(wanted) > 1:
            raise Unevaluable(f"{operator} looks for one item and was given {len(wanted)}.")
        known = env.memory.get(key) if key is not None else None
        if known is None:
            among = collection(env, this)
            env.spend(len(among))
            known = {identity(env, item) for item in among}
            if key is not None:
                env.memory[key] = known
        return identity(env, wanted[0]) in known

    return is_in


def _and(operands: list[Truth]) -> Truth:
    def every(env: Evaluation, this: Collection) -> bool | None:
        known = True
        for operand in operands:
            value = operand(env, this)
            if value is False:
                return False
            known = known and value is not None
        return True if known else None

    return every


def _or(operands: list[Truth]) -> Truth:
    def some(env: Evaluation, this: Collection) -> bool | None:
        known = True
        for operand in operands:
            value = operand(env, this)
            if value is True:
                return True
            known = known and value is not None
        return False if known else None

    return some


def _xor(operands: list[Truth]) -> Truth:
    left, right = operands

    def either(env: Evaluation, this: Collection) -> bool | None:
        one, other = left(env, this), right(env, this)
        return None if one is None or other is None else one is not other

    return either


def _implies(operands: list[Truth]) -> Truth:
    left, right = operands

    def implied(env: Evaluation, this: Collection) -> bool | None:
        condition = left(env, this)
        if condition is False:
            return True
        value = right(env, this)
        return value if condition or value is True else None

    return implied


_LOGIC = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}
