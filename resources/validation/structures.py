"""The quick form of validation: msgspec Structs made from the definitions, which accept a valid resource in one pass.

Structs know names, cardinalities, JSON types, patterns and code lists; choices and invariants they judge of themselves
when they are read. What a Struct cannot say (references, narratives, resources inside) is said by a Mark: a class that
msgspec does not know, so that it hands the value to us. No is never final: it only means that resources.checks has to
look. What the checks refuse is never accepted here; a few valid things are left to them.
https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import orjson
from msgspec import UNSET, Meta, ValidationError, convert

from ..definitions import Definitions
from ..elements import Element, TypeRef
from ..references import target_type
from .bindings import MIME_TYPES, allowed_codes
from .invariants import invariants
from .narrative import fault as narrative_fault
from .narrative import is_plain
from .objects import NO_WORD, QUICKER, Choice, Object, Refused, Rule, defined, of_judge
from .primitives import HIGHEST, LONGEST_STRING, LOWEST, primitive

STRING = Annotated[str, Meta(min_length=1, max_length=LONGEST_STRING)]
MIME_TYPE = Annotated[str, Meta(pattern=r"(?a)\A[\w!#$&^.+\-]+/[\w!#$&^.+\-]+\Z", max_length=LONGEST_STRING)]
NO_SUCH_DAY = r"(?!....-(?:02-(?:29|3)|(?:0[469]|11)-31))"  # 29 February is left to the checks

WORDS = frozenset(("canonical", "code", "uri", "url"))  # types that any text without white space is of
NO_MARKS = frozenset(("boolean", "code", "date", "dateTime", "instant", "integer", "string", "time", *WORDS))

# Both begin with one certain byte, for which such a search is several times quicker than that for two with `in`.
_HOLLOW = re.compile(rb'\{(?:\}|"id":"[^"]*"\})')  # an empty object, or one of an id
_CONTROL = re.compile(rb"\\[ubf]")
_NARRATIVE = {"status", "div"}
_EXTENSION = (TypeRef("Extension"),)
_DECIMALS = (Decimal,)  # msgspec would also take a string for a Decimal if this one did not come as itself


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


def _judge_narrative(value: Any, reading: Reading) -> None:
    if type(value) is not str or not (is_plain(value) or narrative_fault(value) is None):
        raise Refused


LEFT = _mark(_leave_to_the_checks)
CONTAINED = _mark(lambda value, reading: reading.contained.append(value))
INSIDE = _mark(lambda value, reading: reading.inside.append(value))


class Structs:
    """The Structs of all types, each made on first use.

    extended: whether they have fields for what stands beside single primitives (`_birthDate`), and know references to
    what is contained. Both take longer, so there are some without.
    """

    def __init__(self, definitions: Definitions, *, extended: bool = False) -> None:
        self._definitions = definitions
        self._extended = self if extended else Structs(definitions, extended=True)
        self._resources: dict[str, Judge] = {}
        self._types: dict[Any, Any] = {}  # key → what msgspec is told
        self._in_the_making: set[Any] = set()

    def accepts(self, tree: dict[str, Any]) -> bool:
        """Whether the resource is certainly valid. tree: as decoded by resources.exact."""
        # Structs let empty objects and control characters through, but the written form shows them. It may seem to show
        # one where a backslash was sent, which only costs time. A narrative is written by itself: it is half of many a
        # resource, has no objects, and nearly all of the backslashes.
        narrative = tree.get("text")
        try:
            if type(narrative) is dict and narrative.keys() == _NARRATIVE and type(narrative["div"]) is str:
                if _CONTROL.search(orjson.dumps(narrative["div"])):
                    return False
                text = orjson.dumps(tree | {"text": narrative["status"]}, default=str)
            else:
                text = orjson.dumps(tree, default=str)
        except TypeError:  # half a surrogate pair, a whole number of more than 64 bits
            return False
        if _HOLLOW.search(text) or (b"\\" in text and _CONTROL.search(text)):
            return False
        structs = self._extended if b"_" in text and b'"_' in text else self
        try:
            waiting = [tree]
            while waiting:
                waiting += structs._read(waiting.pop())
        except (ValidationError, Refused):
            return False
        return True

    def _read(self, tree: Any) -> list[Any]:
        """Reads a resource and those it contains; returns the resources inside it that stand for themselves."""
        reading = Reading()
        structs = self._extended if type(tree) is dict and "contained" in tree else self
        structs._resource(tree, reading)
        for contained in tuple(reading.contained):
            structs._resource(contained, reading)
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
            if key in self._in_the_making or (self._rules(path, profiles) and self._is_ruled_inside(path)):
                self._types[key] = _mark(self._judge(path, profiles, targets))
            else:
                self._in_the_making.add(key)
                self._types[key] = self._struct(path, targets, self._rules(path, profiles))
                self._in_the_making.discard(key)
        return self._types[key]

    def _judge(self, path: str, profiles: tuple[str, ...] = (), targets: tuple[str, ...] = ()) -> Judge:
        rules = self._rules(path, profiles)
        of_the_tree, of_the_struct = (rules, rules[:0]) if self._is_ruled_inside(path) else (rules[:0], rules)
        struct: Any = None

        def judge(value: Any, reading: Reading) -> None:
            nonlocal struct
            struct = struct or self._struct(path, targets, of_the_struct)
            convert(value, struct, dec_hook=reading.hand_over, builtin_types=_DECIMALS)
            for holds in of_the_tree:
                if not holds(value):
                    raise Refused

        return judge

    def _rules(self, path: str, profiles: tuple[str, ...]) -> list[Rule]:
        is_quick = self._extended is not self and not self._is_ruled_inside(path)
        quicker = QUICKER if is_quick else {}
        return [
            quicker.get(key, holds) for key, _, holds, _ in invariants(self._definitions.structures, path, profiles)
        ]

    def _is_ruled_inside(self, path: str) -> bool:
        """Whether children have invariants of their own. Structs have Marks for them, of which no rule can ask more.

        Nor for extensions, but no rule looks into one.
        """
        structures = self._definitions.structures
        children = structures[path.partition(".")[0]].children.get(path, ())
        return any(invariants(structures, one.path) for one in children if one.types[:1] != _EXTENSION)

    def _judge_extension(self) -> Judge:
        """One Struct for all that an extension can hold would be the largest of all: each content has its own.

        Besides its url there is exactly one thing, which is what ext-1 asks for.
        """
        _, extension, url, value = self._definitions.structures["Extension"].children["Extension"]
        parts = {one.json_name(kind): (one, kind) for one in (extension, value) for kind in one.types}
        structs: dict[str, tuple[type[Object], bool]] = {}

        def judge(given: Any, reading: Reading) -> None:
            if type(given) is not dict:
                raise Refused
            for content in given:
                if content in structs:
                    break
            else:
                content = next((name for name in given if name in parts), "")
                if not content:
                    raise Refused
                one, kind = parts[content]
                fields = ("id", STRING, UNSET), ("url", STRING), (content, _repeated(one, self._type(one, kind)))
                is_text = kind.code in NO_MARKS
                words = {"url": self._fits(url)}
                structs[content] = defined(f"Extension_{content}", fields, words), is_text
            struct, is_text = structs[content]
            if is_text:
                convert(given, struct)  # without the rest it takes half the time
            else:
                convert(given, struct, dec_hook=reading.hand_over, builtin_types=_DECIMALS)

        return judge

    def _choices(self, path: str) -> list[Choice]:
        """The names of each choice among the children, and how many of them there must be at least."""
        children = self._definitions.structures[path.partition(".")[0]].children[path]
        return [(tuple(map(child.json_name, child.types)), child.minimum) for child in children if child.choice]

    def _struct(self, path: str, targets: tuple[str, ...], rules: list[Rule]) -> type[Object]:
        structure = self._definitions.structures[path.partition(".")[0]]
        fields: list[Any] = [("resourceType", str)] if structure.kind == "resource" and path == structure.name else []
        words = {child.name: self._fits(child) for child in structure.children[path] if self._is_word(child)}
        for element in structure.children[path]:
            absent = NO_WORD if element.name in words else UNSET
            for name, kind in self._children(element, targets):
                required = element.minimum and not element.choice
                fields.append((name, _repeated(element, kind), *(() if required else (absent,))))
            if self._extended is self and self._may_be_extended(element):
                fields.append(("_" + element.name, self._objects("Element"), UNSET))
        name = path.replace(".", "_")
        if path == "Reference" and self._extended is not self:
            return of_judge(name, fields, self._pointing_outside(targets))
        return defined(name, fields, words, self._choices(path), rules)

    def _fits(self, element: Element) -> Callable[[str], object]:
        return re.compile(self._definitions.structures[element.types[0].code].pattern or "", re.ASCII).fullmatch

    def _is_word(self, element: Element) -> bool:
        """Whether its text may be anything without white space."""
        if element.many or len(element.types) != 1 or element.binding or element.choice:
            return False
        return element.types[0].code in WORDS and not invariants(self._definitions.structures, element.path)

    def _may_be_extended(self, element: Element) -> bool:
        if element.many or element.choice or element.name == "id" or len(element.types) != 1:
            return False
        code = element.types[0].code
        return code != "xhtml" and self._definitions.structures[code].kind == "primitive-type"

    def _children(self, element: Element, targets: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        if element.content:
            yield element.name, self._objects(element.content)
        elif element.path == "Reference.reference":
            yield element.name, self._literal(targets) if self._extended is self else STRING
        elif element.path == "Reference.type":
            yield element.name, LEFT  # has to agree with the reference beside it
        elif self._is_word(element):
            yield element.name, STRING
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

    def _coded(self, value_set: str) -> type[Object]:
        """A CodeableConcept whose value set is required."""
        key = ("CodeableConcept", value_set)
        if key not in self._types:
            systems = self._definitions.codes(value_set) or {}

            def is_coded(concept: Any) -> bool:
                codings = () if concept.coding is UNSET else concept.coding
                return any(one.code in systems.get(one.system, ()) for one in codings)

            self._types[key] = self._struct("CodeableConcept", (), [is_coded])
        struct: type[Object] = self._types[key]
        return struct

    # primitives

    def _primitive(self, element: Element, code: str) -> Any:
        rules = self._rules(element.path, ())
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
        if code == "xhtml":
            return _mark(_judge_narrative)
        if code == "base64Binary":
            return self._ruled(code, [])
        official = (self._definitions.structures[code].pattern or "").replace("(", "(?:")  # groups take time
        day = NO_SUCH_DAY if code in ("date", "dateTime", "instant") else ""
        return Annotated[str, Meta(pattern=rf"(?a)\A{day}(?:{official})\Z", min_length=1, max_length=LONGEST_STRING)]

    def _ruled(self, code: str, rules: list[Rule]) -> type[Mark]:
        fault = primitive(code, self._definitions.structures[code].pattern)

        def judge(value: Any, reading: Reading) -> None:
            if fault(value) or not all(holds(value) for holds in rules):
                raise Refused

        return _mark(judge)

    def _pointing_outside(self, targets: tuple[str, ...]) -> Callable[[Any], None]:
        """The judge of References that may point to these types (() means any), but not to what is contained."""
        named = self._named

        def judge(self: Any) -> None:
            text = self.reference
            if text is UNSET:
                return
            if text[0] == "#":
                raise Refused
            if targets:
                kind, _, rest = text.partition("/")
                if (kind not in targets or "/" in rest) and named(text) not in (None, *targets):
                    raise Refused

        return judge

    def _literal(self, targets: tuple[str, ...]) -> type[Mark]:
        """The text of a reference that may point to what is contained."""

        def judge(value: Any, reading: Reading) -> None:
            if type(value) is not str or not 0 < len(value) <= LONGEST_STRING:
                raise Refused
            if value[0] == "#":
                reading.local.append((value, targets))
            elif targets and self._named(value) not in (None, *targets):
                raise Refused

        return _mark(judge)

    def _named(self, reference: str) -> str | None:
        return target_type(reference, self._definitions.is_resource_type)


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
