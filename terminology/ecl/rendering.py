"""Expressions written in the brief syntax: `parse(render(x)) == x`."""

from __future__ import annotations

from .syntax import (
    Acceptability,
    AlternateIdentifier,
    Attribute,
    Cardinality,
    Compound,
    Concept,
    Concepts,
    DialectConcepts,
    Dialects,
    Dotted,
    Expression,
    Filter,
    Group,
    History,
    Junction,
    Number,
    Refined,
    Refinement,
    SearchTerm,
    SubExpression,
    Terms,
    Times,
    Truth,
    Wildcard,
    Words,
)


def render(expression: Expression) -> str:
    """The text of an expression, in the brief syntax."""
    match expression:
        case SubExpression():
            return _sub(expression)
        case Compound(operator, operands):
            return f" {operator} ".join(map(_sub, operands))
        case Dotted(of, attributes):
            return " . ".join(map(_sub, (of, *attributes)))
        case Refined(of, refinement):
            return f"{_sub(of)} : {_refinement(refinement)}"


def _sub(one: SubExpression) -> str:
    out = f"{one.operator} " if one.operator else ""
    if one.member_of is not None:
        out += f"^ [{', '.join(one.member_of.fields)}] " if one.member_of.fields else "^ "
    out += _focus(one.focus)
    for filters in one.filters:
        out += f" {{{{ {filters.kind} {', '.join(map(_filter, filters.all_of))} }}}}"
    return out + (_history(one.history) if one.history else "")


def _focus(focus: Concept | Wildcard | AlternateIdentifier | Expression) -> str:
    match focus:
        case Concept():
            return _concept(focus)
        case Wildcard():
            return "*"
        case AlternateIdentifier(scheme, code, term):
            return f'"{scheme}#{code}"' + _term(term)
        case _:
            return f"({render(focus)})"


def _concept(concept: Concept) -> str:
    return concept.code + _term(concept.term)


def _term(term: str) -> str:
    return f" |{term}|" if term else ""


def _history(history: History) -> str:
    profile = f"-{history.profile}" if history.profile else ""
    subset = f" ({render(history.subset)})" if history.subset else ""
    return f" {{{{ + HISTORY{profile}{subset} }}}}"


def _filter(one: Filter) -> str:
    return f"{one.keyword} {one.comparison} {_value(one.value)}"


def _value(
    value: SubExpression | Number | Terms | Truth | Times | Words | Concepts | Dialects | DialectConcepts,
) -> str:
    match value:
        case SubExpression():
            return _sub(value)
        case Number(text):
            return f"#{text}"
        case Truth(truth):
            return "true" if truth else "false"
        case Terms(any_of):
            return _listed([_search_term(one) for one in any_of])
        case Times(any_of):
            return _listed([f'"{one}"' for one in any_of])
        case Words(any_of):
            return _listed(list(any_of))
        case Concepts(any_of):
            return f"({' '.join(map(_concept, any_of))})"
        case DialectConcepts(expression, acceptability):
            return _sub(expression) + _acceptability(acceptability)
        case Dialects(dialects, acceptability, bracketed):
            each = " ".join(_focus_name(one.name) + _acceptability(one.acceptability) for one in dialects)
            return (f"({each})" if bracketed else each) + _acceptability(acceptability)


def _focus_name(name: str | Concept) -> str:
    return name if isinstance(name, str) else _concept(name)


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({' '.join(texts)})"


def _search_term(one: SearchTerm) -> str:
    return f'{one.kind}:"{one.text}"' if one.kind else f'"{one.text}"'


def _acceptability(one: Acceptability | None) -> str:
    if one is None:
        return ""
    return f" ({' '.join([*one.words, *map(_concept, one.concepts)])})"


def _refinement(refinement: Refinement) -> str:
    match refinement:
        case Attribute():
            return _attribute(refinement)
        case Group(attributes, cardinality):
            return f"{_cardinality(cardinality)}{{ {_refinement(attributes)} }}"
        case Junction(operator, parts):
            return f" {operator} ".join(
                f"({_refinement(part)})" if isinstance(part, Junction) else _refinement(part) for part in parts
            )


def _attribute(one: Attribute) -> str:
    reverse = "R " if one.reverse else ""
    return f"{_cardinality(one.cardinality)}{reverse}{_sub(one.name)} {one.comparison} {_value(one.value)}"


def _cardinality(one: Cardinality | None) -> str:
    return f"[{one.least}..{'*' if one.most is None else one.most}] " if one else ""
