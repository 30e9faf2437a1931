"""What is written is read as it was. TX-70"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terminology.ecl import Expression, parse, render
from terminology.ecl import syntax as s

from .expressions import Vocabulary, expressions

CODES = st.from_regex(r"[1-9][0-9]{5,17}", fullmatch=True)
TERMS = st.just("") | st.from_regex(r"[^\s|]+(?: [^\s|]+)*", fullmatch=True).filter(str.isprintable)
CODES_OF_OTHERS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"\\'), min_size=1)
ANY = Vocabulary(
    codes=CODES,
    attributes=CODES,
    concrete=CODES,
    sets=CODES,
    fields=("mapTarget", "mapGroup", "flag", "valueId"),
    words=st.from_regex(r'(?:[^\s"\\\x00-\x1f\x7f]|\\["\\]){1,6}', fullmatch=True),
    languages=st.from_regex("[a-z]{2}", fullmatch=True),
    dialects=st.from_regex("[A-Za-z][A-Za-z0-9-]{0,9}", fullmatch=True),
    identifiers=st.builds(
        s.AlternateIdentifier, st.from_regex("[A-Za-z][A-Za-z0-9-]{0,5}", fullmatch=True), CODES_OF_OTHERS, TERMS
    ),
    terms=TERMS,
    several=True,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions(ANY))
def test_round_trip(expression: Expression) -> None:
    assert parse(render(expression)) == expression
