"""The oracle's strings against the words of the specification."""

from __future__ import annotations

from typing import Any

import pytest

from tests.naive.text import plain, split, string_matches, unescape
from tests.naive.values import Refused, Value


def name(**parts: Any) -> Value:
    return Value("HumanName", parts)


QUINONES = name(family="Carreno Quinones", given=["María", "José"], prefix=["Dr."])


@pytest.mark.parametrize(
    ("stored", "modifier", "search", "found"),
    [
        # https://hl7.org/fhir/R4/search.html#string: eve, Eve, Evelyn; not Severine, which contains it
        (Value("string", "Eve"), "", "eve", True),
        (Value("string", "Evelyn"), "", "eve", True),
        (Value("string", "Severine"), "", "eve", False),
        (Value("string", "Severine"), "contains", "eve", True),
        (Value("string", "Eve"), "exact", "Eve", True),
        (Value("string", "Eve"), "exact", "eve", False),
        (Value("string", "Evelyn"), "exact", "Eve", False),
        # SR-1
        (Value("string", "Größe"), "", "GROSSE", True),
        (Value("string", "İstanbul"), "", "istanbul", True),
        (Value("string", "O'Brien-Smith"), "", "obrien  smith", True),
        (Value("string", "ﬁne"), "", "fine", True),
        (Value("string", "%"), "", "%", False),
        (Value("string", "two words"), "", "words", False),
        # SR-2
        (Value("string", "Eve"), "", " eve ", True),
        (Value("string", "Eve"), "exact", " Eve", False),
        (Value("string", "a,b"), "exact", r"a\,b", True),
        # SR-3
        (QUINONES, "", "Quinones", True),
        (QUINONES, "", "carreno qui", True),
        (QUINONES, "", "uinones", False),
        (QUINONES, "contains", "uinones", True),
        (QUINONES, "", "maria carreno", True),
        (QUINONES, "", "maria jose carreno", True),
        (QUINONES, "", "jose carreno", False),
        (QUINONES, "", "dr", True),
        (QUINONES, "exact", "María", True),
        (QUINONES, "exact", "Carreno", False),
        (name(use="official", period={"start": "2020"}), "", "official", False),
        (Value("Address", {"line": ["1 Main Street"], "city": "Ulm", "postalCode": "89073"}), "", "main", True),
        (Value("Address", {"use": "home", "city": "Ulm"}), "", "home", False),
        (Value("string", "von Beethoven", "HumanName"), "", "beet", True),
        (Value("code", "eve"), "", "eve", False),
    ],
)
def test_sr1_to_sr3(stored: Value, modifier: str, search: str, found: bool) -> None:
    assert string_matches(stored, modifier, search) is found


def test_sr4_other_scripts() -> None:
    assert plain("محمّد") == plain("محمد")
    assert string_matches(Value("string", "山田太郎"), "", "山田")


def test_se15_escapes() -> None:
    assert split(r"a,b\,c", ",") == ["a", r"b\,c"]
    assert split(r"a\\,b", ",") == [r"a\\", "b"]
    assert unescape(r"a\,\$\|\\") == "a,$|\\"
    for text in ("a\\", r"a\n"):
        with pytest.raises(Refused):
            unescape(text)
