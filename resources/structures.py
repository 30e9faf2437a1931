"""The quick form of validation: msgspec Structs made from the definitions, which accept a valid resource in one pass.

Structs know names, cardinalities, JSON types, patterns and code lists. What a Struct cannot say (invariants, choices,
references, narratives, resources inside) is said by a Mark: a class that msgspec does not know, so that it hands the
value to us. No is never final: it only means that resources.checks has to look. What the checks refuse is never
accepted here; a few valid things, such as `_name`, are left to them. https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, ValidationError, convert, defstruct

from .bindings import MIME_TYPES, allowed_codes, ask_nobody, membership
from .definitions import Definitions
from .elements import Element, TypeRef
from .exact import encode
from .invariants import invariants
from .narrative import fault as narrative_fault
from .primitives import HIGHEST, LONGEST_STRING, LOWEST, primitive
from .references import target_type

STRING = Annotated[str, Meta(min_length=1, max_length=LONGEST_STRING)]
MIME_TYPE = Annotated[str, Meta(pattern=r"(?a)\A[\w!#$&^.+\-]+/[\w!#$&^.+\-]+\Z", max_length=LONGEST_STRING)]
NO_SUCH_DAY = r"(?!....-(?:02-(?:29|3)|(?:0[469]|11)-31))"  # 29 February is left to the checks

_OBJECT_OF_AN_ID = re.compile(rb'\{"id":"[^"]*"\}')
_DECIMALS = (Decimal,)  # msgspec would also take a string for a Decimal if this one did not come as itself


class Refused(ValueError):
    """Not accepted by the quick form."""


class Reading:
    """What is met while one resource is read and can only be judged at its end."""

    __slots__ = ("contained", "inside", "local")

    def __init__(self) -> None:
        self.local: list[tuple[str, tuple[str, ...]]] = []  # "#id" of references, and the types they may point to
        self.contained: list[Any] = []
        self.inside: list[Any] = []  # resources that stand for themselves, as in a Bundle

    def hand_over(self, mark: type[Mark], value: Any) -> Mark:
        mark.judge(value, self)
        return mark.accepted


Judge = Callable[[Any, Reading], None]  # returns if the value is accepted, raises Refused or ValidationError if not


class Mark:
    """A type that msgspec leaves to us."""

    judge: ClassVar[Judge]
    accepted: ClassVar[Mark]


def _mark(judge: Judge) -> type[Mark]:
    mark = type("Mark", (Mark,), {"judge": staticmethod(judge)})
    mark.accepted = mark()  # type: ignore[attr-defined]
    return mark


def _leave_to_the_checks(value: Any, reading: Reading) -> None:
    raise Refused


LEFT = _mark(_leave_to_the_checks)
CONTAINED = _mark(lambda value, reading: reading.contained.append(value))
INSIDE = _mark(lambda value, reading: reading.inside.append(value))


class Structs:
    """The Structs of all types, each made on first use."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._resources: dict[str, Judge] = {}
        self._types: dict[Any, Any] = {}  # key → what msgspec is told
        self._in_the_making: set[Any] = set()

    def accepts(self, tree: dict[str, Any]) -> bool:
        """Whether the resource is certainly valid. tree: as decoded by resources.exact."""
        text = encode(tree)
        # Structs let empty objects and control characters through, but the written form shows them. It may seem to show
        # one where a backslash was sent, which only costs time.
        if b"{}" in text or (b'{"id":' in text and _OBJECT_OF_AN_ID.search(text)):
            return False
        if b"\\" in text and (b"\\u" in text or b"\\b" in text or b"\\f" in text):
            return False
        try:
            waiting = [tree]
            while waiting:
                waiting += self._read(waiting.pop())
        except (ValidationError, Refused):
            return False
        return True

    def _read(self, tree: Any) -> list[Any]:
        """Reads a resource and those it contains; returns the resources inside it that stand for themselves."""
        reading = Reading()
        self._resource(tree, reading)
        for contained in tuple(reading.contained):
            self._resource(contained, reading)
            forbidden = contained.get("meta", {}).keys() & {"versionId", "lastUpdated", "security"}
            if forbidden or "contained" in contained or "id" not in contained:
                raise Refused
        if reading.local or reading.contained:
            _link(reading)
        return reading.inside

    def _resource(self, tree: Any, reading: Reading) -> None:
        resource_type = tree.get("resourceType") if type(tree) is dict else None
        if type(resource_type) is not str or not self._definitions.is_resource_type(resource_type):
            raise Refused
        if resource_type not in self._resources:
            self._resources[resource_type] = self._judge(resource_type)
        self._resources[resource_type](tree, reading)

    # objects

    def _objects(self, path: str, profiles: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> Any:
        """The type of the objects at a path: a Struct, or a Mark where a Struct is not enough or would hold itself."""
        key = (path, profiles, targets)
        if path == "Extension" and key not in self._types:
            self._types[key] = _mark(self._judge_extension())
        if key not in self._types:
            special = self._choices(path) or invariants(self._definitions.structures, path, profiles)
            if special or key in self._in_the_making:
                self._types[key] = _mark(self._judge(path, profiles, targets))
            else:
                self._in_the_making.add(key)
                self._types[key] = self._struct(path, targets)
                self._in_the_making.discard(key)
        return self._types[key]

    def _judge(self, path: str, profiles: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> Judge:
        choices = self._choices(path)
        rules = [holds for _, _, holds in invariants(self._definitions.structures, path, profiles)]
        struct: Any = None

        def judge(value: Any, reading: Reading) -> None:
            nonlocal struct
            struct = struct or self._struct(path, targets)
            convert(value, struct, dec_hook=reading.hand_over, builtin_types=_DECIMALS)
            for names, lowest in choices:
                if not lowest <= len(names & value.keys()) <= 1:
                    raise Refused
            for holds in rules:
                if not holds(value):
                    raise Refused

        return judge

    def _judge_extension(self) -> Judge:
        """One Struct for all that an extension can hold would be the largest of all: each content has its own.

        Besides its url there is exactly one thing, which is what ext-1 asks for.
        """
        _, extension, url, value = self._definitions.structures["Extension"].children["Extension"]
        parts = {one.json_name(kind): (one, kind) for one in (extension, value) for kind in one.types}
        structs: dict[str, Any] = {}

        def judge(given: Any, reading: Reading) -> None:
            content = next((name for name in given if name in parts), "") if type(given) is dict else ""
            if content not in structs:
                if not content:
                    raise Refused
                always = ("id", STRING, UNSET), ("url", self._type(url, url.types[0]))
                kind = _repeated(parts[content][0], self._type(*parts[content]))
                structs[content] = _defined(f"Extension_{content}", [*always, (content, kind)])
            convert(given, structs[content], dec_hook=reading.hand_over, builtin_types=_DECIMALS)

        return judge

    def _choices(self, path: str) -> list[tuple[frozenset[str], int]]:
        """The names of each choice among the children, and how many of them there must be at least."""
        children = self._definitions.structures[path.partition(".")[0]].children[path]
        return [(frozenset(map(child.json_name, child.types)), child.minimum) for child in children if child.choice]

    def _struct(self, path: str, targets: tuple[str, ...]) -> type[Struct]:
        structure = self._definitions.structures[path.partition(".")[0]]
        fields: list[Any] = [("resourceType", str)] if structure.kind == "resource" and path == structure.name else []
        for element in structure.children[path]:
            for name, kind in self._children(element, targets):
                required = element.minimum and not element.choice
                fields.append((name, _repeated(element, kind), *(() if required else (UNSET,))))
        return _defined(path.replace(".", "_"), fields)

    def _children(self, element: Element, targets: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        if element.content:
            yield element.name, self._objects(element.content)
        elif element.path == "Reference.reference":
            yield element.name, self._literal(targets)
        elif element.path == "Reference.type":
            yield element.name, LEFT  # has to agree with the reference beside it
        else:
            yield from ((element.json_name(one), self._type(element, one)) for one in element.types)

    def _type(self, element: Element, one: TypeRef) -> Any:
        if self._definitions.structures[one.code].kind == "primitive-type":
            return self._primitive(element, one.code)
        if one.code == "Resource":
            return CONTAINED if element.name == "contained" else INSIDE
        if one.code in ("BackboneElement", "Element"):
            return self._objects(element.path)
        return self._coded(element.binding) if element.binding else self._objects(one.code, one.profiles, one.targets)

    def _coded(self, value_set: str) -> type[Mark]:
        """A CodeableConcept whose value set is required."""
        key = ("CodeableConcept", value_set)
        if key not in self._types:
            plain = self._judge("CodeableConcept")
            ask = membership(self._definitions, value_set, ask_nobody)

            def judge(value: Any, reading: Reading) -> None:
                plain(value, reading)
                if ask(value.get("coding", ())) != "yes":
                    raise Refused

            self._types[key] = _mark(judge)
        mark: type[Mark] = self._types[key]
        return mark

    # primitives

    def _primitive(self, element: Element, code: str) -> Any:
        rules = [holds for _, _, holds in invariants(self._definitions.structures, element.path)]
        key = (code, element.binding, element.path if rules else "")
        if key not in self._types:
            self._types[key] = self._ruled(code, rules) if rules else self._bound(code, element.binding)
        return self._types[key]

    def _bound(self, code: str, value_set: str | None) -> Any:
        if value_set is None:
            return self._plain(code)
        if value_set == MIME_TYPES:
            return MIME_TYPE
        codes = allowed_codes(self._definitions, value_set)
        return Literal[tuple(sorted(codes))] if codes else LEFT

    def _plain(self, code: str) -> Any:
        if code == "boolean":
            return bool
        if code == "decimal":
            return int | Decimal
        if code in LOWEST:
            return Annotated[int, Meta(ge=LOWEST[code], le=HIGHEST)]
        if code in ("string", "markdown"):
            return STRING
        if code in ("xhtml", "base64Binary"):
            return self._ruled(code, [lambda value: code != "xhtml" or narrative_fault(value) is None])
        official = self._definitions.structures[code].pattern
        day = NO_SUCH_DAY if code in ("date", "dateTime", "instant") else ""
        return Annotated[str, Meta(pattern=rf"(?a)\A{day}(?:{official})\Z", min_length=1, max_length=LONGEST_STRING)]

    def _ruled(self, code: str, rules: list[Callable[[Any], bool]]) -> type[Mark]:
        fault = primitive(code, self._definitions.structures[code].pattern)

        def judge(value: Any, reading: Reading) -> None:
            if fault(value) or not all(holds(value) for holds in rules):
                raise Refused

        return _mark(judge)

    def _literal(self, targets: tuple[str, ...]) -> type[Mark]:
        """The text of a reference that may point to these types; () means any."""
        known = self._definitions.is_resource_type

        def judge(value: Any, reading: Reading) -> None:
            if type(value) is not str or not 0 < len(value) <= LONGEST_STRING:
                raise Refused
            if value[0] == "#":
                reading.local.append((value, targets))
            elif targets:
                resource_type, _, logical_id = value.partition("/")
                if resource_type not in targets or "/" in logical_id:  # the plain case needs no more
                    named = target_type(value, known)
                    if named and named not in targets:
                        raise Refused

        return _mark(judge)


def _defined(name: str, fields: list[Any]) -> type[Struct]:
    return defstruct(name, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _repeated(element: Element, kind: Any) -> Any:
    return Annotated[list[kind], Meta(min_length=1)] if element.many else kind


def _link(reading: Reading) -> None:
    """Every local reference leads to a contained resource of an allowed type, and every one of those is reached."""
    types = {"#" + one["id"]: one["resourceType"] for one in reading.contained}
    for text, targets in reading.local:
        if text not in types or (targets and types[text] not in targets):
            raise Refused
    if types.keys() != {text for text, _ in reading.local}:
        raise Refused
