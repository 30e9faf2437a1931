"""Where an element stands in the text that was sent: line and column of what a simple FHIRPath selects.

As the official validator does, the place in JSON is where the value starts (of a primitive that has only extensions,
its `_name`), in XML where the start tag begins. Of an element that is missing it is that of the nearest one around it
that is there. Lines end with \\n or \\r\\n; both numbers count from 1, columns in characters. A text is read once for all
that is asked, in linear time and without recursion, and whatever cannot be read is passed over: a text that is refused
says itself where. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.location
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from .offsets import Place, in_json, in_xml
from .outcome import Issue

_STEP: Final = re.compile(r"\.?(?:(\w+)|`((?:[^`\\]|\\.)*)`)|\[([0-9]{1,9})\]", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Positions:
    """The places of one text: JSON or XML in UTF-8, as it was sent."""

    def __init__(self, text: bytes, is_xml: bool) -> None:
        self._text = text
        self._find = in_xml if is_xml else in_json

    def of(self, expression: str) -> tuple[int, int] | None:
        """Line and column of the element; None if not even the resource is there. Reads the text: see `all`."""
        return self.all([expression]).get(expression)

    def all(self, expressions: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Line and column of each element, in one pass: "Patient.name[0].given[1]", "Observation.value"."""
        root = Place()
        ways = {expression: _way(root, expression) for expression in expressions}
        self._find(self._text, root)
        offsets = {expression: place.nearest() for expression, place in ways.items()}
        at = dict(_lines(self._text, {offset for offset in offsets.values() if offset is not None}))
        return {expression: at[offset] for expression, offset in offsets.items() if offset is not None}


def with_locations(issues: Iterable[Issue], text: bytes, is_xml: bool, below: str = "") -> tuple[Issue, ...]:
    """The issues with the place of each of their elements in the text, "line 3, column 14", where there is one.

    below: the element of the text that the issues are about, if it is not the whole: "Parameters.parameter[1].resource".
    Those that know their place already, and those without an expression, stay as they are.
    """
    asked = [(issue, (issue.within(below) if below else issue).expression) for issue in issues]
    open_ = {one for issue, expressions in asked if not issue.location for one in expressions}
    at = Positions(text, is_xml).all(open_) if open_ else {}
    located = []
    for issue, expressions in asked:
        places = dict.fromkeys("line {}, column {}".format(*at[one]) for one in expressions if one in at)
        located.append(issue if issue.location or not issue.expression else replace(issue, location=tuple(places)))
    return tuple(located)


def _way(root: Place, expression: str) -> Place:
    """The place that the expression leads to, made with all on the way; what is no simple step ends it."""
    place, end = root, 0
    while step := _STEP.match(expression, end):
        name, delimited, index = step.groups()
        is_first, end = end == 0, step.end()
        if index is not None:
            place = place.item(int(index))
        elif expression[end : end + 1] == "(":
            break  # a function
        elif not (is_first and name and name[0].isupper()):  # the type of the resource
            place = place.child(name if name is not None else _ESCAPE.sub(_unescaped, delimited))
    return place


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _CONTROL.get(escape[2], escape[2])


def _lines(text: bytes, offsets: set[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Offset → line and column, for each; counts every byte once, so that a text of one line costs no more."""
    line, column, last = 1, 1, 3 if text.startswith(b"\xef\xbb\xbf") else 0
    for offset in sorted(offsets):
        newline = text.rfind(b"\n", last, offset)
        if newline >= 0:
            line += text.count(b"\n", last, offset)
            column, last = 1, newline + 1
        column += len(text[last:offset].decode(errors="replace"))
        last = offset
        yield offset, (line, column)
