"""The grammar of search expressions: the part of FHIRPath that the definitions of R4 use."""

from __future__ import annotations

import pytest

from resources import definitions
from search.expression import (
    And,
    At,
    Compared,
    Equals,
    Exists,
    HasExtension,
    Name,
    OfType,
    Resolves,
    Unsupported,
    parse,
    text_of,
)

A, B, C = Name("A"), Name("b"), Name("c")
PATHS = {
    "A": ((A,),),
    "A.b.c": ((A, B, C),),
    "A.b | A.c": ((A, B), (A, C)),
    "(A.b as Quantity)": ((A, B, OfType("Quantity")),),
    "A.b as Quantity | A.c": ((A, B, OfType("Quantity")), (A, C)),
    "(A.b | A.c).d": ((A, B, Name("d")), (A, C, Name("d"))),
    "(A.b as CodeableConcept).text": ((A, B, OfType("CodeableConcept"), Name("text")),),
    "A.b.as(Age)": ((A, B, OfType("Age")),),
    "A.b.ofType(Reference)": ((A, B, OfType("Reference")),),
    "A.b[0].c": ((A, B, At(0), C),),
    "A.b.where(resolve() is Patient)": ((A, B, Resolves("Patient")),),
    "A.b.where(type='depends-on').c": ((A, B, Equals("type", "depends-on"), C),),
    "A.b.where(hasExtension('http://x')).c": ((A, B, HasExtension("http://x"), C),),
    "A.extension('http://x').value": ((A, Name("extension"), Equals("url", "http://x"), Name("value")),),
    r"A.b.where(c = 'it\'s')": ((A, B, Equals("c", "it's")),),
}


@pytest.mark.parametrize("expression", PATHS)
def test_paths(expression: str) -> None:
    assert parse(expression) == PATHS[expression]


def test_booleans() -> None:
    paths = ((Name("Patient"), Name("deceased")),)
    assert parse("Patient.deceased.exists() and Patient.deceased != false") == And(
        Exists(paths), Compared(paths, False, equal=False)
    )
    assert parse("A.b = 'x'") == Compared(((A, B),), "x", equal=True)
    assert parse("(A.b.exists())") == Exists(((A, B),))


@pytest.mark.parametrize(
    "expression",
    [
        "", "A.", "A b", "A |", "A as", "A.first()", "A.where(b)", "A.where(b='x'", "A[b]", "A[0", "A.b and A.c",
        "A.exists() | A.b", "A.exists() = true", "A = 1", "A ~ B", "A.where(resolve() is 'x')", "A.extension(url)", "(A",
    ],
)  # fmt: skip
def test_what_lies_outside_the_grammar_is_refused(expression: str) -> None:
    with pytest.raises(Unsupported):
        parse(expression)


def test_every_official_expression_is_read() -> None:
    parameters = definitions.load().search_parameters
    without = [parameter.code for parameter in parameters if not parameter.expression]
    assert sorted(without) == ["_content", "_query", "_text"]
    read = [parse(parameter.expression) for parameter in parameters if parameter.expression]
    assert len(read) == 1_372
    assert sum(not isinstance(one, tuple) for one in read) == 1


def test_a_path_is_written_as_it_is_read() -> None:
    read = (parse(one.expression) for one in definitions.load().search_parameters if one.expression)
    paths = [path for one in read if isinstance(one, tuple) for path in one]
    assert len(paths) > 1_500
    for path in paths:
        assert parse(text_of(path)) == (path,)
