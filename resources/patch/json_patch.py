"""JSON Patch (RFC 6902) on an exact tree: add, remove, replace, move, copy and test, in order, all or none.

Paths are JSON Pointers (RFC 6901) and see the JSON as it is sent, so they reach `_birthDate` too.
https://hl7.org/fhir/R4/http.html#patch, https://www.rfc-editor.org/rfc/rfc6902
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NoReturn

import jsonpatch

from .. import exact
from ..outcome import BadRequest, TooLarge, Unprocessable
from ..validation.primitives import quoted
from .limits import LARGEST, MOST_OPERATIONS, Clock, copied, refuse_depth

_OPERATIONS: Final = {
    "add": jsonpatch.AddOperation,
    "remove": jsonpatch.RemoveOperation,
    "replace": jsonpatch.ReplaceOperation,
    "move": jsonpatch.MoveOperation,
    "copy": jsonpatch.CopyOperation,
}
_HAVE_VALUE: Final = ("add", "replace", "test")
_HAVE_FROM: Final = ("move", "copy")

_is_name: Final = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})", re.ASCII).fullmatch
_is_index: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII).fullmatch


def apply(tree: dict[str, Any], operations: Any) -> Any:
    """The document that the operations make of the tree, which stays as it is; any JSON value.

    Raises BadRequest (400: what cannot be done, by operation number from 0 and path), Unprocessable (422: a test
    failed), TooLarge (413: too many operations, or copies of copies), TooCostly (403)."""
    if not isinstance(operations, list):
        raise BadRequest("A JSON Patch is an array of operations.", code="structure")
    if len(operations) > MOST_OPERATIONS:
        raise TooLarge(f"The patch has {len(operations)} operations; {MOST_OPERATIONS} are the most.")
    document: Any = copied(tree)
    work, clock = len(exact.encode(tree)), Clock("The patch")
    for number, given in enumerate(operations):
        clock.check()
        operation = _Operation(number, given, tree.get("resourceType"))
        if operation.op in _HAVE_FROM:
            # Counted before it is done: each copy may double the document.
            work += len(exact.encode(operation.existing(document, "from")))
            if work > 2 * LARGEST:
                most = f"all that a patch copies and moves is {LARGEST} bytes at most"
                raise TooLarge(f"Operation {number} of the patch handles too much: {most}.")
        document = operation.apply(document)
    return document


class _Operation:
    """One operation, whose form is checked when it is made."""

    def __init__(self, number: int, given: Any, resource_type: Any) -> None:
        self._number = number
        self._root = resource_type if isinstance(resource_type, str) else ""
        self._pointers: dict[str, jsonpatch.JsonPointer] = {}
        if not isinstance(given, dict):
            self._refuse("is not an object")
        self._given = given
        op = given.get("op")
        if not isinstance(op, str) or (op not in _OPERATIONS and op != "test"):
            shown = quoted(op) if isinstance(op, str) else "no string" if "op" in given else "missing"
            self._refuse(f"has an op that is {shown}; it is one of {', '.join((*_OPERATIONS, 'test'))}")
        self.op: str = op
        for member in ("path", *(["from"] if op in _HAVE_FROM else [])):
            self._pointers[member] = self._pointer(member)
        if op in _HAVE_VALUE and "value" not in given:
            self._refuse("has no value", code="required")

    def apply(self, document: Any) -> Any:
        """The document after the operation, changed in place unless the operation replaces it whole."""
        if self.op == "test":
            self._test(document)
            return document
        if self.op in _HAVE_FROM:
            self.existing(document, "from")
        if self.op in ("remove", "replace"):
            self.existing(document, "path")
        if self.op == "remove" and not self._pointers["path"].parts:
            self._refuse("removes the whole resource; DELETE does that")
        self._room(document)
        # A value of its own for the document: later operations change what this one brought.
        plain = {name: self._given[name] for name in ("op", "path", "from") if name in self._given}
        if self.op in _HAVE_VALUE:
            plain["value"] = copied(self._given["value"])
        try:
            return _OPERATIONS[self.op](plain).apply(document)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, IndexError):
            self._refuse(f"cannot {self.op} there")

    def existing(self, document: Any, member: str) -> Any:
        """The value that a pointer of the operation leads to, which must be there."""
        return self._walk(document, member, self._pointers[member].parts)

    def _walk(self, document: Any, member: str, parts: list[str]) -> Any:
        for depth, part in enumerate(parts):
            at = "".join("/" + one.replace("~", "~0").replace("/", "~1") for one in parts[: depth + 1])
            if isinstance(document, dict):
                if part not in document:
                    self._refuse(f"has a {member} that does not exist: there is nothing at {quoted(at)}", member)
                document = document[part]
            elif isinstance(document, list):
                if not _is_index(part):
                    what = "names the end of an array, where nothing is" if part == "-" else "is no index of an array"
                    self._refuse(f"has a {member} of which {quoted(at)} {what}", member)
                if int(part) >= len(document):
                    there = f"the array has {len(document)} items"
                    self._refuse(f"has a {member} that does not exist: {quoted(at)} is out of range, {there}", member)
                document = document[int(part)]
            else:
                self._refuse(f"has a {member} that goes on below a value that has no members, at {quoted(at)}", member)
        return document

    def _room(self, document: Any) -> None:
        """Refuses a place that cannot take what is put there: what holds it must exist, an index lie in the array."""
        parts = self._pointers["path"].parts
        if self.op not in ("add", "move", "copy") or not parts:
            return
        holder, last = self._walk(document, "path", parts[:-1]), parts[-1]
        if self.op == "move":
            self._refuse_to_move_into_itself()
        if isinstance(holder, list):
            if last != "-" and not _is_index(last):
                self._refuse(f"has a path that ends in {quoted(last)}, which is no index of an array", "path")
            if last != "-" and int(last) > len(holder) - self._leaves(parts):
                self._refuse(f"has a path that is out of range: the array has {len(holder)} items", "path")
        elif not isinstance(holder, dict):
            self._refuse("has a path that goes on below a value that has no members", "path")
        value = self._given["value"] if self.op == "add" else self.existing(document, "from")
        refuse_depth(value, len(parts), f"Operation {self._number} of the patch")

    def _leaves(self, parts: list[str]) -> int:
        """1 if a move takes its value out of the array that it puts it into."""
        return int(self.op == "move" and self._pointers["from"].parts[:-1] == parts[:-1])

    def _refuse_to_move_into_itself(self) -> None:
        source, target = self._pointers["from"].parts, self._pointers["path"].parts
        if source == target[: len(source)] and len(source) < len(target):
            self._refuse("moves a value into itself", "path")

    def _test(self, document: Any) -> None:
        expected = self._given["value"]
        try:
            found = self.existing(document, "path")
        except BadRequest as missing:
            # RFC 6902, 4.6: the target must be equal, so a test of what is not there fails.
            [issue] = missing.issues
            raise Unprocessable(issue.diagnostics, expression=issue.expression) from None
        if not equal(found, expected):
            where = quoted(self._given["path"])
            text = (
                f"Operation {self._number} of the patch, test: the value at {where} is not the one that was expected."
            )
            raise Unprocessable(text, expression=self._expression("path"))

    def _pointer(self, member: str) -> jsonpatch.JsonPointer:
        text = self._given.get(member)
        if not isinstance(text, str):
            self._refuse(f"has no {member}" if member not in self._given else f"has a {member} that is no string")
        if text.count("/") > exact.LEVELS:
            self._refuse(f"has a {member} that leads more than {exact.LEVELS} levels deep")
        try:
            return jsonpatch.JsonPointer(text)
        except jsonpatch.JsonPointerException:
            why = "a JSON Pointer is empty or begins with /, and ~ stands before 0 or 1 only"
            self._refuse(f"has a {member} {quoted(text)} that is no JSON Pointer: {why}")

    def _refuse(self, why: str, member: str = "", code: str = "invalid") -> NoReturn:
        given = getattr(self, "_given", {})
        op, path = (given.get(name) for name in ("op", "path"))
        shown = [op[:20]] if isinstance(op, str) else []
        shown += [f"path {quoted(path)}"] if isinstance(path, str) else []
        what = f" ({', '.join(shown)})" if shown else ""
        expression = self._expression(member)
        raise BadRequest(f"Operation {self._number} of the patch{what} {why}.", code=code, expression=expression)

    def _expression(self, member: str) -> list[str]:
        """The place as FHIRPath, if it is a plain one: /name/0/_given/1 → Patient.name[0].given[1]."""
        if member not in self._pointers or not self._root:
            return []
        path = self._root
        for part in self._pointers[member].parts:
            if named := _is_name(part):
                path += "." + named[1]
            elif _is_index(part):
                path += f"[{part}]"
            else:
                break
        return [path]


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: numbers by what they are worth, true is not 1. RFC 6902, 4.6"""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(equal(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(equal, one, other))
    if type(one) in (int, Decimal):
        return type(other) in (int, Decimal) and bool(one == other)
    return type(one) is type(other) and bool(one == other)
