"""https://hl7.org/fhirpath/N1/#grammar, https://hl7.org/fhirpath/N1/#precedence"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import compile
from resources.fhirpath.parser import DEEPEST, parse
from resources.fhirpath.syntax import Call, Item, Literal, Name, Operation, Sign, Special, TypeTest
from resources.outcome import BadRequest

from .asking import ask


def test_a_number_has_no_more_digits_than_one_in_json() -> None:
    parse("1" * 400)
    for text in ("1" * 5_000, "a = 0." + "1" * 400):
        with pytest.raises(BadRequest, match="digits"):
            parse(text)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("-a.b + c", "(-(a.b)) + c"),
        ("-a[0]", "-(a[0])"),
        ("1 | 2 is Integer", "1 | (2 is Integer)"),
        ("a is Patient and b", "(a is Patient) and b"),
        ("a = b > c", "a = (b > c)"),
        ("a and b or c", "(a and b) or c"),
        ("a or b implies c xor d", "(a or b) implies (c xor d)"),
        ("a in b = c", "a in (b = c)"),
        ("a - b - c", "(a - b) - c"),
        ("a & b + c", "(a & b) + c"),
        ("a | b | c", "(a | b) | c"),
        ("a implies b implies c", "(a implies b) implies c"),
    ],
)
def test_operators_bind_as_the_table_says(text: str, means: str) -> None:
    assert parse(text) == parse(means)


def test_trees() -> None:
    assert parse("Patient.name[1].where($this.use = 'a')") == Call(
        Item(Name(Name(None, "Patient"), "name"), Literal([1])), "where",
        (Operation("=", (Name(Special("$this"), "use"), Literal(["a"]))),), 16,
    )  # fmt: skip
    assert parse("-(a as FHIR.Quantity).value") == Sign(
        "-", Name(TypeTest("as", Name(None, "a"), "FHIR.Quantity"), "value")
    )
    assert parse("a and b and c and d") == Operation("and", tuple(Name(None, name) for name in "abcd"))


def test_words_of_operators_are_names_where_names_are_meant() -> None:
    assert parse("contains.is.as.in") == Name(Name(Name(Name(None, "contains"), "is"), "as"), "in")
    assert parse("a.contains('b') contains true") is not None


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1), ("a.", 3), ("a b", 3), ("(a", 3), ("a)", 2), ("a[1", 4), ("a.where(b,)", 11), ("{1}", 2), ("1 +", 4),
        ("a is 'b'", 6), ("a.1", 3), ("@2015-13", 1), ("@T25:00", 1), ("$that", 1), ("a is b.c", 7), ("and", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(BadRequest, match=rf"position {position}\b") as refused:
        compile(text)
    assert refused.value.issues[0].code == "value"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000, "(" * 4_000 + "a" + ")" * 4_000, "-" * 9_000 + "1", "a" + ".a" * 4_000, "a" + "[0]" * 3_000,
        "a" + "+a" * 4_000, "a.where(" * 1_000 + "b" + ")" * 1_000, "a" + " is A" * 1_900, "a" + " = a" * 2_000,
    ],
)  # fmt: skip
def test_deep_texts_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="nested"):
        compile(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 58 + "name" + ")" * 58,
        "name" + ".first()" * (DEEPEST - 2),
        "1" + " - 1" * (DEEPEST - 2),
        "$this.where(exists(" * 28 + "true" + "))" * 28,
        "active" + " or active" * 900,
        "1" + " | 1" * 2_000,
    ],
)
def test_texts_within_the_bounds_are_read_and_evaluated(text: str) -> None:
    assert ask(text)


SYMBOLS = "( ) [ ] { } . , + - * / & | = ~ != < > <= >= $this $index $total % $ ' @ // /*"
NAMES = "name Patient where first exists day and or xor implies in contains is as div mod true false"
OTHERS = "'a' `b` 1 2.5 @2014 @T10:30 %resource"
WORDS = st.sampled_from(f"{SYMBOLS} {NAMES} {OTHERS}".split(" "))


@given(st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=40))
def test_any_text_is_an_expression_or_a_bad_request(text: str) -> None:
    try:
        compile(text)
    except BadRequest as refused:
        said = refused
    else:
        return
    assert said.issues[0].code == "value"
