"""Expressions that cannot be evaluated on the data."""

from __future__ import annotations

import pytest

from resources.fhirpath import Unevaluable
from resources.outcome import BadRequest

from .asking import ask


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name.single()", "single()"), ("name.given.length()", "length()"), ("(1 | 2) + 1", r"\+"), ("1 < 'a'", "<"),
        ("name.startsWith('a')", "startsWith()"), ("name.is(HumanName)", "is"), ("name.as(Nothing)", "Nothing"),
        ("%nothing", "%nothing"), ("name and true", "name"), ("(1|2) in (1|2)", "in"), ("1 & 2", "&"),
        ("(true | 'a').allTrue()", "allTrue()"), ("-'a'", "-"), ("'a'.abs()", "abs()"), ("1.round(-1)", "round()"),
        ("name[active]", r"\[\]"), ("'a'.substring('b')", "substring()"), ("'a'.matches('(')", "regular expression"),
    ],
)  # fmt: skip
def test_the_error_says_what_could_not_be_done(text: str, names: str) -> None:
    with pytest.raises(Unevaluable, match=names.replace("(", r"\(").replace(")", r"\)")) as refused:
        ask(text)
    assert refused.value.status == BadRequest.status
    assert refused.value.issues[0].code == "processing"
