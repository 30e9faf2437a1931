"""Expressions of the Expression Constraint Language as values: what the parser makes, the evaluator asks, `render` writes.

Brackets that decide something are in the shape of the tree; others are not kept. Spelling (comments, white space, words
for signs) is not kept either. https://docs.snomed.org/snomed-ct-specifications/snomed-ct-expression-constraint-language
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

# Operators on the hierarchy, by their signs; the longest come first, so that a reader may try them in this order.
OPERATORS: Final = ("<<!", ">>!", "!!>", "!!<", "<<", ">>", "<!", ">!", "<", ">")


class Concept(Struct, frozen=True):
    """A concept by its identifier."""

    code: str
    term: str = ""  # as it was written; means nothing


class Wildcard(Struct, frozen=True):
    """`*`: any concept."""


class AlternateIdentifier(Struct, frozen=True):
    """A concept by the code that another scheme has for it: `LOINC#54486-6`."""

    scheme: str
    code: str
    term: str = ""


class MemberOf(Struct, frozen=True):
    """`^`: the members of reference sets, or what the fields of their rows name."""

    fields: tuple[str, ...] = ()  # none: referencedComponentId; ("*",): all


class SearchTerm(Struct, frozen=True):
    """A text that is looked for."""

    text: str  # as it stands between the quotation marks, escapes and all
    kind: str = ""  # match | wild; "" if it was not said


class Number(Struct, frozen=True):
    text: str  # as it was written, without #


class Terms(Struct, frozen=True):
    """Texts of which one has to match."""

    any_of: tuple[SearchTerm, ...]


class Times(Struct, frozen=True):
    """Dates, of which one has to match."""

    any_of: tuple[str, ...]  # YYYYMMDD; "" for none


class Words(Struct, frozen=True):
    """Keywords, language codes or identifiers of descriptions, of which one has to match."""

    any_of: tuple[str, ...]  # keywords in their short form and small letters


class Concepts(Struct, frozen=True):
    """Concepts in brackets, of which one has to match: at least two."""

    any_of: tuple[Concept, ...]


class Truth(Struct, frozen=True):
    value: bool


class Acceptability(Struct, frozen=True):
    """What a description has to be in a dialect: either of the words `accept` and `prefer`, or concepts."""

    words: tuple[str, ...] = ()
    concepts: tuple[Concept, ...] = ()


class Dialect(Struct, frozen=True):
    """A dialect by its alias or by its language reference set."""

    name: str | Concept
    acceptability: Acceptability | None = None


class Dialects(Struct, frozen=True):
    """Dialects, of which one has to match."""

    any_of: tuple[Dialect, ...]
    acceptability: Acceptability | None = None  # of those that have none of their own
    bracketed: bool = True  # one alias stands without brackets


class DialectConcepts(Struct, frozen=True):
    """Language reference sets that an expression selects."""

    expression: SubExpression
    acceptability: Acceptability | None = None


class Filter(Struct, frozen=True):
    """One condition within a filter."""

    keyword: str  # term, typeId, active … as the grammar spells it; or the field of a reference set
    comparison: str  # = != < <= > >=
    value: Terms | Times | Words | Concepts | Truth | Number | Dialects | DialectConcepts | SubExpression


class Filters(Struct, frozen=True):
    """`{{ … }}`: conditions that one description, concept or member must meet all of."""

    kind: str  # D | C | M
    all_of: tuple[Filter, ...]


class History(Struct, frozen=True):
    """`{{ + HISTORY }}`: also the inactive concepts that were replaced by what was found."""

    profile: str = ""  # MIN | MOD | MAX; "" for none
    subset: Expression | None = None  # the reference sets of associations that count


class SubExpression(Struct, frozen=True):
    """The smallest expression: a focus, with what is applied to it from the inside to the outside."""

    focus: Concept | Wildcard | AlternateIdentifier | Expression  # an expression stands in brackets
    operator: str = ""  # one of OPERATORS
    member_of: MemberOf | None = None
    filters: tuple[Filters, ...] = ()  # those of members first
    history: History | None = None


class Compound(Struct, frozen=True):
    """Two or more expressions joined by one operator."""

    operator: str  # AND | OR | MINUS; MINUS has two operands
    operands: tuple[SubExpression, ...]


class Dotted(Struct, frozen=True):
    """The values of attributes, one attribute after the other."""

    of: SubExpression
    attributes: tuple[SubExpression, ...]


class Cardinality(Struct, frozen=True):
    least: int
    most: int | None  # None: many


class Attribute(Struct, frozen=True):
    """An attribute with one of its values."""

    name: SubExpression
    comparison: str
    value: SubExpression | Number | Terms | Truth
    cardinality: Cardinality | None = None  # None: [1..*]
    reverse: bool = False


class Group(Struct, frozen=True):
    """Attributes that stand in one role group."""

    attributes: Attribute | Junction  # without groups
    cardinality: Cardinality | None = None  # None: [1..*]


class Junction(Struct, frozen=True):
    """Two or more refinements joined by one operator."""

    operator: str  # AND | OR
    parts: tuple[Attribute | Group | Junction, ...]


class Refined(Struct, frozen=True):
    """What an expression selects, as far as its attributes are these."""

    of: SubExpression
    refinement: Attribute | Group | Junction


Expression = SubExpression | Compound | Dotted | Refined
Refinement = Attribute | Group | Junction
