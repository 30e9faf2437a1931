"""Words of texts and of what is looked for in them: case, accents and punctuation do not count.

Ideographs and kana are words of one character each, because such text has no spaces: what is looked for must then have
all of them, in any order.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9]+")  # words of ASCII text in lower case
# Letters that Unicode does not take apart, as people type them who do not have them on their keyboard.
_SPELT: Final = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
_SINGLE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


class _Folding(dict[int, str]):
    """What becomes of a character in text that is taken apart (NFKD) and casefolded; found out once for each."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        kind = unicodedata.category(character)
        if unicodedata.combining(character):  # accents; vowel signs of Indian scripts are no such thing and stay
            folded = ""
        elif _SINGLE.match(character):
            folded = f" {character} "
        elif character.isalnum() or kind[0] == "M":
            folded = _SPELT.get(character, character)
        else:
            folded = "" if kind == "Cf" else " "  # soft hyphens and marks of direction are not seen
        self[point] = folded
        return folded


_FOLDING: Final = _Folding()


def words(text: str) -> list[str]:
    """The words of a text, folded, in their order; one may occur twice."""
    if text.isascii():
        return _PLAIN.findall(text.lower())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return apart.translate(_FOLDING).split()
