"""The grammar of `_filter`: FI-1, FI-2, FI-4."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import BadRequest
from search.filter import DEEPEST, MOST, OPERATORS, Comparison, Expression, Joined, Negation, Step, comparisons, parse


def test_a_test() -> None:
    assert parse("birthdate ge 2014-10-10") == Comparison("birthdate", "ge", "2014-10-10", 1)
    assert parse('  name  co\t"p et" ') == Comparison("name", "co", "p et", 3)
    assert parse("code eq http://loinc.org|1234-5") == Comparison("code", "eq", "http://loinc.org|1234-5", 1)


def test_fi2_a_string_is_of_json_and_a_token_ends_at_space_or_bracket() -> None:
    assert parse(r'a eq "x\"y\u00e9)]\n"') == Comparison("a", "eq", 'x"yé)]\n', 1)
    assert parse("(a eq x|y$z,1)") == Comparison("a", "eq", "x|y$z,1", 2)
    assert parse('a eq x"y') == Comparison("a", "eq", 'x"y', 1)


A, B, C = (Comparison(name, "eq", "1", 0) for name in "abc")


def plain(expression: Expression) -> Expression:
    """Without positions."""
    match expression:
        case Comparison():
            return replace(expression, position=0)
        case Step(where=where, rest=rest):
            inner = plain(rest)
            assert isinstance(inner, Comparison | Step)
            return replace(expression, where=where and plain(where), rest=inner, position=0)
        case Joined(parts=parts):
            return replace(expression, parts=tuple(map(plain, parts)))
        case Negation(expression=inner):
            return Negation(plain(inner))


TEXTS: dict[str, Expression] = {
    "a eq 1 and b eq 1 and c eq 1": Joined("and", (A, B, C)),
    "a eq 1 or b eq 1 and c eq 1": Joined("and", (Joined("or", (A, B)), C)),
    "a eq 1 and b eq 1 or c eq 1": Joined("or", (Joined("and", (A, B)), C)),
    "a eq 1 or (b eq 1 and c eq 1)": Joined("or", (A, Joined("and", (B, C)))),
    "not (a eq 1) and b eq 1": Joined("and", (Negation(A), B)),
    "not(a eq 1 or not(b eq 1))": Negation(Joined("or", (A, Negation(B)))),
    "((a eq 1))": A,
    "a.b eq 1": Step("a", None, None, B, 0),
    "a:X.b.c eq 1": Step("a", "X", None, Step("b", None, None, C, 0), 0),
    "a[b eq 1].c eq 1": Step("a", None, B, C, 0),
    "a[b eq 1 and not (c eq 1)].b[a eq 1].c eq 1": Step(
        "a", None, Joined("and", (B, Negation(C))), Step("b", None, A, C, 0), 0
    ),
    "a[b[c eq 1].c eq 1 ].c eq 1": Step("a", None, Step("b", None, C, C, 0), C, 0),
}


@pytest.mark.parametrize("text", TEXTS)
def test_fi1_no_precedence_and_left_to_right(text: str) -> None:
    assert plain(parse(text)) == TEXTS[text]


def test_names_that_begin_like_a_word_of_the_grammar() -> None:
    assert parse("notes eq and") == Comparison("notes", "eq", "and", 1)
    assert plain(parse("android eq or or order eq x")) == Joined(
        "or", (Comparison("android", "eq", "or", 0), Comparison("order", "eq", "x", 0))
    )


WRONG = {
    "": (1, "the name of a search parameter"),
    "a": (2, "white space"),
    "a ": (3, "an operator"),
    "a is 1": (3, "an operator"),
    "a eq": (5, "white space and a value"),
    "a eq ": (6, "a value"),
    "a eq )": (6, "a value"),
    'a eq "x': (6, "a value"),
    r'a eq "\x"': (6, "JSON string"),
    r'a eq "\ud800"': (6, "JSON string"),
    r'a eq "x\u0000"': (6, "JSON string without NUL"),
    "a eq 1 b eq 2": (8, "and, or, or the end"),
    "a eq 1)": (7, "and, or, or the end"),
    "a eq 1 and": (11, "the name of a search parameter"),
    "(a eq 1": (8, r"and, or, or \)"),
    "not a eq 1": (5, "an operator"),
    "a[b eq 1] eq 1": (10, "a full stop"),
    "a[b eq 1.c eq 1": (12, "and, or, or ]"),
    "a:B eq 1": (4, "a full stop"),
    "a. eq 1": (3, "the name"),
    "a eq 1 & b eq 2": (8, "and, or, or the end"),
    "(" * (DEEPEST + 2) + "a eq 1": (DEEPEST + 2, "inside one another"),
    "a." * (DEEPEST + 2) + "a eq 1": (2 * DEEPEST + 3, "steps"),
    " and ".join(["a eq 1"] * (MOST + 1)): (None, f"more than {MOST} comparisons"),
}


@pytest.mark.parametrize("text", WRONG)
def test_fi4_errors_say_where(text: str) -> None:
    position, message = WRONG[text]
    with pytest.raises(BadRequest, match=rf"^_filter: at character {position or '[0-9]+'}: .*{message}"):
        parse(text)


@given(st.text(max_size=40) | st.text(st.sampled_from('ab eq"()[].and or not \\1'), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except BadRequest:
        return
    assert list(comparisons(found))


codes = st.sampled_from(["a", "_b", "c-d"])
operators = st.sampled_from(sorted(frozenset().union(*OPERATORS.values())))
leaves = st.builds(
    Comparison, codes, operators, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), st.just(0)
)
paths = st.recursive(
    leaves, lambda rest: st.builds(Step, codes, st.sampled_from([None, "X"]), st.none(), rest, st.just(0)), max_leaves=3
)
expressions = st.recursive(
    paths,
    lambda inner: (
        st.builds(Negation, inner)
        | st.builds(Joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Step, codes, st.none(), inner, paths, st.just(0))
    ),
    max_leaves=6,
)


def written(expression: Expression) -> str:
    match expression:
        case Comparison(code=code, operator=operator, value=value):
            return f"{code} {operator} {msgspec.json.encode(value).decode()}"
        case Step(code=code, target=target, where=where, rest=rest):
            return f"{code}{f':{target}' if target else ''}{f'[{written(where)}]' if where else ''}.{written(rest)}"
        case Joined(operator=operator, parts=parts):
            return f" {operator} ".join(f"({written(part)})" for part in parts)
        case Negation(expression=inner):
            return f"not ({written(inner)})"


def flat(expression: Expression) -> Expression:
    """As it is read: what stands first and is joined alike is one with what follows."""
    match expression:
        case Joined(operator=operator, parts=parts):
            first, *others = map(flat, parts)
            begin = first.parts if isinstance(first, Joined) and first.operator == operator else (first,)
            return Joined(operator, (*begin, *others))
        case Negation(expression=inner):
            return Negation(flat(inner))
        case Step(where=where) if where:
            return replace(expression, where=flat(where))
    return expression


@given(expressions)
def test_a_filter_that_is_written_is_read_again(expression: Expression) -> None:
    assert plain(parse(written(expression))) == flat(expression)
