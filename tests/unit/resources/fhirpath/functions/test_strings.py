"""https://hl7.org/fhirpath/N1/#string-manipulation"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.fhirpath import Unevaluable

from ..asking import ask


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("'abcabc'.indexOf('c')", [2]), ("'abcabc'.lastIndexOf('c')", [5]), ("'abc'.indexOf('x')", [-1]),
        ("'abc'.substring(1)", ["bc"]),
        ("'abc'.substring(1, 1)", ["b"]), ("'abc'.substring(3)", []), ("'abc'.substring(-1)", []),
        ("'abc'.substring(0, -1)", [""]),
        ("'abc'.startsWith('')", [True]), ("'abc'.endsWith('bc')", [True]), ("'abc'.contains('d')", [False]),
        ("'aé'.upper()", ["AÉ"]),
        ("'AÉ'.lower()", ["aé"]), ("'aba'.replace('a', 'x')", ["xbx"]), ("'ab'.replace('', 'x')", ["xaxbx"]),
        ("'ab'.matches('A')", [False]),
        ("'ab'.matches('a.')", [True]), ("'ab'.matchesFull('a')", [False]),
        ("'ab'.replaceMatches('[ab]', '-')", ["--"]), ("'a😀'.length()", [2]),
        ("'ab'.toChars()", ["a", "b"]), ("' a '.trim()", ["a"]), ("'a,b'.split(',')", ["a", "b"]),
        ("('a' | 'b').join('-')", ["a-b"]),
        ("('a' | 'b').join()", ["ab"]), ("{}.join(',')", []), ("'a'.encode('hex')", ["61"]),
        ("'é'.encode('base64')", ["w6k="]),
        ("'zz'.decode('hex')", []), ("'*'.decode('base64')", []), ("'a'.encode('x')", []), ("'a'.decode('x')", []),
        ("'<'.escape('html')", ["&lt;"]),
        ("'\\\"'.escape('json')", ['\\"']), ("'&lt;'.unescape('html')", ["<"]),
        ("'\\\\u0041\\\\n'.unescape('json')", ["A\n"]),
        ("'a'.escape('x')", []), ("'a'.unescape('x')", []), ("name[0].family.upper()", ["CHALMERS"]),
        ("birthDate.toString().substring(0, 4)", ["1974"]),
    ],
)  # fmt: skip
def test_strings(text: str, values: list[Any]) -> None:
    assert ask(text) == values


@pytest.mark.parametrize(
    "text", ["1.upper()", "name[0].length()", "'a'.contains(1)", "(1 | 2).join(',')", "birthDate.length()"]
)
def test_only_strings_have_them(text: str) -> None:
    with pytest.raises(Unevaluable, match="string"):
        ask(text)


@given(st.text(), st.sampled_from(["hex", "base64", "urlbase64"]))
def test_what_is_encoded_is_decoded(said: str, form: str) -> None:
    try:
        said.encode()
    except UnicodeEncodeError:
        return
    assert ask("%said.encode(%form).decode(%form)", said=said, form=form) == [said]


@given(st.text(alphabet="ab,", max_size=20))
def test_what_is_split_is_joined(said: str) -> None:
    assert ask("%said.split(',').join(',')", said=said) == [said]


def test_strings_do_not_grow_without_bound() -> None:
    for text in (
        "%said.replace('', %said)",
        "%said & %said",
        "(%said).combine(%said).join(',')",
        "%said.replaceMatches('a', %said)",
    ):
        with pytest.raises(Unevaluable):
            ask(text, said="a" * 600_000 if "&" in text or "join" in text else "a" * 2_000)
