"""From the text of an expression to its syntax tree: a Pratt parser. https://hl7.org/fhirpath/N1/#grammar"""

from __future__ import annotations

from decimal import Decimal

from ..exact import DIGITS
from ..outcome import BadRequest
from .lexer import Token, refusal, tokens
from .moments import read_literal
from .quantities import CALENDAR, Quantity
from .syntax import Call, Item, Literal, Name, Operation, Sign, Special, Tree, TypeTest, Variable, parts, type_name

DEEPEST = 100  # levels of the tree; chains of `and`, `or` and `|` are one level
_NESTED = 60  # brackets within brackets, each of which costs the parser several levels of Python

_POWERS = {
    "implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4,
    "=": 5, "~": 5, "!=": 5, "!~": 5, ">": 6, "<": 6, ">=": 6, "<=": 6,
    "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9, "*": 10, "/": 10, "div": 10, "mod": 10,
}  # fmt: skip
_SIGN = 11
_FLAT = {"and", "or", "|"}  # associative: a chain is one operation
_RESERVED = {"and", "or", "xor", "implies", "div", "mod", "true", "false"}


def parse(text: str) -> Tree:
    """The syntax tree; raises BadRequest (code "value") with the position in the text."""
    parser = _Parser(text)
    tree = parser.expression(0)
    if parser.token.kind != "end":
        raise parser.refusal("an operator or the end is expected")
    if _is_too_deep(tree):
        raise BadRequest(f"The FHIRPath expression is nested more than {DEEPEST} levels deep.", code="value")
    return tree


def _is_too_deep(tree: Tree) -> bool:
    level: list[Tree] = [tree]
    for _ in range(DEEPEST):
        level = [part for one in level for part in parts(one)]
        if not level:
            return False
    return True


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._nested = 0
        self.token = self._tokens[0]

    def refusal(self, reason: str) -> BadRequest:
        return refusal(self._text, self.token.position, reason)

    def _take(self) -> Token:
        taken = self.token
        self._next += 1
        self.token = self._tokens[min(self._next, len(self._tokens) - 1)]
        return taken

    def _is(self, *symbols: str) -> bool:
        return self.token.kind == "symbol" and self.token.text in symbols

    def _expect(self, symbol: str) -> None:
        if not self._is(symbol):
            raise self.refusal(f"{symbol!r} is expected")
        self._take()

    def expression(self, power: int) -> Tree:
        """An expression of operators that bind more strongly than `power`."""
        self._nested += 1
        if self._nested > _NESTED:
            raise self.refusal(f"brackets and signs are nested more than {_NESTED} levels deep")
        if self._is("+", "-"):
            left: Tree = Sign(self._take().text, self.expression(_SIGN - 1))
        else:
            left = self._path()
        while self.token.kind in ("symbol", "name"):
            operator = self.token.text
            strength = _POWERS.get(operator, 0)
            if strength <= power:
                break
            self._take()
            if operator in ("is", "as"):
                left = TypeTest(operator, left, self._type())
                continue
            right = self.expression(strength)
            if operator in _FLAT and type(left) is Operation and left.operator == operator:
                left = Operation(operator, (*left.operands, right))
            else:
                left = Operation(operator, (left, right))
        self._nested -= 1
        return left

    def _path(self) -> Tree:
        """A term and what is asked of it with dots and indexes."""
        tree = self._term()
        while True:
            if self._is("."):
                self._take()
                tree = self._asked_of(tree)
            elif self._is("["):
                self._take()
                tree = Item(tree, self.expression(0))
                self._expect("]")
            else:
                return tree

    def _term(self) -> Tree:
        token = self.token
        match token.kind:
            case "string":
                return Literal([self._take().text])
            case "number":
                return self._number()
            case "moment":
                self._take()
                moment = read_literal(token.text)
                if moment is None:
                    raise refusal(self._text, token.position, "there is no such date or time")
                return Literal([moment])
            case "variable":
                return Variable(self._take().text)
            case "name" if token.text in ("true", "false"):
                return Literal([self._take().text == "true"])
            case "name" | "quoted":
                return self._asked_of(None)
            case "symbol" if token.text in ("$this", "$index", "$total"):
                return Special(self._take().text)
        if self._is("("):
            self._take()
            tree = self.expression(0)
            self._expect(")")
            # A chain in brackets stays an operation of its own: (a | b) | c and a | (b | c) mean the same.
            return tree
        if self._is("{"):
            self._take()
            self._expect("}")
            return Literal([])
        raise self.refusal("a value, a name or an opening bracket is expected")

    def _number(self) -> Tree:
        if len(self.token.text) > DIGITS:
            raise self.refusal(f"a number has at most {DIGITS} digits")
        text = self._take().text
        unit = None
        if self.token.kind == "string":
            unit = self._take().text
        elif self.token.kind == "name" and self.token.text in CALENDAR:
            unit = CALENDAR[self._take().text]
        if unit is not None:
            return Literal([Quantity(Decimal(text), unit)])
        return Literal([Decimal(text) if "." in text else int(text)])

    def _asked_of(self, source: Tree | None) -> Tree:
        """A member or a function."""
        token = self.token
        if token.kind not in ("name", "quoted") or (token.kind == "name" and token.text in _RESERVED):
            raise self.refusal("a name is expected")
        self._take()
        if not self._is("("):
            return Name(source, token.text)
        self._take()
        arguments: list[Tree] = []
        while not self._is(")"):
            if arguments:
                self._expect(",")
            arguments.append(self.expression(0))
        self._take()
        return Call(source, token.text, tuple(arguments), token.position)

    def _type(self) -> str:
        position = self.token.position
        if self.token.kind not in ("name", "quoted"):
            raise self.refusal("the name of a type is expected")
        tree: Tree = Name(None, self._take().text)
        while self._is(".") and self._tokens[min(self._next + 1, len(self._tokens) - 1)].kind in ("name", "quoted"):
            if type_name(tree) not in ("FHIR", "System"):
                break
            self._take()
            tree = Name(tree, self._take().text)
        name = type_name(tree)
        if name is None:
            raise refusal(self._text, position, "the name of a type is expected")
        return name
